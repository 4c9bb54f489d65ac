"""Groups made and used through the driver, with real rounds and custody. Specification: docs/protocol.md."""

import coincurve
import pytest
from daric_protocol import bip32, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm import request
from daric_protocol.evm.address import from_public_key, to_text
from daric_protocol.identity import ecdsa_verify
from daric_protocol.rounds.sign import Signature
from daric_protocol.session import CONFIRMING
from daric_protocol.signmessages import SignCommitment

from tests.session.network import EvilRelay, evil
from tests.session.parties import Party, Wallet, creation, message


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3)


@pytest.fixture
def wallet(made):
    """A 2-of-3 wallet of its own for each test: the stores are copied, the parties started anew."""
    return made.copy()


def is_valid(wallet, asked, signature):
    assert isinstance(signature, Signature)
    digest = request.digest(asked)
    assert ecdsa_verify(platform.curve.decode(wallet.pk), digest, signature.r, signature.s)
    recovered = coincurve.PublicKey.from_signature_and_message(signature.encode(), digest, hasher=None)
    return recovered.format() == wallet.pk


def test_strangers_make_a_group_that_every_member_stores(wallet):
    shards = [party.custody.shard(wallet.group_id) for party in wallet.parties.values()]
    assert len({shard.pk for shard in shards}) == 1 and {shard.epoch for shard in shards} == {1}
    assert [shard.me for shard in shards] == [1, 2, 3]
    assert all(party.custody.group(wallet.group_id).name == "savings" for party in wallet.parties.values())


@pytest.mark.parametrize("signers", [[1, 2], [1, 3], [2, 3]])
def test_every_pair_of_signers_makes_a_signature_that_others_accept(wallet, signers):
    network = wallet.sign(signers, message("pay 1"))
    assert network.states() == ["done", "done"], network.errors()
    assert all(is_valid(wallet, message("pay 1"), session.result) for session in network.sessions)
    assert network.sessions[0].result.encode() == network.sessions[1].result.encode()


def test_a_signature_costs_at_most_fifty_thousand_bytes_per_counterparty(wallet):
    network = wallet.sign([1, 2], message("count"))
    assert 49_000 < network.bytes_sent(0, 1) <= 50_000
    assert 49_000 < network.bytes_sent(1, 0) <= 50_000


def test_five_members_make_a_group_and_three_of_them_sign():
    wallet = Wallet.create(3, 5, seed="five")
    network = wallet.sign([1, 3, 5], message("three"))
    assert all(is_valid(wallet, message("three"), session.result) for session in network.sessions)
    assert max(network.bytes_sent(0, 1), network.bytes_sent(2, 1)) <= 50_000


def test_shards_come_from_the_store_after_a_restart(wallet):
    wallet.restart()
    assert wallet.sign([2, 3], message("later")).states() == ["done", "done"]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_frames_gives_the_same_result(wallet, seed):
    relay = EvilRelay(reorder=True, seed=seed, repeat=lambda parcel: len(parcel.frame) % 5 == seed)
    network = wallet.sign([1, 3], message("shuffled"), relay)
    assert is_valid(wallet, message("shuffled"), network.sessions[0].result)


def test_a_creation_survives_any_order_of_frames():
    wallet = Wallet.create(2, 3, EvilRelay(reorder=True, seed=5, repeat=lambda _: True), seed="shuffled")
    assert wallet.sign([1, 2], message("x")).states() == ["done", "done"]


def test_the_cloud_confirms_nothing_and_the_others_do(wallet):
    asked = message("cloud")
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], asked)
    cloud = wallet.parties[2].open(terms, attended=False)
    network = wallet.network([1, 2], asked)
    assert cloud.hooks.attended is False
    network.sessions = [wallet.parties[1].open(terms), cloud]
    network.__init__(network.sessions)
    assert network.start().states() == ["confirming", "running"]
    assert network.confirm().run().states() == ["done", "done"]


