"""The two code slots: what starts is whole and wanted, whatever was cut, torn or flipped before."""

import hashlib
import sys

import pytest
from daric.board.flashfile import FlashFile, Partition
from daric.loader import CONFIRMED, ERASES, FAILED, ROMFS, STARTS, TRIAL, ReadOnly, Slots

BLOCKS, SIZE = 2 + 2 * 12, 4096
OLD, NEW, OTHER = (bytes([number]) * (9 * SIZE + 1000) for number in (1, 2, 3))
HEADS = {OLD: b"head of the old one", NEW: b"head of the new one", OTHER: b"head of another"}


def blank():
    chip = FlashFile(None, BLOCKS, SIZE)
    return chip, Slots(Partition(chip, 0, BLOCKS))


def begun(slots, payload):
    """Where the payload goes on, after all that had to be erased was."""
    offset = -1
    while offset < 0:
        offset = slots.begin(HEADS[payload], ROMFS, len(payload), hashlib.sha256(payload).digest())
    return offset


def written(slots, payload, piece=2048):
    for at in range(begun(slots, payload), len(payload), piece):
        slots.put(at, payload[at : at + piece])


def running(slots):
    slot = slots.running()
    return b"" if slot < 0 else slots.about(slot)[3]


@pytest.fixture
def flashed():
    """(chip, slots) that run the old image."""
    chip, slots = blank()
    written(slots, OLD)
    slots.adopt()
    assert slots.choose() == 0
    return chip, slots


def again(chip):
    """The slots after the power was off."""
    chip.restore_power()
    return Slots(Partition(chip, 0, BLOCKS))


# What is to be


def test_a_payload_with_a_wrong_byte_is_begun_anew_once_it_was_discarded(flashed):
    _, slots = flashed
    begun(slots, NEW)
    for at in range(0, len(NEW), 2048):
        slots.put(at, bytes(len(NEW[at : at + 2048])) if at == 4096 else NEW[at : at + 2048])
    assert not slots.whole(1)
    slots.discard()
    assert begun(slots, NEW) == 0
    written(slots, NEW)
    assert slots.whole(1)


def test_what_runs_or_ran_is_not_discarded(flashed):
    _, slots = flashed
    written(slots, NEW)
    slots.activate()
    slots.discard()
    assert slots.whole(1) and running(slots) == HEADS[OLD]


def test_a_blank_board_starts_nothing():
    _, slots = blank()
    assert (slots.running(), slots.choose(), slots.offered(), slots.about(0)) == (-1, -1, -1, None)


def test_a_first_image_starts_and_is_confirmed(flashed):
    _, slots = flashed
    assert (slots.running(), slots.on_trial(), slots.spare()) == (0, False, 1)
    assert slots.about(0) == (ROMFS, len(OLD), hashlib.sha256(OLD).digest(), HEADS[OLD])


def test_a_new_image_runs_on_trial_and_stays_when_it_is_confirmed(flashed):
    _, slots = flashed
    written(slots, NEW)
    slots.activate()
    assert (slots.running(), slots.offered(), slots.on_trial()) == (0, 1, False)
    assert (slots.choose(), slots.on_trial()) == (1, True)
    slots.confirm()
    assert (slots.choose(), slots.on_trial(), slots.spare(), running(slots)) == (1, False, 0, HEADS[NEW])


def test_a_new_image_that_is_never_confirmed_is_started_so_often_and_then_the_old_one_runs(flashed):
    chip, slots = flashed
    written(slots, NEW)
    slots.activate()
    assert [again(chip).choose() for _ in range(STARTS + 3)] == [1] * STARTS + [0] * 3
    assert (slots.offered(), slots.on_trial(), running(slots)) == (-1, False, HEADS[OLD])


def test_after_a_failed_image_another_one_is_taken(flashed):
    _, slots = flashed
    written(slots, NEW)
    slots.activate()
    while slots.choose():
        pass
    written(slots, OTHER)
    slots.activate()
    assert slots.choose() == 1
    slots.confirm()
    assert running(slots) == HEADS[OTHER]


