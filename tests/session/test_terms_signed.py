"""Who asks for a session: the initiator's signature over its terms. Specification: docs/protocol.md, section 1."""

import pytest
from daric_protocol import envelope, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.tagged import TH
from daric_protocol.terms import Terms

from tests.cddl import check
from tests.session.fakes import create_terms
from tests.session.network import Network, drbg, identity
from tests.session.parties import Party, Wallet, message


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="signed terms")


@pytest.fixture
def wallet(made):
    return made.copy()


def signing(wallet, asker=1):
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], message("pay"))
    return wallet.parties[asker].asks(terms)


def refusal(party, terms):
    with pytest.raises(DaricError) as caught:
        party.open(terms)
    return caught.value.name


def asked_by(wallet, terms, index=1):
    """What member `index` reads after "Asked by:"."""
    network = Network([wallet.parties[member].open(terms) for member in terms.members]).start()
    lines = flows.question(network.sessions[terms.members.index(index)], wallet.parties[index].custody)
    assert lines.count("Asked by:") == 1
    told = lines[lines.index("Asked by:") + 1 :]
    end = next(at for at, line in enumerate(told) if not line.startswith(" "))  # the next label
    return "".join(told[:end])  # each line of a name is indented


# Good


def test_terms_are_signed_by_their_initiator_and_name_it_on_the_wire(wallet):
    terms = signing(wallet, 3)
    read = Terms.decode(terms.encode())
    check("Terms", terms.encode())
    assert read.initiator == wallet.parties[3].custody.identity.public and read.signature == terms.signature
    assert read.digest() == terms.digest()
    assert wallet.parties[1].open(read).terms.encode() == terms.encode()


def test_what_is_signed_is_everything_but_the_signature():
    terms = create_terms().signed(identity(0).public, lambda digest: bytes(64))
    bare = platform.cbor_encode([*terms.to_wire()[:9], b""])
    assert terms.digest() == TH("daric/terms", bare)


def test_signing_terms_leaves_the_unsigned_ones_as_they_were():
    terms = create_terms()
    before = terms.encode()
    signed = terms.signed(identity(0).public, lambda digest: identity(0).sign(digest, drbg("sign")))
    assert terms.encode() == before and (terms.initiator, terms.signature) == (b"", b"")
    assert signed.encode() != before


def test_terms_may_be_asked_for_by_a_party_that_takes_no_part_itself(wallet):
    assert asked_by(wallet, signing(wallet, 3)) == " 3 phone someone"


def test_every_party_reads_who_asks_and_signs_as_before(wallet):
    terms = signing(wallet, 1)
    assert asked_by(wallet, terms, 1) == asked_by(wallet, terms, 2) == " 1 phone someone"
    wallet.uuid()
    terms = signing(wallet, 2)
    network = Network([wallet.parties[index].open(terms) for index in (1, 2)]).start().confirm().run()
    assert network.states() == ["done", "done"], network.errors()


def test_a_wallet_is_made_on_signed_terms_and_says_who_asks():
    parties = [Party(f"asker {number}") for number in range(2)]
    terms = parties[1].asks(flows.create_terms(bytes(16), 2, 2, drbg("asked"), "savings"))
    network = Network([party.open(terms) for party in parties]).start()
    index = network.sessions[1].me
    lines = flows.question(network.sessions[0], parties[0].custody)
    assert lines[3:5] == ["Asked by:", f" {index} phone someone"]
    assert network.confirm().run().states() == ["done", "done"]


def test_terms_that_nobody_signed_name_nobody(wallet):
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], message("pay"))
    network = Network([wallet.parties[index].open(terms) for index in (1, 2)]).start()
    assert "Asked by:" not in flows.question(network.sessions[0], wallet.parties[1].custody)


def test_a_stranger_that_asks_is_shown_as_one(wallet):
    stranger = Party("stranger")
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], message("pay"))
    assert asked_by(wallet, stranger.asks(terms)).startswith(" no member: ")


