"""The largest group of the protocol: sixteen parties, and all of them sign."""

import coincurve
import pytest

from tests.rounds.exchange import results
from tests.rounds.groups import DIGEST, group, signs


@pytest.mark.slow
@pytest.mark.parametrize(("t", "signers"), [(16, range(1, 17)), (9, range(4, 13))])
def test_sixteen_parties_make_a_key_and_as_many_as_the_threshold_sign(t, signers):
    custodies = group(t, 16)
    signatures = results(signs(custodies, list(signers), name=f"{t} of 16"))
    assert len({signature.encode() for signature in signatures.values()}) == 1
    encoded = next(iter(signatures.values())).encode()
    key = coincurve.PublicKey.from_signature_and_message(encoded, DIGEST, hasher=None)
    assert key.format() == custodies[1].shard.pk
