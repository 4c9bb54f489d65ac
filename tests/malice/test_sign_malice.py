"""Every message of a signature altered, dropped, repeated or swapped: class, culprit, and what is left afterwards.

Party 2 lies to party 1; where a third signer is needed, it is party 3 of a 3-of-5 group.
"""

import pytest
from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact
from daric_protocol import platform
from daric_protocol.errors import Abort
from daric_protocol.identity import Identity
from daric_protocol.messages import Copies
from daric_protocol.rounds import sign as signing
from daric_protocol.rounds.evidence import broadcast_digest
from daric_protocol.rounds.outgoing import EVIDENCE_ROUND, Outgoing
from daric_protocol.signmessages import EXTENSION_BYTES

from tests.malice.hostile import (
    CHUNKS,
    IDENTITY,
    OFF_CURVE,
    ORDER,
    POINT,
    Record,
    Relay,
    Tamper,
    TamperStream,
    assert_nobody_honest_is_accused,
    assert_nothing_lost,
    assert_signs,
    field,
    flip,
    other,
    possessed,
    put,
    splice,
    verdict,
)
from tests.rounds.exchange import run
from tests.rounds.groups import DIGEST, group, pairs, sign_together, signs

SOFT, SPENT, BLAME, BAN = ("soft", None), ("spent", None), ("blame", 2), ("ban", 2)
SPENT_BY = ("spent", 2)
PID, SID, COMMITMENT, SIGNATURE, EXTENSION = range(5)
ECHO, NONCE, SALT, KEY, GAMMA_U, GAMMA_V, PSI = range(7)
BEYOND = ORDER.to_bytes(32, "big")
X_TILDE, TAU = EXTENSION_BYTES - 48, EXTENSION_BYTES - 32


def negated(point):
    return bytes([point[0] ^ 1]) + point[1:]


def opposite(data):
    """Another scalar in range."""
    return (ORDER - 1 - int.from_bytes(data, "big")).to_bytes(32, "big")


ALTERED = [
    (1, "pid flipped", field(PID, flip(0)), SOFT),
    (1, "pid of noise", field(PID, other), SOFT),
    (1, "pid too short", field(PID, put(bytes(31))), BLAME),
    (1, "sid flipped", field(SID, flip(31)), SOFT),
    (1, "sid of noise", field(SID, other), SOFT),
    (1, "sid too long", field(SID, put(bytes(33))), BLAME),
    (1, "commitment flipped", field(COMMITMENT, flip(5)), BLAME),
    (1, "commitment missing", field(COMMITMENT, put(b"")), BLAME),
    (1, "signature flipped", field(SIGNATURE, flip(40)), BLAME),
    (1, "signature of zeros", field(SIGNATURE, put(bytes(64))), BLAME),
    (1, "first column flipped", field(EXTENSION, flip(0)), BAN),
    (1, "last column flipped", field(EXTENSION, flip(X_TILDE - 1, 0x80)), BAN),
    (1, "U of noise", field(EXTENSION, lambda data: other(data[:X_TILDE]) + data[X_TILDE:]), BAN),
    (1, "x~ flipped", field(EXTENSION, flip(X_TILDE)), BAN),
    (1, "tau flipped", field(EXTENSION, flip(TAU)), BAN),
    (1, "extension too short", field(EXTENSION, lambda data: data[:-1]), BLAME),
    (1, "extension empty", field(EXTENSION, put(b"")), BLAME),
    (1, "field too many", lambda fields: [*fields, 0], BLAME),
    (1, "field too few", lambda fields: fields[:-1], BLAME),
    (1, "two fields swapped", lambda fields: [fields[SIGNATURE], *fields[1:3], fields[PID], fields[4]], BLAME),
    (1, "dropped", lambda fields: None, SOFT),
    (2, "echo flipped", field(ECHO, flip(0)), SOFT),
    (2, "echo of noise", field(ECHO, other), SOFT),
    (2, "nonce point negated", field(NONCE, negated), BLAME),
    (2, "another nonce point", field(NONCE, put(POINT)), BLAME),
    (2, "nonce point off the curve", field(NONCE, put(OFF_CURVE)), BLAME),
    (2, "nonce point the identity", field(NONCE, put(IDENTITY)), BLAME),
    (2, "salt flipped", field(SALT, flip(9)), BLAME),
    (2, "key point negated", field(KEY, negated), BAN),
    (2, "another key point", field(KEY, put(POINT)), BAN),
    (2, "key point off the curve", field(KEY, put(OFF_CURVE)), BLAME),
    (2, "key point the identity", field(KEY, put(IDENTITY)), BLAME),
    (2, "another Gu", field(GAMMA_U, put(POINT)), BAN),
    (2, "Gu negated", field(GAMMA_U, negated), BAN),
    (2, "Gu the identity", field(GAMMA_U, put(IDENTITY)), BLAME),
    (2, "another Gv", field(GAMMA_V, put(POINT)), BAN),
    (2, "Gv off the curve", field(GAMMA_V, put(OFF_CURVE)), BLAME),
    (2, "another psi", field(PSI, opposite), SPENT),
    (2, "psi beyond the order", field(PSI, put(BEYOND)), BLAME),
    (2, "field too many", lambda fields: [*fields, bytes(32)], BLAME),
    (2, "field too few", lambda fields: fields[1:], BLAME),
    (2, "dropped", lambda fields: None, SOFT),
    (3, "another u", field(0, opposite), SPENT),
    (3, "u beyond the order", field(0, put(BEYOND)), SPENT_BY),
    (3, "u of all ones", field(0, put(b"\xff" * 32)), SPENT_BY),
    (3, "another w", field(1, opposite), SPENT),
    (3, "w zero", field(1, put(bytes(32))), SPENT),
    (3, "w beyond the order", field(1, put(BEYOND)), SPENT_BY),
    (3, "u and w swapped", lambda fields: fields[::-1], SPENT),
    (3, "field too few", lambda fields: fields[:1], SPENT_BY),
    (3, "dropped", lambda fields: None, SPENT),
]


