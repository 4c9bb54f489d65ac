"""Run a protocol among all its parties on CPython and write what one of them receives to a tape for party.py."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from daric_protocol import envelope, platform
from daric_protocol.identity import Identity
from daric_protocol.pairstate import PairState
from daric_protocol.platform.entropy import Drbg
from daric_protocol.roster import Roster
from daric_protocol.rounds.keygen import keygen
from daric_protocol.rounds.sign import sign
from daric_protocol.shard import Shard

Run = Generator[Any, Any, Any]
GROUP = bytes(16)
SSID = bytes(31) + b"\x01"
DIGEST = platform.sha256(b"daric bench")


class Keeper:
    """Custody in memory: what key generation stored is what signing loads."""

    def __init__(self, identity: Identity, random: Callable[[int], bytes]) -> None:
        self.identity = identity
        self.random = random
        self.shard: Shard | None = None
        self.pairs: dict[int, PairState] = {}

    def pair(self, peer: int) -> PairState:
        return self.pairs[peer]

    def sign_identity(self, digest: bytes) -> bytes:
        return self.identity.sign(digest, self.random)

    def store_pending(self, shard: Shard, pairs: dict[int, PairState]) -> None:
        self.shard, self.pairs = shard, dict(pairs)

    def _nothing(self, *values: object) -> None:
        """Durability is not what is recorded."""

    open_check = close_check = ban = spend = signed = use_epoch = _nothing


class Recorder:
    """The tape of party 1 of one run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: list[bytes] = []

    def write(self, value: object) -> None:
        data = platform.cbor_encode(value)
        self._parts.append(len(data).to_bytes(4, "big") + data)

    def end_round(self) -> None:
        self._parts.append(bytes(4))

    def save(self, pairs: dict[int, PairState]) -> None:
        self._path.write_bytes(b"".join(self._parts))
        for peer, pair in pairs.items():
            Path(f"{self._path}.pair{peer}").write_bytes(pair.encode())


def seed(case: str, index: int) -> bytes:
    return platform.sha256(f"{case}/{index}".encode())


def secrets(n: int) -> list[bytes]:
    """n identity secrets (32 B) in the order of their public keys, so that the k-th has index k."""
    return sorted((platform.sha256(b"party" + bytes([k])) for k in range(n)), key=lambda one: identity(one).public)


def identity(secret: bytes) -> Identity:
    return Identity(int.from_bytes(secret, "big"))


def advance(runs: dict[int, Run], received: dict[int, Any]) -> dict[int, Any]:
    """What each party sends in its next round; those that have ended are not in it."""
    outgoing = {}
    for index, run in runs.items():
        try:
            outgoing[index] = run.send(received[index])
        except StopIteration:
            continue
    return outgoing


def exchange(runs: dict[int, Run], recorder: Recorder) -> None:
    """Run all generators to the end and record what party 1 receives."""
    received: dict[int, Any] = dict.fromkeys(runs)
    while True:
        outgoing = advance(runs, received)
        if not outgoing:
            return
        bodies = {
            sender: {to: envelope.encode(message) for to, message in out.messages.items()}
            for sender, out in outgoing.items()
        }
        received = {index: {} for index in runs}
        for sender, out in outgoing.items():
            streams = out.streams or {}
            for to, body in sorted(bodies[sender].items()):
                chunks = list(streams[to]) if to in streams else []
                if to == 1:
                    recorder.write([sender, body, len(chunks)])
                for chunk in chunks:
                    outgoing[to].sinks[sender].receive(chunk)
                    if to == 1:
                        recorder.write(chunk)
                message: Any = envelope.decode(outgoing[to].expect, body)
                if outgoing[to].arrived:
                    outgoing[to].arrived(sender, message)
                received[to][sender] = message
        recorder.end_round()


def record_keygen(path: Path, t: int, n: int) -> list[Keeper]:
    """Write the tape of a t-of-n key generation; the parties' custodies afterwards."""
    keys = [identity(secret) for secret in secrets(n)]
    case = f"keygen/{t}/{n}"
    roster = Roster.create(t, [(key.public, "phone", "") for key in keys])
    keepers = [Keeper(key, Drbg(seed(case, k))) for k, key in enumerate(keys, 1)]
    recorder = Recorder(path)
    arguments = ["keygen", 1, SSID, GROUP, roster.to_wire(), b"", [], b""]
    recorder.write([seed(case, 1), secrets(n)[0], arguments])
    runs = {k: keygen(k, SSID, GROUP, roster, keeper, keeper.random) for k, keeper in enumerate(keepers, 1)}
    exchange(runs, recorder)
    recorder.save({})
    return keepers


def record_sign(path: Path, keepers: list[Keeper], signers: list[int]) -> None:
    """Write the tape of party 1 signing with `signers`, from the shards of a key generation."""
    case = f"sign/{signers}"
    recorder = Recorder(path)
    shard = keepers[0].shard
    assert shard is not None
    arguments = ["sign", 1, SSID, GROUP, [], shard.encode(), signers, DIGEST]
    recorder.write([seed(case, 1), secrets(len(keepers))[0], arguments])
    runs = {}
    for k in signers:
        keeper = keepers[k - 1]
        keeper.random = Drbg(seed(case, k))
        assert keeper.shard is not None
        runs[k] = sign(k, keeper.shard, signers, DIGEST, 0, DIGEST, SSID, keeper, keeper.random)
    exchange(runs, recorder)
    recorder.save({peer: keepers[0].pairs[peer] for peer in signers if peer != 1})
