"""Commands of `daric` one after the other, as one person with a device types them, against real services."""

import json

import coincurve
import pytest
from daric_host.cli import app
from daric_host.hdkey import ACCOUNT
from daric_protocol.errors import DaricError
from daric_sim.device import REFUSE, SimDevice
from eth_account import Account
from eth_account.messages import encode_defunct
from flows.test_import_and_export import PHRASE, ordinary
from typer.testing import CliRunner


class Person:
    """Runs commands for one directory; every answer is yes, phrases and passphrases are typed."""

    def __init__(self, home, house):
        self.home = home
        services = ["--service", house.url, "--key", house.key.hex()]
        cloud = ["--cloud", house.cloud_url, "--cloud-identity", house.cloud_identity.hex()]
        assert CliRunner().invoke(app, ["connect", *services, *cloud, "--home", str(home)]).exit_code == 0

    def lines(self, *arguments, typed=""):
        done = CliRunner().invoke(app, [*arguments, "--home", str(self.home), "--json"], input=typed)
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def run(self, *arguments, typed=""):
        """What a command prints; it must succeed."""
        code, lines = self.lines(*arguments, typed=typed)
        assert code == 0, lines[-1]
        return lines[-1]

    def refused(self, *arguments, typed=""):
        """The name of the error that it ends with."""
        code, lines = self.lines(*arguments, typed=typed)
        assert lines[-1]["kind"] == "error" and code == DaricError(lines[-1]["error"]).number
        return lines[-1]["error"]


@pytest.fixture
def person(house, tmp_path):
    return Person(tmp_path / "person", house)


def of_kind(shown, kind):
    return next(str(member["index"]) for member in shown["members"] if member["kind"] == kind)


def test_a_phrase_is_imported_used_and_exported(person, device):
    port = ["--device", device.path, "--yes"]
    assert person.run("pair", "new", device.path, "--yes")["device"]
    group = person.run("wallet", "import", "Old", "--passphrase", *port, typed=f"{PHRASE}\nword\n")
    theirs = ordinary("word")
    assert (group["usual_address"], group["path"], group["exposed"]) == (theirs.address, ACCOUNT, False)
    assert person.run("wallet", "address", group["group"], "--path", "0/0")["address"] == theirs.address
    both = of_kind(group, "phone") + "," + of_kind(group, "device")
    sign = ["sign", "message", group["group"], "hi", "--signers", both]
    made = person.run(*sign, "--path", "0/0", *port)["signature"]
    assert Account.recover_message(encode_defunct(b"hi"), signature=made) == theirs.address
    assert person.refused(*sign, "--path", "44'/0", *port) == "parameter"
    give = ["export", group["group"], "--purpose", "moving", "--signers", both]
    assert person.refused("export", group["group"], "--purpose", "x", "--signers", "1,2,3", *port) == "parameter"
    assert person.run(*give, *port)["phrase"] == "key only", "without its passphrase the phrase is another key's"
    given = person.run(*give, "--passphrase", "--account", "0/0", *port, typed="word\n")
    assert (given["phrase"], given["account_key"]) == (PHRASE, "0x" + bytes(theirs.key).hex())
    assert person.run(*give, "--to-device", *port)["exported"].startswith("to the device")
    assert person.run("wallet", "show", group["group"])["exposed"]


@pytest.mark.slow
def test_the_cloud_leaves_a_member_comes_and_a_master_rules(person, device, tmp_path):
    port = ["--device", device.path, "--yes"]
    person.run("pair", "new", device.path, "--yes")
    group = person.run("wallet", "create", "Ours", "--master", device.path, *port)
    name = group["group"]
    assert str(group["master"]) == of_kind(group, "device")
    assert person.refused("wallet", "refresh", name, *port) == "master"
    assert person.run("wallet", "master", name, "0", *port)["master"] == 0
    assert person.refused("member", "remove", name, "9", *port) == "member"
    assert person.refused("member", "add", name, *port) == "parameter", "nobody new is named"
    assert person.refused("member", "add", name, "--new-device", device.path, *port) == "member"
    helpers = of_kind(group, "phone") + "," + of_kind(group, "cloud")
    with SimDevice(tmp_path / "spare", runtime="cpython") as spare:
        person.run("pair", "new", spare.path, "--yes")
        add = ["member", "add-only", name, "--helpers", helpers, "--new-device"]
        assert person.refused(*add, device.path, "--yes") == "member"
        added = person.run(*add, spare.path, *port)
        assert (added["added"], added["paired"], added["pair_before_signing"]) == (4, [1, 2, 3], [])
        assert added["epoch"] == group["epoch"]
        after = person.run("cloud-shard", "delete", name, "--device", spare.path, *port)
        assert bytes.fromhex(after["receipt"]) and after["cloud_erased"] and len(after["members"]) == 3
        made = person.run("sign", "message", name, "hi", "--signers", f"4,{of_kind(group, 'device')}",
                          "--device", spare.path, *port)["signature"]  # fmt: skip
        assert Account.recover_message(encode_defunct(b"hi"), signature=made) == group["address"]
        left = [of_kind(after, "phone"), "4", "-t", "3"]
        assert person.refused("member", "remove", name, *left, "--device", spare.path, *port) == "threshold"


