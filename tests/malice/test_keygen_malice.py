"""Every message of key generation altered, dropped, repeated or swapped: class, culprit, and what is left afterwards.

Party 2 lies to party 1 of three.
"""

import pytest
from daric_protocol import platform, proofs, transfer
from daric_protocol.messages import M1_BYTES, M2_BYTES
from daric_protocol.rounds import dealing
from daric_protocol.rounds import pair as pair_rounds
from daric_protocol.rounds.dealing import IDENTITY as NO_POINT
from daric_protocol.rounds.evidence import broadcast_digest
from daric_protocol.rounds.keygen import start_digest
from daric_protocol.tagged import TH, u8

from tests.malice.hostile import (
    OFF_CURVE,
    ORDER,
    POINT,
    Record,
    Relay,
    Tamper,
    assert_nobody_honest_is_accused,
    assert_signs,
    field,
    flip,
    other,
    possessed,
    put,
    splice,
    verdict,
)
from tests.rounds.exchange import randomness, results, run
from tests.rounds.groups import keygens, newcomers, session, signs

SOFT, BLAME, BAN, DONE = ("soft", None), ("blame", 2), ("ban", 2), ("done", None)
EPOCH, INDEX, UNUSABLE, START_SIGNATURE = range(4)
COMMITMENT, SIGNATURE, M1 = range(3)
BODY, ECHO, SHARE, ZS, M2 = range(5)
CONFIRM, M3 = range(2)
BEYOND = ORDER.to_bytes(32, "big")
PI = M2_BYTES - 32
Z = 33  # of the body: cc 32, salt 32, then the points


ALTERED = [
    (0, "epoch changed", field(EPOCH, put(3)), BLAME),
    (0, "epoch beyond u32", field(EPOCH, put(2**32)), BLAME),
    (0, "index changed", field(INDEX, put(3)), BLAME),
    (0, "index beyond u8", field(INDEX, put(256)), BLAME),
    (0, "unusable members named", field(UNUSABLE, put([1])), BLAME),
    (0, "signature flipped", field(START_SIGNATURE, flip(0)), BLAME),
    (0, "signature missing", field(START_SIGNATURE, put(b"")), BLAME),
    (0, "field too few", lambda fields: fields[:3], BLAME),
    (0, "dropped", lambda fields: None, SOFT),
    (1, "commitment flipped", field(COMMITMENT, flip(0)), BLAME),
    (1, "commitment of noise", field(COMMITMENT, other), BLAME),
    (1, "commitment too short", field(COMMITMENT, put(bytes(31))), BLAME),
    (1, "signature flipped", field(SIGNATURE, flip(63)), BLAME),
    (1, "M1 off the curve", field(M1, flip(32 + 63)), BLAME),
    (1, "the last point of M1 off the curve", field(M1, flip(M1_BYTES - 1)), BLAME),
    (1, "M1 of noise", field(M1, other), BLAME),
    (1, "M1 missing", field(M1, put(b"")), BLAME),
    (1, "M1 too short", field(M1, put(bytes(M1_BYTES - 1))), BLAME),
    (1, "field too many", lambda fields: [*fields, b""], BLAME),
    (1, "dropped", lambda fields: None, SOFT),
    (2, "chain code part flipped", field(BODY, flip(0)), BLAME),
    (2, "salt flipped", field(BODY, flip(32)), BLAME),
    (2, "coefficient flipped", field(BODY, flip(64 + 33 + 5)), BLAME),
    (2, "proof flipped", field(BODY, flip(-1)), BLAME),
    (2, "body of noise", field(BODY, other), BLAME),
    (2, "body of a receiver", field(BODY, lambda body: body[:64]), BLAME),
    (2, "a coefficient more", field(BODY, lambda body: body[:97] + POINT + body[97:]), BLAME),
    (2, "a coefficient less", field(BODY, lambda body: body[:97] + body[130:]), BLAME),
    (2, "body empty", field(BODY, put(b"")), BLAME),
    (2, "body too long for any threshold", field(BODY, put(bytes(658))), BLAME),
    (2, "echo flipped", field(ECHO, flip(0)), SOFT),
    (2, "share flipped", field(SHARE, flip(31)), BLAME),
    (2, "share beyond the order", field(SHARE, put(BEYOND)), BLAME),
    (2, "share of all ones", field(SHARE, put(b"\xff" * 32)), BLAME),
    (2, "share zero", field(SHARE, put(bytes(32))), BLAME),
    (2, "share missing", field(SHARE, put(b"")), BLAME),
    (2, "share too short", field(SHARE, put(bytes(31))), BLAME),
    (2, "zs missing", field(ZS, put(b"")), BLAME),
    (2, "M2 missing", field(M2, put(b"")), BLAME),
    (2, "z off the curve", field(M2, splice(0, OFF_CURVE)), BLAME),
    (2, "z the identity", field(M2, splice(0, NO_POINT)), BLAME),
    (2, "another z", field(M2, splice(0, POINT)), BAN),
    (2, "all chi of noise", field(M2, lambda m2: m2[:33] + other(m2[33:PI]) + m2[PI:]), BAN),
    (2, "pi flipped", field(M2, flip(PI)), BAN),
    (2, "field too few", lambda fields: fields[:4], BLAME),
    (2, "dropped", lambda fields: None, SOFT),
    (3, "confirm flipped", field(CONFIRM, flip(0)), SOFT),
    (3, "confirm of zeros", field(CONFIRM, put(bytes(32))), SOFT),
    (3, "M3 flipped", field(M3, flip(0)), BAN),
    (3, "M3 of noise", field(M3, other), BAN),
    (3, "M3 missing", field(M3, put(b"")), BLAME),
    (3, "field too many", lambda fields: [*fields, b""], BLAME),
    (3, "dropped", lambda fields: None, SOFT),
    (4, "acknowledgement flipped", field(0, flip(0)), BLAME),
    (4, "acknowledgement of zeros", field(0, put(bytes(64))), BLAME),
    (4, "acknowledgement missing", field(0, put(b"")), BLAME),
    (4, "dropped", lambda fields: None, SOFT),
]
IDS = [f"round {number}: {name}" for number, name, _, _ in ALTERED]


