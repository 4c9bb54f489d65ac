"""Holds frames that came before their turn and offers them again. Specification: docs/protocol.md, section 13."""

from daric_protocol import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from daric_protocol.session import Session


class EarlyFrames:
    """Frames by arrival, bounded per seat so that one party cannot fill the memory for all."""

    def __init__(self, frames: int = limits.EARLY_FRAMES, size: int = limits.EARLY_BYTES) -> None:
        self._frames_per_seat = frames
        self._bytes_per_seat = size
        self._held = []  # type: list[tuple[int, bytes]]

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, seat: int, frame: bytes) -> bool:
        """Keep a frame. False: no session has such a seat, or it has used up its share, and the frame is dropped."""
        if not 0 <= seat < limits.MAX_PARTIES:
            return False
        mine = [len(held) for holder, held in self._held if holder == seat]
        if len(mine) >= self._frames_per_seat or sum(mine) + len(frame) > self._bytes_per_seat:
            return False
        self._held.append((seat, frame))
        return True

    def take(self) -> "list[tuple[int, bytes]]":
        """All held frames in order of arrival; hold again those that are still early."""
        held, self._held = self._held, []
        return held


class Pump:
    """Drives a Session that lives in this process: offer() what arrives, send what run() yields."""

    def __init__(self, session: "Session") -> None:
        self.session = session
        self._early = EarlyFrames()

    def offer(self, seat: int, frame: bytes) -> None:
        """A frame from a seat, in any order."""
        if not self.session.receive(seat, frame):
            self._early.hold(seat, frame)

    def run(self) -> "Iterator[tuple[int, bytes]]":
        """(seat, frame) to send, until nothing more can be done with what has come."""
        while True:
            outgoing = self.session.send()
            while outgoing is not None:
                yield outgoing
                outgoing = self.session.send()
            if not self._offer_again():
                return

    def _offer_again(self) -> bool:
        progress = False
        for seat, frame in self._early.take():
            if self.session.receive(seat, frame):
                progress = True
            else:
                self._early.hold(seat, frame)
        return progress