def test_the_question_shows_what_is_signed_and_by_whom(wallet):
    network = wallet.network([1, 2], message("hello world")).start()
    lines = flows.question(network.sessions[0], wallet.parties[1].custody)
    assert " hello world" in lines and "1 phone someone (this)" in lines and "2 phone someone" in lines
    network, _ = creation([Party("a"), Party("b")], 2)
    session = network.start().sessions[0]
    assert session.state == CONFIRMING
    lines = flows.question(session, session.hooks._custody)
    assert lines[:3] == ["New wallet", " savings", "2 of 2 sign"] and lines[3] == "Check code " + session.code


@pytest.mark.parametrize(
    "name", ["Check code 123456", "x\nCheck code 123456", "x" * 15 + "Check code 123456", "\u202etsop"]
)
def test_a_name_imitates_no_line_of_the_question(name):
    network, _ = creation([Party("a"), Party("b")], 2, name=name)
    session = network.start().sessions[0]
    lines = flows.question(session, session.hooks._custody)
    assert [line for line in lines if line.startswith("Check code")] == ["Check code " + session.code]
    assert all(32 <= ord(character) < 127 for line in lines for character in line)
    end = lines.index("2 of 2 sign")
    assert all(line.startswith(" ") and len(line) <= 16 for line in lines[1:end])


def test_the_question_warns_of_what_may_be_signed_already(wallet):
    assert wallet.sign([1, 2], message("once")).states() == ["done", "done"]
    again = wallet.network([1, 2], message("once"), confirmed=True).start()
    assert flows.question(again.sessions[0], wallet.parties[1].custody)[0] == "WARNING"
    again.expire()
    other = wallet.network([1, 2], message("other")).start()
    assert "WARNING" not in flows.question(other.sessions[0], wallet.parties[1].custody)
    other.confirm().run(until=lambda parcel: parcel.round == 3)
    assert other.expire().errors() == ["spent", "spent"]
    third = wallet.network([1, 2], message("third"), confirmed=True).start()
    assert flows.question(third.sessions[0], wallet.parties[1].custody)[:2] == ["WARNING", " an earlier"]


# What a party refuses before it joins


def test_a_request_that_was_signed_is_not_signed_again_unless_confirmed(wallet):
    assert wallet.sign([1, 2], message("once")).states() == ["done", "done"]
    with pytest.raises(DaricError) as refusal:
        wallet.sign([1, 2], message("once"))
    assert refusal.value.name == "replayed"
    assert wallet.sign([1, 2], message("once"), confirmed=True).states() == ["done", "done"]


def test_after_an_end_that_may_have_signed_only_the_same_request_goes_on(wallet):
    relay = EvilRelay(drop=lambda parcel: parcel.round == 3)
    network = wallet.sign([1, 2], message("lost"), relay).expire()
    assert network.errors() == ["spent", "spent"]
    wallet.restart()
    with pytest.raises(DaricError) as refusal:
        wallet.sign([1, 2], message("another"))
    assert refusal.value.name == "spent"
    assert wallet.sign([1, 2], message("lost")).states() == ["done", "done"]
    assert wallet.sign([1, 2], message("another")).states() == ["done", "done"]


def test_an_end_before_the_last_round_leaves_everything_as_it_was(wallet):
    for lost in (1, 2):
        relay = EvilRelay(drop=lambda parcel, lost=lost: parcel.round == lost)
        assert wallet.sign([1, 2], message("again"), relay).expire().errors() == ["soft", "soft"]
    assert wallet.sign([1, 2], message("again")).states() == ["done", "done"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (platform.cbor_encode([0, bytes(32), []]), "raw_digest"),
        (platform.cbor_encode([2, b"x", [1 << 31]]), "request"),
        (platform.cbor_encode([1, b"no transaction", []]), "request"),
        (platform.cbor_encode([9, b"x", []]), "request"),
        (b"\xff", "request"),
        (platform.cbor_encode([2, b"x", []]) + b"\x00", "request"),
    ],
)
def test_a_request_that_cannot_be_shown_is_refused_before_joining(wallet, asked, name):
    with pytest.raises(DaricError) as refusal:
        wallet.network([1, 2], asked)
    assert refusal.value.name == name


