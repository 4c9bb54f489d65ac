"""The known answers of tagged hashing, oblivious transfer and multiplication, on either runtime."""

from hashlib import sha256

from daric_protocol import extension, gadget, multiply, platform, transfer
from daric_protocol.errors import Abort
from daric_protocol.field import BATCH
from daric_protocol.multiply import CHUNK_BYTES, CHUNKS, Alice, Bob
from daric_protocol.pairstate import PairState
from daric_protocol.platform import curve
from daric_protocol.platform.matrix import AliceRows
from daric_protocol.polynomial import lagrange
from daric_protocol.tagged import HS, TH, Q, scalar

RESULTS = {"soft": "abort", "blame": "abort", "ban": "ban"}


def raw(text):
    return bytes.fromhex(text)


def expect(case, **values):
    """Compare values with the case's answers; bytes as hex, ints as scalars."""
    for name, value in values.items():
        data = scalar(value) if isinstance(value, int) else bytes(value)
        assert data.hex() == case["out"][name], case["id"] + " " + name


def draws(*values):
    """A random source that gives these values, in this order and in these lengths."""
    left = list(values)

    def random(length):
        value = left.pop(0)
        assert len(value) == length
        return value

    return random


def result_of(action):
    """pass, abort (state kept) or ban (state destroyed)."""
    try:
        action()
    except Abort as abort:
        return RESULTS[abort.name]
    return "pass"


def flipped(message, offset, xor):
    changed = bytearray(message)
    changed[offset] ^= xor
    return bytes(changed)


def seed_set(ot_seed, choice):
    """128 seeds of a test state: `choice(k)` says which of the two."""
    return b"".join([sha256(ot_seed + bytes([choice(k), k])).digest()[:16] for k in range(128)])


def ot_state(given):
    """(delta, kD, k0, k1) of a case that names an ot_seed."""
    delta, ot_seed = raw(given["delta"]), raw(given["ot_seed"])
    chosen = seed_set(ot_seed, lambda k: delta[k >> 3] >> (k & 7) & 1)
    return delta, chosen, seed_set(ot_seed, lambda k: 0), seed_set(ot_seed, lambda k: 1)


def check_th_hs(case):
    fields = [raw(field) for field in case["in"]["fields"]]
    expect(case, th=TH(case["in"]["tag"], *fields), hs=HS(case["in"]["tag"], *fields))


def check_h2c(case):
    point = transfer.hash_to_curve(*[raw(field) for field in case["in"]["fields"]])
    expect(case, point=curve.encode(point))


def check_gadget(case):
    given = case["in"]
    if "j" in given:
        expect(case, g=gadget.weight(given["j"]))
    elif "beta" in given:
        expect(case, b=gadget.select(raw(given["beta"])))
    else:
        expect(case, sha256_all=sha256(b"".join(gadget.parts())).digest())


def check_prg(case):
    given = case["in"]
    sid_v, k = raw(given["sid_v"]), given["k"]
    columns = bytearray(68 * (k + 1))
    extension._expand(sid_v, bytes(16 * k) + raw(given["seed"]), columns, 68)
    expect(case, K=TH("dkls/prg", sid_v), out=columns[68 * k :])


def check_lagrange(case):
    given = case["in"]
    expect(case, lam=lagrange(given["S"], given["i"], given["x"]))


def check_base_ot(case):
    given = case["in"]
    sid, me, peer = raw(given["sid"]), given["receiver"], given["sender"]
    receiver = transfer.Receiver(sid, me, peer, draws(raw(given["secret"]), raw(given["sT"])))
    receiver.delta = raw(given["delta"])
    sender = transfer.Sender(sid, me, peer, draws(raw(given["r"])))
    if "tamper" in given:
        assert tampered_transfer(receiver, sender, given["tamper"]) == (case["out"]["aborts"], case["out"]["result"])
        return
    assert [scalar(a).hex() for first in range(0, 16, BATCH) for a in receiver._scalars(first)] == given["a"][:16]
    m1 = receiver.m1()
    m2 = sender.respond(m1)
    m3 = receiver.finish(m2)
    sender.finish(m3)
    expect(
        case,
        sid_ot=receiver._sid_ot,
        T=curve.encode(transfer.hash_to_curve(b"bot", receiver._sid_ot, m1[:32])),
        B_0=m1[32:96],
        B_127=m1[-64:],
        sha256_M1=sha256(m1).digest(),
        z=m2[:33],
        Kp=transfer._pad_key(receiver._sid_ot, sha256(m1).digest(), m2[:33]),
        sha256_chi=sha256(m2[33:-32]).digest(),
        pi=m2[-32:],
        sha256_M2=sha256(m2).digest(),
        M3=m3,
        sha256_kD=sha256(receiver.kD).digest(),
        kD_0=receiver.kD[:16],
        kD_127=receiver.kD[-16:],
        sha256_k0=sha256(sender.k0).digest(),
        k0_0=sender.k0[:16],
        k0_127=sender.k0[-16:],
        sha256_k1=sha256(sender.k1).digest(),
        k1_0=sender.k1[:16],
        k1_127=sender.k1[-16:],
    )


