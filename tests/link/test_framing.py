"""The serial framing keeps messages whole over a line that loses, adds, repeats and alters bytes."""

import itertools
import random

import pytest
from daric_protocol.errors import DaricError
from daric_protocol.limits import LINK_FRAME_BYTES, LINK_MESSAGE_BYTES
from daric_protocol.link import HEADER_BYTES, Link

from tests.link.line import Faults, exchange, wrapped

LONG = bytes(range(256)) * 120  # 30,720 bytes with every byte value
RAW_REPL = bytes(range(1, 6))  # what a tool sends to reach a prompt


@pytest.fixture
def host() -> Link:
    return Link(b"host")


@pytest.fixture
def device() -> Link:
    return Link(b"devi", answering=True)


@pytest.mark.parametrize("size", [0, 1, 187, 188, 189, LINK_FRAME_BYTES, 380, 381, 4096, LINK_MESSAGE_BYTES])
def test_a_message_of_any_size_arrives_whole(host: Link, device: Link, size: int) -> None:
    message = (LONG * 2)[:size]
    host.send(message)
    assert exchange(host, device) == ([message], [])


def test_messages_arrive_in_order_and_once(host: Link, device: Link) -> None:
    for number in range(300):
        host.send(bytes((number & 0xFF,)) * number)
    received, _ = exchange(host, device)
    assert received == [bytes((number & 0xFF,)) * number for number in range(300)]


def test_a_49_kb_message_crosses_in_both_directions_through_a_256_byte_buffer() -> None:
    host, device = Link(b"host", limit=65536), Link(b"devi", answering=True, limit=65536)
    message = LONG[:24500] * 2
    longest = 0

    def buffer(data: bytes) -> bytes:
        nonlocal longest
        longest = max(longest, len(data))
        return data

    host.send(message)
    assert exchange(host, device, there=buffer, back=buffer)[0] == [message]
    device.send(message)
    assert exchange(host, device, there=buffer, back=buffer)[1] == [message]
    assert longest <= 256


@pytest.mark.parametrize(
    "noise", [b"\r\n", RAW_REPL, b"\x00" * 9, b"\xff" * 300, b">>> import os\r\n", bytes(range(256))]
)
def test_noise_before_between_and_after_frames_is_ignored(host: Link, device: Link, noise: bytes) -> None:
    device.receive(noise)
    host.send(LONG)
    received, _ = exchange(host, device, there=lambda data: noise + data + noise, back=lambda data: noise + data)
    assert received == [LONG]


@pytest.mark.parametrize("position", range(0, 24, 3))
def test_noise_inside_a_frame_costs_one_repetition(host: Link, device: Link, position: int) -> None:
    struck = []

    def strike_once(data: bytes) -> bytes:
        if struck:
            return data
        struck.append(position)
        return data[:position] + b"\x00\x07" + data[position:]

    host.send(b"the message" * 3)
    received, _ = exchange(host, device, there=strike_once)
    assert received == [b"the message" * 3]


@pytest.mark.parametrize("seed", range(8))
def test_lost_repeated_altered_and_invented_bytes_change_no_message(seed: int) -> None:
    host, device = Link(b"host", retries=1000), Link(b"devi", answering=True, retries=1000)
    faults = Faults(seed, 0.002)
    questions = [LONG[: 200 * number] for number in range(1, 8)]
    for question in questions:
        host.send(question)
        received, _ = exchange(host, device, there=faults, back=faults)
        assert received == [question]
        device.send(question[::-1])
        _, answers = exchange(host, device, there=faults, back=faults)
        assert answers == [question[::-1]]


def test_a_lost_acknowledgement_delivers_nothing_twice(host: Link, device: Link) -> None:
    lost = []

    def lose_first(data: bytes) -> bytes:
        if lost:
            return data
        lost.append(data)
        return b""

    host.send(b"once")
    received, _ = exchange(host, device, back=lose_first)
    assert received == [b"once"]


def test_a_repeated_frame_is_acknowledged_again_and_dropped(host: Link, device: Link) -> None:
    host.send(b"once")
    frame = host.output(0)
    assert device.receive(frame) == [b"once"]
    assert device.output(0)
    assert device.receive(frame) == []
    assert device.output(0)


def test_a_restarted_sender_is_understood_at_once(device: Link) -> None:
    first = Link(b"old.")
    first.send(LONG)
    device.receive(first.output(0))  # and the program dies inside its message
    second = Link(b"new.")
    second.send(b"hello")
    assert exchange(second, device)[0] == [b"hello"]


def test_a_receiver_that_restarts_inside_a_message_gets_it_from_the_beginning(host: Link) -> None:
    old = Link(b"old.", answering=True)
    host.send(LONG)
    for _ in range(7):
        old.receive(host.output(0))
        host.receive(old.output(0))
    new = Link(b"new.", answering=True)
    assert exchange(host, new)[0] == [LONG]


