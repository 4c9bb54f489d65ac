"""Sealed messages: exactly one form, bound to key, nonce and external AAD."""

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from daric_protocol import cose
from daric_protocol.errors import DaricError

KEY, NONCE, AAD, PLAINTEXT = bytes(range(32)), bytes(13), b"context", b"sub-share"


@pytest.fixture
def sealed():
    return cose.seal(KEY, NONCE, PLAINTEXT, AAD)


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def test_a_sealed_message_is_an_untagged_encrypt0_that_other_libraries_open(sealed):
    protected, unprotected, ciphertext = cbor2.loads(sealed)
    assert (protected, unprotected) == (bytes.fromhex("a101181f"), {})
    structure = cbor2.dumps(["Encrypt0", protected, AAD])
    assert AESCCM(KEY, 16).decrypt(NONCE, ciphertext, structure) == PLAINTEXT


@pytest.mark.parametrize("size", [0, 1, 239, 240, 16384])
def test_messages_of_all_sizes_come_back(size):
    sealed = cose.seal(KEY, NONCE, bytes(size), AAD)
    assert cose.open(KEY, NONCE, sealed, AAD) == bytes(size)
    assert len(sealed) <= size + cose.OVERHEAD


@pytest.mark.parametrize(
    ("key", "nonce", "aad"),
    [(bytes(32), NONCE, AAD), (KEY, bytes(12) + b"\1", AAD), (KEY, NONCE, b""), (KEY, NONCE, b"contexT")],
    ids=["key", "nonce", "no aad", "aad"],
)
def test_another_key_nonce_or_aad_does_not_open_it(sealed, key, nonce, aad):
    assert refusal(cose.open, key, nonce, sealed, aad) == "sealed"


def test_every_changed_byte_is_refused(sealed):
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        assert refusal(cose.open, KEY, NONCE, bytes(changed), AAD) in ("sealed", "encoding")


def test_every_truncation_is_refused(sealed):
    for end in range(len(sealed)):
        assert refusal(cose.open, KEY, NONCE, sealed[:end], AAD) == "encoding"


@pytest.mark.parametrize(
    "parts",
    [
        [b"\xa1\x01\x18\x1e", {}, bytes(20)],
        [b"\xa1\x01\x18\x1f", {5: bytes(13)}, bytes(20)],
        [b"", {}, bytes(20)],
        [b"\xa1\x01\x18\x1f", {}],
        [b"\xa1\x01\x18\x1f", {}, "text"],
        [b"\xa1\x01\x18\x1f", [], bytes(20)],
        {},
        7,
    ],
    ids=["algorithm", "nonce inside", "no header", "two", "text", "list", "map", "integer"],
)
def test_other_headers_and_shapes_are_refused(parts):
    assert refusal(cose.open, KEY, NONCE, cbor2.dumps(parts), AAD) == "encoding"


def test_a_tagged_message_is_not_one_of_ours(sealed):
    assert refusal(cose.open, KEY, NONCE, b"\xd0" + sealed, AAD) == "encoding"


def test_a_ciphertext_shorter_than_its_tag_is_refused():
    assert refusal(cose.open, KEY, NONCE, cbor2.dumps([b"\xa1\x01\x18\x1f", {}, bytes(15)]), AAD) == "sealed"


@pytest.mark.parametrize(("key", "nonce"), [(KEY[:16], NONCE), (KEY, NONCE[:12]), (b"", b"")])
def test_other_key_and_nonce_sizes_are_refused(sealed, key, nonce):
    assert refusal(cose.seal, key, nonce, PLAINTEXT, AAD) == "parameter"
    assert refusal(cose.open, key, nonce, sealed, AAD) == "parameter"


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({1: 1}, {5: NONCE}),
        ({1: [31]}, {5: NONCE}),
        ({1: "A"}, {5: NONCE}),
        ({1: 31, 2: [1]}, {5: NONCE}),
        ({1: 31}, {}),
        ({1: 31}, {5: bytes(7)}),
        ({1: 31}, {5: "nonce"}),
        ({}, {5: NONCE}),
        ([1, 31], {5: NONCE}),
    ],
)
def test_general_messages_of_other_kinds_are_refused(protected, unprotected):
    message = cbor2.dumps([cbor2.dumps(protected), unprotected, bytes(30)])
    assert refusal(cose.open_any, KEY, message, AAD) == "encoding"
