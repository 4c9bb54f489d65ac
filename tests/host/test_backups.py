"""What a phone does with backups: whom it asks, what it refuses before anything moves, what it says of them.

Device and cloud are stand-ins with real custody in this process; tests/flows/test_backup_stories.py has real ones.
"""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from daric_host.backups import RECORD, RENEW, Backups
from daric_host.groups import describe_group
from daric_host.keeper import read_sheet
from daric_host.receipts import CloudBackup
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.identity import Identity
from daric_protocol.roster import Member
from daric_protocol.rounds.backup import BackupSheet

from tests.session.network import drbg
from tests.session.parties import Wallet

PHONE, CLOUD, DEVICE, OTHER = 1, 2, 3, 4
CODE, URL = "MFRGGZDFMZTWQ2LK", "http://cloud"
NEW = Identity(987654321)


class Device:
    """A connected device: splits its share, or puts one together."""

    def __init__(self, custody, identity):
        self.custody, self.identity = custody, identity
        self.asked, self.restored = [], None

    async def backup_make(self, group, backup_id, threshold, holders, phone, cloud):
        self.asked.append((group, backup_id, threshold, holders, phone, cloud))
        sheet, pieces, others = backing.make_backup(
            self.custody, group, backup_id, dict(holders), threshold, phone, cloud, CODE, drbg(backup_id)
        )
        return SimpleNamespace(sheet=sheet, phone_piece=pieces[phone], others=others)

    async def recovery_request(self, sheet, uuid):
        self.asked.append(uuid)
        return b"m" * 32

    async def recovery_restore(self, sheet, pieces):
        self.restored, bad = backing.restore_shard(NEW, sheet, pieces)
        return bad


class Cloud:
    """The cloud party, as its client is asked; lies where a test says so."""

    def __init__(self, custody):
        self.custody, self.kept, self.rows = custody, {}, []
        self.number, self.spoil = CLOUD, False

    async def backup_keep(self, sheet, others):
        read = read_sheet(sheet)
        maker = self.custody.roster(read.group_id).member(read.index).identity
        sealed = backing.open_others(self.custody.identity, maker, sheet, others)
        self.kept[read.backup_id] = sheet, backing.accept_piece(
            self.custody, sheet, maker, CLOUD, sealed[CLOUD], True
        )[0]
        return self.number

    async def backup_proof(self, group, backup_id, challenge):
        sheet, piece = self.kept[backup_id]
        return self.number, backing.prove_piece(sheet, CLOUD, piece, challenge, drbg("proof"))

    async def recovery_piece(self, group, backup_id, uuid, identity, mac):
        sheet, piece = self.kept[backup_id]
        piece = bytes(31) + b"\x01" if self.spoil else piece
        return CLOUD, backing.release_piece(self.custody.identity, identity, sheet, CLOUD, piece, drbg("release"))

    async def backups(self, group):
        return self.rows

    async def record(self, group):
        return b"record of " + group


class Phone:
    """What Backups needs of a wallet; sessions are only noted."""

    def __init__(self, group, storage):
        self.party = SimpleNamespace(
            custody=group.parties[PHONE].custody,
            store=group.parties[PHONE].store,
            identity=group.parties[PHONE].custody.identity,
            entropy=SimpleNamespace(draw=drbg("phone")),
        )
        self.identity = self.party.identity.public
        self.service = SimpleNamespace(cloud=group.roster.member(CLOUD).identity)
        self.storage, self.home = storage, None
        self._links = {}
        self.relay = SimpleNamespace(new_session_id=self.new_session_id)
        self.proposed, self.result = [], []
        self.paired, self.asked_to_pair, self.failure = ([], []), None, None

    async def pair_up(self, *arguments):
        self.asked_to_pair = arguments
        return self.paired

    async def new_session_id(self):
        return b"u" * 16

    def connect(self, device):
        self._links[device.identity] = (device, None)
        return device

    def _link(self, identity):
        if identity not in self._links:
            raise DaricError("unpaired", "this device is not connected")
        return self._links[identity]

    def group(self, group_id):
        return describe_group(self.party.custody, group_id)

    def __getattr__(self, name):
        async def note(*arguments):
            if name.startswith("propose"):
                self.proposed.append((name, *arguments))
                return SimpleNamespace(terms=SimpleNamespace(group=arguments[0]))
            if name == "run" and self.failure is not None:
                raise self.failure
            return self.result if name == "run" else None

        if name.startswith("propose") or name in ("invite", "run", "settle"):
            return note
        raise AttributeError(name)


