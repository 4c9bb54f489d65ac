"""The session driver: joins, agrees on who takes part, asks the human, then runs a round generator over sealed frames.

No I/O, no clock: the same class on the device, the phone, at the cloud and in tests. Specification: docs/protocol.md,
sections 1 and 13. A session lives in memory only and can be stored nowhere.
"""

from daric_protocol import envelope, joining, limits
from daric_protocol.errors import Abort, DaricError, error_name
from daric_protocol.exchange import Exchange
from daric_protocol.garbage import collect
from daric_protocol.identity import Identity
from daric_protocol.rounds.outgoing import EVIDENCE_ROUND
from daric_protocol.sealing import Channel, SessionContext
from daric_protocol.tagged import random_scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from daric_protocol.messages import Message
    from daric_protocol.roster import Roster
    from daric_protocol.rounds.outgoing import Outgoing
    from daric_protocol.terms import Terms

JOINING = "joining"  # the join may leave; waits for start
OPENING = "opening"  # commitments are listed; openings travel
CONFIRMING = "confirming"  # waits for the human
RUNNING = "running"
DONE = "done"
FAILED = "failed"


class Hooks:
    """What a session asks of its owner. Subclass it; daric_protocol.flows has the one for stored groups.

    epoch: the group's current epoch, 0 where there is no group yet. attended: whether a human confirms; the cloud party
    confirms nothing. backing: the party's daric_protocol.flows.backing.Backing, if any. digest: 32 B that are to be
    signed, empty where nothing is.
    """

    epoch = 0
    attended = True
    digest = b""
    backing = None  # type: Any

    def use_session(self, uuid: bytes) -> None:
        """Record durably that this session id was started; DaricError("replayed") if it was before."""
        raise NotImplementedError

    def rounds(self, session: "Session") -> "Generator[Outgoing, dict[int, object], object]":
        """The round generator of an agreed and confirmed session."""
        raise NotImplementedError

    def describe(self, identity: bytes) -> "tuple[str, str]":
        """(kind, name) of a party as this owner knows it; empty strings for a stranger."""
        return "", ""


