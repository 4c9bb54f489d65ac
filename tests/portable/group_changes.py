"""Import with a phrase, resharing to a newcomer, enrolment, backup, recovery, export: whole rounds. Prints `done`."""

from hashlib import sha256

from daric_protocol import platform
from daric_protocol.backingdetails import BackupDetails, RecoverDetails, VerifyDetails
from daric_protocol.details import Facts
from daric_protocol.identity import Identity
from daric_protocol.recoverycode import release_mac
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds import backuprounds
from daric_protocol.rounds.backup import BackupSheet
from daric_protocol.rounds.enrol import enrol
from daric_protocol.rounds.export import export
from daric_protocol.rounds.groupstart import Brought
from daric_protocol.rounds.imported import imported
from daric_protocol.rounds.recover import recover
from daric_protocol.rounds.reshare import reshare
from protocol_rounds import run

GROUP, SECRET, PHRASE = bytes(16), 0x123456789, bytes(range(32))
CODE = "MFRGGZDFMZTWQ2LK"


def drawing(seed):
    counter = [0]

    def random(length):
        out = b""
        while len(out) < length:
            counter[0] += 1
            out += sha256(f"{seed}/{counter[0]}".encode()).digest()
        return out[:length]

    return random


class Pieces:
    """Where a party keeps its piece of a backup."""

    def __init__(self):
        self.kept = None

    def keep(self, *kept):
        self.kept = kept

    def find(self, group_id, backup_id):
        return self.kept

    def check_release(self, group_id, backup_id, uuid, identity, mac):
        assert mac == release_mac(self.kept[3], uuid, identity, backup_id)


class Keeper:
    """One party's store."""

    def __init__(self, secret):
        self.identity = Identity(secret)
        self.pairs, self.fresh, self.shard = {}, {}, None

    def pair(self, peer):
        return self.pairs[peer]

    def store_pending(self, shard, pairs):
        self.fresh = dict(pairs)

    def use_epoch(self, epoch):
        pass

    def issue_index(self, index, identity):
        pass

    check_issue = issue_index

    def store_enrolled(self, shard):
        pass

    def doubt_identity(self, identity):
        pass

    def sign_identity(self, digest):
        return self.identity.sign(digest, drawing("sign"))


def settle(keepers, results):
    for me in results:
        keepers[me].shard = results[me][0]
        if keepers[me].fresh:
            keepers[me].pairs, keepers[me].fresh = keepers[me].fresh, {}


def with_new(roster, t, index, keeper):
    members = list(roster.members)
    members.append(Member(index, keeper.identity.public))
    return Roster(t, roster.version, roster.master, members)


def main():
    curve = platform.curve
    made = sorted([Keeper(1000 + n) for n in range(2)], key=lambda keeper: keeper.identity.public)
    keepers = {1: made[0], 2: made[1], 3: Keeper(2003), 4: Keeper(2004)}
    roster = Roster(2, 0, 0, [Member(j, keepers[j].identity.public) for j in (1, 2)])
    pk = curve.encode(curve.mul_g(SECRET))
    parties = {}
    for me in (1, 2):
        own = (SECRET, PHRASE) if me == 1 else ()
        parties[me] = imported(me, bytes(32), GROUP, roster, 1, pk, b"", 32, keepers[me], drawing(me), *own)
    settle(keepers, run(parties)[0])

    roster, parties = with_new(keepers[1].shard.roster, 2, 3, keepers[3]), {}
    for me in (1, 2, 3):
        known = Brought(1, 2) if me < 3 else Brought()
        parties[me] = reshare(
            me, bytes(32), GROUP, roster, [1, 2], [1, 2, 3], keepers[me], drawing(me), keepers[me].shard, known
        )
    settle(keepers, run(parties)[0])

    roster, parties = with_new(keepers[1].shard.roster, 2, 4, keepers[4]), {}
    for me in (1, 3, 4):
        known = Brought(2, 3) if me < 4 else Brought()
        parties[me] = enrol(me, bytes(32), GROUP, roster, [1, 3], 4, keepers[me], keepers[me].shard, known)
    results = run(parties)[0]
    results[2] = (results[1][1].applied(keepers[2].shard), None)
    results[1][1].check(keepers[2].shard)
    settle(keepers, results)

    shard, kept = keepers[4].shard, {1: Pieces(), 2: Pieces(), 3: Pieces()}
    asked = BackupDetails(bytes(16), 2, 4, 1, 2)
    parties = {}
    for me in (1, 2, 3, 4):
        parties[me] = backuprounds.back_up(
            bytes(32), keepers[me].shard, [1, 2, 3, 4], asked, keepers[me].identity, kept.get(me), me == 2, CODE,
            drawing(me),
        )  # fmt: skip
    sheet = BackupSheet.decode(run(parties)[0][4])
    tested, parties = VerifyDetails(bytes(16), sheet.hash()), {}
    for me in (2, 3):
        parties[me] = backuprounds.verify(bytes(32), keepers[me].shard, [2, 3], tested, kept[me], drawing(me))
    assert run(parties)[0][2] == [2, 3]

    keepers[4] = Keeper(4444)
    identity, parties = keepers[4].identity.public, {}
    facts = Facts(shard.pk, shard.epoch, 4, shard.roster)
    asked = RecoverDetails(bytes(16), 4, 1, 2, facts)
    for me in (1, 2, 4):
        gathering = backuprounds.Gathering(
            asked, b"asked", bytes(16), keepers[me].identity, kept.get(me), me == 2, CODE
        )
        parties[me] = recover(
            me, bytes(32), GROUP, shard.roster, [1, 2], 4, identity, keepers[me], drawing(me), keepers[me].shard,
            gathering=gathering,
        )  # fmt: skip
    settle(keepers, run(parties)[0])
    assert keepers[4].shard.s == shard.s

    exported = run({me: export(me, keepers[me].shard, [2, 4], 4, "test", bytes(32), keepers[me]) for me in (2, 4)})[0]
    assert (exported[4].secret, exported[4].entropy) == (SECRET, PHRASE)
    print("done")


if __name__ == "__main__":
    main()
