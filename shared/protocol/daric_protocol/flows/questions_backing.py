"""What a person is shown before a backup, its test or a recovery. Specification: docs/protocol.md, section 12."""

from daric_protocol.flows.questions import address_lines, shown_member, shown_name
from daric_protocol.rounds.backup import smallest_reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.custody import Custody
    from daric_protocol.roster import Roster
    from daric_protocol.session import Session

    Describe = Callable[[bytes], tuple[str, str]]


def lines(session: "Session", custody: "Custody") -> "list[str]":
    """The lines of a session's own operation; who asks, code and parties follow them."""
    terms, roster = session.terms, session.roster
    assert roster is not None
    asked = terms.details()
    if terms.op == "recover":
        return _recovery(session, custody)
    name = custody.group(terms.group).name
    if terms.op == "verify":
        return ["Test a backup of"] + shown_name(name) + ["Backup " + asked.backup_id.hex()[:8], "nothing moves"]
    holders = [(index, roster.member(index).identity) for index in asked.holders(terms.members)]
    backing = session.hooks.backing
    code = backing.code if backing is not None and session.me == asked.device else ""
    return backup_lines(name, roster, asked.device, holders, asked.threshold, code, session.hooks.describe)


def backup_lines(
    name: str,
    roster: "Roster",
    device: int,
    holders: "list[tuple[int, bytes]]",
    threshold: int,
    code: str,
    describe: "Describe",
) -> "list[str]":
    """What a backup gives away, and to whom; for one without a session as well.

    name: of the wallet. device: index of the member whose share it is. holders: (number, identity 33 B). threshold:
    pieces that give the share back. code: the recovery code, shown on the device that makes the backup alone, else "".
    """
    identities = [identity for _, identity in holders]
    shown = ["Backup of"] + shown_name(shown_member(roster.member(device))) + ["in wallet"] + shown_name(name)
    shown += ["%d of %d holders" % (threshold, len(holders)), "give it back:"]
    for identity in identities:
        shown += shown_name(_party(roster, identity, describe))
    reach = smallest_reach(roster, device, identities, threshold)
    members = [member.identity for member in roster.members]
    if len(reach) < roster.t:
        shown += ["WARNING", " fewer parties", " than sign now", " reach the key:"]
    elif [identity for identity in reach if identity not in members]:
        shown += ["WARNING", " not members", " alone reach", " the key, but:"]
    else:
        shown += ["Smallest set to", "reach the key:"]
    for identity in reach:
        shown += shown_name(_party(roster, identity, describe))
    if code:
        shown += ["Recovery code:", " " + code[:4] + " " + code[4:8], " " + code[8:12] + " " + code[12:16]]
        shown += ["Write it down,", "it is shown once"]
    return shown


def _recovery(session: "Session", custody: "Custody") -> "list[str]":
    """Which member comes back under which identity."""
    terms, roster = session.terms, session.roster
    facts = terms.facts()
    assert roster is not None and facts is not None
    index = terms.details().index
    name = custody.group(terms.group).name if session.me != index else terms.name
    known, old = roster.member(index), facts.roster.member(index).identity.hex()[:12]
    shown = ["Recover member"] + shown_name("%d %s %s" % (index, known.kind, known.name or old))
    shown += ["of wallet"] + shown_name(name) + address_lines(facts.pk)
    shown += ["Its identity was"] + shown_name(old)
    return shown + ["and becomes"] + shown_name(known.identity.hex()[:12])


def _party(roster: "Roster", identity: bytes, describe: "Describe") -> str:
    """A member, or somebody who is none, as this party knows it."""
    for member in roster.members:
        if member.identity == identity:
            return shown_member(member)
    kind, name = describe(identity)
    return (kind or "stranger") + " " + (name or identity.hex()[:12])
