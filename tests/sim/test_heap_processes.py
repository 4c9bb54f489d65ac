"""Every process fits the heap that a board offers: 240 KB for groups up to 2 of 3, 330 KB up to eight members.

The device takes part on the real MicroPython, the others in this process. Each test makes a wallet first and signs with
it afterwards, so that what a process leaves behind would be missed.
"""

import os

import pytest
from daric_protocol import flows, platform
from daric_protocol.flows import backing
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

from tests.session.keepers import CloudKeeper, MemoryKeeper
from tests.sim.rig import DeviceParty, LocalParty, Party, paired, run_session

HOST = Identity(4711)
BACKUP = b"backup-of-a-test"


class Rig:
    """A wallet of a device and parties of this process. parties: those beside the device; link: to the device."""

    def __init__(self, device: SimDevice, link) -> None:
        self.device = device
        self.link = link
        self.party = DeviceParty(link)
        self.parties: list[LocalParty] = []
        self.group = b""

    async def run(self, terms, parties: list[Party]) -> list[object]:
        """The results of a session that has to succeed."""
        outcomes = await run_session(terms, parties, 280)
        assert {state for state, _ in outcomes} == {"done"}, (terms.op, outcomes, self.device.log)
        return [result for _, result in outcomes]

    async def create(self, threshold: int, parties: list[LocalParty], with_device: bool = True) -> None:
        self.parties = parties
        joining = [*([self.party] if with_device else []), *parties]
        terms = flows.create_terms(os.urandom(16), threshold, len(joining), os.urandom, "Savings")
        self.group = terms.group
        await self.run(terms, joining)

    @property
    def custody(self):
        return self.parties[0].custody

    @property
    def roster(self):
        return self.custody.roster(self.group)

    async def index(self) -> int:
        return self.roster.index_of((await self.link.identity()).identity)

    def indexes(self, parties: list[LocalParty]) -> list[int]:
        return [self.roster.index_of(party.identity.public) for party in parties]

    async def sign(self, others: list[LocalParty]) -> None:
        request = platform.cbor_encode([2, b"a message", []])
        signers = [await self.index(), *self.indexes(others)]
        terms = flows.sign_terms(os.urandom(16), self.group, self.roster, signers, request)
        await self.run(terms, [self.party, *others])


class Powered:
    """A paired device of a heap size, for `async with`."""

    def __init__(self, tmp_path, heapsize: str) -> None:
        self._device = SimDevice(tmp_path / "device", heapsize=heapsize)

    async def __aenter__(self) -> Rig:
        link, _ = await paired(self._device, HOST)
        return Rig(self._device, link)

    async def __aexit__(self, *_) -> None:
        self._device.stop()


async def refresh(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 1)])
        await rig.run(flows.refresh_terms(os.urandom(16), rig.group, rig.roster), [rig.party, *rig.parties])
        await rig.sign(rig.parties[: threshold - 1])


async def grow(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """A reshare with a newcomer, to `members`."""
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 2)])
        newcomer = LocalParty(500)
        terms = flows.reshare_terms(os.urandom(16), rig.custody, rig.group, threshold, 1)
        await rig.run(terms, [rig.party, *rig.parties, newcomer])
        await rig.sign([newcomer, *rig.parties][: threshold - 1])


async def join_by_reshare(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """A reshare in which the device is the newcomer."""
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 1)], with_device=False)
        terms = flows.reshare_terms(os.urandom(16), rig.custody, rig.group, threshold, 1)
        await rig.run(terms, [*rig.parties, rig.party])
        await rig.sign(rig.parties[: threshold - 1])


async def help_enrol(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 2)])
        newcomer, helpers = LocalParty(500), rig.parties[: threshold - 1]
        indexes = [await rig.index(), *rig.indexes(helpers)]
        terms = flows.enrol_terms(os.urandom(16), rig.custody, rig.group, indexes)
        await rig.run(terms, [rig.party, *helpers, newcomer])
        await rig.sign(helpers)


async def be_enrolled(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """The device is the new member; then a pair set-up with the first other one, and a signature with it."""
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 1)], with_device=False)
        helpers = rig.parties[:threshold]
        terms = flows.enrol_terms(os.urandom(16), rig.custody, rig.group, rig.indexes(helpers))
        await rig.run(terms, [*helpers, rig.party])
        for helper, index in zip(helpers[: threshold - 1], rig.indexes(helpers), strict=False):
            terms = flows.pair_terms(os.urandom(16), rig.group, rig.roster, await rig.index(), index)
            await rig.run(terms, [rig.party, helper])
        await rig.sign(helpers[: threshold - 1])


