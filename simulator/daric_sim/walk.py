"""The processes of `daric demo --all`, one method each. Whoever walks is party A; party C has a phone of its own."""

import json
from dataclasses import dataclass
from typing import Any

from daric_protocol.evm import transaction

from daric_sim import verify
from daric_sim.scene import DemoError, Phone, Scene

RECIPIENT = bytes.fromhex("000000000000000000000000000000000000dEaD")
CHAIN = 11155111
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
        self._sent = 0

    # What every process does

    def run(self, *arguments: str, phone: Phone | None = None) -> dict[str, Any]:
        """A command of a phone, by default party A's; its bytes are counted."""
        found = (phone or self.a).run(*arguments)
        self._sent += found["sent"]
        return found

    def together(self, *arguments: str, join: tuple[str, ...] = ()) -> dict[str, Any]:
        """A command of party A in whose session party C takes part, by the link that is shown."""
        self.scene.codes.fresh()
        with self.a.start(*arguments) as mine, self.c.start("join", mine.event("session")["uri"], *join) as theirs:
            commands = [mine, theirs]
            failures = [one.failure() for one in commands]
            check(not any(failures), "; ".join(one for one in failures if one))
            found = mine.result()
            self._sent += mine.sent + theirs.sent
        return found

    def done(self, parties: str, verified: str) -> Done:
        """The process's row; the bytes so far are its."""
        sent, self._sent = self._sent, 0
        return Done(parties, sent, verified)

    def with_device(self) -> tuple[str, str]:
        return "--device", self.device.path

    def signs(self, group: Group, *who: str, text: str) -> None:
        """These members sign a message, verified by coincurve and eth-account. who: A, C, device, cloud."""
        line = ["sign", "message", group["group"], text, "--signers", self.indexes(group, *who), *self.with_device()]
        signed = self.together(*line) if "C" in who else self.run(*line)
        verify.message(signed["signature"], text, group)

    def indexes(self, group: Group, *who: str) -> str:
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

    def changed(self, name: str, after: Group, epoch: int = 1) -> Group:
        """A wallet's new state: the same key and addresses, `epoch` later."""
        before = self.groups[name]
        for field in ("public_key", "address", "account_address"):
            check(before[field] == after[field], f"the {field} of {name} is another one")
        check(after["epoch"] == before["epoch"] + epoch, f"the epoch of {name} is {after['epoch']}")
        self.groups[name] = after
        return after

    # The processes

    def begin(self) -> Done:
        """Auth, relay, cloud and device start; the phone is paired."""
        self.scene.start()
        self.c.connect(self.scene.house)
        refusal = self.a.refused("wallet", "create", "No", *self.with_device())
        check(refusal == "unpaired", f"a device that is not paired answers {refusal}")
        self.run("pair", "new", self.device.path)
        return self.done("A, device", f"same six digits {self.scene.codes.code}; refused before")

    def create(self) -> Done:
        """Process 1."""
        self.scene.codes.fresh()
        group = self.run("wallet", "create", "Family", "-t", "2", *self.with_device())
        verify.address(group)
        self.groups["Family"] = group
        return self.done("A, device, cloud", f"same check code {self.scene.codes.code}; coincurve: address of the key")

    def create_more(self) -> Done:
        """Process 1: other subsets; party C registers by an invitation as it joins."""
        invitation = ("--invitation", self.run("account", "invite")["invitation"], "--name", "party C")
        line = ["wallet", "create", "Trio", "-t", "2", "--others", "1"]
        self.groups["Trio"] = self.together(*line, join=invitation)
        self.groups["Couple"] = self.together("wallet", "create", "Couple", "--others", "1", "--no-cloud")
        check(len(self.run("wallet", "list")) >= 3, "a wallet is missing")
        for name in ("Trio", "Couple"):
            verify.address(self.groups[name])
            self.signs(self.groups[name], "A", "C", text=f"{name} signs")
        return self.done("A, C, cloud; A, C", f"{verify.BY}: one signature of each")

    def add(self) -> Done:
        """Process 3: the device joins, the cloud's shard goes, all shards change."""
        before = self.groups["Trio"]
        line = ["member", "add", before["group"], "--new-device", self.device.path]
        after = self.changed("Trio", self.together(*line, "--drop", str(self.index(before, "cloud"))))
        check(sorted(one["kind"] for one in after["members"]) == ["", "device", "phone"], "not the members asked")
        self.signs(after, "C", "device", text="with the new device")
        return self.done("A, C, new device", f"address unchanged; {verify.BY}: the new members sign")

    def remove(self) -> Done:
        """Process 5: a member goes; with its old shard it signs nothing any more."""
        before = self.groups["Trio"]
        leaving = str(self.index(before, "C"))
        line = ["member", "remove", before["group"], leaving, *self.with_device()]
        after = self.changed("Trio", self.run(*line))
        self.signs(after, "A", "device", text="without party C")
        old = ["sign", "message", before["group"], "old", "--signers", self.indexes(before, "A", "C")]
        with self.c.start(*old) as command:
            refusal = self.a.refused("join", command.event("session")["uri"])
        return self.done("A, device", f"address unchanged; {verify.BY}; old shard refused: {refusal}")

    def refresh(self) -> Done:
        """Process 6."""
        before = self.groups["Family"]
        after = self.changed("Family", self.run("wallet", "refresh", before["group"], *self.with_device()))
        self.signs(after, "device", "cloud", text="after the refresh")
        return self.done("A, device, cloud", f"address unchanged, epoch {after['epoch']}; {verify.BY}")

    def select(self) -> Done:
        """Process 7: who is there, and exactly t of them; nobody else may join."""
        group = self.groups["Family"]
        listed = self.run("party", "list", group["group"], *self.with_device())
        for member in group["members"]:
            check(listed[str(member["index"])].endswith("usable"), f"not usable: {listed[str(member['index'])]}")
        everybody = self.indexes(group, "A", "device", "cloud")
        refusal = self.a.refused("party", "select", group["group"], everybody)
        check(refusal == "parameter", f"three of two were selected: {refusal}")
        chosen = self.indexes(group, "A", "device")
        check(self.run("party", "select", group["group"], chosen)["selected"] == chosen, "another selection")
        signed = self.run("sign", "message", group["group"], "the chosen", *self.with_device())
        verify.message(signed["signature"], "the chosen", group)
        return self.done("A, device", f"all listed as usable; three of two refused; {verify.BY}: the chosen sign")

    def sign_everything(self) -> Done:
        """Process 8: every kind of request, with every pair of the members."""
        group, pairs = self.groups["Family"], [("A", "cloud"), ("A", "device")]
        for number, unsigned in enumerate(transactions()):
            line = ["sign", "tx", group["group"], unsigned.hex(), *self.with_device()]
            signed = self.run(*line, "--signers", self.indexes(group, *pairs[number % 2]))
            verify.transaction(signed["signed"], unsigned, group)
        signers = ["--signers", self.indexes(group, "A", "device"), *self.with_device()]
        signed = self.run("sign", "typed-data", group["group"], self.file("typed.json", verify.TYPED_DATA), *signers)
        verify.typed_data(signed["signature"], verify.TYPED_DATA, group)
        for version in ("0.6", "0.7", "0.8"):
            line = ["sign", "user-op", group["group"], self.file("op.json", verify.OPERATION), "--entry-point", version]
            signed = self.run(*line, "--chain-id", str(CHAIN), *signers)
            verify.user_operation(signed["signature"], version, CHAIN, group)
        return self.done("A, cloud; A, device", f"{verify.BY}: legacy, 2930, 1559, EIP-712, ERC-4337 0.6, 0.7, 0.8")

    def sign_without_a(self) -> Done:
        """Process 8: party A's phone carries the device and signs nothing."""
        self.signs(self.groups["Family"], "device", "cloud", text="device and cloud")
        return self.done("device, cloud", verify.BY)

    def sign_offline(self) -> Done:
        """Without auth, relay, cloud or network."""
        group = self.groups["Trio"]
        self.scene.house.stop()
        line = ["--offline", "sign", "message", group["group"], "no service", "--signers"]
        signed = self.run(*line, self.indexes(group, "A", "device"), *self.with_device())
        verify.message(signed["signature"], "no service", group)
        return self.done("A, device", f"all services stopped; {verify.BY}")

    def sign_nearby(self) -> Done:
        """The same with party C's phone over a local socket; then everything starts again."""
        group, place = self.groups["Couple"], f"unix:{self.scene.home / 'meet'}"
        line = ["--listen", place, "sign", "message", group["group"], "nearby", "--signers"]
        signed = self.together(*line, self.indexes(group, "A", "C"), join=("--at", place))
        verify.message(signed["signature"], "nearby", group)
        self.scene.restart()
        return self.done("A, C", f"all services stopped; {verify.BY}")

    def file(self, name: str, value: object) -> str:
        """A file of JSON for a command."""
        path = self.scene.home / name
        path.write_text(json.dumps(value))
        return str(path)


def check(passed: bool, what: str) -> None:
    """Raises DemoError(what) if it did not pass."""
    if not passed:
        raise DemoError(what)


def transactions() -> list[bytes]:
    """One unsigned transaction of each type."""
    fields: dict[str, Any] = {"gas_limit": 60_000, "to": RECIPIENT, "value": 10**15, "data": b"", "chain_id": CHAIN}
    prices = {"max_fee": 30 * 10**9, "priority_fee": 10**9}
    made = [
        transaction.Transaction(type=transaction.LEGACY, nonce=0, gas_price=10**9, **fields),
        transaction.Transaction(
            type=transaction.ACCESS_LIST, nonce=1, gas_price=10**9, access_list=[(RECIPIENT, [bytes(32)])], **fields
        ),
        transaction.Transaction(type=transaction.DYNAMIC_FEE, nonce=2, **prices, **fields),
    ]
    return [one.encode() for one in made]
