"""What a person is shown before agreeing to a session. Specification: docs/protocol.md, sections 1, 7 to 11."""

from daric_protocol.flows import running
from daric_protocol.group import missing_name
from daric_protocol.limits import PENDINGS_BEFORE_NAMES, STRIKES_BEFORE_DELAY
from daric_protocol.terms import BACKING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Custody
    from daric_protocol.roster import Member, Roster
    from daric_protocol.session import Session


def question(session: "Session", custody: "Custody") -> "list[str]":
    """Lines to show before confirm(): what, who, how many of how many, and the check code where there is one."""
    terms, roster = session.terms, session.roster
    assert roster is not None
    if terms.op == "sign":
        from daric_protocol.evm import address
        from daric_protocol.evm import request as requests

        lines = _warnings(custody, terms.group, requests.digest(terms.request, True))
        lines += ["Wallet:"] + shown_name(custody.group(terms.group).name)
        key = running.request_key(terms.request, custody.shard(terms.group))[1]
        lines.extend(requests.describe(terms.request, address.from_public_key(key)))
    elif terms.op == "create":
        lines = ["New wallet"] + shown_name(terms.name) + ["%d of %d sign" % (terms.threshold, terms.parties)]
        lines += _master(roster)
    elif terms.op == "import":
        lines = _import(session)
    elif terms.op == "export":
        asked = terms.details()
        lines = ["EXPORT THE KEY"] + shown_name(custody.group(terms.group).name)
        lines += ["It goes to:"] + shown_name(shown_member(roster.member(asked.initiator)))
        lines += ["who can then", "spend alone"] + ["Purpose:"] + shown_name(asked.purpose)
    elif terms.op == "refresh":
        lines = ["New shares"] + shown_name(custody.group(terms.group).name)
        lines += ["same %d of %d" % (roster.t, len(roster.members)), "old ones and", "backups end"]
        lines += _unfinished(custody, terms.group)
    elif terms.names_master:
        master = terms.details().master
        lines = ["Master of"] + shown_name(custody.group(terms.group).name)
        lines += ["will be:"] + shown_name(shown_member(roster.member(master)) if master else "nobody")
    elif terms.op in ("reshare", "enrol"):
        lines = _changes(session, custody)
    elif terms.op in BACKING:
        from daric_protocol.flows import questions_backing

        lines = questions_backing.lines(session, custody)
    else:
        lines = _strikes(custody, terms.group, roster.member(running.peer_in(terms, session.me)).identity)
        lines += ["New pair set-up"] + shown_name(custody.group(terms.group).name)
    if terms.initiator:
        lines += ["Asked by:"] + shown_name(_asker(session))
    if session.code is not None:
        lines.append("Check code " + session.code)
    lines.append("Signers:" if terms.op == "sign" else "Parties:")
    for index in sorted(session.indexes):
        member = roster.member(index)
        mine = " (this)" if index == session.me else ""
        lines.append("%d %s %s%s" % (index, member.kind, _plain(member.name) or member.identity.hex()[:12], mine))
        if index in session.authenticated:
            lines.append(" read the link")
    return [line for line in lines if line]


