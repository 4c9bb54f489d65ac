"""The device as the one that asks: it signs the terms of a session. Specification: docs/protocol.md, section 1."""

from daric_protocol.errors import DaricError
from daric_protocol.flows.questions import question as flow_question
from daric_protocol.terms import Terms

from daric.errands import Question


class Proposed:
    """Terms before their session, as far as daric_protocol.flows.questions looks at a session."""

    code = None
    authenticated = ()

    def __init__(self, device, terms: "Terms", roster, me: int) -> None:
        self.terms = terms
        self.roster = roster
        self.me = me
        self.indexes = list(terms.members)
        self.hooks = Hooks(device)


class Hooks:
    """What a question asks of a session's owner."""

    backing = None

    def __init__(self, device) -> None:
        self.describe = device.hosts.describe


def question(device, _host: bytes, encoded: object) -> Question:
    """Ask whether this device shall be the one that asks for a session. Its answer is the signature, 64 B.

    encoded: Terms that nobody signed. Raises DaricError: "encoding", "parameter", "group", "pending", "member" where
    the group has no such member, "master" where somebody else is its master.
    """
    if not isinstance(encoded, bytes):
        raise DaricError("encoding", "terms are a byte string")
    terms = Terms.decode(encoded)
    if terms.initiator:
        raise DaricError("parameter", "the terms are signed already")
    identity = device.identity
    lines = ["Ask for this?"]
    if terms.op in ("create", "import"):
        lines += _new_group(terms)
    else:
        shard = device.custody.shard(terms.group)
        if shard.roster.master not in (0, shard.me):
            raise DaricError("master")
        lines += flow_question(Proposed(device, terms, shard.roster, shard.me), device.custody)
        if terms.newcomers and terms.op != "recover":
            lines.append("and %d who come new" % terms.newcomers)
    return Question(lines, lambda _: _sign(identity, terms, device.entropy.draw))


def _new_group(terms: "Terms") -> "list[str]":
    """A group that does not exist yet; who takes part is asked when they are there."""
    from daric_protocol.flows.questions import shown_name

    verb = "New wallet" if terms.op == "create" else "Import wallet"
    return [verb] + shown_name(terms.name) + ["%d of %d sign" % (terms.threshold, terms.parties)]


def _sign(identity, terms: "Terms", draw) -> bytes:
    return terms.signed(identity.public, lambda digest: identity.sign(digest, draw)).signature
