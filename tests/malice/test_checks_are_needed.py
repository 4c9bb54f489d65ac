"""One test for each check that no other test would miss: with the check gone, one of these fails."""

from unittest import mock

import pytest
from daric_protocol import activation, multiply, platform
from daric_protocol.envelope import NOTICE_STREAM, Envelope
from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import LEFT_BEHIND, MEMBER, pair_name
from daric_protocol.polynomial import lagrange
from daric_protocol.rounds import dealing
from daric_protocol.rounds import sign as rounds_sign
from daric_protocol.rounds.sign import sign

from tests.custody.homes import MemoryHome, acks, first_shard, later_shard, open_custody, settle, with_group
from tests.malice.hostile import ORDER, Record, possessed, verdict
from tests.malice.test_dealing_malice import SECRET, X, deals, import_plan
from tests.rounds.exchange import randomness, run
from tests.rounds.groups import CTX, DIGEST, GROUP_ID, group, session, signs
from tests.rounds.memory_custody import identities
from tests.session.fakes import signing
from tests.session.network import Network
from tests.session.parties import Wallet, message

SOFT = ("soft", None)
KEY_POINT = 3


def drawing(first, seed):
    """A random source whose first 32 bytes are the scalar `first`: a signer's nonce."""
    rest = randomness(seed)
    waiting = [first.to_bytes(32, "big")]
    return lambda length: waiting.pop() if waiting else rest(length)


def signers(custodies, nonces):
    return {
        i: sign(i, custodies[i].shard, [1, 2], DIGEST, 0, CTX, session("nonces"), custodies[i], drawing(nonces[i], i))
        for i in (1, 2)
    }


def test_nonce_points_that_cancel_end_softly_and_spend_nothing():
    custodies = group(2, 3)
    parties = run(signers(custodies, {1: 7, 2: ORDER - 7}))
    assert {verdict(party) for party in parties.values()} == {SOFT}
    assert not custodies[1].spent and not custodies[2].spent


@pytest.mark.parametrize("x", [0, ORDER, ORDER + 3])
def test_a_nonce_point_that_no_chain_can_express_ends_softly_and_spends_nothing(x):
    custodies = group(2, 3)
    curve = platform.curve
    honest, chosen = curve.x_int, curve.encode(curve.mul_g(7 + 8))
    with mock.patch.object(curve, "x_int", lambda point: x if curve.encode(point) == chosen else honest(point)):
        parties = run(signers(custodies, {1: 7, 2: 8}))
    assert {verdict(party) for party in parties.values()} == {SOFT}
    assert not custodies[1].spent and not custodies[2].spent


@pytest.mark.parametrize("chosen", [[1, 2], [2, 4, 5]])
def test_key_shares_are_masked_anew_in_every_session(chosen):
    curve = platform.curve
    custodies = group(len(chosen), 5 if len(chosen) == 3 else 3)
    shown = []
    for name in ("first", "second"):
        relay = Record()
        run(signs(custodies, chosen, name), relay)
        for i, j in zip(chosen, chosen[1:] + chosen[:1], strict=True):
            shown.append(relay.messages[2, i, j][KEY_POINT])
    assert len(set(shown)) == len(shown)
    for i in chosen:
        bare = curve.mul(lagrange(chosen, i), curve.decode(custodies[i].shard.P[i]))
        assert curve.encode(bare) not in shown


def lengthened(generator, extra):
    """A party whose opening has bytes too many, or too few where `extra` is negative, and which does not mind."""
    honest = dealing._body

    def body(*arguments):
        data = honest(*arguments)
        return data + bytes(extra) if extra > 0 else data[:extra]

    return possessed(generator, (dealing, "_body", body), (dealing, "_open", lambda plan, *_: [None] * plan.t))


@pytest.mark.parametrize("extra", [1, 33, -1])
def test_an_opening_without_a_proof_has_its_exact_length(extra):
    generators = deals(import_plan(), {1: SECRET})
    generators[2] = lengthened(generators[2], extra)
    ended = run(generators)
    assert verdict(ended[1]) == verdict(ended[3]) == ("blame", 2)


@pytest.mark.parametrize("extra", [1, 33, 98])
def test_an_opening_of_a_party_that_deals_nothing_has_its_exact_length(extra):
    plan = dealing.Plan("rsh", session("receiver"), 2, [1, 3], [1, 2, 3], 1, b"", 0, {}, bytes(32))
    generators = deals(plan, {1: SECRET, 3: 5})
    generators[2] = lengthened(generators[2], extra)
    ended = run(generators)
    assert verdict(ended[1]) == verdict(ended[3]) == ("blame", 2)


def test_polynomials_whose_highest_coefficients_cancel_end_softly_even_if_every_share_fits():
    with pytest.raises(Abort) as caught:
        dealing._result(1, import_plan(), bytes(32), SECRET, [platform.curve.decode(X), None], [], [])
    assert (caught.value.name, caught.value.blame) == SOFT


def test_a_share_that_does_not_fit_the_sum_is_never_stored():
    points = [platform.curve.decode(X), platform.curve.G]
    with pytest.raises(Abort) as caught:
        dealing._result(1, import_plan(), bytes(32), SECRET, points, [], [])
    assert (caught.value.name, caught.value.blame) == SOFT
    assert dealing._result(1, import_plan(), bytes(32), SECRET + 1, points, [], []).s == SECRET + 1


def test_a_failing_store_after_the_shares_left_is_still_spent():
    wallet = Wallet.create(2, 2, seed="needed")

    def fail(*_):
        raise DaricError("storage")

    network = wallet.network([1, 2], message("hello")).start().confirm()
    wallet.parties[1].custody.journal.resolve = fail
    assert network.run().errors()[0] == "spent"


