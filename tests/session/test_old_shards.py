"""What the shards of before a removal are still good for: nothing, once fewer of them are left than have to sign.

Specification: docs/protocol.md, section 8.
"""

import itertools

import pytest
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.group import pair_name, shard_name
from daric_protocol.polynomial import lagrange
from daric_protocol.tagged import Q

from tests.session.deaths import quick_transfers
from tests.session.network import Network
from tests.session.parties import MemoryStore, Party, Wallet, message
from tests.session.test_reshare_flows import done, signs


@pytest.fixture(scope="module")
def removed():
    """(the group 2-of-3 as it was, the group of 1 and 2 after member 3 was removed, the removed member)."""
    with quick_transfers():
        wallet = Wallet.create(2, 3, seed="old shards")
        before = wallet.copy()
        done(wallet.change(wallet.reshare_terms(2, leaving=[3])))
        return before, wallet.after([wallet.parties[1], wallet.parties[2]]), wallet.parties[3]


def copy(party):
    return Party(f"{party.name} once more", MemoryStore(party.store))


def test_the_members_that_stayed_keep_no_old_shard_and_no_old_pair(removed):
    before, after, out = removed
    gid = before.group_id
    for index in (1, 2):
        store = after.parties[index].store
        assert store.names("shard/") == [shard_name(gid, 2)]
        assert store.names("pair/") == [pair_name(gid, 2, 3 - index)]
        old = before.parties[index].custody.shard(gid).encode()
        assert not [name for name, value in store.items() if old[40:80] in value]
    assert out.store.names("shard/") == [shard_name(gid, 1)]


def test_an_old_shard_beside_a_new_one_gives_neither_the_key_nor_another_members_share(removed):
    before, after, out = removed
    gid, curve = before.group_id, platform.curve
    old = out.custody.shard(gid)
    for index in (1, 2):
        new = after.parties[index].custody.shard(gid)
        for x in (0, 1, 2, 3):
            value = (lagrange([3, index], 3, x) * old.s + lagrange([3, index], index, x) * new.s) % Q
            point = curve.encode(curve.mul_g(value))
            known = {0: [old.pk], **{i: [s.P[i] for s in (old, new) if i in s.P] for i in (1, 2, 3)}}[x]
            assert point not in known or (x == 3 and point == old.P[3]) or (x == index and point == new.P[index])


@pytest.mark.parametrize("op", ["sign", "export", "pair"])
def test_who_stayed_refuses_terms_of_the_old_group(removed, op):
    before, after, _ = removed
    gid, roster = before.group_id, before.roster
    terms = {
        "sign": lambda: flows.sign_terms(bytes(16), gid, roster, [1, 3], message("old")),
        "export": lambda: flows.export_terms(bytes(16), gid, roster, [1, 3], 3, "old"),
        "pair": lambda: flows.pair_terms(bytes(16), gid, roster, 1, 3),
    }[op]()
    with pytest.raises(DaricError) as refused:
        copy(after.parties[1]).open(terms)
    assert refused.value.name == "roster"


def test_a_removed_member_that_claims_the_new_epoch_and_a_place_in_the_new_roster_signs_nothing(removed):
    """It forges its own store: the new roster, under the number of a member that stayed, and the new epoch."""
    before, after, out = removed
    gid = before.group_id
    for own in (out.custody.shard(gid).s, before.parties[3].custody.shard(gid).s):
        thief = copy(out)
        shard = copy(after.parties[2]).custody.shard(gid)
        shard.s, shard.roster.members[1].identity = own, thief.custody.identity.public
        thief.store.write(shard_name(gid, 2), shard.encode())
        thief.store.write(pair_name(gid, 2, 1), thief.store.read(pair_name(gid, 1, 1)))
        group = thief.custody.group(gid)
        group.epoch, group.highest_epoch = 2, 2
        group.save(thief.store)
        thief.restart()
        honest = copy(after.parties[1])
        terms = flows.sign_terms(bytes(range(16)), gid, after.roster, [1, 2], message("forged"))
        network = Network([honest.open(terms), thief.open(terms)]).start().confirm().run().expire()
        assert network.states() == ["failed", "failed"] and network.sessions[0].error.name == "soft"
        assert honest.custody.unusable(gid) == []


def test_a_stolen_identity_with_an_old_shard_signs_nothing_either(removed):
    """The store of member 2 from before the removal, made to say that it is of the new epoch."""
    before, after, _ = removed
    gid = before.group_id
    for pair in ("old", "new"):
        thief = copy(after.parties[2])
        shard = thief.custody.shard(gid)
        shard.s = before.parties[2].custody.shard(gid).s
        thief.store.write(shard_name(gid, 2), shard.encode())
        if pair == "old":
            thief.store.write(pair_name(gid, 2, 1), before.parties[2].store.read(pair_name(gid, 1, 1)))
        honest = copy(after.parties[1])
        terms = flows.sign_terms(bytes(range(16)), gid, after.roster, [1, 2], message("stolen"))
        network = Network([honest.open(terms), thief.open(terms)]).start().confirm().run().expire()
        assert network.states() == ["failed", "failed"]
        assert network.sessions[0].error.name == "soft" and network.sessions[0].error.blame is None
        assert network.sessions[0].result is None


def test_the_group_signs_without_the_removed_member(removed):
    _, after, _ = removed
    mine = after.copy()
    assert all(signs(mine, list(pair)) for pair in itertools.combinations([1, 2], 2))
