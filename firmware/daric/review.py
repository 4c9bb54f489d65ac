"""What the owner reviews outside sessions: a wallet's address, and whether raw digests may be signed at all.

Specification: docs/security.md, what the screen shows.
"""

from daric_protocol.channel import ranged, sized
from daric_protocol.errors import DaricError

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
    """The menu's question whether raw digests may be signed: the other way than now."""
    if device.vault.read(RAW) is None:
        lines = ["Allow raw", "digests?", "WARNING", " whoever asks", " for one may", " get anything", " signed: nothing"]
        lines.append(" of it is shown")
    else:
        lines = ["Raw digests are", "allowed.", "Refuse them", "from now on?"]
    device.screens.show(lines, lambda answer: _switch(device, answer))


def _switch(device, answer: str) -> None:
    if answer == "approve":
        if device.vault.read(RAW) is None:
            device.vault.write(RAW, b"\1")
        else:
            device.vault.erase(RAW)
    device.modules.forget("daric.review")
    device.show_ready()
