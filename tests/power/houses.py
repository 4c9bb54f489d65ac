"""Devices and parties as the processes find them, made from nothing once and copied for each.

Specification: docs/protocol.md, sections 7 and 12 (creation, backups); docs/architecture.md, the serial line (pairing).
"""

import functools
from unittest import mock

from daric_protocol import flows, recoverycode
from daric_protocol.pairing import HostPairing

from tests.power.house import HOST, House
from tests.session.keepers import CloudKeeper, MemoryKeeper
from tests.session.network import drbg

BACKUP = b"backup-of-a-test"
CODE = "MFRGGZDFMZTWQ2LK"
PARTIES = ("phone", "cloud", "third", "fourth")


def fresh(name: str, recording: bool = False) -> House:
    """A device that has never been used, and parties that are in no group. recording: its start is on the tape."""
    return House(None, {party: {} for party in PARTIES}, name, recording=recording)


def again(house: House, boot: str, **more) -> House:
    """The same house, switched off and on."""
    stores = {name: dict(party.store) for name, party in house.parties.items()}
    return House(house.chip.dump(), stores, boot, more.get("keepers", house.keepers))


def pair_host(house: House, identity=HOST) -> None:
    """A host pairs; both persons see the same code."""
    hosts = house.app.hosts
    other = HostPairing(identity, "phone", drbg("host", house.boot))
    opening, _ = other.reveal(*hosts.start(other.commitment))
    hosts.open(*opening)
    sealed = other.confirm()
    card = b""
    while not card:
        house.app.step(0)
        card = hosts.finish(sealed)
    other.finish(card)


def create(house: House, seats: list[str], name: str = "savings") -> bytes:
    """A wallet in which two sign; its id."""
    terms = flows.create_terms(house.uuid(), 2, len(seats), drbg("group", name), name)
    house.run(terms, seats)
    return terms.group


def made(name: str) -> bytes:
    """The id of the wallet that create() makes under a name."""
    return flows.create_terms(bytes(16), 2, 2, drbg("group", name), name).group


@functools.cache
def _standing() -> tuple[bytes, dict]:
    house = fresh("standing")
    pair_host(house)
    create(house, ["device", "phone", "cloud"])
    create(house, ["device", "fourth"], "purse")
    house.meet()
    return house.chip.dump(), {name: dict(party.store) for name, party in house.parties.items()}


def savings() -> bytes:
    """The wallet of device, phone and cloud that every process finds."""
    return made("savings")


def standing(boot: str = "standing again", keepers: dict | None = None) -> House:
    """A paired device with a wallet 2-of-3 (device, phone, cloud) and one 2-of-2 (device, fourth)."""
    image, stores = _standing()
    return House(image, {name: dict(store) for name, store in stores.items()}, boot, keepers)


def standing_with_backup(owner: str) -> House:
    """The same with a backup of one member's share that the two others hold."""
    keepers = {"phone": MemoryKeeper(), "cloud": CloudKeeper()}
    house = standing("backed up", keepers)
    back_up(house, owner)
    return again(house, "backed up again")


def back_up(house: House, owner: str) -> None:
    group = savings()
    holders = sorted(house.index(group, name) for name in ("device", "phone", "cloud") if name != owner)
    own, cloud = house.index(group, owner), house.index(group, "cloud")
    phone = next(index for index in holders if index != cloud)
    terms = flows.backup_terms(
        house.uuid(), house.any_custody(group), group, BACKUP, 2, own, holders, phone, cloud if cloud in holders else 0
    )
    options = {} if owner == "device" else {owner: {"code": CODE}}
    with mock.patch.object(recoverycode, "new_code", lambda draw: CODE):  # instead of reading it off the screen
        house.run(terms, house.seats(group, terms.members), **options)


def in_order(house: House, group: bytes, *names: str) -> list[str]:
    """Members by index."""
    return house.seats(group, sorted(house.index(group, name) for name in names))
