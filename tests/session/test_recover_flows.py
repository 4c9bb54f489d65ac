"""A member comes back from a backup under a new identity: real rounds and custody. docs/protocol.md, section 12."""

import itertools

import pytest
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.flows import backing
from daric_protocol.identity import verify
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.rounds.rosterchange import RosterChange

from tests.session.backups import BACKUP, CODE, Backed, errors, verdicts
from tests.session.keepers import TRIES
from tests.session.network import EvilRelay, Network, drbg
from tests.session.parties import Party, Wallet, message
from tests.session.test_hostile_relay import chaos

SOFT = ("soft", None)
OTHERS = b"of another party"
WRONG = CODE[:-1] + "A"


@pytest.fixture(scope="module")
def three():
    """Phone 1 and cloud 2 hold the backup of device 3."""
    return Backed(Wallet.create(2, 3, seed="recover"), 3, [1, 2], cloud=2).make()


@pytest.fixture(scope="module")
def five():
    """Any three of 1 to 4, the cloud 2 among them, hold the backup of device 5."""
    return Backed(Wallet.create(3, 5, seed="recover"), 5, [1, 2, 3, 4], cloud=2, threshold=3).make()


def again(backed):
    """The same backup over stores of its own."""
    mine = Backed(backed.wallet.copy(), backed.device, backed.holders, backed.cloud, backed.threshold)
    for index, keeper in backed.keepers.items():
        mine.keepers[index].kept.update(keeper.kept)
    return mine


def signs(wallet, signers):
    for pair in itertools.combinations(signers, 2):
        if pair[1] in wallet.parties[pair[0]].custody.unusable(wallet.group_id):
            assert wallet.pair_up(*pair).states() == ["done", "done"]
    network = wallet.sign(signers, message(f"by {signers}"))
    assert network.states() == ["done"] * len(signers), errors(network)
    return True


def secret(party, group_id):
    return party.custody.shard(group_id).s


def test_phone_and_cloud_bring_the_device_back_and_it_signs(three):
    backed = again(three)
    before = secret(backed.lost, backed.wallet.group_id)
    new, network = backed.recover()
    assert network.sessions[0].code == network.sessions[2].code is not None
    assert secret(new, backed.wallet.group_id) == before
    wallet = backed.after(new, network)
    assert wallet.roster.member(3).identity == new.custody.identity.public and wallet.roster.version == 1
    assert new.custody.unusable(wallet.group_id) == [1, 2]
    wallet.restart()
    assert signs(wallet, [1, 3]) and signs(wallet, [2, 3]) and signs(wallet, [1, 2])


@pytest.mark.parametrize("members", [[1, 3, 4], [1, 2, 4], [1, 2, 3, 4]])
def test_any_threshold_of_holders_will_do_with_and_without_the_cloud(five, members):
    backed = again(five)
    new, network = backed.recover(members)
    assert secret(new, backed.wallet.group_id) == secret(backed.lost, backed.wallet.group_id)
    wallet = backed.after(new, network)
    assert {party.custody.roster(wallet.group_id).hash() for party in wallet.parties.values()} == {wallet.roster.hash()}
    assert signs(wallet, [members[0], members[-1], 5])


def test_a_member_without_a_piece_may_take_part_and_the_sheet_comes_from_another(five):
    backed = again(five)
    del backed.keepers[1].kept[backed.wallet.group_id, BACKUP]
    new, _ = backed.recover([1, 2, 3, 4])
    assert secret(new, backed.wallet.group_id) == secret(backed.lost, backed.wallet.group_id)


def test_the_wallets_threshold_may_be_more_than_the_backups_holders():
    backed = Backed(Wallet.create(4, 4, seed="recover four"), 2, [1, 4], cloud=4).make()
    new, network = backed.recover([1, 3, 4])
    wallet = backed.after(new, network)
    assert secret(new, wallet.group_id) == secret(backed.lost, wallet.group_id)
    assert signs(wallet, [1, 2, 3, 4])


def refused(backed, network):
    """Nothing came of it: nobody took another roster, the new party has no shard."""
    network.start().confirm().run().expire()
    assert "done" not in network.states()
    for index in backed.wallet.parties:
        assert backed.custody(index).roster(backed.wallet.group_id).version == 0
    return network


