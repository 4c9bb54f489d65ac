"""Client of a device on a serial line: one method per request.

Specification: docs/architecture.md, the serial line; docs/sdk.md, the device's requests. How requests and answers cross
is in devicelink.py.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from daric_protocol import VERSION, channel, platform
from daric_protocol.errors import Abort, DaricError, error_name
from daric_protocol.evm import words
from daric_protocol.genuine import Attestation
from daric_protocol.identity import Identity
from daric_protocol.limits import (
    APPROVAL_TIMEOUT,
    KEYGEN_TIMEOUT,
    LINK_ACK_TIMEOUT,
    LINK_PIECE_BYTES,
    LINK_REPLY_TIMEOUT,
    MAX_INDEX,
    TYPING_TIMEOUT,
)
from daric_protocol.pairing import HostPairing
from daric_protocol.policy import Policy
from daric_protocol.sessionlog import MOST, first_kept
from daric_protocol.terms import Terms

from daric_host.devicelink import Line, only
from daric_host.ownerpolicy import OwnerPolicy
from daric_host.sessionlog import SessionLog, verify
from daric_host.transport import SerialTransport, Transport

PAIRING_POLL = 0.2
ASKING_SLACK = 10  # the device counts the time of its question, and answers last


@dataclass(frozen=True)
class Pairing:
    """What a host stores of a device. identity: 33 bytes."""

    identity: bytes
    name: str

    def encode(self) -> bytes:
        return platform.cbor_encode([self.identity, self.name])

    @staticmethod
    def decode(data: bytes) -> "Pairing":
        """Raises DaricError("encoding")."""
        value = platform.cbor_decode(data)
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
            raise DaricError("encoding", "a stored pairing has an identity and a name")
        return Pairing(channel.sized(value[0], 33), value[1])


@dataclass(frozen=True)
class DeviceInfo:
    """What a paired device says of itself. groups: ids of 16 bytes."""

    identity: bytes
    version: int
    groups: list[bytes]


@dataclass(frozen=True)
class LockState:
    """Whether a device waits for its PIN, after how many seconds it takes one, and how many tries are left."""

    locked: bool
    seconds: int
    tries: int


@dataclass(frozen=True)
class BackupMade:
    """A backup without a session: what every holder may see, the phone's sealed piece, the cloud's envelope."""

    sheet: bytes
    phone_piece: bytes
    others: bytes


@dataclass(frozen=True)
class SessionFrame:
    """One step of a session. seat and frame are None when the device has nothing to send now."""

    seat: int | None
    frame: bytes | None
    state: str
    round: int


@dataclass(frozen=True)
class SessionStatus:
    """Where the device's session stands: state and round as in daric_protocol.session, the check code, how it ended."""

    uuid: bytes | None
    state: str
    round: int
    code: str | None
    error: DaricError | None
    result: Any


