"""Dealings with known constants: a dealer that pins something else is named. docs/protocol.md, section 2."""

import pytest
from daric_protocol import platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.polynomial import lagrange
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import dealing

from tests.malice.hostile import Tamper, field, flip, possessed, put, verdict
from tests.rounds.exchange import randomness, results, run
from tests.rounds.groups import group, session
from tests.rounds.memory_custody import MemoryCustody, identities

BLAME, SOFT = ("blame", 2), ("soft", None)
SECRET = 0x1234
X = platform.curve.encode(platform.curve.mul_g(SECRET))


def import_plan(pk=X, t=2):
    """Party 1 brings the key, the others add nothing."""
    pinned = {1: X, 2: dealing.IDENTITY, 3: dealing.IDENTITY}
    return dealing.Plan("imp", session("import"), t, [1, 2, 3], [1, 2, 3], 1, pk, 0, pinned, bytes(32))


def refresh_plan(custodies, pk=None):
    shard = custodies[1].shard
    curve = platform.curve
    pinned = {j: curve.encode(curve.mul(lagrange([1, 2, 3], j), curve.decode(P))) for j, P in shard.P.items()}
    return dealing.Plan("rsh", session("refresh"), 2, [1, 2, 3], [1, 2, 3], 2, pk or shard.pk, 0, pinned, shard.cc)


def deals(plan, constants):
    """{index: generator} without pair set-ups."""
    who = identities(3)
    roster = Roster(2, 0, 0, [Member(i + 1, identity.public) for i, identity in enumerate(who)])
    return {
        i: dealing.deal(
            i, plan, roster, constants.get(i), [], MemoryCustody(who[i - 1], randomness(i)), randomness(f"deal {i}")
        )
        for i in plan.parties
    }


def old_constants(custodies):
    return {i: lagrange([1, 2, 3], i) * c.shard.s for i, c in custodies.items()}


def rebuilt(dealt, ids=(1, 3)):
    return sum(lagrange(ids, i) * dealt[i].s for i in ids) % platform.curve.Q


def test_an_imported_key_is_the_one_that_was_brought():
    dealt = results(deals(import_plan(), {1: SECRET}))
    assert {d.pk for d in dealt.values()} == {X}
    assert rebuilt(dealt) == SECRET


def test_an_importer_that_deals_another_key_is_named():
    ended = run(deals(import_plan(), {1: SECRET + 1}))
    assert verdict(ended[2]) == verdict(ended[3]) == ("blame", 1)


def test_a_member_that_adds_to_an_imported_key_is_named():
    honest = dealing._body

    def body(me, plan, sid, polynomial, random):
        data = honest(me, plan, sid, polynomial, random)
        return data[:64] + X + data[97:]

    generators = deals(import_plan(), {1: SECRET})
    patches = ((dealing, "_body", body), (dealing, "_open", lambda plan, *_: [None] * plan.t))
    generators[2] = possessed(generators[2], *patches)
    ended = run(generators)
    assert verdict(ended[1]) == verdict(ended[3]) == BLAME


def test_a_refresh_keeps_the_key_and_changes_every_share():
    custodies = group(2, 3)
    dealt = results(deals(refresh_plan(custodies), old_constants(custodies)))
    assert {d.pk for d in dealt.values()} == {custodies[1].shard.pk}
    assert not {d.s for d in dealt.values()} & {c.shard.s for c in custodies.values()}
    assert platform.curve.encode(platform.curve.mul_g(rebuilt(dealt))) == custodies[1].shard.pk


def test_a_refresh_with_another_share_than_the_own_names_the_dealer():
    """Lather, rinse, repeat: what a member adds in a refresh is provably its old share."""
    custodies = group(2, 3)
    constants = old_constants(custodies)
    constants[2] += 1
    ended = run(deals(refresh_plan(custodies), constants))
    assert verdict(ended[1]) == verdict(ended[3]) == BLAME


def test_a_key_other_than_the_expected_one_names_nobody():
    ended = run(deals(import_plan(pk=platform.curve.encode(platform.curve.G)), {1: SECRET}))
    assert {verdict(party) for party in ended.values()} == {SOFT}


@pytest.mark.parametrize("n", [3, 4])
def test_transfer_fields_where_no_pair_is_set_up_are_refused(n):
    ended = run(deals(import_plan(), {1: SECRET}), Tamper(2, 2, 1, field(n, put(bytes((32, 2113)[n - 3])))))
    assert verdict(ended[1]) == BLAME


def test_a_share_is_checked_in_every_kind_of_dealing():
    ended = run(deals(import_plan(), {1: SECRET}), Tamper(2, 2, 3, field(2, flip(31))))
    assert verdict(ended[3]) == BLAME


@pytest.mark.parametrize("total", [[None, X], [X, None]], ids=["key", "degree"])
def test_polynomials_that_cancel_end_softly(total):
    points = [platform.curve.decode(point) if point else None for point in total]
    with pytest.raises(Abort) as caught:
        dealing._result(1, import_plan(), bytes(32), 1, points, [], [])
    assert (caught.value.name, caught.value.blame) == SOFT


@pytest.mark.parametrize(
    "arguments",
    [
        ("dkg", bytes(31), 2, [1, 2], [1, 2], 1),
        ("dkg", bytes(32), 1, [1, 2], [1, 2], 1),
        ("dkg", bytes(32), 3, [1, 2], [1, 2], 1),
        ("dkg", bytes(32), 2, [], [1, 2], 1),
    ],
)
def test_an_impossible_plan_is_refused(arguments):
    with pytest.raises(DaricError) as caught:
        dealing.Plan(*arguments)
    assert caught.value.name == "parameter"


def test_a_stranger_takes_no_part():
    with pytest.raises(DaricError) as caught:
        next(dealing.deal(4, import_plan(), None, None, [], None, None))
    assert caught.value.name == "parameter"