class Session:
    """One party's side of one session.

    identity: own Identity. terms: Terms. roster: the stored Roster of a known group, None where a group is made or this
    party is new to it; then the terms say what the group is, and no party with another roster gets the same session id.
    random: callable n -> bytes, a DRBG seeded for this session. hooks: Hooks.
    Read from outside: state, code, indexes (by seat), me (own index), roster (the session's: stored members and new
    ones), ssid, round, result, error, sent_bytes, authenticated (indexes of those who showed that they know the secret
    of the link). Set from outside before join(): join_secret (16 B), by whoever made the link or joined by it.
    Raises DaricError("parameter", "group", "member", "threshold" or "roster") for terms that do not fit this party.
    """

    def __init__(
        self,
        identity: Identity,
        terms: "Terms",
        roster: "Roster | None",
        random: "Callable[[int], bytes]",
        hooks: Hooks,
    ) -> None:
        terms.check()
        from daric_protocol import membership  # late: a device forgets it before the rounds

        known, self._highest = membership.known_roster(terms, roster, identity.public)
        if roster is None and known is not None:
            known = membership.introduced(known, hooks.describe)
        self.identity = identity
        self.terms = terms
        self.roster = known  # type: Roster | None
        self.random = random
        self.hooks = hooks
        self.state = JOINING
        self.code = None  # type: str | None
        self.ssid = b""
        self.me = 0
        self.indexes = []  # type: list[int]
        self.result = None  # type: object
        self.error = None  # type: DaricError | None
        self.sent_bytes = 0
        self.tidy = collect  # called around the arithmetic between rounds; a device forgets what no later round needs
        self.join_secret = b""
        self.authenticated = []  # type: list[int]
        self._spent = False
        self._ephemeral = Identity(random_scalar(random))  # type: Identity | None
        self._mine = joining.Opening(identity.public, self._ephemeral.public, random(32))
        self._join = b""
        self._seat = -1
        self._commitments = []  # type: list[bytes]
        self._openings = []  # type: list[joining.Opening | None]
        self._context = None  # type: SessionContext | None
        self._channels = {}  # type: dict[int, Channel]
        self._queue = []  # type: list[tuple[int, bytes]]
        self._rounds = None  # type: Generator[Outgoing, dict[int, object], object] | None
        self._exchange = None  # type: Exchange | None

    def __reduce__(self) -> str:
        raise DaricError("session", "a session cannot be stored or copied")

    # Joining

    def join(self) -> bytes:
        """What this party joins with; the same bytes at every call."""
        if not self._join:
            if self.join_secret:
                from daric_protocol import joinsecret

                self._mine.mac = joinsecret.mac(self.join_secret, self.terms.uuid, self._mine)
            message = self._mine  # type: Message
            if self.terms.committed:
                message = joining.Commitment(joining.commit(self.terms.uuid, self.terms.op, self._mine))
            self._join = envelope.encode(message)
        return self._join

    def start(self, joins: "list[bytes]") -> bool:
        """The start list, joins in seat order. False: dropped, since a list came before or nothing was joined."""
        if self.state != JOINING or not self._join:
            return False
        self._guard(self._begin, joins)
        return True

    def _begin(self, joins: "list[bytes]") -> None:
        seats = [seat for seat in range(len(joins)) if joins[seat] == self._join]
        if len(seats) != 1:
            raise Abort("soft", None, "the start list does not hold this party's join exactly once")
        self.hooks.use_session(self.terms.uuid)
        if len(joins) != self.terms.parties:
            raise Abort("soft", None, "the start list has the wrong number of parties")
        self._seat = seats[0]
        if not self.terms.committed:
            self._openings = [_read_join(joining.Opening, data) for data in joins]
            self._agree()
            return
        self._commitments = [_read_join(joining.Commitment, data).value for data in joins]
        if len(set(self._commitments)) != len(joins):
            raise Abort("soft", None, "two parties joined with the same commitment")
        self._openings = [None] * len(joins)
        self._openings[self._seat] = self._mine
        opening = envelope.encode(self._mine)
        self._queue = [(seat, opening) for seat in range(len(joins)) if seat != self._seat]
        self.state = OPENING

    def _open(self, seat: int, frame: bytes) -> None:
        opening = _read_join(joining.Opening, frame)
        if joining.commit(self.terms.uuid, self.terms.op, opening) != self._commitments[seat]:
            raise Abort("soft", None, "an opening does not fit its commitment")
        self._openings[seat] = opening
        if None not in self._openings:
            self._agree()

    def _agree(self) -> None:
        """All openings are known: who is who, the session id, the code."""
        from daric_protocol import membership

        openings = self._all_openings()
        if len({opening.identity for opening in openings}) != len(openings):
            raise Abort("soft", None, "two parties joined with the same identity")
        if len({opening.ephemeral for opening in openings}) != len(openings):
            raise Abort("soft", None, "two parties joined with the same ephemeral key")
        terms = self.terms
        self.roster = membership.session_roster(terms, self.roster, self._highest, openings, self.hooks.describe)
        index_of = {member.identity: member.index for member in self.roster.members}
        self.indexes = [index_of.get(opening.identity, 0) for opening in openings]
        if terms.members and [index for index in terms.members if self.indexes.count(index) != 1]:
            raise Abort("soft", None, "the start list does not hold exactly the chosen members")
        self.me = self.indexes[self._seat]
        nonce_of = {index_of[opening.identity]: opening.nonce for opening in openings}
        nonces = [nonce_of[index] for index in sorted(nonce_of)]
        self.ssid = joining.session_id(terms.uuid, terms.op, terms.group, self.roster.hash(), nonces)
        joins = joining.joins_digest(terms.uuid, terms.op, terms.committed, openings)
        self._context = SessionContext(terms, self.ssid, self.hooks.epoch, joins)
        if self.join_secret:
            from daric_protocol import joinsecret

            proven = joinsecret.proven(self.join_secret, terms.uuid, openings)
            self.authenticated = sorted([index_of[one] for one in proven if one != self.identity.public])
        if terms.committed:
            self.code = joining.check_code(terms.uuid, terms.op, terms.group, terms.threshold, openings)
        self.state = CONFIRMING if self.hooks.attended else RUNNING

    def _all_openings(self) -> "list[joining.Opening]":
        return [opening for opening in self._openings if opening is not None]

    # The human

    @property
    def needs_confirmation(self) -> bool:
        """Whether roster, threshold, check code and request wait for this party's human."""
        return self.state == CONFIRMING

    def confirm(self) -> None:
        """The human agreed; before this no round message exists. DaricError("session") in any other state."""
        if self.state != CONFIRMING:
            raise DaricError("session", "there is nothing to confirm")
        self.state = RUNNING

    def refuse(self, error: "DaricError | None" = None) -> None:
        """The human refused, or cancels a running session. error: of a party that refuses by itself, as by a policy."""
        self._give_up(error or DaricError("refused"))

    def expire(self) -> None:
        """The caller's time is up."""
        self._give_up(Abort("soft", None, "the other parties did not answer in time"))

    def cancel(self) -> None:
        """The caller cannot go on: the session ended at the service, or the way to the others broke."""
        self._give_up(Abort("soft", None, "the session was ended from outside"))

    def _give_up(self, error: DaricError) -> None:
        if self.state not in (DONE, FAILED):
            self._fail(error)

    # Frames

    @property
    def round(self) -> int:
        """The number of the current round; -1 when no round is running."""
        return -1 if self._exchange is None else self._exchange.number

    def receive(self, seat: int, frame: "bytes | bytearray") -> bool:
        """A frame from a seat. True: taken or dropped for good; False: early, offer it again after progress.

        frame: a bytearray is used up, which a device does to save a copy; offer another one then.

        Cheap except for the rows of a stream; the arithmetic between rounds happens in send().
        """
        if self.state == JOINING:
            return False
        if self.state in (DONE, FAILED) or seat == self._seat or not 0 <= seat < len(self._openings):
            return True
        if frame[:1] in (b"\x83", b"\x84"):
            if self.state == OPENING and self._openings[seat] is None:
                self._guard(self._open, seat, bytes(frame))
            return True
        try:
            message = envelope.Envelope.decode(frame)
        except DaricError:
            return True
        if self.state == OPENING:
            return False
        if message.sender != self.indexes[seat]:
            return True
        if message.stream == envelope.NOTICE_STREAM:
            if self.round == EVIDENCE_ROUND:
                return False  # the peers' signed copies tell more than their ending does
            self._guard(self._hear, message)
            return True
        number = message.stream // 2
        if self._exchange is None or number > self._exchange.number:
            return False
        if number < self._exchange.number:
            return True
        taken = self._guard(self._exchange.receive, message)
        return taken is not False

    def settle(self) -> None:
        """Work on what has come, before the next frame takes memory; send() does it, too."""
        if self._exchange is not None and self.state == RUNNING:
            self._guard(self._exchange.settle)

    def send(self) -> "tuple[int, bytes] | None":
        """(seat, frame) to send next, or None: nothing now. Call it until None after every progress.

        Between rounds this is where the round's arithmetic runs, which takes minutes on a slow device.
        """
        if not self._queue and self.state == RUNNING:
            self._guard(self._produce)
        if not self._queue:
            return None
        seat, frame = self._queue.pop(0)
        self.sent_bytes += len(frame)
        return seat, frame

    def _produce(self) -> None:
        while self.state == RUNNING:
            if self._exchange is None:
                self._rounds = self.hooks.rounds(self)
                self._advance(None)
                continue
            frame = self._exchange.next_frame()
            if frame is not None:
                self._queue.append((self.indexes.index(frame[0]), frame[1]))
                return
            if not self._exchange.complete:
                return
            received = self._exchange.received()
            self._exchange = None  # what came now belongs to the generator alone, which frees it piece by piece
            self._advance(received)

    def _advance(self, received: "dict[int, object] | None") -> None:
        """Run the generator to its next round, or to its result."""
        assert self._rounds is not None
        self.tidy()
        try:
            outgoing = self._rounds.send(received)  # type: ignore[arg-type]
            self.tidy()
        except StopIteration as end:
            self.result = end.value
            self.state = DONE
            self._erase()
            return
        self._spent = self._spent or outgoing.spent
        self._exchange = Exchange(outgoing, self.me, self.terms.op, self._channel)

    def _channel(self, index: int) -> Channel:
        channel = self._channels.get(index)
        if channel is None:
            assert self._context is not None and self._ephemeral is not None
            peer = self._openings[self.indexes.index(index)]
            assert peer is not None
            try:
                channel = Channel(self._context, self.identity, self._ephemeral, self._mine, peer)
            except DaricError:
                raise Abort("soft", None, "a party joined with a key that is no point")
            self._channels[index] = channel
        return channel

    # Endings

    def _hear(self, message: "envelope.Envelope") -> None:
        """An abort notice. It ends this session softly and accuses nobody; one that does not open is dropped."""
        if message.chunk or not message.last or message.prefix != self.ssid[: envelope.PREFIX_BYTES]:
            return
        try:
            body = self._channel(message.sender).open(self.ssid, message.sender, self.me, self.terms.op, message)
            notice = envelope.decode(envelope.Notice, body)
        except DaricError:
            return
        name = error_name(notice.number)
        raise Abort("soft", None, "party " + str(message.sender) + " ended the session (" + name + ")")

    def _guard(self, step: "Callable[..., object]", *arguments: object) -> object:
        """Run a step; whatever it raises ends the session here."""
        failure = DaricError("internal")
        try:
            result = step(*arguments)
            failure = None  # type: ignore[assignment]
            return result
        except DaricError as error:
            failure = error
        except MemoryError:
            failure = DaricError("memory")
        finally:
            if failure is not None:
                self._fail(failure)
        return None

    def _fail(self, error: DaricError) -> None:
        self.state = FAILED
        try:
            error = self._ask_rounds(error)
        finally:
            self._end(error)

    def _end(self, error: DaricError) -> None:
        if self._spent and error.name != "ban":
            error = Abort("spent", getattr(error, "blame", None), error.detail, getattr(error, "evidence", None))
        self.error = error
        self._queue = []
        if self._context is not None:
            self._queue = self._notices(error.number)
        self._erase()

    def _ask_rounds(self, error: DaricError) -> DaricError:
        """Tell the running generator; what it raises in turn is what the caller shall see."""
        if self._rounds is None:
            return error
        try:
            self._rounds.throw(error)
        except StopIteration:
            return error
        except DaricError as final:
            return final
        return error

    def _notices(self, number: int) -> "list[tuple[int, bytes]]":
        body = envelope.encode(envelope.Notice(number))
        notices = []
        for seat in range(len(self.indexes)):
            index = self.indexes[seat]
            if seat == self._seat:
                continue
            try:
                channel = self._channel(index)
            except Abort:
                continue
            frame = channel.seal(self.ssid, self.me, index, self.terms.op, envelope.NOTICE_STREAM, 0, True, body)
            notices.append((seat, frame))
        return notices

    def _erase(self) -> None:
        """Let go of every secret of the session; the generator's own clean-up runs."""
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            rounds.close()
        self._exchange = None
        self._channels = {}
        self._ephemeral = None
        self._context = None
        collect()


def _read_join(kind: "type[Message]", data: bytes) -> "Any":
    """A join or opening as it travelled in clear: what is wrong with it names nobody."""
    try:
        return envelope.decode(kind, data, limits.JOIN_BYTES)
    except DaricError as error:
        raise Abort("soft", None, "a join cannot be read: " + error.detail)