def test_a_devices_hosts_and_wishes(person, device, house, tmp_path):
    port = ["--device", device.path]
    assert person.refused("pair", "list", *port) == "unpaired"
    assert person.run("info", device.path)["hosts"] == 0
    identity = person.run("pair", "new", device.path, "--yes")["device"]
    group = person.run("wallet", "create", "Ours", *port, "--yes")
    about = person.run("info", device.path)
    assert {"keys", "floor", "lock"} == set(about["wear"])
    assert Person(tmp_path / "stranger", house).refused("info", device.path) == "unpaired"
    assert [about["identity"], about["arithmetic"], about["groups"]] == [identity, "libsecp256k1", 1]
    assert identity in person.run("pair", "list")
    hosts = person.run("pair", "list", *port)
    assert any("this phone" in str(line) for line in hosts.values())
    assert person.refused("pair", "log") == "parameter"
    log = person.run("pair", "log", *port)
    assert [log["count"], log["gone"], log["device"]] == [1, 0, identity]
    assert log["arithmetic"] == about["arithmetic"]
    [made] = log["sessions"]
    assert [made["process"], made["outcome"], made["group"]] == ["create", "done", group["group"]]
    assert len(made["peers"]) == len(group["members"]) - 1 and identity not in made["peers"]
    assert person.run("pair", "renew", *port, "--yes")[identity]
    both = [of_kind(group, "phone"), of_kind(group, "device")]
    assert person.run("pair", "renew", group["group"], *both, *port, "--yes")["renewed"] == " and ".join(both)
    assert person.refused("session", "wanted", "--yes") == "parameter"
    assert person.refused("session", "wanted", "--wait", "0", *port, "--yes") == "timeout"
    device.choose("refresh")
    assert person.run("session", "wanted", *port, "--yes")["done"] == "refresh"
    assert person.run("wallet", "show", group["group"])["epoch"] == group["epoch"] + 1
    stranger = coincurve.PrivateKey(bytes(31) + b"\x07").public_key.format().hex()
    assert person.refused("pair", "revoke", stranger) == "unpaired"
    assert person.refused("pair", "revoke", stranger, *port) == "unpaired"
    device.answer = REFUSE
    assert person.run("pair", "revoke", identity, *port)["revoked"] == identity, "a host may always leave"
    assert person.refused("pair", "list", *port) == "unpaired"
    assert person.run("info", device.path)["hosts"] == 0
    assert person.refused("info", device.path + "0") == "link"


def test_a_device_forgets_every_host_or_ends_its_program_on_its_owners_word(person, device):
    port = ["--device", device.path]
    identity = person.run("pair", "new", device.path, "--yes")["device"]
    assert person.refused("pair", "revoke", identity, "--all", *port) == "parameter"
    assert person.refused("pair", "revoke", "--all") == "parameter"
    assert person.refused("pair", "maintenance") == "parameter"
    device.answer = REFUSE
    assert person.refused("pair", "revoke", "--all", *port) == "refused"
    assert person.refused("pair", "maintenance", *port) == "refused"
    device.answer = "approve"
    assert person.run("pair", "revoke", "--all", *port)["revoked"] == "all"
    assert person.refused("pair", "list", *port) == "unpaired"
    assert person.run("pair", "new", device.path, "--yes")["device"] == identity
    assert person.run("pair", "maintenance", *port)["maintenance"] == identity
    device.wait_for_screen("Maintenance\nRestart")