@pytest.mark.parametrize("name", ["Asked by:", "x" * 15 + "Asked by:", "Asked by:\nAsked by:"])
def test_a_name_does_not_pass_itself_off_as_whoever_asks(name):
    parties = [Party(f"asker {number}") for number in range(2)]
    terms = parties[0].asks(flows.create_terms(bytes(16), 2, 2, drbg("asked"), name))
    network = Network([party.open(terms) for party in parties]).start()
    lines = flows.question(network.sessions[0], parties[0].custody)
    assert lines.count("Asked by:") == 1


# Bad


CHANGES = {
    "uuid": lambda terms: terms.uuid[::-1],
    "name": lambda terms: "other",
    "request": lambda terms: message("pay more"),
    "members": lambda terms: [1, 3],
    "initiator": lambda terms: identity(9).public,
    "signature": lambda terms: terms.signature[:-1] + bytes([terms.signature[-1] ^ 1]),
}


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a_changed_field_does_not_fit_the_signature(wallet, field):
    terms = signing(wallet)
    setattr(terms, field, CHANGES[field](terms))
    assert refusal(wallet.parties[1], terms) == "signature"


def test_a_signature_of_another_session_is_of_no_use(wallet):
    terms, other = signing(wallet), signing(wallet)
    terms.signature = other.signature
    assert refusal(wallet.parties[2], terms) == "signature"


def test_a_signature_with_the_high_s_is_refused(wallet):
    from daric_protocol.tagged import Q

    terms = signing(wallet)
    s = Q - int.from_bytes(terms.signature[32:], "big")
    terms.signature = terms.signature[:32] + s.to_bytes(32, "big")
    assert refusal(wallet.parties[1], terms) == "signature"


@pytest.mark.parametrize("initiator", [b"\x02" + b"\xff" * 32, b"\x05" + bytes(32), bytes(33)])
def test_an_initiator_that_is_no_point_is_refused(wallet, initiator):
    terms = signing(wallet)
    terms.initiator = initiator
    assert refusal(wallet.parties[1], terms) == "signature"


@pytest.mark.parametrize("missing", ["initiator", "signature"])
def test_initiator_and_signature_come_together_or_not_at_all(wallet, missing):
    terms = signing(wallet)
    setattr(terms, missing, b"")
    assert refusal(wallet.parties[1], terms) in ("parameter", "signature")
    with pytest.raises(DaricError) as caught:
        Terms.decode(terms.encode())
    assert caught.value.name == "parameter"


@pytest.mark.parametrize(
    ("initiator", "signature"),
    [(bytes(32), bytes(64)), (bytes(34), bytes(64)), (bytes(33), bytes(63)), (bytes(33), bytes(65)), (None, b"")],
)
def test_fields_of_another_length_are_malformed(initiator, signature):
    data = platform.cbor_encode([*create_terms().to_wire()[:8], initiator, signature])
    with pytest.raises(DaricError) as caught:
        Terms.decode(data)
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("items", [8, 9, 11])
def test_terms_have_exactly_ten_items_on_the_wire(items):
    wire = [*create_terms().to_wire(), b""][:items]
    with pytest.raises(DaricError) as caught:
        Terms.decode(platform.cbor_encode(wire))
    assert caught.value.name == "encoding"


@pytest.mark.parametrize("values", [(), (bytes(16), "create"), tuple(range(9)), tuple(range(11))])
def test_terms_are_made_of_eight_or_ten_values(values):
    with pytest.raises(DaricError):
        Terms(*values)


def test_an_identity_that_was_replaced_asks_for_nothing(wallet):
    terms = signing(wallet, 3)
    gone = wallet.parties[3].custody.identity.public
    wallet.parties[1].store.write("gone/" + wallet.group_id.hex(), identity(8).public + gone)
    assert refusal(wallet.parties[1], terms) == "member"
    assert wallet.parties[2].open(terms)


def test_the_cloud_checks_the_signature_too(wallet):
    terms = signing(wallet)
    terms.signature = bytes(64)
    with pytest.raises(DaricError) as caught:
        wallet.parties[1].open(terms, attended=False)
    assert caught.value.name == "signature"


def test_an_unreadable_invitation_is_refused_before_its_signature_is_looked_at():
    with pytest.raises(DaricError) as caught:
        Terms.decode(envelope.encode(create_terms())[:-1])
    assert caught.value.name == "encoding"