class Scene:
    def __init__(self, group, storage):
        self.group, self.id = group, group.group_id
        self.phone = Phone(group, storage)
        self.device = self.phone.connect(Device(group.parties[DEVICE].custody, group.roster.member(DEVICE).identity))
        self.cloud = Cloud(group.parties[CLOUD].custody)
        self.backups = Backups(self.phone)
        self.backups._at = lambda url: self.cloud

    async def make(self):
        return await self.backups.create(self.id, session=False, cloud=URL)

    def lost(self):
        """The device is gone and a wiped one connected in its place."""
        self.phone._links.clear()
        self.device = self.phone.connect(Device(None, NEW.public))


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 4, seed="safe")


@pytest.fixture
def scene(made, tmp_path):
    return Scene(made.copy(), "memory://" + tmp_path.name)


async def refused(name, waiting):
    with pytest.raises(DaricError) as error:
        await waiting
    assert error.value.name == name, error.value.detail
    return error.value.detail


def next_epoch(scene):
    """As if all shares had been renewed: the phone's shard says a later epoch."""
    custody = scene.phone.party.custody
    shard, group = custody.shard(scene.id), custody.group(scene.id)
    shard.epoch += 1
    custody.store.write(f"shard/{scene.id.hex()}/{shard.epoch}", shard.encode())
    group.epoch = shard.epoch
    group.save(custody.store)


# Without a session


async def test_phone_and_cloud_hold_a_backup_after_one_call(scene):
    info = await scene.make()
    assert (info.device, info.epoch, info.threshold, info.holders, info.good) == (DEVICE, 1, 2, (PHONE, CLOUD), True)
    assert list(scene.cloud.kept) == [info.id]
    assert await scene.backups.list(scene.id) == [info]


async def test_the_device_is_asked_for_phone_and_cloud_and_nobody_else(scene):
    await scene.make()
    _, _, threshold, holders, phone, cloud = scene.device.asked[0]
    people = [(PHONE, scene.phone.identity), (CLOUD, scene.phone.service.cloud)]
    assert (threshold, holders, phone, cloud) == (2, people, PHONE, CLOUD)


async def test_the_cloud_has_its_piece_before_the_phone_keeps_its_own(scene):
    scene.cloud.number = OTHER
    await refused("backup", scene.make())
    assert await scene.backups.list(scene.id) == []


@pytest.mark.parametrize("holders", [[PHONE, OTHER], [CLOUD, OTHER], [PHONE], [PHONE, CLOUD, OTHER], [9, 10]])
async def test_other_holders_than_phone_and_cloud_take_a_session(scene, holders):
    await refused("member", scene.backups.create(scene.id, holders, session=False, cloud=URL))
    assert scene.device.asked == []


@pytest.mark.parametrize("threshold", [0, 1, 3])
async def test_phone_and_cloud_are_both_needed(scene, threshold):
    await refused("threshold", scene.backups.create(scene.id, (), threshold, session=False, cloud=URL))
    assert scene.device.asked == []


async def test_a_wallet_without_the_cloud_has_no_backup_without_a_session(scene):
    scene.phone.service.cloud = b""
    await refused("member", scene.make())


async def test_without_the_clouds_address_nothing_is_asked(scene):
    del scene.backups._at
    await refused("parameter", scene.backups.create(scene.id, session=False))
    assert scene.device.asked == []


async def test_a_device_that_backs_up_something_else_is_refused(scene, monkeypatch):
    make = scene.device.backup_make

    async def other(group, backup_id, *more):
        return await make(group, bytes(16), *more)

    monkeypatch.setattr(scene.device, "backup_make", other)
    await refused("backup", scene.make())
    assert scene.cloud.kept == {} and await scene.backups.list(scene.id) == []


