"""New firmware over the link: what a device takes and refuses, and that only its owner's word installs it."""

import asyncio
import hashlib
import os

import pytest
from daric import VERSION, made
from daric.app import App
from daric.board.flashfile import FlashFile, Partition
from daric.loader import Slots
from daric_host.device import DeviceLink
from daric_host.flashing import updating
from daric_host.flashing.signedimage import SignedImage, by_key
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.imagehead import DEVELOPMENT, LITTLEFS, PRODUCTION, ROMFS, Head

from tests.cddl import check
from tests.firmware.board import MemoryBoard, Wired, pair, pass_seconds, press, until
from tests.firmware.test_device_lock import OTHER as OTHER_PIN
from tests.firmware.test_device_lock import PIN, patient, typed, unlock, with_pin

KEY, OTHER, HOST = 5, 6, Identity(4711)
BLOCKS, SIZE = 2 + 2 * 12, 4096
FILES = {"main.py": b"new" * 3000, "daric/app.mpy": bytes(range(256)) * 30}
NEWER = "9.0.0"


def image(secret=KEY, form=ROMFS, files=FILES, **changes):
    fields = {"version": NEWER, "board": "virtual", "kind": DEVELOPMENT, "micropython": "1.28.0", **changes}
    unsigned = SignedImage.make(files, form, **fields)
    return unsigned if secret is None else unsigned.sign(by_key(secret))


def put(slots, one):
    offset = -1
    while offset < 0:
        offset = slots.begin(one.head, one.manifest.form, one.manifest.size, one.manifest.digest)
    slots.put(0, one.payload)


class Unplugged(Exception):
    """The cable was pulled."""


class Board(MemoryBoard):
    """A board with code slots that starts again when it is reset."""

    def __init__(self, state, chip: FlashFile) -> None:
        super().__init__(state)
        self.code_flash = Partition(chip, 0, BLOCKS)


class Rig:
    """A device that runs an old image, and its paired host. broken: new images never come as far as to serve a host."""

    def __init__(self, state) -> None:
        self.state = state
        self.chip = FlashFile(None, BLOCKS, SIZE)
        self.old = image(files={"main.py": b"old"}, version=VERSION)
        self.broken = False
        self.starts = 0
        put(self.slots, self.old)
        self.slots.adopt()
        self.start()
        self.link = DeviceLink(lambda: Transport(self), HOST, ack_timeout=0.01)

    @property
    def slots(self) -> Slots:
        return Slots(Partition(self.chip, 0, BLOCKS))

    def start(self) -> None:
        """Switch on: the loader, then the firmware; a broken image resets the board at once."""
        self.starts += 1
        slot = self.slots.choose()
        while self.broken and self.slots.on_trial():
            self.starts += 1
            slot = self.slots.choose()
        assert self.slots.whole(slot)
        self.app = App(Board(self.state, self.chip))
        self.app.on_trial = self.slots.on_trial()  # on a board the loader's mount point tells

    async def found_again(self) -> None:
        """The host notices that the port went away, and opens it."""
        try:
            await self.link.hello()
        except DaricError:
            await self.link.hello()

    def runs(self, one) -> bool:
        return self.slots.about(self.slots.running())[2] == one.manifest.digest

    @property
    def board(self) -> Board:
        return self.app.board