def test_a_new_question_drops_the_answer_under_way(host: Link, device: Link) -> None:
    device.send(LONG)
    device.output(0)
    host.send(b"next question")
    received, answers = exchange(host, device)
    assert (received, answers) == ([b"next question"], [])


def test_whoever_waits_learns_that_the_other_side_was_restarted(host: Link, device: Link) -> None:
    device.send(b"an answer")
    exchange(host, device)
    host.probe()
    exchange(host, device)
    assert host.failed is None
    host.probe()
    restarted = Link(b"new.", answering=True)
    restarted.receive(host.output(0))
    host.receive(restarted.output(0))
    assert host.failed is not None and host.failed.name == "link"


def test_an_echoing_line_is_not_taken_for_the_device(host: Link) -> None:
    host.send(b"hello")
    assert host.receive(host.output(0)) == []
    assert not host.idle


def test_a_message_above_the_limit_is_refused_before_it_is_sent(host: Link) -> None:
    with pytest.raises(DaricError) as caught:
        host.send(bytes(LINK_MESSAGE_BYTES + 1))
    assert caught.value.name == "too_large"


def test_a_message_above_the_receivers_limit_ends_at_its_first_frame(device: Link) -> None:
    host = Link(b"host", limit=1 << 20)
    host.send(bytes(LINK_MESSAGE_BYTES + 1))
    received, _ = exchange(host, device)
    assert received == []
    assert host.failed is not None and host.failed.name == "too_large"


def test_a_silent_line_fails_after_the_last_repetition() -> None:
    host = Link(b"host", retries=3)
    host.send(b"anyone?")
    frames = [now for now in range(0, 60_000, 50) if host.output(now)]
    assert len(frames) == 4
    assert host.failed is not None and host.failed.name == "link"
    assert host.idle


def test_repetitions_come_ever_more_slowly(host: Link) -> None:
    host.send(b"anyone?")
    frames = [now for now in range(0, 200_000, 100) if host.output(now)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(frames)]
    assert pauses[:5] == [1000, 2000, 4000, 8000, 16000]
    assert set(pauses[5:]) == {16000}


def test_the_counter_of_milliseconds_may_wrap(host: Link) -> None:
    host.send(b"over the edge")
    edge = 1 << 30
    assert host.output(edge - 1)
    assert host.output(3) == b""
    assert host.output(1000)


@pytest.mark.parametrize("size", [300, 100_000])
def test_endless_bytes_without_a_delimiter_are_not_kept(device: Link, size: int) -> None:
    device.receive(b"\x55" * size)
    assert len(device._tail) < 256


def test_a_frame_with_more_bytes_than_announced_is_refused(device: Link) -> None:
    from daric_protocol.link import DATA, FIRST

    device.receive(wrapped(bytes((FIRST,)) + b"host\x01" + b"\x00\x00\x00\x05abc"))
    assert device.receive(wrapped(bytes((DATA,)) + b"host\x02" + b"defg")) == []
    assert device.receive(wrapped(bytes((DATA,)) + b"host\x03" + b"de")) == []


@pytest.mark.parametrize("conversation", [b"", b"abc", b"abcde"])
def test_a_conversation_of_the_wrong_length_is_refused(conversation: bytes) -> None:
    with pytest.raises(DaricError):
        Link(conversation)


class Short(Link):
    """A device's link that now and then has no memory for a frame it takes or an answer."""

    def __init__(self, seed: int) -> None:
        super().__init__(b"devi", answering=True)
        self.dice = random.Random(seed)
        self.count = 0
        self._complete = Scarce(self)

    def fail(self) -> None:
        if self.dice.random() < 0.15:
            self.count += 1
            raise MemoryError

    def _take(self, frame: memoryview) -> None:
        self.fail()
        super()._take(frame)

    def _wrapped(self, kind: int, conversation: bytes, sequence: int, size: int = HEADER_BYTES) -> bytes:
        self.fail()
        return super()._wrapped(kind, conversation, sequence, size)


class Scarce(list[bytes]):
    """A list that has no room for one more at times."""

    def __init__(self, link: Short) -> None:
        super().__init__()
        self.link = link

    def append(self, message: bytes) -> None:
        self.link.fail()
        super().append(message)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_acknowledged_is_not_lost_where_memory_ends(seed: int) -> None:
    host, device = Link(b"host", retries=100), Short(seed)
    sent = [bytes((number,)) * size for number, size in enumerate((0, 1, 100, 188, 189, 500, 4096))]
    for message in sent:
        host.send(message)
    arrived: list[bytes] = []
    now = 0
    while not host.idle:
        now += 1000
        try:
            arrived += device.receive(host.output(now))
        except MemoryError:
            pass
        if not device._complete:
            device._complete = Scarce(device)
        try:
            host.receive(device.output(now))
        except MemoryError:
            pass
    arrived += device.receive(b"")
    assert arrived == sent and device.count > 3
