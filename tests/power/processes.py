"""The processes of a device that write, each with what it is about: old or new is asked of that."""

from daric import log
from daric_protocol import flows
from daric_protocol.group import replaced
from daric_protocol.identity import Identity
from daric_protocol.limits import LOG_ENTRIES_PER_PAGE, LOG_PAGES

from tests.power.house import HOST, House
from tests.power.houses import (
    BACKUP,
    CODE,
    again,
    back_up,
    create,
    fresh,
    in_order,
    made,
    pair_host,
    savings,
    standing,
    standing_with_backup,
)
from tests.power.owner_processes import OWNER_PROCESSES
from tests.power.pin_processes import PIN_PROCESSES
from tests.power.process import NEW, OLD, Process
from tests.session.keepers import CloudKeeper, MemoryKeeper
from tests.session.network import EvilRelay
from tests.session.parties import message

SECRET = flows.Secret(0xDA51C, entropy=bytes(range(16)))


# Beginning


class FirstStart(Process):
    """A device out of its box. The old state is a blank one: the next start makes another identity."""

    name = "first start"

    def perform(self):
        house = fresh("first start", True)
        return house, house.chip.stop(), b"", self.subject(house)

    def subject(self, house):
        return house.app.identity.public

    def verdict(self, found, old, new):
        return NEW if found == new else OLD

    def afterwards(self, house, verdict):
        pair_host(house)
        create(house, ["device", "phone"])


class Pairing(Process):
    name = "pairing"

    def run(self, house):
        pair_host(house, Identity(815))

    def subject(self, house):
        return len(house.app.hosts)


class Revocation(Process):
    name = "host revoked"

    def run(self, house):
        assert house.errand("hosts_revoke", HOST.public)

    def subject(self, house):
        return house.app.hosts.is_paired(HOST.public)


class RevocationOfAll(Process):
    """One after the other: a cut in between leaves some, and the owner sees how many."""

    name = "all hosts revoked"
    between = ("some revoked",)

    def prepare(self):
        house = standing("many hosts")
        for number in range(3):
            pair_host(house, Identity(900 + number))
        return again(house, "many hosts again")

    def run(self, house):
        assert house.errand("hosts_revoke_all")

    def subject(self, house):
        return len(house.app.hosts)

    def verdict(self, found, old, new):
        return self.between[0] if new < found < old else super().verdict(found, old, new)


# Epochs


class Epochs(Process):
    """A process that gives shares of a new epoch. between: stored, and waiting for everyone's acknowledgement."""

    between = ("new share waits",)

    def group(self, house: House) -> bytes:
        return savings()

    def subject(self, house):
        group = house.custody.find(self.group(house))
        if group is None:
            return (0, (), 0, ())
        pairs = house.app.vault.names("pair/" + group.id.hex() + "/")
        shards = house.app.vault.names("shard/" + group.id.hex() + "/")
        return (group.epoch, tuple(group.pendings), group.standing, tuple(sorted(pairs + shards)))

    def verdict(self, found, old, new):
        if found[0] == old[0] and found[2] == old[2] and found[1]:
            assert set(old[3]) <= set(found[3]), "the old share and pairs are all there"
            return self.between[0]
        return super().verdict(found, old, new)


class Creation(Epochs):
    name = "create"

    def run(self, house):
        create(house, ["device", "phone", "third"], "shop")

    def group(self, house):
        return made("shop")


class Import(Epochs):
    name = "import"

    def terms(self, house):
        dealer = house.parties["phone"].custody.identity.public
        return flows.import_terms(b"one import only.", 2, 3, SECRET, dealer, "taken in")

    def run(self, house):
        house.run(self.terms(house), ["phone", "device", "third"], phone={"secret": SECRET})

    def group(self, house):
        return self.terms(house).group


class Refresh(Epochs):
    name = "reshare: refresh"

    def run(self, house):
        group = savings()
        roster = house.custody.roster(group)
        house.run(flows.refresh_terms(house.uuid(), group, roster), house.seats(group, roster.indexes()))


class Addition(Epochs):
    name = "reshare: a member is added"

    def run(self, house):
        group = savings()
        terms = flows.reshare_terms(house.uuid(), house.custody, group, 2, 1)
        house.run(terms, [*house.seats(group, terms.members), "third"])