def tampered_transfer(receiver, sender, tamper):
    """(who aborted or "", result) when one byte of one message changes on its way."""
    steps = ((sender.respond, "sender"), (receiver.finish, "receiver"), (sender.finish, "sender"))
    message = receiver.m1()
    number = 1
    for step, who in steps:
        if tamper["msg"] == number:
            message = flipped(message, tamper["offset"], tamper["xor"])
        try:
            message = step(message)
        except Abort as abort:
            return who, RESULTS[abort.name]
        number += 1
    return "", "pass"


def check_ot_extension(case):
    given = case["in"]
    sid_v, k0, k1 = raw(given["sid_v"]), raw(given["k0"]), raw(given["k1"])
    delta, beta, pad = raw(given["delta"]), raw(given["beta"]), raw(given["pad"])
    kD = b"".join([(k0, k1)[delta[k >> 3] >> (k & 7) & 1][16 * k : 16 * k + 16] for k in range(128)])
    message = extension.extend(sid_v, k0, k1, beta, pad)
    own = whole(extension.rows(sid_v, k0))
    others = whole(extension.check(sid_v, kD, delta, message, 2))
    weights = extension._weights(sid_v, message[: extension.MATRIX])
    hashes = own_hashes(sid_v, k0, weights)
    assert [weight.hex() for weight in weights] == case["out"]["chi"]
    expect(
        case,
        sha256_U=sha256(message[: extension.MATRIX]).digest(),
        u_0=message[:68],
        x_tilde=message[extension.MATRIX : extension.MATRIX + 16],
        sha256_t_tilde=sha256(hashes).digest(),
        t_tilde_0=hashes[:16],
        tau=message[extension.MATRIX + 16 :],
        sha256_message=sha256(message).digest(),
        sha256_rows_T=sha256(own).digest(),
        sha256_rows_Q=sha256(others).digest(),
        row_T_0=own[:16],
        row_Q_415=others[16 * 415 :],
    )
    for tamper, answer in zip(given["tampered"], case["out"]["tampered"]):  # noqa: B905
        changed = tampered_extension(message, tamper, sid_v, k0, beta + pad)
        if "columns" in tamper:
            assert changed[extension.MATRIX : extension.MATRIX + 16].hex() == answer["x_tilde"]
            assert changed[extension.MATRIX + 16 :].hex() == answer["tau"]
            assert sha256(changed).digest().hex() == answer["sha256_message"]
        assert result_of(lambda m=changed: extension.check(sid_v, kD, delta, m, 2)) == answer["result"], str(tamper)


def whole(rows):
    return b"".join([rows.group(first) for first in range(0, extension.ROWS, extension.GROUP)])


def own_hashes(sid_v, k0, weights):
    """t~ of all columns."""
    columns = bytearray(extension.MATRIX)
    extension._expand(sid_v, k0, columns, extension.WIDTH)
    return platform.column_hashes(weights, columns)