def deal_sid():
    return dealing.Plan("dkg", session("keygen"), 2, [1, 2, 3], [1, 2, 3], 1).sid()


def hostile(relay, custodies=None, generators=None):
    """Run key generation of three over a hostile relay."""
    custodies = custodies or newcomers(3)
    return run(generators or keygens(2, custodies), relay), custodies


def assert_works_afterwards():
    """The same parties make a group in the next honest session, and it signs."""
    custodies = newcomers(3, "later")
    for index, (_, acks) in results(keygens(2, custodies, "later")).items():
        custodies[index].activate(acks)
    assert_signs(custodies, [1, 2])


@pytest.mark.parametrize(("number", "change", "expected"), [(n, c, e) for n, _, c, e in ALTERED], ids=IDS)
def test_an_altered_message_ends_as_the_specification_says(number, change, expected):
    parties, custodies = hostile(Tamper(number, 2, 1, change))
    assert verdict(parties[1]) == expected
    assert_nobody_honest_is_accused(parties, 2)
    for custody in custodies.values():
        assert custody.shard is None
    assert (2 in custodies[1].banned) == (expected == BAN)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_party_that_aborts_before_the_end_stores_nothing(number):
    parties, custodies = hostile(Tamper(number, 2, 1, lambda fields: None))
    assert verdict(parties[1]) == SOFT
    assert custodies[1].pending is None


def test_a_party_without_all_acknowledgements_keeps_its_pending_shard():
    _, custodies = hostile(Tamper(4, 2, 1, field(0, flip(0))))
    shard, pairs = custodies[1].pending
    assert (shard.epoch, sorted(pairs), custodies[1].shard) == (1, [2, 3], None)


