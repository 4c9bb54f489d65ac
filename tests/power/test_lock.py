"""The PIN over every flash operation of a try, a change, a removal, a wipe code and a wipe, cut clean and torn."""

import random
from types import SimpleNamespace

import pytest
from daric import cells
from daric import flash as layout
from daric.locksectors import TRIES_AT
from daric.tablekey import OPEN, WIPE, WRONG, TableKey
from daric_protocol.errors import DaricError
from daric_protocol.limits import PIN_TRIES, STRETCH_MIN

from tests.power.power_flash import draws, memory_chip, start

PIN, OTHER, CODE = b"493021", b"8675309", b"00000000"
BOARD = SimpleNamespace(STRETCH_MS=0, ticks=lambda: 0, watch=lambda: None)
SECRET_TEXT = b"the secret share of party one!!!"


def lock_of(chip, seed=7):
    return layout.table_key(chip, draws(seed + chip.operations))


def with_pin(wrong=0, code=b""):
    """The flash of a device with a PIN, a value in its vault, so many wrong tries and perhaps a wipe code."""
    chip = memory_chip()
    vault = start(chip)
    vault.write("shard/a/1", SECRET_TEXT)
    lock = lock_of(chip)
    lock.set_pin(vault.keys.key, PIN, BOARD)
    if code:
        lock.set_wipe_code(code, BOARD)
    for _ in range(wrong):
        assert lock.attempt(OTHER, BOARD) == (WRONG, None)
    return chip.dump()


def cuts(image, work):
    """Do the work on a copy of the flash, cut at each of its operations, clean and torn: (chip after it, where)."""
    chip = memory_chip(image)
    before = chip.operations
    work(chip)
    count = chip.operations - before
    assert count
    for after in range(1, count + 1):
        for torn in (False, True):
            chip = memory_chip(image)
            chip.cut_power(after, torn)
            with pytest.raises((DaricError, OSError)):
                work(chip)
            chip.restore_power()
            yield chip, f"operation {after}{', torn' if torn else ''}"


def opens(chip, pin):
    """Whether the PIN opens the vault of a copy of this flash, and with it the value."""
    found = start(memory_chip(chip.dump()))
    if not found.locked:
        return pin == b"" and found.read("shard/a/1") == SECRET_TEXT
    if not pin:
        return False
    outcome, key = lock_of(found.chip).attempt(pin, BOARD)
    return outcome == OPEN and found.open(key).read("shard/a/1") == SECRET_TEXT


def used(chip):
    return PIN_TRIES - lock_of(chip).left


def fresh(chip):
    """Whether this flash starts as that of a new device, with nothing of the old one on it."""
    vault = start(chip)
    return not vault.locked and vault.names() == []


# Whole operations


def test_a_vault_with_a_pin_opens_by_the_pin_alone():
    chip = memory_chip(with_pin())
    assert start(chip).locked
    assert lock_of(chip).attempt(OTHER, BOARD) == (WRONG, None)
    outcome, key = lock_of(chip).attempt(PIN, BOARD)
    assert outcome == OPEN
    assert start(chip).open(key).read("shard/a/1") == SECRET_TEXT


def test_the_table_key_and_the_pin_are_nowhere_on_the_flash():
    chip = memory_chip(with_pin())
    _, key = lock_of(chip).attempt(PIN, BOARD)
    assert key not in chip.dump() and PIN not in chip.dump()


def test_without_a_pin_the_key_is_wrapped_under_the_device_secret():
    chip = memory_chip()
    vault = start(chip)
    assert vault.keys.key not in chip.dump()
    secret = layout.SecretSector(layout._part(chip, layout.SECRET_BLOCK, 1))
    chip.program(0, b"\x00")
    with pytest.raises(DaricError):
        secret.load()
    with pytest.raises(DaricError):
        start(chip)


def test_the_lock_record_of_another_device_opens_nothing():
    ours, theirs = memory_chip(with_pin()), memory_chip()
    vault = open_elsewhere(theirs)
    layout.table_key(theirs, draws(3)).set_pin(vault.keys.key, PIN, BOARD)
    block = 4096
    first, last = layout.LOCK_BLOCK * block, (layout.LOCK_BLOCK + 2) * block
    mixed = memory_chip(ours.dump()[:first] + theirs.dump()[first:last] + ours.dump()[last:])
    with pytest.raises(DaricError) as caught:
        start(mixed)
    assert caught.value.name == "storage"