def chunk(n, change):
    def apply(chunks):
        chunks[n] = change(chunks[n])
        return chunks

    return apply


STREAMS = [
    ("h flipped", chunk(0, flip(0)), BAN),
    ("another eta", chunk(0, lambda data: data[:32] + opposite(data[32:])), BAN),
    ("eta beyond the order", chunk(0, splice(32, BEYOND)), BLAME),
    ("one row flipped", chunk(1, flip(31)), BAN),
    ("the last row flipped", chunk(13, flip(3071)), BAN),
    ("a chunk of noise", chunk(7, other), BAN),
    ("two chunks swapped", lambda chunks: [*chunks[:3], chunks[4], chunks[3], *chunks[5:]], BAN),
    ("a chunk twice", lambda chunks: [*chunks[:4], *chunks[3:-2], chunks[-1]], BAN),
    ("MU flipped", chunk(14, flip(0)), BAN),
    ("a chunk too short", chunk(2, lambda data: data[:-1]), BLAME),
    ("a chunk too long", chunk(2, lambda data: data + b"\0"), BLAME),
    ("an empty header", chunk(0, put(b"")), BLAME),
    ("a chunk too many", lambda chunks: [*chunks, chunks[-1]], BLAME),
    ("cut before the end", lambda chunks: chunks[:-1], SOFT),
    ("cut in the middle", lambda chunks: chunks[:6], SOFT),
    ("nothing", lambda chunks: [], SOFT),
]


def check(relay, expected, custodies=None, signers=(1, 2)):
    """Run a hostile session and then honest ones."""
    custodies = custodies or group(2, 3)
    before = {index: custody.copy(None) for index, custody in custodies.items()}
    parties = run(signs(custodies, list(signers)), relay)
    assert verdict(parties[1]) == expected
    assert_nobody_honest_is_accused(parties, 2)
    assert_nothing_lost(before, custodies, {(1, 2)} if expected == BAN else ())
    assert (DIGEST in custodies[1].spent) == (expected[0] == "spent")
    assert_signs(custodies, [1, 3])
    if expected != BAN:
        assert_signs(custodies, [1, 2])
    return custodies


@pytest.mark.parametrize(("number", "change", "expected"), [(n, c, e) for n, _, c, e in ALTERED],
                         ids=[f"round {n}: {name}" for n, name, _, _ in ALTERED])
def test_an_altered_message_ends_as_the_specification_says(number, change, expected):
    check(Tamper(number, 2, 1, change), expected)


@pytest.mark.parametrize(("change", "expected"), [(c, e) for _, c, e in STREAMS], ids=[name for name, _, _ in STREAMS])
def test_an_altered_stream_ends_as_the_specification_says(change, expected):
    check(TamperStream(2, 1, change), expected)


def recorded(name="yesterday", signers=(1, 2), custodies=None, **more):
    relay = Record()
    run(signs(custodies or group(2, 3), list(signers), name, **more), relay)
    return relay


