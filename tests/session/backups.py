"""Sessions of backups, their tests and recoveries over real custody. For flow and malice tests.

backed = Backed(Wallet.create(2, 3), device=3, holders=[1, 2], cloud=2)
backed.make()
new, network = backed.recover()
"""

from daric_protocol import flows
from daric_protocol.flows.backing import Backing

from tests.session.keepers import CloudKeeper, MemoryKeeper
from tests.session.network import Network
from tests.session.parties import Party

BACKUP = b"backup-of-a-test"
CODE = "MFRGGZDFMZTWQ2LK"


class Backed:
    """A wallet, one member's backup, and who keeps its pieces.

    phone: the lowest holder that is not the cloud. cloud: the holder that nobody attends, 0 for none.
    """

    def __init__(self, wallet, device, holders, cloud=0, threshold=2):
        self.wallet = wallet
        self.device = device
        self.holders = holders
        self.cloud = cloud
        self.phone = min(j for j in holders if j != cloud)
        self.threshold = threshold
        self.keepers = {j: CloudKeeper() if j == cloud else MemoryKeeper() for j in wallet.parties}
        self.lost = wallet.parties[device]

    def custody(self, index):
        return self.wallet.parties[index].custody

    @property
    def sheet(self):
        return self.keepers[self.phone].kept[self.wallet.group_id, BACKUP][0]

    def open(self, index, terms, code="", **options):
        """One member's session."""
        backing = Backing(self.keepers[index], code)
        return self.wallet.parties[index].open(terms, attended=index != self.cloud, backing=backing, **options)

    def making(self, relay=None, code=CODE, backup_id=BACKUP, **changes):
        """The sessions of a backup, by ascending index, not started."""
        given = {"threshold": self.threshold, "holders": self.holders, "phone": self.phone, "cloud": self.cloud}
        given.update(changes)
        terms = flows.backup_terms(
            self.wallet.uuid(), self.custody(self.phone), self.wallet.group_id, backup_id, given["threshold"],
            self.device, given["holders"], given["phone"], given["cloud"],
        )  # fmt: skip
        return Network([self.open(j, terms, code if j == self.device else "") for j in terms.members], relay)

    def make(self, **more):
        """A backup that is there."""
        network = self.making(**more).start().confirm().run()
        assert set(network.states()) == {"done"}, errors(network)
        assert {session.result for session in network.sessions} == {self.sheet}
        return self

    def verifying(self, sheet_hash, holders=None, relay=None, backup_id=BACKUP):
        terms = flows.verify_terms(
            self.wallet.uuid(), self.custody(self.phone), self.wallet.group_id, backup_id, sheet_hash,
            holders or self.holders,
        )  # fmt: skip
        return Network([self.open(j, terms) for j in terms.members], relay)

    def recovering(self, members=None, code=CODE, new=None, relay=None, backup_id=BACKUP, restored=None, **changes):
        """(the new party, sessions by ascending index with the recovering one last), not started."""
        members = self.holders if members is None else members
        new = new or Party(f"new device {self.wallet.sessions}")
        phone = changes.get("phone", self.phone)
        cloud = changes.get("cloud", self.cloud if self.cloud in members else 0)
        terms = flows.recover_terms(
            self.wallet.uuid(), self.custody(members[0]), self.wallet.group_id, self.device, list(members), phone,
            cloud, backup_id,
        )  # fmt: skip
        sessions = [self.open(j, terms) for j in terms.members]
        sessions.append(new.open(terms, backing=Backing(None, code, restored)))
        return new, Network(sessions, relay)

    def recover(self, members=None, **more):
        """(the new party, sessions) of a recovery that is through."""
        new, network = self.recovering(members, **more)
        network.start().confirm().run()
        assert set(network.states()) == {"done"}, errors(network)
        return new, network

    def after(self, new, network):
        """The wallet with the new party in place of the lost one; who was away is told."""
        change = network.sessions[0].result
        for index, party in self.wallet.parties.items():
            if index != self.device:
                party.custody.adopt(change)
        others = [party for index, party in self.wallet.parties.items() if index != self.device]
        return self.wallet.after([*others, new])


def errors(network):
    """What every party says, for a message."""
    return [session.error and (session.error.name, session.error.detail) for session in network.sessions]


def verdicts(network):
    """(name, culprit) of every party."""
    return [
        session.error and (session.error.name, getattr(session.error, "blame", None)) for session in network.sessions
    ]