# A check that began and did not end is a ban, whatever ended it, and it is durable before anyone hears of it


def banned(party, wallet, peer):
    """Whether nothing of the pair is left in the store but the ban, without a strike."""
    store, bans = party.store, party.custody.bans
    identity = wallet.roster.member(peer).identity
    left = [name for name in store.names("pair/") if name.endswith(f"/{peer}")]
    return not left and not store.names("mark/") and bans.is_banned(wallet.group_id, identity)


def first_frame_after_the_end(network, victim):
    """Deliver to the first party until its session ends; the first frame it sends then."""
    while victim.error is None:
        parcel = network.pending.pop(0)
        network.pumps[parcel.to].offer(parcel.origin, parcel.frame)
        if parcel.to == 0:
            frame = victim.send()
    return frame


@pytest.mark.parametrize("place", ["Alice", "_finish"])
@pytest.mark.parametrize("error", [MemoryError, DaricError("entropy"), DaricError("storage")])
def test_an_open_check_that_something_interrupts_is_a_ban_before_a_frame_leaves(place, error, request):
    wallet = Wallet.create(2, 3, seed=request.node.name)
    network = wallet.network([1, 2], message("interrupted")).start().confirm()
    victim = network.sessions[0]
    network.run(until=lambda parcel: parcel.to == 0 and parcel.round == (1 if place == "Alice" else 2))
    interrupted = (multiply.Bob, "finish") if place == "_finish" else (rounds_sign, "Alice")
    with mock.patch.object(*interrupted, mock.Mock(side_effect=error)):
        frame = first_frame_after_the_end(network, victim)
    assert frame is not None and Envelope.decode(frame[1]).stream == NOTICE_STREAM
    assert banned(wallet.parties[1], wallet, 2)
    assert wallet.parties[1].custody.bans.strikes(wallet.group_id, wallet.roster.member(2).identity) == 0
    wallet.restart()
    assert banned(wallet.parties[1], wallet, 2) and not banned(wallet.parties[1], wallet, 3)
    assert wallet.sign([1, 3], message("others")).states() == ["done", "done"]


def test_an_open_check_whose_ban_cannot_be_stored_is_a_ban_at_the_next_start():
    wallet = Wallet.create(2, 2, seed="unstored")
    party = wallet.parties[1]
    network = wallet.network([1, 2], message("interrupted")).start().confirm()

    def die(*_):
        party.store.erase = party.store.write = mock.Mock(side_effect=DaricError("storage"))
        raise MemoryError

    network.run(until=lambda parcel: parcel.to == 0 and parcel.round == 1)
    with mock.patch.object(rounds_sign, "Alice", die):
        first_frame_after_the_end(network, network.sessions[0])
    assert network.sessions[0].error.name in ("storage", "memory")
    del party.store.erase, party.store.write
    network.sessions[1].expire()
    assert not banned(party, wallet, 2)
    again = wallet.sign([1, 2], message("again"))
    assert again.errors() == ["soft", "soft"] and "banned" in again.sessions[0].error.detail
    party.restart()
    assert banned(party, wallet, 2)


def test_a_banned_peers_state_is_not_even_stored_for_a_later_epoch():
    custody = open_custody(with_group(MemoryHome()))
    custody.ban_pair(GROUP_ID, 2, identities(3)[1].public, bytes(32), True)
    settle(custody, *later_shard(2))
    assert [name for name in custody.store.names("pair/") if name.endswith("/2")] == []
    assert [name for name in custody.store.names("pair/") if name.endswith("/3")] != []


def test_a_notice_of_a_party_that_is_not_there_is_dropped():
    network = Network(signing()).start().confirm()
    receiver = network.sessions[0]
    frame = Envelope(receiver.ssid[:8], 200, NOTICE_STREAM, 0, True, bytes(40)).encode()
    assert receiver.receive(1, frame) is True
    assert network.run().states() == ["done", "done"]


def test_a_banned_pair_is_refused_even_if_its_state_turns_up_again():
    custody = open_custody(with_group(MemoryHome()))
    custody.ban_pair(GROUP_ID, 2, identities(3)[1].public, bytes(32), True)
    custody.store.write(pair_name(GROUP_ID, 1, 2), first_shard()[1][2].encode())
    with custody.session(GROUP_ID, bytes(16)) as view, pytest.raises(Abort) as refused:
        view.pair(2)
    assert refused.value.name == "soft"


def test_a_certificate_of_a_lower_or_the_current_epoch_changes_nothing():
    custody = open_custody(with_group(MemoryHome()))
    settle(custody, *later_shard(2))
    custody.activate(GROUP_ID, acks(later_shard(2)[0]))
    for shard in (first_shard()[0], later_shard(2)[0]):
        assert custody.adopt(activation.encode(shard, acks(shard))) is False
        assert custody.group(GROUP_ID).standing == MEMBER and custody.shard(GROUP_ID).epoch == 2


def test_a_certificate_of_another_attempt_at_a_pending_epoch_activates_nothing():
    custody = open_custody(with_group(MemoryHome()))
    settle(custody, *later_shard(2))
    other = later_shard(2, attempt=b"another ")[0]
    assert custody.adopt(activation.encode(other, acks(other))) is False
    assert custody.group(GROUP_ID).standing == LEFT_BEHIND
    assert custody.shard(GROUP_ID).epoch == 1 and custody.group(GROUP_ID).pendings == [2]


def test_a_group_that_moved_on_since_the_join_is_not_signed_for():
    wallet = Wallet.create(2, 2, seed="moved")
    network = wallet.network([1, 2], message("hello")).start()
    network.sessions[0].hooks.epoch += 1
    assert network.confirm().run().errors() == ["roster", "soft"]
