"""The processes around who holds a wallet's shards: new, imported, changed, refreshed, and a master."""

from typing import Any

from daric_sim import verify
from daric_sim.walk import Done, Walk, check, refusal

PASSPHRASE = "correct horse"  # noqa: S105 - of a phrase that the walk makes


def begin(walk: Walk) -> Done:
    """Auth, relay, cloud and device start; the phone is paired, and was refused before."""
    walk.scene.start()
    walk.c.connect(walk.scene.house)
    refusal("unpaired", walk.a.refused("wallet", "create", "No", *walk.with_device()))
    walk.run("pair", "new", walk.device.path)
    return walk.done("A, device", f"same six digits {walk.scene.codes.code}; refused before")


def create(walk: Walk) -> Done:
    """Process 1: phone, device and cloud."""
    group = walk.run("wallet", "create", "Family", "-t", "2", *walk.with_device())
    verify.address(group)
    walk.groups["Family"] = group
    return walk.done("A, device, cloud", f"same check code {walk.scene.codes.code}; coincurve: address of the key")


def create_more(walk: Walk) -> Done:
    """Process 1: other subsets of the parties; one wallet has a master."""
    walk.groups["Trio"] = walk.together("wallet", "create", "Trio", "-t", "2", "--others", "1")
    line = ["wallet", "create", "Couple", "--others", "1", "--no-cloud", "--master", "phone"]
    walk.groups["Couple"] = walk.together(*line)
    for name in ("Trio", "Couple"):
        verify.address(walk.groups[name])
        walk.signs(walk.groups[name], "A", "C", text=f"{name} signs")
    listed = walk.run("wallet", "list")
    check(all(one["group"] in listed for one in walk.groups.values()), "a wallet is missing")
    return walk.done("A, C, cloud; A, C", f"{verify.BY}: one signature of each")


def master(walk: Walk) -> Done:
    """The master role: party C may ask for nothing, until both give the role up."""
    group = walk.groups["Couple"]["group"]
    line = ["sign", "message", group, "not the master", "--signers", walk.indexes(walk.groups["Couple"], "A", "C")]
    refused = refusal("master", walk.c.refused(*line))
    walk.groups["Couple"] = walk.together("wallet", "master", group, "0")
    check(walk.groups["Couple"]["master"] == 0, "there is a master still")
    return walk.done("A, C", f"another initiator refused: {refused}; then the role is given up")


def import_phrase(walk: Walk) -> Done:
    """Process 2: a phrase with a passphrase; every ordinary wallet shows the same address."""
    phrase = verify.new_phrase()
    typed = {"phrase": phrase, "passphrase": PASSPHRASE}
    line = ["wallet", "import", "Phrase", "--no-cloud", "--passphrase", *walk.with_device()]
    group = walk.run(*line, typed=typed)
    verify.address(group)
    verify.usual_address(group, phrase, PASSPHRASE)
    wrong = " ".join([*phrase.split()[:-1], "zoo" if phrase.split()[-1] != "zoo" else "zone"])
    with walk.a.start(*line, typed={**typed, "phrase": wrong}) as command:
        refused = command.error()
    walk.groups["Phrase"], walk.facts["phrase"] = group, phrase
    return walk.done("A, device", f"mnemonic, bip32, eth-account: address 0/0; wrong checksum refused: {refused}")


def import_key(walk: Walk) -> Done:
    """Process 2: a bare secret key."""
    key, address = verify.new_key()
    group = walk.run("wallet", "import", "Bare", "--key", typed={"key": key})
    check(group["address"] == address, "the imported key has another address")
    walk.signs(group, "A", "cloud", text="the imported key")
    walk.groups["Bare"], walk.facts["key"] = group, key
    return walk.done("A, cloud", f"eth-account: address of the key; {verify.BY}")


def add(walk: Walk) -> Done:
    """Process 3: party C registers as it joins, without a wallet of its own; the cloud's sealed record goes along."""
    group = walk.groups["Bare"]["group"]
    invitation = walk.run("account", "invite")["invitation"]
    newcomer = ("--invitation", invitation, "--kind", "browser", "--name", "party C")
    after = walk.changed("Bare", walk.together("member", "add", group, "--others", "1", join=newcomer))
    walk.members(after, "A", "C", "cloud")
    signers = walk.indexes(after, "C", "cloud")
    signed = walk.run("sign", "message", group, "asked by party C", "--signers", signers, phone=walk.c)
    verify.message(signed["signature"], "asked by party C", after)
    return walk.done("A, cloud, new: C", f"address unchanged; {verify.BY}: C and the cloud sign, asked by C")