def open_elsewhere(chip):
    from tests.power.power_flash import LittleFiles

    return layout.open_vault(chip, draws(99), LittleFiles)


def test_a_damaged_lock_record_is_refused_and_nothing_is_formatted():
    chip = memory_chip(with_pin())
    for block in (0, 1):
        chip.program((layout.LOCK_BLOCK + block) * 4096 + 20, bytes(8))
    before = chip.dump()
    with pytest.raises(DaricError) as caught:
        start(chip)
    assert caught.value.name == "storage"
    assert chip.dump() == before


def test_a_salt_and_iterations_are_of_each_first_pin():
    chip = memory_chip()
    vault = start(chip)
    seen = set()
    for _ in range(3):
        lock = lock_of(chip)
        lock.set_pin(vault.keys.key, PIN, BOARD)
        seen.add(lock.sectors.body[5:21])
        assert int.from_bytes(lock.sectors.body[1:5], "big") == STRETCH_MIN
        lock.set_pin(vault.keys.key, b"", BOARD)
    assert len(seen) == 3


def test_the_tenth_wrong_pin_is_the_last():
    chip = memory_chip(with_pin(wrong=PIN_TRIES - 1))
    assert lock_of(chip).attempt(OTHER, BOARD) == (WIPE, None)
    with pytest.raises(DaricError) as caught:
        lock_of(chip).attempt(PIN, BOARD)
    assert caught.value.name == "pin"
    assert fresh(chip), "a start that finds no try left wipes"


def test_delays_grow_with_each_wrong_pin_and_outlive_a_restart():
    chip = memory_chip(with_pin())
    delays = []
    for _ in range(PIN_TRIES - 1):
        lock_of(chip).attempt(OTHER, BOARD)
        delays.append(lock_of(chip).delay())
    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 512]


def test_a_wiped_flash_is_blank():
    chip = memory_chip(with_pin())
    layout.wipe(chip)
    kept = set(range(layout.STARTS_BLOCK, layout.FILES_BLOCK))
    dump = chip.dump()
    for block in range(chip.blocks):
        assert block in kept or dump[block * 4096 : (block + 1) * 4096] == b"\xff" * 4096


# Cut


@pytest.mark.parametrize("wrong", [0, 3, PIN_TRIES - 1])
def test_a_wrong_try_that_was_cut_is_counted_or_was_never_compared(monkeypatch, wrong):
    compared = []
    original = TableKey._stretch
    monkeypatch.setattr(TableKey, "_stretch", lambda *a: (compared.append(1), original(*a))[1])
    image = with_pin(wrong)

    def attempt(chip):
        compared.clear()
        lock_of(chip).attempt(OTHER, BOARD)

    for chip, where in cuts(image, attempt):
        seen = bool(compared)
        if wrong + 1 == PIN_TRIES and used(chip) == PIN_TRIES:
            assert fresh(chip), where
            continue
        assert used(chip) in (wrong, wrong + 1), where
        assert used(chip) == wrong + 1 or not seen, where
        assert opens(chip, PIN), where


@pytest.mark.parametrize("wrong", [0, 5, PIN_TRIES - 2])
def test_a_right_try_that_was_cut_opens_the_next_time(wrong):
    image = with_pin(wrong)
    for chip, where in cuts(image, lambda chip: lock_of(chip).attempt(PIN, BOARD)):
        assert used(chip) in (wrong, wrong + 1, 0), where
        assert opens(chip, PIN), where


def test_a_right_try_that_was_cut_gives_tries_back_only_where_the_pin_was_right(monkeypatch):
    """The mark of a success is written after the key opened, and by nothing else."""
    image = with_pin(5)
    order = []
    unwrap = TableKey._unwrap
    monkeypatch.setattr(TableKey, "_unwrap", lambda *a: (order.append("unwrap"), unwrap(*a))[1])
    chip = memory_chip(image)
    lock = lock_of(chip)
    real = lock.sectors.write
    lock.sectors.write = lambda body: (order.append("cleared"), real(body))[1]
    assert lock.attempt(OTHER, BOARD) == (WRONG, None)
    assert order == ["unwrap"]
    lock.attempt(PIN, BOARD)
    assert order == ["unwrap", "unwrap", "cleared"]


def change(old, new):
    def work(chip):
        lock = lock_of(chip)
        outcome, key = lock.attempt(old, BOARD) if old else (OPEN, lock.open_without_pin())
        assert outcome == OPEN
        lock.set_pin(key, new, BOARD)

    return work