def test_too_few_pieces_say_how_many_came(five):
    backed = again(five)
    del backed.keepers[3].kept[backed.wallet.group_id, BACKUP]
    new, network = backed.recovering([1, 2, 3])
    assert refused(backed, network).errors() == ["soft", "soft", "soft", "backup"]
    assert "2 came and it takes 3" in network.sessions[3].error.detail
    assert new.custody.find(backed.wallet.group_id) is None


def test_nobody_has_the_backup(five):
    backed = again(five)
    network = refused(backed, backed.recovering([1, 3, 4], backup_id=bytes(16))[1])
    assert network.errors()[3] == "backup" and "Nobody" in network.sessions[3].error.detail


def test_a_wrong_code_is_said_to_everybody_and_accuses_nobody(three):
    backed = again(three)
    _, network = backed.recovering(code=WRONG)
    assert refused(backed, network).errors() == ["backup"] * 3
    assert all("code" in session.error.detail for session in network.sessions)
    backed.recover()


def test_after_five_wrong_codes_the_right_one_has_to_wait(three):
    backed = again(three)
    for _ in range(TRIES):
        refused(backed, backed.recovering(code=WRONG)[1])
    network = refused(backed, backed.recovering()[1])
    assert network.errors() == ["backup"] * 3 and "wait" in network.sessions[1].error.detail


def test_a_code_that_is_none_leaves_the_tries_alone(three):
    backed = again(three)
    for code in ("", "not a code"):
        network = refused(backed, backed.recovering(code=code)[1])
        assert network.errors()[2] == "backup"
    assert backed.keepers[2].tries == {}


def test_the_code_may_be_typed_in_small_letters_with_blanks(three):
    again(three).recover(code=" mfrg gzdf-mztw q2lk")


def test_without_a_code_the_cloud_gives_nothing_to_whoever_comes(three):
    backed = again(three)
    network = refused(backed, backed.recovering(cloud=0, code="")[1])
    assert "1 came and it takes 2" in network.sessions[2].error.detail
    assert backed.keepers[2].tries == {}


def test_a_piece_kept_without_a_check_never_leaves_the_cloud(three):
    backed = again(three)
    key = backed.wallet.group_id, BACKUP
    sheet, number, piece, _ = backed.keepers[2].kept[key]
    backed.keepers[2].kept[key] = (sheet, number, piece, b"")
    network = refused(backed, backed.recovering()[1])
    assert "1 came" in network.sessions[2].error.detail


def test_an_old_backup_asks_for_a_new_one(three):
    backed = again(three)
    wallet = backed.wallet
    done = wallet.change(flows.refresh_terms(wallet.uuid(), wallet.group_id, wallet.roster)).start().confirm().run()
    assert set(done.states()) == {"done"}
    _, network = backed.recovering()
    network.start().confirm().run()
    said = [session.error.detail for session in network.sessions if session.error.name == "backup"]
    assert said and all("Make a new backup" in detail for detail in said)


def test_the_backup_of_another_member_does_not_bring_this_one_back(three):
    backed = again(three)
    other = Backed(backed.wallet, 1, [2, 3], cloud=2)
    other.keepers = backed.keepers
    assert set(other.making(backup_id=OTHERS).start().confirm().run().states()) == {"done"}
    network = refused(backed, backed.recovering(backup_id=OTHERS)[1])
    assert network.errors() == ["soft", "backup", "soft"]
    assert "another party's share" in network.sessions[1].error.detail  # the cloud, before its piece leaves
    assert backed.keepers[2].tries == {}


@pytest.mark.parametrize("lost", range(7))
@pytest.mark.parametrize("who", [0, 1, 2], ids=["phone", "cloud", "device"])
def test_a_party_that_goes_away_in_any_round_ends_it_softly_and_it_goes_on_later(three, who, lost):
    backed = again(three)
    new, network = backed.recovering()
    network.relay = EvilRelay(drop=lambda parcel: parcel.origin == who and parcel.round >= lost)
    network.start().confirm().run().expire()
    assert set(verdicts(network)) <= {SOFT, None}
    finished = [session.result for session in network.sessions if session.result]
    assert len(finished) == (1 if lost == 6 else 0)
    for change in finished:  # who has everybody's word shows it to the others
        for custody in (backed.custody(1), backed.custody(2), new.custody):
            custody.adopt(change)
    if not finished:
        _, network = backed.recover(new=new)
        finished.append(network.sessions[0].result)
    for custody in (backed.custody(1), backed.custody(2), new.custody):
        assert custody.roster(backed.wallet.group_id).member(3).identity == new.custody.identity.public


