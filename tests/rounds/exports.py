"""Imports and exports between test parties."""

from daric_protocol import platform
from daric_protocol.rounds.export import export
from daric_protocol.rounds.imported import imported

from tests.rounds.exchange import randomness, results
from tests.rounds.groups import GROUP_ID, new_roster, newcomers, session

SECRET = 0x1234567890ABCDEF
X = platform.curve.encode(platform.curve.mul_g(SECRET))


def imports(custodies, t, dealer, name="import", cc=b"", entropy=b"", secret=SECRET):
    """{index: generator} of an import."""
    roster = new_roster(t, len(custodies))
    generators = {}
    for me in sorted(custodies):
        own = (secret, entropy) if me == dealer else ()
        generators[me] = imported(
            me, session(name), GROUP_ID, roster, dealer, X, cc, len(entropy), custodies[me],
            randomness(f"{name}/{me}"), *own,
        )  # fmt: skip
    return generators


def import_together(t, n, dealer, **more):
    """{index: custody} of a group with an imported key."""
    custodies = newcomers(n, "import")
    for index, (_, acks) in results(imports(custodies, t, dealer, **more)).items():
        custodies[index].activate(acks)
    return custodies


def exports(custodies, members, initiator, purpose="moving house", named=None):
    """{index: generator} of an export."""
    return {
        me: export(me, custodies[me].shard, named or members, initiator, purpose, session("export"), custodies[me])
        for me in members
    }
