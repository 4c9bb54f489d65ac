"""Whoever powers the device is the peer: probing Delta and cutting the power before the ban must not pay.

A cheating peer spoils one column of its OT-extension message: the check then fails exactly if that bit of Delta is 1.
The device here has Delta = all ones, so each check that runs reveals a bit; see docs/protocol.md, section 4.
"""

import pytest
from daric_protocol import extension
from daric_protocol.errors import Abort, DaricError
from daric_protocol.group import pair_name
from daric_protocol.pairstate import PairState
from daric_protocol.platform import column_hashes, sha256
from daric_protocol.tagged import TH

from tests.custody.homes import GROUP_ID, SID, UUID, FlashHome, MemoryHome, PowerCut, open_custody, with_group
from tests.rounds.exchange import randomness

PEER = 2
PROBES = 200
random = randomness("probes")
K0, K1 = random(2048), random(2048)
DELTA = b"\xff" * 16


@pytest.fixture(params=[MemoryHome, FlashHome])
def home(request):
    """A device whose pair state the peer knows all about but Delta."""
    home = with_group(request.param())
    state = PairState(random(32), random(32), DELTA, K1, random(2048), random(2048))
    open_custody(home).store.write(pair_name(GROUP_ID, 1, PEER), state.encode())
    return home


def spoiled(column):
    """A message that is honest but for one bit of one column, with the hashes made to fit."""
    beta, pad = random(52), random(16)
    message = bytearray(extension.extend(SID, K0, K1, beta, pad))
    message[extension.WIDTH * column] ^= 1
    weights = extension._weights(SID, bytes(message[: extension.MATRIX]))
    own = bytearray(extension.MATRIX)
    extension._expand(SID, K0, own, extension.WIDTH)
    message[extension.MATRIX : extension.MATRIX + 16] = column_hashes(weights, beta + pad)
    message[extension.MATRIX + 16 :] = TH("dkls/tt", SID, sha256(column_hashes(weights, own)))
    return bytes(message)


class Device:
    """Runs the check as signing does; `checks` counts how often it ran on the pair's state."""

    def __init__(self, home):
        self.home = home
        self.checks = 0

    def probe(self, column, after, torn=False, at_check=False):
        """One session with a spoiled message and a cut, after a number of store operations or at the check's end."""
        custody = open_custody(self.home)
        self.home.cut(after, torn)
        session = custody.session(GROUP_ID, UUID)
        pair = session.pair(PEER)
        session.open_check(PEER, SID)
        try:
            self.checks += 1
            extension.check(SID, pair.kD, pair.delta, spoiled(column), PEER)
        except Abort:
            if at_check:
                raise PowerCut from None
            session.ban(PEER, SID)
            raise
        if at_check:
            raise PowerCut
        session.close_check(PEER)


@pytest.fixture
def device(home):
    return Device(home)


def test_the_probe_tells_the_bit(monkeypatch):
    message = spoiled(5)
    for delta, seeds, passes in ((bytes(16), K0, True), (DELTA, K1, False)):
        try:
            extension.check(SID, seeds, delta, message, PEER)
            passed = True
        except Abort:
            passed = False
        assert passed is passes


def test_two_hundred_probes_cut_right_after_the_check_run_it_once(device):
    for number in range(PROBES):
        with pytest.raises((PowerCut, Abort)):
            device.probe(number % 128, 10**6, at_check=True)
    assert device.checks == 1


def test_two_hundred_probes_cut_at_any_operation_run_the_check_once(device):
    for number in range(PROBES):
        with pytest.raises((PowerCut, DaricError)):
            device.probe(number % 128, 1 + number // 2, torn=bool(number % 2))
    assert device.checks <= 1  # none where the mark was durable and the power went before the check
    device.home.cut(10**6, False)
    assert open_custody(device.home).unusable(GROUP_ID) == [PEER]


def test_at_every_single_cut_point_repeated_probes_run_the_check_at_most_once(home):
    ran = 0
    for after in range(1, 40):
        for torn in (False, True):
            device = Device(home.copy())
            for _ in range(4):
                with pytest.raises((PowerCut, DaricError)):
                    device.probe(7, after, torn)
                device.home.cut(10**6, False)
            assert device.checks <= 1, (after, torn)
            ran += device.checks
    assert ran > 10


def test_a_probe_that_is_cut_before_the_mark_reveals_nothing_and_costs_nothing(device):
    for number in range(20):
        with pytest.raises((PowerCut, DaricError)):
            device.probe(number, 1)
    assert device.checks == 0
    assert open_custody(device.home).unusable(GROUP_ID) == []


def test_a_passed_check_that_is_cut_before_its_mark_is_gone_is_a_ban_too(home):
    device = Device(home)
    custody = open_custody(home)
    session = custody.session(GROUP_ID, UUID)
    session.pair(PEER)
    session.open_check(PEER, SID)
    home.cut(1, False)
    with pytest.raises((PowerCut, DaricError)):
        session.close_check(PEER)
    assert open_custody(device.home).unusable(GROUP_ID) == [PEER]
