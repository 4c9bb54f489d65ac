"""Whole flows over a party's custody: create a group, sign, set up a pair; the same for device, phone and cloud.

    terms = flows.sign_terms(uuid, group_id, roster, [1, 3], request_bytes)
    session = flows.open_session(terms, custody, entropy)
    session.join(), session.start(joins), session.confirm(), then send() and receive() until state is done

Specification: docs/protocol.md, sections 2, 6, 8 and 9.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import STRIKES_BEFORE_DELAY
from daric_protocol.session import Hooks, Session
from daric_protocol.tagged import TH
from daric_protocol.terms import Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from daric_protocol.custody import Custody
    from daric_protocol.custodysession import SessionCustody
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Outgoing
    from daric_protocol.shard import Shard

    Random = Callable[[int], bytes]
    Rounds = Generator[Outgoing, dict[int, Any], Any]


# Terms


def create_terms(uuid: bytes, threshold: int, parties: int, random: "Random", name: str = "") -> Terms:
    """Terms of a new group with a fresh id. Raises DaricError("parameter")."""
    return _checked(Terms(uuid, "create", random(16), threshold, parties, [], b"", name))


def sign_terms(uuid: bytes, group_id: bytes, roster: "Roster", signers: "list[int]", request: bytes) -> Terms:
    """Terms of a signature. signers: exactly t indexes. request: typed request (daric_protocol.evm.request)."""
    return _checked(Terms(uuid, "sign", group_id, roster.t, len(signers), sorted(signers), request, ""))


def pair_terms(uuid: bytes, group_id: bytes, roster: "Roster", first: int, second: int) -> Terms:
    """Terms of a new pair set-up between two members of a group."""
    return _checked(Terms(uuid, "pair", group_id, roster.t, 2, sorted([first, second]), b"", ""))


def _checked(terms: Terms) -> Terms:
    terms.check()
    return terms


# Sessions


def open_session(
    terms: Terms,
    custody: "Custody",
    entropy: "Random",
    attended: bool = True,
    describe: "Callable[[bytes], tuple[str, str]] | None" = None,
    confirmed: bool = False,
    allow_raw: bool = False,
    now: int = 0,
) -> Session:
    """This party's side of a session, ready to join.

    entropy: n -> fresh bytes. attended: False for the cloud party, which confirms nothing. describe: identity ->
    (kind, name) as this party knows it. confirmed: the owner insists on signing again what may have been signed, and on
    a new set-up with a party that failed checks repeatedly. allow_raw: the owner switched raw digests on. now: the
    caller's clock in seconds, for the day that such a set-up has to wait; one that stands still never lets it pass.
    Raises DaricError where this party must not take part: "group", "pending", "roster", "parameter", "request",
    "raw_digest", "replayed", "spent", "banned".

    The result of a session: create, the certificate as it travels; sign, a Signature; pair, the peer's index.
    """
    shard = None
    if terms.op == "create":
        _check_new(terms, custody)
    elif terms.op in ("sign", "pair"):
        shard = custody.shard(terms.group)
    else:
        raise DaricError("parameter", "this version has no such operation: " + terms.op)
    if terms.op == "sign":
        # Where nobody is asked, the people of the session's other parties are.
        custody.check_digest(terms.group, request_digest(terms.request, allow_raw), confirmed or not attended)
    epoch = 0 if shard is None else shard.epoch
    roster = None if shard is None else shard.roster
    random = custody.session_random(terms.uuid, epoch, entropy)
    hooks = CustodyHooks(custody, epoch, attended, describe, allow_raw)
    session = Session(custody.identity, terms, roster, random, hooks)
    if shard is not None and terms.op == "pair":
        custody.allow_setup(terms.group, _peer_in(terms, shard.me), now, confirmed or not attended)
    return session


class CustodyHooks(Hooks):
    """A session's hooks over a custody."""

    def __init__(
        self,
        custody: "Custody",
        epoch: int,
        attended: bool,
        describe: "Callable[[bytes], tuple[str, str]] | None",
        allow_raw: bool,
    ) -> None:
        self._custody = custody
        self._describe = describe
        self._allow_raw = allow_raw
        self.epoch = epoch
        self.attended = attended

    def use_session(self, uuid: bytes) -> None:
        self._custody.use_session(uuid)

    def describe(self, identity: bytes) -> "tuple[str, str]":
        return ("", "") if self._describe is None else self._describe(identity)

    def rounds(self, session: Session) -> "Rounds":
        """The round generator for the session's operation, with custody's hold on its pairs ended whatever happens."""
        terms = session.terms
        view = self._custody.session(terms.group, terms.uuid, session.roster, terms.name)
        try:
            if terms.op == "create":
                return (yield from _create(session, self._custody, view))
            shard = self._custody.shard(terms.group)
            if shard.epoch != self.epoch:
                raise DaricError("roster", "the group moved on to another epoch since this party joined")
            if terms.op == "sign":
                return (yield from _sign(session, shard, view, self._allow_raw))
            return (yield from _pair(session, shard, view))
        finally:
            view.close()


