"""Pairing: equal codes only without anyone in between, and identities only for who was confirmed."""

import os

import pytest
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.pairing import Card, DevicePairing, HostPairing

HOST, DEVICE = Identity(1001), Identity(1002)


def shake() -> tuple[HostPairing, DevicePairing, str, str]:
    host = HostPairing(HOST, "phone", os.urandom)
    device = DevicePairing(host.commitment, os.urandom)
    opening, at_host = host.reveal(*device.revealed)
    return host, device, at_host, device.open(*opening)


def test_both_screens_show_the_same_six_digits() -> None:
    _, _, at_host, at_device = shake()
    assert at_host == at_device
    assert len(at_host) == 6
    assert at_host.isdigit()


def test_both_learn_the_others_identity_after_both_confirmed() -> None:
    host, device, _, _ = shake()
    assert device.confirmed(host.confirm()).identity == HOST.public
    card = host.finish(device.finish(DEVICE, "daric"))
    assert (card.identity, card.name) == (DEVICE.public, "daric")


def test_what_crosses_before_confirmation_holds_no_identity() -> None:
    host, device, _, _ = shake()
    clear = b"".join([host.commitment, *device.revealed, host.confirm()])
    assert HOST.public not in clear
    assert DEVICE.public not in clear


def test_a_party_in_between_meets_two_different_codes() -> None:
    host = HostPairing(HOST, "phone", os.urandom)
    false_host = HostPairing(Identity(666), "phone", os.urandom)
    device = DevicePairing(false_host.commitment, os.urandom)
    false_device = DevicePairing(host.commitment, os.urandom)
    opening, at_device = false_host.reveal(*device.revealed)
    device.open(*opening)
    _, at_host = host.reveal(*false_device.revealed)
    assert at_host != at_device


def test_another_opening_than_the_committed_one_is_refused() -> None:
    host = HostPairing(HOST, "phone", os.urandom)
    other = HostPairing(HOST, "phone", os.urandom)
    device = DevicePairing(host.commitment, os.urandom)
    opening, _ = other.reveal(*device.revealed)
    with pytest.raises(DaricError) as caught:
        device.open(*opening)
    assert caught.value.name == "pairing"


def test_a_pairing_is_opened_once() -> None:
    host = HostPairing(HOST, "phone", os.urandom)
    device = DevicePairing(host.commitment, os.urandom)
    opening, _ = host.reveal(*device.revealed)
    device.open(*opening)
    with pytest.raises(DaricError) as caught:
        device.open(*opening)
    assert caught.value.name == "pairing"


def test_a_card_of_another_pairing_is_refused() -> None:
    _, device, _, _ = shake()
    other, _, _, _ = shake()
    with pytest.raises(DaricError) as caught:
        device.confirmed(other.confirm())
    assert caught.value.name == "pairing"


def test_a_reflected_card_is_refused() -> None:
    host, device, _, _ = shake()
    device.confirmed(host.confirm())
    with pytest.raises(DaricError) as caught:
        host.finish(host.confirm())
    assert caught.value.name == "pairing"


def test_an_identity_without_its_key_is_refused() -> None:
    host, device, _, _ = shake()
    agreement = host._agreed()
    agreement.transcript, kept = bytes(32), agreement.transcript
    foreign = Identity(5).sign(bytes(32), os.urandom)
    agreement.transcript = kept

    class Borrowed:
        public = DEVICE.public

        def sign(self, digest: bytes, random: object) -> bytes:
            return foreign

    with pytest.raises(DaricError) as caught:
        device.confirmed(agreement.seal(0, Borrowed(), "phone", os.urandom))  # type: ignore[arg-type]
    assert caught.value.name == "pairing"


def test_the_device_gives_no_card_before_the_host_confirmed() -> None:
    _, device, _, _ = shake()
    with pytest.raises(DaricError) as caught:
        device.finish(DEVICE, "daric")
    assert caught.value.name == "pairing"


def test_the_host_confirms_nothing_before_the_device_answered() -> None:
    with pytest.raises(DaricError) as caught:
        HostPairing(HOST, "phone", os.urandom).confirm()
    assert caught.value.name == "pairing"


@pytest.mark.parametrize("commitment", [b"", bytes(31), bytes(33), "text", 7, None])
def test_a_malformed_commitment_is_refused(commitment: object) -> None:
    with pytest.raises(DaricError) as caught:
        DevicePairing(commitment, os.urandom)
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("sealed", [b"", bytes(300), "text", None])
def test_a_malformed_card_is_refused(sealed: object) -> None:
    _, device, _, _ = shake()
    with pytest.raises(DaricError) as caught:
        device.confirmed(sealed)
    assert caught.value.name in ("encoding", "pairing")


@pytest.mark.parametrize(
    "fields", [[], [bytes(33), bytes(64), "x" * 41], [bytes(33), bytes(64), b"bytes"], [bytes(33), b"", ""]]
)
def test_a_malformed_card_inside_the_seal_is_refused(fields: list) -> None:
    with pytest.raises(DaricError) as caught:
        Card.from_wire(fields)
    assert caught.value.name == "encoding"


def test_the_host_tells_the_device_which_cloud_it_knows():
    host = HostPairing(HOST, "phone", os.urandom, DEVICE.public)
    device = DevicePairing(host.commitment, os.urandom)
    opening, _ = host.reveal(*device.revealed)
    device.open(*opening)
    assert device.confirmed(host.confirm()).cloud == DEVICE.public


@pytest.mark.parametrize("cloud", [b"\x02", bytes(32), bytes(34), None, "cloud"])
def test_a_card_with_a_malformed_cloud_is_refused(cloud):
    with pytest.raises(DaricError) as refused:
        Card.from_wire([HOST.public, bytes(64), "phone", cloud])
    assert refused.value.name == "encoding"