def test_a_withheld_certificate_activates_the_pending_shard_later():
    parties, custodies = hostile(Tamper(4, 2, 1, lambda fields: None))
    _, acks = parties[3].result
    for custody in custodies.values():
        custody.activate(acks)
    assert_signs(custodies, [1, 2])


def test_the_next_honest_session_works_after_each_kind_of_end():
    for number, change in ((2, field(SHARE, flip(31))), (2, field(M2, flip(PI))), (3, field(CONFIRM, flip(0)))):
        hostile(Tamper(number, 2, 1, change))
        assert_works_afterwards()


def recorded(name="yesterday", ssid=None):
    relay = Record()
    run(keygens(2, newcomers(3, name), name, ssid), relay)
    return relay.messages


@pytest.mark.parametrize(
    ("number", "expected"), [(0, BLAME), (1, BLAME), (2, SOFT), (3, SOFT), (4, BLAME)], ids=range(5)
)
def test_a_message_of_another_session_is_of_no_use(number, expected):
    old = recorded()[number, 2, 1]
    assert verdict(hostile(Tamper(number, 2, 1, put(old)))[0][1]) == expected


@pytest.mark.parametrize(
    ("number", "names", "expected"),
    [
        (1, [M1], SOFT),  # party 2 finds the answer to a transfer that it did not begin
        (2, [BODY], BLAME),
        (2, [SHARE], BLAME),
        (2, [ZS, M2], BAN),
        (3, [M3], BAN),
    ],
)
def test_a_field_of_another_session_is_of_no_use(number, names, expected):
    old = recorded()[number, 2, 1]

    def mix(fields):
        return [old[n] if n in names else value for n, value in enumerate(fields)]

    assert verdict(hostile(Tamper(number, 2, 1, mix))[0][1]) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(0, DONE), (1, SOFT), (2, BLAME), (3, BAN), (4, DONE)], ids=range(5)
)
def test_a_message_meant_for_another_peer(number, expected):
    """Rounds 0 and 4 say the same to everyone; in the others shares and transfers are private."""
    kept = recorded("keygen")[number, 2, 3]
    assert verdict(hostile(Tamper(number, 2, 1, put(kept)), newcomers(3, "keygen"))[0][1]) == expected


@pytest.mark.parametrize("number", range(5))
def test_a_reflected_message_is_of_no_use(number):
    own = recorded("keygen")[number, 1, 2]
    parties, _ = hostile(Tamper(number, 2, 1, put(own)), newcomers(3, "keygen"))
    assert verdict(parties[1]) in (BLAME, BAN)


def test_a_flipped_zs_is_bound_into_the_pair_and_parts_softly_when_signing():
    custodies = newcomers(3)
    parties, _ = hostile(Tamper(2, 2, 1, field(ZS, flip(0))), custodies)
    for index, custody in custodies.items():
        custody.activate(parties[index].result[1])
    assert custodies[1].pairs[2].pid != custodies[2].pairs[1].pid
    ended = run(signs(custodies, [1, 2]))
    assert verdict(ended[1]) == verdict(ended[2]) == SOFT
    assert_signs(custodies, [1, 3])


@pytest.mark.parametrize("k", [0, 13, 64, 77, 126, 127])
def test_one_changed_chi_is_noticed_exactly_if_it_was_chosen(k):
    custodies = newcomers(3)
    generators = keygens(2, custodies)
    deltas = []

    class Watched(transfer.Receiver):
        def __init__(self, sid, receiver, sender, random):
            super().__init__(sid, receiver, sender, random)
            if sender == 2:
                deltas.append(self.delta)

    generators[1] = possessed(generators[1], (pair_rounds, "Receiver", Watched))
    parties, _ = hostile(Tamper(2, 2, 1, field(M2, flip(33 + 16 * k))), custodies, generators)
    chosen = deltas[0][k >> 3] >> (k & 7) & 1
    assert verdict(parties[1]) == (BAN if chosen else DONE)


