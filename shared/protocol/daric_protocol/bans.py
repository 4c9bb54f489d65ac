"""Bans and strikes per group and peer identity. Specification: docs/protocol.md, section 13."""

from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import GOOD_SIGNATURES_CLEAR_STRIKES, STRIKE_DELAY, STRIKES_BEFORE_DELAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daric_protocol.custody import Store


def _name(group_id: bytes, identity: bytes) -> str:
    return "ban/" + group_id.hex() + "/" + platform.sha256(identity)[:16].hex()


class Bans:
    """The records in a store: banned, strikes, good signatures since the last strike, start of the delay (0 = none)."""

    def __init__(self, store: "Store") -> None:
        self._store = store

    def is_banned(self, group_id: bytes, identity: bytes) -> bool:
        """Whether the pair needs a new set-up before it may be used."""
        return self._read(group_id, identity)[0]

    def strikes(self, group_id: bytes, identity: bytes) -> int:
        """How many checks this peer failed and has not made good for."""
        return self._read(group_id, identity)[1]

    def add(self, group_id: bytes, identity: bytes, strike: bool) -> None:
        """Ban the pair; a failed check that was seen is a strike, one that the power cut may have caused is none."""
        _, strikes, good, since = self._read(group_id, identity)
        if strike:
            strikes, good, since = strikes + 1, 0, 0
        self._write(group_id, identity, True, strikes, good, since)

    def clear(self, group_id: bytes, identity: bytes) -> None:
        """A new set-up is complete: the ban ends, the strikes stay."""
        banned, strikes, good, _ = self._read(group_id, identity)
        if banned or strikes:
            self._write(group_id, identity, False, strikes, good, 0)

    def good(self, group_id: bytes, identity: bytes) -> None:
        """A good signature with this peer; ten of them clear its strikes."""
        banned, strikes, good, since = self._read(group_id, identity)
        if strikes:
            if good + 1 >= GOOD_SIGNATURES_CLEAR_STRIKES:
                strikes, good, since = 0, -1, 0
            self._write(group_id, identity, banned, strikes, good + 1, since)

    def check_setup(self, group_id: bytes, identity: bytes, now: int, confirmed: bool) -> None:
        """Whether a new pair set-up may begin. now: the caller's clock in seconds, >= 0. confirmed: the owner insisted.

        After three strikes it takes that and a day's wait from the first request on. Raises DaricError("banned").
        """
        banned, strikes, good, since = self._read(group_id, identity)
        if strikes < STRIKES_BEFORE_DELAY:
            return
        if not confirmed:
            raise DaricError("banned", "This party failed %d checks: confirm a new set-up again." % strikes)
        if not 0 < since <= now:  # the first request, or a clock that was set back; one at 0 is none and starts nothing
            self._write(group_id, identity, banned, strikes, good, now)
            since = now
        if now - since < STRIKE_DELAY:
            wait = STRIKE_DELAY - (now - since)
            raise DaricError("banned", "A new set-up with this party has to wait for %d minutes." % (-(-wait // 60)))

    def _read(self, group_id: bytes, identity: bytes) -> "tuple[bool, int, int, int]":
        data = self._store.read(_name(group_id, identity))
        if data is None:
            return False, 0, 0, 0
        banned, strikes, good, since = platform.cbor_decode(data)
        return banned, strikes, good, since

    def _write(self, group_id: bytes, identity: bytes, banned: bool, strikes: int, good: int, since: int) -> None:
        name = _name(group_id, identity)
        if banned or strikes:
            self._store.write(name, platform.cbor_encode([banned, strikes, good, since]))
        else:
            self._store.erase(name)