class Removal(Epochs):
    name = "reshare: a member is removed"

    def run(self, house):
        group = savings()
        leaving = [house.index(group, "cloud")]
        terms = flows.reshare_terms(house.uuid(), house.custody, group, 2, leaving=leaving)
        house.run(terms, house.seats(group, terms.members))


class Joining(Epochs):
    name = "reshare: the device is added"

    def prepare(self):
        house = standing("others")
        create(house, ["phone", "third"], "theirs")
        return again(house, "others again")

    def group(self, house):
        return made("theirs")

    def run(self, house):
        group = self.group(house)
        terms = flows.reshare_terms(house.uuid(), house.parties["phone"].custody, group, 2, 1)
        house.run(terms, [*house.seats(group, terms.members), "device"])


class Leaving(Epochs):
    name = "reshare: the device deals its share away"

    def group(self, house):
        return made("purse")

    def run(self, house):
        group = self.group(house)
        own = [house.index(group, "device")]
        proposer = house.parties["fourth"].custody
        terms = flows.reshare_terms(house.uuid(), proposer, group, 2, 1, own, own)
        house.run(terms, [*house.seats(group, terms.members), "third"])

    def verdict(self, found, old, new):
        return Process.verdict(self, found, old, new)


class LateCertificate(Epochs):
    """The device stored its new share and was away when the acknowledgements came."""

    name = "certificate brought later"

    def prepare(self):
        house = standing("missed")
        group = savings()
        roster = house.custody.roster(group)
        terms = flows.refresh_terms(house.uuid(), group, roster)
        seats = house.seats(group, roster.indexes())
        away = EvilRelay(drop=lambda parcel: parcel.to == seats.index("device") and parcel.round == 4)
        house.session(terms, seats, away)
        house.ask("session_abort")
        return again(house, "missed again")

    def run(self, house):
        assert house.ask("group_adopt", house.parties["phone"].custody.certificate(savings()))


# The roster alone


class Rosters(Process):
    """A process that changes the list of members and deals nothing."""

    between = ("new share waits",)

    def group(self, house: House) -> bytes:
        return savings()

    def subject(self, house):
        group = self.group(house)
        record = house.custody.find(group)
        if record is None or not record.epoch:
            return (None if record is None else tuple(record.pendings), ())
        return (house.custody.roster(group).hash(), tuple(sorted(replaced(house.app.vault, group))))

    def verdict(self, found, old, new):
        if old == (None, ()) and found[0] and found != new:
            return self.between[0]
        return super().verdict(found, old, new)


class Helping(Rosters):
    name = "enrol: the device helps"

    def terms(self, house):
        group = savings()
        helpers = [house.index(group, "device"), house.index(group, "phone")]
        return flows.enrol_terms(house.uuid(), house.custody, group, sorted(helpers))

    def run(self, house):
        terms = self.terms(house)
        house.run(terms, [*house.seats(terms.group, terms.members), "third"])


class Enrolled(Rosters):
    name = "enrol: the device is new"
    prepare = Joining.prepare
    group = Joining.group

    def run(self, house):
        group = self.group(house)
        helpers = house.any_custody(group).roster(group).indexes()
        terms = flows.enrol_terms(house.uuid(), house.parties["phone"].custody, group, helpers)
        house.run(terms, [*house.seats(group, helpers), "device"])


class Mastery(Rosters):
    name = "master chosen"

    def run(self, house):
        group = savings()
        roster = house.custody.roster(group)
        terms = flows.master_terms(house.uuid(), group, roster, house.index(group, "device"))
        house.run(terms, house.seats(group, terms.members))


class Recovery(Rosters):
    name = "recover: a new device gets the share back"

    def prepare(self):
        house = standing_with_backup("device")
        self.own = house.index(savings(), "device")
        stores = {name: dict(party.store) for name, party in house.parties.items()}
        new = House(None, stores, "recovering", house.keepers)
        pair_host(new)
        create(new, ["device", "fourth"], "other purse")
        return again(new, "recovering again")

    def run(self, house):
        group = savings()
        house.app.board.typing = "text:" + CODE
        phone, cloud = house.index(group, "phone"), house.index(group, "cloud")
        terms = flows.recover_terms(
            house.uuid(), house.parties["phone"].custody, group, self.own, sorted([phone, cloud]), phone, cloud, BACKUP
        )
        house.run(terms, [*in_order(house, group, "phone", "cloud"), "device"])


