"""One whole multiplication, on either runtime. Prints the SHA-256 of all that its two sides make of it."""

from hashlib import sha256

from daric_protocol.multiply import Alice, Bob
from daric_protocol.tagged import Q

SID, DELTA = sha256(b"sid_v").digest(), sha256(b"delta").digest()[:16]
A_U, A_V = 123456789**8 % Q, Q - 1


def seeds(choice):
    return b"".join([sha256(bytes([choice(k), k])).digest()[:16] for k in range(128)])


def source(label):
    return lambda length: (sha256(label).digest() * 2)[:length]


def digest():
    bob = Bob(SID, seeds(lambda k: 0), seeds(lambda k: 1), 4, source(b"bob"))
    chosen = seeds(lambda k: DELTA[k >> 3] >> (k & 7) & 1)
    alice = Alice(SID, chosen, DELTA, 7, bob.message, A_U, A_V, source(b"alice"))
    made = sha256(bob.message)
    for part in alice.stream():
        made.update(part)
        bob.receive(part)
    d_u, d_v = bob.finish()
    assert (alice.c[0] + d_u - A_U * bob.b) % Q == (alice.c[1] + d_v - A_V * bob.b) % Q == 0
    for number in alice.c + (d_u, d_v):  # noqa: RUF005
        made.update(number.to_bytes(32, "big"))
    return made.digest().hex()


if __name__ == "__main__":
    print(digest())