def test_the_same_image_is_written_anew_where_it_was_damaged_or_failed(flashed):
    chip, slots = flashed
    for _ in range(2):
        written(slots, NEW)
        slots.activate()
        chip.program(slots._at(1) + 2 * SIZE, bytes(10))
        assert again(chip).choose() == 0
    assert begun(slots, NEW) == 0
    written(slots, NEW)
    slots.activate()
    assert again(chip).choose() == 1


def test_forty_updates_wear_both_blocks_of_the_record_and_lose_nothing(flashed):
    chip, slots = flashed
    for number in range(40):
        payload = (NEW, OTHER)[number % 2]
        written(slots, payload)
        slots.activate()
        assert again(chip).choose() == (number + 1) % 2
        slots.confirm()
        assert running(again(chip)) == HEADS[payload]
    worn = [int.from_bytes(chip.erases[4 * block : 4 * block + 4], "little") for block in (0, 1)]
    assert abs(worn[0] - worn[1]) <= 1 and max(worn) <= 40 * 4 // (SIZE // 256)


def test_a_damaged_image_is_not_started_and_the_one_before_is(flashed):
    chip, slots = flashed
    written(slots, NEW)
    slots.activate()
    slots.choose()
    slots.confirm()
    chip.program(slots._at(1) + 5000, b"\0")
    assert again(chip).choose() == 0
    assert running(slots) == HEADS[OLD]


def test_an_image_that_is_damaged_before_its_first_start_is_not_tried(flashed):
    chip, slots = flashed
    written(slots, NEW)
    slots.activate()
    chip.program(slots._at(1) + len(NEW) - 1, b"\0")
    assert (again(chip).choose(), slots.offered()) == (0, -1)


def test_nothing_starts_where_both_slots_are_damaged(flashed):
    chip, slots = flashed
    chip.program(slots._at(0), b"\0")
    assert again(chip).choose() == -1


def test_a_board_whose_first_image_lies_inside_its_micropython_takes_updates_and_goes_back_to_it():
    chip, slots = blank()
    for payload in (NEW, OTHER):
        written(slots, payload)
        slots.activate()
        assert [again(chip).choose() for _ in range(STARTS + 2)] == [0] * STARTS + [-1] * 2
        assert (slots.running(), slots.on_trial(), slots.offered()) == (-1, False, -1)
    before = chip.operations
    assert again(chip).choose() == -1 and chip.operations == before
    written(slots, NEW)
    slots.activate()
    assert slots.choose() == 0
    slots.confirm()
    assert running(again(chip)) == HEADS[NEW]


def test_a_board_with_damaged_slots_takes_a_new_image(flashed):
    chip, slots = flashed
    chip.program(slots._at(0), b"\0")
    assert again(chip).choose() == -1
    written(slots, NEW)
    slots.activate()
    assert slots.choose() == 0 and slots.on_trial()


def test_erasing_goes_in_small_steps(flashed):
    chip, slots = flashed
    chip.program(slots._at(1) - SIZE, bytes(12 * SIZE))
    before = chip.operations
    assert slots.begin(b"head", ROMFS, len(NEW), bytes(32)) == -1
    assert chip.operations - before <= ERASES + 2


# What is refused


def test_what_has_no_room_is_refused(flashed):
    _, slots = flashed
    for head, size in ((b"h", 0), (b"h", slots.room + 1), (bytes(SIZE), 1000)):
        with pytest.raises(ValueError):
            slots.begin(head, ROMFS, size, bytes(32))
    assert running(slots) == HEADS[OLD]


@pytest.mark.parametrize("offset", [-256, 1, 255, len(NEW), len(NEW) - 1, 1 << 20])
def test_a_piece_outside_the_payload_is_refused(offset, flashed):
    _, slots = flashed
    begun(slots, NEW)
    with pytest.raises(ValueError):
        slots.put(offset, b"two")


def test_a_piece_may_come_twice_but_not_another_one_in_its_place(flashed):
    _, slots = flashed
    begun(slots, NEW)
    slots.put(256, NEW[:256])
    slots.put(256, NEW[:256])
    with pytest.raises(ValueError):
        slots.put(256, OTHER[:256])


def test_no_piece_is_taken_before_a_head_and_none_after_the_owner_agreed(flashed):
    _, slots = flashed
    with pytest.raises(ValueError):
        slots.put(0, NEW[:256])
    written(slots, NEW)
    slots.activate()
    with pytest.raises(ValueError):
        slots.put(0, NEW[:256])


