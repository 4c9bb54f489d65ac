"""docs/sdk.md names calls, values, requests and errors as they are, and its program runs."""

import asyncio
import contextlib
import dataclasses
import importlib
import inspect
import re
import subprocess
import sys

import pytest
from daric import sessions as device_sessions
from daric_host.backups import BackupInfo, Backups, Recovered
from daric_host.cli import app
from daric_host.device import DeviceLink
from daric_host.groups import GroupInfo
from daric_host.joinlink import JoinLink
from daric_host.node import Node
from daric_host.offline import OfflineWallet
from daric_host.ownkey import ExportedKey
from daric_host.paired import PairedDevice
from daric_host.parties import PartyState
from daric_host.proposing import Proposing
from daric_host.relay import RelayClient
from daric_host.seats import Review
from daric_host.services import cloud
from daric_host.wallet import Event, Proposal, Service, Wallet
from daric_protocol.errors import ERRORS
from daric_protocol.evm.request import MESSAGE, Request
from daric_protocol.limits import LINK_PIECE_BYTES
from daric_protocol.roster import Member
from daric_protocol.rounds.sign import Signature
from daric_sim.device import SimDevice
from eth_account import Account
from flows.safety import scene
from typer.main import get_command

from tests.docs import pages
from tests.host.test_node import MODERN, Chain

TEXT = pages.read("docs/sdk.md")
PROGRAM, SHARING, OFFLINE, PROCESSES, BACKING = pages.blocks(TEXT, "python")
CLASSES = {
    "Wallet": Wallet, "DeviceLink": DeviceLink, "RelayClient": RelayClient, "Node": Node,
    "OfflineWallet": OfflineWallet, "Backups": Backups,
}  # fmt: skip
VALUES = [
    Service, Event, Proposal, Review, JoinLink, PartyState, GroupInfo, ExportedKey, Member, Signature, PairedDevice,
    BackupInfo, Recovered,
]  # fmt: skip
CALLS = re.findall(r"^\| `(\w+)\.(\w+)\(([\w, ]*)\)` \|", TEXT, re.MULTILINE)
REQUESTS = {row[0].strip("`"): row[1] for row in pages.rows(TEXT, "request")}


def parameters(call):
    return [name for name in inspect.signature(call).parameters if name not in ("self", "cls")]


@pytest.mark.parametrize(("owner", "method", "listed"), CALLS)
def test_a_call_takes_the_parameters_that_the_page_lists(owner, method, listed):
    assert [name for name in listed.split(", ") if name] == parameters(getattr(CLASSES[owner], method))


@pytest.mark.parametrize("owner", CLASSES)
def test_every_public_call_is_on_the_page(owner):
    listed = {method for name, method, _ in CALLS if name == owner}
    one = CLASSES[owner]
    bases = [other for other in CLASSES.values() if other is not one and issubclass(one, other)]  # listed as their own
    inherited = {part for base in bases for part in base.__mro__}
    own = {name: value for part in one.__mro__ if part not in inherited for name, value in vars(part).items()}
    public = {
        name for name, value in own.items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod))
    }  # fmt: skip
    assert listed == public


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_the_fields_of_a_value_are_those_on_the_page(value):
    row = next(row for row in pages.rows(TEXT, "type") if row[0] == f"`{value.__name__}`")
    listed = {name.partition("(")[0] for name in re.findall(r"`([^`]+)`", row[1])}
    fields = (
        {field.name for field in dataclasses.fields(value)}
        if dataclasses.is_dataclass(value)
        else set(parameters(value.__init__))
    )
    more = {name for name, member in vars(value).items() if isinstance(member, property) and name in listed}
    assert listed == fields | more | ({"account_address"} & set(vars(value)))


def test_the_error_table_is_the_one_of_the_code():
    table = [tuple(row) for row in pages.rows(TEXT, "number")]
    assert table == [(str(number), f"`{name}`", kind, text) for name, (number, kind, text) in ERRORS.items()]


def test_every_error_class_says_what_the_app_does():
    assert {row[0] for row in pages.rows(TEXT, "class")} == {kind for _, kind, _ in ERRORS.values()}


def test_every_request_of_the_link_client_is_on_the_page_and_no_other():
    source = "".join(inspect.getsource(part) for part in DeviceLink.__mro__[:-1])
    assert set(REQUESTS) == set(re.findall(r'_(?:call|asked)\("(\w+)"', source))


@pytest.mark.parametrize(("name", "count"), device_sessions.REQUESTS.items())
def test_a_session_request_has_as_many_parameters_as_the_device_takes(name, count):
    cell = REQUESTS["session_" + name]
    assert (0 if cell == "none" else len(cell.split("; "))) == count


def test_the_page_gives_the_size_of_a_piece():
    assert f"at most {LINK_PIECE_BYTES} bytes" in REQUESTS["session_deliver"].replace("; ", ", ")


