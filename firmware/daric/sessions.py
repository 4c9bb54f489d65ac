"""The one session this device takes part in. Specification: docs/protocol.md, sections 1 and 13.

The host carries frames; the owner confirms on the screen before any share exists or leaves. Nothing here waits.
"""

from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.garbage import pace
from daric_protocol.limits import (
    APPROVAL_TIMEOUT,
    FRAME_BYTES,
    JOIN_BYTES,
    KEYGEN_TIMEOUT,
    LINK_PIECE_BYTES,
    MAX_PARTIES,
    MAX_PARTIES_WITH_DEVICE,
    STRIKES_BEFORE_DELAY,
    TYPING_TIMEOUT,
)
from daric_protocol.link import TICKS

from daric import screens
from daric.modules import LOG, part

REQUESTS = {"join": 2, "start": 1, "deliver": 4, "fetch": 2, "state": 0, "abort": 0}  # and how many parameters
ENDED = ("done", "failed")
CONTRIBUTION_BYTES = 32
RAW = "setting/raw"  # in the vault: the owner allows raw digests (daric.review)
POLICY = "policy/"  # in the vault: the owner's policy for a wallet (daric.policy)
COUNTED = "policyday/"  # in the vault: what was counted under it
POLICED = ("sign", "export")
LIMITS = ("daric.policy", "daric_protocol.policy", "daric_protocol.evm")
PASSING = (  # what no round after the first needs: it leaves room for the arithmetic
    "daric_protocol.evm", "daric_protocol.details", "daric_protocol.membership", "daric_protocol.groupmessages",
    "daric_protocol.flows.questions", "daric_protocol.rounds.groupstart", "daric_protocol.backingdetails",
    "daric_protocol.rounds.keygen", "daric_protocol.bip32", "daric_protocol.platform.sha512", "daric_protocol.sha512",
    "daric_protocol.limits", "daric_protocol.rounds.recover", "daric_protocol.rounds.backuprounds",
    "daric_protocol.rounds.pair", "daric_protocol.rounds.together", "daric_protocol.transfer", "daric.errands",
    "daric.textentry",
)  # fmt: skip


