"""The cloud's receipt of an erasure: good for one group and one cloud party, and for nothing that was changed."""

import os

import pytest
from daric_host.receipts import CloudRecord, ErasureReceipt, read_receipt
from daric_protocol import envelope, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity

from tests import cddl

CLOUD = Identity(7)
GROUP = bytes(range(16))


def signed(signer=CLOUD, **changes):
    fields = {"group": GROUP, "epoch": 3, "time": 1_800_000_000, "identity": CLOUD.public} | changes
    receipt = ErasureReceipt(*fields.values(), bytes(64))
    receipt.signature = signer.sign(receipt.digest(), os.urandom)
    return receipt


def test_a_receipt_is_what_its_rule_says_and_verifies():
    data = signed().encode()
    cddl.check("ErasureReceipt", data)
    receipt = read_receipt(data, GROUP, CLOUD.public)
    assert (receipt.epoch, receipt.time) == (3, 1_800_000_000)


def test_a_record_is_what_its_rule_says():
    cddl.check("CloudRecord", envelope.encode(CloudRecord("shard/" + "00" * 16 + "/4294967295", 7, bytes(100))))


@pytest.mark.parametrize(
    "receipt",
    [
        signed(group=bytes(16)),
        signed(identity=Identity(8).public, signer=Identity(8)),
        signed(signer=Identity(8)),
    ],
    ids=["another group", "another cloud", "signed by another"],
)
def test_a_receipt_of_another_is_refused(receipt):
    with pytest.raises(DaricError) as caught:
        read_receipt(receipt.encode(), GROUP, CLOUD.public)
    assert caught.value.name == "signature"


@pytest.mark.parametrize(("field", "value"), [("epoch", 4), ("time", 1), ("signature", bytes(64))])
def test_a_changed_receipt_is_refused(field, value):
    receipt = signed()
    setattr(receipt, field, value)
    with pytest.raises(DaricError) as caught:
        read_receipt(receipt.encode(), GROUP, CLOUD.public)
    assert caught.value.name == "signature"


def test_every_flipped_byte_of_a_receipt_is_noticed():
    data = signed().encode()
    for at in range(len(data)):
        with pytest.raises(DaricError):
            read_receipt(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], GROUP, CLOUD.public)


@pytest.mark.parametrize(
    "value",
    [
        [],
        [GROUP, 3, 0, CLOUD.public],
        [GROUP, 3, 0, CLOUD.public, bytes(64), 0],
        [GROUP[:15], 3, 0, CLOUD.public, bytes(64)],
        [GROUP, 0, 0, CLOUD.public, bytes(64)],
        [GROUP, True, 0, CLOUD.public, bytes(64)],
        [GROUP, 3, 2**32, CLOUD.public, bytes(64)],
        [GROUP, 3, "now", CLOUD.public, bytes(64)],
        [GROUP, 3, 0, CLOUD.public[:32], bytes(64)],
        [GROUP, 3, 0, CLOUD.public, bytes(63)],
    ],
)
def test_what_is_no_receipt_is_refused(value):
    with pytest.raises(DaricError) as caught:
        read_receipt(platform.cbor_encode(value), GROUP, CLOUD.public)
    assert caught.value.name == "encoding"


def test_an_oversized_receipt_is_refused():
    with pytest.raises(DaricError) as caught:
        read_receipt(bytes(300), GROUP, CLOUD.public)
    assert caught.value.name == "too_large"