# Nothing of the group but its marks


class Signing(Process):
    """Signing leaves the digest spent; a cut while the peer's messages are checked is a ban without a strike."""

    name = "sign"
    between = ("the digest may be signed", "the pair is banned")
    text = "pay"

    def subject(self, house):
        group = savings()
        journal = house.custody.journal
        digest = flows.request_digest(message(self.text))
        return (
            tuple(house.custody.unusable(group)),
            house.custody.is_spent(group, digest),
            journal.unresolved(group) == digest,
        )

    def run(self, house):
        group = savings()
        signers = sorted([house.index(group, "device"), house.index(group, "phone")])
        terms = flows.sign_terms(house.uuid(), group, house.custody.roster(group), signers, message(self.text))
        house.run(terms, house.seats(group, signers))

    def verdict(self, found, old, new):
        banned, spent, unresolved = found
        if banned:
            return self.between[1]
        if spent and unresolved:
            return self.between[0]
        return super().verdict(found, old, new)


class PairSetUp(Process):
    """A new state with a member; a cut while its messages are checked is a ban without a strike."""

    name = "pair set-up"
    between = ("new pair waits", "the pair is banned")

    def subject(self, house):
        group, peer = savings(), house.index(savings(), "phone")
        vault = house.app.vault
        state = vault.read(f"pair/{group.hex()}/{house.custody.group(group).epoch}/{peer}")
        return (state, bool(vault.names("fresh/")), tuple(house.custody.unusable(group)))

    def run(self, house):
        group = savings()
        both = sorted([house.index(group, "device"), house.index(group, "phone")])
        terms = flows.pair_terms(house.uuid(), group, house.custody.roster(group), *both)
        house.run(terms, house.seats(group, both))

    def verdict(self, found, old, new):
        if found[2]:
            return self.between[1]
        if found[1] and found[0] == old[0]:
            return self.between[0]
        return super().verdict(found, old, new)


class Export(Process):
    name = "export"

    def run(self, house):
        group = savings()
        both = sorted([house.index(group, "device"), house.index(group, "phone")])
        phone = house.index(group, "phone")
        roster = house.custody.roster(group)
        terms = flows.export_terms(house.uuid(), group, roster, both, phone, "moving house")
        house.run(terms, house.seats(group, both))

    def subject(self, house):
        return house.custody.group(savings()).exposed


class BackingUp(Process):
    """The device's share is backed up: at the device only the record of the session is new."""

    name = "backup: of the device's share"

    def prepare(self):
        return standing(keepers={"phone": MemoryKeeper(), "cloud": CloudKeeper()})

    def run(self, house):
        back_up(house, "device")

    def subject(self, house):
        return log.read(house.app.vault, 0)[0]


class KeepingPiece(Process):
    name = "backup: the device keeps a piece"

    def prepare(self):
        return standing(keepers={"phone": MemoryKeeper(), "cloud": CloudKeeper()})

    def run(self, house):
        back_up(house, "phone")

    def subject(self, house):
        return tuple(house.app.vault.names("backup/"))


class Recording(Process):
    """The session with which the oldest page of the record goes."""

    name = "log: the oldest page goes"

    def prepare(self):
        house = standing("full log")
        vault = house.app.vault
        while log.read(vault, 0)[0] < LOG_ENTRIES_PER_PAGE * LOG_PAGES:
            number = log.read(vault, 0)[0]
            log.append(vault, 0, number.to_bytes(16, "big"), "sign", bytes(16), [], bytes(32), "done")
        return again(house, "full log again")

    def run(self, house):
        log.append(house.app.vault, 0, b"one entry more..", "sign", bytes(16), [], bytes(32), "done")

    def subject(self, house):
        return log.read(house.app.vault, 0)[:2]

    def afterwards(self, house, verdict):
        assert len(house.app.vault.names("log/")) <= LOG_PAGES + 1


PROCESSES: tuple[type[Process], ...] = (
    FirstStart, Pairing, Revocation, RevocationOfAll, Creation, Import, Refresh, Addition, Removal, Joining, Leaving,
    LateCertificate, Helping, Enrolled, Mastery, Recovery, Signing, PairSetUp, Export, BackingUp, KeepingPiece,
    Recording, *PIN_PROCESSES, *OWNER_PROCESSES,
)  # fmt: skip