@pytest.mark.parametrize(("number", "expected"), [(1, SOFT), (2, SOFT), (3, SPENT)])
def test_a_message_of_another_session_is_of_no_use(number, expected):
    old = recorded().messages[number, 2, 1]
    check(Tamper(number, 2, 1, put(old)), expected)


def test_a_stream_of_another_session_is_of_no_use():
    old = recorded().streams[2, 1]
    check(TamperStream(2, 1, put(old)), BAN)


def test_an_extension_message_of_another_session_is_of_no_use():
    old = recorded().messages[1, 2, 1][EXTENSION]
    check(Tamper(1, 2, 1, field(EXTENSION, put(old))), BAN)


def test_a_commitment_of_another_session_is_of_no_use():
    old = recorded().messages[1, 2, 1]
    check(Tamper(1, 2, 1, lambda fields: [*fields[:2], old[COMMITMENT], old[SIGNATURE], fields[4]]), BLAME)


def test_the_victims_own_messages_reflected_are_of_no_use():
    seen = recorded("sign").messages
    check(Tamper(1, 2, 1, put(seen[1, 1, 2])), BLAME)  # the commitment is signed by the wrong party
    check(Tamper(2, 2, 1, put(seen[2, 1, 2])), BLAME)  # and commits under the wrong index


class Misdeliver(Relay):
    """Gives party 1 what party 2 sent to party 3, in one round."""

    def __init__(self, number, streams=False):
        self.number = number
        self.streams = streams
        self.kept = recorded("sign", (1, 2, 3), group(3, 5))

    def message(self, number, sender, receiver, fields):
        wrong = (number, sender, receiver) == (self.number, 2, 1)
        return self.kept.messages[number, 2, 3] if wrong else fields

    def stream(self, sender, receiver, chunks):
        return self.kept.streams[2, 3] if self.streams and (sender, receiver) == (2, 1) else chunks


@pytest.mark.parametrize(
    ("relay", "expected"),
    [
        (lambda: Misdeliver(1), SOFT),
        (lambda: Misdeliver(2), BAN),
        (lambda: Misdeliver(0, True), BAN),
        (lambda: Misdeliver(3), ("done", None)),  # round 3 says the same to everyone
    ],
    ids=["round 1", "round 2", "stream", "round 3"],
)
def test_messages_swapped_between_peers(relay, expected):
    custodies = group(3, 5)
    parties = run(signs(custodies, [1, 2, 3]), relay())
    assert verdict(parties[1]) == expected
    assert_nobody_honest_is_accused(parties, 2)
    assert_signs(custodies, [1, 3, 5])


# A party that lies consistently, with every message that it sends computed as the protocol says.


def with_other_inputs(nonce_change, key_change):
    honest = signing._multiply

    def multiply(sid, me, j, message, r, key, custody, random):
        return honest(sid, me, j, message, r + nonce_change, key + key_change, custody, random)

    return (signing, "_multiply", multiply)


@pytest.mark.parametrize("changes", [(1, 0), (0, 1), (1, 1)], ids=["nonce", "key share", "both"])
def test_a_multiplication_by_other_inputs_than_the_opened_ones_is_a_ban(changes):
    custodies = group(2, 3)
    generators = signs(custodies, [1, 2])
    generators[2] = possessed(generators[2], with_other_inputs(*changes))
    assert verdict(run(generators)[1]) == BAN
    assert 2 in custodies[1].banned
    assert_signs(custodies, [1, 3])


def test_a_wrong_key_share_used_throughout_is_found_and_names_nobody():
    custodies = group(2, 3)
    shard = custodies[2].shard
    right, shard.s = shard.s, (shard.s + 1) % ORDER
    try:
        parties = run(signs(custodies, [1, 2]))
    finally:
        shard.s = right
    assert verdict(parties[1]) == verdict(parties[2]) == SOFT
    assert custodies[1].spent == {}
    assert_signs(custodies, [1, 2])


def test_a_shifted_psi_repaired_in_secret_leaves_the_victim_with_a_spent_digest():
    custodies = group(2, 3)
    parties = run(signs(custodies, [1, 2]), Tamper(2, 2, 1, field(PSI, opposite)))
    assert verdict(parties[1]) == SPENT
    assert DIGEST in custodies[1].spent


# Split views need a third signer.


class TwoFaces(Relay):
    """Party 2 commits to another nonce towards party 3, and signs that commitment too."""

    def __init__(self, identity):
        self.identity = identity

    def message(self, number, sender, receiver, fields):
        if (number, sender, receiver) == (1, 2, 3):
            value = other(fields[COMMITMENT])
            signature = self.identity.sign(broadcast_digest(fields[SID], 1, 2, value), bytes)
            return [*fields[:2], value, signature, fields[4]]
        return fields