def test_a_relay_that_delays_repeats_and_reorders_changes_nothing(three):
    backed = again(three)
    relay = EvilRelay(reorder=True, seed=3, repeat=lambda _: True, delay=lambda parcel: parcel.round % 2)
    network = backed.making(relay, backup_id=OTHERS).start().confirm().run()
    assert set(network.states()) == {"done"}
    relay = EvilRelay(reorder=True, seed=4, repeat=lambda _: True, delay=lambda parcel: parcel.round % 2)
    backed.recover(relay=relay, backup_id=OTHERS)


@pytest.mark.parametrize("seed", range(2))
def test_chaos_accuses_nobody_and_the_next_attempt_works(three, seed):
    backed = again(three)
    new, network = backed.recovering(relay=chaos(seed))
    network.start().confirm().run().expire().run()
    assert set(verdicts(network)) <= {SOFT, None, ("backup", None)}, errors(network)
    for change in [session.result for session in network.sessions if session.result]:
        for custody in (backed.custody(1), backed.custody(2), new.custody):
            custody.adopt(change)
    if backed.custody(1).roster(backed.wallet.group_id).version == 0:
        backed.recover(new=new)


# Pieces that came before the session


def restored(backed, holders=(1, 2), new=None):
    """(new party, its restored shard) by the steps without a session."""
    new = new or Party("new device, steps")
    sealed = []
    for j in holders:
        _, number, piece, _ = backed.keepers[j].kept[backed.wallet.group_id, BACKUP]
        identity = backed.custody(j).identity
        receiver = new.custody.identity.public
        sealed.append(
            (j, identity.public, backing.release_piece(identity, receiver, backed.sheet, number, piece, drbg(j)))
        )
    return new, backing.restore_shard(new.custody.identity, backed.sheet, sealed)[0]


def test_a_device_that_got_its_pieces_before_comes_back_in_a_session_of_its_own(three):
    backed = again(three)
    new, shard = restored(backed)
    _, network = backed.recover([1], new=new, restored=shard, backup_id=b"", code="")
    assert network.sessions[0].round == -1
    wallet = backed.after(new, network)
    assert signs(wallet, [1, 3]) and signs(wallet, [2, 3])


def test_a_restored_share_of_another_epoch_or_party_or_none_is_refused_before_anything_is_sent(three):
    backed = again(three)
    new, shard = restored(backed)
    for spoilt in (None, ("epoch", 2, "Make a new backup"), ("me", 1, "another party"), ("pk", bytes(33), "another")):
        given, said = None, "brings the share"
        if spoilt is not None:
            given, said = restored(backed, new=new)[1], spoilt[2]
            setattr(given, spoilt[0], spoilt[1])
        network = refused(backed, backed.recovering([1], new=new, restored=given, backup_id=b"", code="")[1])
        assert network.errors()[1] == "backup" and said in network.sessions[1].error.detail
    shard.s += 1
    network = refused(backed, backed.recovering([1], new=new, restored=shard, backup_id=b"", code="")[1])
    assert verdicts(network) == [SOFT, SOFT]


# The old identity


def test_the_old_identity_is_refused_everywhere(three):
    backed = again(three)
    new, network = backed.recover()
    wallet, old = backed.after(new, network), backed.lost
    for make in (
        lambda uuid: flows.sign_terms(uuid, wallet.group_id, wallet.roster, [1, 3], message("old")),
        lambda uuid: flows.pair_terms(uuid, wallet.group_id, wallet.roster, 1, 3),
        lambda uuid: flows.export_terms(uuid, wallet.group_id, wallet.roster, [1, 3], 3, "theft"),
    ):
        terms = make(wallet.uuid())
        sessions = [wallet.parties[1].open(terms), old.open(terms)]
        network = Network(sessions).start().confirm().run().expire()
        assert "done" not in network.states() and network.sessions[0].result is None
        assert set(network.errors()) == {"soft"}
    assert signs(wallet, [1, 3])


