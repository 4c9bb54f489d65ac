"""A device in this process whose flash can be cut anywhere, and the other parties of its wallets.

The device is the firmware itself on littlefs; a host's requests go to its dispatcher without the serial line, which
writes nothing. Everything is drawn from seeds, so that a run repeats itself to the bit.
"""

import itertools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daric.app import App
from daric.board.flashfile import Partition
from daric.flash import open_vault
from daric.loader import Slots
from daric_protocol import flows
from daric_protocol.errors import DaricError, error_name
from daric_protocol.flows.backing import Backing
from daric_protocol.group import LEFT, LEFT_BEHIND
from daric_protocol.identity import Identity
from daric_protocol.limits import LINK_PIECE_BYTES

from tests.firmware.board import MemoryBoard
from tests.power.power_flash import BLOCKS, LittleFiles
from tests.power.tape import RecordingFlash
from tests.session.network import Network, drbg
from tests.session.parties import MemoryStore, Party, message

HOST = Identity(4711)
LONGEST_DELAY = 1024 * 1000  # milliseconds, after the ninth wrong PIN
BLOCK_SIZE = 4096
TURNS = 3  # after a press: a question that follows it is answered
PATIENCE = 3000  # turns of the device until its person has answered


class PowerBoard(MemoryBoard):
    """A board in memory with littlefs on its chip, behind BLOCKS of them code slots if there are more.

    boot: which start this is; each draws other random bytes.
    """

    def __init__(self, chip: RecordingFlash, boot: str) -> None:
        super().__init__(Path())
        self._chip = Partition(chip, 0, BLOCKS)
        if chip.blocks > BLOCKS:
            self.code_flash = Partition(chip, BLOCKS, chip.blocks - BLOCKS)
        self._source = drbg("device", boot)

    def entropy(self):
        return self._source

    def chip(self) -> Partition:
        return self._chip

    def open_vault(self, random):
        return open_vault(self._chip, random, LittleFiles)


@dataclass(frozen=True)
class World:
    """What there was when the power failed. writes: changes of the vault that had returned; used: ids of sessions that
    were started; stores: of the other parties; noted: whatever else the process noted."""

    writes: int
    used: tuple[bytes, ...]
    stores: dict[str, dict[str, bytes]]
    noted: object = None


class DeviceSeat:
    """The device as a session of tests.session.network."""

    needs_confirmation = False

    def __init__(self, house: "House", terms) -> None:
        self._house = house
        self._terms = terms
        self._number = 0

    def join(self) -> bytes:
        return self._house.ask("session_join", self._terms.encode(), bytes(range(32)))

    def start(self, joins: list[bytes]) -> bool:
        return self._house.ask("session_start", joins)

    def receive(self, seat: int, frame: bytes) -> bool:
        taken = None
        for at in range(0, len(frame), LINK_PIECE_BYTES):
            piece = bytes(frame[at : at + LINK_PIECE_BYTES])
            taken = self._house.ask("session_deliver", seat, len(frame), at, piece)
        return taken

    def send(self):
        number, seat, length, piece, _, _ = self._house.ask("session_fetch", self._number, 0)
        if seat is None:
            return None
        frame = piece
        while len(frame) < length:
            frame += self._house.ask("session_fetch", self._number, len(frame))[3]
        self._number = number
        return seat, frame

    def expire(self) -> None:
        self._house.ask("session_abort")

    @property
    def state(self) -> str:
        return self._house.ask("session_state")[1]

    @property
    def error(self):
        found = self._house.ask("session_state")[4]
        return found and DaricError(error_name(found[0]), found[1])


