"""Rosters, shards and what may be in them."""

import hashlib
import json
import pathlib

import pytest
from daric_protocol import cbor
from daric_protocol.errors import DaricError
from daric_protocol.limits import MAX_PARTIES
from daric_protocol.roster import Member, Roster
from daric_protocol.shard import Shard

from tests.rounds.groups import group
from tests.rounds.memory_custody import identities

VECTORS = pathlib.Path(__file__).parents[1] / "vectors" / "protocol" / "roster_ssid_code.json"
CASES = json.loads(VECTORS.read_text())["cases"]


def tagged(tag, *fields):
    """The tagged hash, written down once more from the specification."""
    data = bytes([len(tag)]) + tag.encode()
    for field in fields:
        data += len(field).to_bytes(4, "big") + field
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_roster_vectors_agree_with_plain_hashlib(case):
    given, out = case["in"], case["out"]
    raw = bytes.fromhex
    members = [bytes([m["id"]]) + raw(m["identity"]) + raw(m["P"]) for m in given["members"]]
    version = given["version"].to_bytes(4, "big")
    assert out["roster"] == tagged("dkls/roster", bytes([given["t"]]), version, bytes([given["master"]]), *members)
    nonces = [raw(m["nonce"]) for m in given["members"] if m["nonce"]]
    name = (raw(given["uuid"]), given["op"].encode(), raw(given["group"]))
    assert out["ssid"] == tagged("dkls/sess", *name, raw(out["roster"]), *nonces)
    if "ack" in given:
        ack = given["ack"]
        dealing = (name[2], raw(ack["sid"]), ack["kind"].encode(), ack["epoch"].to_bytes(4, "big"))
        assert out["ack"] == tagged("dkls/ack", *dealing, raw(ack["confirm"]), raw(out["roster"]), bytes([ack["i"]]))


def members(*indexes):
    return [Member(index, bytes([2, index]) + bytes(31)) for index in indexes]


def test_indexes_follow_the_sorted_identities_whatever_the_order_of_joining():
    parties = [(identity.public, "phone", "") for identity in identities(5)]
    for shuffled in (parties, parties[::-1], parties[2:] + parties[:2]):
        roster = Roster.create(3, shuffled)
        assert roster.indexes() == [1, 2, 3, 4, 5]
        assert [member.identity for member in roster.members] == [who[0] for who in parties]


def test_members_are_found_by_index_and_by_identity():
    roster = Roster(2, 0, 0, members(3, 9, 200))
    assert roster.member(9).index == 9
    assert roster.index_of(roster.member(200).identity) == 200


@pytest.mark.parametrize("index", [0, 4, 256])
def test_an_unknown_index_is_refused(index):
    with pytest.raises(DaricError) as caught:
        Roster(2, 0, 0, members(1, 2, 3)).member(index)
    assert caught.value.name == "parameter"


def test_a_stranger_has_no_index():
    with pytest.raises(DaricError) as caught:
        Roster(2, 0, 0, members(1, 2)).index_of(bytes(33))
    assert caught.value.name == "group"


@pytest.mark.parametrize(
    "build",
    [
        lambda: Roster(1, 0, 0, members(1, 2)),
        lambda: Roster(3, 0, 0, members(1, 2)),
        lambda: Roster(2, 0, 0, members(1)),
        lambda: Roster(2, 0, 0, members(*range(1, MAX_PARTIES + 2))),
        lambda: Roster(2, 0, 0, members(0, 1)),
        lambda: Roster(2, 0, 0, [*members(1), Member(256, bytes(33))]),
        lambda: Roster(2, 0, 0, members(1, 1)),
        lambda: Roster(2, 0, 0, [Member(1, bytes(33)), Member(2, bytes(33))]),
        lambda: Roster(2, 0, 0, [*members(1), Member(2, bytes(32))]),
        lambda: Roster(2, 0, 0, [*members(1), Member(2, bytes(33), public_share=bytes(32))]),
        lambda: Roster(2, -1, 0, members(1, 2)),
        lambda: Roster(2, 2**32, 0, members(1, 2)),
        lambda: Roster(2, 0, 3, members(1, 2)),
    ],
)
def test_an_impossible_roster_is_refused(build):
    with pytest.raises(DaricError) as caught:
        build()
    assert caught.value.name == "parameter"


def test_threshold_version_master_members_and_shares_are_all_hashed():
    base = Roster(2, 0, 0, members(1, 2, 3))
    others = [
        Roster(3, 0, 0, members(1, 2, 3)),
        Roster(2, 1, 0, members(1, 2, 3)),
        Roster(2, 0, 1, members(1, 2, 3)),
        Roster(2, 0, 0, members(1, 2)),
        Roster(2, 0, 0, members(1, 2, 4)),
        base.with_shares({1: b"\x02" * 33, 2: b"\x02" * 33, 3: b"\x02" * 33}),
    ]
    assert len({roster.hash() for roster in [base, *others]}) == 7


@pytest.mark.parametrize(
    "spoil",
    [
        lambda wire: wire[:3],
        lambda wire: [*wire, 0],
        lambda wire: [True, *wire[1:]],
        lambda wire: [1, *wire[1:]],
        lambda wire: [*wire[:3], wire[3][:1]],
        lambda wire: [*wire[:3], [member[:4] for member in wire[3]]],
        lambda wire: [*wire[:3], [[0, *member[1:]] for member in wire[3]]],
        lambda wire: [*wire[:3], [[member[0], member[1][1:], *member[2:]] for member in wire[3]]],
        lambda wire: [*wire[:3], [[member[0], "text", *member[2:]] for member in wire[3]]],
        lambda wire: None,
    ],
)
def test_a_malformed_roster_is_refused(spoil):
    wire = Roster(2, 0, 0, members(1, 2, 3)).to_wire()
    with pytest.raises(DaricError) as caught:
        Roster.from_wire(spoil(wire))
    assert caught.value.name == "encoding"


def _changed(position, value):
    fields = cbor.decode(group(2, 2)[1].shard.encode())
    fields[position] = value
    return cbor.encode(fields)


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, 1),
        (0, 3),
        (1, bytes(15)),
        (2, 7),
        (3, 0),
        (3, 2**32),
        (4, 3),
        (5, b"\xff" * 32),
        (5, bytes(31)),
        (6, bytes(32)),
        (7, bytes(33)),
        (8, b""),
        (9, "text"),
        (10, bytes(31)),
        (11, []),
        (12, b""),
    ],
)
def test_a_malformed_shard_is_refused(position, value):
    with pytest.raises(DaricError) as caught:
        Shard.decode(_changed(position, value))
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_shard_is_refused(cut):
    with pytest.raises(DaricError) as caught:
        Shard.decode(group(2, 2)[1].shard.encode()[:cut])
    assert caught.value.name == "encoding"
