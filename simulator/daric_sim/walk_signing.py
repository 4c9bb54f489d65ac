"""The processes that use a wallet's key: selection, signing with and without services, export."""

from typing import Any

from daric_protocol.evm import transaction

from daric_sim import verify
from daric_sim.walk import Done, Walk, check, refusal
from daric_sim.walk_members import PASSPHRASE

RECIPIENT = bytes.fromhex("000000000000000000000000000000000000dEaD")
CHAIN = 11155111


def select(walk: Walk) -> Done:
    """Process 7: who is there, and exactly t of them."""
    group = walk.groups["Family"]
    listed = walk.run("party", "list", group["group"], *walk.with_device())
    for member in group["members"]:
        line = listed[str(member["index"])]
        check(line.endswith("usable"), f"not usable: {line}")
    everybody = walk.indexes(group, "A", "device", "cloud")
    refused = refusal("parameter", walk.a.refused("party", "select", group["group"], everybody))
    chosen = walk.indexes(group, "A", "device")
    check(walk.run("party", "select", group["group"], chosen)["selected"] == chosen, "another selection")
    signed = walk.run("sign", "message", group["group"], "the chosen", *walk.with_device())
    verify.message(signed["signature"], "the chosen", group)
    return walk.done("A, device", f"all are usable; three of two refused: {refused}; {verify.BY}: the chosen sign")


def sign(walk: Walk) -> Done:
    """Process 8: every kind of request."""
    group, pairs = walk.groups["Family"], [("A", "cloud"), ("A", "device")]
    for number, unsigned in enumerate(transactions()):
        line = ["sign", "tx", group["group"], unsigned.hex(), *walk.with_device()]
        signed = walk.run(*line, "--signers", walk.indexes(group, *pairs[number % 2]))
        verify.transaction(signed["signed"], unsigned, group)
    signers = ["--signers", walk.indexes(group, "A", "device"), *walk.with_device()]
    signed = walk.run("sign", "typed-data", group["group"], walk.file("typed.json", verify.TYPED_DATA), *signers)
    verify.typed_data(signed["signature"], verify.TYPED_DATA, group)
    for version in ("0.6", "0.7", "0.8"):
        line = ["sign", "user-op", group["group"], walk.file("op.json", verify.OPERATION), "--entry-point", version]
        signed = walk.run(*line, "--chain-id", str(CHAIN), *signers)
        verify.user_operation(signed["signature"], version, CHAIN, group)
    return walk.done("A, cloud; A, device", f"{verify.BY}: legacy, 2930, 1559, EIP-712, ERC-4337 0.6, 0.7, 0.8")


def sign_below(walk: Walk) -> Done:
    """Process 8: the account that an ordinary wallet shows for the imported phrase."""
    group = walk.groups["Phrase"]
    line = ["sign", "message", group["group"], "0/0", "--path", "0/0", "--signers", walk.indexes(group, "A", "device")]
    signed = walk.run(*line, *walk.with_device())
    verify.message_below(signed["signature"], "0/0", walk.facts["phrase"], PASSPHRASE)
    return walk.done("A, device", "mnemonic, bip32, eth-account: signed by m/44'/60'/0'/0/0 of the phrase")


def sign_without_a(walk: Walk) -> Done:
    """Process 8: party A's phone carries the device and signs nothing."""
    walk.signs(walk.groups["Family"], "device", "cloud", text="device and cloud")
    return walk.done("device, cloud", verify.BY)


def export(walk: Walk) -> Done:
    """Process 9: key and phrase to party A."""
    group = walk.groups["Phrase"]
    line = ["export", group["group"], "--purpose", "moving", "--signers", walk.indexes(group, "A", "device")]
    found = walk.run(*line, "--passphrase", *walk.with_device(), typed={"passphrase": PASSPHRASE})
    check(found["phrase"] == walk.facts["phrase"], "another phrase came back than was imported")
    verify.key(found["key"], group)
    shown = walk.run("wallet", "show", group["group"])
    check(shown["exposed"], "the wallet is not marked as exposed")
    return walk.done("A, device", "mnemonic: the same phrase; coincurve: key of the address; marked as exposed")


def export_to_device(walk: Walk) -> Done:
    """Process 9: key and phrase on the device's screen, page by page, and nowhere else."""
    group, before = walk.groups["Phrase"], len(walk.device.screens)
    line = ["export", group["group"], "--purpose", "on paper", "--signers", walk.indexes(group, "A", "device")]
    found = walk.run(*line, "--to-device", *walk.with_device())
    check("key" not in found and "phrase" not in found, "the key crossed the link")
    walk.device.wait_for_screen("Written down?", since=before)
    pages = [screen.lines for screen in walk.device.screens[before:] if screen.ask]
    verify.key("".join(next(lines[1:] for lines in pages if lines[0] == "SECRET KEY")), group)
    words = [line.split()[1] for lines in pages if lines[0].startswith("PHRASE") for line in lines[1:]]
    check(" ".join(words) == walk.facts["phrase"], "the device shows another phrase than was imported")
    return walk.done("A, device", "on the device alone; mnemonic: the same phrase; coincurve: key of the address")


def sign_offline(walk: Walk) -> Done:
    """Without auth, relay, cloud or network: phone and device sign."""
    group = walk.groups["Trio"]
    walk.scene.house.stop()
    line = ["--offline", "sign", "message", group["group"], "no service", "--signers"]
    signed = walk.run(*line, walk.indexes(group, "A", "device"), *walk.with_device())
    verify.message(signed["signature"], "no service", group)
    return walk.done("A, device", f"all services stopped; {verify.BY}")


def export_offline(walk: Walk) -> Done:
    """Process 9 while the infrastructure is down: of a wallet whose key never existed before."""
    group = walk.groups["Trio"]
    line = ["--offline", "export", group["group"], "--purpose", "no service", *walk.with_device()]
    found = walk.run(*line, "--signers", walk.indexes(group, "A", "device"))
    verify.key(found["key"], group)
    return walk.done("A, device", "all services stopped; coincurve: key of the address")


def sign_nearby(walk: Walk) -> Done:
    """The same with party C's phone over a local socket; then everything starts again."""
    group, place = walk.groups["Couple"], f"unix:{walk.scene.home / 'meet'}"
    line = ["--listen", place, "sign", "message", group["group"], "nearby", "--signers"]
    signed = walk.together(*line, walk.indexes(group, "A", "C"), join=("--at", place))
    verify.message(signed["signature"], "nearby", group)
    walk.scene.restart()
    return walk.done("A, C", f"all services stopped; {verify.BY}")


def transactions() -> list[bytes]:
    """One unsigned transaction of each type."""
    fields: dict[str, Any] = {"gas_limit": 60_000, "to": RECIPIENT, "value": 10**15, "data": b"", "chain_id": CHAIN}
    prices: dict[str, Any] = {"max_fee": 30 * 10**9, "priority_fee": 10**9}
    made = [
        transaction.Transaction(type=transaction.LEGACY, nonce=0, gas_price=10**9, **fields),
        transaction.Transaction(
            type=transaction.ACCESS_LIST, nonce=1, gas_price=10**9, access_list=[(RECIPIENT, [bytes(32)])], **fields
        ),
        transaction.Transaction(type=transaction.DYNAMIC_FEE, nonce=2, **prices, **fields),
    ]
    return [one.encode() for one in made]