def test_an_incomplete_image_is_neither_tried_nor_adopted(flashed):
    _, slots = flashed
    begun(slots, NEW)
    slots.put(0, NEW[:2048])
    for method in (slots.activate, slots.adopt):
        with pytest.raises(ValueError):
            method()
    assert slots.choose() == 0


def test_the_only_confirmed_image_is_not_overwritten_while_the_other_one_is_on_trial(flashed):
    _, slots = flashed
    written(slots, NEW)
    slots.activate()
    slots.choose()
    with pytest.raises(ValueError):
        slots.begin(HEADS[OTHER], ROMFS, len(OTHER), bytes(32))
    assert slots.whole(0)


def test_a_flash_that_does_not_hold_what_was_written_is_an_error(flashed):
    chip, slots = flashed
    begun(slots, NEW)
    chip.program = lambda address, data: None
    with pytest.raises(OSError):
        slots.put(0, NEW[:256])


def test_code_on_littlefs_is_only_read():
    chip, _ = blank()
    device = ReadOnly(chip, 0, 4096)
    assert (device.ioctl(4, 0), device.ioctl(5, 0)) == (8, 512)
    assert device.ioctl(6, 1) < 0 and device.writeblocks(0, b"x") < 0
    assert device.readblocks(1, bytearray(16)) == 0 and chip.operations == 0


# Power cuts


def story(slots):
    """An update as a device does it, up to the new image's confirmation."""
    written(slots, NEW)
    slots.activate()
    yield
    if slots.choose() == slots.spare():
        raise AssertionError("the trial was not started")
    slots.confirm()


def test_a_power_cut_at_any_operation_leaves_an_image_that_starts_and_the_update_goes_on(flashed):
    chip, slots = flashed
    written(slots, OTHER)  # an older update that came to nothing
    begin = chip.dump()
    before = chip.operations
    for _ in story(slots):
        pass
    total = chip.operations - before
    assert total > 30
    outcomes = set()
    for torn in (False, True):
        for cut in range(1, total + 1):
            chip = FlashFile(None, BLOCKS, SIZE)
            chip._memory[:] = begin
            slots = Slots(Partition(chip, 0, BLOCKS))
            chip.cut_power(cut, torn)
            with pytest.raises(OSError):
                for _ in story(slots):
                    pass
            slots = again(chip)
            started = slots.choose()
            assert started >= 0 and slots.whole(started), (cut, torn)
            outcomes.add(running(slots))
            if slots.on_trial():
                slots.confirm()
            if running(slots) == HEADS[OLD]:
                offset = begun(slots, NEW)
                assert offset % SIZE == 0 or offset == len(NEW)
                written(slots, NEW)
                slots.activate()
                assert again(chip).choose() == 1
                slots.confirm()
            assert running(again(chip)) == HEADS[NEW]
    assert outcomes == {HEADS[OLD], HEADS[NEW]}


def test_the_starts_of_a_trial_are_counted_through_power_cuts(flashed):
    chip, slots = flashed
    written(slots, NEW)
    slots.activate()
    started = 0
    for _ in range(20):
        chip.cut_power(1)  # the count itself does not get through
        with pytest.raises(OSError):
            slots.choose()
        slots = again(chip)
        if slots.choose() == 1:
            started += 1
        slots = again(chip)
        if slots.running() == 0:
            break
    assert started == STARTS


def test_the_states_of_slots_are_what_the_record_says(flashed):
    _, slots = flashed
    assert slots._record()[3:] == [CONFIRMED, 0]
    written(slots, NEW)
    slots.activate()
    assert slots._record()[3:] == [CONFIRMED, TRIAL]
    while slots.choose():
        pass
    assert slots._record()[3:] == [CONFIRMED, FAILED]


def test_the_loader_imports_nothing_of_the_firmware():
    from daric_host.flashing import compiling

    known = {"hashlib", "gc", "daricrom", "sys", "vfs", "codeflash", "json", "os", "uctypes"}
    for name in ("daric/loader.py", "daric/board/code_virtual.py"):
        imported = compiling._imported(compiling.sources()[name])
        assert {one.split(".")[0] for one in imported} <= known
    assert "loader" not in sys.modules
