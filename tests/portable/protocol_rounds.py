"""The known answers of dealing, pair set-up, signing, rosters and session hashes, on either runtime.

Whole protocols run here with every random value taken from the vectors, in the order that each module documents.
"""

from hashlib import sha256

from daric_protocol import joining, platform
from daric_protocol.identity import Identity
from daric_protocol.pairstate import PairState, zero_share
from daric_protocol.polynomial import lagrange
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import dealing
from daric_protocol.rounds.evidence import broadcast_digest
from daric_protocol.rounds.pair import PairSetup, pair
from daric_protocol.rounds.sign import sign
from daric_protocol.shard import Shard, ack_digest
from daric_protocol.signmessages import EXTENSION_BYTES
from daric_protocol.tagged import TH, Q, scalar, u8

curve = platform.curve
GROUP_ID = bytes(16)
FILLER = b"\x01" * 32  # for draws that the answers do not depend on


def raw(text):
    return bytes.fromhex(text)


def number(text):
    return int(text, 16)


def expect(answers, **values):
    """Compare values with answers: bytes as hex, ints as scalars, lists element by element."""
    for name, value in values.items():
        if isinstance(value, int):
            value = scalar(value)  # noqa: PLW2901
        found = [bytes(item).hex() for item in value] if isinstance(value, list) else bytes(value).hex()
        assert found == answers[name], name


def draws(values):
    """A random source that gives these values, in this order and in these lengths."""
    left = list(values)

    def random(length):
        value = left.pop(0)
        assert len(value) == length, "a draw of another length"
        return value

    return random


def unordered(a, b):
    """The vectors' name of a pair."""
    return f"{min(a, b)}-{max(a, b)}"


def identity(index):
    return Identity(1000 + index)


class Keeper:
    """A party's store that has what one case gives."""

    def __init__(self, me, pairs=None):
        self.me = me
        self.pairs = pairs or {}

    def pair(self, peer):
        return self.pairs[peer]

    def open_check(self, peer, sid):
        pass

    def close_check(self, peer):
        pass

    def spend(self, digest, sid):
        pass

    def signed(self, digest, peers):
        pass

    def store_pending_pair(self, peer, pair, sid):
        pass

    def sign_identity(self, digest):
        return identity(self.me).sign(digest, draws([FILLER]))


def run(generators):
    """({index: result}, [{index: {peer: message}} per round], {(sender, receiver): stream}); every party is honest.

    Of a stream: its first part, its last part, SHA-256 of all.
    """
    rounds, streams, results = [], {}, {}
    outgoing = {index: next(generators[index]) for index in generators}
    while outgoing:
        for index, sent in outgoing.items():
            for peer, stream in (sent.streams or {}).items():
                sink = outgoing[peer].sinks[index]
                header, whole = b"", platform.Sha256()
                for chunk in stream:
                    sink.receive(chunk)
                    header = header or chunk
                    whole.update(chunk)
                streams[index, peer] = header, chunk, whole.digest()
        rounds.append({index: outgoing[index].messages for index in outgoing})
        following = {}
        for index, sent in outgoing.items():
            kind = sent.expect
            received = {}
            for j in rounds[-1]:
                if j != index and index in rounds[-1][j]:
                    received[j] = kind.from_wire(rounds[-1][j][index].to_wire())
                    if sent.arrived is not None:
                        sent.arrived(j, received[j])
            try:
                following[index] = generators[index].send(received)
            except StopIteration as end:
                results[index] = end.value
        outgoing = following
    return results, rounds, streams


