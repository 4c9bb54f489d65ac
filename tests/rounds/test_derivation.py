"""Child keys of a group: what is refused, and that the group signs for them."""

import hashlib
import hmac

import pytest
from coincurve import PublicKey
from daric_protocol import bip32, sha512
from daric_protocol.errors import DaricError
from daric_protocol.platform import sha512 as door

from tests.rounds.groups import DIGEST, group, sign_together
from tests.rounds.oracle import assert_signed

KEY = PublicKey.from_valid_secret(bytes(31) + b"\x07").format()


@pytest.mark.parametrize("length", [0, 1, 63, 64, 111, 112, 127, 128, 129, 239, 240, 256, 1000])
def test_our_sha512_is_hashlibs(length):
    data = bytes(n * 7 & 255 for n in range(length))
    assert sha512.sha512(data) == hashlib.sha512(data).digest() == door.sha512(data)
    for key in (data[:20], data):
        assert sha512.hmac_sha512(key, data) == hmac.digest(key, data, "sha512") == door.hmac_sha512(key, data)


@pytest.mark.parametrize("path", [[2**31], [0, 2**32 - 1], [-1], [2**32], [0] * 17])
def test_a_hardened_or_endless_path_is_refused(path):
    with pytest.raises(DaricError) as caught:
        bip32.tweak(KEY, bytes(32), path)
    assert caught.value.name == "parameter"


@pytest.mark.parametrize("cc", [b"", bytes(31), bytes(33)])
def test_a_chain_code_has_32_bytes(cc):
    with pytest.raises(DaricError) as caught:
        bip32.tweak(KEY, cc, [0])
    assert caught.value.name == "parameter"


def test_a_key_that_is_no_point_is_refused():
    with pytest.raises(DaricError) as caught:
        bip32.tweak(b"\x02" + bytes(31) + b"\x05", bytes(32), [])
    assert caught.value.name == "encoding"


def test_a_level_whose_scalar_is_out_of_range_has_no_key(monkeypatch):
    monkeypatch.setattr(door, "hmac_sha512", lambda *_: b"\xff" * 64)
    with pytest.raises(DaricError) as caught:
        bip32.tweak(KEY, bytes(32), [0])
    assert caught.value.name == "parameter"


def test_a_level_that_cancels_the_key_has_no_key(monkeypatch):
    cancelling = (bip32.Q - 7).to_bytes(32, "big")
    monkeypatch.setattr(door, "hmac_sha512", lambda *_: cancelling + bytes(32))
    with pytest.raises(DaricError) as caught:
        bip32.tweak(KEY, bytes(32), [0])
    assert caught.value.name == "parameter"


def test_a_group_signs_under_a_child_key():
    custodies = group(2, 3)
    shard = custodies[1].shard
    tweak, child, _ = bip32.tweak(shard.pk, shard.cc, [0, 7])
    assert child != shard.pk
    assert_signed(sign_together(custodies, [1, 3], "child", tweak=tweak), DIGEST, child)