async def take_in(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """An import of a key and its phrase, brought by somebody else."""
    async with Powered(tmp_path, heapsize) as rig:
        rig.parties = [LocalParty(5 + n) for n in range(members - 1)]
        dealer = rig.parties[0]
        secret = flows.Secret(123456789, os.urandom(32), os.urandom(32))
        dealer.secret = secret
        terms = flows.import_terms(os.urandom(16), threshold, members, secret, dealer.identity.public, "Savings")
        rig.group = terms.group
        await rig.run(terms, [rig.party, *rig.parties])
        await rig.sign(rig.parties[: threshold - 1])


async def give_out(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """An export in which the device gives its share to another party, then one in which it gets the key."""
    async with Powered(tmp_path, heapsize) as rig:
        await rig.create(threshold, [LocalParty(5 + n) for n in range(members - 1)])
        others = rig.parties[: threshold - 1]
        indexes = [await rig.index(), *rig.indexes(others)]
        for initiator in (indexes[1], indexes[0]):
            terms = flows.export_terms(os.urandom(16), rig.group, rig.roster, indexes, initiator, "moving out")
            results = await rig.run(terms, [rig.party, *others])
            assert results[0] is None
        await rig.sign(others)


async def back_up(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """A backup of the device's share in a session, then one without."""
    async with Powered(tmp_path, heapsize) as rig:
        await backed_up(rig, threshold, members)
        own, phone, cloud = await rig.index(), *rig.indexes(rig.parties[:2])
        people = [(index, rig.roster.member(index).identity) for index in sorted([phone, cloud])]
        made = await rig.link.backup_make(rig.group, os.urandom(16), 2, people, phone, cloud)
        device = rig.roster.member(own).identity
        backing.accept_piece(rig.custody, made.sheet, device, phone, made.phone_piece, False)
        await rig.sign(rig.parties[: threshold - 1])


async def backed_up(rig: Rig, threshold: int, members: int) -> str:
    """A wallet and a backup of the device's share held by all others; the code on the screen."""
    parties = [LocalParty(5 + n, MemoryKeeper()) for n in range(members - 1)]
    parties[1].keeper, parties[1].attended = CloudKeeper(), False
    await rig.create(threshold, parties)
    indexes = rig.indexes(parties)
    terms = flows.backup_terms(
        os.urandom(16), rig.custody, rig.group, BACKUP, 2, await rig.index(), sorted(indexes), *indexes[:2]
    )
    await rig.run(terms, [rig.party, *parties])
    shown = next(screen.lines for screen in rig.device.screens if "Recovery code:" in screen.lines)
    at = shown.index("Recovery code:")
    return shown[at + 1] + shown[at + 2]


async def come_back(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """A new device gets the share of a lost one by a session with all its pieces, and signs."""
    async with Powered(tmp_path, heapsize) as rig:
        code = await backed_up(rig, threshold, members)
        index, parties, group = await rig.index(), rig.parties, rig.group
        indexes = rig.indexes(parties)
    async with Powered(tmp_path / "new", heapsize) as rig:
        rig.parties, rig.group = parties, group
        rig.device.answer = lambda screen: "text:" + code if screen.typed else "approve"
        terms = flows.recover_terms(
            os.urandom(16), rig.custody, group, index, sorted(indexes), *indexes[:2], BACKUP
        )
        await rig.run(terms, [rig.party, *parties])
        for party in parties[: threshold - 1]:
            pairing = flows.pair_terms(os.urandom(16), group, rig.roster, index, *rig.indexes([party]))
            await rig.run(pairing, [rig.party, party])
        await rig.sign(parties[: threshold - 1])


async def come_back_by_two(tmp_path, heapsize: str, threshold: int, members: int) -> None:
    """A new device puts the pieces of phone and cloud together before the session that takes it back."""
    async with Powered(tmp_path, heapsize) as rig:
        code = await backed_up(rig, threshold, members)
        index, parties, group = await rig.index(), rig.parties, rig.group
    sheet = parties[0].keeper.kept[group, BACKUP][0]
    async with Powered(tmp_path / "new", heapsize) as rig:
        rig.parties, rig.group = parties, group
        rig.device.answer = lambda screen: "text:" + code if screen.typed else "approve"
        assert len(await rig.link.recovery_request(sheet, os.urandom(16))) == 32
        receiver, pieces = (await rig.link.identity()).identity, []
        for party in parties[:2]:
            _, number, piece, _ = party.keeper.kept[group, BACKUP]
            sealed = backing.release_piece(party.identity, receiver, sheet, number, piece, os.urandom)
            pieces.append((number, party.identity.public, sealed))
        assert await rig.link.recovery_restore(sheet, pieces) == []
        indexes = rig.indexes(parties)
        terms = flows.recover_terms(os.urandom(16), rig.custody, group, index, sorted(indexes), *indexes[:2])
        await rig.run(terms, [rig.party, *parties])


PROCESSES = [refresh, grow, join_by_reshare, help_enrol, be_enrolled, take_in, give_out]
BACKUPS = [back_up, come_back, come_back_by_two]
FAST = [be_enrolled, take_in, come_back]  # those that need most


@pytest.mark.parametrize("process", FAST)
async def test_a_2_of_3_group_fits_240_kb(tmp_path, process):
    await process(tmp_path, "240k", 2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("process", [process for process in PROCESSES + BACKUPS if process not in FAST])
async def test_every_other_process_of_a_2_of_3_group_fits_240_kb(tmp_path, process):
    await process(tmp_path, "240k", 2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES + BACKUPS)
async def test_a_4_of_8_group_fits_330_kb(tmp_path, process):
    await process(tmp_path, "330k", 4, 8)