def check_roster_ssid_code(case):
    given, answers = case["in"], case["out"]
    uuid, op, group = raw(given["uuid"]), given["op"], raw(given["group"])
    members = given["members"]
    roster = Roster(
        given["t"],
        given["version"],
        given["master"],
        [Member(m["id"], raw(m["identity"]), "phone", "any", raw(m["P"])) for m in members],
    )
    assert Roster.from_wire(platform.cbor_decode(platform.cbor_encode(roster.to_wire()))).hash() == roster.hash()
    nonces = [raw(m["nonce"]) for m in members if m["nonce"]]
    expect(answers, roster=roster.hash(), ssid=joining.session_id(uuid, op, group, roster.hash(), nonces))
    if given["check_code"]:
        openings = {
            m["id"]: joining.Opening(raw(m["identity"]), raw(m["ephemeral"]), raw(m["nonce"]))
            for m in members
            if m["nonce"]
        }
        for index, opening in openings.items():
            assert joining.commit(uuid, op, opening).hex() == answers["J"][str(index)]
        assert joining.check_code(uuid, op, group, given["t"], list(openings.values())) == answers["code"]
    if "ack" in given:
        ack = given["ack"]
        sid, confirm = raw(ack["sid"]), raw(ack["confirm"])
        expect(
            answers,
            ack=ack_digest(group, sid, ack["kind"], ack["epoch"], confirm, roster.hash(), ack["i"]),
            bc=broadcast_digest(sid, 1, ack["i"], raw(ack["value"])),
        )


def deal_plan(given):
    """The plan, the pinned constant terms among it."""
    pinned, chain_code = {}, raw(given["cc"]) if given["cc"] else None
    if given["kind"] == "imp":
        pinned = {j: raw(given["pk"]) if j == given["dealer"] else dealing.IDENTITY for j in given["D"]}
    elif given["kind"] == "rsh":
        for j in given["D"]:
            share = curve.decode(raw(given["old_P"][str(j)]))
            pinned[j] = curve.encode(curve.mul(lagrange(given["D"], j), share))
    elif given["kind"] == "ent":
        chain_code = bytes(32)
    return dealing.Plan(
        given["kind"], raw(given["ssid"]), given["t"], given["D"], given["R"], given["epoch"],
        raw(given["pk"]), given["part"], pinned, chain_code,
    )  # fmt: skip


def deal_party(me, plan, given, roster, with_pairs):
    """One party's generator: its draws in order, and the constant that it deals."""
    party = given["parties"][str(me)]
    coefficients = [raw(text) for text in party.get("coeffs", [])]
    peers = sorted([int(j) for j in party.get("zs", {})]) if with_pairs else []
    free = given["kind"] == "dkg"
    values = (coefficients if free else coefficients[1:]) + [raw(party["cc"]), raw(party["salt"])]
    if "pok_k" in party:
        values.append(raw(party["pok_k"]))
    for j in peers:
        values += [FILLER, FILLER, raw(party["zs"][str(j)]), FILLER]
    constant = None if free or not coefficients else int.from_bytes(coefficients[0], "big")
    return dealing.deal(me, plan, roster, constant, peers, Keeper(me), draws(values))


def check_deal(case):
    given, answers = case["in"], case["out"]
    plan = deal_plan(given)
    roster = Roster(2, 0, 0, [Member(j, identity(j).public) for j in plan.parties])
    # Elliptic curves in Python take their time: there the pair set-ups run in the first case only.
    with_pairs = platform.NATIVE or case["id"] == "deal-01"
    generators = {me: deal_party(me, plan, given, roster, with_pairs) for me in plan.parties}
    results, rounds, _ = run(generators)
    for me in plan.parties:
        dealt, expected = results[me], answers["parties"][str(me)]
        peer = min([j for j in plan.parties if j != me])
        expect(answers, sid=dealt.sid, F_0=dealt.pk, cc=dealt.cc, confirm=dealt.confirm, echo=rounds[1][me][peer].echo)
        expect(expected, body=rounds[1][me][peer].body, com=rounds[0][me][peer].commitment)
        for j, share in expected.get("shares", {}).items():
            assert int(j) == me or rounds[1][me][int(j)].share.hex() == share
        if me in given["R"]:
            expect(expected, s=dealt.s, P=dealt.P[me])
        else:
            assert dealt.s == 0 and me not in dealt.P
        for j in dealt.pairs:
            assert dealt.pairs[j].z.hex() == answers["z"][unordered(me, j)]
            assert dealt.pairs[j].pid == results[j].pairs[me].pid
    if with_pairs:
        assert sum([len(results[me].pairs) for me in results]) == 2 * len(answers.get("z", {}))


