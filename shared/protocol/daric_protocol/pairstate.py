"""What two parties share after a pair set-up: OT seeds of both directions and z.

Specification: docs/protocol.md, section 3; docs/encodings.md, section 4 (ratchet).
"""

from hashlib import sha256

from daric_protocol.errors import DaricError
from daric_protocol.tagged import HS, TH, u8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SEEDS = 128 * 16  # bytes of one seed set
ENCODED = 32 + 32 + 16 + 3 * SEEDS  # 6224


class PairState:
    """The state with one peer.

    z: seed of zero shares, 32 B. pid: id of the set-up, 32 B. delta, kD: this party as OT-extension sender (Alice), 16
    and 2048 B. k0, k1: this party as extension receiver (Bob), 2048 B each.
    """

    def __init__(self, z: bytes, pid: bytes, delta: bytes, kD: bytes, k0: bytes, k1: bytes) -> None:
        self.z = z
        self.pid = pid
        self.delta = delta
        self.kD = kD
        self.k0 = k0
        self.k1 = k1

    def parts(self) -> "tuple[bytes, ...]":
        """What makes 6224 bytes end to end: z, pid, delta, kD, k0, k1."""
        return self.z, self.pid, self.delta, self.kD, self.k0, self.k1

    def encode(self) -> bytes:
        """6224 bytes. A device stores the parts: it may have no room for them in one piece."""
        return b"".join(self.parts())

    @classmethod
    def decode(cls, data: bytes) -> "PairState":
        """The state of 6224 bytes, whose seeds stay where they are. DaricError("encoding") for another length."""
        if len(data) != ENCODED:
            raise DaricError("encoding", "A pair's state has 6224 bytes.")
        kD, k0, k1 = 80, 80 + SEEDS, 80 + 2 * SEEDS
        seeds: Any = memoryview(data)
        return cls(data[:32], data[32:64], data[64:80], seeds[kD:k0], seeds[k0:k1], seeds[k1:])

    def ratchet(self, confirm: bytes, me: int, peer: int) -> "PairState":
        """The state of the same pair in the epoch that `confirm` (32 B) belongs to; delta stays.

        It separates epochs and heals nothing: after a compromise or a ban only a new set-up helps.
        """
        as_alice = b"dkls/rat" + confirm + u8(me) + u8(peer)
        as_bob = b"dkls/rat" + confirm + u8(peer) + u8(me)
        return PairState(
            TH("dkls/zr", confirm, self.z),
            TH("dkls/pid", confirm, self.pid),
            self.delta,
            _advance(as_alice, self.kD),
            _advance(as_bob, self.k0),
            _advance(as_bob, self.k1),
        )


def zero_share(me: int, peer: int, z: bytes, sid: bytes) -> int:
    """This party's part of the mask with one peer; the parts of all signers sum to zero. z: 32 B of the pair."""
    mask = HS("dkls/zeta", z, sid)
    return mask if peer > me else -mask


def _advance(prefix: bytes, seeds: bytes) -> bytes:
    """Each of the 128 seeds of 16 bytes, one step on."""
    advanced = bytearray(SEEDS)
    for k in range(128):
        at = 16 * k
        advanced[at : at + 16] = sha256(prefix + u8(k) + b"a" + seeds[at : at + 16]).digest()[:16]
    return bytes(advanced)
