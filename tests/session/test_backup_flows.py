"""A backup in a session, and its test: real rounds and custody. Specification: docs/protocol.md, section 12."""

import pytest
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.recoverycode import check_value
from daric_protocol.rounds.backup import BackupSheet, combine
from daric_protocol.tagged import read_scalar

from tests.session.backups import BACKUP, CODE, Backed, errors, verdicts
from tests.session.network import EvilRelay, Network, drbg
from tests.session.parties import Wallet

SOFT = ("soft", None)


@pytest.fixture(scope="module")
def three():
    return Wallet.create(2, 3, seed="backup")


@pytest.fixture(scope="module")
def five():
    return Wallet.create(3, 5, seed="backup")


@pytest.fixture
def backed(three):
    """Phone 1 and cloud 2 hold the backup of device 3."""
    return Backed(three.copy(), 3, [1, 2], cloud=2)


def kept(backed, index, backup_id=BACKUP):
    return backed.keepers[index].kept.get((backed.wallet.group_id, backup_id))


def refreshed(wallet):
    network = wallet.change(flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster))
    network.start().confirm().run()
    assert set(network.states()) == {"done"}
    return wallet.after(list(wallet.parties.values()))


def pieces(backed):
    return {j: read_scalar(kept(backed, j)[2]) for j in backed.holders}


@pytest.mark.parametrize(
    ("device", "holders", "cloud", "threshold"),
    [(3, [1, 2], 2, 2), (3, [1, 2], 0, 2), (1, [2, 3], 3, 2), (2, [1, 3], 0, 2)],
)
def test_every_holder_of_two_of_three_keeps_its_piece(three, device, holders, cloud, threshold):
    backed = Backed(three.copy(), device, holders, cloud, threshold).make()
    sheet = BackupSheet.decode(backed.sheet)
    shard = backed.custody(device).shard(three.group_id)
    assert combine(sheet, shard.P[device], pieces(backed)) == (shard.s, [])
    for j in holders:
        assert kept(backed, j)[1] == j
        assert kept(backed, j)[3] == (check_value(CODE, BACKUP) if j == cloud else b"")
    assert not backed.keepers[device].kept


@pytest.mark.parametrize(
    ("device", "holders", "cloud", "threshold"),
    [(5, [1, 2, 3, 4], 2, 2), (5, [1, 2, 3, 4], 0, 4), (2, [1, 4, 5], 5, 3), (4, [3, 5], 3, 2)],
)
def test_holders_and_threshold_are_chosen_apart_from_the_groups(five, device, holders, cloud, threshold):
    backed = Backed(five.copy(), device, holders, cloud, threshold).make()
    shard = backed.custody(device).shard(five.group_id)
    sheet, found = BackupSheet.decode(backed.sheet), pieces(backed)
    assert (sheet.threshold, sheet.numbers()) == (threshold, holders)
    assert combine(sheet, shard.P[device], dict(list(found.items())[-threshold:])) == (shard.s, [])
    with pytest.raises(DaricError):
        combine(sheet, shard.P[device], dict(list(found.items())[: threshold - 1]))


def test_a_backup_changes_nothing_of_the_group_and_no_piece_is_in_a_message_to_another(backed):
    shards = {j: backed.custody(j).shard(backed.wallet.group_id).encode() for j in (1, 2, 3)}
    backed.make()
    assert {j: backed.custody(j).shard(backed.wallet.group_id).encode() for j in (1, 2, 3)} == shards
    assert len(set(pieces(backed).values())) == 2


def test_a_second_backup_stands_beside_the_first(backed):
    backed.make()
    first = kept(backed, 1)
    network = backed.making(backup_id=b"another backup!!").start().confirm().run()
    assert set(network.states()) == {"done"}
    assert kept(backed, 1) == first and kept(backed, 1, b"another backup!!")[2] != first[2]


def test_a_backup_never_replaces_another_one_of_its_id(backed):
    backed.make()
    before = {j: kept(backed, j) for j in (1, 2)}
    network = backed.making().start().confirm().run().expire()
    assert "backup" in network.errors() and "done" not in network.states()
    assert {j: kept(backed, j) for j in (1, 2)} == before


def test_without_a_code_the_device_deals_nothing_to_a_cloud(backed):
    for code in ("", "MFRG", CODE[:-1] + "1"):
        network = backed.making(code=code).start().confirm().run().expire()
        assert network.sessions[2].error.name == "backup" and kept(backed, 1) is None


def test_a_party_without_a_keeper_holds_nothing(backed):
    backed.keepers[1] = None
    network = backed.making().start().confirm().run().expire()
    assert network.sessions[0].error.name == "backup"
    assert verdicts(network)[1:] == [SOFT, SOFT] and kept(backed, 2) is None