def test_the_old_identity_takes_part_in_no_change_of_the_group_either(three):
    backed = again(three)
    new, network = backed.recover()
    wallet, old = backed.after(new, network), backed.lost
    uuid, custody, gid = wallet.uuid, wallet.parties[1].custody, wallet.group_id
    for terms in (
        flows.refresh_terms(uuid(), gid, wallet.roster),
        flows.reshare_terms(uuid(), custody, gid, 3),
        flows.reshare_terms(uuid(), old.custody, gid, 3),
        flows.master_terms(uuid(), gid, wallet.roster, 3),
        flows.backup_terms(uuid(), custody, gid, bytes(16), 2, 1, [2, 3], 3, 2),
        flows.backup_terms(uuid(), custody, gid, bytes(16), 2, 3, [1, 2], 1, 2),
    ):
        sessions = []
        for index in terms.members:
            party = old if index == 3 else wallet.parties[index]
            brought = backing.Backing(backed.keepers[index], CODE)
            try:
                sessions.append(party.open(terms, attended=index != 2, backing=brought))
            except DaricError as error:
                assert error.name in ("roster", "member")
        if len(sessions) == len(terms.members):
            network = Network(sessions).start().confirm().run().expire()
            assert "done" not in network.states(), terms.op
    assert wallet.parties[1].custody.shard(gid).epoch == 1
    assert signs(wallet, [1, 3])


def test_what_was_shared_with_the_old_identity_is_gone_from_every_store(three):
    backed = again(three)
    gid = backed.wallet.group_id.hex()
    for index in (1, 2):
        assert f"pair/{gid}/1/3" in backed.wallet.parties[index].store
    new, _ = backed.recover()
    for index in (1, 2):
        store = backed.wallet.parties[index].store
        assert not [name for name in store if name.startswith(("pair/", "fresh/")) and name.endswith("/3")]
        assert backed.lost.custody.identity.public in store[f"gone/{gid}"]
    assert [name for name in new.store if name.startswith("pair/")] == []


def test_the_old_identity_never_comes_back_as_the_new_one(three):
    backed = again(three)
    new, network = backed.recover()
    wallet = backed.after(new, network)
    backed.wallet = wallet
    thief = Party("thief", backed.lost.store)
    for name in [name for name in thief.store if name != "identity"]:
        thief.store.erase(name)
    thief.restart()
    assert thief.custody.identity.public == backed.lost.custody.identity.public
    _, network = backed.recovering(new=thief)
    network.start().confirm().run().expire()
    assert "done" not in network.states()
    assert wallet.parties[1].custody.roster(wallet.group_id).member(3).identity == new.custody.identity.public


def test_the_epochs_certificate_still_names_those_who_signed_it(three):
    backed = again(three)
    shard = backed.custody(1).shard(backed.wallet.group_id)
    before = backed.custody(1).certificate(backed.wallet.group_id)
    new, network = backed.recover()
    wallet = backed.after(new, network)
    assert wallet.parties[1].custody.certificate(wallet.group_id) == before
    for index, identity, signature in platform.cbor_decode(before)[6]:
        assert verify(identity, shard.ack_digest(index), signature)


def test_a_device_may_be_lost_and_come_back_twice(three):
    backed = again(three)
    first, network = backed.recover()
    backed.wallet = backed.after(first, network)
    second, network = backed.recover()
    wallet = backed.after(second, network)
    assert wallet.roster.version == 2 and signs(wallet, [1, 3])


def test_a_member_that_was_away_takes_the_change_or_learns_that_it_is_behind(five):
    backed = again(five)
    new, network = backed.recover([1, 3, 4])
    change = network.sessions[0].result
    away = backed.custody(2)
    assert away.roster(backed.wallet.group_id).version == 0
    forged = RosterChange.decode(change)
    forged.roster = forged.roster.with_identity(5, Party("thief").custody.identity.public)
    with pytest.raises(DaricError):
        away.adopt(forged.encode())
    assert away.adopt(change) and away.unusable(backed.wallet.group_id) == [5]
    assert signs(backed.after(new, network), [2, 3, 5])


def test_the_sheet_tells_nothing_that_opens_the_shard(three):
    backed = again(three)
    sheet = BackupSheet.decode(backed.sheet)
    shard = backed.lost.custody.shard(backed.wallet.group_id)
    assert shard.s.to_bytes(32, "big") not in backed.sheet and shard.cc not in backed.sheet
    assert sheet.commitments[0] == shard.P[3]
