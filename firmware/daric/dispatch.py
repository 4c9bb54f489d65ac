"""Which request goes where: in clear only hello, connect and pairing; everything else on the encrypted channel.

Specification: docs/architecture.md, the serial line; the rules are in messages.cddl, section "Link".
"""

import sys

from daric_protocol import VERSION, channel, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import LINK_MESSAGE_BYTES

from daric.modules import JUDGING, LOG, part

DETAIL_CHARACTERS = 200
# Requests by name: "ask" where the owner decides (daric.errands), "do" at once; module, function, number of parameters.
# The function takes (device, host's identity, parameters). One string, because a table of objects costs a device heap.
REQUESTS = """
hosts_revoke ask hostsmenu revocation 1
hosts_revoke_all ask hostsmenu revocation_all 0
maintenance ask maintenance question 0
terms_sign ask terms question 1
backup_make ask backups backup_make 6
recovery_request ask backups recovery_request 2
recovery_restore do backups recovery_restore 2
log do log read_log 1
update_state do update state 0
update_begin do update begin 1
update_piece do update piece 2
update_end ask update end 0
lock do pinflow lock_request 0
wipe ask pinflow wipe_request 0
wear do flash wear 0
damaged do flash damaged 0
policy_propose ask policy proposal 2
policy_read do policy read_policy 1
address_show ask review address 4
factory_info do factory info 0
factory_attest do factory attest 1
factory_provision do factory provision 1
factory_selftest do selftest run 2
factory_panel ask selftest panel 1
factory_wipe ask pinflow wipe_request 0
factory_restart do factory restart 0
"""
CLEAR = (
    channel.HELLO, channel.UNLOCK, channel.WIPE, channel.CONNECT, channel.PAIR_START, channel.PAIR_OPEN,
    channel.PAIR_FINISH, channel.FACTORY,
)  # fmt: skip
SHUT = CLEAR[:3]  # what a locked device answers


