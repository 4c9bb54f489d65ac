"""What the owner reviews outside sessions: a wallet's address, and whether raw digests may be signed at all.

Specification: docs/security.md, what the screen shows.
"""

from daric_protocol.channel import ranged, sized
from daric_protocol.errors import DaricError
from daric_protocol.limits import APPROVAL_TIMEOUT
from daric_protocol.link import TICKS

RAW = "setting/raw"  # there: raw digests may be signed
MOST_LEVELS = 10
NOT_HARDENED = (1 << 31) - 1


def address(device, _host: bytes, group: object, kind: object, salt: object, path: object) -> object:
    """Show an address of a wallet, computed here from its key; the owner's answer says that it was compared.

    kind: "" for the key's own address, else one of evm/account.py. salt: as in evm/words.py. path: levels below the
    wallet's key. The result is the address, 20 B. Raises DaricError: "group", "pending", "encoding", "parameter".
    """
    from daric_protocol import bip32
    from daric_protocol.evm import account, words
    from daric_protocol.evm.address import from_public_key, to_text
    from daric_protocol.flows.questions import NAME_LINE, shown_name

    from daric.errands import Question

    group = sized(group, 16)
    shard = device.custody.shard(group)
    if not isinstance(path, list) or len(path) > MOST_LEVELS or not isinstance(kind, str):
        raise DaricError("encoding", "an address has a kind and a path of at most 10 levels")
    levels = [ranged(level, 0, NOT_HARDENED) for level in path]
    try:
        number = words.of_item(salt, 256)
    except DaricError as error:
        raise DaricError("encoding", error.detail)
    if number and not kind:
        raise DaricError("parameter", "only a smart account has a salt")
    found = from_public_key(bip32.tweak(shard.pk, shard.cc, levels)[1] if levels else shard.pk)
    lines = ["Address of"] + shown_name(device.custody.group(group).name)
    if levels:
        lines += ["Account:"] + shown_name("m/" + "/".join([str(level) for level in levels]))
    if kind:
        try:
            found = account.account_address(found, kind, number)
        except OSError:
            raise DaricError("storage", "this image has no creation code of smart accounts")
        lines += ["Smart account:"] + shown_name(kind + ", number " + str(number))
    text = to_text(found)
    lines += ["Same elsewhere?"] + [" " + text[at : at + NAME_LINE] for at in range(0, len(text), NAME_LINE)]
    return Question(lines, lambda _: found)


def raw_digests(device) -> None:
    """The owner's question whether raw digests may be signed, in place of the menu it was picked in."""
    device.menu = RawDigests(device)


class RawDigests:
    """Asks for the other way than now, then for the PIN. Stands where daric.menu.Menu stands."""

    open = True

    def __init__(self, device) -> None:
        self._device = device
        self._since = device.board.ticks()
        device.screens.show(raw_question(_allowed(device)), self._answered)

    def pressed(self, answer: str) -> None:
        """A button while the page asks nothing: nothing of this page."""

    def take(self) -> None:
        """The owner wants nothing of a host now."""

    def close(self) -> None:
        """Something else begins."""

    def tick(self, now: int) -> None:
        """Close a question that the owner left."""
        if ((now - self._since) & TICKS) >= APPROVAL_TIMEOUT * 1000:
            self._answered("timeout")

    def _answered(self, answer: str) -> None:
        self._device.menu = None
        if answer != "approve" or not self._device.has_pin:
            self._confirmed(answer == "approve")
            return
        from daric import lock

        lock.confirm(self._device, self._confirmed)

    def _confirmed(self, right: bool) -> None:
        device = self._device
        device.show_ready()
        if right:
            allowed = not _allowed(device)
            if allowed:
                device.vault.write(RAW, b"\1")
            else:
                device.vault.erase(RAW)
            device.screens.show(raw_page(allowed))
        device.modules.forget("daric.review")


def _allowed(device) -> bool:
    """That the entry is there says it, and it does not have to be readable."""
    return RAW in device.vault.names(RAW)


def raw_question(allowed: bool) -> "list[str]":
    if allowed:
        return ["Raw digests are", "allowed.", "Refuse them", "from now on?"]
    return ["Allow raw", "digests?", "WARNING", " Nothing of them", " is shown: one", " may be anything", " at all."]


def raw_page(allowed: bool) -> "list[str]":
    return ["Raw digests are", "allowed" if allowed else "refused"]
