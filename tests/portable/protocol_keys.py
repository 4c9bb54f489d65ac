"""The known answers of what keeps a key for longer than a session: phrases, on either runtime."""

from daric_protocol import entropyparts, platform
from daric_protocol.errors import DaricError
from daric_protocol.groupmessages import EnrolShare
from daric_protocol.pairstate import PairState
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import backup, enrol
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


def check_backup(case):
    given, answers = case["in"], case["out"]
    s = number(given["s"])
    public = platform.curve.encode(platform.curve.mul_g(s))
    roster = Roster(2, 0, 0, [Member(j, identity(j).public, "", "", public) for j in (1, 2)])
    shard = Shard(
        bytes(16), "dkg", given["epoch"], 1, s, public, bytes(32), roster, bytes(32), bytes(32), bytes(32)
    )
    holders = {m: identity(m).public for m in given["holders"]}
    random = draws([raw(text) for text in given["coeffs"]] + [bytes(13)])
    sheet, pieces = backup.split(shard, bytes(16), holders, given["t_b"], random)
    expect(answers, P_i=public, B=sheet.commitments, bk_key=backup._key(s, given["epoch"]))
    expect(answers["pieces"], **{str(m): piece for m, piece in pieces.items()})
    for n, check in enumerate(given["checks"]):
        answer = answers["checks"][n]
        used = {m: (pieces[m] + (1 if m in check["bad"] else 0)) % Q for m in check["use"]}
        try:
            found, bad = backup.combine(sheet, public, used)
            assert scalar(found).hex() == answer and bad == check["bad"]
        except DaricError as error:
            assert error.name == "backup" and answer == "refused"
    assert backup.restore(sheet, s).encode() == shard.encode()


CHECKS = {
    "protocol/backup": check_backup,
    "protocol/enrol": check_enrol,
    "protocol/entropy": check_entropy,
}
