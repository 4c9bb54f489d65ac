"""A party on a chip among simulated ones in this process: key generations and signatures, verified.

The other parties do what a phone's would; what they send crosses to the chip as requests of party.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.garbage import OFTEN
from daric_protocol.identity import ecdsa_verify
from daric_protocol.platform.entropy import Drbg
from daric_protocol.roster import Roster
from daric_protocol.rounds.keygen import keygen
from daric_protocol.rounds.sign import sign

from tools.bench import record

CHIP = 1  # its index
ANSWER_BYTES = 1 << 17  # more is no answer


class Console(Protocol):
    """The bytes to and from the chip."""

    async def read(self, count: int) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


@dataclass(frozen=True)
class Hello:
    """Of a chip that has imported the party."""

    micropython: str
    arithmetic: str
    free: int  # bytes of heap


class Party:
    """The party on the chip, as party.py answers."""

    def __init__(self, console: Console, garbage: int = OFTEN) -> None:
        """garbage: OFTEN to collect as the firmware does, -1 as the port does."""
        self._console = console
        self._garbage = garbage
        self.free = 0  # bytes of heap, once the last process was imported
        self.micros = 0  # that it took
        self.result = b""
        self.running = False

    async def hello(self) -> Hello:
        """Raises DaricError as `request`."""
        return Hello(*_fields(await self.request(b"h"), str, str, int))

    async def begin(self, case: str, secret: bytes, process: str, arguments: list[Any]) -> None:
        """Start a process, up to its first round."""
        self.running = True
        given = [self._garbage, record.seed(case, CHIP), secret, process, arguments]
        (self.free,) = _fields([await self.request(b"b", given)], int)
        await self.proceed()

    async def proceed(self) -> None:
        """Let the round end and the next one begin, or the process end."""
        answer = await self.request(b"p")
        if answer:
            self.result, self.micros = _fields(answer, bytes, int)
            self.running = False

    async def messages(self) -> list[tuple[int, bytes, list[bytes]]]:
        """What it sends in this round: (peer, body, chunks of the stream)."""
        sent = []
        while answer := await self.request(b"t"):
            peer, body, more = _fields(answer, int, bytes, bool)
            chunks = []
            while more and (chunk := await self.request(b"c")):
                chunks.append(chunk)
            sent.append((peer, body, chunks))
        return sent

    async def give(self, peer: int, body: bytes, chunks: list[bytes]) -> None:
        """A peer's message and stream."""
        await self.request(b"g", [peer, body])
        for chunk in chunks:
            await self.request(b"s", [peer, chunk])

    async def request(self, kind: bytes, data: Any = None) -> Any:
        """The answer. Raises DaricError: "internal" with what failed on the chip, "link" for what is no answer."""
        encoded = platform.cbor_encode(data)
        await self._console.write(kind + len(encoded).to_bytes(4, "big") + encoded)
        head = await self._console.read(5)
        length = int.from_bytes(head[1:], "big")
        if head[:1] not in (kind, b"!") or length > ANSWER_BYTES:
            raise DaricError("link", f"the chip says {head!r} and answers no request: its main.py did not start")
        answer = platform.cbor_decode(await self._console.read(length))
        if head[:1] == b"!":
            raise DaricError("internal", f"on the chip: {answer}")
        return answer


def _fields(answer: Any, *kinds: type) -> list[Any]:
    if not isinstance(answer, list) or [type(field) for field in answer] != list(kinds):
        raise DaricError("link", f"the chip answers {answer!r}")
    return answer


async def key_generation(chip: Party, t: int, n: int) -> list[record.Keeper]:
    """Make a t-of-n wallet with the chip as party 1; the others' custodies. Raises DaricError("internal")."""
    keys = [record.identity(secret) for secret in record.secrets(n)]
    case = f"chip/keygen/{t}/{n}"
    roster = Roster.create(t, [(key.public, "phone", "") for key in keys])
    keepers = [record.Keeper(key, Drbg(record.seed(case, k))) for k, key in enumerate(keys, 1)]
    await chip.begin(case, record.secrets(n)[0], "keygen", [CHIP, record.SSID, record.GROUP, roster.to_wire()])
    await _together(
        chip,
        {
            k: keygen(k, record.SSID, record.GROUP, roster, keeper, keeper.random)
            for k, keeper in enumerate(keepers, 1)
            if k != CHIP
        },
    )
    shards = [keeper.shard for keeper in keepers[CHIP:]]
    if any(shard is None or shard.pk != chip.result for shard in shards):
        raise DaricError("internal", "the parties do not agree on the wallet's key")
    return keepers


async def signature(chip: Party, keepers: list[record.Keeper], signers: list[int]) -> None:
    """Sign with the chip and others, from the shards of the last key generation. Raises DaricError("internal")."""
    case = f"chip/sign/{signers}"
    runs = {}
    for k in signers:
        keeper = keepers[k - 1]
        keeper.random = Drbg(record.seed(case, k))
        if k != CHIP:
            assert keeper.shard is not None
            runs[k] = sign(
                k, keeper.shard, signers, record.DIGEST, 0, record.DIGEST, record.SSID, keeper, keeper.random
            )
    secret = record.secrets(len(keepers))[0]
    await chip.begin(case, secret, "sign", [CHIP, record.SSID, signers, record.DIGEST])
    await _together(chip, runs)
    shard = keepers[1].shard
    assert shard is not None
    r, s = (int.from_bytes(half, "big") for half in (chip.result[:32], chip.result[32:]))
    if not ecdsa_verify(platform.curve.decode(shard.pk), record.DIGEST, r, s):
        raise DaricError("internal", "the chip's signature does not verify under the wallet's key")


async def _together(chip: Party, runs: dict[int, record.Run]) -> None:
    """Run the chip and the others to their end, round by round: bodies before streams."""
    received: dict[int, Any] = dict.fromkeys(runs)
    while True:
        outgoing = record.advance(runs, received)
        if bool(outgoing) != chip.running:
            raise DaricError("internal", "the chip and the others do not end in the same round")
        if not outgoing:
            return
        received = {index: {} for index in runs}
        sent = {CHIP: await chip.messages()}
        for index, out in outgoing.items():
            sent[index] = [
                (to, envelope.encode(message), list(out.streams[to]) if to in (out.streams or {}) else [])
                for to, message in out.messages.items()
            ]
        for sender, messages in sent.items():
            for to, body, chunks in messages:
                if to == CHIP:
                    await chip.give(sender, body, chunks)
                    continue
                mine = outgoing[to]
                message: Any = envelope.decode(mine.expect, body)
                if mine.arrived:
                    mine.arrived(sender, message)
                received[to][sender] = message
                for chunk in chunks:
                    mine.sinks[sender].receive(chunk)
        await chip.proceed()
