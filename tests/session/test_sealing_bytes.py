"""The end-to-end keys and frames, made a second time by other code: docs/protocol.md, section 1; docs/encodings.md."""

import hashlib

import cbor2
import pytest
from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from daric_protocol.envelope import Envelope
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.joining import Opening, joins_digest
from daric_protocol.sealing import Channel, SessionContext
from daric_protocol.terms import Terms

UUID, GROUP, EPOCH = bytes(range(16)), bytes(range(16, 32)), 0x01020304
SECRETS = {"a": (0xA1, 0xA2), "b": (0xB1, 0xB2)}  # identity, ephemeral
SID = hashlib.sha256(b"a dealing").digest()
SSID = hashlib.sha256(b"a session").digest()
PLACE = (SID, 1, 2, "sign", 5, 3, True)  # sid, from, to, op, stream, chunk, last


def opening(party):
    public = [PrivateKey(secret.to_bytes(32, "big")).public_key.format() for secret in SECRETS[party]]
    return Opening(*public, hashlib.sha256(party.encode()).digest())


def channel(me, peer, uuid=UUID, op="sign", group=GROUP, epoch=EPOCH, ssid=SSID, joins=None):
    terms = Terms(uuid, op, group, 2, 2, [1, 2], b"r" if op == "sign" else b"", "")
    joins = joins_digest(uuid, op, False, [opening("a"), opening("b")]) if joins is None else joins
    keys = [Identity(secret) for secret in SECRETS[me]]
    return Channel(SessionContext(terms, ssid, epoch, joins), *keys, opening(me), opening(peer))


def tagged(tag, *fields):
    data = bytes([len(tag)]) + tag.encode()
    return hashlib.sha256(data + b"".join(len(field).to_bytes(4, "big") + field for field in fields)).digest()


def x_of(secret, public):
    return PublicKey(public).multiply(secret.to_bytes(32, "big")).format()[1:]


def expected_key():
    """From a to b."""
    (sa, ea), a, b = SECRETS["a"], opening("a"), opening("b")
    shared = x_of(ea, b.ephemeral) + x_of(ea, b.identity) + x_of(sa, b.ephemeral) + x_of(sa, b.identity)
    ordered = sorted([a, b], key=lambda one: one.identity)
    joins = hashlib.sha256(b"".join(one.identity + one.ephemeral + one.nonce for one in ordered)).digest()
    info = tagged(
        "dkls/e2e", UUID, b"sign", GROUP, EPOCH.to_bytes(4, "big"), a.identity, b.identity, a.ephemeral, b.ephemeral,
        joins,
    )  # fmt: skip
    return HKDF(SHA256(), 32, SSID, info).derive(shared)


def test_a_frame_is_sealed_exactly_as_the_encodings_say():
    frame = channel("a", "b").seal(*PLACE, b"plaintext")
    aad = cbor2.dumps([SID, 1, 2, "sign", 2, 5, 3, True])
    structure = cbor2.dumps(["Encrypt0", b"\xa1\x01\x18\x1f", aad])
    nonce = b"\0" + (5).to_bytes(4, "big") + (3).to_bytes(8, "big")
    sealed = [b"\xa1\x01\x18\x1f", {}, AESCCM(expected_key(), 16).encrypt(nonce, b"plaintext", structure)]
    assert frame == cbor2.dumps([SID[:8], 1, 5, 3, True, sealed])


def test_the_receiver_opens_it():
    frame = Envelope.decode(channel("a", "b").seal(*PLACE, b"plaintext"))
    assert channel("b", "a").open(SID, 1, 2, "sign", frame) == b"plaintext"


@pytest.mark.parametrize(
    "place",
    [(SSID, 1, 2, "sign"), (SID[:8] + bytes(24), 1, 2, "sign"), (SID, 3, 2, "sign"), (SID, 1, 3, "sign"),
     (SID, 2, 1, "sign"), (SID, 1, 2, "pair")],
)  # fmt: skip
def test_a_frame_opens_in_its_own_place_only(place):
    frame = Envelope.decode(channel("a", "b").seal(*PLACE, b"plaintext"))
    with pytest.raises(DaricError) as refused:
        channel("b", "a").open(*place, frame)
    assert refused.value.name == "sealed"


@pytest.mark.parametrize("change", [{"stream": 4}, {"stream": 7}, {"chunk": 2}, {"last": False}])
def test_a_frame_with_another_head_does_not_open(change):
    frame = Envelope.decode(channel("a", "b").seal(*PLACE, b"plaintext"))
    for name, value in change.items():
        setattr(frame, name, value)
    with pytest.raises(DaricError):
        channel("b", "a").open(SID, 1, 2, "sign", frame)


@pytest.mark.parametrize(
    "other",
    [{"uuid": bytes(16)}, {"op": "pair"}, {"group": bytes(16)}, {"epoch": 1}, {"ssid": SID}, {"joins": SID}],
)
def test_parties_that_disagree_on_the_session_share_no_key(other):
    frame = Envelope.decode(channel("a", "b").seal(*PLACE, b"plaintext"))
    with pytest.raises(DaricError):
        channel("b", "a", **other).open(SID, 1, 2, "sign", frame)


def test_the_two_directions_have_two_keys():
    frame = Envelope.decode(channel("a", "b").seal(*PLACE, b"plaintext"))
    with pytest.raises(DaricError):
        channel("a", "b").open(SID, 1, 2, "sign", frame)
