"""The secret of a link: who joins by it shows that it has read it. Specification: docs/protocol.md, section 1."""

import hashlib
import hmac

import pytest
from daric_protocol import envelope, flows, joining, joinsecret, platform
from daric_protocol.errors import DaricError
from daric_protocol.tagged import TH

from tests.cddl import check
from tests.session.fakes import UUID, creating, signing
from tests.session.network import EvilRelay, Network, drbg
from tests.session.parties import Party

SECRET = bytes(range(16))


def with_secrets(sessions, *secrets):
    for session, secret in zip(sessions, secrets, strict=True):
        session.join_secret = secret
    return Network(sessions)


def opening(seed="opening"):
    draw = drbg(seed)
    return joining.Opening(b"\x02" + draw(32), b"\x03" + draw(32), draw(32))


def test_who_read_the_link_is_known_to_whoever_made_it_and_a_plain_id_joins_as_well():
    network = with_secrets(creating(), SECRET, SECRET, b"").start()
    joiner = network.sessions[1].me
    assert network.sessions[0].authenticated == [joiner]
    assert network.sessions[1].authenticated == [network.sessions[0].me]
    assert network.sessions[2].authenticated == []
    assert len({session.code for session in network.sessions}) == 1
    assert network.confirm().run().states() == ["done"] * 3


def test_the_secret_changes_neither_code_nor_session_id():
    plain, linked = Network(creating()).start(), with_secrets(creating(), SECRET, SECRET, SECRET).start()
    assert [session.code for session in plain.sessions] == [session.code for session in linked.sessions]
    assert plain.sessions[0].ssid == linked.sessions[0].ssid


def test_stored_members_that_join_in_clear_show_it_too():
    network = with_secrets(signing(), SECRET, SECRET)
    check("Opening", network.sessions[1].join())
    assert network.start().sessions[0].authenticated == [2]
    assert network.confirm().run().states() == ["done", "done"]


def test_the_mac_is_over_session_and_opening_under_the_secret():
    one = opening()
    digest = TH("daric/join", UUID, platform.cbor_encode([one.identity, one.ephemeral, one.nonce]))
    assert joinsecret.mac(SECRET, UUID, one) == hmac.new(SECRET, digest, hashlib.sha256).digest()


def test_an_opening_with_a_mac_has_four_items_and_reads_back():
    one = opening()
    check("Opening", envelope.encode(one))
    one.mac = joinsecret.mac(SECRET, UUID, one)
    data = envelope.encode(one)
    check("Opening", data)
    read = envelope.decode(joining.Opening, data)
    assert data[:1] == b"\x84" and read.mac == one.mac and read.joined() == one.joined()
    assert joinsecret.mac(SECRET, UUID, read) == one.mac
    assert joining.commit(UUID, "create", read) == joining.commit(UUID, "create", opening())


def test_the_question_says_who_has_read_the_link():
    parties = [Party(f"link {number}") for number in range(2)]
    terms = flows.create_terms(bytes(16), 2, 2, drbg("link"), "savings")
    network = with_secrets([party.open(terms) for party in parties], SECRET, SECRET).start()
    lines = flows.question(network.sessions[0], parties[0].custody)
    other = network.sessions[1].me
    at = lines.index(f"{other} phone someone")
    assert lines[at + 1] == " read the link" and lines.count(" read the link") == 1


@pytest.mark.parametrize("make", [creating, signing])
def test_a_wrong_secret_ends_the_session_softly(make):
    parties = 3 if make is creating else 2
    secrets = [SECRET] * (parties - 1) + [SECRET[::-1]]
    network = with_secrets(make(), *secrets).start().expire()
    assert "another link" in network.sessions[0].error.detail
    assert set(network.errors()) == {"soft"}


@pytest.mark.parametrize("length", [1, 31, 33, 64])
def test_a_mac_of_another_length_is_no_opening(length):
    one = opening()
    data = platform.cbor_encode([one.identity, one.ephemeral, one.nonce, bytes(length)])
    with pytest.raises(DaricError) as caught:
        envelope.decode(joining.Opening, data)
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("items", [0, 1, 2, 5])
def test_an_opening_has_three_or_four_items(items):
    one = opening()
    wire = [one.identity, one.ephemeral, one.nonce, bytes(32), bytes(32)][:items]
    with pytest.raises(DaricError) as caught:
        envelope.decode(joining.Opening, platform.cbor_encode(wire))
    assert caught.value.name == "encoding"


def altered(change):
    """A relay that changes the opening of seat 1 on its way to seat 0."""

    def tamper(parcel):
        if parcel.frame[:1] == b"\x84" and (parcel.origin, parcel.to) == (1, 0):
            return change(parcel.frame)
        return None

    return EvilRelay(tamper=tamper)


def test_a_relay_that_alters_the_mac_ends_the_session_softly():
    network = with_secrets(creating(2), SECRET, SECRET)
    network.relay = altered(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]))
    network.start().expire()
    assert set(network.errors()) == {"soft"}


def test_a_relay_that_strips_the_mac_gains_nothing_but_silence():
    network = with_secrets(creating(2), SECRET, SECRET)
    network.relay = altered(lambda frame: b"\x83" + frame[1:-34])
    network.start()
    assert network.sessions[0].authenticated == [] and network.sessions[0].code == network.sessions[1].code


def test_a_relay_without_the_secret_puts_no_other_opening_under_the_mac():
    network = with_secrets(creating(2), SECRET, SECRET)
    other = opening("other")
    network.relay = altered(lambda frame: b"\x84" + envelope.encode(other)[1:] + frame[-34:])
    network.start().expire()
    assert set(network.errors()) == {"soft"} and network.sessions[0].authenticated == []


def test_a_mac_of_another_session_is_refused():
    one = opening()
    one.mac = joinsecret.mac(SECRET, bytes(16), one)
    with pytest.raises(DaricError) as caught:
        joinsecret.proven(SECRET, UUID, [one])
    assert caught.value.name == "soft"


def test_a_party_without_the_secret_ignores_macs_good_or_bad():
    network = with_secrets(creating(2), b"", SECRET).start()
    assert network.sessions[0].authenticated == [] and network.sessions[0].state == "confirming"
