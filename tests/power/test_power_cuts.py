"""The power fails at every flash operation of every process that writes; tests/power/sweep.py says what holds then.

Cleanly before the operation, with its first half done, and with any of its bits done.
"""

import pytest
from daric.board.flashfile import FlashFile

from tests.power import table
from tests.power.power_flash import draws
from tests.power.processes import PROCESSES, Signing
from tests.power.sweep import sample
from tests.power.tape import BITS, CLEAN, HALF, RecordingFlash


@pytest.mark.parametrize("kind", PROCESSES, ids=lambda kind: kind.__name__)
def test_a_cut_leaves_the_old_state_or_the_new_one_and_a_device_that_signs(kind):
    row = sample(kind(), 2)
    assert row.cuts == min(2, row.operations)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROCESSES, ids=lambda kind: kind.__name__)
def test_every_cut_of_a_process_is_as_the_page_says(kind):
    assert table.row_of(kind) in table.stored()


@pytest.mark.slow
def test_a_second_cut_while_the_device_starts_changes_nothing():
    assert table.restarts() in table.stored()


def test_the_page_has_a_row_for_each_process():
    assert [table.name_of(row) for row in table.stored()] == [*[kind.name for kind in PROCESSES], table.RESTARTS]


# The record is what a cut chip would hold


@pytest.mark.parametrize(("kind", "torn"), [(CLEAN, False), (HALF, True)])
def test_a_cut_made_from_the_record_is_what_a_chip_holds_that_was_cut(kind, torn):
    operations = [(0, b"\x0f" * 100), (None, 1), (4096, bytes(300)), (4200, b"\xf0" * 10), (None, 0), (50, bytes(7))]

    def carry_out(chip):
        for address, what in operations:
            if address is None:
                chip.erase(what)
            else:
                chip.program(address, what)

    image = draws(5)(2 * 4096)
    recorded = RecordingFlash(2, image)
    recorded.record(lambda: None)
    carry_out(recorded)
    for cut in recorded.stop().cuts(kinds=(kind,)):
        chip = FlashFile(None, 2)
        chip._memory[:] = image
        chip.cut_power(cut.number, torn)
        with pytest.raises(OSError):
            carry_out(chip)
        assert chip.dump() == cut.image, cut


def test_bits_torn_at_random_lie_between_the_old_bytes_and_the_new_ones():
    chip = RecordingFlash(1, b"\xff" * 4096)
    tape = chip.record(lambda: None)
    chip.program(16, bytes(64))
    chip.erase(0)
    chip.stop()
    programmed, erased = [cut.image for cut in tape.cuts(kinds=(BITS,))]
    assert programmed[:16] == b"\xff" * 16 and 100 < sum(bin(byte).count("1") for byte in programmed[16:80]) < 400
    assert 100 < sum(bin(byte).count("1") for byte in erased[16:80]) < 400 and erased[80:] == b"\xff" * 4016


# The sweep would see what went wrong


def test_a_vault_that_loses_a_change_is_found(monkeypatch):
    from daric.keysectors import KeySectors

    blank = KeySectors._blank
    monkeypatch.setattr(KeySectors, "_blank", lambda self, area: blank(self, 0) or blank(self, 1))
    with pytest.raises(AssertionError):
        sample(Signing(), 8)


def test_a_journal_that_forgets_a_session_is_found(monkeypatch):
    from daric_protocol.journal import Journal

    monkeypatch.setattr(Journal, "use_session", lambda self, uuid: None)
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        sample(Signing(), 8)


def test_a_start_that_finishes_nothing_is_found(monkeypatch):
    from daric_protocol.custody import Custody

    monkeypatch.setattr(Custody, "recover", lambda self: None)
    with pytest.raises(AssertionError):
        sample(Signing(), 16)
