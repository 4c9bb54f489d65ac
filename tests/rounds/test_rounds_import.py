"""Import and export: the key that was brought signs, is shared, and comes back, with its phrase."""

import pytest
from coincurve import PublicKey
from daric_protocol import entropyparts, platform
from daric_protocol.errors import DaricError
from daric_protocol.roster import Roster
from daric_protocol.rounds.imported import imported
from daric_protocol.shard import Shard

from tests.rounds.exchange import randomness, results, run
from tests.rounds.exports import SECRET, X, exports, import_together, imports
from tests.rounds.groups import DIGEST, newcomers, sign_together
from tests.rounds.oracle import assert_signed
from tests.rounds.reshares import reshare_together, stranger

CHAIN_CODE = bytes(range(32))
PHRASES = [bytes(range(7, 7 + length)) for length in entropyparts.LENGTHS]


@pytest.mark.parametrize("dealer", [1, 2, 3])
def test_the_imported_key_signs_with_any_members(dealer):
    custodies = import_together(2, 3, dealer)
    assert PublicKey.from_valid_secret(SECRET.to_bytes(32, "big")).format() == custodies[1].shard.pk == X
    for signers in ([1, 2], [1, 3], [2, 3]):
        assert_signed(sign_together(custodies, signers, f"imported {signers}"), DIGEST, X)


def test_the_nodes_chain_code_is_kept_and_else_one_is_derived():
    assert import_together(2, 2, 1, cc=CHAIN_CODE)[2].shard.cc == CHAIN_CODE
    derived = import_together(2, 2, 1)
    assert derived[1].shard.cc == derived[2].shard.cc != bytes(32)


@pytest.mark.parametrize("entropy", [b"", *PHRASES], ids=len)
def test_the_key_and_the_phrase_come_back_to_the_initiator_alone(entropy):
    custodies = import_together(2, 3, 1, entropy=entropy)
    made = results(exports(custodies, [2, 3], 3))
    assert (made[3].secret, made[3].entropy) == (SECRET, entropy)
    assert made[2] is None


def test_a_phrase_survives_resharing_to_members_that_never_saw_it():
    custodies = {**import_together(2, 3, 1, entropy=PHRASES[-1]), 4: stranger(4), 5: stranger(5)}
    reshare_together(custodies, 3, [1, 2, 3], [3, 4, 5])
    made = results(exports(custodies, [3, 4, 5], 4))
    assert (made[4].secret, made[4].entropy) == (SECRET, PHRASES[-1])
    assert_signed(sign_together(custodies, [3, 4, 5], "later"), DIGEST, X)


def test_a_resharing_changes_the_shares_of_the_phrase_too():
    custodies = import_together(2, 2, 1, entropy=PHRASES[-1])
    old = [part.s for part in custodies[1].shard.entropy]
    shards = reshare_together(custodies, 2, [1, 2], [1, 2])
    assert not set(old) & {part.s for part in shards[1].entropy}
    assert [part.pk for part in shards[1].entropy] == [part.pk for part in shards[2].entropy]


def test_a_shard_with_a_phrase_survives_its_encoding():
    shard = import_together(2, 2, 1, entropy=PHRASES[-1])[2].shard
    again = Shard.decode(shard.encode())
    assert again.encode() == shard.encode() and len(again.entropy) == 2
    assert again.entropy[1].P == shard.entropy[1].P


def test_one_members_shares_show_nothing_of_a_short_phrase():
    custodies = import_together(2, 2, 1, entropy=bytes(16))
    scalar = entropyparts.split(bytes(16), randomness("other fill"))[0]
    bare = platform.curve.encode(platform.curve.mul_g(scalar))
    assert custodies[2].shard.entropy[0].pk != bare


def test_the_shard_is_stored_before_its_acknowledgement_is_signed():
    custodies = newcomers(2, "order")
    results(imports(custodies, 2, 1, entropy=PHRASES[0]))
    assert [name for name, _ in custodies[2].events] == ["sign", "epoch", "sign", "sign", "pending", "sign"]


@pytest.mark.parametrize("length", [1, 15, 17, 33, 48, -1])
def test_only_the_entropies_of_phrases_are_shared(length):
    with pytest.raises(DaricError) as caught:
        entropyparts.count(length)
    assert caught.value.name == "parameter"


@pytest.mark.parametrize(
    "heads", [[0], [17], [255], [15], [4], [16, 16, 16], [16, 0], [16, 17], [4, 16], [16, 5], []], ids=str
)
def test_scalars_that_hold_no_phrase_are_refused(heads):
    with pytest.raises(DaricError) as caught:
        entropyparts.join([int.from_bytes(bytes([head]) + bytes(31), "big") % platform.curve.Q for head in heads])
    assert caught.value.name == "encoding"


def _start(**changes):
    custodies = newcomers(2)
    parties = [(custody.identity.public, "phone", "") for custody in custodies.values()]
    inputs = {
        "me": 1, "ssid": bytes(32), "group_id": bytes(16), "roster": Roster.create(2, parties), "dealer": 1, "pk": X,
        "cc": b"", "entropy_length": 0, "custody": custodies[1], "random": None, "secret": SECRET,
    }  # fmt: skip
    inputs.update(changes)
    with pytest.raises(DaricError) as caught:
        next(imported(**inputs))
    assert custodies[1].events == []
    return caught.value.name


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": 0},
        {"secret": platform.curve.Q},
        {"secret": SECRET + platform.curve.Q},
        {"secret": SECRET + 1},
        {"cc": bytes(31)},
        {"dealer": 0},
        {"dealer": 3},
        {"dealer": 2},
        {"ssid": bytes(3)},
        {"entropy_length": 16},
        {"entropy_length": 15, "entropy": bytes(15)},
        {"entropy": bytes(16)},
    ],
    ids=str,
)
def test_wrong_inputs_are_refused_before_anything_is_drawn_or_sent(changes):
    assert _start(**changes) == "parameter"


def test_a_key_that_is_no_point_is_refused():
    assert _start(pk=b"\x02" + bytes(31) + b"\x05") == "encoding"


@pytest.mark.parametrize(("members", "initiator"), [([1], 1), ([1, 1], 1), ([1, 2, 3], 1), ([1, 9], 1), ([1, 2], 3)])
def test_an_export_of_other_than_t_members_is_refused(members, initiator):
    custodies = import_together(2, 3, 1)
    with pytest.raises(DaricError) as caught:
        next(exports(custodies, [m for m in members if m in custodies], initiator, named=members)[1])
    assert caught.value.name == "parameter"


def test_an_export_is_bound_to_initiator_and_purpose():
    custodies = import_together(2, 3, 1)
    for other in ({"initiator": 2}, {"purpose": "another"}):
        generators = exports(custodies, [1, 2], 1)
        generators[2] = exports(custodies, [1, 2], **{"initiator": 1, **other})[2]
        ended = run(generators)
        assert {(party.error.name, party.error.blame) for party in ended.values()} == {("soft", None)}
