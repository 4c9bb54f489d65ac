"""The PIN and the wipe under power cuts: no try comes back, a PIN is the old or the new one, a wipe is whole or none.

Specification: docs/architecture.md, the PIN.
"""

import functools

from daric.flash import SECRET_BYTES, table_key
from daric.lock import holding
from daric.locksectors import LockSectors
from daric.tablekey import OPEN
from daric_protocol.limits import PIN_TRIES, WIPE_HOLD

from tests.firmware.board import MemoryBoard
from tests.power.house import House
from tests.power.houses import again, create, pair_host, standing
from tests.power.power_flash import draws, memory_chip
from tests.power.process import Process
from tests.power.tape import Cut

PIN, OTHER, CODE = "493021", "8675309", "00000000"
NONE = ""  # no PIN is set


def restarted(house: House, boot: str, *pins: str) -> House:
    """The same house after a start, unlocked if a PIN is given."""
    new = again(house, boot)
    for pin in pins:
        new.unlock(pin)
        assert not new.app.locked
    return new


@functools.cache
def _with_pin() -> House:
    house = standing("pin is set")
    house.press("menu:pinflow.set_pin", f"text:{PIN}", f"text:{PIN}")
    assert house.shown == "The PIN is set"
    return house


@functools.cache
def _with_code() -> House:
    house = restarted(_with_pin(), "code is set", PIN)
    house.press("menu:pinflow.wipe_code", f"text:{PIN}", f"text:{CODE}", f"text:{CODE}")
    assert house.shown == "The wipe code is set"
    return house


def opens(house: House) -> str:
    """Which PIN the flash takes, tried on a copy of it; NONE where none is set."""
    for pin in (PIN, OTHER):
        lock = table_key(memory_chip(house.chip.dump()), draws())
        if not lock.has_pin:
            return NONE
        if lock.attempt(pin.encode(), MemoryBoard.__new__(MemoryBoard))[0] == OPEN:
            return pin
    raise AssertionError("no PIN opens the device")


def left(house: House) -> int:
    return table_key(memory_chip(house.chip.dump()), draws()).left


class Pins(Process):
    """A process after which another PIN counts."""

    def prepare(self) -> House:
        return restarted(_with_pin(), "for the PIN", PIN)

    def subject(self, house):
        return opens(house)

    def open_up(self, house, cut):
        if house.app.locked:
            house.unlock(opens(house))
            assert not house.app.locked, cut


class SettingPin(Pins):
    name = "PIN set"

    def prepare(self):
        return standing("without a PIN")

    def run(self, house):
        house.press("menu:pinflow.set_pin", f"text:{PIN}", f"text:{PIN}")


class ChangingPin(Pins):
    name = "PIN changed"

    def run(self, house):
        house.press("menu:pinflow.set_pin", f"text:{PIN}", f"text:{OTHER}", f"text:{OTHER}")


class RemovingPin(Pins):
    name = "PIN removed"

    def run(self, house):
        house.press("menu:pinflow.remove_pin", f"text:{PIN}")


class SettingCode(Pins):
    """Whether the wipe code counts is seen by the record of the lock; the PIN stays."""

    name = "wipe code set"

    def run(self, house):
        house.press("menu:pinflow.wipe_code", f"text:{PIN}", f"text:{CODE}", f"text:{CODE}")

    def subject(self, house):
        return (opens(house), table_key(memory_chip(house.chip.dump()), draws()).sectors.body[-16:])


class Tries(Pins):
    """A PIN is tried on a locked device. noted: the tries that were counted and read back, and whether one matched."""

    before = 0

    def prepare(self):
        house = restarted(_with_pin(), f"locked {self.before}")
        for _ in range(self.before):
            house.unlock(OTHER)
        return again(house, f"locked again {self.before}")

    def perform(self):
        begin, write = LockSectors.begin_try, LockSectors.write
        house = self.prepare()
        house.noted = (self.before, False)
        old = self.subject(house)

        def counted(sectors):
            begin(sectors)
            house.noted = (house.noted[0] + 1, False)

        def forgiven(sectors, body):
            house.noted = (house.noted[0], True)
            write(sectors, body)

        house.record()
        LockSectors.begin_try, LockSectors.write = counted, forgiven
        try:
            self.run(house)
        finally:
            LockSectors.begin_try, LockSectors.write = begin, write
        tape = house.chip.stop()
        return house, tape, old, self.result(house, tape)

    def subject(self, house):
        return PIN_TRIES - left(house)

    def open_up(self, house, cut):
        counted, matched = cut.world.noted
        assert left(house) <= PIN_TRIES - counted or (matched and left(house) == PIN_TRIES), f"{cut}: a try came back"
        super().open_up(house, cut)


class WrongPin(Tries):
    name = "PIN tried: wrong"
    before = 3

    def run(self, house):
        house.unlock(OTHER)
        assert house.app.locked


class RightPin(Tries):
    name = "PIN tried: right"
    before = 3
    between = ("one try more",)

    def run(self, house):
        house.unlock(PIN)
        assert not house.app.locked

    def verdict(self, found, old, new):
        return self.between[0] if found == old + 1 else super().verdict(found, old, new)


class Wipe(Process):
    """Old: locked, with everything. New: as out of the box. What a cut leaves the next start finishes."""

    keeps = False

    def prepare(self):
        return restarted(_with_code(), "before the wipe")

    def subject(self, house):
        if house.app.locked:
            return "locked"
        return "open" if len(house.app.hosts) or house.custody.groups() else "out of the box"

    def open_up(self, house: House, cut: Cut) -> None:
        if house.app.locked:
            house.unlock(PIN)
            assert not house.app.locked, cut

    def afterwards(self, house, verdict):
        if verdict == "new":
            assert _with_pin().chip.dump()[:SECRET_BYTES] not in house.chip.dump()
            assert _with_pin().app.identity.public != house.app.identity.public
            pair_host(house)
            create(house, ["device", "third"], "after the wipe")


class LastTry(Wipe):
    """The tenth wrong PIN. That try counts before it is compared: a cut in between is the end as well."""

    name = "wipe: the last wrong PIN"

    def prepare(self):
        house = restarted(_with_code(), "before the last try")
        for _ in range(PIN_TRIES - 1):
            house.unlock(OTHER)
        return again(house, "at the last try")

    def run(self, house):
        house.unlock(OTHER)
        assert house.app.wiped


class WipeCode(Wipe):
    name = "wipe: the wipe code"

    def run(self, house):
        house.unlock(CODE)
        assert house.app.wiped


class ChosenWipe(Wipe):
    name = "wipe: from the menu"

    def prepare(self):
        return restarted(_with_code(), "before the chosen wipe", PIN)

    def subject(self, house):
        found = super().subject(house)
        return "locked" if found == "open" else found

    def run(self, house):
        house.press("menu:pinflow.wipe", f"text:{PIN}")
        assert house.app.wiped


class HeldButtons(Wipe):
    name = "wipe: both buttons held"

    def run(self, house):
        holding(house.app, WIPE_HOLD)
        assert house.app.wiped


PIN_PROCESSES: tuple[type[Process], ...] = (
    SettingPin, ChangingPin, RemovingPin, SettingCode, WrongPin, RightPin, LastTry, WipeCode, ChosenWipe, HeldButtons,
)  # fmt: skip