def check_zeta(case):
    given = case["in"]
    sid, total = raw(given["sid"]), 0
    for i in given["S"]:
        zeta = 0
        for j in given["S"]:
            if i != j:
                zeta += zero_share(i, j, raw(given["z"][unordered(i, j)]), sid)
        expect(case["out"]["zeta"], **{str(i): zeta % Q})
        total += zeta
    assert total % Q == 0


def hashed(message):
    return sha256(message).digest()


def check_pair_setup(case):
    given, answers = case["in"], case["out"]
    a, b = given["a"], given["b"]

    def random(me):
        party = given["parties"][str(me)]
        return draws([raw(party[name]) for name in ("secret", "sT", "zs", "r")])

    if "sid" in given:
        setups = {me: PairSetup(raw(given["sid"]), me, a + b - me, Keeper(me), random(me)) for me in (a, b)}
        first = {me: setups[me].first() for me in setups}
        second = {me: setups[me].second(first[a + b - me]) for me in setups}
        third = {me: setups[me].third(setups[a + b - me].zs, second[a + b - me]) for me in setups}
        states = {me: setups[me].finish(third[a + b - me]) for me in setups}
        sent = {me: [first[me], setups[me].zs + second[me], third[me]] for me in setups}
    else:
        shares = {1: curve.encode(curve.G), 2: curve.encode(curve.mul_g(2)), a: b"\x02" * 33, b: b"\x03" * 33}
        roster = Roster(2, 0, 0, [Member(j, identity(j).public, "", "", shares[j]) for j in shares])
        generators = {}
        for me in (a, b):
            shard = Shard(
                raw(given["group"]), "dkg", 1, me, 1, raw(given["pk"]), bytes(32), roster, bytes(32), bytes(32),
                bytes(32),
            )  # fmt: skip
            generators[me] = pair(me, a + b - me, shard, raw(given["ssid"]), Keeper(me), random(me))
        results, rounds, _ = run(generators)
        states = {me: results[me][0] for me in results}
        sent = {}
        for me in (a, b):
            one, two, three = [rounds[n][me][a + b - me] for n in range(3)]
            sent[me] = [one.m1, two.zs + two.m2, three.m3]
        lo, hi = u8(min(a, b)), u8(max(a, b))
        expect(answers, sid_pair=TH("dkls/pair", raw(given["ssid"]), raw(given["group"]), raw(given["pk"]), lo, hi))
    for me in (a, b):
        state = states[me]
        expect(answers, z=state.z, pid=state.pid)
        expect(
            answers["parties"][str(me)],
            delta=state.delta,
            sha256_messages=[hashed(message) for message in sent[me]],
            sha256_kD=hashed(state.kD),
            sha256_k0=hashed(state.k0),
            sha256_k1=hashed(state.k1),
        )


def seed_set(ot_seed, choice):
    """128 seeds of a test state: `choice(k)` says which of the two."""
    return b"".join([hashed(ot_seed + bytes([choice(k), k]))[:16] for k in range(128)])


def sign_pair(given, me, peer):
    """The state of a pair as one side holds it."""
    state = given["pairs"][unordered(me, peer)]
    alice, bob = state[f"{me}>{peer}"], state[f"{peer}>{me}"]
    delta = raw(alice["delta"])
    kD = seed_set(raw(alice["ot_seed"]), lambda k: delta[k >> 3] >> (k & 7) & 1)
    k0, k1 = seed_set(raw(bob["ot_seed"]), lambda k: 0), seed_set(raw(bob["ot_seed"]), lambda k: 1)
    return PairState(raw(state["z"]), raw(state["pid"]), delta, kD, k0, k1)


