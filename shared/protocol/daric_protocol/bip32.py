"""Child keys of a group's key, non-hardened levels only. Specification: docs/protocol.md, section 7.

Nobody holds the private key of a hardened level's parent, so the group's key sits at the account level and everything
below it is reached by adding public scalars to the key.
"""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.tagged import Q, u32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HARDENED = 0x80000000
MAX_DEPTH = 16  # levels below the group's key; wallets use two


def tweak(pk: bytes, cc: bytes, path: "list[int]") -> "tuple[int, bytes, bytes]":
    """(T, child key 33 B, child chain code 32 B) of a path below a key: child key = pk + T * G.

    pk: 33 B. cc: 32 B. path: u32 each, not hardened; empty for the key itself, where T is 0. Raises
    DaricError("parameter") for a hardened, endless or impossible path (2**-127 each).
    """
    from daric_protocol.platform.sha512 import hmac_sha512

    curve = platform.curve
    if len(cc) != 32 or len(path) > MAX_DEPTH:
        raise DaricError("parameter", "A chain code has 32 bytes, and a path at most 16 levels.")
    point: Any = curve.decode(pk)
    total = 0
    for index in path:
        if not 0 <= index < HARDENED:
            raise DaricError("parameter", "A hardened level cannot be derived from a shared key.")
        digest = hmac_sha512(cc, pk + u32(index))
        step = int.from_bytes(digest[:32], "big")
        point = curve.add(point, curve.mul_g(step)) if step < Q else None
        if point is None:
            raise DaricError("parameter", "This level of the path has no key; take the next index.")
        total = (total + step) % Q
        pk, cc = curve.encode(point), digest[32:]
    return total, pk, cc
