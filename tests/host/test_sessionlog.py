"""A device's record as its host checks it: whatever was changed, moved, left out or cut off shows."""

import os

import pytest
from daric_host.sessionlog import verify
from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.limits import LOG_ENTRIES_PER_PAGE, LOG_PAGES
from daric_protocol.sessionlog import BEFORE_FIRST, LogEntry, entry_hash, first_kept

KEPT = LOG_ENTRIES_PER_PAGE * LOG_PAGES


def chain(count):
    """(head, encoded entries) of a device that never dropped one."""
    previous, entries = BEFORE_FIRST, []
    for number in range(count):
        fields = (os.urandom(16), "sign", os.urandom(16), [b"\x02" + os.urandom(32)], os.urandom(32), "done")
        entries.append(envelope.encode(LogEntry(number, previous, 0, *fields)))
        previous = entry_hash(entries[-1])
    return previous, entries


def broken(count, head, entries):
    with pytest.raises(DaricError) as caught:
        verify(count, head, entries)
    assert caught.value.name == "storage"
    return caught.value.detail


@pytest.mark.parametrize("count", [0, 1, 4, 5, KEPT, KEPT + 1, KEPT + LOG_ENTRIES_PER_PAGE, 1000])
def test_a_record_holds_together_and_says_how_many_are_gone(count):
    head, entries = chain(count)
    log = verify(count, head, entries[first_kept(count) :])
    assert [entry.number for entry in log.entries] == list(range(first_kept(count), count))
    assert log.gone == first_kept(count) and KEPT - LOG_ENTRIES_PER_PAGE < len(log.entries) + (count < KEPT) * KEPT
    assert len(log.entries) <= KEPT


@pytest.mark.parametrize("count", [6, KEPT + 2])
def test_any_entry_that_was_changed_shows(count):
    head, entries = chain(count)
    kept = entries[first_kept(count) :]
    for place in range(len(kept)):
        for field, value in ((3, bytes(16)), (4, "export"), (6, []), (7, b""), (8, "soft"), (2, 1), (0, 7777)):
            changed = platform.cbor_decode(kept[place])
            changed[field] = value
            broken(count, head, [*kept[:place], platform.cbor_encode(changed), *kept[place + 1 :]])


@pytest.mark.parametrize("count", [6, KEPT + 2])
def test_any_two_entries_that_changed_places_show(count):
    head, entries = chain(count)
    kept = entries[first_kept(count) :]
    for place in range(len(kept) - 1):
        swapped = list(kept)
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
        broken(count, head, swapped)


@pytest.mark.parametrize("count", [6, KEPT + 2])
def test_any_entry_left_out_or_given_twice_shows(count):
    head, entries = chain(count)
    kept = entries[first_kept(count) :]
    for place in range(len(kept)):
        broken(count, head, kept[:place] + kept[place + 1 :])
        broken(count, head, kept[: place + 1] + kept[place:])


@pytest.mark.parametrize("count", [6, KEPT + 2])
def test_a_start_or_an_end_cut_off_shows(count):
    head, entries = chain(count)
    kept = entries[first_kept(count) :]
    for left in range(len(kept)):
        broken(count, head, kept[len(kept) - left :])
        broken(count, head, kept[:left])
    broken(0, head, [])


def test_a_shorter_record_needs_another_head():
    head, entries = chain(6)
    assert broken(5, head, entries[:5])
    assert broken(6, bytes(32), entries)


@pytest.mark.parametrize("entry", [b"", b"\x80", b"\xff", bytes(2000)])
def test_what_is_no_entry_is_refused_by_its_number(entry):
    head, entries = chain(3)
    assert "entry 1" in broken(3, head, [entries[0], entry, entries[2]])