@pytest.mark.parametrize("signers", [[1, 2], [2, 3]])
def test_an_account_below_the_groups_key_signs_for_itself_and_is_shown(wallet, signers):
    asked = request.Request(request.MESSAGE, b"from below", [0, 7]).encode()
    network = wallet.network(signers, asked).start()
    shard = wallet.parties[signers[0]].custody.shard(wallet.group_id)
    _, child, _ = bip32.tweak(shard.pk, shard.cc, [0, 7])
    lines = flows.question(network.sessions[0], wallet.parties[signers[0]].custody)
    shown = "".join(line.strip() for line in lines[lines.index("From:") + 1 :])
    assert shown.startswith(to_text(from_public_key(child))) and " m/0/7" in lines
    network.confirm().run()
    signature = network.sessions[1].result
    recovered = coincurve.PublicKey.from_signature_and_message(signature.encode(), request.digest(asked), hasher=None)
    assert recovered.format() == child != wallet.pk


@pytest.mark.parametrize("size", [31, 33])
def test_a_digest_of_the_wrong_length_is_refused(wallet, size):
    with pytest.raises(DaricError) as refusal:
        wallet.network([1, 2], platform.cbor_encode([0, bytes(size), []]), allow_raw=True)
    assert refusal.value.name == "request"


def test_a_raw_digest_is_signed_where_the_owner_allowed_it(wallet):
    asked = platform.cbor_encode([0, platform.sha256(b"raw"), []])
    assert wallet.sign([1, 2], asked, allow_raw=True).states() == ["done", "done"]


def test_an_unknown_group_or_operation_is_refused(wallet):
    stranger = Party("stranger")
    terms = flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, [1, 2], message("x"))
    with pytest.raises(DaricError) as refusal:
        stranger.open(terms)
    assert refusal.value.name == "group"
    with pytest.raises(DaricError, match="not among the members"):
        wallet.parties[3].open(terms)
    terms.op, terms.request = "refresh", b""
    with pytest.raises(DaricError):
        wallet.parties[1].open(terms)


def test_a_group_id_that_exists_is_not_created_again(wallet):
    terms = flows.create_terms(wallet.uuid(), 2, 3, lambda _: wallet.group_id)
    with pytest.raises(DaricError) as refusal:
        wallet.parties[1].open(terms)
    assert refusal.value.name == "group"


@pytest.mark.parametrize("signers", [[1], [1, 2, 3], [1, 1], [0, 1], [1, 4]])
def test_a_wrong_set_of_signers_is_refused(wallet, signers):
    with pytest.raises(DaricError):
        wallet.parties[1].open(flows.sign_terms(wallet.uuid(), wallet.group_id, wallet.roster, signers, message("x")))


def test_a_second_session_on_a_busy_pair_ends_softly_and_the_first_goes_on(wallet):
    first = wallet.network([1, 2], message("first")).start().confirm()
    first.run(until=lambda parcel: parcel.round == 2)
    second = wallet.sign([1, 2], message("second"))
    assert second.errors() == ["soft", "soft"]
    assert first.run().states() == ["done", "done"]
    assert wallet.sign([1, 2], message("second")).states() == ["done", "done"]


def test_a_session_id_is_never_used_twice(wallet):
    network = wallet.sign([1, 2], message("used"))
    wallet.sessions -= 1
    wallet.restart()
    again = wallet.network([1, 2], message("used again")).start()
    assert network.states() == ["done", "done"] and again.errors() == ["replayed", "replayed"]


# Malice


def test_a_bad_stream_bans_the_pair_until_a_new_set_up(wallet):
    def flip(outgoing):
        if outgoing.streams:
            outgoing.streams = {peer: flipped(stream) for peer, stream in outgoing.streams.items()}

    def flipped(stream):
        for number, chunk in enumerate(stream):
            yield bytes([chunk[0] ^ 1]) + chunk[1:] if number == 3 else chunk

    network = wallet.network([1, 2], message("flipped"))
    turn_evil(network.sessions[1], flip)
    network.start().confirm().run()
    assert (network.sessions[0].error.name, network.sessions[0].error.blame) == ("ban", 2)
    wallet.restart()
    assert wallet.sign([1, 2], message("banned"), confirmed=True).states() == ["failed", "failed"]
    assert wallet.sign([1, 3], message("with the other")).states() == ["done", "done"]
    assert wallet.pair_up(1, 2).states() == ["done", "done"]
    assert wallet.sign([1, 2], message("healed"), confirmed=True).states() == ["done", "done"]


