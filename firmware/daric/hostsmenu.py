"""Which hosts the device is paired with, and that it forgets one or all: asked by a host, or picked in the menu.

Loaded for one question. Specification: docs/architecture.md, the serial line.
"""

from daric_protocol import platform
from daric_protocol.channel import sized
from daric_protocol.errors import DaricError
from daric_protocol.flows.questions import shown_name
from daric_protocol.limits import APPROVAL_TIMEOUT
from daric_protocol.link import TICKS

from daric.errands import Question
from daric.hosts import PREFIX, entry

BUTTONS = "<next      pick>"
ALL = ["Forget all hosts?", "None can use", "this device until", "it pairs again"]


def revocation(device, host: bytes, identity: object) -> "Question | None":
    """What the owner is asked before a host revokes another one; None for a host that leaves, which is gone now.

    Raises DaricError("unpaired") where there is no such host.
    """
    stored = device.vault.read(entry(sized(identity, 33)))
    if stored is None:
        raise DaricError("unpaired", "no such host is paired")
    if identity == host:
        device.hosts.revoke(identity)
        return None
    return Question(forgetting([identity, platform.cbor_decode(stored)[1]]), lambda _: device.hosts.revoke(identity))


def revocation_all(device, host: bytes) -> Question:
    """What the owner is asked before every host is forgotten, the one that asks among them."""
    return Question(ALL, lambda _: revoke_all(device))


def forgetting(host: list) -> "list[str]":
    """The question before a host, [identity, name], is forgotten."""
    return ["Forget this host?"] + named(host)


def named(host: list) -> "list[str]":
    return shown_name(host[1]) + [" " + host[0].hex()[:12]]


def revoke_all(device) -> bool:
    """Forget every host; their channels, sessions and requests end."""
    for identity, _ in device.hosts.all():
        device.hosts.revoke(identity)
    for name in device.vault.names(PREFIX):
        device.vault.erase(name)  # a damaged one does not tell whose it is
    device.show_ready()
    return True


def show(device) -> None:
    """The owner's menu of hosts, in place of the menu it was picked in."""
    device.menu = HostsMenu(device)


class HostsMenu:
    """One host after another, then all of them, then the way out. Stands where daric.menu.Menu stands."""

    open = True

    def __init__(self, device) -> None:
        self._device = device
        self._hosts = device.hosts.all()
        self._last = len(self._hosts) + (1 if len(device.hosts) else 0)  # the way out; damaged hosts go with all
        self._at = 0
        self._since = 0
        self._show()

    def pressed(self, answer: str) -> None:
        """A button while the page asks nothing: no page of this menu."""

    def take(self) -> None:
        """The owner wants nothing of a host now."""

    def tick(self, now: int) -> None:
        """Close a menu that the owner left."""
        if ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self.leave()

    def leave(self) -> None:
        """The page of a device that waits; this code is forgotten."""
        device = self._device
        device.menu = None
        device.show_ready()
        device.modules.forget("daric.menu", "daric.hostsmenu", "daric_protocol")

    def _show(self) -> None:
        count = len(self._hosts)
        self._since = self._device.board.ticks()
        if self._at < count:
            lines = ["Host %d of %d" % (self._at + 1, count)] + named(self._hosts[self._at])
        else:
            lines = ["Leave the menu?"] if self._at == self._last else ["All hosts?"]
        self._device.screens.show(lines, self._answered, choice=BUTTONS)

    def _answered(self, answer: str) -> None:
        count = len(self._hosts)
        self._since = self._device.board.ticks()
        if answer != "approve":
            self._at = 0 if self._at == self._last else self._at + 1
            self._show()
        elif self._at == self._last:
            self.leave()
        else:
            lines = ALL if self._at == count else forgetting(self._hosts[self._at])
            self._device.screens.show(lines, self._decided)

    def _decided(self, answer: str) -> None:
        device = self._device
        if answer == "approve":
            if self._at == len(self._hosts):
                revoke_all(device)
            else:
                device.hosts.revoke(self._hosts[self._at][0])
            self.leave()
        else:
            self._show()