async def test_a_device_that_gives_the_phone_a_bad_piece_is_refused(scene, monkeypatch):
    make = scene.device.backup_make

    async def spoilt(*arguments):
        made = await make(*arguments)
        made.phone_piece = made.phone_piece[:-1] + bytes([made.phone_piece[-1] ^ 1])
        return made

    monkeypatch.setattr(scene.device, "backup_make", spoilt)
    await refused("backup", scene.make())
    assert scene.cloud.kept == {}


async def test_a_storage_that_cannot_be_written_is_said(made, tmp_path):
    (tmp_path / "file").write_text("")
    scene = Scene(made.copy(), str(tmp_path / "file"))
    await refused("storage", scene.make())


async def test_a_second_backup_stands_beside_the_first(scene):
    first, second = await scene.make(), await scene.make()
    assert {one.id for one in await scene.backups.list(scene.id)} == {first.id, second.id}
    assert await scene.backups.verify(scene.id, first.id, session=False, cloud=URL) == [PHONE, CLOUD]
    assert await scene.backups.verify(scene.id, second.id, session=False, cloud=URL) == [PHONE, CLOUD]


# Verifying


async def test_phone_and_cloud_prove_a_backup_good(scene):
    await scene.make()
    assert await scene.backups.verify(scene.id, session=False, cloud=URL) == [PHONE, CLOUD]


async def test_a_clouds_proof_under_another_number_is_none(scene):
    await scene.make()
    scene.cloud.number = OTHER
    assert "1 pieces are good" in await refused("backup", scene.backups.verify(scene.id, session=False, cloud=URL))


async def test_a_lost_file_is_found_by_verifying(scene):
    info = await scene.make()
    place = scene.backups.storage
    place._remove(f"{place._record(scene.id).folder}/{place.names(scene.id)[0]}")
    await refused("storage", scene.backups.verify(scene.id, info.id, session=False, cloud=URL))
    (listed,) = await scene.backups.list(scene.id)
    assert (listed.id, listed.device, listed.good) == (info.id, DEVICE, False) and "is gone" in listed.note


async def test_in_a_session_all_holders_are_asked_unless_some_are_named(scene):
    info = await scene.make()
    scene.phone.result = [CLOUD, PHONE]
    assert await scene.backups.verify(scene.id) == [PHONE, CLOUD]
    assert await scene.backups.verify(scene.id, holders=[CLOUD, PHONE]) == [PHONE, CLOUD]
    sheet = read_sheet(scene.cloud.kept[info.id][0])
    assert scene.phone.proposed == [("propose_verify", scene.id, info.id, sheet.hash(), [PHONE, CLOUD])] * 2
    scene.phone.result = [PHONE]
    await refused("backup", scene.backups.verify(scene.id))


async def test_what_this_phone_has_no_piece_of_is_not_verified(scene):
    await refused("backup", scene.backups.verify(scene.id, session=False, cloud=URL))
    await scene.make()
    await refused("backup", scene.backups.verify(scene.id, bytes(16), session=False, cloud=URL))
    await refused("group", _raising(scene, bytes(16)))


async def _raising(scene, group):
    return await scene.backups.verify(group)


# Listing


async def test_the_list_names_tries_and_backups_that_only_the_cloud_has(scene):
    info = await scene.make()
    holders = ((PHONE, b""), (CLOUD, b""))
    scene.cloud.rows = [
        CloudBackup(info.id, DEVICE, 1, 2, holders, 3, 0),
        CloudBackup(b"\x01" * 16, OTHER, 1, 2, holders, 0, 99),
        CloudBackup(b"\x02" * 16, OTHER, 0, 2, holders, 0, 0),
    ]
    listed = {one.id: one for one in await scene.backups.list(scene.id, URL)}
    assert (listed[info.id].tries, listed[info.id].good, listed[info.id].made) == (3, True, info.made)
    assert (listed[b"\x01" * 16].locked_until, listed[b"\x01" * 16].good, listed[b"\x01" * 16].made) == (99, True, 0)
    assert (listed[b"\x02" * 16].good, listed[b"\x02" * 16].note) == (False, RENEW)


