"""The secret of a link to a session: who joins by the link shows that it has read it. docs/protocol.md, section 1.

A phone that scanned the code proves more than one that guessed or overheard the session id; the check code is compared
all the same. No device or cloud loads this. Encoding: docs/encodings.md, section 2.
"""

from daric_protocol import envelope, platform
from daric_protocol.errors import Abort
from daric_protocol.tagged import TH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.joining import Opening

SECRET_BYTES = 16


def mac(secret: bytes, uuid: bytes, opening: "Opening") -> bytes:
    """32 B over an opening without its mac. secret: 16 B. uuid: of the session."""
    bare = type(opening)(opening.identity, opening.ephemeral, opening.nonce)
    return platform.hmac_sha256(secret, TH("daric/join", uuid, envelope.encode(bare)))


def proven(secret: bytes, uuid: bytes, openings: "list[Opening]") -> "list[bytes]":
    """Identities (33 B) of those who know the secret. A wrong mac is Abort("soft"); none at all is no fault."""
    found = []
    for opening in openings:
        if opening.mac:
            if not platform.equal(opening.mac, mac(secret, uuid, opening)):
                raise Abort("soft", None, "a party joined by another link than this session's")
            found.append(opening.identity)
    return found