class Sessions:
    """At most one active session; a request means that one. The last one that ended can still be asked about."""

    def __init__(self, device) -> None:
        self._device = device
        self._host = b""  # identity of the host that began the session; to any other it is none of its business
        self._session = None
        self._status = None  # of the last session, once all its frames were fetched
        self._terms = b""
        self._asked = -1  # when the owner was asked; -1: not yet
        self._patience = APPROVAL_TIMEOUT
        self._shown = None  # the round, or the ended state, on the screen
        self._heard = 0  # when the host last asked anything, or the session ended
        self._number = 0  # of the frame that is kept until the host asks for the next
        self._frame = None
        self._incoming = None  # (seat, bytearray) of the frame whose pieces arrive
        self._filled = 0
        self._missed = 0  # sessions that the record could not take
        self._charge = None  # (clock, what is stored as counted before this session may sign), under a policy

    @property
    def active(self) -> bool:
        """Whether a session is under way."""
        return self._session is not None and self._session.state not in ENDED

    @property
    def held(self) -> bool:
        """Whether there is a session of which its host has not fetched all."""
        return self._session is not None

    def call(self, host: bytes, method: str, parameters: list) -> object:
        """A session_... request of a paired host. Raises DaricError: "busy" while another host's session is active."""
        if REQUESTS.get(method) != len(parameters):
            raise DaricError("parameter", "unknown request, or a wrong number of parameters")
        if host != self._host:
            if self.active:
                raise DaricError("busy")
            if method not in ("join", "abort"):
                raise DaricError("session", "this host takes part in no session")
        if method in ("start", "deliver") and self._session is None:
            self._state()  # raises where there never was a session
            return method == "deliver"  # to one that has ended: dropped for good
        if method == "join":
            parameters = [host] + parameters
        result = getattr(self, "_" + method)(*parameters)
        self._heard = self._device.board.ticks()
        self._look()
        return result

    def tick(self, now: int) -> None:
        """End a session whose owner or host has gone away; forget what a host never fetched of one that ended."""
        if not self.active:
            if ((now - self._heard) & TICKS) >= APPROVAL_TIMEOUT * 1000:
                self._close()
            return
        asked = self._asked >= 0 and self._session.needs_confirmation
        if asked and ((now - self._asked) & TICKS) >= self._patience * 1000:
            self._session.expire()
        elif ((now - self._heard) & TICKS) >= KEYGEN_TIMEOUT * 1000:
            self._session.expire()
        self._look()

    # Requests

    def _join(self, host: bytes, terms: object, contribution: object) -> bytes:
        """terms: encoded Terms. contribution: 32 random bytes of the host, added to our own."""
        if not isinstance(terms, bytes):
            raise DaricError("encoding", "terms are a byte string")
        if self.active:
            if terms == self._terms:
                return self._session.join()
            raise DaricError("busy")
        channel.sized(contribution, CONTRIBUTION_BYTES)
        device = self._device
        if device.busy:
            raise DaricError("busy")
        if device.errands is not None:
            device.errands.check_free(host)
        self._close()
        device.stand_by()
        from daric_protocol import flows
        from daric_protocol.terms import Terms

        parsed = Terms.decode(terms)
        if parsed.parties > MAX_PARTIES_WITH_DEVICE:
            raise DaricError("parameter", "a session with a device has at most %d parties" % MAX_PARTIES_WITH_DEVICE)
        device.entropy.mix(contribution)
        describe = device.hosts.describe
        # Confirmed: the question warns of what may be signed already and of repeated strikes, and the owner decides.
        now = device.board.clock()
        limited = parsed.op in POLICED and device.vault.read(POLICY + parsed.group.hex()) is not None
        self._session = flows.open_session(
            parsed, device.custody, device.entropy.draw, True, describe, confirmed=True, now=now,
            allow_raw=RAW in device.vault.names(RAW), backing=_backing(device, parsed),
        )  # fmt: skip
        self._session.tidy = self._make_room
        self._host = host
        self._terms = terms
        self._heard = device.board.ticks()
        self._asked = -1
        self._patience = APPROVAL_TIMEOUT
        self._shown = None
        self._number = 0
        self._charge = None
        if limited:
            self._check_policy(parsed)
        return self._session.join()

    def _check_policy(self, terms) -> None:
        """Refuse and record what the owner's policy does not allow, before anybody is asked."""
        try:
            counted = part("policy").check(self._device, terms)
            if counted is not None:
                self._charge = self._device.board.clock(), counted
        except (DaricError, MemoryError) as error:
            refusal = error if isinstance(error, DaricError) else DaricError("memory")
            self._session.refuse(refusal)
            self._look()
            self._close()
            raise refusal
        finally:
            self._device.modules.forget(*LIMITS)

    def _start(self, joins: object) -> bool:
        if not isinstance(joins, list) or not 2 <= len(joins) <= MAX_PARTIES:
            raise DaricError("encoding", "a start list has one join per party")
        for join in joins:
            if not isinstance(join, bytes) or len(join) > JOIN_BYTES:
                raise DaricError("encoding", "a join is a short byte string")
        return self._session.start(joins)

    def _deliver(self, seat: object, total: object, offset: object, piece: object) -> "bool | None":
        """A piece of a frame of `total` bytes; None until the last. Then False: early, to be offered again as a whole.

        In pieces, because link, channel and reply each hold a copy of what crosses in one message.
        """
        seat = channel.ranged(seat, 0, MAX_PARTIES - 1)
        if not isinstance(piece, bytes) or not 0 < len(piece) <= LINK_PIECE_BYTES:
            raise DaricError("encoding", "a piece of a frame is a short byte string")
        total = channel.ranged(total, 1, FRAME_BYTES)
        if channel.ranged(offset, 0, FRAME_BYTES) == 0:
            self._incoming = None
            self._session.settle()
            self._incoming = (seat, bytearray(total))
            self._filled = 0
        if self._incoming is None or self._incoming[0] != seat or len(self._incoming[1]) != total:
            raise DaricError("session", "no such frame is arriving")
        if offset != self._filled or offset + len(piece) > total:
            raise DaricError("session", "the pieces of a frame arrive in order")
        self._incoming[1][offset : offset + len(piece)] = piece
        self._filled += len(piece)
        if self._filled < total:
            return None
        frame = self._incoming[1]  # used up where it lies
        self._incoming = None
        return self._session.receive(seat, frame)

    def _fetch(self, received: object, offset: object) -> list:
        """[number, seat, length of the frame, piece at offset, state, round]; the middle three are nil without a frame.

        received: number of the last frame the host has. A frame is kept until then: no lost answer loses one.
        """
        if channel.ranged(received, 0, channel.MAX_COUNTER) == self._number:
            self._frame = None
        if self._frame is None and self._session is not None:
            self._show_progress()  # before the arithmetic, not after it
            self._frame = self._session.send()
            if self._frame is not None:
                self._number += 1
        status = self._state()
        if self._frame is None:
            if not self.active:
                self._close()
            return [self._number, None, None, None, status[1], status[2]]
        seat, frame = self._frame
        offset = channel.ranged(offset, 0, len(frame))
        piece = bytes(memoryview(frame)[offset : offset + LINK_PIECE_BYTES])
        return [self._number, seat, len(frame), piece, status[1], status[2]]

    def _state(self) -> list:
        """[uuid, state, round, check code or nil, error or nil, result or nil]."""
        session = self._session
        if session is None:
            if self._status is None:
                raise DaricError("session", "this device takes part in no session")
            return self._status
        error = session.error
        if error is not None:
            error = [error.number, error.detail, getattr(error, "blame", None)]
        result = session.result  # certificates, changes, a sheet, indexes: nothing secret
        if session.terms.op == "sign" and result is not None:
            result = result.encode()
        elif session.terms.op == "export":
            result = None  # what this device exports to itself is on its screen alone
        return [session.terms.uuid, session.state, session.round, session.code, error, result]

    def _abort(self) -> None:
        if self.active:
            self._session.cancel()

    def drop(self, host: bytes) -> None:
        """A host was revoked: its session ends, and it learns no more of the last one."""
        if host == self._host:
            self._abort()
            self._look()
            self._close()
            self._host = b""
            self._status = None

    def _close(self) -> None:
        """The session has ended and all is fetched: keep its status, give back its memory and its code."""
        if self._session is not None:
            self._look()
            self._status = self._state()
            self._session = self._frame = self._incoming = None
            self._device.modules.forget()

    def leave(self) -> None:
        """Memory is short: a session that has ended gives its own back, though its host has not fetched all of it."""
        if not self.active:
            self._close()

    # The owner

    def _look(self) -> None:
        """Put on the screen what the session has come to."""
        session = self._session
        if session is None:
            return
        if session.needs_confirmation:
            if self._asked < 0:
                self._asked = self._device.board.ticks()
                self._ask()
        elif session.state in ENDED:
            if self._shown != session.state:
                self._shown = session.state
                self._record()
                self._end()
                self._heard = self._device.board.ticks()  # a host that was away still fetches what tells the others

    def _record(self) -> None:
        """Write the session into the device's record. What has no room there is counted; the session's end stands."""
        self._tidy()
        try:
            self._write_down()
            self._missed = 0
        except (DaricError, MemoryError):
            self._missed += 1  # the next entry tells how many are missing
        self._device.modules.forget(*LOG)

    def _write_down(self) -> None:
        from daric import log

        log.record(self._device.vault, self._session, self._device.identity.public, self._missed)

    def _end(self) -> None:
        session = self._session
        if self._device.lock is not None:
            self._device.lock.stop()  # the page that asked for the PIN
        if session.terms.op == "export" and session.result is not None:
            exported, session.result = session.result, None
            self._device.show_secret(exported)
            return
        if session.terms.op == "recover" and session.error is None:
            self._device.restored = None
        outcome = "done" if session.error is None else session.error.name
        self._device.screens.show(screens.ended(session.terms.op, outcome))

    def show_again(self) -> None:
        """Another page was on the screen meanwhile."""
        self._shown = None
        if self._session.needs_confirmation:
            self._ask()
        else:
            self._show_progress()

    def _ask(self, remark: str = "Recover a share") -> None:
        from daric_protocol.flows.questions import question

        if self._wants_code():
            self._patience = TYPING_TIMEOUT
            from daric.textentry import CODE

            self._device.screens.show([remark, "Type the", "recovery code:"], self._typed, CODE)
            return

        try:
            lines = question(self._session, self._device.custody)
        except DaricError:
            self._session.refuse()  # what cannot be shown is not asked
            return
        finally:
            del question
            self._tidy()
        self._device.screens.show(lines, self._answered)

    def _wants_code(self) -> bool:
        """Whether this device comes back by pieces of which the cloud holds one, and the code is not typed yet."""
        session = self._session
        if session.terms.op != "recover" or session.hooks.backing.code:
            return False
        asked = session.terms.details()
        return bool(asked.backup_id and asked.cloud) and session.me == asked.index

    def _typed(self, answer: str) -> None:
        from daric_protocol import recoverycode

        session = self._session
        if session is None or not session.needs_confirmation:
            return
        if not answer.startswith("text:"):
            session.refuse()
            self._look()
            return
        try:
            session.hooks.backing.code = recoverycode.read_code(answer[5:])
        except DaricError:
            self._ask("That is no code")
            return
        self._asked = self._device.board.ticks()
        self._patience = APPROVAL_TIMEOUT
        self._ask()

    def _tidy(self) -> None:
        self._device.modules.forget(*PASSING)

    def _make_room(self) -> None:
        self._tidy()  # which collects
        pace()

    def _show_progress(self) -> None:
        session = self._session
        if session.state == "running" and self._shown != session.round:
            self._shown = session.round
            self._device.screens.show(screens.progress(session.terms.op, session.round))

    def _answered(self, answer: str, pin: bool = True) -> None:
        if self._session is None or not self._session.needs_confirmation:
            return
        if answer == "approve" and pin and self._repeated():
            session = self._session
            self._asked = self._device.board.ticks()
            part("lock").confirm(self._device, lambda right: self._confirmed(session, right))
            return
        if answer != "approve":
            self._session.refuse()
        elif self._charge is not None:
            self._count()
        if self._session.needs_confirmation:
            self._session.confirm()
            self._show_progress()
        else:
            self._look()

    def _confirmed(self, session, right: bool) -> None:
        """The owner typed the PIN, or did not."""
        if session is self._session:
            self._answered("approve" if right else "refuse", False)

    def _repeated(self) -> bool:
        """Whether this is a new set-up with a party that failed its checks too often for a press to be enough."""
        terms, roster = self._session.terms, self._session.roster
        if terms.op != "pair":
            return False
        bans, me = self._device.custody.bans, self._session.me
        peers = [roster.member(index).identity for index in terms.members if index != me]
        return max([bans.strikes(terms.group, peer) for peer in peers]) >= STRIKES_BEFORE_DELAY

    def _count(self) -> None:
        """What leaves by this signature is counted before any of it can exist, and never given back."""
        device = self._device
        (since, counted), self._charge = self._charge, None
        try:
            if not 0 <= device.board.clock() - since < KEYGEN_TIMEOUT:
                raise DaricError("timeout", "too long ago to be counted as of now: ask again")
            device.vault.write(COUNTED + self._session.terms.group.hex(), counted)
        except (DaricError, MemoryError) as error:
            self._session.refuse(error if isinstance(error, DaricError) else DaricError("memory"))


def _backing(device, terms) -> "object | None":
    """What the device brings to a session of a backup, its test or a recovery; None to any other."""
    from daric_protocol.terms import BACKING

    if terms.op not in BACKING:
        return None
    from daric import backups

    return backups.for_session(device, terms)