def test_two_signed_commitments_name_the_liar_with_evidence():
    custodies = group(3, 5)
    parties = run(signs(custodies, [1, 2, 3]), TwoFaces(custodies[2].identity))
    for victim in (1, 3):
        assert verdict(parties[victim]) == BLAME
        sid, number, sender, *claims = platform.cbor_decode(parties[victim].error.evidence)
        assert (number, sender, claims[0] == claims[2]) == (1, 2, False)
        for value, signature in (claims[:2], claims[2:]):
            digest = broadcast_digest(sid, number, sender, value)
            public = custodies[1].shard.roster.member(2).identity
            assert verifies(public, digest, signature)
    assert_signs(custodies, [1, 3, 4])


def verifies(public, digest, signature):
    return PublicKey(public).verify(cdata_to_der(deserialize_compact(signature)), digest, hasher=None)


class FalseEcho(Relay):
    """Party 2 echoes another view to everyone and then accuses party 3 with a signature that is not its."""

    def message(self, number, sender, receiver, fields):
        if (number, sender) == (2, 2):
            return [bytes(32), *fields[1:]]
        if (number, sender) == (15, 2):
            forged = Identity(5).sign(bytes(32), bytes)
            return [[[copy[0], bytes(32) if copy[0] == 3 else copy[1], forged] for copy in fields[0]]]
        return fields


def test_a_false_accusation_names_nobody():
    custodies = group(3, 5)
    generators = signs(custodies, [1, 2, 3])

    def follows(generator):  # party 2 joins the exchange of evidence that it provoked
        received = yield next(generator)
        held = [[j, received[j].commitment, received[j].signature] for j in (1, 3)]
        outgoing = generator.send(received)
        yield outgoing
        copies = Copies([tuple(copy) for copy in held])
        yield Outgoing(outgoing.sid, EVIDENCE_ROUND, Copies, {1: copies, 3: copies})

    generators[2] = follows(generators[2])
    parties = run(generators, FalseEcho())
    assert verdict(parties[1]) == verdict(parties[3]) == SOFT
    assert_signs(custodies, [1, 2, 3])


# After a ban.


def test_a_ban_lasts_until_a_new_pair_set_up():
    custodies = check(Tamper(1, 2, 1, field(EXTENSION, flip(0))), BAN)
    for name in ("again", "and again"):
        with pytest.raises(Abort) as caught:
            next(signs(custodies, [1, 2], name)[1])
        assert caught.value.name == "soft"
    made = run(pairs(custodies, 1, 2))
    assert all(party.error is None for party in made.values())
    custodies[1].activate_pair(2)
    custodies[2].activate_pair(1)
    assert_signs(custodies, [1, 2])


def test_the_mark_is_written_before_the_check_and_the_ban_before_anyone_hears_of_it():
    custodies = group(2, 3)
    run(signs(custodies, [1, 2]), Tamper(1, 2, 1, field(EXTENSION, flip(0))))
    assert [name for name, _ in custodies[1].events] == ["sign", "open", "ban"]
    custodies = group(2, 3)
    run(signs(custodies, [1, 2]), TamperStream(2, 1, chunk(CHUNKS - 1, flip(0))))
    assert [name for name, _ in custodies[1].events] == ["sign", "open", "close", "open", "ban"]


def test_power_cuts_between_check_and_ban_reveal_at_most_one_bit():
    class PowerCut(Exception):
        pass

    custody = group(2, 3)[1]
    answers = 0
    for probe in range(200):
        fresh = group(2, 3)
        fresh[1] = custody
        guess = Tamper(1, 2, 1, field(EXTENSION, flip(68 * (probe % 128))))

        def cut(*_):
            raise PowerCut

        custody.ban = cut
        try:
            parties = run(signs(fresh, [1, 2], f"probe {probe}"), guess)
            answers += verdict(parties[1]) not in (SOFT,)
        except PowerCut:
            answers += 1
        del custody.ban
        for peer in list(custody.marks):  # what a start-up does with the marks that it finds
            custody.ban(peer, bytes(32))
    assert answers == 1


def test_sign_together_still_works_among_the_untouched():
    custodies = group(2, 3)
    run(signs(custodies, [1, 2]), Tamper(1, 2, 1, field(EXTENSION, flip(0))))
    assert sign_together(custodies, [2, 3]).s > 0