def tampered_extension(message, tamper, sid_v, k0, choices):
    """A byte changed, a message cut, or another x' in some columns with the rest made honestly for it."""
    if "length" in tamper:
        return message[: tamper["length"]]
    if "offset" in tamper:
        return flipped(message, tamper["offset"], tamper["xor"])
    matrix = bytearray(message[: extension.MATRIX])
    for k in tamper["columns"]:
        matrix[68 * k + tamper["bit"] // 8] ^= 1 << tamper["bit"] % 8
    weights = extension._weights(sid_v, bytes(matrix))
    tau = TH("dkls/tt", sid_v, sha256(own_hashes(sid_v, k0, weights)).digest())
    return bytes(matrix) + platform.column_hashes(weights, choices) + tau


class CheatingRows(AliceRows):
    """Adds 1 to one column of a~ in some rows and makes everything else honestly."""

    rows = ()
    column = 0

    def add(self, first, rows, weights, chunk):
        AliceRows.add(self, first, rows, weights, chunk)
        self._cheat(first, chunk)

    def check(self, first, rows, chunk):
        checks = AliceRows.check(self, first, rows, chunk)
        self._cheat(first, chunk)
        return checks

    def _cheat(self, first, chunk):
        for row in self.rows:
            if first <= row < first + 8:
                at = 96 * (row % 32) + 32 * self.column
                value = (int.from_bytes(chunk[at : at + 32], "big") + 1) % Q
                chunk[at : at + 32] = value.to_bytes(32, "big")


def cheating_stream(alice, rows, column):
    CheatingRows.rows, CheatingRows.column = rows, column
    multiply.AliceRows = CheatingRows
    try:
        return b"".join(list(alice().stream()))
    finally:
        multiply.AliceRows = AliceRows


def parts_of(stream):
    """Cut a stream as its frames are cut."""
    yield stream[:64]
    for at in range(64, len(stream), CHUNK_BYTES):
        yield stream[at : at + CHUNK_BYTES]


def check_rvole(case):
    given = case["in"]
    sid_v = raw(given["sid_v"])
    delta, kD, k0, k1 = ot_state(given)

    def bob():
        return Bob(sid_v, k0, k1, 2, draws(raw(given["beta"]), raw(given["pad"])))

    def alice():
        inputs = int.from_bytes(raw(given["a0"]), "big"), int.from_bytes(raw(given["a1"]), "big")
        return Alice(sid_v, kD, delta, 1, message, inputs[0], inputs[1], draws(raw(given["a_hat"])))

    receiver = bob()
    message = receiver.message
    honest = alice()
    stream = b"".join(list(honest.stream()))
    for part in parts_of(stream):
        receiver.receive(part)
    d_u, d_v = receiver.finish()
    rows = 64 + CHUNKS * CHUNK_BYTES
    expect(
        case,
        b=receiver.b,
        sha256_message=sha256(message).digest(),
        K_row=honest._block[:32],
        c0=honest.c[0],
        c1=honest.c[1],
        h=stream[:32],
        theta0=honest._thetas[0],
        theta1=honest._thetas[1],
        eta=stream[32:64],
        a_row_0=stream[64:160],
        a_row_415=stream[rows - 96 : rows],
        MU=stream[rows:],
        sha256_stream=sha256(stream).digest(),
        d0=d_u,
        d1=d_v,
    )
    assert (honest.c[0] + d_u - int.from_bytes(raw(given["a0"]), "big") * receiver.b) % Q == 0
    assert (honest.c[1] + d_v - int.from_bytes(raw(given["a1"]), "big") * receiver.b) % Q == 0
    for tamper, answer in zip(given["tampered"], case["out"]["tampered"]):  # noqa: B905
        if "rows" in tamper:
            changed = cheating_stream(alice, tamper["rows"], tamper["column"])
            assert changed[:32].hex() == answer["h"] and changed[rows:].hex() == answer["MU"]
        elif "eta" in tamper:
            changed = stream[:32] + raw(tamper["eta"]) + stream[64:]
        elif "length" in tamper:
            changed = stream[: tamper["length"]]
        else:
            changed = flipped(stream, tamper["offset"], tamper["xor"])
        victim = bob()
        assert result_of(lambda v=victim, c=changed: received(v, c)) == answer["result"], str(tamper)


def received(bob, stream):
    for part in parts_of(stream):
        bob.receive(part)
    return bob.finish()


def check_ratchet(case):
    given = case["in"]
    delta, kD, _, _ = ot_state(given["me_alice"])
    _, _, k0, k1 = ot_state(given["me_bob"])
    pair = PairState(raw(given["z"]), raw(given["pid"]), delta, kD, k0, k1)
    pair = PairState.decode(pair.ratchet(raw(given["confirm"]), given["me"], given["peer"]).encode())
    assert pair.delta == delta
    expect(
        case,
        z=pair.z,
        pid=pair.pid,
        me_alice_kD_0=pair.kD[:16],
        me_alice_kD_127=pair.kD[-16:],
        sha256_me_alice_kD=sha256(pair.kD).digest(),
        me_bob_k0_0=pair.k0[:16],
        me_bob_k0_127=pair.k0[-16:],
        sha256_me_bob_k0=sha256(pair.k0).digest(),
        me_bob_k1_0=pair.k1[:16],
        me_bob_k1_127=pair.k1[-16:],
        sha256_me_bob_k1=sha256(pair.k1).digest(),
    )


CHECKS = {
    "protocol/th_hs": check_th_hs,
    "protocol/h2c": check_h2c,
    "protocol/gadget": check_gadget,
    "protocol/prg": check_prg,
    "protocol/lagrange": check_lagrange,
    "protocol/base_ot": check_base_ot,
    "protocol/ot_extension": check_ot_extension,
    "protocol/rvole": check_rvole,
    "protocol/ratchet": check_ratchet,
}
