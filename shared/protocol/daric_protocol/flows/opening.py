"""Opening this party's side of a session over its custody. Specification: docs/protocol.md, sections 1, 6, 8 and 9."""

from daric_protocol.errors import DaricError
from daric_protocol.flows import running
from daric_protocol.session import Hooks, Session
from daric_protocol.terms import BACKING, Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from daric_protocol.custody import Custody
    from daric_protocol.details import Facts
    from daric_protocol.flows.backing import Backing
    from daric_protocol.flows.proposals import Secret
    from daric_protocol.flows.running import Rounds
    from daric_protocol.shard import Shard

    Random = Callable[[int], bytes]


def open_session(
    terms: Terms,
    custody: "Custody",
    entropy: "Random",
    attended: bool = True,
    describe: "Callable[[bytes], tuple[str, str]] | None" = None,
    confirmed: bool = False,
    allow_raw: bool = False,
    now: int = 0,
    secret: "Secret | None" = None,
    backing: "Backing | None" = None,
) -> Session:
    """This party's side of a session, ready to join.

    entropy: n -> fresh bytes. attended: False for the cloud party, which confirms nothing. describe: identity ->
    (kind, name) as this party knows it. confirmed: the owner insists on signing again what may have been signed, and on
    a new set-up with a party that failed checks repeatedly. allow_raw: the owner switched raw digests on. now: the
    caller's clock in seconds, for the day that such a set-up has to wait; one that stands still never lets it pass.
    secret: the key that this party brings to an import. backing: what this party keeps of backups, of a backup, its
    test and a recovery. Raises DaricError where this party must not take part: "group", "pending", "roster",
    "parameter", "threshold", "member", "signature", "master", "request", "raw_digest", "replayed", "spent", "banned".

    The result of a session: create, import, refresh, reshare: the certificate as it travels; enrol, recover: the change
    of the roster as it travels; sign: a Signature; pair: the peer's index; export: an Exported for the initiator, None
    for the others; backup: the sheet; verify: numbers of the pieces that are good.
    """
    shard = None
    facts = terms.facts()
    if terms.op == "import" or secret is not None:
        from daric_protocol.flows import changing

        changing.check_secret(terms, custody.identity.public, secret)
    if terms.op in ("create", "import"):
        running.check_new(terms, custody)
    elif facts is None or custody.identity.public in [member.identity for member in facts.roster.members]:
        shard = custody.shard(terms.group)
        if facts is not None and [facts.pk, facts.epoch] != [shard.pk, shard.epoch]:
            raise DaricError("roster", "the terms describe the group otherwise than this party stores it")
    else:
        from daric_protocol.flows import changing

        changing.check_joining(custody, terms.group, facts.pk)
    _check_asker(terms, custody, shard, facts)
    asked = None
    if terms.op == "sign":
        assert shard is not None
        asked = running.Asked(terms.request, shard, allow_raw)
        # Where nobody is asked, the people of the session's other parties are.
        custody.check_digest(terms.group, asked.digest, confirmed or not attended)
    if terms.op == "export" and shard is not None:
        from daric_protocol.flows import changing

        changing.check_master(shard.roster, terms.details().initiator)
    epoch = shard.epoch if shard is not None else 0 if facts is None else facts.epoch
    roster = None if shard is None else shard.roster
    random = custody.session_random(terms.uuid, epoch, entropy)
    hooks = CustodyHooks(custody, epoch, attended, describe, asked, secret, backing)
    session = Session(custody.identity, terms, roster, random, hooks)
    if shard is not None and terms.op == "pair":
        custody.allow_setup(terms.group, running.peer_in(terms, shard.me), now, confirmed or not attended)
    return session


def _check_asker(terms: Terms, custody: "Custody", shard: "Shard | None", facts: "Facts | None") -> None:
    """Who asks may do so, and this party was not replaced. Raises DaricError("signature", "member", "master")."""
    roster = shard.roster if shard is not None else None if facts is None else facts.roster
    if terms.initiator or (roster is not None and (shard is None or roster.master)):
        from daric_protocol import membership
        from daric_protocol.group import replaced

        gone = replaced(custody.store, terms.group)
        membership.check_asker(terms, roster, gone)
        if custody.identity.public in gone:
            raise DaricError("member", "this party's identity was replaced by another one")


class CustodyHooks(Hooks):
    """A session's hooks over a custody."""

    def __init__(
        self,
        custody: "Custody",
        epoch: int,
        attended: bool,
        describe: "Callable[[bytes], tuple[str, str]] | None",
        asked: "running.Asked | None",
        secret: "Secret | None" = None,
        backing: "Backing | None" = None,
    ) -> None:
        self._custody = custody
        self._describe = describe
        self._asked = asked
        self._secret = secret
        self.backing = backing
        self.epoch = epoch
        self.attended = attended
        self.digest = b"" if asked is None else asked.digest

    def use_session(self, uuid: bytes) -> None:
        self._custody.use_session(uuid)

    def describe(self, identity: bytes) -> "tuple[str, str]":
        return ("", "") if self._describe is None else self._describe(identity)

    def rounds(self, session: Session) -> "Rounds":
        """The round generator for the session's operation, with custody's hold on its pairs ended whatever happens."""
        terms = session.terms
        view = self._custody.session(terms.group, terms.uuid, session.roster, terms.name)
        try:
            if terms.op in ("create", "sign", "pair"):
                shard = None if terms.op == "create" else self._stored(session)
                return (yield from running.rounds(session, shard, self._custody, view, self._asked))
            shard = None if terms.op == "import" else self._stored(session)
            if terms.newcomers and terms.op != "import":
                self._check_newcomers(session)
            if terms.op in BACKING:
                from daric_protocol.flows import backing

                return (yield from backing.rounds(session, shard, self._custody, view, self.backing))
            from daric_protocol.flows import changing

            secret, self._secret = self._secret, None
            return (yield from changing.rounds(session, shard, self._custody, view, secret))
        finally:
            view.close()

    def _check_newcomers(self, session: Session) -> None:
        from daric_protocol import membership

        assert session.roster is not None
        membership.check_newcomers(self._custody, session.terms.group, session.roster)

    def _stored(self, session: Session) -> "Shard | None":
        """The current shard; None for a new member or one that comes back. DaricError("roster") for another epoch."""
        assert session.roster is not None
        if not session.roster.member(session.me).public_share or session.me not in session.terms.members:
            return None
        shard = self._custody.shard(session.terms.group)
        if shard.epoch != self.epoch:
            raise DaricError("roster", "the group moved on to another epoch since this party joined")
        return shard