def chip_of(image: bytes | None) -> RecordingFlash:
    return RecordingFlash(BLOCKS if image is None else len(image) // BLOCK_SIZE, image)


def content(vault) -> dict[str, bytes]:
    return {name: vault.read(name) for name in vault.names()}


class House:
    """A device that has just been switched on, and the others. boot: names this start and seeds all randomness.

    recording: the start itself is on the tape.
    """

    def __init__(
        self, image: bytes | None, stores: dict[str, dict[str, bytes]], boot: str, keepers=None, recording=False
    ) -> None:
        self.boot = boot
        self.chip = chip_of(image)
        self.keepers = keepers or {}
        self.history: list[dict[str, bytes]] = []
        self.used: list[bytes] = []
        self.last: tuple | None = None  # terms, seats and joins of the session that was run last
        self.noted: object = None
        self._numbers = itertools.count()
        self.parties = {name: Party(f"{name} {boot}", MemoryStore(store)) for name, store in stores.items()}
        if recording:
            self.chip.record(self.world)
        self.start(boot)

    def start(self, boot: str) -> None:
        """Switch the device on: the loader, where there are code slots, then the firmware."""
        board = PowerBoard(self.chip, boot)
        slots = None if board.code_flash is None else Slots(board.code_flash)
        if slots is not None:
            slots.choose()
        self.app = App(board)
        if slots is not None:
            self.app.on_trial = slots.on_trial()  # on a board the loader's mount point tells

    # The device

    def ask(self, method: str, *parameters):
        """A request of the paired host; the person at the device answers whatever it asks. Raises DaricError."""
        dispatcher = self.app.dispatcher
        dispatcher._host = HOST.public
        result = dispatcher._call(method, list(parameters))
        for _ in range(PATIENCE):
            if self.app.screens.asker is None:
                break
            self.app.step(0)
        return result

    def errand(self, method: str, *parameters):
        """A request that the owner decides on, repeated until the answer is there."""
        while True:
            result = self.ask(method, *parameters)
            if result:
                return result[0]

    def press(self, *answers: str) -> None:
        """The person at the device presses, picks ("menu:...") or types ("text:...")."""
        for answer in answers:
            self.app.board.press(answer)
            for _ in range(TURNS):
                self.app.step(0)

    def unlock(self, pin: str) -> None:
        """Type a PIN at a locked device, once it may be typed."""
        self.app.board.now += LONGEST_DELAY
        self.app.step(0)
        self.press("approve", f"text:{pin}")

    @property
    def shown(self) -> str:
        return " ".join(self.app.board.pages[-1][0])

    @property
    def custody(self):
        return self.app.custody

    def content(self) -> dict[str, bytes]:
        """Everything in the vault."""
        return content(self.app.vault)

    def stored(self, image: bytes) -> dict[str, bytes] | None:
        """Everything in the vault of a chip, before the device starts from it; None behind a PIN."""
        vault = PowerBoard(chip_of(image), "read").open_vault(drbg("read"))
        return None if vault.locked else content(vault)

    # Time

    def record(self):
        """From here on each flash operation is on a tape, with the world as it is then. Of a device that is locked
        nobody sees what happens in the vault."""
        self.chip.record(self.world)
        if self.app.locked:
            return
        vault, journal = self.app.vault, self.custody.journal
        self.history = [self.content()]
        write, erase, use = vault.write, vault.erase, journal.use_session

        def watched_write(name: str, *parts: bytes) -> None:
            write(name, *parts)
            self.history.append({**self.history[-1], name: b"".join(parts)})

        def watched_erase(name: str) -> None:
            erase(name)
            if name in self.history[-1]:
                self.history.append({other: self.history[-1][other] for other in self.history[-1] if other != name})

        def watched_use(uuid: bytes) -> None:
            use(uuid)
            self.used.append(uuid)

        vault.write, vault.erase, journal.use_session = watched_write, watched_erase, watched_use

    def world(self) -> World:
        stores = {name: dict(party.store) for name, party in self.parties.items()}
        return World(len(self.history) - 1, tuple(self.used), stores, self.noted)

    def after(self, image: bytes, world: World, boot: str) -> "House":
        """The same house when the power is back."""
        return House(image, world.stores, boot, self.keepers)

    # Sessions

    def uuid(self) -> bytes:
        from daric_protocol import platform

        return platform.sha256(f"{self.boot} {next(self._numbers)}".encode())[:16]

    def open(self, name: str, terms, **options):
        """One party's session, the device's too."""
        if name == "device":
            return DeviceSeat(self, terms)
        if name in self.keepers:
            options["backing"] = Backing(self.keepers[name], options.pop("code", ""))
        return self.parties[name].open(terms, attended=name != "cloud", confirmed=True, **options)

    def session(self, terms, seats: list[str], relay=None, **options) -> Network:
        """A session of these parties, in the order of seats, run until nothing moves. options: by name of a party."""
        sessions = [self.open(name, terms, **options.get(name, {})) for name in seats]
        network = Network(sessions, relay).start()
        self.last = (terms, seats, network.joins)
        return network.confirm().run()

    def starts_again(self, terms, seats: list[str], joins: list[bytes]) -> bool:
        """Whether the device starts a session with the joins of one before and a new one of its own."""
        try:
            joins = list(joins)
            joins[seats.index("device")] = self.ask("session_join", terms.encode(), bytes(range(32)))
            self.ask("session_start", joins)
            state, error = self.ask("session_state")[1:5:3]
        except DaricError:
            return False
        assert state == "failed" and error_name(error[0]) == "replayed", (state, error)
        return state != "failed"

    def run(self, terms, seats: list[str], **options) -> Network:
        """A session that has to succeed."""
        network = self.session(terms, seats, **options)
        assert set(network.states()) == {"done"}, (terms.op, network.states(), [str(s.error) for s in network.sessions])
        return network

    def seats(self, group: bytes, indexes: list[int]) -> list[str]:
        """Names of members, by index."""
        names = {party.custody.identity.public: name for name, party in self.parties.items()}
        names[self.app.identity.public] = "device"
        roster = self.any_custody(group).roster(group)
        return [names[roster.member(index).identity] for index in indexes]

    def any_custody(self, group: bytes):
        """Of somebody who is in the group now."""
        everyone = [self.custody, *(party.custody for party in self.parties.values())]
        return next(one for one in everyone if one.find(group) is not None and one.find(group).epoch)

    def index(self, group: bytes, name: str) -> int:
        identity = self.app.identity if name == "device" else self.parties[name].custody.identity
        return self.any_custody(group).roster(group).index_of(identity.public)

    # What has to work afterwards

    def meet(self) -> None:
        """Everyone shows everyone what certificates it has, until nobody learns anything new."""
        everyone = [None, *self.parties.values()]
        learnt = True
        while learnt:
            learnt = False
            for teller, listener in itertools.permutations(everyone, 2):
                custody = self.custody if teller is None else teller.custody
                for group in custody.groups():
                    told = []
                    with suppress(DaricError):  # nothing certified yet
                        told.append(custody.certificate(group))
                    for one in [*told, *custody.changes(group)]:
                        with suppress(DaricError):  # of a group that the listener is not in, or not yet
                            if listener is None:
                                learnt = self.ask("group_adopt", one) or learnt
                            else:
                                learnt = listener.custody.adopt(one) or learnt

    def wallets(self) -> list[bytes]:
        """The groups in which the device can sign."""
        stored = [self.custody.group(group) for group in self.custody.groups()]
        return [group.id for group in stored if group.epoch and group.standing not in (LEFT, LEFT_BEHIND)]

    def signs(self, group: bytes, most: int = 100) -> str:
        """Sign in the current epoch with `most` of the others, where a pair is lost after a new set-up."""
        shard, roster = self.custody.shard(group), self.custody.roster(group)
        assert roster.t == 2
        how = "signs"
        others = [member for member in roster.members if member.index != shard.me]
        for member in others[:most]:
            party = next((p for p in self.parties.values() if p.custody.identity.public == member.identity), None)
            if party is None:
                continue
            both = sorted([shard.me, member.index])
            assert party.custody.shard(group).epoch == shard.epoch, "one epoch for all"
            if member.index in self.custody.unusable(group) or shard.me in party.custody.unusable(group):
                self.run(self.asked(flows.pair_terms(self.uuid(), group, roster, *both)), self.seats(group, both))
                how = "signs after a new set-up"
            network = self._signature(group, both)
            if set(network.errors()) == {"soft"}:  # one side took the new pair, the other did not get so far
                self.run(self.asked(flows.pair_terms(self.uuid(), group, roster, *both)), self.seats(group, both))
                how = "signs after a new set-up"
                network = self._signature(group, both)
            assert network.states() == ["done", "done"], [str(session.error) for session in network.sessions]
        return how

    def _signature(self, group: bytes, both: list[int]) -> Network:
        terms = flows.sign_terms(self.uuid(), group, self.custody.roster(group), both, message("after the cut"))
        return self.session(self.asked(terms), self.seats(group, both))

    def asked(self, terms):
        """The terms with the signature of the group's master, where it has one."""
        master = self.custody.roster(terms.group).master
        if not master:
            return terms
        [name] = self.seats(terms.group, [master])
        if name != "device":
            return self.parties[name].asks(terms)
        terms.initiator, terms.signature = self.app.identity.public, self.errand("terms_sign", terms.encode())
        return terms
