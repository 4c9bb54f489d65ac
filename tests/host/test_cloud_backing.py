"""The cloud party as a holder in sessions: a backup, its test, and a recovery that takes the recovery code."""

import asyncio
from contextlib import suppress

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.flows.backing import Backing
from daric_protocol.recoverycode import check_value
from daric_protocol.rounds.backup import BackupSheet

from tests.host.clouds import CLAIMS, STRANGER, CloudSeat, Home
from tests.session.keepers import MemoryKeeper
from tests.sim.rig import LocalParty, run_session

BACKUP, CODE, WRONG = b"b" * 16, "MFRGGZDFMZTWQ2LK", "KKKKKKKKKKKKKKKK"


class Holder(LocalParty):
    """A phone or device that brings something to a backup or a recovery."""

    backing = None

    async def join(self, terms):
        self.session = flows.open_session(terms, self.custody, self.entropy.draw, backing=self.backing)
        return self.session.join()


def holder(secret, values=None, backing=None):
    party = Holder(secret)
    party.custody.store.values.update(values or {})
    party.backing = backing
    return party


class Backed:
    """A cloud party, a phone (1) and a device (2); the device's new self is made where it is needed."""

    def __init__(self, home, kept):
        self.home = home
        for number in (1, 2):
            home.phones[number] = holder(1000 + number, home.phones[number].custody.store.values)
        keeper = MemoryKeeper()
        keeper.kept.update(kept)
        self.phone, self.device = home.phones[1], home.phones[2]
        self.phone.backing = Backing(keeper)
        self.device.backing = Backing(code=CODE)
        self.new = holder(5555, backing=Backing(code=CODE))

    @property
    def kept(self):
        return self.phone.backing.keeper.kept

    def backup_terms(self, backup_id=BACKUP):
        home = self.home
        holders, phone = sorted([home.index, home.index_of(1)]), home.index_of(1)
        return flows.backup_terms(
            home.uuid(), home.custody(2), home.group, backup_id, 2, home.index_of(2), holders, phone, home.index
        )

    def verify_terms(self):
        home = self.home
        (found,) = home.cloud.backups(CLAIMS, home.group)
        sheet = home.cloud.keeper.find(home.group, found.backup_id)[0]
        digest = BackupSheet.decode(sheet).hash()
        holders = sorted([home.index, home.index_of(1)])
        return flows.verify_terms(home.uuid(), home.custody(), home.group, BACKUP, digest, holders)

    def recover_terms(self):
        home = self.home
        members, phone = sorted([home.index, home.index_of(1)]), home.index_of(1)
        return flows.recover_terms(
            home.uuid(), home.custody(), home.group, home.index_of(2), members, phone, home.index, BACKUP
        )

    async def run(self, terms, *others, accounts=None):
        """(state, result or error) of the cloud and of the others."""
        parties = [CloudSeat(self.home.cloud), *others]
        self.home.relay.rows = self.home.rows(parties, accounts)
        return await run_session(terms, parties)

    def tries(self):
        (found,) = self.home.cloud.backups(CLAIMS, self.home.group)
        return found.tries


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A 2-of-3 wallet whose device backed its share up in a session."""
    home = asyncio.run(Home(tmp_path_factory.mktemp("cloud") / "made").create(2, [1, 2]))
    backed = Backed(home, {})
    outcomes = asyncio.run(backed.run(backed.backup_terms(), backed.phone, backed.device))
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    return home, backed.kept


@pytest.fixture
def backed(made, tmp_path):
    home = made[0].copy(tmp_path / "home")
    made[0].open()
    yield Backed(home, made[1])
    with suppress(DaricError):
        home.party.close()


def failures(outcomes):
    return [error.name for state, error in outcomes if state == "failed"]


def test_a_session_leaves_the_clouds_piece_with_what_checks_the_code(backed):
    home = backed.home
    (found,) = home.cloud.backups(CLAIMS, home.group)
    assert (found.backup_id, found.device) == (BACKUP, home.index_of(2))
    _, number, piece, check = home.cloud.keeper.find(home.group, BACKUP)
    assert (number, len(piece), check) == (home.index, 32, check_value(CODE, BACKUP))


async def test_the_holders_show_that_their_pieces_are_good(backed):
    outcomes = await backed.run(backed.verify_terms(), backed.phone)
    assert outcomes == [("done", sorted([backed.home.index, backed.home.index_of(1)]))] * 2


async def test_a_device_that_knows_the_code_comes_back_and_the_old_one_is_gone(backed):
    home = backed.home
    old = backed.device.identity.public
    outcomes = await backed.run(backed.recover_terms(), backed.phone, backed.new)
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes
    roster = home.party.custody.roster(home.group)
    identities = [member.identity for member in roster.members]
    assert backed.new.identity.public in identities and old not in identities
    assert backed.new.custody.shard(home.group).s == backed.device.custody.shard(home.group).s
    assert backed.tries() == 0
    assert len(home.cloud.changes(CLAIMS, home.group)) == 1


async def test_a_wrong_code_gets_nothing_and_is_counted(backed):
    home = backed.home
    for number in range(1, 6):
        assert backed.tries() == number - 1
        backed.new.backing.code = WRONG  # typed again each time
        outcomes = await backed.run(backed.recover_terms(), backed.phone, backed.new)
        assert "backup" in failures(outcomes), outcomes
        assert [state for state, _ in outcomes] == ["failed"] * 3
    backed.new.backing.code = CODE
    assert "backup" in failures(await backed.run(backed.recover_terms(), backed.phone, backed.new))
    assert backed.tries() == 5
    assert backed.new.custody.find(home.group) is None
    home.clock.now += 24 * 3600
    backed.new.backing.code = CODE
    outcomes = await backed.run(backed.recover_terms(), backed.phone, backed.new)
    assert [state for state, _ in outcomes] == ["done"] * 3, outcomes


async def test_a_device_of_another_account_gets_nothing_and_costs_no_try(backed):
    terms, parties = backed.recover_terms(), [CloudSeat(backed.home.cloud), backed.phone, backed.new]
    backed.home.relay.rows = backed.home.rows(parties, {backed.new: STRANGER})
    joins = [await party.join(terms) for party in parties]
    await parties[0].start(joins)
    assert failures([await parties[0].outcome()]) == ["soft"]
    assert backed.tries() == 0


@pytest.mark.parametrize("op", ["backup", "verify"])
async def test_no_session_of_a_backup_goes_on_with_another_account(backed, op):
    terms = backed.backup_terms(b"c" * 16) if op == "backup" else backed.verify_terms()
    others = [backed.phone, backed.device] if op == "backup" else [backed.phone]
    parties = [CloudSeat(backed.home.cloud), *others]
    backed.home.relay.rows = backed.home.rows(parties, {others[-1]: STRANGER})
    joins = [await party.join(terms) for party in parties]
    await parties[0].start(joins)
    assert failures([await parties[0].outcome()]) == ["soft"]
    assert len(backed.home.cloud.backups(CLAIMS, backed.home.group)) == 1


async def test_a_recovery_from_a_backup_of_an_earlier_epoch_is_refused(backed):
    home = backed.home
    await home.refresh()
    home.restart()
    outcomes = await backed.run(backed.recover_terms(), backed.phone, backed.new)
    assert "backup" in failures(outcomes), outcomes
    assert backed.tries() == 0
    assert home.party.custody.roster(home.group).index_of(backed.device.identity.public)


async def test_a_cloud_that_holds_no_piece_lets_nobody_come_back(backed):
    backed.home.party.store.erase(f"backup/{backed.home.group.hex()}/{BACKUP.hex()}")
    outcomes = await backed.run(backed.recover_terms(), backed.phone, backed.new)
    assert "backup" in failures(outcomes), outcomes
    assert backed.new.custody.find(backed.home.group) is None


async def test_a_second_backup_of_the_same_id_replaces_nothing(backed):
    before = backed.home.cloud.keeper.find(backed.home.group, BACKUP)
    outcomes = await backed.run(backed.backup_terms(), backed.phone, backed.device)
    assert "backup" in failures(outcomes), outcomes
    assert backed.home.cloud.keeper.find(backed.home.group, BACKUP) == before