class Dispatcher:
    """Turns one message of the link into its answer. One channel at a time; a new one counts from its first use."""

    def __init__(self, device) -> None:
        self._device = device
        self._channel = None
        self._host = b""  # identity of the host at the other end of the channel
        self._next = None  # (channel, host) after a connect
        self._challenge = b""  # what the next connect has to prove; of one connection
        self.short = False  # whether a request found no memory
        self.served = False  # whether a host got an answer on its channel

    def answer(self, data: bytes) -> bytes:
        """The link message that answers `data`, whoever sent it."""
        id_ = 0
        try:
            message = platform.cbor_decode(data, LINK_MESSAGE_BYTES)
            del data
            if not isinstance(message, list) or len(message) < 2:
                raise DaricError("unpaired")
            shut = self._device.shut
            if _is(message[0], channel.SEALED) and not shut:
                return platform.cbor_encode(self._sealed(message))
            if not [kind for kind in CLEAR if _is(message[0], kind)]:
                raise DaricError("locked" if shut else "unpaired")
            id_ = channel.ranged(message[1], 0, channel.MAX_COUNTER)
            if shut and not [kind for kind in SHUT if _is(message[0], kind)]:
                raise DaricError("locked")
            reply = [message[0], id_]
            reply.extend(self._clear(message[0], message[2:]))
        except DaricError as error:
            reply = [channel.REFUSAL, id_, error.number]
        except MemoryError:
            reply = [channel.REFUSAL, id_, self._no_room()]  # whatever it was, it may be asked again
        return platform.cbor_encode(reply)

    def _clear(self, kind: object, fields: list) -> list:
        """What anyone may ask. An unpaired host learns the version, and of the rest that it must pair."""
        if _is(kind, channel.HELLO) and not fields:
            return [VERSION]
        if self._device.fault is not None:
            raise self._device.fault
        if _is(kind, channel.UNLOCK) and not fields:
            if self._device.locked and not self._device.wiped:
                return self._device.lock.unlock()
            return [2, 1, 0] if self._device.shut else [0, 0, 0]  # ask again after the restart
        if _is(kind, channel.WIPE) and not fields and self._device.shut:
            if self._device.wiped:
                return [1]
            if self._device.locked:
                return [self._device.lock.wipe_wanted()]
            raise DaricError("locked")
        if _is(kind, channel.CONNECT) and len(fields) == 1 and isinstance(fields[0], list):
            return [self._connect(channel.Connect.from_wire(fields[0])) if fields[0] else self._challenged()]
        hosts = self._device.hosts
        if _is(kind, channel.PAIR_START) and len(fields) == 1:
            return hosts.start(fields[0])
        if _is(kind, channel.PAIR_OPEN) and len(fields) == 2:
            hosts.open(fields[0], fields[1])
            return []
        if _is(kind, channel.PAIR_FINISH) and len(fields) == 1:
            return [hosts.finish(fields[0])]
        if _is(kind, channel.FACTORY) and fields and isinstance(fields[0], str) and not len(hosts):
            row = _row("factory_" + fields[0], len(fields) - 1)
            if row is not None:
                errands = self._device.errands
                if self._device.lock is not None and not (errands is not None and errands.waiting):
                    raise DaricError("busy")  # the owner types a PIN, and not for a stranger
                return [self._guest(b"", row, fields[1:])]
        raise DaricError("unpaired")

    def _challenged(self) -> bytes:
        """The same until a paired host has answered it."""
        if not self._challenge:
            self._challenge = self._device.entropy.draw(channel.CHALLENGE_BYTES)
        return self._challenge

    def _connect(self, request: "channel.Connect") -> list:
        device = self._device
        paired, draw = device.hosts.is_paired, device.entropy.draw
        accept, opened = channel.answer(device.identity, paired, request, draw, self._challenge)
        self._next = (opened, request.identity)
        device.modules.soiled = True
        self._challenge = b""
        return accept.to_wire()

    def _sealed(self, message: list) -> list:
        """A request of a paired host. The answer is sealed for the channel that opened the request."""
        try:
            plaintext = self._open(message)
        except DaricError:
            raise DaricError("sealed")  # the same to everyone, whether a channel is open or not
        opened_by = self._channel  # gone from its place where this very request revokes the host that asks
        message[2] = None  # sealed and plain form of a large frame need not share the heap
        request = platform.cbor_decode(plaintext, LINK_MESSAGE_BYTES)
        del plaintext
        if not isinstance(request, list) or len(request) < 2:
            raise DaricError("encoding", "a request has an id and a method")
        id_ = channel.ranged(request[0], 0, channel.MAX_COUNTER)
        try:
            reply = [id_, 0, self._aside(request[1], request[2:])]
        except DaricError as error:
            reply = [id_, error.number, error.detail[:DETAIL_CHARACTERS]]
        except MemoryError:
            reply = [id_, self._no_room(), ""]
        self.served = True
        return opened_by.seal(platform.cbor_encode(reply))

    def _no_room(self) -> int:
        self.short = True
        return DaricError("memory").number

    def drop(self, host: bytes) -> None:
        """A host was revoked: no channel of it opens anything more."""
        if self._next is not None and self._next[1] == host:
            self._next = None
        if self._host == host:
            self._channel = None
            self._host = b""

    def _open(self, message: list) -> bytes:
        if self._next is not None:
            try:
                plaintext = self._next[0].open(message)
                self._channel, self._host = self._next
                self._next = None
                return plaintext
            except DaricError:
                if self._channel is None:
                    raise
        if self._channel is None:
            raise DaricError("sealed", "no channel is open; connect first")
        return self._channel.open(message)

    def _aside(self, method: object, parameters: list) -> object:
        """During a session, what another request loads is forgotten with it: the session needs the room."""
        sessions = self._device.sessions
        if sessions is None or not sessions.active or (isinstance(method, str) and method.startswith("session_")):
            return self._call(method, parameters)
        known = set(sys.modules)
        try:
            return self._call(method, parameters)
        finally:
            if len(sys.modules) > len(known):
                self._device.modules.forget(keep=known)

    def _call(self, method: object, parameters: list) -> object:
        device = self._device
        if device.fault is not None:
            raise device.fault
        if method == "identity" and not parameters:
            return [device.identity.public, VERSION, device.custody.groups()]
        if method == "auth" and len(parameters) == 1:
            from daric_protocol.auth import auth_digest

            identity = device.identity
            return identity.sign(auth_digest(parameters[0], identity.public), device.entropy.draw)
        if method == "hosts_list" and not parameters:
            return device.hosts.all()
        if method == "menu_wanted" and not parameters:
            return None if device.menu is None else device.menu.take()
        if isinstance(method, str):
            row = _row(method, len(parameters))
            if row is not None:
                return self._guest(self._host, row, parameters)
            if method.startswith("session_"):
                return device.sessions.call(self._host, method[8:], parameters)
            if method.startswith("group_"):
                from daric import groups

                return groups.call(device, method[6:], parameters)
        raise DaricError("parameter", "unknown request, or a wrong number of parameters")

    def _guest(self, host: bytes, row: "list[str]", parameters: list) -> object:
        """A request whose code is loaded for it alone; an errand's stays until the owner has answered."""
        method, kind, module, function, _ = row
        if kind == "ask":
            return self._errands().call(host, method, module, function, parameters)
        act = getattr(part(module), function)
        try:
            return act(self._device, host, *parameters)
        finally:
            del act
            self._device.modules.forget("daric." + module, *JUDGING, *LOG)

    def _errands(self) -> object:
        device = self._device
        if device.errands is None:
            from daric.errands import Errands

            device.errands = Errands(device)
        return device.errands


def _row(method: str, count: int) -> "list[str] | None":
    """The row of REQUESTS for a request with so many parameters."""
    at = REQUESTS.find("\n" + method + " ")
    if at < 0 or not method:
        return None
    row = REQUESTS[at + 1 : REQUESTS.find("\n", at + 1)].split(" ")
    if int(row[4]) != count:
        raise DaricError("parameter", "a wrong number of parameters")
    return row


def _is(value: object, kind: int) -> bool:
    return value is not True and value is not False and value == kind
