"""Run by MicroPython: custody on the vault through a life of a group of three, in a device's heap."""

import gc
import sys

from daric.board.flashfile import FlashFile
from daric.flash import MIN_BLOCKS, open_vault
from daric_protocol.custody import Custody, load_identity
from daric_protocol.errors import Abort, DaricError
from daric_protocol.identity import Identity
from daric_protocol.pairstate import PairState
from daric_protocol.platform.entropy import Entropy
from daric_protocol.roster import Member, Roster
from daric_protocol.shard import Shard

path = sys.argv[1]
entropy = Entropy()
GROUP = bytes(range(16))
SID = bytes(32)


def expect(condition, what):
    if not condition:
        print("FAILED", what)
        sys.exit(1)


def on_start():
    gc.collect()
    store = open_vault(FlashFile(path, MIN_BLOCKS), entropy.draw)
    return Custody(store, load_identity(store, entropy.draw), entropy.draw)


def refused(name, call, *arguments):
    try:
        call(*arguments)
    except DaricError as error:
        expect(error.name == name, error.name)
        return
    expect(False, "not refused: " + name)


custody = on_start()
identities = [custody.identity, Identity(2), Identity(3)]
members = [Member(i + 1, who.public, "", "", who.public) for i, who in enumerate(identities)]
roster = Roster(2, 0, 0, members)


def shard(epoch):
    return Shard(
        GROUP, "dkg", epoch, 1, 12345, identities[0].public, SID, roster, SID, bytes([epoch]) * 32, roster.hash()
    )


def state(label):
    return PairState(SID, label * 32, bytes(16), bytes(2048), bytes(2048), bytes(2048))


def certificate(which):
    return [(i + 1, who.sign(which.ack_digest(i + 1), entropy.draw)) for i, who in enumerate(identities)]


for epoch in (1, 2):
    with custody.session(GROUP, bytes([epoch]) * 16, roster) as session:
        session.use_session(bytes([epoch]) * 16)
        session.use_epoch(epoch)
        session.store_pending(shard(epoch), {2: state(b"a"), 3: state(b"b")})
    custody = on_start()
    expect(custody.group(GROUP).pendings == [epoch], "pending")
    refused("certificate", custody.activate, GROUP, certificate(shard(epoch))[:2])
    expect(custody.activate(GROUP, certificate(shard(epoch))) == epoch, "activated")
custody = on_start()
expect(custody.shard(GROUP).epoch == 2 and custody.shard(GROUP).s == 12345, "the shard is there")
expect(custody.unusable(GROUP) == [], "all pairs are usable")
expect(len(custody.store.names("shard/")) == 1 and len(custody.store.names("pair/")) == 2, "the old epoch is gone")
refused("replayed", custody.use_session, bytes([1]) * 16)
expect(custody.session_random(bytes(16), 2, entropy.draw)(32) != bytes(32), "session randomness")

session = custody.session(GROUP, bytes(16))
expect(session.pair(2).pid == b"a" * 32, "the pair is there")
session.open_check(2, SID)
session.close_check(2)
session.open_check(3, SID) if session.pair(3) else None
custody = on_start()  # power cut with an open mark
expect(custody.unusable(GROUP) == [3], "a mark is a ban")
session = custody.session(GROUP, bytes(16))
try:
    session.pair(3)
    expect(False, "a banned pair was given out")
except Abort as abort:
    expect(abort.name == "soft", abort.name)
session.spend(SID, SID)
session.store_pending_pair(3, state(b"c"), SID)
session.close()
expect(on_start().is_spent(GROUP, SID), "spent stays spent")
copy = on_start().certificate(GROUP)
expect(custody.adopt(copy) is False, "an old certificate changes nothing")
print("done")
