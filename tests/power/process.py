"""A process that writes, as tests/power/sweep.py cuts it: prepared in a house, run, looked at after each cut."""

from tests.power.house import House
from tests.power.houses import standing
from tests.power.tape import Cut, Tape

OLD, NEW = "old", "new"


class Process:
    """One process. between: what a cut may leave that is neither the old state nor the new one, and how it reads.

    keeps: the vault goes on from what it holds.
    """

    name = ""
    keeps = True
    between: tuple[str, ...] = ()

    def prepare(self) -> House:
        """A house in which the process can run."""
        return standing()

    def perform(self) -> tuple:
        """(house, tape, subject before, subject after) of a run."""
        house = self.prepare()
        old = self.subject(house)
        house.record()
        self.run(house)
        tape = house.chip.stop()
        return house, tape, old, self.result(house, tape)

    def result(self, house: House, tape: Tape) -> object:
        """The subject after the process and another start."""
        end = house.after(tape.after, tape.last, "at the end")
        assert end.app.fault is None, end.app.fault
        return self.subject(end)

    def run(self, house: House) -> None:
        """The process; it succeeds."""
        raise NotImplementedError

    def subject(self, house: House) -> object:
        """What the process changes, as the device has it now."""
        raise NotImplementedError

    def verdict(self, found: object, old: object, new: object) -> str:
        """What a cut left."""
        if found == old:
            return OLD
        if found == new:
            return NEW
        raise AssertionError(f"neither {old} nor {new} but {found}")

    def open_up(self, house: House, cut: Cut) -> None:
        """After a cut, and once its subject was looked at: have a locked device unlocked."""

    def afterwards(self, house: House, verdict: str) -> None:
        """What else has to hold, once everyone has shown everyone what it has."""
