"""Randomness has one door, and it fails closed."""

import hashlib
import hmac

import pytest
from daric_protocol.errors import DaricError
from daric_protocol.platform import entropy
from daric_protocol.platform.entropy import Drbg, Entropy, session_seed
from hypothesis import given, settings
from hypothesis import strategies as st


class Source:
    """A source of our own: good bytes until `fail_after` reads, then whatever `broken` gives."""

    def __init__(self, broken=None, fail_after=10**9):
        self.reads = 0
        self.broken = broken
        self.fail_after = fail_after

    def __call__(self, count):
        self.reads += 1
        if self.reads > self.fail_after:
            return self.broken(count)
        return hashlib.shake_256(self.reads.to_bytes(4, "big")).digest(count)


def raise_oserror(count):
    raise OSError("no source")


BROKEN = {
    "stuck at zero": bytes,
    "stuck at one value": lambda count: b"\xa5" * count,
    "the same read again": lambda count: bytes(range(count)),
    "a run of six": lambda count: hashlib.shake_256(b"?").digest(count - 6) + b"\7" * 6,
    "too short": lambda count: bytes(range(count - 1)),
    "empty": lambda count: b"",
    "too long": lambda count: bytes(range(count + 1)),
    "not bytes": lambda count: list(range(count)),
    "nothing": lambda count: None,
    "failing": raise_oserror,
}
STARTUP_READS = entropy.STARTUP_BYTES // entropy.READ_BYTES + 2


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_source_that_never_works_gives_no_door(broken):
    with pytest.raises(DaricError) as caught:
        Entropy(Source(broken, fail_after=0))
    assert caught.value.name == "entropy"


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_source_that_stops_working_closes_the_door_for_good(broken):
    source = Source(broken, fail_after=STARTUP_READS)
    door = Entropy(source)
    with pytest.raises(DaricError):
        for _ in range(3):
            door.draw(32)
    source.fail_after = 10**9
    for attempt in (lambda: door.draw(1), lambda: door.mix(b"more")):
        with pytest.raises(DaricError) as caught:
            attempt()
        assert caught.value.name == "entropy"


def test_a_source_that_raises_anything_closes_the_door():
    def explode(count):
        raise ZeroDivisionError

    source = Source(explode, fail_after=STARTUP_READS)
    door = Entropy(source)
    with pytest.raises(ZeroDivisionError):
        door.draw(32)
    source.fail_after = 10**9
    with pytest.raises(DaricError):
        door.draw(32)


def test_a_lopsided_source_is_noticed_within_a_window():
    # Every fourth byte is zero: no run, no repeated read, but far more zeros than 4 bits of entropy allow.
    def lopsided(count):
        lopsided.turn += 1
        data = bytearray(hashlib.shake_256(lopsided.turn.to_bytes(4, "big")).digest(count))
        data[::4] = bytes(len(data[::4]))
        return bytes(data)

    lopsided.turn = 0
    with pytest.raises(DaricError) as caught:
        Entropy(lopsided)
    assert caught.value.name == "entropy"


def test_a_system_without_a_source_gives_no_door(monkeypatch):
    monkeypatch.delattr("os.urandom")
    with pytest.raises(DaricError) as caught:
        Entropy()
    assert caught.value.name == "entropy"


def test_the_systems_own_source_passes():
    door = Entropy()
    assert len({door.draw(32) for _ in range(200)}) == 200


def test_each_draw_reads_the_source_again():
    source = Source()
    door = Entropy(source)
    assert source.reads == STARTUP_READS
    door.draw(1)
    door.draw(1000)
    assert source.reads == STARTUP_READS + 2


def test_draws_have_the_length_asked_for():
    door = Entropy(Source())
    assert [len(door.draw(n)) for n in (0, 1, 31, 32, 33, 65536)] == [0, 1, 31, 32, 33, 65536]


def test_mixing_changes_what_comes_next_and_cannot_undo_the_source():
    plain, mixed, other = Entropy(Source()), Entropy(Source()), Entropy(Source())
    mixed.mix(b"host")
    other.mix(b"Host")
    plain.mix(b"")
    assert len({door.draw(32) for door in (plain, mixed, other)}) == 3


class Reference:
    """HMAC-DRBG written a second time, straight from SP 800-90A, 10.1.2, on the standard library's hmac."""

    def __init__(self, seed):
        self.k, self.v = b"\0" * 32, b"\1" * 32
        self.update(seed)

    def update(self, data):
        for label in (b"\0", b"\1") if data else (b"\0",):
            self.k = hmac.new(self.k, self.v + label + data, hashlib.sha256).digest()
            self.v = hmac.new(self.k, self.v, hashlib.sha256).digest()

    def generate(self, count):
        out = b""
        while len(out) < count:
            self.v = hmac.new(self.k, self.v, hashlib.sha256).digest()
            out += self.v
        self.update(b"")
        return out[:count]


steps_of_use = st.lists(st.integers(0, 200) | st.binary(min_size=1, max_size=90), max_size=8)


@given(st.binary(min_size=32, max_size=80), steps_of_use)
@settings(max_examples=80, deadline=None)
def test_the_generator_is_hmac_drbg(seed, steps):
    drbg, reference = Drbg(seed), Reference(seed)
    for step in steps:
        if isinstance(step, bytes):
            drbg.mix(step)
            reference.update(step)
        else:
            assert drbg(step) == reference.generate(step)


def test_a_short_seed_or_a_long_request_is_refused():
    with pytest.raises(DaricError):
        Drbg(bytes(31))
    for count in (-1, 65537):
        with pytest.raises(DaricError) as caught:
            Drbg(bytes(32))(count)
        assert caught.value.name == "parameter"


def test_a_session_seed_depends_on_everything_it_names():
    inputs = [b"h" * 32, b"t" * 32, b"u" * 16, 7, 9]
    expected = hmac.digest(inputs[0], inputs[1] + inputs[2] + b"\0\0\0\7" + b"\0" * 7 + b"\t", "sha256")
    assert session_seed(*inputs) == expected
    changes = [b"H" * 32, b"T" * 32, b"U" * 16, 8, 10]
    seeds = {session_seed(*[*inputs[:i], changes[i], *inputs[i + 1 :]]) for i in range(5)}
    assert len(seeds | {expected}) == 6


@pytest.mark.parametrize(("position", "value"), [(0, bytes(31)), (1, bytes(33)), (2, bytes(15))])
def test_a_session_seed_refuses_wrong_sizes(position, value):
    inputs = [bytes(32), bytes(32), bytes(16), 0, 0]
    inputs[position] = value
    with pytest.raises(DaricError) as caught:
        session_seed(*inputs)
    assert caught.value.name == "parameter"
