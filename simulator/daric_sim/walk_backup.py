"""The processes that save a device's share and bring it back: by chosen holders, or by phone and cloud alone."""

from daric_sim import verify
from daric_sim.device import SimDevice
from daric_sim.walk import Done, Group, Walk, check, refusal

LARGE = "330k"  # what a board has: enough for groups of up to eight


def back_up(walk: Walk) -> Done:
    """Process 10: a device of four members splits its share for the three others, any two of which bring it back."""
    walk.facts["large"] = device = walk.new_device("large device", LARGE)
    port = ("--device", device.path)
    walk.run("pair", "new", device.path)
    group = walk.together("wallet", "create", "Clan", "-t", "2", "--others", "1", *port)
    holders = walk.indexes(group, "A", "C", "cloud")
    made = walk.together("backup", "create", group["group"], "--holders", holders, "-t", "2", *port)
    check(made["good"] and walk.scene.noted != "", "the backup is not good, or the device showed no code")
    proven = walk.run("backup", "verify", group["group"], "--holders", walk.indexes(group, "A", "cloud"))
    check(proven["good"] == walk.indexes(group, "A", "cloud"), f"only {proven['good']} proved their pieces")
    walk.groups["Clan"] = group
    return walk.done("A, C, cloud, device (330k)", "each holder: piece against the public share; A and cloud: proofs")


def recover(walk: Walk) -> Done:
    """Process 10: a new device takes the share of the lost one, against the code that its owner wrote down."""
    group, lost = walk.groups["Clan"], walk.facts["large"]
    lost.kill()
    device = walk.new_device("next large device", LARGE)
    walk.run("pair", "new", device.path)
    members = walk.indexes(group, "A", "C", "cloud")
    port = ("--device", device.path)
    back = walk.together("recover", group["group"], "--members", members, *port)
    check(back["bad_pieces"] == [] and back["recovered"] == walk.index(group, "device"), "not the member that was lost")
    after = walk.changed("Clan", walk.run("wallet", "show", group["group"]), epochs=0)
    refused = replaced(walk, group, after, lost)
    walk.signs(after, "C", "device", text="the new device and party C", port=device.path)
    walk.signs(after, "device", "cloud", text="the new device and the cloud", port=device.path)
    return walk.done("A, C, cloud, new device", f"address unchanged; {verify.BY}; its old identity refused: {refused}")


def replaced(walk: Walk, before: Group, after: Group, lost: SimDevice) -> str:
    """The old device is found again: how it is refused."""
    identities = [
        [member["identity"] for member in group["members"] if member["kind"] == "device"] for group in (before, after)
    ]
    check(identities[0] != identities[1], "the device came back under its old identity")
    lost.start()
    again = ["recover", after["group"], "--members", walk.indexes(after, "A", "C", "cloud"), "--device", lost.path]
    return refusal("member", walk.a.refused(*again))


def back_up_by_two(walk: Walk) -> Done:
    """Process 11: without a session; a new epoch ends the backup, which says so, and another one is made."""
    group = walk.groups["Family"]["group"]
    create = ["backup", "create", group, "--no-session", *walk.with_device()]
    walk.run(*create)
    walk.changed("Family", walk.run("wallet", "refresh", group, *walk.with_device()))
    refused = refusal("backup", walk.a.refused("backup", "verify", group, "--no-session"))
    walk.run(*create)
    listed = walk.run("backup", "list", group)["backups"]
    check(listed[0]["good"], "the new backup is not good")
    proven = walk.run("backup", "verify", group, "--no-session")
    check(proven["good"] == walk.indexes(walk.groups["Family"], "A", "cloud"), "a piece is not proved")
    return walk.done("A, cloud, device", f"cloud: proof of its piece; outdated backup refused: {refused}")


def recover_by_two(walk: Walk) -> Done:
    """Process 11: phone and cloud give a new device the share of the lost one."""
    group = walk.groups["Family"]
    walk.device.kill()
    walk.device = walk.new_device("next device")
    walk.run("pair", "new", walk.device.path)
    back = walk.run("recover", group["group"], "--no-session", *walk.with_device())
    check(back["bad_pieces"] == [] and back["recovered"] == walk.index(group, "device"), "not the member that was lost")
    after = walk.changed("Family", walk.run("wallet", "show", group["group"]), epochs=0)
    walk.signs(after, "A", "device", text="the new device and the phone")
    walk.signs(after, "device", "cloud", text="the new device and the cloud")
    return walk.done("A, cloud, new device", f"address unchanged; {verify.BY}: it signs with each")