def test_a_transfer_point_equal_to_the_sessions_own_is_refused():
    def change(m1):
        T = transfer.hash_to_curve(b"bot", TH("dkls/ot", deal_sid(), u8(2), u8(1)), m1[:32])
        return splice(32 + 64 * 77, platform.curve.encode_xy(T))(m1)

    parties, _ = hostile(Tamper(1, 2, 1, field(M1, change)))
    assert verdict(parties[1]) == BLAME


# A party that commits to a bad opening, opens it truly, and otherwise keeps to the protocol.


def with_body(change):
    """Party 2's own code: a changed body, and no check of itself."""
    honest_body, honest_open = dealing._body, dealing._open

    def body(me, plan, sid, polynomial, random):
        return change(honest_body(me, plan, sid, polynomial, random), sid)

    def opened(plan, sid, j, data, own):
        return [platform.curve.G] * plan.t if own else honest_open(plan, sid, j, data, own)

    return ((dealing, "_body", body), (dealing, "_open", opened))


def proof_for(sid, index):
    """A proof of knowledge of 1 under some other session or index."""
    return proofs.prove(sid, index, 1, platform.curve.G, randomness("proof"))


G = platform.curve.encode(platform.curve.G)
BODIES = {
    "a coefficient more": lambda body, sid: body[:130] + POINT + body[130:],
    "a coefficient less": lambda body, sid: body[:97] + body[130:],
    "no proof": lambda body, sid: body[:130],
    "nothing but cc and salt": lambda body, sid: body[:64],
    "the constant the identity": lambda body, sid: body[:64] + NO_POINT + body[97:],
    "the constant the identity, and no proof": lambda body, sid: body[:64] + NO_POINT + body[97:130],
    "the leading coefficient the identity": lambda body, sid: body[:97] + NO_POINT + body[130:],
    "a coefficient off the curve": lambda body, sid: body[:97] + OFF_CURVE + body[130:],
    "another leading coefficient": lambda body, sid: body[:97] + POINT + body[130:],
    "another constant": lambda body, sid: body[:64] + POINT + body[97:],
    "a changed proof": lambda body, sid: flip(-1)(body),
    "a proof beyond the order": lambda body, sid: body[:-32] + BEYOND,
    "a proof off the curve": lambda body, sid: body[:130] + OFF_CURVE + body[163:],
    "a proof of another session": lambda body, sid: body[:64] + G + body[97:130] + proof_for(bytes(32), 2),
    "a proof of another party": lambda body, sid: body[:64] + G + body[97:130] + proof_for(sid, 1),
}


@pytest.mark.parametrize("change", BODIES.values(), ids=BODIES)
def test_a_bad_opening_names_its_dealer_to_everyone(change):
    custodies = newcomers(3)
    generators = keygens(2, custodies)
    generators[2] = possessed(generators[2], *with_body(change))
    parties, _ = hostile(Relay(), custodies, generators)
    assert verdict(parties[1]) == verdict(parties[3]) == BLAME


def test_another_dealers_commitment_repeated_as_ones_own_cannot_be_opened():
    """Rogue key: whoever wants to answer to another's polynomial has to commit before seeing it."""
    custodies = newcomers(3)
    kept = recorded("keygen")
    identity = custodies[2].identity

    class Copycat(Relay):
        sid = None

        def message(self, number, sender, receiver, fields):
            if (number, sender) == (1, 2):
                value = kept[1, 1, 3][COMMITMENT]
                return [value, identity.sign(broadcast_digest(self.sid, 1, 2, value), bytes), fields[M1]]
            if (number, sender) == (2, 2):
                return [kept[2, 1, 3][BODY], self.echo, *fields[2:]]
            return fields

    relay = Copycat()
    relay.sid = deal_sid()
    commitments = [kept[1, 1, 2][COMMITMENT], kept[1, 1, 3][COMMITMENT], kept[1, 3, 2][COMMITMENT]]
    relay.echo = TH("dkls/echo", relay.sid, *commitments)
    parties, _ = hostile(relay, custodies)
    assert verdict(parties[1]) == verdict(parties[3]) == BLAME