def sign_party(me, given):
    """One signer's generator: its shard, its pairs, its draws in order."""
    party, peers = given["parties"][str(me)], [j for j in sorted(given["S"]) if j != me]
    members = [Member(int(j), identity(int(j)).public, "", "", raw(P)) for j, P in given["P"].items()]
    shard = Shard(
        GROUP_ID, "dkg", given["epoch"], me, number(party["s"]), raw(given["pk"]), bytes(32),
        Roster(given["t"], 0, 0, members), bytes(32), bytes(32), bytes(32),
    )  # fmt: skip
    values = [raw(party["r"]), raw(party["phi"]), raw(party["salt"])]
    for j in peers:
        values += [raw(party["beta"][str(j)]), raw(party["pad"][str(j)])]
    values += [raw(party["a_hat"][str(j)]) for j in peers]
    keeper = Keeper(me, {j: sign_pair(given, me, j) for j in peers})
    tweak, digest, ctx, ssid = number(given["T"]), raw(given["m"]), raw(given["ctx"]), raw(given["ssid"])
    return sign(me, shard, given["S"], digest, tweak, ctx, ssid, keeper, draws(values))


def check_sign(case):
    given, answers = case["in"], case["out"]
    signers = given["S"]
    results, rounds, streams = run({me: sign_party(me, given) for me in signers})
    nonce_x = number(answers["r"])
    for me in signers:
        expect(answers, r=results[me].r, s=results[me].s)
        assert results[me].recid == answers["recid"]
        assert results[me].encode().hex() == answers["r"] + answers["s"] + f"0{results[me].recid}"
        party, expected = given["parties"][str(me)], answers["parties"][str(me)]
        phi, r, sk = number(party["phi"]), number(party["r"]), number(expected["sk"])
        for j in signers:
            if j != me:
                check_sign_pair(rounds, streams, me, j, answers, phi)
                # What each side computed from the other's stream: c + d = a * X.
                back = answers["parties"][str(j)]["to"][str(me)]
                X = number(back["X"])
                for a, c, d in ((r, "c_u", "d_u"), (sk, "c_v", "d_v")):
                    assert (number(expected["to"][str(j)][c]) + number(back[d]) - a * X) % Q == 0
        sent = rounds[2][me][min([j for j in signers if j != me])]
        expect(expected, u=sent.u, w=sent.w)
        v = (sent.w - number(given["m"]) * phi) * curve.inverse(nonce_x, Q) % Q
        tweak = number(given["T"]) if me == min(signers) else 0
        expect(expected, v=v, lam=lagrange(signers, me))
        assert (number(expected["lam"]) * number(party["s"]) + number(expected["zeta"]) + tweak - sk) % Q == 0
    pk_signed = curve.add(curve.decode(raw(given["pk"])), curve.mul_g(number(given["T"])))
    expect(answers, pk_signed=curve.encode(pk_signed))


def check_sign_pair(rounds, streams, me, j, answers, phi):
    """What one signer sent to another."""
    expected, to = answers["parties"][str(me)], answers["parties"][str(me)]["to"][str(j)]
    first, second = rounds[0][me][j], rounds[1][me][j]
    header, end, whole = streams[me, j]
    expect(answers, sid=first.sid, D=second.echo)
    expect(expected, com=first.commitment, R=curve.encode(second.nonce_point), pk_i=curve.encode(second.key_point))
    tail = EXTENSION_BYTES - 48
    wire = second.to_wire()
    expect(
        to,
        x_tilde=first.extension[tail : tail + 16],
        tau=first.extension[tail + 16 :],
        sha256_ote=hashed(first.extension),
        X=(phi - second.psi) % Q,
        Gu=wire[4],
        Gv=wire[5],
        psi=second.psi,
        sha256_header=hashed(b"".join(wire)),
        h=header[:32],
        eta=header[32:],
        MU=end,
        sha256_stream=whole,
        sid_v_as_bob=TH("dkls/vole", first.sid, first.pid, u8(j), u8(me)),
    )
    assert curve.encode(curve.mul_g(number(to["c_u"]))).hex() == to["Gu"]
    assert curve.encode(curve.mul_g(number(to["c_v"]))).hex() == to["Gv"]


CHECKS = {
    "protocol/roster_ssid_code": check_roster_ssid_code,
    "protocol/deal": check_deal,
    "protocol/zeta": check_zeta,
    "protocol/pair_setup": check_pair_setup,
    "protocol/sign": check_sign,
}
