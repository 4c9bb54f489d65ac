"""What the owner may start at the device itself: the host asks what is wanted, proposes it, and the device signs.

A press on the page of an idle device opens the menu; the right button picks, the left one turns the page. A virtual
board may answer "menu:OP:GROUP" at once, the group by its place in the menu or its id in hexadecimal digits, or
"menu:MODULE.FUNCTION" for what concerns the device itself.
Specification: docs/protocol.md, section 1 (who asks); docs/architecture.md, the device.
"""

from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT
from daric_protocol.link import TICKS

from daric.modules import part

TITLES = (("refresh", "New shares"), ("backup", "Back up"), ("export", "Export the key"))
# What concerns the device itself: title with _ for spaces, module, function(device), which takes over the screen.
DEVICE = """
Paired_hosts hostsmenu show
Raw_digests review raw_digests
PIN_set_or_new pinflow set_pin
Remove_the_PIN pinflow remove_pin
Wipe_code pinflow wipe_code
Lock_now pinflow lock_now
Wipe_everything pinflow wipe
"""
BUTTONS = "<next      pick>"


class Menu:
    """The menu and what was picked in it."""

    def __init__(self, device) -> None:
        self._device = device
        self._items = []  # (op, title, group id); of the device itself (module, title, function)
        self._at = 0
        self._wanted = None
        self._since = 0

    def pressed(self, answer: str) -> None:
        """A button while the page on the screen asks nothing."""
        if self._device.busy:
            return
        groups = self._device.custody.groups()
        self._items = [(op, title, group) for group in groups for op, title in TITLES]
        for row in DEVICE.strip().split("\n"):
            if row:
                title, module, function = row.split(" ")
                self._items.append((module, title.replace("_", " "), function))
        self._at = 0
        if answer.startswith("menu:"):
            items, self._items = self._items, []
            self._shortcut(answer[5:].split(":"), items, groups)
        elif self._items:
            self._since = self._device.board.ticks()
            self._show()

    def _shortcut(self, words: "list[str]", items: list, groups: "list[bytes]") -> None:
        """What a keyboard picked without a look at the menu; what the menu does not have is no choice."""
        for op, _, target in items:
            if isinstance(target, str):
                named = words == [op + "." + target]
            else:
                named = words in ([op, str(groups.index(target) + 1)], [op, target.hex()])
            if named:
                self._pick(op, target)
                return

    def take(self) -> "list | None":
        """[op, group id] that the owner picked, once; None if nothing was."""
        wanted, self._wanted = self._wanted, None
        return wanted

    def close(self) -> None:
        """Something else begins."""
        self._items = []
        self._wanted = None

    @property
    def open(self) -> bool:
        """Whether a page of the menu is on the screen, or what was picked waits for a host."""
        return bool(self._items) or self._wanted is not None

    def tick(self, now: int) -> None:
        """Close a menu that the owner left, and forget what no host asked for."""
        if self.open and ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self._leave()

    def _show(self) -> None:
        if self._at == len(self._items):
            lines = ["Leave the menu?"]
        else:
            _, title, target = self._items[self._at]
            lines = [title + "?"] + ([] if isinstance(target, str) else self._wallet(target))
        self._device.modules.forget("daric_protocol")
        self._device.screens.show(lines, self._answered, choice=BUTTONS)

    def _wallet(self, group: bytes) -> "list[str]":
        from daric_protocol.flows.questions import shown_name

        try:
            name = self._device.custody.group(group).name
        except DaricError:
            name = "damaged"  # the rest of the menu goes on without it
        return shown_name(name) + [" " + group.hex()[:8]]

    def _answered(self, answer: str) -> None:
        self._since = self._device.board.ticks()
        if answer != "approve":
            self._at = (self._at + 1) % (len(self._items) + 1)
            self._show()
        elif self._at == len(self._items):
            self._leave()
        else:
            op, _, target = self._items[self._at]
            self._pick(op, target)

    def _pick(self, op: str, target: "bytes | str") -> None:
        self._items = []
        if isinstance(target, str):
            getattr(part(op), target)(self._device)
            return
        self._wanted = [op, target]
        self._since = self._device.board.ticks()
        self._device.screens.show(["Go on at the", "phone"])

    def _leave(self) -> None:
        self.close()
        self._device.show_ready()