@pytest.mark.parametrize("cloud", [0, 1])
def test_the_cloud_holds_only_in_the_part_of_the_cloud_and_nobody_else_does(backed, cloud):
    network = backed.making(phone=2 if cloud else 1, cloud=cloud).start().confirm().run().expire()
    assert network.sessions[1].error.name == "backup"
    assert {verdict[1] for verdict in verdicts(network) if verdict[0] != "backup"} <= {None}
    assert kept(backed, 1) is None and kept(backed, 2) is None


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
@pytest.mark.parametrize("who", [0, 1, 2, 3], ids=["phone", "cloud", "holder", "device"])
def test_a_party_that_goes_away_in_any_round_ends_it_softly(five, who, lost):
    backed = Backed(five.copy(), 5, [1, 2, 3], cloud=2)
    relay = EvilRelay(drop=lambda parcel: parcel.origin == who and parcel.round >= lost and not parcel.is_notice)
    network = backed.making(relay).start().confirm().run().expire()
    assert set(verdicts(network)) <= {SOFT, None}
    assert verdicts(network).count(None) <= 1
    if lost == 3:  # the cloud has its piece by then
        again = backed.making(backup_id=b"the next attempt").start().confirm().run()
        assert set(again.states()) == {"done"}, errors(again)


def test_a_backup_after_a_refresh_is_of_the_new_epoch(backed):
    backed.wallet = refreshed(backed.wallet)
    backed.make()
    assert BackupSheet.decode(backed.sheet).epoch == 2


# The test of a backup


def name(backed):
    return BackupSheet.decode(backed.sheet).hash()


@pytest.mark.parametrize("holders", [[1, 2, 3, 4], [1, 4], [2, 3]])
def test_holders_show_each_other_that_their_pieces_are_good(five, holders):
    backed = Backed(five.copy(), 5, [1, 2, 3, 4], cloud=2, threshold=3).make()
    network = backed.verifying(name(backed), holders).start().confirm().run()
    assert [session.result for session in network.sessions] == [holders] * len(holders)


def test_a_lost_or_damaged_piece_is_missing_from_what_is_shown(five):
    backed = Backed(five.copy(), 5, [1, 2, 3, 4], cloud=2, threshold=3).make()
    key = (five.group_id, BACKUP)
    del backed.keepers[3].kept[key]
    sheet, number, piece, check = backed.keepers[4].kept[key]
    backed.keepers[4].kept[key] = (sheet, number, piece[:-1] + bytes([piece[-1] ^ 1]), check)
    network = backed.verifying(name(backed)).start().confirm().run()
    assert [session.result for session in network.sessions] == [[1, 2]] * 4
    network = backed.verifying(name(backed), [3, 4]).start().confirm().run()
    assert network.errors() == ["backup", "backup"]


def test_a_backup_of_another_name_is_nobodys(backed):
    backed.make()
    network = backed.verifying(bytes(32)).start().confirm().run()
    assert network.errors() == ["backup", "backup"]
    network = backed.verifying(name(backed), backup_id=bytes(16)).start().confirm().run()
    assert network.errors() == ["backup", "backup"]


def test_an_old_backup_asks_for_a_new_one(backed):
    backed.make()
    refreshed(backed.wallet)
    network = backed.verifying(name(backed)).start().confirm().run()
    assert network.errors() == ["soft", "backup"]  # the cloud begins before the phone's owner agrees
    assert "Make a new backup" in network.sessions[1].error.detail


def test_a_backup_made_without_a_session_passes_the_same_test(backed):
    wallet, device = backed.wallet, backed.custody(3).identity.public
    holders = {j: wallet.roster.member(j).identity for j in (1, 2)}
    sheet, direct, others = backing.make_backup(
        backed.custody(3), wallet.group_id, BACKUP, holders, 2, 1, 2, CODE, drbg("steps")
    )
    sealed = {1: direct[1], **backing.open_others(backed.custody(2).identity, device, sheet, others)}
    for j in (1, 2):
        piece, check = backing.accept_piece(backed.custody(j), sheet, device, j, sealed[j], j == 2)
        backed.keepers[j].keep(sheet, j, piece, check)
    network = backed.verifying(name(backed)).start().confirm().run()
    assert [session.result for session in network.sessions] == [[1, 2]] * 2


# Who is asked before a share is split


@pytest.mark.parametrize("cloud", [0, 4])
def test_a_party_that_nobody_attends_never_backs_its_own_share_up(five, cloud):
    """Two of three phones would have the third share without anybody else's word."""
    backed = Backed(five.copy(), 3, [1, 2] + [cloud] * bool(cloud), cloud=cloud)
    terms = flows.backup_terms(five.uuid(), backed.custody(1), five.group_id, BACKUP, 2, 3, backed.holders, 1, cloud)
    attended = {j: j not in (3, cloud) for j in terms.members}
    sessions = []
    for j in terms.members:
        brought = backing.Backing(backed.keepers[j], CODE if j == 3 else "")
        sessions.append(backed.wallet.parties[j].open(terms, attended=attended[j], backing=brought))
    network = Network(sessions).start()
    for session in sessions:
        if session.needs_confirmation:
            session.confirm()
    network.run().expire()
    assert sessions[terms.members.index(3)].error.name == "backup"
    assert "done" not in network.states() and not [j for j in terms.members if kept(backed, j)]