def test_a_tampered_extension_bans_only_by_its_senders_own_key(wallet):
    def flip(outgoing):
        if outgoing.expect is SignCommitment:
            for peer, sent in outgoing.messages.items():
                extension = sent.extension[:-1] + bytes([sent.extension[-1] ^ 1])
                outgoing.messages[peer] = SignCommitment(sent.pid, sent.sid, sent.commitment, sent.signature, extension)

    def by_the_relay(parcel):
        if parcel.round == 1:
            return parcel.frame[:-20] + bytes([parcel.frame[-20] ^ 1]) + parcel.frame[-19:]
        return None

    network = wallet.sign([1, 2], message("relay"), EvilRelay(tamper=by_the_relay)).expire()
    assert network.errors() == ["soft", "soft"]
    network = wallet.network([1, 2], message("peer"))
    turn_evil(network.sessions[1], flip)
    network.start().confirm().run()
    assert (network.sessions[0].error.name, network.sessions[0].error.blame) == ("ban", 2)


def test_a_lost_acknowledgement_leaves_the_shard_pending_until_the_certificate_comes():
    parties = [Party(f"ack {number}") for number in range(3)]
    relay = EvilRelay(drop=lambda parcel: parcel.round == 4 and parcel.to == 0)
    network, terms = creation(parties, 2, relay)
    network.start().confirm().run().expire()
    assert network.states() == ["failed", "done", "done"]
    with pytest.raises(DaricError) as refusal:
        parties[0].custody.shard(terms.group)
    assert refusal.value.name == "pending"
    parties[0].restart()
    assert parties[0].custody.adopt(network.sessions[1].result) is True
    assert Wallet(parties, terms.group).sign([1, 2], message("after")).states() == ["done", "done"]


def test_a_refusal_on_a_screen_stores_nothing_and_the_next_creation_works():
    parties = [Party(f"refuse {number}") for number in range(3)]
    network, terms = creation(parties, 2)
    network.start().sessions[1].refuse()
    network.confirm().run()
    assert sorted(network.errors()) == ["refused", "soft", "soft"]
    assert all(party.custody.find(terms.group) is None for party in parties)
    network, terms = creation(parties, 2, uuid=b"\x01" * 16)
    assert network.start().confirm().run().states() == ["done"] * 3


@pytest.mark.parametrize("withheld", [False, True], ids=["shows its copies", "withholds its copies"])
def test_an_equivocator_is_named_by_its_own_two_signatures(withheld):
    """Party 3 shows the others different commitments; the exchange of signed copies names it to both."""
    parties = [Party(f"split {number}") for number in range(3)]
    relay = EvilRelay(drop=lambda parcel: withheld and parcel.round == 15 and parcel.origin == seat_of_liar[0])
    seat_of_liar = [-1]
    network, _ = creation(parties, 2, relay)
    network.start()
    liar = next(session for session in network.sessions if session.me == 3)
    seat_of_liar[0] = network.sessions.index(liar)
    rounds = liar.hooks.rounds

    def two_faced(session):
        from daric_protocol.messages import DealingCommitment
        from daric_protocol.rounds.evidence import broadcast_digest

        def change(outgoing):
            if outgoing.expect is DealingCommitment:
                sent = outgoing.messages[2]
                digest = broadcast_digest(outgoing.sid, 1, 3, bytes(32))
                signature = liar.hooks._custody.sign_identity(digest)
                outgoing.messages[2] = DealingCommitment(bytes(32), signature, sent.m1)

        return evil(rounds(session), change)

    liar.hooks.rounds = two_faced
    network.confirm().run().expire()
    honest = [session for session in network.sessions if session is not liar]
    assert [(session.error.name, session.error.blame) for session in honest] == [("blame", 3)] * 2
    assert all(session.error.evidence for session in honest)


def turn_evil(session, change):
    rounds = session.hooks.rounds
    session.hooks.rounds = lambda current: evil(rounds(current), change)
