"""Who of a wallet can take part now, and the choice of exactly as many as must; from the SDK and the command line."""

import asyncio
import json
import sys

import pytest
from daric_host.parties import select, selected
from daric_protocol.errors import DaricError, row
from daric_protocol.group import pair_name
from daric_sim.house import CLOUD, SERVICE
from flows.conftest import indexes, open_wallet
from flows.test_wallet_stories import recovers


def refused(function, *arguments):
    with pytest.raises(DaricError) as error:
        function(*arguments)
    return error.value.name


async def test_the_list_says_who_can_be_used_now(tell, house):
    async with tell() as story:
        group = await story.create()
        found = await story.wallet.parties(group.id, house.cloud_url)
        assert [(one.index, one.identity) for one in found] == [(m.index, m.identity) for m in group.members]
        assert {(one.kind, one.usable, one.note) for one in found} == {
            ("phone", True, ""), ("device", True, ""), ("cloud", True, "")
        }  # fmt: skip
        assert all(one.name and one.last_seen for one in found)


async def test_the_list_says_why_one_cannot_be_used(tell, house):
    async with tell() as story:
        group = await story.create()
        house.kill(CLOUD)
        unasked = {one.kind: one for one in await story.wallet.parties(group.id)}
        assert unasked["cloud"].note == "the cloud party was not asked"
        story.device.kill()
        found = {one.kind: one for one in await story.wallet.parties(group.id, house.cloud_url)}
        assert found["cloud"].note == "the cloud party does not answer"
        assert found["device"].note.startswith("the device does not answer")
        assert [one.usable for one in found.values()].count(True) == 1
        house.start()


async def test_a_member_that_failed_a_check_is_not_usable_and_not_chosen_until_a_new_set_up(tell, house):
    async with tell() as story:
        group = await story.create()
        (device,) = indexes(group, "device")
        custody = story.wallet.party.custody
        custody.store.erase(pair_name(group.id, custody.group(group.id).epoch, device))
        both = indexes(group, "phone", "device")
        assert story.wallet.select(group.id, both) == both, "one that never was is made before they sign"
        identity = next(member.identity for member in group.members if member.index == device)
        custody.ban_pair(group.id, device, identity, bytes(32), False)
        found = {one.kind: one for one in await story.wallet.parties(group.id, house.cloud_url)}
        assert not found["device"].usable and "pair set-up" in found["device"].note
        assert refused(story.wallet.select, group.id, both) == "banned"
        assert story.wallet.select(group.id, indexes(group, "cloud", "device")), "those two can"


async def test_exactly_the_thresholds_number_of_members_is_chosen(tell):
    async with tell() as story:
        group = await story.create()
        custody = story.wallet.party.custody
        assert refused(selected, custody, group.id) == "parameter"
        for too_few_or_many in ([], [1], [1, 2, 3], [1, 1], [1, 1, 2]):
            assert refused(select, custody, group.id, too_few_or_many) == "parameter"
        for strange in ([1, 4], [0, 1], [-1, 1], [1, 256]):
            assert refused(select, custody, group.id, strange) == "member"
        assert refused(select, custody, bytes(16), [1, 2]) == "group"
        assert refused(selected, custody, group.id) == "parameter", "a refused choice is not remembered"
        assert story.wallet.select(group.id, [3, 1]) == [1, 3] == selected(custody, group.id)


async def test_a_choice_of_an_earlier_epoch_is_made_again(tell):
    from daric_protocol import platform

    async with tell() as story:
        group = await story.create()
        custody = story.wallet.party.custody
        story.wallet.select(group.id, [1, 2])
        for stale in ([group.epoch + 1, [1, 2]], [], [1, 2, 3]):
            custody.store.write("selection/" + group.id.hex(), platform.cbor_encode(stale))
            assert refused(selected, custody, group.id) == "parameter"


# From the command line


class Command:
    """One `daric` process that speaks JSON."""

    def __init__(self, home, *arguments):
        self.home, self.arguments = home, arguments
        self.lines = []

    async def __aenter__(self):
        command = [sys.executable, "-m", "daric_host.cli", *self.arguments, "--home", str(self.home), "--json"]
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, limit=1 << 20)
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def until(self, kind, event=None):
        while line := await self.process.stdout.readline():
            found = json.loads(line)
            if found["kind"] == kind and (event is None or found["event"] == event):
                return found
        raise AssertionError(f"{self.arguments} ended: {await self.process.stderr.read()}")


async def daric(home, *arguments):
    async with Command(home, *arguments) as command:
        return await command.until("result")


async def failing(home, *arguments):
    async with Command(home, *arguments) as command:
        error = await command.until("error")
        assert await command.process.wait() == row(error["error"])[0]
        return error["error"]


