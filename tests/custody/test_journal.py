"""What is used once is never used again, also after a restart, in bounded space."""

import pytest
from daric_protocol import limits
from daric_protocol.custody import load_identity
from daric_protocol.errors import DaricError

from tests.custody.homes import DIGEST, GROUP_ID, SID, UUID, MemoryHome, MemoryStore, open_custody, with_group
from tests.rounds.exchange import randomness


@pytest.fixture
def home():
    return with_group(MemoryHome())


def spend(custody, digest):
    with custody.session(GROUP_ID, UUID) as session:
        session.spend(digest, SID)


def signed(custody, digest):
    with custody.session(GROUP_ID, UUID) as session:
        session.spend(digest, SID)
        session.signed(digest, [2])


def test_a_used_session_is_refused_also_after_a_restart(home):
    open_custody(home).use_session(UUID)
    with pytest.raises(DaricError) as caught:
        open_custody(home).use_session(UUID)
    assert caught.value.name == "replayed"


def test_a_session_is_used_by_its_own_custody_only(home):
    with open_custody(home).session(GROUP_ID, UUID) as session:
        with pytest.raises(DaricError):
            session.use_session(bytes(16))
        session.use_session(UUID)
        with pytest.raises(DaricError):
            session.use_session(UUID)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_session_id_has_sixteen_bytes(home, length):
    with pytest.raises(DaricError):
        open_custody(home).use_session(bytes(length))


def test_the_session_journal_is_bounded(home):
    custody = open_custody(home)
    for number in range(3 * limits.USED_SESSIONS):
        custody.use_session(number.to_bytes(16, "big"))
    assert len(custody.store.read("journal/sessions")) == 16 * limits.USED_SESSIONS
    assert custody.journal.session_used((3 * limits.USED_SESSIONS - 1).to_bytes(16, "big"))


def test_a_source_that_repeats_itself_repeats_no_session_randomness(home):
    def stuck(count):
        return b"\x07" * count

    seen = {open_custody(home).session_random(UUID, 1, stuck)(32) for _ in range(5)}
    assert len(seen) == 5


def test_the_seed_binds_session_and_epoch():
    def stuck(count):
        return b"\x07" * count

    def draw(uuid, epoch):
        return open_custody(MemoryHome()).session_random(uuid, epoch, stuck)(32)

    assert len({draw(UUID, 1), draw(UUID, 2), draw(bytes(16), 1)}) == 3
    assert draw(UUID, 1) == draw(UUID, 1)


def test_the_hedge_key_is_made_once(home):
    custody = open_custody(home)
    custody.session_random(UUID, 1, randomness("a"))
    hedge = home.entries["hedge"]
    open_custody(home).session_random(UUID, 1, randomness("b"))
    assert home.entries["hedge"] == hedge


def test_the_identity_is_made_once():
    store = MemoryStore()
    first = load_identity(store, randomness("first start"))
    assert load_identity(store, randomness("second start")).public == first.public


def test_a_spent_digest_stays_spent(home):
    custody = open_custody(home)
    assert not custody.is_spent(GROUP_ID, DIGEST)
    spend(custody, DIGEST)
    assert open_custody(home).is_spent(GROUP_ID, DIGEST)
    assert not custody.is_spent(GROUP_ID, bytes(32))


def test_one_session_spends_one_digest(home):
    with open_custody(home).session(GROUP_ID, UUID) as session:
        session.spend(DIGEST, SID)
        with pytest.raises(DaricError) as caught:
            session.spend(bytes(32), SID)
    assert caught.value.name == "replayed"


def test_after_an_unseen_end_the_same_digest_may_be_tried_again_and_another_needs_confirmation(home):
    spend(open_custody(home), DIGEST)
    custody = open_custody(home)
    custody.check_digest(GROUP_ID, DIGEST)
    with pytest.raises(DaricError) as caught:
        custody.check_digest(GROUP_ID, bytes(32))
    assert caught.value.name == "spent"
    custody.check_digest(GROUP_ID, bytes(32), confirmed=True)


def test_a_signed_digest_is_not_signed_again_without_confirmation(home):
    custody = open_custody(home)
    signed(custody, DIGEST)
    with pytest.raises(DaricError) as caught:
        custody.check_digest(GROUP_ID, DIGEST)
    assert caught.value.name == "replayed"
    custody.check_digest(GROUP_ID, DIGEST, confirmed=True)
    custody.check_digest(GROUP_ID, bytes(32))


def test_the_spent_journal_is_bounded_and_keeps_the_newest(home):
    custody = open_custody(home)
    digests = [number.to_bytes(32, "little") for number in range(100)]
    for digest in digests:
        signed(custody, digest)
    assert len(custody.store.read("spent/" + GROUP_ID.hex())) < 16 * limits.SPENT_DIGESTS + 64
    assert [custody.is_spent(GROUP_ID, digest) for digest in digests[-limits.SPENT_DIGESTS :]] == [True] * 64


def test_repeating_a_digest_pushes_nothing_out(home):
    custody = open_custody(home)
    signed(custody, bytes(32))
    for _ in range(100):
        signed(custody, DIGEST)
    assert custody.is_spent(GROUP_ID, bytes(32))
