"""Probes through the whole driver: whoever spoils its messages and cuts the victim's power learns one bit at most.

docs/protocol.md, section 13; the checks alone, on a flash: tests/custody/test_probes.py.
"""

import pytest
from daric_protocol import multiply
from daric_protocol.errors import DaricError
from daric_protocol.signmessages import SignCommitment

from tests.session.network import evil
from tests.session.parties import MemoryStore, Party, Wallet, message

PROBES = 200
COLUMN = 68  # bytes of one column of the matrix
VICTIM, PEER = 1, 2


class PowerCut(BaseException):
    """No handler of the code under test may see an ordinary error."""


class CuttableStore(MemoryStore):
    """The store change number `cut_at`, counted from 1, and all after it do not happen: the power is gone."""

    changes = 0
    cut_at = 10**9

    def write(self, name, *parts):
        self._count()
        super().write(name, *parts)

    def erase(self, name):
        if name in self:
            self._count()
            super().erase(name)

    def _count(self):
        self.changes += 1
        if self.changes >= self.cut_at:
            raise PowerCut


@pytest.fixture(scope="module")
def made():
    return Wallet.create(2, 3, seed="probes")


@pytest.fixture
def wallet(made):
    mine = made.copy()
    mine.parties[VICTIM] = Party("victim", CuttableStore(mine.parties[VICTIM].store))
    return mine


@pytest.fixture
def checks(monkeypatch):
    """The messages of every check that the victim ran on its state with the peer: each can reveal a bit."""
    outcomes = []
    check = multiply.extension.check

    def counted(sid, seeds, delta, received, peer):
        if peer == PEER:
            outcomes.append(received)
        return check(sid, seeds, delta, received, peer)

    monkeypatch.setattr(multiply.extension, "check", counted)
    return outcomes


def probe(wallet, number, cut_at):
    """One session whose extension message is wrong in one column; the power goes at a change of the victim's store."""

    def spoil(outgoing):
        if outgoing.expect is SignCommitment:
            for peer, sent in outgoing.messages.items():
                bad = bytearray(sent.extension)
                bad[COLUMN * (number % 128)] ^= 1
                fields = sent.pid, sent.sid, sent.commitment, sent.signature, bytes(bad)
                outgoing.messages[peer] = SignCommitment(*fields)

    store = wallet.parties[VICTIM].store
    store.changes, store.cut_at = 0, cut_at
    try:
        network = wallet.network([VICTIM, PEER], message(f"probe {number}"), confirmed=True)
        rounds = network.sessions[1].hooks.rounds
        network.sessions[1].hooks.rounds = lambda session: evil(rounds(session), spoil)
        network.start().confirm().run().expire()
        assert network.sessions[0].error.name in ("soft", "ban")
    except PowerCut:
        pass
    finally:
        store.cut_at = 10**9
    wallet.restart()


def goes_on(wallet):
    """The victim still signs with the other, and with the peer after a new set-up."""
    assert wallet.sign([VICTIM, 3], message("other"), confirmed=True).states() == ["done", "done"]
    assert wallet.pair_up(VICTIM, PEER).states() == ["done", "done"]
    assert wallet.sign([VICTIM, PEER], message("healed"), confirmed=True).states() == ["done", "done"]


def test_two_hundred_probes_with_cuts_everywhere_run_one_check(wallet, checks):
    for number in range(PROBES):
        probe(wallet, number, 1 + number % 12)
    assert len(checks) <= 1
    assert wallet.parties[VICTIM].custody.unusable(wallet.group_id) == [PEER]
    goes_on(wallet)


def test_a_probe_cut_right_after_the_check_is_a_ban(made, checks):
    ran = 0
    for cut_at in range(1, 13):
        wallet = made.copy()
        wallet.parties[VICTIM] = Party("victim", CuttableStore(wallet.parties[VICTIM].store))
        before = len(checks)
        for number in range(3):
            probe(wallet, number, cut_at)
        assert len(checks) - before <= 1, cut_at
        if len(checks) > before:
            ran += 1
            with pytest.raises(DaricError):
                wallet.parties[VICTIM].custody.session(wallet.group_id, bytes(16)).pair(PEER)
    assert ran > 3
