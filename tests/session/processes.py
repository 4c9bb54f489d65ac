"""Every process of the requirements as sessions of a small group, for tests that do the same to each of them.

setting = Setting(house)
sessions = setting.open("enrol")
"""

from daric_protocol import envelope, flows
from daric_protocol.details import import_group
from daric_protocol.flows.backing import Backing
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.terms import Terms

from tests.session.backups import BACKUP, CODE, Backed
from tests.session.deaths import meet_again
from tests.session.network import Network, drbg
from tests.session.parties import Party, Wallet, message

SECRET = flows.Secret(0xDA51C, entropy=bytes(range(16)))
UUID = b"the one process."
NEW = ("create", "import")


def house():
    """A group 2-of-3 of which members 1 and 2 hold a backup of member 3."""
    return Backed(Wallet.create(2, 3, seed="processes"), 3, [1, 2], cloud=2).make()


class Setting:
    """Copies of the house's parties, and two that are in no group yet."""

    def __init__(self, made, label=""):
        self.wallet = made.wallet.copy()
        self.group_id = made.wallet.group_id
        self.keepers = made.keepers
        self.sheet_hash = BackupSheet.decode(made.sheet).hash()
        self.new = [Party(f"new {number} {label}") for number in range(3)]
        self.members = list(self.wallet.parties.values())

    def terms(self, op):
        """The terms of an operation as its initiator proposes them."""
        custody, roster, gid = self.members[0].custody, self.wallet.roster, self.group_id
        if op == "create":
            return flows.create_terms(UUID, 2, 3, drbg("new group"), "savings")
        if op == "import":
            dealer = self.new[0].custody.identity.public
            return flows.import_terms(UUID, 2, 3, SECRET, dealer, "savings")
        return {
            "sign": lambda: flows.sign_terms(UUID, gid, roster, [1, 2], message("pay one")),
            "export": lambda: flows.export_terms(UUID, gid, roster, [1, 2], 1, "moving house"),
            "pair": lambda: flows.pair_terms(UUID, gid, roster, 1, 2),
            "refresh": lambda: flows.refresh_terms(UUID, gid, roster),
            "add": lambda: flows.reshare_terms(UUID, custody, gid, 3, 1),
            "remove": lambda: flows.reshare_terms(UUID, custody, gid, 2, leaving=[3]),
            "enrol": lambda: flows.enrol_terms(UUID, custody, gid, [1, 2]),
            "master": lambda: flows.master_terms(UUID, gid, roster, 2),
            "backup": lambda: flows.backup_terms(UUID, custody, gid, b"another backup..", 2, 3, [1, 2], 1, 2),
            "verify": lambda: flows.verify_terms(UUID, custody, gid, BACKUP, self.sheet_hash, [1, 2]),
            "recover": lambda: flows.recover_terms(UUID, custody, gid, 3, [1, 2], 1, 2, BACKUP),
        }[op]()

    def seats(self, op, terms):
        """Who takes part, in the order of seats."""
        return [self.wallet.parties[index] for index in terms.members] + self.new[: terms.newcomers]

    def open_seat(self, op, seat, terms):
        """One party's session, of the terms that it was shown. Raises DaricError."""
        party = self.seats(op, self.terms(op))[seat]
        options = {}
        if op == "import" and seat == 0:
            options["secret"] = SECRET
        if op in ("backup", "verify", "recover"):
            index = seat + 1
            lost = party in self.new or (op == "backup" and index == 3)
            options["backing"] = Backing(None if lost else self.keepers[index], CODE if lost else "")
            options["attended"] = index != 2
        return party.open(terms, **options)

    def network(self, op, relay=None, shown=None):
        """The sessions of an operation, not started. shown: {seat: terms} that some are shown instead."""
        terms, shown = self.terms(op), shown or {}
        count = len(self.seats(op, terms))
        return Network([self.open_seat(op, seat, shown.get(seat, terms)) for seat in range(count)], relay)

    def unharmed(self, signers=()):
        """Everyone starts anew and tells the others what it has; no pair was lost, and the group signs."""
        for party in self.members:
            party.restart()
            assert not party.store.names("mark/")
        meet_again(self.members, self.group_id)
        roster = max((party.custody.roster(self.group_id) for party in self.members), key=lambda one: one.version)
        identities = [member.identity for member in roster.members]
        parties = [party for party in self.members + self.new if party.custody.identity.public in identities]
        assert 2 not in parties[0].custody.unusable(self.group_id)
        wallet = self.wallet.after(parties)
        asker = roster.master or 1
        signers = signers or sorted({asker, *roster.indexes()[: roster.t]})[: roster.t]
        terms = flows.sign_terms(b"after the process"[:16], self.group_id, roster, signers, message("after it"))
        terms = wallet.parties[asker].asks(terms)
        network = Network([wallet.parties[index].open(terms, confirmed=True) for index in signers])
        assert network.start().confirm().run().states() == ["done"] * len(signers), network.errors()


OPERATIONS = (
    "create", "import", "sign", "export", "pair", "refresh", "add", "remove", "enrol", "master", "backup", "verify",
    "recover",
)  # fmt: skip


def changed(terms, **fields):
    """The same terms with some fields changed."""
    values = {name: getattr(terms, name) for name in Terms.NAMES}
    values.update(fields)
    return Terms(*[values[name] for name in Terms.NAMES])


def detail(terms, **fields):
    """The same terms with some of the operation's details changed."""
    asked = terms.details()
    for name, value in fields.items():
        assert hasattr(asked, name)
        setattr(asked, name, value)
    request = envelope.encode(asked)
    group = import_group(terms.uuid, request) if terms.op == "import" else terms.group
    return changed(terms, request=request, group=group)