def leaves(command, words="daric"):
    """Every command below a group, as it is typed."""
    below = getattr(command, "commands", None)
    return [words] if below is None else [one for name in below for one in leaves(below[name], f"{words} {name}")]


def test_every_command_is_on_the_page():
    assert sorted(row[0].strip("`") for row in pages.rows(TEXT, "command")) == sorted(leaves(get_command(app)))


def test_the_endpoints_of_the_cloud_party_are_on_the_page():
    app = cloud.build(None, "", b"", {})
    routes = {f"{method} {route.path}" for route in app.routes for method in route.methods - {"HEAD"}}
    assert {row[0].strip("`") for row in pages.rows(TEXT, "endpoint")} == routes


@pytest.mark.parametrize("name", re.findall(r"`(daric_(?:protocol|host)[\w.]+)[`(]", TEXT))
def test_a_module_or_function_named_on_the_page_exists(name):
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), last)


def run_program(house, home, answers):
    """The page's program as a process of its own, with a device that approves everything."""
    program = home / "program.py"
    program.write_text(PROGRAM)
    services = [house.url, house.key.hex(), house.cloud_url, house.cloud_identity.hex()]
    with SimDevice(home / "device", runtime="cpython") as device:
        command = [sys.executable, str(program), str(home / "phone"), *services, device.path]
        return subprocess.run(command, input=answers, capture_output=True, text=True, timeout=120, check=False)


def test_the_program_of_the_page_makes_a_wallet_and_signs(house, tmp_path):
    done = run_program(house, tmp_path, "yes\nyes\nyes\n")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^address 0x[0-9a-fA-F]{40} account 0x[0-9a-fA-F]{40}$", done.stdout, re.MULTILINE)
    assert re.search(r"^signature [0-9a-f]{130}$", done.stdout, re.MULTILINE)


def test_the_program_of_the_page_ends_with_the_error_when_the_person_refuses(house, tmp_path):
    done = run_program(house, tmp_path, "yes\nno\n")
    assert done.returncode == 1
    assert done.stderr.startswith("refused: ")


class Person:
    """Looks at a phone's screen: remembers the code and agrees."""

    def __init__(self):
        self.codes = []

    async def __call__(self, review):
        self.codes.append(review.code)
        return True


async def test_a_second_phone_joins_by_the_session_id(house, tmp_path):
    namespace = {}
    exec(compile(SHARING, "docs/sdk.md", "exec"), namespace)
    shared = asyncio.get_running_loop().create_future()

    async def share(session):
        shared.set_result(session)

    async def second(wallet):
        return await namespace["join_shared"](wallet, await shared)

    people = [Person(), Person()]
    async with contextlib.AsyncExitStack() as stack:
        wallets = [
            await stack.enter_async_context(
                await Wallet.open(tmp_path / name, Service(house.url, house.key), person, name=name)
            )
            for name, person in zip(("first", "second"), people, strict=True)
        ]
        groups = await asyncio.gather(namespace["start_shared"](wallets[0], share), second(wallets[1]))
    assert groups[0].address == groups[1].address
    assert people[0].codes == people[1].codes
    assert len(people[0].codes[0]) == 6


async def agree(_code):
    return True


async def test_the_offline_example_signs_with_phone_and_device_alone(house, tmp_path):
    namespace = {}
    exec(compile(OFFLINE, "docs/sdk.md", "exec"), namespace)
    service = Service(house.url, house.key)
    with SimDevice(tmp_path / "device", runtime="cpython") as device:
        async with await Wallet.open(tmp_path / "phone", service, Person()) as wallet:
            identity = (await wallet.pair(device.path, agree)).identity
            await wallet.connect(device.path)
            proposal = await wallet.propose_group("two", 2, 2)
            await wallet.invite(proposal, [identity])
            group = await wallet.run(proposal)
        async with await OfflineWallet.open(tmp_path / "phone", service, Person()) as wallet:
            signers = [member.index for member in group.members]
            signature = await namespace["sign_alone"](wallet, group, device.path, signers)
    assert 0 < signature.s


async def test_the_offline_example_joins_another_phone_nearby(house, tmp_path):
    nearby, service = examples(OFFLINE)["join_nearby"], Service(house.url, house.key)
    first, second = (tmp_path / name for name in ("first", "second"))
    async with await Wallet.open(first, service, Person()) as a, await Wallet.open(second, service, Person()) as b:
        proposal = await a.propose_group("two", 2, 2)
        mine, _ = await asyncio.gather(a.run(proposal), b.run(await b.join(proposal.uuid)))
    alone = OfflineWallet.open
    async with await alone(first, service, Person()) as a, await alone(second, service, Person()) as b:
        address = await a.serve(f"unix:{tmp_path / 'meet'}")
        request = Request(MESSAGE, b"nearby").encode()
        proposal = await a.propose_signature(mine.id, request, [member.index for member in mine.members])
        signed = await asyncio.gather(a.run(proposal), nearby(b, address, a.link(proposal).uri))
    assert signed[0].encode() == signed[1].encode()


