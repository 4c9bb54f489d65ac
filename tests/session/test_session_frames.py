"""Bad frames, ended sessions and an evil relay during rounds. Specification: docs/protocol.md, section 13."""

import pytest
from daric_protocol import envelope, limits, platform
from daric_protocol.errors import Abort, DaricError
from daric_protocol.pump import EarlyFrames
from daric_protocol.rounds.outgoing import EVIDENCE_ROUND, Outgoing
from daric_protocol.signmessages import PairProof

from tests.session.fakes import STREAM, Sink, creating, greet, signing
from tests.session.network import EvilRelay, Network, evil


class Raw:
    """A message with any body at all."""

    hostile = True

    def __init__(self, value):
        self.value = value

    def to_wire(self):
        return self.value


def in_round(number, parties=creating, relay=None):
    """A network stopped just before the first frame of a round is delivered."""
    network = Network(parties(), relay).start().confirm()
    return network.run(until=lambda parcel: parcel.round == number)


def flipped(frame, at):
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]


# Dropped: as if it had never come


def test_noise_is_dropped_and_the_session_goes_on():
    network = in_round(1)
    session = network.sessions[0]
    good = network.pending[0].frame
    deep = b"\x81" * 200 + b"\xf6"
    noise = [b"", b"\x00", bytes(100), good[:-1], good[: len(good) // 2], good + b"\x00", deep, b"\x86" + deep]
    noise += [b"\x9f\xff", b"\x86\x48", b"\x86\x48" + bytes(8), bytes(limits.FRAME_BYTES + 1), b"\x83" + deep]
    for frame in noise:
        assert session.receive(1, frame) is True
    assert network.run().states() == ["done"] * 3


@pytest.mark.parametrize("part", ["sealed", "tag", "protected", "last", "chunk"])
def test_a_tampered_frame_is_dropped_and_its_original_still_taken(part):
    def tamper(parcel):
        if parcel.round != 1 or seen:
            return None
        seen.append(parcel)
        head = len(parcel.envelope.header())
        if part == "last":
            fake = parcel.envelope
            fake.last = not fake.last
            return fake.encode()
        at = {"sealed": head + 12, "tag": -1 % len(parcel.frame), "protected": head + 3, "chunk": head - 2}[part]
        return flipped(parcel.frame, at)

    seen = []
    network = Network(creating(), EvilRelay(tamper=tamper)).start().confirm().run()
    assert network.states() != ["done"] * 3 and "failed" not in network.states()
    network.pumps[seen[0].to].offer(seen[0].origin, seen[0].frame)
    assert network.run().states() == ["done"] * 3


@pytest.mark.parametrize("seat", [-1, 0, 3, 255])
def test_a_frame_from_an_unknown_seat_or_from_myself_is_dropped(seat):
    network = in_round(1)
    parcel = next(parcel for parcel in network.pending if parcel.to == 0)
    assert network.sessions[0].receive(seat, parcel.frame) is True
    assert network.run().states() == ["done"] * 3


@pytest.mark.parametrize("index", [0, 4, 255, 256, 2**32 - 1])
def test_a_frame_with_a_party_index_that_is_not_its_seats_is_dropped(index):
    network = in_round(1)
    parcel = next(parcel for parcel in network.pending if parcel.to == 0)
    fake = parcel.envelope
    fake.sender = index
    assert network.sessions[0].receive(parcel.origin, fake.encode()) is True
    assert network.run().states() == ["done"] * 3


def test_a_frame_swapped_between_recipients_is_dropped():
    swapped = {(0, 1): 2, (0, 2): 1}
    relay = EvilRelay(redirect=lambda p: swapped.get((p.origin, p.to)) if p.round == 1 else None)
    network = Network(creating(), relay).start().confirm().run()
    assert "failed" not in network.states() and "done" not in network.states()
    assert network.expire().errors() == ["soft"] * 3


def test_a_frame_shown_as_from_another_party_is_dropped():
    network = in_round(1)
    parcel = next(parcel for parcel in network.pending if parcel.to == 0)
    other = 3 - parcel.origin
    fake = parcel.envelope
    fake.sender = network.sessions[0].indexes[other]
    assert network.sessions[0].receive(other, fake.encode()) is True
    assert network.run().states() == ["done"] * 3


def test_every_frame_may_come_twice():
    network = Network(creating(), EvilRelay(repeat=lambda parcel: True)).start().confirm().run()
    assert network.states() == ["done"] * 3


def test_a_round_that_is_over_is_dropped():
    network = in_round(2)
    old = next(parcel for parcel in network.log if parcel.round == 1)
    assert network.sessions[old.to].receive(old.origin, old.frame) is True
    assert network.run().states() == ["done"] * 3


def test_frames_after_the_end_are_dropped():
    network = Network(creating()).start().confirm().run()
    for parcel in network.log:
        assert network.sessions[parcel.to].receive(parcel.origin, parcel.frame) is True
    assert network.states() == ["done"] * 3


# Early: offered again later


def test_frames_of_a_later_round_wait_and_leave_no_trace():
    done = Network(creating()).start().confirm().run()
    later = [parcel for parcel in done.log if parcel.to == 0 and parcel.round in (2, 3)]
    network = in_round(1)
    for parcel in later:
        assert network.sessions[0].receive(parcel.origin, parcel.frame) is False
    assert network.sessions[0].round == 1
    assert network.run().states() == ["done"] * 3


def test_frames_before_the_confirmation_wait():
    network = Network(creating()).start()
    network.sessions[1].confirm()
    network.run()
    assert len(network.pumps[0]._early) == 1
    assert network.confirm().run().states() == ["done"] * 3


def test_a_chunk_before_its_turn_waits():
    network = in_round(2)
    stream = [parcel for parcel in network.pending if parcel.is_stream and parcel.to == 0]
    assert network.sessions[0].receive(stream[1].origin, stream[1].frame) is False
    assert network.run().states() == ["done"] * 3


def test_early_frames_are_bounded_per_seat():
    from daric_protocol.pump import EarlyFrames

    early = EarlyFrames(frames=3, size=100)
    assert [early.hold(1, b"x" * 10) for _ in range(4)] == [True, True, True, False]
    assert early.hold(2, b"x" * 90) and not early.hold(2, b"x" * 11)
    assert len(early.take()) == 4 and len(early) == 0


# Soft: the session ends, nothing is lost


def test_early_frames_of_seats_that_no_session_has_are_dropped():
    early = EarlyFrames()
    assert [early.hold(seat, b"frame") for seat in (-1, 0, limits.MAX_PARTIES - 1, limits.MAX_PARTIES, 5000)] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert len(early) == 2


def test_another_sessions_id_in_this_round_ends_softly_before_anything_is_opened():
    network = in_round(1)
    parcel = next(parcel for parcel in network.pending if parcel.to == 0)
    fake = parcel.envelope
    fake.prefix = bytes(8)
    fake.sealed = b"\x00"
    assert network.sessions[0].receive(parcel.origin, fake.encode()) is True
    assert network.sessions[0].error.name == "soft" and network.sessions[0].error.blame is None


def test_another_sessions_id_in_a_later_round_waits():
    network = in_round(1)
    parcel = next(parcel for parcel in network.pending if parcel.to == 0)
    fake = parcel.envelope
    fake.prefix, fake.stream = bytes(8), 6
    assert network.sessions[0].receive(parcel.origin, fake.encode()) is False


def test_a_replay_of_a_whole_session_ends_softly():
    recorded = Network(signing()).start().confirm().run().log
    relay = EvilRelay(inject=recorded)
    network = Network(signing(uuid=b"\x02" * 16), relay)
    network.relay.inject = [parcel for parcel in recorded if parcel.to == 0]
    network.start().confirm().run()
    assert network.errors() == ["soft", "soft"]


def test_a_timeout_ends_softly_and_tells_the_others():
    relay = EvilRelay(drop=lambda parcel: parcel.round == 2 and parcel.origin == 1)
    network = Network(creating(), relay).start().confirm().run()
    assert network.states() == ["running"] * 3
    network.sessions[0].expire()
    assert network.run().errors() == ["soft"] * 3
    assert "did not answer" in network.sessions[0].error.detail
    assert "ended the session" in network.sessions[2].error.detail


def test_expiry_before_start_and_after_the_end():
    session = creating(2)[0]
    session.expire()
    assert (session.state, session.error.name, session.send()) == ("failed", "soft", None)
    network = Network(creating(2)).start().confirm().run().expire()
    assert network.states() == ["done", "done"]


def test_a_refusal_on_a_screen_ends_the_session_for_all():
    network = Network(creating()).start()
    network.sessions[2].refuse()
    network.run()
    assert network.errors() == ["soft", "soft", "refused"]
    assert "refused" in network.sessions[0].error.detail
    with pytest.raises(DaricError):
        network.sessions[2].confirm()


def test_a_confirmation_without_a_question_is_an_error():
    with pytest.raises(DaricError):
        creating(2)[0].confirm()


def test_a_notice_of_another_party_or_session_ends_nothing():
    other = Network(signing(uuid=b"\x03" * 16)).start()
    other.sessions[1].refuse()
    foreign = other.sessions[1].send()[1]
    network = in_round(1, parties=signing)
    assert network.sessions[0].receive(1, foreign) is True
    forged = envelope.Envelope.decode(foreign)
    forged.prefix = network.sessions[0].ssid[:8]
    assert network.sessions[0].receive(1, forged.encode()) is True
    assert network.run().states() == ["done", "done"]


def test_a_notice_never_bans_or_accuses():
    def accuse(session):
        raise Abort("ban", 1, "a lie")
        yield

    sessions = signing()
    sessions[1].hooks.make = accuse
    network = Network(sessions).start().confirm().run()
    assert network.sessions[0].error.name == "soft" and network.sessions[0].error.blame is None


def test_an_ending_waits_while_signed_copies_are_compared():
    def disagree(session):
        peer = next(index for index in session.indexes if index != session.me)
        received = yield Outgoing(session.ssid, EVIDENCE_ROUND, PairProof, {peer: PairProof(bytes(32))})
        raise Abort("blame", 9 if received else None)

    relay = EvilRelay(delay=lambda parcel: parcel.origin == 1 and not parcel.is_notice)
    network = Network(signing(make=disagree), relay)
    network.start().confirm().run()
    assert network.errors() == ["blame", "blame"]


def stream_session(change):
    """Two members; the second alters the stream it sends in round 2."""
    sessions = signing()
    sessions[1].hooks.make = lambda session: evil(greet(session), change)
    return sessions


def test_a_stream_cut_short_is_only_a_timeout():
    def change(outgoing):
        if outgoing.streams:
            outgoing.streams = {peer: iter(STREAM[:5]) for peer in outgoing.streams}

    network = Network(stream_session(change)).start().confirm().run()
    assert network.states() == ["running", "running"]
    assert network.expire().errors() == ["soft", "soft"]


def seal_stream(network, chunk, last, part):
    """A frame of the second party's stream of round 2, sealed with its own key."""
    sender, receiver = network.sessions[1], network.sessions[0]
    return sender._channel(receiver.me).seal(
        sender._exchange.sid, sender.me, receiver.me, sender.terms.op, 5, chunk, last, part
    )


@pytest.mark.parametrize(
    ("chunk", "last", "part", "name"),
    [
        (0, True, STREAM[0], "soft"),
        (0, False, STREAM[0] + b"x", "blame"),
        (0, False, b"", "blame"),
        (14, False, STREAM[14], "soft"),
        (14, True, STREAM[14] + b"x", "blame"),
        (5, True, STREAM[5], "soft"),
        (5, False, STREAM[5][:-1], "blame"),
    ],
)
def test_a_stream_that_ends_early_is_soft_and_a_wrong_chunk_names_its_sender(chunk, last, part, name):
    network = Network(signing()).start().confirm()
    network.run(until=lambda p: p.to == 0 and p.is_stream and p.envelope.chunk == chunk)
    assert network.sessions[0].receive(1, seal_stream(network, chunk, last, part)) is True
    error = network.sessions[0].error
    assert error.name == name and error.blame == (2 if name == "blame" else None)


def test_a_chunk_after_the_last_one_replaces_nothing():
    network = Network(signing()).start().confirm()
    network.run(until=lambda p: p.to == 0 and p.is_stream and p.envelope.chunk == 3)  # the body of round 2 is there
    sender, receiver = network.sessions[1], network.sessions[0]
    body = envelope.encode(PairProof(bytes(32)))
    frame = sender._channel(receiver.me).seal(sender._exchange.sid, sender.me, receiver.me, "sign", 4, 1, True, body)
    assert receiver.receive(1, frame) is True
    assert network.run().states() == ["done", "done"]


def test_a_stream_in_a_round_that_has_none_is_dropped():
    network = in_round(1, parties=signing)
    sender = network.sessions[1]
    frame = sender._channel(1).seal(sender._exchange.sid, 2, 1, "sign", 3, 0, False, STREAM[0])
    assert network.sessions[0].receive(1, frame) is True
    assert network.run().states() == ["done", "done"]


# Blame: the peer's own key sealed what no honest party sends


def body_session(change):
    sessions = creating()

    def make(session):
        def replace(outgoing):
            if outgoing.round == 2:
                change(outgoing)

        return evil(greet(session), replace)

    sessions[1].hooks.make = make
    return sessions


@pytest.mark.parametrize(
    "value",
    [
        [], [b"x" * 31], [b"x" * 33], [bytes(32), bytes(32)], [7], ["x" * 32], [[bytes(32)]], [None], {0: bytes(32)},
        bytes(32), None, [0] * 4000,
    ],
)  # fmt: skip
def test_a_body_that_is_no_message_names_its_sender(value):
    def change(outgoing):
        outgoing.messages = {peer: Raw(value) for peer in outgoing.messages}

    network = Network(body_session(change)).start().confirm().run()
    for seat in (0, 2):
        error = network.sessions[seat].error
        assert error.name in ("blame", "soft")
        assert error.name == "soft" or error.blame == network.sessions[1].me
    assert "blame" in network.errors()


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\x59\x00\x20" + bytes(32),  # a length that is not minimal
        b"\x9f\x58\x20" + bytes(32) + b"\xff",  # an indefinite array
        b"\x81\x58\x20" + bytes(32) + b"\x00",  # a trailing byte
        b"\x81\x58\x20" + bytes(31),  # cut off
        b"\x81" * 12 + b"\x80",  # too deep
        b"\x99\x20\x00" + bytes(8192),  # too many items
        b"",
    ],
)
def test_a_body_that_is_not_deterministic_cbor_names_its_sender(body):
    network = in_round(1, parties=signing)
    sender = network.sessions[1]
    frame = sender._channel(1).seal(sender._exchange.sid, 2, 1, "sign", 2, 0, True, body)
    assert network.sessions[0].receive(1, frame) is True
    assert (network.sessions[0].error.name, network.sessions[0].error.blame) == ("blame", 2)


