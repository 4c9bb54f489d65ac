"""Ready groups for tests: one key generation per shape and test process, copied for every session."""

import functools
import hashlib

from daric_protocol.roster import Roster
from daric_protocol.rounds.keygen import keygen
from daric_protocol.rounds.pair import pair
from daric_protocol.rounds.sign import sign

from tests.rounds.exchange import randomness, results, run
from tests.rounds.memory_custody import MemoryCustody, identities

GROUP_ID = bytes(range(16))
DIGEST = hashlib.sha256(b"pay 1 ether to nobody").digest()
CTX = hashlib.sha256(b"what was shown").digest()


def session(name):
    """A session id for a test's session."""
    return hashlib.sha256(name.encode()).digest()


def new_roster(t, n):
    return Roster.create(t, [(identity.public, "phone", "") for identity in identities(n)])


def newcomers(n, name="new"):
    """{index: custody} of parties that have no group yet."""
    return {i + 1: MemoryCustody(who, randomness(f"{name}/{i}")) for i, who in enumerate(identities(n))}


def keygens(t, custodies, name="keygen", ssid=None):
    """{index: generator} of a key generation."""
    roster = new_roster(t, len(custodies))
    ssid = ssid or session(name)
    return {
        i: keygen(i, ssid, GROUP_ID, roster, custodies[i], randomness(f"{name}/{i}")) for i in sorted(custodies)
    }


@functools.cache
def _group(t, n):
    custodies = newcomers(n)
    for index, (_, acks) in results(keygens(t, custodies)).items():
        custodies[index].activate(acks)
    return custodies


def group(t, n):
    """{index: custody} of a finished group; a test may spoil what it gets."""
    return {index: custody.copy(randomness(f"copy/{index}")) for index, custody in _group(t, n).items()}


def signs(custodies, signers, name="sign", digest=DIGEST, tweak=0, ctx=CTX):
    """{index: generator} of a signature."""
    return {
        i: sign(
            i, custodies[i].shard, signers, digest, tweak, ctx, session(name), custodies[i], randomness(f"{name}/{i}")
        )
        for i in signers
    }


def pairs(custodies, a, b, name="pair"):
    """{index: generator} of a pair set-up."""
    return {
        me: pair(me, peer, custodies[me].shard, session(name), custodies[me], randomness(f"{name}/{me}"))
        for me, peer in ((a, b), (b, a))
    }


def sign_together(custodies, signers, name="sign", **more):
    """The signature that all signers got."""
    made = list(results(signs(custodies, signers, name, **more)).values())
    assert len({signature.encode() for signature in made}) == 1
    return made[0]


def sign_hostile(custodies, signers, relay, name="hostile"):
    """{index: Party} of a signature over a hostile relay."""
    return run(signs(custodies, signers, name), relay)