def _import(session: "Session") -> "list[str]":
    """Which key becomes the group's, who brings it, and that its original has to go."""
    terms, roster = session.terms, session.roster
    assert roster is not None
    asked = terms.details()
    lines = ["Import wallet"] + shown_name(terms.name) + ["%d of %d sign" % (terms.threshold, terms.parties)]
    lines += address_lines(asked.key) + ["Brought by:"]
    for member in roster.members:
        if member.identity == asked.dealer:
            lines += shown_name(shown_member(member))
    lines.append("%d-word phrase" % (asked.entropy * 3 // 4) if asked.entropy else "Bare key")
    return lines + _master(roster) + ["Safe once the", "original is gone"]


def _master(roster: "Roster") -> "list[str]":
    """Who alone may ask for anything in a new group, if it gets a master."""
    return ["Master:"] + shown_name(shown_member(roster.member(roster.master))) if roster.master else []


def _asker(session: "Session") -> str:
    """Whoever signed the terms: a member of the group or of the session, or somebody who is none."""
    assert session.roster is not None
    for member in session.roster.members:
        if member.identity == session.terms.initiator:
            return shown_member(member)
    kind, name = session.hooks.describe(session.terms.initiator)
    return "no member: " + kind + " " + (name or session.terms.initiator.hex()[:12])


def address_lines(key: bytes) -> "list[str]":
    """The group's own address. key: 33 B."""
    from daric_protocol.evm import address

    text = address.to_text(address.from_public_key(key))
    return ["Address:"] + [" " + text[at : at + NAME_LINE] for at in range(0, len(text), NAME_LINE)]


def _changes(session: "Session", custody: "Custody") -> "list[str]":
    """Who comes and who goes, and how many sign before and after."""
    terms, roster = session.terms, session.roster
    facts = terms.facts()
    assert roster is not None and facts is not None
    leaving = terms.details().leaving if terms.op == "reshare" else []
    old = facts.roster
    if roster.member(session.me).public_share:
        lines = ["Change wallet"] + shown_name(custody.group(terms.group).name)
    else:
        lines = ["Join wallet"] + shown_name(terms.name)
    lines += address_lines(facts.pk)
    if terms.op == "enrol":
        lines += ["All other shares", "stay"]
    after = len(roster.members) - len(leaving)
    lines += ["Now: %d of %d" % (old.t, len(old.members)), "Then: %d of %d" % (terms.threshold, after)]
    lines += _unfinished(custody, terms.group)
    for index in leaving:
        lines.append("REMOVE:")
        lines += shown_name(shown_member(roster.member(index)))
    for member in roster.members:
        if member.index not in old.indexes():
            lines.append("ADD:")
            lines += shown_name(shown_member(member))
    return lines


def _unfinished(custody: "Custody", group_id: bytes) -> "list[str]":
    """After several attempts at a new epoch that lack acknowledgements: how many, and whose the last one lacked."""
    group = custody.find(group_id)
    if group is None or not group.epoch or len(group.pendings) < PENDINGS_BEFORE_NAMES:
        return []
    lines = ["%d unfinished" % len(group.pendings), "for want of:"]
    members = {member.index: member for member in custody.roster(group_id).members}
    for index in custody.store.read(missing_name(group_id)) or b"":
        lines += shown_name(shown_member(members[index]) if index in members else "%d, a new one" % index)
    return lines


def shown_member(member: "Member") -> str:
    """A member in a line: index, kind, name."""
    return "%d %s %s" % (member.index, member.kind, member.name or member.identity.hex()[:12])


def _strikes(custody: "Custody", group_id: bytes, identity: bytes) -> "list[str]":
    """What the owner must know before a new set-up with a party that cheated, or seemed to, more than once."""
    strikes = custody.bans.strikes(group_id, identity)
    if strikes < STRIKES_BEFORE_DELAY:
        return []
    return ["WARNING", " the other party", " failed %d checks" % strikes]


NAME_LINE = 15  # characters beside the space that sets a name off from a label


def shown_name(name: str) -> "list[str]":
    """A name that somebody else chose, every line of it indented, so that it can't imitate a label or a code."""
    lines, rest = [], _plain(name)
    while len(rest) > NAME_LINE:
        cut = rest.rfind(" ", NAME_LINE // 2, NAME_LINE + 1)
        lines.append(" " + rest[: NAME_LINE if cut < 0 else cut])
        rest = rest[NAME_LINE if cut < 0 else cut + 1 :]
    return lines + [" " + rest] if rest else lines


def _plain(name: str) -> str:
    """The name in printable ASCII: nothing that a screen would act on or could not show."""
    return "".join([character if 32 <= ord(character) < 127 else "?" for character in name])


def _warnings(custody: "Custody", group_id: bytes, digest: bytes) -> "list[str]":
    """What the owner must know before agreeing to a request whose digest, or another one, may be signed already."""
    unresolved = custody.journal.unresolved(group_id)
    if unresolved and unresolved != digest:
        return ["WARNING", " an earlier", " request may have", " been signed"]
    return ["WARNING", " this request was", " signed before"] if custody.is_spent(group_id, digest) else []
