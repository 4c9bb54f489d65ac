"""Certified changes of the roster of homes.first_shard, as sessions would leave them."""

from daric_protocol import proofs
from daric_protocol.platform import curve
from daric_protocol.roster import Member, Roster
from daric_protocol.rounds.rosterchange import RosterChange, recovery_sid, share_at

from tests.custody.homes import first_shard
from tests.rounds.exchange import randomness
from tests.rounds.groups import GROUP_ID
from tests.rounds.memory_custody import identities

PEOPLE = dict(enumerate(identities(3), 1))
DEALT = first_shard()[0].roster


def signed(change, signers):
    """signers: {index: Identity}."""
    change.acks = [(i, who.sign(change.ack_digest(i), randomness(f"ack {i}"))) for i, who in sorted(signers.items())]
    return change


def added(before, x, who, helpers):
    """A member more."""
    P = {member.index: member.public_share for member in DEALT.members}
    members = [*before.members, Member(x, who.public, "phone", "", share_at(P, 2, x))]
    change = RosterChange(GROUP_ID, 1, bytes([x]) * 32, x, Roster(2, before.version + 1, before.master, members))
    return signed(change, {**{i: PEOPLE[i] for i in helpers}, x: who})


def mastered(before, master, signers):
    change = RosterChange(GROUP_ID, 1, bytes([100 + master]) * 32, master, before.with_master(master))
    return signed(change, {i: PEOPLE[i] for i in signers})


def recovered(before, index, who, signers):
    """A member under another identity, proved by its share."""
    ssid, shard = bytes(range(32)), first_shard(index)[0]
    sid = recovery_sid(ssid, shard.pk, 1, index, who.public)
    proof = proofs.prove(sid, index, shard.s, curve.decode(shard.P[index]), randomness("proof"))
    change = RosterChange(GROUP_ID, 1, sid, index, before.with_identity(index, who.public), None, ssid + proof)
    return signed(change, {**{i: PEOPLE[i] for i in signers}, index: who})