class Transport(Wired):
    """The line to whatever runs on the board now."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.app)
        self._rig = rig

    def read(self, timeout: float) -> bytes:
        if self.app.board.resets and self.app is self._rig.app:
            self._rig.start()
        if self.app is not self._rig.app:
            raise OSError(5, "the port went away")
        return super().read(timeout)


@pytest.fixture
async def rig(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "UPDATE_KEY", Identity(KEY).public)
    monkeypatch.setattr(updating, "POLL", 0)
    running = Rig(tmp_path)
    await pair(running.link)
    return running


async def refused(awaitable) -> str:
    with pytest.raises(DaricError) as caught:
        await awaitable
    return caught.value.name


# What is to be


async def test_an_update_is_shown_installed_tried_and_kept(rig):
    new, steps = image(), []
    await updating.update(rig.link, new, lambda done, total: steps.append((done, total)))
    shown = [lines for lines, _ in rig.board.pages] and rig.starts
    assert shown == 2 and rig.runs(new) and not rig.slots.on_trial()
    assert steps[0] == (0, new.manifest.size) and steps[-1] == (new.manifest.size, new.manifest.size)
    now = await updating.state(rig.link)
    assert (now.digest, now.slot, now.on_trial, now.offered) == (new.manifest.digest, 1, False, b"")


async def test_the_owner_sees_version_kind_and_the_whole_digest(rig):
    new = image()
    board = rig.board
    await updating.send(rig.link, new)
    await rig.link.update_end()
    lines = next(lines for lines, ask in board.pages if lines[0] == "Install update?")
    assert lines[:6] == ["Install update?", " 9.0.0", "Now:", " " + VERSION, "Made for:", " development"]
    assert "".join(lines[7:]).replace(" ", "") == new.manifest.digest.hex()
    assert max(map(len, lines)) <= 16


async def test_a_device_that_runs_the_image_already_is_left_alone(rig):
    await updating.update(rig.link, rig.old)
    assert rig.starts == 1 and rig.slots.about(1) is None


async def test_an_image_is_confirmed_only_when_a_host_was_served(rig):
    new = image()
    put(rig.slots, new)
    rig.slots.activate()
    rig.start()
    for _ in range(200):
        rig.app.step(0)
    assert rig.slots.on_trial()
    rig.link = DeviceLink(lambda: Transport(rig), HOST, ack_timeout=0.01)
    await rig.link.hello()
    assert rig.slots.on_trial()
    await pair(rig.link)
    assert (await updating.state(rig.link)).digest == new.manifest.digest
    assert not rig.slots.on_trial()


async def test_an_image_whose_first_request_finds_no_entropy_is_not_confirmed(rig):
    put(rig.slots, image())
    rig.slots.activate()
    rig.start()
    rig.link = DeviceLink(lambda: Transport(rig), HOST, ack_timeout=0.01)
    await pair(rig.link)
    assert not rig.app.dispatcher.served
    rig.app.entropy._source = bytes
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    assert await refused(rig.link.session_join(terms.encode())) == "entropy"
    assert await refused(rig.link.identity()) == "entropy"
    rig.app.step(0)
    assert rig.app.dispatcher.served and rig.slots.on_trial()


async def test_an_image_that_never_serves_a_host_is_taken_back(rig):
    rig.broken = True
    new = image()
    assert await refused(updating.update(rig.link, new)) == "update"
    assert rig.runs(rig.old)
    rig.broken = False
    await updating.update(rig.link, new)
    assert rig.runs(new)


async def test_an_interrupted_update_goes_on_where_it_stopped(rig):
    new, steps = image(), []

    def stop(done, total):
        steps.append(done)
        if len(steps) in (6, 12):
            raise Unplugged

    for _ in range(2):
        with pytest.raises(Unplugged):
            await updating.update(rig.link, new, stop)
    await updating.update(rig.link, new, stop)
    assert steps.count(0) == 1 and 0 < steps[6] <= steps[5] and steps[6] < steps[12]
    assert rig.runs(new)


async def test_another_image_may_be_brought_in_the_middle_of_one(rig):
    first, second = image(), image(files={"main.py": b"second" * 3000}, version="9.0.1")
    await rig.link.update_begin(first.head)
    await rig.link.update_piece(0, first.payload[:2048])
    await updating.update(rig.link, second)
    assert rig.runs(second)


def test_the_answers_follow_the_rules(rig):
    from daric.update import state

    check("UpdateState", platform.cbor_encode(state(rig.app, b"")))
    for one in (image(), image(secret=None), image(form=LITTLEFS, kind=PRODUCTION)):
        check("ImageHead", one.head)
        check("ImageManifest", one.manifest.encode())


async def test_a_device_with_a_pin_asks_for_it_and_confirms_the_new_image_once_it_is_unlocked(rig):
    new = image()
    with_pin(rig.app)
    await updating.send(rig.link, new)
    installing = asyncio.create_task(rig.link.update_end())
    first = rig.app
    await until(first, lambda: first.board.pages[-1][1] and first.board.pages[-1][0][0] == "Install update?")
    press(first, "approve")
    typed(first, OTHER_PIN)
    pass_seconds(first, 4)
    assert rig.slots.offered() == -1
    typed(first, PIN)
    await installing
    while rig.app is first:
        await rig.found_again()
    assert rig.app.locked and rig.slots.on_trial()
    patient(rig.app)
    assert await refused(updating.state(rig.link)) == "locked"
    assert rig.slots.on_trial()
    unlock(rig.app)
    assert (await updating.state(rig.link)).digest == new.manifest.digest
    assert not rig.slots.on_trial() and rig.runs(new)


# What is refused, and changes nothing


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"secret": OTHER}, "update"),
        ({"secret": None}, "update"),
        ({"board": "rp2040"}, "update"),
        ({"version": VERSION}, "update"),
        ({"version": "0.0.9"}, "update"),
        ({"micropython": "99.0.0"}, "update"),
        ({"form": LITTLEFS}, "update"),
        ({"files": {"a": bytes(13 * SIZE)}}, "storage"),
    ],
)
async def test_an_image_that_this_device_does_not_take_is_refused_before_anything_is_written(rig, wrong, name):
    before = rig.chip.dump()
    assert await refused(updating.update(rig.link, image(**wrong))) == name
    assert rig.chip.dump() == before


async def test_a_production_device_takes_no_development_image(rig, monkeypatch):
    monkeypatch.setattr(made, "KIND", PRODUCTION)
    assert await refused(updating.update(rig.link, image())) == "update"
    await updating.update(rig.link, image(kind=PRODUCTION))
    assert not rig.runs(rig.old)


async def test_firmware_without_a_key_takes_no_update(rig, monkeypatch):
    monkeypatch.setattr(made, "UPDATE_KEY", b"")
    assert await refused(updating.update(rig.link, image())) == "update"


async def test_a_board_without_slots_takes_no_update(rig):
    rig.board.code_flash = None
    now = await updating.state(rig.link)
    assert (now.version, now.slot, now.digest) == (VERSION, -1, b"")
    assert await refused(updating.update(rig.link, image())) == "update"


async def test_every_flipped_bit_of_a_head_is_refused(rig):
    before, head = rig.chip.dump(), image().head
    for at in range(0, len(head), 7):
        flipped = head[:at] + bytes([head[at] ^ 1 << at % 8]) + head[at + 1 :]
        assert await refused(rig.link.update_begin(flipped)) in ("update", "encoding")
    assert rig.chip.dump() == before


@pytest.mark.parametrize("head", [b"", b"\x80", b"x" * 2000, bytes(2049), 7, None, "text", []])
async def test_what_is_no_head_is_refused(rig, head):
    assert await refused(rig.link.update_begin(head)) == "encoding"


@pytest.mark.parametrize(
    ("offset", "piece", "name"),
    [
        (-1, b"x", "encoding"),
        ("0", b"x", "encoding"),
        (True, b"x", "encoding"),
        (0, b"", "encoding"),
        (0, bytes(2049), "encoding"),
        (0, "x", "encoding"),
        (1, b"x", "update"),
        (1 << 30, b"x", "update"),
    ],
)
async def test_pieces_that_are_none_are_refused(rig, offset, piece, name):
    await rig.link.update_begin(image().head)
    assert await refused(rig.link.update_piece(offset, piece)) == name


async def test_a_tampered_payload_is_never_offered_to_the_owner(rig):
    new = image()
    bad = SignedImage(new.manifest, new.files, new.payload[:-1] + b"!", new.public, new.signature)
    pages = rig.board.pages
    assert await refused(updating.update(rig.link, bad)) == "update"
    assert not [lines for lines, ask in pages if ask and lines[0] == "Install update?"]
    assert rig.runs(rig.old) and rig.slots.offered() == -1
    await updating.update(rig.link, new)  # nothing of the other one is left
    assert rig.runs(new)


async def test_an_image_that_was_begun_by_none_or_is_not_complete_is_not_installed(rig):
    assert await refused(rig.link.update_end()) == "update"
    for _ in range(2):  # what was found wrong is begun anew
        await rig.link.update_begin(image().head)
        assert await refused(rig.link.update_end()) == "update"
    await rig.link.update_begin(image().head)
    await rig.link.update_piece(0, image().payload[:2048])
    assert await refused(rig.link.update_end()) == "update"
    assert rig.slots.offered() == -1


async def test_an_owner_who_refuses_keeps_the_old_image(rig):
    rig.board.answer = "refuse"
    assert await refused(updating.update(rig.link, image())) == "refused"
    assert rig.runs(rig.old) and rig.slots.offered() == -1 and rig.starts == 1


async def test_an_image_exchanged_behind_the_question_is_not_installed(rig):
    first, second = image(), image(files={"main.py": b"second"}, version="9.0.1")
    await updating.send(rig.link, first)
    rig.board.answer = None
    assert not await rig.link._call("update_end")
    await updating.send(rig.link, second)
    rig.board.press("approve")
    assert await refused(rig.link.update_end()) == "update"
    assert rig.runs(rig.old) and rig.slots.offered() == -1


async def test_an_unpaired_host_updates_nothing(rig):
    stranger = DeviceLink(lambda: Transport(rig), Identity(666), ack_timeout=0.01)
    requests = (
        stranger.update_state,
        stranger.update_end,
        lambda: stranger.update_begin(image().head),
        lambda: stranger.update_piece(0, b"x"),
    )
    for request in requests:
        assert await refused(request()) in ("unpaired", "link")
    assert rig.slots.about(1) is None


async def test_a_device_in_a_session_takes_no_update(rig):
    await rig.link.session_join(flows.create_terms(bytes(16), 2, 2, os.urandom).encode())
    assert await refused(rig.link.update_begin(image().head)) == "busy"
    assert rig.slots.about(1) is None


async def test_a_flash_that_fails_is_a_storage_error(rig):
    rig.chip.cut_power(1)
    assert await refused(rig.link.update_begin(image().head)) == "storage"


def test_a_head_signs_its_manifest_and_no_other():
    ours, other = image(), image(version="9.9.9")
    with pytest.raises(DaricError, match="manifest"):
        Head(other.manifest.encode(), ours.public, ours.signature).check(ours.public)
    assert hashlib.sha256(ours.payload).digest() == ours.manifest.digest


# Power cuts


@pytest.mark.slow  # the same cuts without link and device: test_code_slots.py
async def test_a_power_cut_at_any_operation_of_an_update_leaves_the_old_or_the_new_image(rig):
    new = image()
    begin, before = rig.chip.dump(), rig.chip.operations
    await updating.update(rig.link, new)
    total = rig.chip.operations - before
    outcomes = []
    for cut in range(1, total + 1):
        rig.chip._memory[:] = begin
        rig.start()
        await rig.found_again()
        rig.chip.cut_power(cut, torn=cut % 2 == 0)
        try:
            await updating.update(rig.link, new, patience=0.2)
        except (DaricError, OSError):
            pass
        rig.chip.restore_power()
        rig.start()
        await rig.found_again()
        outcomes.append("new" if rig.runs(new) else "old")
        await updating.update(rig.link, new)
        assert rig.runs(new), cut
    assert outcomes[0] == "old" and outcomes[-1] == "new"