class DeviceLink:
    """A device. open(), then pair() once, then connect(), then requests; every failure is a DaricError.

    Its own kinds: "link" (the port failed or the device is silent; the next request opens the port again), "timeout",
    "unpaired", "pairing". All others come from the device's error table.
    """

    def __init__(
        self,
        open_transport: Callable[[], Transport],
        identity: Identity,
        random: Callable[[int], bytes] = os.urandom,
        ack_timeout: float = LINK_ACK_TIMEOUT,
    ) -> None:
        """open_transport: gives a fresh byte stream each time. identity: of this host. ack_timeout: seconds until a
        frame is repeated.
        """
        self._line = Line(open_transport, identity, random, ack_timeout)
        self._identity = identity
        self._random = random
        self._fetched = 0

    @classmethod
    async def open(cls, path: str, identity: Identity, *, timeout: float = LINK_REPLY_TIMEOUT) -> Self:
        """The device at a serial port, after its hello. Raises DaricError("link") if none answers."""
        device = cls(lambda: SerialTransport(path), identity)
        try:
            await device.hello(timeout)
        except BaseException:
            await device.close()
            raise
        return device

    async def close(self) -> None:
        """Give the port back. Requests under way and those that wait for the port end with DaricError("link")."""
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def sealed(self) -> bool:
        """Whether requests go on an encrypted channel."""
        return self._line.sealed

    @property
    def peer(self) -> bytes:
        """Identity of the device that the encrypted channel leads to, b"" in clear."""
        return self._line.peer

    # Without a channel

    async def hello(self, timeout: float = LINK_REPLY_TIMEOUT) -> int:
        """The device's protocol version. Raises DaricError("parameter") if it is another than ours."""
        version = only(await self._line.ask(channel.HELLO, [], timeout))
        if version != VERSION:
            raise DaricError("parameter", f"the device speaks version {version} of the protocol, this host {VERSION}")
        return VERSION

    async def lock_state(self) -> LockState:
        """Whether the device is locked; where it is, the page that takes the PIN comes onto its screen."""
        fields = await self._line.ask(channel.UNLOCK, [])
        if len(fields) != 3:
            raise DaricError("encoding", "the device answers with a state, seconds and tries")
        state, seconds, tries = [channel.ranged(field, 0, channel.MAX_COUNTER) for field in fields]
        return LockState(state != 0, seconds, tries)

    async def unlock(self, watch: Callable[[LockState], None] = lambda state: None) -> None:
        """Wait until the device's owner has typed the PIN on it; returns at once where it is not locked.

        watch: called with each change. Raises DaricError("timeout").
        """
        deadline = time.monotonic() + TYPING_TIMEOUT
        last = None
        while time.monotonic() < deadline:
            state = await self.lock_state()
            if not state.locked:
                return
            if state != last:
                watch(state)
                last = state
            await asyncio.sleep(PAIRING_POLL)
        raise DaricError("timeout", "nobody typed the PIN on the device")

    async def wipe_locked(self) -> None:
        """Erase everything on a locked device, if its owner agrees on the screen. It restarts as a new one.

        Raises DaricError("refused", "timeout"), "busy" while the PIN is typed, "unpaired" where it is not locked.
        """
        deadline = time.monotonic() + APPROVAL_TIMEOUT + ASKING_SLACK
        while time.monotonic() < deadline:
            if channel.ranged(only(await self._line.ask(channel.WIPE, [])), 0, 1):
                return
            await asyncio.sleep(PAIRING_POLL)
        raise DaricError("timeout", "nobody answered on the device")

    async def pair(
        self, show_code: Callable[[str], Awaitable[bool]], name: str = "host", cloud: bytes = b""
    ) -> Pairing:
        """Pair: show_code gets the six digits and returns whether the person sees the same ones on the device.

        cloud: identity of the cloud party this host uses, which the device will show as the known cloud.
        Store the result and give it to connect(). Raises DaricError("pairing") if either side refuses, "timeout" if
        the owner of the device presses no button.
        """
        pairing = HostPairing(self._identity, name, self._random, cloud)
        revealed = await self._line.ask(channel.PAIR_START, [pairing.commitment])
        if len(revealed) != 2:
            raise DaricError("encoding", "the device reveals a key and a nonce")
        opening, code = pairing.reveal(*revealed)
        await self._line.ask(channel.PAIR_OPEN, list(opening))
        if not await show_code(code):
            raise DaricError("pairing", "the codes were not confirmed at the host")
        card = pairing.confirm()
        deadline = time.monotonic() + APPROVAL_TIMEOUT
        while time.monotonic() < deadline:
            sealed = only(await self._line.ask(channel.PAIR_FINISH, [card]))
            if sealed:
                answer = pairing.finish(sealed)
                return Pairing(answer.identity, answer.name)
            await asyncio.sleep(PAIRING_POLL)
        raise DaricError("timeout", "nobody answered on the device")

    async def connect(self, pairing: Pairing) -> None:
        """Open the encrypted channel. Raises DaricError("unpaired") if the device does not know this host."""
        await self._line.connect(pairing.identity)

    # Requests of a paired host

    async def identity(self) -> DeviceInfo:
        """Who the device is and which groups it is a member of."""
        identity, version, groups = await self._call("identity")
        return DeviceInfo(identity, version, groups)

    async def auth(self, fields: list[Any]) -> bytes:
        """The device's signature (64 B) over AuthFields, see daric_protocol.auth."""
        return channel.sized(await self._call("auth", fields), 64)

    async def session_join(self, terms: bytes) -> bytes:
        """Begin to take part in a session: what to join with. DaricError("busy") while another one is active."""
        self._fetched = 0
        join = await self._call("session_join", terms, self._random(32), timeout=KEYGEN_TIMEOUT)
        if not isinstance(join, bytes):
            raise DaricError("encoding", "a join is a byte string")
        return join

    async def session_start(self, joins: Sequence[bytes]) -> bool:
        """Hand over the start list, in seat order. False: it came before and was dropped."""
        return bool(await self._call("session_start", list(joins), timeout=KEYGEN_TIMEOUT))

    async def session_deliver(self, seat: int, frame: bytes) -> bool:
        """A frame from another seat. False: early, offer it again after progress."""
        taken = None
        for offset in range(0, len(frame), LINK_PIECE_BYTES):
            piece = frame[offset : offset + LINK_PIECE_BYTES]
            taken = await self._call("session_deliver", seat, len(frame), offset, piece, timeout=KEYGEN_TIMEOUT)
        return bool(taken)

    async def session_fetch(self) -> SessionFrame:
        """The next frame to send, if there is one. Between rounds this is where the device computes."""
        number, seat, length, frame, state, round_ = await self._fetch(0)
        if frame is None:
            return SessionFrame(None, None, state, round_)
        while len(frame) < length:
            again, _, _, piece, _, _ = await self._fetch(len(frame))
            if again != number or not piece:
                raise DaricError("encoding", "the device changed its frame")
            frame += piece
        self._fetched = channel.ranged(number, 0, channel.MAX_COUNTER)
        return SessionFrame(seat, frame, state, round_)

    async def _fetch(self, offset: int) -> Any:
        return await self._call("session_fetch", self._fetched, offset, timeout=KEYGEN_TIMEOUT)

    async def session_state(self) -> SessionStatus:
        """Where the session stands; after its end, how it ended."""
        uuid, state, round_, code, error, result = await self._call("session_state")
        failure = None
        if error is not None:
            number, detail, blame = error
            name = error_name(number)
            aborted = name in ("soft", "spent", "blame", "ban")
            failure = Abort(name, blame, detail) if aborted else DaricError(name, detail)
        return SessionStatus(uuid, state, round_, code, failure, result)

    async def session_abort(self) -> None:
        """End the active session; nothing happens if there is none."""
        await self._call("session_abort")

    async def group_list(self) -> list[list[Any]]:
        """The device's groups, see daric.groups."""
        groups = await self._call("group_list")
        return list(groups)

    async def group_certificate(self, group: bytes) -> bytes:
        """The certificate of a group's current epoch, for a member that missed it. Errors "group" and "pending"."""
        certificate = await self._call("group_certificate", group)
        if not isinstance(certificate, bytes):
            raise DaricError("encoding", "a certificate is a byte string")
        return certificate

    async def group_adopt(self, certificate: bytes) -> bool:
        """Hand over a certificate that the device may have missed; True if a pending shard became current."""
        return bool(await self._call("group_adopt", certificate))

    async def group_changes(self, group: bytes) -> list[bytes]:
        """The changes of a group's roster since its epoch began, in order, for a member that missed them."""
        return [_bytes(change) for change in _array(await self._call("group_changes", group))]

    # Hosts, and what the owner wants

    async def hosts(self) -> list[tuple[bytes, str]]:
        """Identity (33 B) and name of each host that the device is paired with, this one among them."""
        return [(channel.sized(one[0], 33), str(one[1])) for one in _array(await self._call("hosts_list"))]

    async def revoke(self, identity: bytes) -> None:
        """Make the device forget a host (33 B): this one at once, another one when the owner agrees on the screen.

        Nothing more reaches a revoked host, and its session ends. Raises DaricError("unpaired", "refused", "timeout").
        """
        await self._asked("hosts_revoke", identity)

    async def revoke_all(self) -> None:
        """Make the device forget every host, this one among them, when the owner agrees on the screen.

        Raises DaricError("refused", "timeout", "busy").
        """
        asked = False
        try:
            async for _ in self._asking("hosts_revoke_all"):
                asked = True
        except DaricError as error:
            if error.name != "unpaired" or not asked:  # the answer was lost, and with it this host's channel
                raise

    async def maintenance(self) -> None:
        """End the program of a development image when the owner agrees: the port's prompt is on the line from then on.

        Raises DaricError("refused") if the owner or a production image refuses, "timeout".
        """
        await self._asked("maintenance")

    async def wanted(self) -> tuple[str, bytes] | None:
        """(op, group) that the owner picked in the device's menu since it was last asked, or None.

        op: "refresh", "backup" or "export"; to be proposed with the device as the one that asks.
        """
        picked = await self._call("menu_wanted")
        return None if picked is None else (str(picked[0]), channel.sized(picked[1], 16))

    async def sign_terms(self, terms: Terms) -> bytes:
        """The device's signature (64 B) as the one that asks for a session; its owner is asked first.

        terms: without initiator and signature; put the device's identity and the result there. Raises
        DaricError("refused", "timeout", "busy", "group", "master" ..).
        """
        return channel.sized(await self._asked("terms_sign", terms.encode()), 64)

    async def lock(self) -> None:
        """Lock the device now: it restarts and waits for its PIN. Raises DaricError("pin") where none is set."""
        await self._call("lock")

    async def wipe(self) -> None:
        """Erase everything on the device, if its owner agrees and types the PIN; it restarts as a new one.

        Raises DaricError("refused", "timeout", "busy").
        """
        await self._asked("wipe")

    async def damaged(self) -> list[str]:
        """Names of the entries of the device's store that can't be read; everything else works without them."""
        return [str(name) for name in _array(await self._call("damaged", timeout=KEYGEN_TIMEOUT))]

    async def wear(self) -> dict[str, int]:
        """How often each block of the device's raw flash areas was erased since the first start or the last wipe."""
        return {str(area): channel.ranged(count, 0, channel.MAX_COUNTER) for area, count in await self._call("wear")}

    # New firmware; daric_host.flashing.updating takes all of these steps

    async def update_state(self) -> list[Any]:
        """What the device runs: as UpdateState of daric_host.flashing.updating."""
        return list(_array(await self._call("update_state")))

    async def update_begin(self, head: bytes) -> int:
        """Offer an image by its head: the offset to go on at, -1: ask again. Raises DaricError("update")."""
        offset = _array(await self._call("update_begin", head))
        return channel.ranged(only(offset), -1, channel.MAX_COUNTER)

    async def update_piece(self, offset: int, piece: bytes) -> int:
        """Write at most 2048 bytes of the image's payload; where the next ones belong."""
        return channel.ranged(await self._call("update_piece", offset, piece), 0, channel.MAX_COUNTER)

    async def update_end(self) -> None:
        """Install the image, if the owner agrees on the screen; the device restarts. Raises DaricError("update")."""
        await self._asked("update_end")

    async def log(self) -> SessionLog:
        """The device's record of the sessions it took part in, verified. DaricError("storage") if it is broken."""
        entries: list[bytes] = []
        first = 0
        while True:
            page = await self._call("log", first)
            if not isinstance(page, list) or len(page) != 3:
                raise DaricError("encoding", "a page of the record is a count, a hash and entries")
            count = channel.ranged(page[0], 0, MOST)
            head = channel.sized(page[1], 32)
            got = [_bytes(entry) for entry in _array(page[2])]
            entries.extend(got)
            first = max(first, first_kept(count)) + len(got)
            if not got or first >= count:
                return verify(count, head, entries)

    # The factory

    async def genuine(self, factory: bytes) -> Attestation:
        """What the paired device says of itself, its board and its image, proved with its identity and its certificate.

        factory: 33 B key that has to have signed the certificate; b"" proves the identity alone. Raises
        DaricError("genuine"), also for another device's proof that this one passes on.
        """
        challenge = self._random(32)
        answer = Attestation.from_wire(await self._call("factory_attest", challenge))
        answer.check(challenge, factory, self.peer)
        return answer

    async def factory(self, method: str, *parameters: Any, timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        """A request of the factory, see docs/hardware.md: sealed after connect(), else in clear, which a device answers
        only while no host is paired with it.
        """
        if self._line.sealed:
            name = f"factory_{method}"
            return await self._call(name, *parameters, timeout=timeout)
        return only(await self._line.ask(channel.FACTORY, [method, *parameters], timeout))

    # What the owner reviews

    async def policy(self, group: bytes) -> OwnerPolicy:
        """The owner's policy for a wallet, and what was counted under it. Raises DaricError("group")."""
        return OwnerPolicy.from_wire(await self._call("policy_read", group))

    async def propose_policy(self, group: bytes, policy: Policy | None) -> None:
        """Ask the owner for a policy for a wallet, instead of the one it has; None removes it.

        Raises DaricError: "refused", "timeout", "busy", "group", "parameter", "member", "threshold", and "policy" where
        there is none to be removed.
        """
        await self._asked("policy_propose", group, b"" if policy is None else policy.encode())

    async def show_address(self, group: bytes, kind: str = "", salt: int = 0, path: Sequence[int] = ()) -> bytes:
        """Let the device compute an address of a wallet (20 B) and show it until its owner has compared it.

        kind: of a smart account (daric_protocol.evm.account), or empty for the key's own. Raises DaricError:
        "refused", "timeout", "busy", "group", "pending", "parameter".
        """
        asked = words.item(salt, 256), list(path)
        return channel.sized(await self._asked("address_show", group, kind, *asked), 20)

    # Backups without a session

    async def backup_make(
        self,
        group: bytes,
        backup_id: bytes,
        threshold: int,
        holders: Sequence[tuple[int, bytes]],
        phone: int,
        cloud: int,
    ) -> BackupMade:
        """Let the device split its share for these members (index, identity); it shows the recovery code.

        phone: index of the holder that carries, this host. cloud: of the unattended one. Raises
        DaricError("refused", "timeout", "busy", "member", "threshold" ..).
        """
        people = [[index, identity] for index, identity in holders]
        made = await self._asked("backup_make", group, backup_id, threshold, people, phone, cloud)
        if not isinstance(made, list) or len(made) != 3:
            raise DaricError("encoding", "a backup is a sheet, a piece and an envelope")
        return BackupMade(*map(_bytes, made))

    async def recovery_request(self, sheet: bytes, uuid: bytes) -> bytes:
        """What asks the cloud for its piece of a backup (32 B): the owner types the recovery code on the device.

        uuid: 16 B of a session id, used once. Raises DaricError("backup") for what is no code, "refused", "timeout".
        """
        return channel.sized(await self._asked("recovery_request", sheet, uuid, patience=TYPING_TIMEOUT), 32)

    async def recovery_restore(self, sheet: bytes, pieces: Sequence[tuple[int, bytes, bytes]]) -> list[int]:
        """Let the device put pieces (number, holder's identity, sealed to the device) together; numbers of bad ones.

        The share waits in the device's memory for the session that makes it a member again. DaricError("backup").
        """
        sent = [[number, identity, sealed] for number, identity, sealed in pieces]
        bad = _array(await self._call("recovery_restore", sheet, sent, timeout=KEYGEN_TIMEOUT))
        return [channel.ranged(number, 1, MAX_INDEX) for number in bad]

    async def _asked(self, method: str, *parameters: Any, patience: float = APPROVAL_TIMEOUT) -> Any:
        """The result of a request that waits for the owner: it is repeated until the answer is there."""
        async for answer in self._asking(method, *parameters, patience=patience):
            if answer:
                return answer[0]
        raise DaricError("timeout", "nobody answered on the device")

    async def _asking(
        self, method: str, *parameters: Any, patience: float = APPROVAL_TIMEOUT
    ) -> AsyncIterator[list[Any]]:
        """Every answer to a repeated request, the last one with the result."""
        deadline = time.monotonic() + patience + ASKING_SLACK
        while time.monotonic() < deadline:
            answer = _array(await self._call(method, *parameters, timeout=KEYGEN_TIMEOUT))
            yield answer
            if answer:
                return
            await asyncio.sleep(PAIRING_POLL)
        raise DaricError("timeout", "nobody answered on the device")

    async def _call(self, method: str, *parameters: Any, timeout: float = LINK_REPLY_TIMEOUT) -> Any:
        return await self._line.call(method, list(parameters), timeout)


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DaricError("encoding", "the device answers with an array")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise DaricError("encoding", "the device answers with a byte string")
    return value
