"""Who is who in a session, and who may ask for it. Stored members keep their indexes, new ones get unused ones.

Specification: docs/protocol.md, section 1; docs/encodings.md, section 2 (roster of a session).
"""

from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import replaced
from daric_protocol.identity import verify
from daric_protocol.joining import in_identity_order
from daric_protocol.roster import Member, Roster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.custody import Custody
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
    if (terms.op not in ("reshare", "enrol", "recover") or terms.names_master) and terms.threshold != roster.t:
        raise DaricError("roster", "the terms name another threshold than the stored roster")
    if (terms.op == "refresh" or terms.names_master) and terms.members != roster.indexes():
        raise DaricError("roster", "every member of the group takes part")


def introduced(roster: Roster, describe: "Describe") -> Roster:
    """The roster that somebody else told, under the kinds and names by which this party knows its members.

    Those of the terms are their sender's choice, and no hash covers them. describe: identity -> (kind, name).
    """
    members = []
    for member in roster.members:
        kind, name = describe(member.identity)
        members.append(Member(member.index, member.identity, kind, name, member.public_share))
    return Roster(roster.t, roster.version, roster.master, members)


def check_asker(terms: "Terms", roster: "Roster | None", replaced: "list[bytes]") -> None:
    """Whoever the terms say asks did sign them, and where the group has a master, it is the master.

    roster: the stored one, or what the terms say of the group; None for a group that is made. replaced: identities
    (33 B) that were a member's once and count for nothing any more. The master need not ask for what a group must be
    able to do after it lost its master, for another master, to which all members agree, and for what changes and signs
    nothing. Raises DaricError("signature"), ("member") or ("master").
    """
    if terms.initiator:
        if not _signed(terms):
            raise DaricError("signature", "the signature of whoever asks does not fit the terms")
        if terms.initiator in replaced:
            raise DaricError("member", "the terms come from an identity that was replaced by another one")
    if roster is None or not roster.master or terms.initiator == roster.member(roster.master).identity:
        return
    if terms.names_master or terms.op in ("pair", "verify"):
        return
    if terms.op == "reshare" and roster.master in terms.details().leaving:
        return
    if terms.op == "recover" and roster.master == terms.details().index:
        return
    raise DaricError("master")


def _signed(terms: "Terms") -> bool:
    try:
        return verify(terms.initiator, terms.digest(), terms.signature)
    except DaricError:
        return False


def check_newcomers(custody: "Custody", group_id: bytes, roster: "Roster") -> None:
    """No party of a session's roster has an identity that was replaced, or Abort("soft")."""
    gone = replaced(custody.store, group_id)
    if [member for member in roster.members if member.identity in gone]:
        raise Abort("soft", None, "a party comes with an identity that was replaced by another one")


def session_roster(
    terms: "Terms", known: "Roster | None", highest: int, openings: "list[Opening]", describe: "Describe"
) -> Roster:
    """The roster of the session, its threshold included; who leaves is still listed, new members have no shares.

    A member that comes back has its new identity and the share it had. known, highest: of known_roster. openings: of
    all parties. describe: identity -> (kind, name). Raises Abort("soft").
    """
    if known is None:
        return _new_roster(terms, openings, describe)
    if not terms.facts():
        return known
    members = list(known.members)
    identities = [member.identity for member in members]
    strangers = [one.identity for one in in_identity_order(openings) if one.identity not in identities]
    if len(strangers) != terms.newcomers:
        raise Abort("soft", None, "the start list does not hold exactly the chosen members")
    if terms.op == "recover":
        return known.with_identity(terms.details().index, strangers[0])
    for identity in strangers:
        highest += 1
        kind, name = describe(identity)
        members.append(Member(highest, identity, kind, name))
    return Roster(terms.threshold, known.version, known.master, members)


def _new_roster(terms: "Terms", openings: "list[Opening]", describe: "Describe") -> Roster:
    """The roster of a group that is made, with the master that the terms name."""
    roster = Roster.create(terms.threshold, [(one.identity,) + describe(one.identity) for one in openings])
    master = terms.details().master if terms.request else b""
    if not master:
        return roster
    if master not in [member.identity for member in roster.members]:
        raise Abort("soft", None, "the master that the terms name did not join")
    return Roster(roster.t, 0, roster.index_of(master), roster.members)
