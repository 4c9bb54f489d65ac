"""The known answers of what keeps a key for longer than a session: phrases, on either runtime."""

from daric_protocol import entropyparts, platform
from daric_protocol.messages import EnrolShare
from daric_protocol.pairstate import PairState
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import enrol
from daric_protocol.rounds.groupstart import GroupState
from daric_protocol.shard import Shard
from daric_protocol.tagged import Q, scalar
from protocol_rounds import Keeper, draws, expect, identity, number, raw, unordered


def check_entropy(case):
    given, answers = case["in"], case["out"]
    entropy = raw(given["entropy"])
    scalars = entropyparts.split(entropy, draws([raw(fill) for fill in given["fill"]]))
    assert [scalar(value).hex() for value in scalars] == answers["scalars"]
    assert entropyparts.join(scalars) == entropy
    assert entropyparts.count(len(entropy)) == len(scalars)


def check_enrol(case):
    given, answers = case["in"], case["out"]
    helpers, x = given["S"], given["x"]
    sid = enrol._sid(raw(given["ssid"]), raw(given["pk"]), given["epoch"], helpers, x, raw(given["identity"]), 0)
    expect(answers, sde=sid)
    indexes = [int(j) for j in given["P"]]
    members = [Member(j, identity(j).public, "", "", raw(given["P"][str(j)])) for j in indexes]
    roster = Roster(len(helpers), 0, 0, members)
    received = {}
    for me in helpers:
        shard = Shard(
            bytes(16), "dkg", given["epoch"], me, number(given["s"][str(me)]), raw(given["pk"]), bytes(32), roster,
            bytes(32), bytes(32), bytes(32),
        )  # fmt: skip
        pairs = {}
        for j in helpers:
            if j != me:
                pairs[j] = PairState(raw(given["z"][unordered(me, j)]), b"", b"", b"", b"", b"")
        m = enrol._masked(me, shard, helpers, x, [sid], Keeper(me, pairs))
        expect(answers["m"], **{str(me): m[0]})
        zeta = sum([enrol.zero_share(me, j, pairs[j].z, sid) for j in pairs])
        expect(answers["zeta"], **{str(me): zeta % Q})
        received[me] = EnrolShare(m)
    state = GroupState.of(shard)
    state.check(roster)
    expect(answers, s_x=enrol._sum(state, helpers, x, received)[0], P_x=enrol.share_at(state.P, state.t, x))
    assert platform.curve.encode(platform.curve.mul_g(number(answers["s_x"]))).hex() == answers["P_x"]


CHECKS = {
    "protocol/enrol": check_enrol,
    "protocol/entropy": check_entropy,
}
