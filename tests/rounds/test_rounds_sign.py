"""Signing among honest members."""

from itertools import combinations

import pytest
from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.rounds.sign import sign
from daric_protocol.tagged import Q

from tests.rounds.exchange import randomness, results, run
from tests.rounds.groups import CTX, DIGEST, group, session, sign_together, signs
from tests.rounds.oracle import assert_signed, shifted


@pytest.mark.parametrize(
    ("t", "n", "signers"),
    [(2, 2, (1, 2))]
    + [(2, 3, pair) for pair in combinations((1, 2, 3), 2)]
    + [(3, 5, three) for three in combinations((1, 2, 3, 4, 5), 3)],
)
def test_any_t_members_sign(t, n, signers):
    custodies = group(t, n)
    assert_signed(sign_together(custodies, list(signers)), DIGEST, custodies[1].shard.pk)


@pytest.mark.parametrize("tweak", [1, 0xDA51C, Q - 1])
@pytest.mark.parametrize("signers", [[1, 2], [2, 3], [3, 1]])
def test_members_sign_for_a_derived_key(tweak, signers):
    custodies = group(2, 3)
    signature = sign_together(custodies, signers, tweak=tweak)
    assert_signed(signature, DIGEST, shifted(custodies[1].shard.pk, tweak))


def test_both_parities_of_the_nonce_point_recover_the_key():
    custodies = group(2, 2)
    recids = set()
    for n in range(12):
        signature = sign_together(custodies, [1, 2], f"parity {n}")
        assert_signed(signature, DIGEST, custodies[1].shard.pk)
        recids.add(signature.recid)
    assert recids == {0, 1}


def test_two_signatures_never_share_a_nonce():
    custodies = group(2, 2)
    assert sign_together(custodies, [1, 2], "first").r != sign_together(custodies, [1, 2], "second").r


def test_the_zero_digest_can_be_signed():
    custodies = group(2, 2)
    assert_signed(sign_together(custodies, [1, 2], digest=bytes(32)), bytes(32), custodies[1].shard.pk)


def test_every_check_is_framed_by_a_mark_and_the_digest_is_spent_before_the_shares_leave():
    custodies = group(3, 5)
    generators = signs(custodies, [1, 2, 4])
    generator = generators[1]
    seen = []

    def watched():
        outgoing = next(generator)
        while True:
            seen.append((outgoing.round, outgoing.spent, [name for name, _ in custodies[1].events]))
            try:
                outgoing = generator.send((yield outgoing))
            except StopIteration as end:
                return end.value

    results({**generators, 1: watched()})
    marks = ["open", "close", "open", "close"]
    assert seen == [
        (1, False, ["sign"]),
        (2, False, ["sign", *marks]),
        (3, True, ["sign", *marks, *marks, "spend"]),
    ]
    assert [name for name, _ in custodies[1].events][-1] == "signed"


def test_a_signature_costs_less_than_50_kilobytes_per_counterparty():
    custodies = group(2, 2)
    sent = []

    class Meter:
        def message(self, number, sender, receiver, fields):
            sent.append(len(platform.cbor_encode(fields)) * (sender == 1))
            return fields

        def stream(self, sender, receiver, chunks):
            sent.append(sum(map(len, chunks)) * (sender == 1))
            return chunks

    run(signs(custodies, [1, 2]), Meter())
    assert sum(sent) <= 49_300


def _inputs(**changes):
    custody = group(2, 3)[1]
    inputs = {
        "me": 1,
        "shard": custody.shard,
        "signers": [1, 2],
        "digest": DIGEST,
        "tweak": 0,
        "ctx": CTX,
        "ssid": session("inputs"),
        "custody": custody,
        "random": None,
    }
    inputs.update(changes)
    return inputs


@pytest.mark.parametrize(
    "changes",
    [
        {"signers": [1]},
        {"signers": [1, 2, 3]},
        {"signers": []},
        {"signers": [1, 1]},
        {"signers": [1, 0]},
        {"signers": [1, 4]},
        {"signers": [1, 256]},
        {"signers": [1, Q + 2]},
        {"signers": [2, 3]},
        {"me": 2},
        {"me": 0},
        {"digest": bytes(31)},
        {"digest": bytes(33)},
        {"ctx": bytes(31)},
        {"ssid": bytes(33)},
        {"tweak": -1},
        {"tweak": Q},
    ],
)
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_read(changes):
    inputs = _inputs(**changes)
    with pytest.raises(DaricError) as caught:
        next(sign(**inputs))
    assert caught.value.name == "parameter"
    assert inputs["custody"].events == []


@pytest.mark.parametrize(
    "change",
    [
        lambda g, c: g(digest=bytes(32)),
        lambda g, c: g(tweak=1),
        lambda g, c: g(ctx=bytes(32)),
        lambda g, c: g(name="another session"),
        lambda g, c: (setattr(c[2].shard, "epoch", 2), g())[1],
    ],
    ids=["digest", "tweak", "context", "session", "epoch"],
)
def test_signers_that_disagree_part_softly_and_touch_no_secret(change):
    custodies = group(2, 3)
    epoch = custodies[2].shard.epoch
    other = change(lambda name="sign", **more: signs(custodies, [1, 2], name, **more)[2], custodies)
    parties = run({1: signs(custodies, [1, 2])[1], 2: other})
    custodies[2].shard.epoch = epoch
    for index in (1, 2):
        assert (parties[index].error.name, parties[index].error.blame) == ("soft", None)
        assert "open" not in [name for name, _ in custodies[index].events]


def test_a_pair_without_state_refuses_softly():
    custodies = group(2, 3)
    custodies[1].ban(2, bytes(32))
    with pytest.raises(Abort) as caught:
        next(signs(custodies, [1, 2])[1])
    assert caught.value.name == "soft"


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_time_out_before_the_last_round_is_soft(rounds):
    assert _timed_out(rounds).name == "soft"


def test_a_time_out_after_the_shares_left_is_spent():
    assert _timed_out(3).name == "spent"


def _timed_out(rounds):
    class Silence:
        def message(self, number, sender, receiver, fields):
            return None if number == rounds else fields

        def stream(self, sender, receiver, chunks):
            return chunks

    return run(signs(group(2, 2), [1, 2]), Silence())[1].error


def test_a_custody_that_cannot_write_keeps_the_shares_inside():
    custodies = group(2, 2)

    def full(digest, sid):
        raise DaricError("storage")

    custodies[1].spend = full
    parties = run(signs(custodies, [1, 2]))
    assert parties[1].error.name == "storage"
    assert parties[2].error.name == "spent"


def test_randomness_that_repeats_across_sessions_repeats_no_nonce_commitment():
    custodies = group(2, 2)
    first = next(signs(custodies, [1, 2], "one")[1]).messages[2]
    again = sign(
        1, custodies[1].shard, [1, 2], DIGEST, 0, CTX, session("two"), custodies[1], randomness("one/1")
    )
    assert next(again).messages[2].commitment != first.commitment
