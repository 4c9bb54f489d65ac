"""Who is who in a session: stored members keep their indexes, new ones get the next that were never used.

Specification: docs/protocol.md, section 1; docs/encodings.md, section 2 (roster of a session).
"""

from daric_protocol.errors import Abort, DaricError
from daric_protocol.joining import in_identity_order
from daric_protocol.roster import Member, Roster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.joining import Opening
    from daric_protocol.terms import Terms

    Describe = Callable[[bytes], tuple[str, str]]


def known_roster(terms: "Terms", stored: "Roster | None", identity: bytes) -> "tuple[Roster | None, int]":
    """(roster before the session, highest index ever used); None for a group that this session makes.

    stored: what this party stores of the group, if anything; who is new to it reads the terms. identity: own, 33 B.
    Raises DaricError("group", "member" or "roster") where the terms do not fit this party.
    """
    facts = terms.facts()
    highest = 0 if facts is None else facts.highest
    if stored is not None:
        _check_member(terms, stored, identity)
        if facts is not None and facts.roster.hash() != stored.hash():
            raise DaricError("roster", "the terms describe the group otherwise than the stored roster")
        return stored, highest
    if facts is None:
        if terms.members:
            raise DaricError("group", "this party does not know the group of the session")
        return None, 0
    if identity in [member.identity for member in facts.roster.members]:
        raise DaricError("member", "this party is a member of the group, but stores nothing of it")
    if not terms.newcomers:
        raise DaricError("group", "the session lets nobody in")
    return facts.roster, highest


def _check_member(terms: "Terms", roster: Roster, identity: bytes) -> None:
    """The terms fit the stored group and this party is one of the chosen members."""
    identity_of = {member.index: member.identity for member in roster.members}
    for index in terms.members:
        if index not in identity_of:
            raise DaricError("roster", "the terms name a member that the stored roster does not have")
    if identity not in [identity_of[index] for index in terms.members]:
        raise DaricError("group", "this party is not among the members of the terms")
    if (terms.op in ("sign", "export", "pair", "refresh") or terms.names_master) and terms.threshold != roster.t:
        raise DaricError("roster", "the terms name another threshold than the stored roster")
    if (terms.op == "refresh" or terms.names_master) and terms.members != roster.indexes():
        raise DaricError("roster", "every member of the group takes part")


def session_roster(
    terms: "Terms", known: "Roster | None", highest: int, openings: "list[Opening]", describe: "Describe"
) -> Roster:
    """The roster of the session, its threshold included; who leaves is still listed, new members have no shares.

    known, highest: of known_roster. openings: of all parties. describe: identity -> (kind, name). Raises Abort("soft").
    """
    if known is None:
        return Roster.create(terms.threshold, [(one.identity,) + describe(one.identity) for one in openings])
    if not terms.facts():
        return known
    members = list(known.members)
    identities = [member.identity for member in members]
    for opening in in_identity_order(openings):
        if opening.identity not in identities:
            highest += 1
            kind, name = describe(opening.identity)
            members.append(Member(highest, opening.identity, kind, name))
    if len(members) - len(identities) != terms.newcomers:
        raise Abort("soft", None, "the start list does not hold exactly the chosen members")
    return Roster(terms.threshold, known.version, known.master, members)