async def test_after_a_new_epoch_a_backup_is_listed_as_outdated_and_the_wallet_told(scene):
    assert scene.backups.renewal(scene.id) is None
    info = await scene.make()
    assert scene.backups.renewal(scene.id) is None
    next_epoch(scene)
    (listed,) = await scene.backups.list(scene.id)
    assert (listed.good, listed.note) == (False, RENEW)
    event = scene.backups.renewal(scene.id)
    assert (event.kind, event.data["outdated"]) == ("backup", [info.id.hex()])


async def test_an_outdated_backup_neither_proves_nor_recovers_and_says_what_to_do(scene):
    info = await scene.make()
    next_epoch(scene)
    for waiting in (
        scene.backups.verify(scene.id, info.id, session=False, cloud=URL),
        scene.backups.verify(scene.id, session=False, cloud=URL),
    ):
        assert "Make a new backup" in await refused("backup", waiting)
    scene.lost()
    for session in (True, False):
        detail = await refused("backup", scene.backups.recover(scene.id, session=session, cloud=URL))
        assert "Make a new backup" in detail
    assert scene.phone.proposed == [] and scene.device.asked == []


async def test_a_new_backup_replaces_the_outdated_ones_of_the_same_device(scene):
    await scene.make()
    next_epoch(scene)
    custody = scene.group.parties[DEVICE].custody
    for party in (CLOUD, DEVICE):
        custody = scene.group.parties[party].custody
        shard, group = custody.shard(scene.id), custody.group(scene.id)
        shard.epoch += 1
        custody.store.write(f"shard/{scene.id.hex()}/{shard.epoch}", shard.encode())
        group.epoch = shard.epoch
        group.save(custody.store)
    again = await scene.make()
    assert [one.id for one in await scene.backups.list(scene.id)] == [again.id]
    assert scene.backups.renewal(scene.id) is None


# In a session


async def test_a_session_has_the_phone_carry_and_the_cloud_unattended(scene):
    sheet = BackupSheet(b"i" * 16, scene.id, scene.group.pk, DEVICE, 1, 2, [], [], b"").encode()
    scene.phone.result = sheet
    for holders, carrier, unattended in (
        ([OTHER, CLOUD, PHONE], PHONE, CLOUD), ([PHONE, OTHER], PHONE, 0), ([CLOUD, OTHER], OTHER, CLOUD),
    ):  # fmt: skip
        await scene.backups.create(scene.id, holders, 2, cloud=URL)
        name, group, _, threshold, device, who, phone, cloud, asker = scene.phone.proposed[-1]
        assert (name, group, threshold, device, who) == ("propose_backup", scene.id, 2, DEVICE, sorted(holders))
        assert (phone, cloud, asker) == (carrier, unattended, b"")


@pytest.mark.parametrize("master", [PHONE, DEVICE, OTHER])
async def test_a_master_asks_for_backups_and_nobody_else(scene, monkeypatch, master):
    info = scene.phone.group(scene.id)
    monkeypatch.setattr(scene.phone, "group", lambda _: replace(info, master=master), raising=False)
    if master == OTHER:
        await refused("master", scene.make())
        assert scene.device.asked == []
    else:
        assert (await scene.make()).good
    scene.phone.result = BackupSheet(b"i" * 16, scene.id, scene.group.pk, DEVICE, 1, 2, [], [], b"").encode()
    await scene.backups.create(scene.id, [PHONE, OTHER], cloud=URL)
    assert scene.phone.proposed[-1][-1] == (scene.device.identity if master == DEVICE else b"")


async def test_a_backup_that_the_cloud_alone_would_hold_is_refused(scene):
    await refused("member", scene.backups.create(scene.id, [CLOUD], cloud=URL))
    await refused("member", scene.backups.create(scene.id, [], cloud=URL))
    assert scene.phone.proposed == []


@pytest.mark.parametrize("holders", [[PHONE, DEVICE], [PHONE, 9], [0, PHONE], [DEVICE]])
async def test_the_device_itself_and_strangers_hold_no_piece(scene, holders):
    await refused("member", scene.backups.create(scene.id, holders, cloud=URL))
    assert scene.phone.proposed == []