def add_and_drop(walk: Walk) -> Done:
    """Process 3: the device joins and the server's shard goes in the same run."""
    before = walk.groups["Trio"]
    line = ["member", "add", before["group"], "--new-device", walk.device.path]
    after = walk.changed("Trio", walk.together(*line, "--drop", str(walk.index(before, "cloud"))))
    walk.members(after, "A", "C", "device")
    verify.receipt(after["receipt"], after, walk.scene.house.cloud_identity)
    walk.signs(after, "C", "device", text="without the cloud")
    return walk.done("A, C, new device", f"address unchanged; coincurve: deletion receipt; {verify.BY}")


def add_only(walk: Walk) -> Done:
    """Process 4: the device gets a share and nobody else's changes; it signs with each."""
    before = walk.groups["Couple"]
    line = ["member", "add-only", before["group"], "--helpers", walk.indexes(before, "A", "C")]
    after = walk.changed("Couple", walk.together(*line, "--new-device", walk.device.path), epochs=0)
    walk.members(after, "A", "C", "device")
    walk.signs(after, "A", "device", text="added only")
    walk.signs(after, "C", "device", text="pair set-up before the first signature")
    return walk.done("A, C, new device", f"address and epoch unchanged; {verify.BY}: it signs with A and with C")


def remove(walk: Walk) -> Done:
    """Process 5: a member goes; with its old shard it signs nothing any more."""
    before = walk.groups["Trio"]
    line = ["member", "remove", before["group"], str(walk.index(before, "C")), *walk.with_device()]
    after = walk.changed("Trio", walk.run(*line))
    walk.members(after, "A", "device")
    walk.signs(after, "A", "device", text="without party C")
    refused = old_shard(walk, before)
    return walk.done("A, device", f"address unchanged; {verify.BY}; old shard refused: {refused}")


def old_shard(walk: Walk, before: dict[str, Any]) -> str:
    """Party C proposes a signature with its old shard; how party A's phone refuses it."""
    old = ["sign", "message", before["group"], "old", "--signers", walk.indexes(before, "A", "C")]
    with walk.c.start(*old) as command:
        return walk.a.refused("join", command.event("session")["uri"])


def remove_to_two(walk: Walk) -> Done:
    """Process 5: only phone and cloud are left; the cloud's sealed record goes to the user's cloud storage as well."""
    before = walk.groups["Bare"]
    after = walk.changed("Bare", walk.run("member", "remove", before["group"], str(walk.index(before, "C"))))
    walk.members(after, "A", "cloud")
    check(any((walk.a.home / "user-cloud").rglob("*")), "the user's cloud storage is empty")
    walk.signs(after, "A", "cloud", text="phone and cloud")
    return walk.done("A, cloud", f"address unchanged; {verify.BY}; record in the user's cloud storage")


def delete_cloud_shard(walk: Walk) -> Done:
    """Process 5: the server's shard is deleted."""
    after = walk.changed(
        "Family", walk.run("cloud-shard", "delete", walk.groups["Family"]["group"], *walk.with_device())
    )
    walk.members(after, "A", "device")
    verify.receipt(after["receipt"], after, walk.scene.house.cloud_identity)
    walk.signs(after, "A", "device", text="without the cloud")
    return walk.done("A, device", f"address unchanged; coincurve: deletion receipt; {verify.BY}")


def refresh(walk: Walk) -> Done:
    """Process 6."""
    after = walk.changed("Family", walk.run("wallet", "refresh", walk.groups["Family"]["group"], *walk.with_device()))
    walk.signs(after, "device", "cloud", text="after the refresh")
    return walk.done("A, device, cloud", f"address unchanged, epoch {after['epoch']}; {verify.BY}")


def refresh_by_device(walk: Walk) -> Done:
    """Process 6, picked in the device's menu: the device is the initiator, and its phone asks it for its wish."""
    group = walk.groups["Family"]["group"]
    walk.device.choose("refresh", bytes.fromhex(group))
    check(walk.run("session", "wanted", *walk.with_device())["done"] == "refresh", "the device wanted something else")
    after = walk.changed("Family", walk.run("wallet", "show", group))
    return walk.done("A, device, cloud", f"address unchanged, epoch {after['epoch']}; asked by the device")
