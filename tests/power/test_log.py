"""The device's record of its sessions on real littlefs: bounded, and old or new after a cut at any flash operation."""

import pytest
from daric import log
from daric_host.sessionlog import verify
from daric_protocol import platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import LINK_PIECE_BYTES, LOG_ENTRIES_PER_PAGE, LOG_PAGES

from tests.power.power_flash import memory_chip, start

KEPT = LOG_ENTRIES_PER_PAGE * LOG_PAGES
PEERS = [b"\x02" + bytes([number]) * 32 for number in range(7)]


def write(vault, number):
    log.append(vault, 0, number.to_bytes(16, "big"), "sign", bytes(16), PEERS, bytes(32), "done")


def whole(vault):
    """The record as a host gets it, page by page, verified."""
    entries, first = [], 0
    while True:
        count, head, page = log.read(vault, first)
        entries += page
        if not page:
            return verify(count, head, entries)
        first = platform.cbor_decode(page[-1])[0] + 1


def filled(count):
    """A chip with so many sessions recorded."""
    chip = memory_chip()
    vault = start(chip)
    for number in range(count):
        write(vault, number)
    return chip


def test_the_record_outlives_restarts_and_only_the_oldest_pages_go():
    chip = memory_chip()
    for number in range(KEPT + LOG_ENTRIES_PER_PAGE + 1):
        vault = start(chip)
        assert whole(vault).count == number
        write(vault, number)
    found = whole(start(chip))
    assert found.gone == 2 * LOG_ENTRIES_PER_PAGE and len(vault.names("log/")) == LOG_PAGES
    assert [int.from_bytes(entry.session, "big") for entry in found.entries] == list(range(found.gone, found.count))


def test_a_page_of_the_largest_entries_fits_a_piece_of_the_link():
    vault = start(filled(LOG_ENTRIES_PER_PAGE))
    assert len(platform.cbor_encode(log.read(vault, 0))) <= LINK_PIECE_BYTES


@pytest.mark.parametrize("count", [0, 1, LOG_ENTRIES_PER_PAGE, KEPT])
def test_a_cut_at_any_flash_operation_leaves_the_old_record_or_the_new_one(count):
    before = filled(count).dump()
    chip = memory_chip(before)
    vault = start(chip)
    at = chip.operations
    write(vault, count)
    operations = chip.operations - at
    assert operations > 4
    outcomes = set()
    for after in range(1, operations + 1):
        for torn in (False, True):
            chip = memory_chip(before)
            vault = start(chip)
            chip.cut_power(after, torn)
            try:
                write(vault, count)
            except DaricError as error:
                assert error.name == "storage"
            chip.restore_power()
            vault = start(chip)
            found = whole(vault)
            assert found.count in (count, count + 1), (after, torn)
            outcomes.add(found.count - count)
            write(vault, found.count)
            again = whole(vault)
            assert again.count == found.count + 1 and len(vault.names("log/")) <= LOG_PAGES
    assert outcomes == {0, 1}


@pytest.mark.parametrize("number", range(0, KEPT, LOG_ENTRIES_PER_PAGE))
def test_a_damaged_page_is_named_and_the_device_goes_on_recording(number):
    vault = start(filled(KEPT))
    row = vault._find(f"log/{number // LOG_ENTRIES_PER_PAGE:08x}")
    vault._files.write(f"{row[2]:08x}", [b"noise"])
    with pytest.raises(DaricError) as refused:
        whole(vault)
    assert refused.value.name == "storage"
    for more in range(KEPT + 1):
        write(vault, more)
    assert whole(vault).count > KEPT, "the damaged page is gone"


@pytest.mark.parametrize("first", [-1, True, None, b"", "0", 1 << 64])
def test_what_is_no_number_of_an_entry_is_refused(first):
    with pytest.raises(DaricError) as refused:
        log.read(start(filled(1)), first)
    assert refused.value.name == "encoding"