async def test_exactly_one_connected_device_is_backed_up(scene):
    second = Device(None, scene.group.roster.member(OTHER).identity)
    scene.phone.connect(second)
    await refused("unpaired", scene.make())
    assert (await scene.backups.create(scene.id, session=False, device=scene.device.identity, cloud=URL)).good
    scene.phone._links.clear()
    await refused("unpaired", scene.make())
    await refused("unpaired", scene.backups.create(scene.id, session=False, device=second.identity, cloud=URL))
    stranger = scene.phone.connect(Device(None, NEW.public))
    await refused("member", scene.backups.create(scene.id, session=False, device=stranger.identity, cloud=URL))


# Recovering


async def test_without_a_session_both_pieces_reach_the_device_and_one_lets_it_in(scene):
    info = await scene.make()
    before = scene.group.parties[DEVICE].custody.shard(scene.id)
    scene.lost()
    back = await scene.backups.recover(scene.id, session=False, cloud=URL)
    assert scene.device.asked == [b"u" * 16]
    assert scene.device.restored.encode() == before.encode()
    assert scene.phone.proposed == [("propose_recover", scene.id, DEVICE, [PHONE, CLOUD])]
    assert (back.index, back.bad) == (DEVICE, ())
    assert info.id in scene.cloud.kept


async def test_a_bad_piece_of_the_cloud_is_named_and_nothing_proposed(scene):
    await scene.make()
    scene.lost()
    scene.cloud.spoil = True
    detail = await refused("backup", scene.backups.recover(scene.id, session=False, cloud=URL))
    assert f"number {CLOUD}" in detail and scene.phone.proposed == []


async def test_in_a_session_the_holders_are_counted_first(scene):
    info = await scene.make()
    scene.lost()
    await refused("threshold", scene.backups.recover(scene.id, members=[PHONE, OTHER], cloud=URL))
    await refused("member", scene.backups.recover(scene.id, members=[CLOUD, OTHER], cloud=URL))
    await refused("threshold", scene.backups.recover(scene.id))  # without its address the cloud takes no part
    assert scene.phone.proposed == []
    await scene.backups.recover(scene.id, members=[PHONE, CLOUD, OTHER], cloud=URL, patience=0.1)
    call = ("propose_recover", scene.id, DEVICE, [PHONE, CLOUD, OTHER], PHONE, CLOUD, info.id)
    assert call == scene.phone.proposed[0]


async def test_a_member_recovers_nothing(scene):
    await scene.make()
    await refused("unpaired", scene.backups.recover(scene.id, cloud=URL))
    await refused("member", scene.backups.recover(scene.id, scene.device.identity, cloud=URL))
    await refused("unpaired", scene.backups.recover(scene.id, NEW.public, cloud=URL))


async def test_without_a_piece_there_is_nothing_to_recover_from(scene):
    scene.lost()
    await refused("backup", scene.backups.recover(scene.id, cloud=URL))
    await refused("backup", scene.backups.recover(scene.id, backup_id=b"x" * 16, cloud=URL))


async def test_a_phone_whose_own_piece_is_lost_brings_the_others_together(scene):
    info = await scene.make()
    place = scene.backups.storage
    place._remove(f"{place._record(scene.id).folder}/{place.names(scene.id)[0]}")
    scene.lost()
    everyone = [PHONE, CLOUD, OTHER]
    assert "is gone" in await refused("storage", scene.backups.recover(scene.id, members=everyone, cloud=URL))
    scene.cloud.rows = [CloudBackup(info.id, DEVICE, 1, 2, ((PHONE, b""), (CLOUD, b"")), 0, 0)]
    assert "is gone" in await refused("storage", scene.backups.recover(scene.id, members=everyone, cloud=URL))
    scene.cloud.rows = [CloudBackup(info.id, DEVICE, 1, 2, ((PHONE, b""), (CLOUD, b""), (OTHER, b"")), 0, 0)]
    await refused("storage", scene.backups.recover(scene.id, members=everyone, session=False, cloud=URL))
    assert scene.phone.proposed == []
    assert (await scene.backups.recover(scene.id, members=everyone, cloud=URL)).index == DEVICE
    assert scene.phone.proposed == [("propose_recover", scene.id, DEVICE, everyone, PHONE, CLOUD, info.id)]