def without_pin():
    chip = memory_chip()
    start(chip).write("shard/a/1", SECRET_TEXT)
    return chip.dump()


@pytest.mark.parametrize(
    ("image", "old", "new"),
    [(with_pin, PIN, OTHER), (with_pin, PIN, b""), (without_pin, b"", PIN)],
    ids=["change", "remove", "set"],
)
def test_a_pin_that_is_set_changed_or_removed_is_the_old_or_the_new_one(image, old, new):
    both = []
    for chip, where in cuts(image(), change(old, new)):
        found = [opens(chip, old), opens(chip, new)]
        assert found.count(True) == 1, where
        both.append(found)
    assert [True, False] in both and [False, True] in both


def test_the_old_pin_is_nowhere_on_the_flash_once_it_was_changed():
    """Not even whoever kept the salt and knows the old PIN finds what it wrapped."""
    chip = memory_chip(with_pin())
    wrapped = lock_of(chip).sectors.body[21:-16]
    assert wrapped in chip.dump()
    change(PIN, OTHER)(chip)
    assert wrapped not in chip.dump()


def test_a_wipe_code_is_there_or_not_and_the_pin_opens_in_either_case():
    seen = set()
    for chip, where in cuts(with_pin(), lambda chip: lock_of(chip).set_wipe_code(CODE, BOARD)):
        assert opens(chip, PIN), where
        outcome, _ = lock_of(memory_chip(chip.dump())).attempt(CODE, BOARD)
        assert outcome in (WRONG, WIPE), where
        seen.add(outcome)
    assert seen == {WRONG, WIPE}


def test_a_typed_wipe_code_that_was_cut_is_a_counted_try_or_none():
    for chip, where in cuts(with_pin(code=CODE), lambda chip: lock_of(chip).attempt(CODE, BOARD)):
        assert used(chip) in (0, 1), where
        assert opens(chip, PIN), where


def test_a_wipe_that_was_cut_leaves_the_old_device_or_a_new_one():
    image = with_pin()
    old = new = 0
    for chip, where in cuts(image, layout.wipe):
        found = start(chip)
        if found.locked:
            assert opens(chip, PIN), where
            old += 1
        else:
            assert found.names() == [], where
            new += 1
    assert old == 2, "cut before the mark was there, clean or torn"
    assert new > 10


def test_a_wipe_that_was_cut_twice_is_finished_by_the_third_start():
    image = with_pin()
    for chip, _ in cuts(image, layout.wipe):
        left = chip.dump()
        for second in (1, 2, 5):
            for torn in (False, True):
                again = memory_chip(left)
                again.cut_power(second, torn)
                try:
                    start(again)
                except DaricError:
                    pass
                again.restore_power()
                found = start(again)
                assert opens(again, PIN) if found.locked else found.names() == []


def test_the_wipe_of_a_last_try_survives_cuts_at_the_start_that_does_it():
    chip = memory_chip(with_pin(wrong=PIN_TRIES - 1))
    lock_of(chip).attempt(OTHER, BOARD)
    for cut, where in cuts(chip.dump(), start):
        assert fresh(cut), where


@pytest.mark.parametrize("seed", range(4))
def test_over_a_life_of_cuts_no_try_is_ever_taken_back(seed):
    """Wrong PINs with the power cut anywhere: at most ten are compared before everything is gone."""
    draw = random.Random(seed)
    chip = memory_chip(with_pin())
    compared = 0
    highest = 0
    for turn in range(200):
        chip.cut_power(draw.randrange(1, 4), draw.random() < 0.5)
        try:
            found = start(chip, draws(1000 * seed + turn))
            if not found.locked:
                break
            lock = lock_of(chip, turn)
            outcome, _ = lock.attempt(OTHER, BOARD)
            assert outcome != OPEN
            compared += 1
        except (DaricError, OSError):
            pass
        chip.restore_power()
        body = layout._part(chip, layout.LOCK_BLOCK, 2)
        now = max(cells.used(body, block * 4096 + TRIES_AT, PIN_TRIES) for block in (0, 1))
        if (now < highest or now == PIN_TRIES) and fresh(memory_chip(chip.dump())):
            break
        assert now >= highest
        highest = now
    else:
        pytest.fail("the device was never wiped")
    assert compared <= PIN_TRIES