def _create(session: Session, custody: "Custody", view: "SessionCustody") -> "Rounds":
    from daric_protocol.rounds.keygen import keygen

    assert session.roster is not None
    group_id = session.terms.group
    _check_new(session.terms, custody)
    _, acks = yield from keygen(
        session.me, session.ssid, group_id, session.roster, view, session.random, custody.highest_epoch(group_id)
    )
    view.activate(acks)
    return custody.certificate(group_id)


def _sign(session: Session, shard: "Shard", view: "SessionCustody", allow_raw: bool) -> "Rounds":
    from daric_protocol.rounds.sign import sign

    terms = session.terms
    digest = request_digest(terms.request, allow_raw)
    context = TH("dkls/ctx", terms.request)
    return (yield from sign(session.me, shard, terms.members, digest, 0, context, session.ssid, view, session.random))


def _pair(session: Session, shard: "Shard", view: "SessionCustody") -> "Rounds":
    from daric_protocol.rounds.pair import pair

    peer = _peer_in(session.terms, session.me)
    _, acks = yield from pair(session.me, peer, shard, session.ssid, view, session.random)
    view.activate_pair(peer, acks)
    return peer


def _peer_in(terms: Terms, me: int) -> int:
    """The other member of a pair set-up."""
    return terms.members[1] if terms.members[0] == me else terms.members[0]


def request_digest(request: bytes, allow_raw: bool = False) -> bytes:
    """The 32 bytes that a typed request asks to sign, computed by this party itself from the bytes that it shows.

    allow_raw: the owner switched raw digests on. Raises DaricError("request") or ("raw_digest").
    """
    from daric_protocol.evm import request as requests

    asked = requests.decode(request)
    if asked.path:
        raise DaricError("request", "this version signs with the group's own key only, not below it")
    return requests.digest(asked, allow_raw)


def _check_new(terms: Terms, custody: "Custody") -> None:
    group = custody.find(terms.group)
    if group is not None and group.epoch:
        raise DaricError("group", "a group of this id exists already")


# What a person is asked


def question(session: Session, custody: "Custody") -> "list[str]":
    """Lines to show before confirm(): what, who, how many of how many, and the check code where there is one."""
    terms, roster = session.terms, session.roster
    assert roster is not None
    if terms.op == "sign":
        from daric_protocol.evm import address
        from daric_protocol.evm import request as requests

        lines = _warnings(custody, terms.group, requests.digest(terms.request, True))
        lines.extend(requests.describe(terms.request, address.from_public_key(custody.shard(terms.group).pk)))
    elif terms.op == "create":
        lines = ["New wallet"] + shown_name(terms.name) + ["%d of %d sign" % (terms.threshold, terms.parties)]
    else:
        lines = _strikes(custody, terms.group, roster.member(_peer_in(terms, session.me)).identity)
        lines += ["New pair set-up"] + shown_name(custody.group(terms.group).name)
    if session.code is not None:
        lines.append("Check code " + session.code)
    for index in sorted(session.indexes):
        member = roster.member(index)
        mine = " (this)" if index == session.me else ""
        lines.append("%d %s %s%s" % (index, member.kind, _plain(member.name) or member.identity.hex()[:12], mine))
    return [line for line in lines if line]


def _strikes(custody: "Custody", group_id: bytes, identity: bytes) -> "list[str]":
    """What the owner must know before a new set-up with a party that cheated, or seemed to, more than once."""
    strikes = custody.bans.strikes(group_id, identity)
    if strikes < STRIKES_BEFORE_DELAY:
        return []
    return ["WARNING", " the other party", " failed %d checks" % strikes]


NAME_LINE = 15  # characters beside the space that sets a name off from a label


def shown_name(name: str) -> "list[str]":
    """A name that somebody else chose, every line of it indented, so that it can't imitate a label or a code."""
    plain = _plain(name)
    return [" " + plain[at : at + NAME_LINE] for at in range(0, len(plain), NAME_LINE)]


def _plain(name: str) -> str:
    """The name in printable ASCII: nothing that a screen would act on or could not show."""
    return "".join([character if 32 <= ord(character) < 127 else "?" for character in name])


def _warnings(custody: "Custody", group_id: bytes, digest: bytes) -> "list[str]":
    """What the owner must know before agreeing to a request whose digest, or another one, may be signed already."""
    unresolved = custody.journal.unresolved(group_id)
    if unresolved and unresolved != digest:
        return ["WARNING", " an earlier", " request may have", " been signed"]
    return ["WARNING", " this request was", " signed before"] if custody.is_spent(group_id, digest) else []
