"""Terms of each operation, as its initiator proposes them. Specification: docs/protocol.md, sections 1, 8 to 11."""

from daric_protocol.terms import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.roster import Roster

    Random = Callable[[int], bytes]


def create_terms(uuid: bytes, threshold: int, parties: int, random: "Random", name: str = "") -> Terms:
    """Terms of a new group with a fresh id. Raises DaricError("parameter")."""
    return _checked(Terms(uuid, "create", random(16), threshold, parties, [], b"", name))


def sign_terms(uuid: bytes, group_id: bytes, roster: "Roster", signers: "list[int]", request: bytes) -> Terms:
    """Terms of a signature. signers: exactly t indexes. request: typed request (daric_protocol.evm.request)."""
    return _checked(Terms(uuid, "sign", group_id, roster.t, len(signers), sorted(signers), request, ""))


def pair_terms(uuid: bytes, group_id: bytes, roster: "Roster", first: int, second: int) -> Terms:
    """Terms of a new pair set-up between two members of a group."""
    return _checked(Terms(uuid, "pair", group_id, roster.t, 2, sorted([first, second]), b"", ""))


def refresh_terms(uuid: bytes, group_id: bytes, roster: "Roster") -> Terms:
    """Terms of a new epoch for the same members with the same threshold."""
    members = roster.indexes()
    return _checked(Terms(uuid, "refresh", group_id, roster.t, len(members), members, b"", ""))


def _checked(terms: Terms) -> Terms:
    terms.check()
    return terms