def examples(block):
    """The functions of a block of the page."""
    namespace = {}
    exec(compile(block, "docs/sdk.md", "exec"), namespace)
    return namespace


PHRASE = "test " * 11 + "junk"
FIRST_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # what every wallet shows for it


@contextlib.asynccontextmanager
async def phone_with(house, tmp_path, *names):
    """A phone and the identities of devices that it has paired and connected."""
    async with contextlib.AsyncExitStack() as stack:
        devices = [stack.enter_context(SimDevice(tmp_path / name, runtime="cpython")) for name in names]
        service = Service(house.url, house.key, house.cloud_identity)
        wallet = await stack.enter_async_context(await Wallet.open(tmp_path / "phone", service, Person()))
        paired = [(await wallet.pair(device.path, agree)).identity for device in devices]
        for device in devices:
            await wallet.connect(device.path)
        yield wallet, *paired


def others(group, wallet):
    return [member.index for member in group.members if member.identity != wallet.identity]


async def test_the_examples_import_a_phrase_add_a_member_only_name_a_master_remove_and_export(house, tmp_path):
    run = examples(PROCESSES)
    async with phone_with(house, tmp_path, "one", "two") as (wallet, one, two):
        group = await run["import_phrase"](wallet, one, PHRASE)
        assert group.usual_address == FIRST_ADDRESS
        helpers = [member.index for member in group.members]
        group = await run["add_member_only"](wallet, group, helpers, [one, two])
        assert len(group.members) == 3 and group.epoch == 1
        group = await run["name_master"](wallet, group, group.me, [one, two])
        assert group.master == group.me
        last = next(member.index for member in group.members if member.identity == two)
        group = await run["remove_member"](wallet, group, last, [one], "")
        assert len(group.members) == 2
        key = await run["export"](wallet, group, sorted([group.me, *others(group, wallet)]), one)
        assert key.phrase() == PHRASE
        assert wallet.group(group.id).exposed


async def test_the_examples_add_a_member_choose_sign_refresh_and_delete_the_clouds_shard(house, tmp_path):
    run = examples(PROCESSES)
    async with phone_with(house, tmp_path, "device") as (wallet, device):
        proposal = await wallet.propose_group("two", 2, 2)
        await wallet.invite(proposal, [], house.cloud_url)
        group = await run["add_member"](wallet, await wallet.run(proposal), device, house.cloud_url)
        assert len(group.members) == 3
        signers = await run["choose"](wallet, group, house.cloud_url)
        signed = await run["sign_transfer"](wallet, group, signers, device, house.cloud_url)
        assert Account.recover_transaction(signed) == group.address
        after = await run["refresh"](wallet, group, device, house.cloud_url)
        assert (after.epoch, after.address) == (group.epoch + 1, group.address)
        receipt = await run["delete_cloud_shard"](wallet, after, device, house.cloud_url)
        assert receipt.encode() == wallet.cloud_receipt(group.id).encode()
        assert len(wallet.group(group.id).members) == 2


async def test_the_examples_back_a_device_up_and_bring_it_back(house, tmp_path):
    run, cloud = examples(BACKING), house.cloud_url
    async with scene(house, tmp_path) as story:
        group = await story.create(parties=3)
        assert (await run["back_up_at_phone_and_cloud"](story.first, group, cloud)).good
        await story.replace(connect=False)
        back = await run["bring_back_from_phone_and_cloud"](story.first, group, story.device.path, cloud)
        assert (back.bad, back.unpaired) == ((), ())
        holders = story.those("first", "cloud")
        assert sorted((await run["back_up"](story.first, group, holders, cloud)).holders) == sorted(holders)
        await story.replace(connect=False)
        back = await run["bring_back"](story.first, group, story.device.path, holders, cloud)
        assert back.group.address == group.address
        assert await story.signs("first", "device", text="back again")


async def test_the_example_sends_a_transaction_and_waits_for_its_receipt():
    async with Chain().url() as url:
        assert (await examples(PROCESSES)["send"](url, MODERN)).succeeded


def test_every_process_of_the_page_names_its_call_and_every_proposing_call_has_a_process():
    told = " ".join(row[1] for row in pages.rows(TEXT, "to do this"))
    named = set(re.findall(r"`(?:wallet\.)?(\w+)`", told)) - {"newcomers", "leaving"}
    assert all(hasattr(Wallet, name) or name == "backups" for name in named)
    of_backups = {"propose_backup", "propose_verify", "propose_recover", "propose_pair_setup"}
    assert {name for name in vars(Proposing) if name.startswith("propose_")} - of_backups <= named
