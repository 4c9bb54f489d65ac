"""Backups and recoveries with real processes: made, proved, used on a wiped device, refused where they must be."""

import json

import pytest
from daric_host.backups import RECORD, RENEW
from daric_host.cloud_client import CloudClient
from daric_protocol.errors import DaricError
from daric_sim.device import REFUSE, SimDevice
from flows.conftest import indexes
from flows.safety import Owner, scene
from flows.test_party_selection import daric, failing

from tests.docs import pages

EXAMPLES = pages.blocks(pages.read("docs/sdk.md"), "python")
WRONG = "AAAA-BBBB-CCCC-DDDD"


async def refused(name, waiting):
    with pytest.raises(DaricError) as error:
        await waiting
    assert error.value.name == name, error.value.detail
    return error.value.detail


async def test_a_wiped_device_comes_back_with_two_of_three_holders_and_a_second_time(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        made = await story.back_up()
        holders = sorted(story.those("first", "second", "cloud"))
        assert (made.good, made.threshold, list(made.holders)) == (True, 2, holders)
        lost = story.identity

        await story.replace()
        back = await story.recover("first", "cloud", patience=0.2)
        assert (back.index, back.bad, list(back.unpaired)) == (story.index["device"], (), story.those("second"))
        assert await story.signs("first", "device", text="with the phone")
        assert await story.signs("device", "cloud", text="with the cloud")
        members = {member.index: member.identity for member in story.first.group(story.group.id).members}
        assert members[story.index["device"]] == story.identity != lost

        await story.second.settle(story.group.id, house.cloud_url)  # it was away
        await story.replace()
        back = await story.recover("first", "second")
        assert sorted(back.paired) == holders
        assert await story.signs("device", "second", text="with the other phone")


@pytest.mark.slow
async def test_the_other_phone_and_the_cloud_bring_the_device_back_without_the_first(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        await story.back_up()
        await story.replace(story.second)
        story.follower.awake = False
        back = await story.recover("second", "cloud", wallet=story.second, patience=0.2)
        assert list(back.unpaired) == story.those("first")
        assert await story.signs("device", "second", wallet=story.second, text="without the first")


@pytest.mark.slow
async def test_a_phone_that_was_away_is_set_up_with_the_device_before_they_first_sign(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        await story.back_up()
        await story.replace()
        story.follower.awake = False
        back = await story.recover("first", "cloud", patience=0.2)
        assert list(back.unpaired) == story.those("second")
        story.follower.awake = True
        await story.second.settle(story.group.id, house.cloud_url)
        signers = sorted(story.those("device", "second"))
        await story.through(story.first.prepare(story.group.id, signers, house.cloud_url))
        assert await story.signs("device", "second")


@pytest.mark.slow
async def test_a_device_that_was_replaced_takes_part_in_nothing(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        await story.back_up("first", "cloud")
        lost, lost_identity = story.device, story.identity
        await story.replace()
        await story.recover("first", "cloud")
        lost.start()
        await story.first.connect(lost.path, lost_identity)
        proposal = await story.propose_signature("first", "device")
        await refused("unauthorised", story.first.invite_device(proposal, lost_identity))
        await story.first.abort(proposal)
        await refused("member", story.first.backups.recover(
            story.group.id, story.identity, members=story.those("first", "cloud"), cloud=house.cloud_url
        ))  # fmt: skip
        assert await story.signs("first", "device", text="the new one signs")


@pytest.mark.slow
async def test_a_bad_piece_is_named_and_the_good_ones_are_enough(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        await story.back_up()
        await story.replace()
        story.lie(story.second)
        detail = await refused("backup", story.recover("first", "second"))
        (number,) = story.those("second")
        assert f"number {number}" in detail
        back = await story.recover("first", "second", "cloud")
        assert back.bad == (number,)
        assert await story.signs("first", "device")


@pytest.mark.slow
async def test_five_wrong_codes_lock_the_clouds_piece_and_no_others(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        made = await story.back_up()
        await story.replace()
        story.owner.wrong = WRONG
        for _ in range(5):
            await refused("backup", story.recover("first", "cloud"))
        story.owner.wrong = ""
        assert "a day has to pass" in await refused("backup", story.recover("first", "cloud"))
        await refused("limit", story.recover("first", "cloud", session=False))
        (listed,) = await story.first.backups.list(story.group.id, house.cloud_url)
        assert (listed.id, listed.tries) == (made.id, 5) and listed.locked_until > made.made
        back = await story.recover("first", "second")
        assert back.bad == () and await story.signs("first", "device")


async def test_after_a_refresh_an_old_backup_is_refused_and_the_person_told_to_renew_it(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        old = await story.back_up("first", "cloud")
        await story.refresh()
        told = [event.data for event in story.events if event.kind == "backup"]
        assert [data["outdated"] for data in told] == [[old.id.hex()]]
        (listed,) = await story.first.backups.list(story.group.id, house.cloud_url)
        assert (listed.good, listed.note) == (False, RENEW)
        verifying = story.first.backups.verify(story.group.id, old.id, cloud=house.cloud_url)
        assert "new backup" in await refused("backup", verifying)
        new = await story.back_up("first", "cloud")
        (listed,) = [one for one in await story.first.backups.list(story.group.id) if one.id == new.id]
        assert listed.good
        await story.replace()
        recovering = story.recover("first", "cloud", backup_id=old.id)
        assert "no piece" in await refused("backup", recovering)  # this phone erased it when the new one was made
        assert (await story.recover("first", "cloud")).bad == ()
        assert await story.signs("first", "device")


async def test_phone_and_cloud_alone_back_a_device_up_and_bring_it_back_twice(house, tmp_path):
    example = {}
    exec(compile(next(one for one in EXAMPLES if "back_up_at_phone_and_cloud" in one), "docs/sdk.md", "exec"), example)
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        made = await example["back_up_at_phone_and_cloud"](story.first, story.group, house.cloud_url)
        (listed,) = await story.first.backups.list(story.group.id)
        assert listed.id == made.id and sorted(listed.holders) == sorted(story.those("first", "cloud"))
        for text in ("first time", "second time"):
            await story.replace(connect=False)
            back = await example["bring_back_from_phone_and_cloud"](
                story.first, story.group, story.device.path, house.cloud_url
            )
            assert (back.bad, list(back.unpaired)) == ((), [])
            assert await story.signs("first", "device", text=text)
            assert await story.signs("device", "cloud", text=text + " with the cloud")


@pytest.mark.slow
async def test_without_a_session_a_wrong_code_brings_nothing_back(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        await story.back_up(session=False)
        await story.replace()
        story.owner.wrong = WRONG
        assert "wrong" in await refused("backup", story.recover("first", "cloud", session=False))
        story.owner.wrong = ""
        await story.recover("first", "cloud", session=False)
        assert await story.signs("first", "device")


@pytest.mark.slow
async def test_holders_prove_a_backup_without_the_device(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        made = await story.back_up()
        await story.lose()
        everyone = sorted(story.those("first", "second", "cloud"))
        assert await story.verify(made.id) == everyone
        assert await story.verify(made.id, holders=story.those("first", "cloud")) == sorted(
            story.those("first", "cloud")
        )  # fmt: skip
        (path,) = (tmp_path / "second" / "user-cloud").rglob("backup-*")
        path.write_bytes(bytes(100))
        with pytest.raises(DaricError):
            await story.verify(made.id, holders=story.those("first", "second"))


@pytest.mark.slow
async def test_a_backup_that_is_refused_on_the_device_leaves_nothing_behind(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        story.device.answer = REFUSE
        for session in (True, False):
            await refused("refused", story.back_up("first", "cloud", session=session))
        assert list(await story.first.backups.list(story.group.id, house.cloud_url)) == []
        story.device.answer = story.owner
        assert (await story.back_up("first", "cloud")).good


@pytest.mark.slow
async def test_a_storage_that_cannot_be_written_ends_the_backup_and_says_so(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        (tmp_path / "file").touch()
        place, url = story.first.backups.storage, story.first.backups.storage.url
        place.url = str(tmp_path / "file")
        for session in (True, False):
            await refused("storage", story.back_up("first", "cloud", session=session))
        place.url = url
        assert (await story.back_up("first", "cloud")).good


async def test_a_lost_file_is_said_before_anybody_is_asked(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        await story.back_up("first", "cloud")
        for path in (tmp_path / "first" / "user-cloud").rglob("backup-*"):
            path.unlink()
        await story.replace()
        detail = await refused("storage", story.recover("first", "cloud"))
        assert "is gone" in detail
        shown = len(story.device.screens)
        await refused("storage", story.recover("first", "cloud", session=False))
        assert len(story.device.screens) == shown


@pytest.mark.slow
async def test_a_phone_whose_file_is_lost_carries_the_pieces_of_the_others(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create()
        await story.back_up()
        for path in (tmp_path / "first" / "user-cloud").rglob("backup-*"):
            path.unlink()
        await story.replace()
        back = await story.recover("first", "second", "cloud", patience=0.2)
        assert (back.index, back.bad) == (story.index["device"], ())
        assert await story.signs("first", "device")


@pytest.mark.slow
async def test_where_phone_and_cloud_alone_are_left_the_phone_keeps_the_clouds_sealed_shard(house, tmp_path):
    async with scene(house, tmp_path) as story:
        await story.create(parties=3)
        storage, cloud = story.first.backups.storage, CloudClient(house.cloud_url, story.first.relay)
        await story.refresh()
        assert storage.read(story.group.id, RECORD) is None, "the device is a member still"
        proposal = await story.first.propose_reshare(story.group.id, 2, leaving=story.those("device"))
        await story.first.invite(proposal, [story.identity], house.cloud_url)
        await story.first.run(proposal)
        first = storage.read(story.group.id, RECORD)
        assert first == await cloud.record(story.group.id)
        await story.refresh()
        assert storage.read(story.group.id, RECORD) == await cloud.record(story.group.id) != first


@pytest.mark.slow
@pytest.mark.parametrize("session", [True, False])
async def test_a_device_on_micropython_is_backed_up_lost_and_brought_back(house, tmp_path, session):
    async with scene(house, tmp_path, "micropython") as story:
        await story.create(parties=3)
        holders = ("first", "cloud")
        await story.back_up(*holders, session=session)
        assert await story.verify(b"", session=session) == sorted(story.those(*holders))
        await story.replace()
        back = await story.recover(*holders, session=session)
        assert (back.bad, list(back.unpaired)) == ((), [])
        for pair in (("first", "device"), ("device", "cloud")):
            assert await story.signs(*pair, text="signed by " + " and ".join(pair))


# From the command line, as processes of their own


def connected(house, home):
    stored = {"url": house.url, "key": house.key.hex(), "cloud": house.cloud_url, "storage": str(home / "my cloud")}
    (home / "service.json").write_text(json.dumps({**stored, "cloud_identity": house.cloud_identity.hex()}))
    return home


@pytest.mark.slow
async def test_a_person_backs_up_loses_the_device_and_brings_it_back_by_commands(tell, house, tmp_path):
    owner = Owner()
    async with tell() as story:
        group = await story.create()
        story.device.answer = owner
        path = story.device.path
    home, name = connected(house, tmp_path / "phone"), group.id.hex()
    made = await daric(home, "backup", "create", name, "--no-session", "--device", path, "--yes")
    assert (made["good"], made["threshold"], made["epoch"]) == (True, 2, 1)
    assert len(list((home / "my cloud").rglob("backup-*"))) == 1 and not (home / "user-cloud").exists()
    pieces = ",".join(str(index) for index in indexes(group, "phone", "cloud"))
    assert (await daric(home, "backup", "verify", name, "--no-session", "--yes"))["good"] == pieces
    (listed,) = (await daric(home, "backup", "list", name))["backups"]
    assert listed["backup"] == made["backup"] and listed["good"]
    assert await failing(home, "recover", name, "--no-session", "--device", path, "--yes") == "unpaired"
    story.device.kill()
    with SimDevice(tmp_path / "next", runtime="cpython", answer=owner) as device:
        await daric(home, "pair", "new", device.path, "--yes")
        back = await daric(home, "recover", name, "--no-session", "--device", device.path, "--yes")
        assert (back["address"], back["unpaired"], back["bad_pieces"]) == (group.address, [], [])
        signers = ",".join(str(index) for index in indexes(group, "phone", "device"))
        line = ("sign", "message", name, "back", "--signers", signers, "--device", device.path, "--yes")
        assert (await daric(home, *line))["signature"].startswith("0x")


async def test_bad_arguments_of_backups_end_with_the_exit_code_of_their_error(house, tmp_path):
    (tmp_path / "phone").mkdir()
    home, group = connected(house, tmp_path / "phone"), "00" * 16
    assert await failing(home, "backup", "list", group) == "group"
    assert await failing(home, "backup", "create", "nonsense") == "parameter"
    assert await failing(home, "backup", "verify", group, "--backup", "zz") in ("parameter", "group")
    assert await failing(home, "recover", group, "--members", "a,b") in ("parameter", "group")