def connected(house, *homes):
    for home in homes:
        home.mkdir(exist_ok=True)
        stored = {"url": house.url, "key": house.key.hex(), "cloud": "", "cloud_identity": ""}
        (home / "service.json").write_text(json.dumps(stored))
    return homes


async def test_two_phones_make_a_wallet_and_sign_from_the_command_line_and_offline(house, tmp_path):
    first, second = connected(house, tmp_path / "first", tmp_path / "second")
    invitation = (await daric(first, "account", "invite"))["invitation"]
    create = ["wallet", "create", "Both", "--others", "1", "--no-cloud", "--yes"]
    async with Command(first, *create) as command:
        shown = await command.until("event", "session")
        assert shown["uri"].startswith("daric:join?session=" + shown["session"])
        assert (await daric(first.parent / "second", "join", shown["uri"], "--yes", "--invitation", invitation))["done"]
        group = (await command.until("result"))["group"]
    listed = await daric(first, "party", "list", group)
    assert all(listed[index].endswith("usable") for index in ("1", "2"))
    assert (await daric(first, "party", "select", group, "1,2"))["selected"] == "1,2"
    assert (await daric(second, "wallet", "address", group)) == (await daric(first, "wallet", "address", group))
    assert (await daric(first, "wallet", "address", group, "--kind", "simple-0.7", "--salt", "1"))["address"]
    house.kill(SERVICE)
    try:
        place = f"unix:{tmp_path / 'meet'}"
        async with Command(first, "--listen", place, "sign", "message", group, "hi", "--yes") as command:
            shown = await command.until("event", "session")
            theirs = await daric(second, "join", shown["uri"], "--at", place, "--yes")
            assert (await command.until("result"))["signature"][2:130] == theirs["signature"][:128]
    finally:
        house.start()


async def test_sessions_are_listed_shown_and_cancelled(tell, house, tmp_path):
    (home,) = connected(house, tmp_path / "first")
    async with Command(home, "wallet", "create", "Never", "--others", "1", "--no-cloud", "--yes") as command:
        session = (await command.until("event", "session"))["session"]
        assert (await command.until("event", "participants"))["needed"] == 2
        (stranger,) = connected(house, tmp_path / "stranger")
        png = tmp_path / "session.png"
        found = await daric(stranger, "session", "show", session, "--png", str(png))
        assert (found["state"], found["joined"], found["session"]) == ("open", "1 of 2", session)
        assert found["link"].startswith("daric:join?") and png.read_bytes().startswith(b"\x89PNG")
        assert await failing(stranger, "session", "cancel", session) == "unauthorised"
        assert await failing(stranger, "session", "show", "nonsense") == "encoding"
        other = found["link"].replace("127.0.0.1", "127.0.0.2")
        assert await failing(stranger, "join", other) == "relay"
        assert list(await daric(stranger, "session", "list"))[1:] == []
        command.process.kill()
        await command.process.wait()
    assert (await daric(home, "session", "list"))[session] == "open"
    assert (await daric(home, "session", "cancel", session))["cancelled"] == session
    assert session not in await daric(home, "session", "list")
    assert await failing(stranger, "join", session) in ("session", "unknown_session", "unauthorised")


async def test_bad_arguments_end_with_the_exit_code_of_their_error(house, tmp_path):
    (home,) = connected(house, tmp_path / "first")
    group = "00" * 16
    assert await failing(home, "party", "select", group, "1,2") == "group"
    assert await failing(home, "party", "select", group, "a,b") == "parameter"
    assert await failing(home, "wallet", "address", group) == "group"
    assert await failing(home, "pair", "revoke", "02" * 33) in ("unpaired", "parameter")
    assert await failing(home, "pair", "revoke", "zz") == "parameter"
    assert await failing(home, "join", "00" * 16) == "encoding"
    assert await failing(home, "--listen", "nowhere", "sign", "message", group, "hi", "--signers", "1,2") == "parameter"


async def test_a_revoked_pairing_is_forgotten(tell, house, tmp_path):
    async with tell() as story:
        path, identity = story.device.path, story.identity
    (home,) = connected(house, tmp_path / "phone")
    assert (await daric(home, "pair", "revoke", identity.hex()))["revoked"] == identity.hex()
    assert await failing(home, "pair", "revoke", identity.hex()) == "unpaired"
    async with await open_wallet(home, house) as wallet:
        with pytest.raises(DaricError) as unpaired:
            await wallet.connect(path)
        assert unpaired.value.name == "unpaired"


async def test_a_group_signs_with_those_who_were_selected(tell):
    async with tell() as story:
        group = await story.create()
        chosen = story.wallet.select(group.id, indexes(group, "cloud", "device"))
        assert chosen == indexes(group, "cloud", "device")
        assert recovers(group, await story.sign(group, "cloud", "device", text="chosen"), "chosen")