def test_a_body_beyond_the_limit_names_its_sender():
    network = in_round(1, parties=signing)
    sender = network.sessions[1]
    for chunk in range(limits.ROUND_BODY_BYTES // limits.CHUNK_BYTES + 1):
        assert network.sessions[0].state == "running"
        frame = sender._channel(1).seal(sender._exchange.sid, 2, 1, "sign", 2, chunk, False, bytes(limits.CHUNK_BYTES))
        network.sessions[0].receive(1, frame)
    assert (network.sessions[0].error.name, network.sessions[0].error.blame) == ("blame", 2)


def test_a_chunk_inside_a_body_that_is_not_full_names_its_sender():
    network = in_round(1, parties=signing)
    sender = network.sessions[1]
    frame = sender._channel(1).seal(sender._exchange.sid, 2, 1, "sign", 2, 0, False, b"\x81")
    network.sessions[0].receive(1, frame)
    assert (network.sessions[0].error.name, network.sessions[0].error.blame) == ("blame", 2)


def test_a_frame_larger_than_a_chunk_is_dropped():
    network = in_round(1, parties=signing)
    sender = network.sessions[1]
    frame = sender._channel(1).seal(sender._exchange.sid, 2, 1, "sign", 2, 0, True, bytes(limits.CHUNK_BYTES))
    longer = frame + bytes(limits.FRAME_BYTES)
    assert network.sessions[0].receive(1, longer) is True
    assert network.run().states() == ["done", "done"]


# What rounds raise


@pytest.mark.parametrize("name", ["soft", "blame", "ban"])
def test_an_abort_of_the_rounds_keeps_its_class_and_culprit(name):
    def make(session):
        yield from one_round(session)
        raise Abort(name, 2)

    def one_round(session):
        peers = [index for index in session.indexes if index != session.me]
        yield Outgoing(session.ssid, 1, PairProof, {peer: PairProof(bytes(32)) for peer in peers})

    network = Network(signing(make=make)).start().confirm().run()
    errors = [(session.error.name, session.error.blame) for session in network.sessions]
    assert (name, 2) in errors and all(error in [(name, 2), ("soft", None)] for error in errors)


def test_a_sinks_refusal_names_the_sender_and_its_own_trouble_does_not():
    class Bad(Sink):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def receive(self, chunk):
            raise self.error

    cases = [(DaricError("encoding"), "blame"), (DaricError("storage"), "storage"), (Abort("ban", 2), "ban")]
    for error, expected in cases:

        def change(outgoing, error=error):
            if outgoing.sinks:
                outgoing.sinks = {peer: Bad(error) for peer in outgoing.sinks}

        sessions = signing()
        sessions[0].hooks.make = lambda session, change=change: evil(greet(session), change)
        network = Network(sessions).start().confirm().run()
        assert network.sessions[0].error.name == expected
        assert network.sessions[1].error.name == "soft"


def spending(session):
    """One round after which the request counts as signed."""
    peer = next(index for index in session.indexes if index != session.me)
    yield Outgoing(session.ssid, 1, PairProof, {peer: PairProof(bytes(32))})
    yield Outgoing(session.ssid, 2, PairProof, {peer: PairProof(bytes(32))}, spent=True)
    return "signed"


@pytest.mark.parametrize("end", ["expire", "refuse", "replay", "body"])
def test_every_end_after_the_last_shares_left_is_spent(end):
    network = in_round(2, parties=lambda: signing(make=spending))
    session, peer = network.sessions
    if end == "expire":
        session.expire()
    elif end == "refuse":
        session.refuse()
    elif end == "replay":
        session.receive(1, envelope.Envelope(bytes(8), 2, 4, 0, True, b"").encode())
    else:
        session.receive(1, peer._channel(1).seal(peer._exchange.sid, 2, 1, "sign", 4, 0, True, b"\x80"))
    assert session.error.name == "spent"
    assert session.error.blame == (2 if end == "body" else None)


def test_an_end_before_the_last_shares_left_is_not_spent():
    network = in_round(1, parties=lambda: signing(make=spending))
    assert network.expire().errors() == ["soft", "soft"]


def test_a_running_generator_hears_of_the_end_and_cleans_up():
    closed = []

    def tidy(session):
        peer = next(index for index in session.indexes if index != session.me)
        try:
            yield Outgoing(session.ssid, 1, PairProof, {peer: PairProof(bytes(32))})
        except Abort as abort:
            closed.append(abort.name)
            raise

    network = in_round(1, parties=lambda: signing(make=tidy))
    network.sessions[0].expire()
    assert closed == ["soft"]


def test_running_out_of_memory_ends_the_session_and_not_the_process():
    def hungry(session):
        raise MemoryError
        yield

    network = Network(signing(make=hungry)).start().confirm().run()
    assert "memory" in network.errors()


def test_a_defect_ends_the_session_and_is_not_hidden():
    def broken(session):
        raise ZeroDivisionError
        yield

    network = Network(signing(make=broken)).start()
    network.sessions[0].confirm()
    with pytest.raises(ZeroDivisionError):
        network.sessions[0].send()
    assert network.errors() == ["internal", None]


def test_a_party_with_another_request_ends_softly():
    first, _ = signing(request=b"send one coin")
    _, second = signing(request=b"send all coins")
    network = Network([first, second]).start().confirm().run()
    assert network.errors() == ["soft", "soft"]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_relay_does_no_party_is_blamed_and_honest_delivery_completes(seed):
    """A relay may end a session, but it can make nobody guilty, and what it delivers intact is taken."""
    import random

    dice = random.Random(seed)

    def tamper(parcel):
        if dice.random() < 0.02:
            return flipped(parcel.frame, dice.randrange(len(parcel.frame)))
        return None

    relay = EvilRelay(
        reorder=True, seed=seed, tamper=tamper, repeat=lambda _: dice.random() < 0.1,
        drop=lambda _: dice.random() < 0.02, redirect=lambda _: dice.randrange(3) if dice.random() < 0.02 else None,
    )  # fmt: skip
    network = Network(creating(), relay).start().confirm().run().expire().run()
    assert set(network.errors()) <= {None, "soft"}
    assert all(session.error is None or session.error.blame is None for session in network.sessions)


def test_envelopes_have_one_encoding():
    head = envelope.Envelope(bytes(8), 3, 5, 14, True, b"").header()
    assert head == b"\x86" + platform.cbor_encode([bytes(8), 3, 5, 14, True])[1:]
    for stream in (0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1):
        frame = envelope.Envelope(bytes(8), 1, stream, stream, False, b"sealed").encode()
        again = envelope.Envelope.decode(frame)
        assert (again.stream, again.chunk, again.last, again.sealed) == (stream, stream, False, b"sealed")
    for bad in (
        b"\x86\x48" + bytes(8) + b"\x18\x03\x05\x0e\xf5",  # 3 in two bytes
        b"\x86\x48" + bytes(8) + b"\x03\x05\x1b" + bytes(8) + b"\xf5",  # 64 bits
        b"\x86\x48" + bytes(8) + b"\x03\x05\x0e\xf6",  # no boolean
        b"\x86\x48" + bytes(8) + b"\x03\x05\x19\x00",  # cut off
        b"\x86\x48" + bytes(8) + b"\x23\x05\x0e\xf5",  # negative
        b"\x85\x48" + bytes(8) + b"\x03\x05\x0e\xf5",
        b"\x86\x47" + bytes(8) + b"\x03\x05\x0e\xf5",
    ):
        with pytest.raises(DaricError):
            envelope.Envelope.decode(bad)