def test_a_share_that_fits_only_the_other_receivers_names_the_dealer():
    parties, _ = hostile(Tamper(2, 2, 3, field(SHARE, flip(31))))
    assert verdict(parties[3]) == BLAME
    assert verdict(parties[1]) == SOFT


# Split views.


class TwoFaces(Relay):
    """Party 2 commits to something else towards party 3, and signs that too."""

    def __init__(self, identity, sid):
        self.identity = identity
        self.sid = sid

    def message(self, number, sender, receiver, fields):
        if (number, sender, receiver) == (1, 2, 3):
            value = other(fields[COMMITMENT])
            signature = self.identity.sign(broadcast_digest(self.sid, 1, 2, value), bytes)
            return [value, signature, fields[M1]]
        return fields


def test_two_signed_commitments_name_the_liar_with_evidence():
    custodies = newcomers(3)
    parties, _ = hostile(TwoFaces(custodies[2].identity, deal_sid()), custodies)
    for victim in (1, 3):
        assert verdict(parties[victim]) == BLAME
        sid, number, sender, one, _, two, _ = platform.cbor_decode(parties[victim].error.evidence)
        assert (sid, number, sender, one == two) == (deal_sid(), 1, 2, False)


def test_a_false_echo_to_everyone_names_nobody():
    class FalseEcho(Relay):
        def message(self, number, sender, receiver, fields):
            return field(ECHO, flip(0))(list(fields)) if (number, sender) == (2, 2) else fields

    parties, custodies = hostile(FalseEcho())
    assert {verdict(party) for party in parties.values()} == {SOFT}
    assert [custody.pending for custody in custodies.values()] == [None] * 3


def test_a_false_confirmation_to_everyone_names_nobody_and_stores_nothing():
    class FalseConfirm(Relay):
        def message(self, number, sender, receiver, fields):
            return field(CONFIRM, flip(0))(list(fields)) if (number, sender) == (3, 2) else fields

    parties, custodies = hostile(FalseConfirm())
    assert verdict(parties[1]) == verdict(parties[3]) == SOFT
    assert custodies[1].pending is custodies[3].pending is None


@pytest.mark.parametrize("sender_named", [1, 3])
def test_forged_evidence_names_nobody(sender_named):
    class Forger(Relay):
        def message(self, number, sender, receiver, fields):
            if (number, sender) == (2, 2):
                return field(ECHO, flip(0))(list(fields))
            if (number, sender) == (15, 2):
                return [[[j, bytes(32) if j == sender_named else value, s] for j, value, s in fields[0]]]
            return fields

    parties, _ = hostile(Forger())
    assert verdict(parties[1]) == verdict(parties[3]) == SOFT


# Round 0.


@pytest.mark.parametrize(
    ("epoch", "index", "unusable"), [(0, 7, []), (0, 0, [1])], ids=["an index of old", "pairs of old"]
)
def test_a_group_that_is_not_new_to_a_member_is_not_made(epoch, index, unusable):
    custodies = newcomers(3)
    digest = broadcast_digest(session("keygen"), 0, 2, start_digest(epoch, index, unusable))
    signature = custodies[2].identity.sign(digest, bytes)
    parties, _ = hostile(Tamper(0, 2, 1, put([epoch, index, unusable, signature])), custodies)
    assert verdict(parties[1]) == SOFT


def test_members_told_different_epochs_part_softly():
    custodies = newcomers(3)
    digest = broadcast_digest(session("keygen"), 0, 2, start_digest(9, 0, []))
    signature = custodies[2].identity.sign(digest, bytes)
    parties, _ = hostile(Tamper(0, 2, 1, put([9, 0, [], signature])), custodies)
    assert verdict(parties[1]) == verdict(parties[3]) == SOFT
