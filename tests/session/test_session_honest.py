"""The driver among honest parties: joining, check code, rounds, sealing. Specification: docs/protocol.md, section 1."""

import copy
import pickle

import pytest
from daric_protocol import joining, limits
from daric_protocol.errors import DaricError

from tests.session.fakes import STREAM, UUID, creating, greet, signing
from tests.session.network import EvilRelay, Network


@pytest.mark.parametrize("parties", [2, 3, 5])
def test_strangers_agree_on_code_indexes_and_session(parties):
    network = Network(creating(parties)).start()
    assert all(session.needs_confirmation for session in network.sessions)
    assert len({session.code for session in network.sessions}) == 1
    assert network.sessions[0].code.isdigit() and len(network.sessions[0].code) == 6
    assert len({session.ssid for session in network.sessions}) == 1
    identities = [session.identity.public for session in network.sessions]
    expected = [sorted(identities).index(identity) + 1 for identity in identities]
    assert [session.me for session in network.sessions] == expected
    assert all(session.indexes == expected for session in network.sessions)


def test_rounds_run_to_the_result_once_everybody_confirmed():
    network = Network(creating(3)).start().confirm().run()
    assert network.states() == ["done"] * 3
    for session in network.sessions:
        others = [index for index in (1, 2, 3) if index != session.me]
        assert session.result == [others] * 3


def test_members_who_know_each_other_need_no_code_and_keep_their_indexes():
    network = Network(signing((1, 3))).start()
    assert [session.code for session in network.sessions] == [None, None]
    assert [session.me for session in network.sessions] == [1, 3]
    assert network.confirm().run().states() == ["done", "done"]


def test_stored_members_join_with_clear_nonces_and_strangers_with_commitments():
    assert len(signing()[0].join()) == 1 + 35 + 35 + 34
    assert len(creating()[0].join()) == 1 + 34


def test_nothing_of_a_round_exists_before_the_human_confirmed():
    network = Network(creating(3)).start()
    assert all(parcel.is_opening for parcel in network.log)
    network.sessions[0].confirm()
    network.run()
    assert {parcel.origin for parcel in network.log if not parcel.is_opening} == {0}
    assert network.states() == ["running", "confirming", "confirming"]
    assert network.confirm().run().states() == ["done"] * 3


def test_a_party_without_a_human_goes_ahead_by_itself():
    network = Network(creating(3, unattended=(2,))).start()
    assert network.states() == ["confirming", "confirming", "running"]
    assert network.confirm().run().states() == ["done"] * 3


def test_the_start_list_may_come_in_any_seat_order():
    sessions = creating(3)
    for order in ((2, 0, 1), (1, 2, 0)):
        network = Network([creating(3)[n] for n in order]).start().confirm().run()
        assert network.states() == ["done"] * 3
    assert sessions[0].state == "joining"


@pytest.mark.parametrize("seed", range(20))
def test_any_order_repetition_and_delay_of_frames_changes_nothing(seed):
    relay = EvilRelay(
        reorder=True,
        seed=seed,
        repeat=lambda parcel: (len(parcel.frame) + parcel.to + seed) % 3 == 0,
        delay=lambda parcel: parcel.origin == seed % 3 and parcel.round == seed % 4,
    )
    network = Network(creating(3), relay).start().confirm().run()
    assert network.states() == ["done"] * 3


def test_a_stream_is_pulled_one_chunk_at_a_time():
    pulled = []

    def counting(session):
        rounds = greet(session)
        outgoing = next(rounds)
        while True:
            if outgoing.streams:
                outgoing.streams = {peer: count(stream) for peer, stream in outgoing.streams.items()}
            received = yield outgoing
            try:
                outgoing = rounds.send(received)
            except StopIteration as end:
                return end.value

    def count(stream):
        for chunk in stream:
            pulled.append(len(chunk))
            yield chunk

    sessions = signing((1, 2), make=counting)
    network = Network(sessions).start().confirm()
    network.run(until=lambda parcel: parcel.round == 2)
    pulled.clear()
    session = signing((1, 2), make=counting)
    network = Network(session).start().confirm()
    network.run(until=lambda parcel: parcel.round == 1)
    pulled.clear()
    for parcel in network.pending:
        network.sessions[parcel.to].receive(parcel.origin, parcel.frame)
    for expected in range(len(STREAM)):
        sent = network.sessions[0].send()
        assert sent is not None
        assert len(pulled) == expected
    assert network.sessions[0].send() is not None and len(pulled) == len(STREAM)


def test_a_frame_costs_at_most_forty_bytes_more_than_its_plaintext():
    network = Network(signing()).start().confirm().run()
    frames = [parcel for parcel in network.log if parcel.origin == 0]
    bodies = 3 * (1 + 34)
    assert len(frames) == 3 + 15
    assert sum(len(parcel.frame) for parcel in frames) <= bodies + sum(map(len, STREAM)) + 40 * len(frames)
    assert network.sessions[0].sent_bytes == network.bytes_sent(0, 1)


def test_every_session_has_fresh_keys_and_every_frame_its_own_nonce():
    first = Network(signing()).start().confirm().run()
    second = Network(signing(uuid=b"\x01" * 16)).start().confirm().run()
    places = [(p.origin, p.to, p.envelope.stream, p.envelope.chunk) for p in first.log]
    assert len(set(places)) == len(places)
    assert not {parcel.frame[-16:] for parcel in first.log} & {parcel.frame[-16:] for parcel in second.log}


def test_nothing_of_a_session_can_be_stored_or_copied():
    session = creating(2)[0]
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(DaricError):
            store(session)


def test_no_secret_is_kept_after_the_end():
    network = Network(creating(2)).start().confirm().run()
    for session in network.sessions:
        assert session._ephemeral is None and session._channels == {} and session._rounds is None


def test_the_code_is_not_the_one_of_another_session():
    codes = {Network(creating(2, uuid=bytes([n]) * 16)).start().sessions[0].code for n in range(5)}
    assert len(codes) > 1


def test_a_message_larger_than_a_chunk_travels_in_chunks():
    from daric_protocol.messages import Copies
    from daric_protocol.rounds.outgoing import Outgoing

    big = [(1 + n % 16, bytes(32), bytes(64)) for n in range(16)]

    def rounds(session):
        peer = next(index for index in session.indexes if index != session.me)
        received = yield Outgoing(session.ssid, 0, Copies, {peer: Copies(big)})
        return received[peer].copies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHUNK_BYTES", 500)
        network = Network(signing(make=rounds)).start().confirm().run()
    assert [session.result for session in network.sessions] == [big, big]
    assert len(network.log) == 2 * 4


def test_joins_are_hashed_as_the_encodings_say():
    opening = joining.Opening(b"\x02" * 33, b"\x03" * 33, b"n" * 32)
    assert opening.joined() == b"\x02" * 33 + b"\x03" * 33 + b"n" * 32
    assert joining.joins_digest(UUID, "sign", False, [opening]) != joining.joins_digest(UUID, "sign", True, [opening])