async def test_a_cloud_that_holds_no_piece_of_the_backup_is_asked_for_none(scene):
    scene.cloud.rows = [CloudBackup(b"i" * 16, DEVICE, 1, 2, ((PHONE, b""), (OTHER, b""), (5, b"")), 0, 0)]
    scene.lost()
    await refused("backup", scene.backups.recover(scene.id, members=[PHONE, CLOUD, OTHER], cloud=URL))
    scene.cloud.rows = [CloudBackup(b"i" * 16, DEVICE, 0, 1, ((OTHER, b""),), 0, 0)]
    await refused("backup", scene.backups.recover(scene.id, members=[PHONE, OTHER], cloud=URL))
    scene.cloud.rows = [CloudBackup(b"i" * 16, DEVICE, 1, 1, ((OTHER, b""),), 0, 0)]
    await scene.backups.recover(scene.id, members=[PHONE, CLOUD, OTHER], cloud=URL)
    assert scene.phone.proposed[0][-3:] == (PHONE, 0, b"i" * 16)


async def test_a_recovery_that_broke_at_its_end_counts_once_the_others_say_so(scene, monkeypatch):
    await scene.make()
    scene.lost()
    scene.phone.failure = DaricError("soft")
    await refused("soft", scene.backups.recover(scene.id, session=False, cloud=URL))
    info = scene.phone.group(scene.id)
    known = replace(info, members=tuple(
        replace_identity(one, NEW.public) if one.index == DEVICE else one for one in info.members
    ))  # fmt: skip

    async def settle(*_):
        monkeypatch.setattr(scene.phone, "group", lambda _: known, raising=False)

    monkeypatch.setattr(scene.phone, "settle", settle, raising=False)
    assert (await scene.backups.recover(scene.id, session=False, cloud=URL)).index == DEVICE


def replace_identity(member, identity):
    return Member(member.index, identity, member.kind, member.name, member.public_share)


async def test_a_cloud_that_is_no_member_is_not_asked_what_it_holds(scene, monkeypatch):
    info = await scene.make()
    scene.phone.service.cloud = NEW.public
    monkeypatch.setattr(scene.cloud, "backups", None)
    assert [one.id for one in await scene.backups.list(scene.id, URL)] == [info.id]


async def test_whom_the_device_is_set_up_with_is_the_wallets_word(scene):
    await scene.make()
    scene.lost()
    scene.phone.paired = [PHONE], [CLOUD, OTHER]
    back = await scene.backups.recover(scene.id, session=False, members=[PHONE, OTHER], cloud=URL, patience=7.0)
    assert (back.paired, back.unpaired) == ((PHONE,), (CLOUD, OTHER))
    assert scene.phone.asked_to_pair == (scene.id, DEVICE, URL, [PHONE, OTHER], 7.0)


# The cloud's record


async def test_the_record_is_kept_where_phones_and_the_cloud_alone_are_left(scene, monkeypatch):
    assert not await scene.backups.keep_record(scene.id, ""), "nobody says where the cloud is"
    roster = scene.phone.party.custody.shard(scene.id).roster
    kinds = dict.fromkeys((PHONE, DEVICE, OTHER), "phone") | {CLOUD: "cloud"}
    info = scene.phone.group(scene.id)
    for member in roster.members:
        member.kind = kinds[member.index]
    changed = replace(info, members=tuple(roster.members))
    monkeypatch.setattr(scene.phone, "group", lambda _: changed, raising=False)
    assert await scene.backups.keep_record(scene.id, URL)
    assert scene.backups.storage.read(scene.id, RECORD) == b"record of " + scene.id
    roster.member(DEVICE).kind = ""  # a phone of another person, which this one never met otherwise
    known = [SimpleNamespace(identity=roster.member(DEVICE).identity, kind="phone")]

    async def parties():
        return known

    monkeypatch.setattr(scene.phone.relay, "parties", parties, raising=False)
    assert await scene.backups.keep_record(scene.id, URL)
    known[0].kind = "device"
    assert not await scene.backups.keep_record(scene.id, URL)
    known.clear()
    assert not await scene.backups.keep_record(scene.id, URL)
    roster.member(DEVICE).kind = "device"
    assert not await scene.backups.keep_record(scene.id, URL)
    assert scene.backups.storage.read(scene.id, RECORD) is None

