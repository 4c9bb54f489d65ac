"""What every process of `daric demo --all` needs: the wallets made so far, commands of both phones, checks, rows."""

import json
from dataclasses import dataclass
from typing import Any

from daric_sim import verify
from daric_sim.device import HEAP, SimDevice
from daric_sim.scene import DemoError, Phone, Scene

SOON = 20.0  # seconds in which a command says what went wrong after the other party's did
Group = dict[str, Any]
"""What `daric wallet show` prints."""


@dataclass
class Done:
    """A process that went as it has to. sent: bytes of the frames of phones and devices."""

    parties: str
    sent: int
    verified: str


class Walk:
    """What the processes hand to one another: the scene, and the wallets by name."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.a, self.c, self.device = scene.a, scene.c, scene.device
        self.groups: dict[str, Group] = {}
        self.facts: dict[str, Any] = {}  # what a later process is compared with
        self._sent = 0

    def run(self, *arguments: str, phone: Phone | None = None, typed: dict[str, str] | None = None) -> dict[str, Any]:
        """A command of a phone, by default party A's; its bytes are counted."""
        self.scene.codes.fresh()
        found = (phone or self.a).run(*arguments, typed=typed)
        self._sent += found["sent"]
        return found

    def together(self, *arguments: str, join: tuple[str, ...] = ()) -> dict[str, Any]:
        """A command of party A; party C takes part in its sessions by the links that it shows."""
        self.scene.codes.fresh()
        with self.a.start(*arguments) as mine:
            for link in mine.sessions():
                with self.c.start("join", link, *join) as theirs:
                    failure = theirs.failure()
                    self._sent += theirs.sent
                check(not failure, f"{failure}; {mine.failure(SOON) if failure else ''}")
                self.scene.codes.fresh()
            found = mine.result()
        self._sent += found["sent"]
        return found

    def done(self, parties: str, verified: str) -> Done:
        """The process's row; the bytes so far are its."""
        sent, self._sent = self._sent, 0
        return Done(parties, sent, verified)

    def with_device(self) -> tuple[str, str]:
        return "--device", self.device.path

    def new_device(self, name: str, heapsize: str = HEAP) -> SimDevice:
        """One more device of the same owner, as it comes from the factory."""
        self.scene.devices.append(SimDevice(self.scene.home / name, answer=self.scene.answer, heapsize=heapsize))
        return self.scene.devices[-1]

    def signs(self, group: Group, *who: str, text: str, port: str = "") -> None:
        """These members sign a message, verified by coincurve and eth-account. who: A, C, device, cloud."""
        device = ["--device", port or self.device.path]
        line = ["sign", "message", group["group"], text, "--signers", self.indexes(group, *who), *device]
        signed = self.together(*line) if "C" in who else self.run(*line)
        verify.message(signed["signature"], text, group)

    def indexes(self, group: Group, *who: str) -> str:
        """Their indexes as a command takes them."""
        return ",".join(str(index) for index in sorted(self.index(group, one) for one in who))

    def index(self, group: Group, who: str) -> int:
        """The index of A, C, device or cloud in a wallet."""
        if who == "A":
            return int(group["me"])
        for member in group["members"]:
            kind = member["kind"] if member["kind"] in ("device", "cloud") else "C"
            if kind == who and member["index"] != group["me"]:
                return int(member["index"])
        raise DemoError(f"{who} is no member of {group['name']}")

    def members(self, group: Group, *who: str) -> None:
        """Check that these and nobody else are the members."""
        indexes = self.indexes(group, *who).split(",")
        check(len(indexes) == len(group["members"]), f"{group['name']} has {len(group['members'])} members")

    def changed(self, name: str, after: Group, epochs: int = 1) -> Group:
        """A wallet's new state: the same key and addresses, so many epochs later."""
        before = self.groups[name]
        for field in ("public_key", "address", "account_address"):
            check(before[field] == after[field], f"the {field} of {name} is another one")
        check(after["epoch"] == before["epoch"] + epochs, f"the epoch of {name} is {after['epoch']}")
        self.groups[name] = after
        return after

    def file(self, name: str, value: object) -> str:
        """A file of JSON for a command."""
        path = self.scene.home / name
        path.write_text(json.dumps(value))
        return str(path)


def check(passed: bool, what: str) -> None:
    """Raises DemoError(what) if it did not pass."""
    if not passed:
        raise DemoError(what)


def refusal(expected: str, seen: str) -> str:
    """The name of a refusal, which has to be the expected one."""
    check(seen == expected, f"refused with {seen} instead of {expected}")
    return seen
