"""What a device must have forgotten after a process, as far as anybody outside it can know, and where it still is.

Known are: what its vault holds and held (read from its flash: no PIN guards it here, or the PIN is given), the keys of
sessions (the other parties have the same), scalars by their points (every point that the other parties were shown), and
what a person typed or read.
"""

from pathlib import Path

from daric.board.flashfile import FlashFile
from daric.flash import open_vault
from daric.vault import KEY_BYTES
from daric_protocol import channel, pairing, platform, sealing
from daric_protocol.identity import Identity
from daric_protocol.pairstate import PairState
from daric_protocol.shard import Shard
from daric_sim.device import SimDevice

from tests.power.power_flash import LittleFiles, draws
from tests.sim.heap import Heap, count, logarithms

PIECE = 16  # bytes of a long secret that are looked for


class Watch:
    """Collects secrets while processes run, and looks for them in a device. Undo with monkeypatch."""

    def __init__(self, monkeypatch) -> None:
        self.secrets: dict[str, bytes] = {}
        self.points: set[bytes] = set()
        self.entries: set[str] = set()  # names of the keys of entries that the vault has now
        self.linked: set[str] = set()  # and of the keys of the last connection
        decode, key, exchange = platform.curve.decode, sealing.SessionContext.key, Identity.exchange

        def watched_decode(data):
            self.points.add(bytes(data))
            return decode(data)

        def watched_exchange(identity, public):
            self.points.add(bytes(public))
            return exchange(identity, public)

        def watched_key(*arguments):
            made = key(*arguments)
            self.secrets[f"key {len(self.secrets)} of a session"] = made
            return made

        agreed, linked = pairing.Agreement.__init__, channel._keys

        def watched_agreement(agreement, *arguments):
            agreed(agreement, *arguments)
            self.secrets["key of a pairing, to the device"] = agreement._keys[:32]
            self.secrets["key of a pairing, to the host"] = agreement._keys[32:]

        def watched_link(*arguments):
            keys, binding = linked(*arguments)
            number = len(self.secrets)
            self.linked = {f"key {number} of the link, to the device", f"key {number} of the link, to the host"}
            for name, key_ in zip(sorted(self.linked), (keys[:32], keys[32:]), strict=True):
                self.secrets[name] = key_
            return keys, binding

        monkeypatch.setattr(pairing.Agreement, "__init__", watched_agreement)
        monkeypatch.setattr(channel, "_keys", watched_link)
        monkeypatch.setattr(platform.curve, "decode", watched_decode)
        monkeypatch.setattr(Identity, "exchange", watched_exchange)
        monkeypatch.setattr(sealing.SessionContext, "key", watched_key)

    def learn(self, state: Path) -> None:
        """What the vault of an unlocked device holds now; it counts as a secret from here on, erased or not."""
        vault = vault_of(state)
        self.entries = set()
        for start, end in vault._rows():
            key = vault._table[end - KEY_BYTES : end]
            name = f"key {key.hex()} of {vault._name_at(start)}"
            self.secrets[name] = key
            self.entries.add(name)
        for name in vault.names():
            if name.startswith("shard/"):
                shard = Shard.decode(vault.read(name))
                self.secrets["share of " + name] = shard.s.to_bytes(32, "big")
                for number, part in enumerate(shard.entropy):
                    self.secrets[f"part {number} of {name}"] = part.s.to_bytes(32, "big")
            elif name.startswith("pair/"):
                pair = PairState.decode(vault.read(name))
                self.secrets["delta of " + name] = pair.delta
                self.secrets["z of " + name] = pair.z
                for field in ("kD", "k0", "k1"):
                    self.secrets[f"{field} of {name}"] = getattr(pair, field)[512 : 512 + PIECE]
            elif name == "hedge":
                self.secrets[name] = vault.read(name)

    @property
    def needed(self) -> set[str]:
        """What an unlocked device that has nothing to do may have in use."""
        return self.entries | self.linked

    def read(self, device: SimDevice) -> None:
        """What a person read on its pages: recovery codes, exported keys."""
        for screen in device.screens:
            lines = [line.strip() for line in screen.lines]
            for title, count_ in (("Recovery code:", 2), ("SECRET KEY", 4)):
                if title in lines:
                    at = lines.index(title) + 1
                    for line in lines[at : at + count_]:
                        self.secrets[f"{title} {line}"] = line.encode()
                    if title == "SECRET KEY":
                        self.secrets["exported key"] = bytes.fromhex("".join(lines[at : at + 4]))

    def search(self, device: SimDevice, heapsize: str, scalars: bool = True) -> "Found":
        """Where the secrets lie in the heap of a device that has nothing to do."""
        heap = Heap.of(device.pid, heapsize)
        live, freed = heap.live, heap.freed
        found = Found()
        for name, secret in self.secrets.items():
            if count(live, secret):
                found.live.add(name)
            if count(freed, secret):
                found.freed.add(name)
            if count(heap.outside, secret):
                found.outside.add(name)
        if scalars:
            found.live_points = logarithms(live, self.points)
            found.freed_points = logarithms(freed, self.points)
        return found


class Found:
    """Names of the secrets that were found, and points (their 32 B x) whose scalars were."""

    def __init__(self) -> None:
        self.live: set[str] = set()
        self.freed: set[str] = set()
        self.outside: set[str] = set()
        self.live_points: set[bytes] = set()
        self.freed_points: set[bytes] = set()

    def __repr__(self) -> str:
        points = [[point.hex() for point in some] for some in (self.live_points, self.freed_points)]
        live, freed, outside = sorted(self.live), sorted(self.freed), sorted(self.outside)
        return f"live: {live} {points[0]}, freed: {freed} {points[1]}, outside: {outside}"


def vault_of(state: Path):
    """The vault on the flash of a device without a PIN, as it is now."""
    data = (state / "flash").read_bytes()
    chip = FlashFile(None, len(data) // 4096)
    chip._memory[:] = data
    return open_vault(chip, draws(), LittleFiles)
