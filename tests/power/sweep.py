"""Cuts the power at every flash operation of a process, switches it on again and looks.

After each cut: the vault holds exactly what it held before the change under way or after it; the device starts, has no
damaged entry and no open mark; no session that was started is accepted again; what the process is about is old or new.
For each different state that the cuts leave: everyone shows everyone what it has, and the device signs with each of
its wallets, in their current epochs.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from daric_host.sessionlog import verify
from daric_protocol import platform
from daric_protocol.errors import DaricError

from tests.power.house import House
from tests.power.process import Process
from tests.power.tape import KINDS, Cut


@dataclass
class Row:
    """One row of the table. states: different contents of vault and peers, from each of which wallets signed."""

    name: str
    operations: int = 0
    cuts: int = 0
    outcomes: Counter = field(default_factory=Counter)
    states: int = 0
    signed: Counter = field(default_factory=Counter)


def sweep(process: Process, stride: int = 1, kinds: tuple[str, ...] = KINDS) -> Row:
    """Run a process once and look at every cut (every `stride`-th operation). Asserts all of the above."""
    house, tape, old, new = process.perform()
    assert old != new
    row = Row(process.name, len(tape.steps))
    seen: set = set()
    for cut in tape.cuts(stride, kinds):
        again, verdict = _check(process, house, cut, (old, new), row)
        stores = tuple(frozenset(store.items()) for store in cut.world.stores.values())
        state = (verdict, _state(again), stores)
        if state not in seen:
            seen.add(state)
            _use(process, house, again, cut, verdict, row)
    row.states = len(seen)
    return row


def sample(process: Process, cuts: int) -> Row:
    """So many cuts of a process, spread over its operations, each in another of the three ways.

    After the last one the device signs once.
    """
    house, tape, old, new = process.perform()
    row = Row(process.name, len(tape.steps))
    wanted = {1 + len(tape.steps) * at // cuts: KINDS[at % len(KINDS)] for at in range(cuts)}
    for cut in tape.cuts():
        if wanted.get(cut.number) == cut.kind:
            again, verdict = _check(process, house, cut, (old, new), row)
            if cut.number == max(wanted):
                _use(process, house, again, cut, verdict, row, 1)
    return row


def sweep_restarts(process: Process, stride: int = 1, kinds: tuple[str, ...] = KINDS) -> Row:
    """Cut the start after each cut as well: the start after that ends where an undisturbed one would have.

    The row counts the second cuts.
    """
    house, tape, _, _ = process.perform()
    row = Row(process.name)
    for cut in tape.cuts(stride, kinds):
        boot = f"after {cut}"
        again = House(cut.image, cut.world.stores, boot, house.keepers, recording=True)
        second = again.chip.stop()
        reached = _reached(process, again, cut)
        row.operations += len(second.steps)
        for other in second.cuts(kinds=kinds):
            third = House(other.image, cut.world.stores, f"{boot}, then {other}", house.keepers)
            assert third.app.fault is None, (cut, other)
            assert _reached(process, third, cut) == reached, (cut, other)
            row.cuts += 1
            row.outcomes["as without the second cut"] += 1
    return row


def _reached(process: Process, house: House, cut: Cut) -> tuple:
    """What a start came to. After a wipe that is a device with another identity each time."""
    found = process.subject(house)
    process.open_up(house, cut)
    return found, _state(house) if process.keeps else None


def _check(process: Process, house: House, cut: Cut, ends: tuple, row: Row) -> tuple[House, str]:
    """One cut: the house after it, and what it left. ends: the subject before and after the process."""
    again = house.after(cut.image, cut.world, f"after {cut}")
    assert again.app.fault is None, (cut, again.app.fault)
    found = process.subject(again)
    process.open_up(again, cut)
    _look(process, house, again, cut)
    verdict = process.verdict(found, *ends)
    row.cuts += 1
    row.outcomes[verdict] += 1
    return again, verdict


def _state(house: House) -> frozenset:
    return frozenset(house.content().items())


def _look(process: Process, house: House, again: House, cut: Cut) -> None:
    """What holds at every cut."""
    if house.history and process.keeps:
        expected = house.history[cut.world.writes : cut.world.writes + 2]
        found = house.stored(cut.image)
        assert (again.content() if found is None else found) in expected, f"{cut}: not what was there, or one change on"
    assert again.app.vault.damaged() == [], cut
    assert not [name for name in again.app.vault.names() if name.startswith(("mark/", "swap/"))], cut
    for uuid in cut.world.used:
        with pytest.raises(DaricError, match="started before"):
            again.custody.use_session(uuid)


def _use(process: Process, house: House, again: House, cut: Cut, verdict: str, row: Row, most: int = 100) -> None:
    """The device goes on after a cut. most: signatures of a wallet."""
    if house.last is not None and house.last[0].uuid in cut.world.used:
        assert not again.starts_again(*house.last), cut
    again.meet()
    process.afterwards(again, verdict)
    verify_log(again)
    for group in again.wallets():
        row.signed[again.signs(group, most)] += 1


def verify_log(house: House) -> None:
    """The record of sessions is one chain up to its last entry, as a host reads it."""
    entries: list[bytes] = []
    first = 0
    while True:
        count, head, page = house.ask("log", first)
        if not page:
            assert verify(count, head, entries).count == count
            return
        entries += page
        first = platform.cbor_decode(page[-1])[0] + 1
