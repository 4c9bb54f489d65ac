"""Members 1 to 4 back member 4's share up and bring it back, round by round over memory: for tests of lies.

Member 4 is the device, 1 the phone, 2 the cloud, 3 a third holder.
"""

from daric_protocol.backingdetails import BackupDetails, VerifyDetails
from daric_protocol.identity import Identity
from daric_protocol.rounds import backuprounds
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.rounds.recover import recover

from tests.rounds.exchange import randomness, results
from tests.rounds.groups import GROUP_ID, group, session
from tests.rounds.memory_custody import MemoryCustody
from tests.session.keepers import CloudKeeper, MemoryKeeper

PHONE, CLOUD, HOLDER, DEVICE = 1, 2, 3, 4
BACKUP, CODE, UUID = b"backup-of-a-test", "MFRGGZDFMZTWQ2LK", b"session of tests"
NEW = Identity(424242)
SOFT = ("soft", None)
NONE = ("done", None)


def verdict(party):
    """(class, culprit) of how a party ended."""
    return NONE if party.error is None else (party.error.name, getattr(party.error, "blame", None))


def verdicts(ended):
    return {index: verdict(party) for index, party in ended.items()}


def assert_named(ended, culprit, receiver):
    """The receiver names the culprit, and nobody names anybody else."""
    assert verdict(ended[receiver]) == ("blame", culprit), ended[receiver].error
    assert {who for _, who in verdicts(ended).values()} <= {None, culprit}


class House:
    """A group with keepers."""

    def __init__(self, cloud=CLOUD):
        self.custodies = group(2, 4)
        self.cloud = cloud
        self.asked = BackupDetails(BACKUP, 2, DEVICE, PHONE, cloud)
        self.keepers = {j: CloudKeeper() if j == cloud else MemoryKeeper() for j in self.custodies}

    def backing_up(self, name="backup", code=CODE):
        """{index: generator} of a backup."""
        return {
            me: backuprounds.back_up(
                session("backup"), custody.shard, [1, 2, 3, 4], self.asked, custody.identity, self.keepers[me],
                me == self.cloud, code if me == DEVICE else "", randomness(f"{name}/{me}"),
            )
            for me, custody in self.custodies.items()
        }  # fmt: skip

    def backed_up(self):
        results(self.backing_up())
        return self

    def kept(self):
        return [j for j in self.custodies if self.keepers[j].kept]

    def sheet(self):
        return BackupSheet.decode(self.keepers[PHONE].kept[GROUP_ID, BACKUP][0])

    def verifying(self, members=(1, 2, 3), name=None):
        asked = VerifyDetails(BACKUP, name or self.sheet().hash())
        return {
            me: backuprounds.verify(
                session("verify"), self.custodies[me].shard, list(members), asked, self.keepers[me], randomness(f"{me}")
            )
            for me in members
        }  # fmt: skip

    def recovering(self, members=(1, 2, 3), code=CODE, cloud=None):
        """{index: generator} of a recovery, and the gatherings."""
        roster = self.custodies[PHONE].shard.roster
        custodies = {**self.custodies, DEVICE: MemoryCustody(NEW, randomness("new device"))}
        asked = Asked(DEVICE, CLOUD if CLOUD in members and cloud is None else cloud or 0)
        made, self.gatherings = {}, {}
        for me in sorted([*members, DEVICE]):
            custody, keeper = custodies[me], None if me == DEVICE else self.keepers[me]
            self.gatherings[me] = backuprounds.Gathering(
                asked, b"asked", UUID, custody.identity, keeper, me == self.cloud, code if me == DEVICE else ""
            )
            made[me] = recover(
                me, session("recover"), GROUP_ID, roster, list(members), DEVICE, NEW.public, custody,
                randomness(f"recover/{me}"), custody.shard, gathering=self.gatherings[me],
            )  # fmt: skip
        return made

    def bad(self):
        return {me: gathering.bad for me, gathering in self.gatherings.items()}


class Asked:
    """What the terms of a recovery say."""

    def __init__(self, index, cloud):
        self.backup_id, self.index, self.phone, self.cloud = BACKUP, index, PHONE, cloud
