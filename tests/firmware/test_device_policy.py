"""The owner's policy on the device: decided there, obeyed before the owner is asked, counted before it signs."""

import os

import pytest
from daric_protocol import flows, limits, platform
from daric_protocol.errors import DaricError
from daric_protocol.evm.request import MESSAGE, TRANSACTION, Request
from daric_protocol.evm.transaction import DYNAMIC_FEE, Transaction
from daric_protocol.policy import MESSAGES, Policy

from tests.firmware.board import device, host_of, pair, pass_seconds
from tests.firmware.test_device_sessions import make_wallet
from tests.sim.rig import DeviceParty, LocalParty, run_session

TO, OTHER, ETHER, HOUR = b"\xaa" * 20, b"\xbb" * 20, 10**18, 3600
DAILY = Policy([(1, 2 * ETHER)], [], [], 0)


async def wallet_of(tmp_path, *parties):
    """(device, link, another member, group id, index of the last member) of a wallet."""
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    terms = await make_wallet(link, list(parties))
    third = parties[-1].custody.roster(terms.group).index_of(parties[-1].identity.public)
    app.board.pages.clear()
    return app, link, parties[0], terms.group, third


@pytest.fixture
async def wallet(tmp_path):
    """A wallet 2-of-2."""
    return await wallet_of(tmp_path, LocalParty(5))


@pytest.fixture
async def three(tmp_path):
    """A wallet 2-of-3."""
    return await wallet_of(tmp_path, LocalParty(5), LocalParty(6))


def pays(value=ETHER, to=TO, nonce=0) -> bytes:
    tx = Transaction(DYNAMIC_FEE, nonce, 21000, to, value, b"", 1)
    return Request(TRANSACTION, tx.encode()).encode()


def signing(app, party, gid, asked: bytes):
    roster = party.custody.roster(gid)
    signers = [roster.index_of(app.identity.public), roster.index_of(party.identity.public)]
    return flows.sign_terms(os.urandom(16), gid, roster, sorted(signers), asked)


async def signs(wallet, asked: bytes) -> bool:
    app, link, party, gid, _ = wallet
    outcomes = await run_session(signing(app, party, gid, asked), [DeviceParty(link), party])
    return [state for state, _ in outcomes] == ["done", "done"]


async def refused(name, awaitable):
    with pytest.raises(DaricError) as caught:
        await awaitable
    assert caught.value.name == name
    return caught.value


def asks(app) -> list[list[str]]:
    return [lines for lines, ask in app.board.pages if ask]


async def violates(wallet, asked: bytes):
    """The device refuses before it joins and before it asks its owner."""
    app, link, party, gid, _ = wallet
    app.board.pages.clear()
    error = await refused("policy", link.session_join(signing(app, party, gid, asked).encode()))
    assert not asks(app) and not app.sessions.active
    return error


# Deciding it


async def test_the_owner_sees_all_of_a_policy_and_it_is_there_after_a_restart(wallet, tmp_path):
    app, link, _party, gid, third = wallet
    made = Policy([(1, ETHER)], [TO], [third], MESSAGES)
    assert (await link.policy(gid)).policy is None
    await link.propose_policy(gid, made)
    [lines] = asks(app)
    text = " ".join(line.strip() for line in lines)
    for part in ("Policy for Savings", "1 ETH, fees", "Ethereum (1)", "Recipient 1/1:", f"{third} ", "messages"):
        assert part in text
    again = device(tmp_path)
    link = host_of(again)
    await pair(link)
    state = await link.policy(gid)
    assert vars(state.policy) == vars(made) and state.counted == {1: 0}


async def test_what_the_owner_refuses_changes_nothing(wallet):
    app, link, _, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    app.board.answer = "refuse"
    await refused("refused", link.propose_policy(gid, Policy([(1, 5)], [], [], 0)))
    await refused("refused", link.propose_policy(gid, None))
    assert vars((await link.policy(gid)).policy) == vars(DAILY)


async def test_nobody_answers_and_nothing_changes(wallet):
    app, link, _, gid, _ = wallet
    app.board.answer = None
    asked = [gid, DAILY.encode()]
    assert await link._call("policy_propose", *asked) == []
    pass_seconds(app, limits.APPROVAL_TIMEOUT)
    await refused("timeout", link._call("policy_propose", *asked))
    assert (await link.policy(gid)).policy is None


async def test_a_policy_is_replaced_and_removed_and_both_are_said(wallet):
    app, link, _, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    await link.propose_policy(gid, Policy([], [TO], [], 0))
    await link.propose_policy(gid, None)
    titles = [lines[0] for lines in asks(app)]
    assert titles == ["Policy for", "NEW POLICY", "REMOVE POLICY of"]
    assert "Recipient 1/1:" in asks(app)[2]
    assert (await link.policy(gid)).policy is None
    assert app.vault.names("policy") == []
    app.errands.stop()  # the result of the request before is not asked for any more
    await refused("policy", link.propose_policy(gid, None))


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        (b"\x80", "encoding"),
        (platform.cbor_encode([[], [], [], 0]), "parameter"),
        (platform.cbor_encode([[], [], [9], 0]), "member"),
        (bytes(limits.POLICY_BYTES + 1), "too_large"),
        ("text", "encoding"),
        (None, "encoding"),
    ],
)
async def test_what_is_no_policy_is_not_asked(wallet, encoded, name):
    app, link, _, gid, _ = wallet
    await refused(name, link._call("policy_propose", gid, encoded))
    assert not asks(app)


async def test_a_co_signer_is_another_member_and_fits_beside_the_device(three):
    app, link, party, gid, third = three
    roster = party.custody.roster(gid)
    own, other = roster.index_of(app.identity.public), roster.index_of(party.identity.public)
    await refused("member", link.propose_policy(gid, Policy([], [], [own], 0)))
    await refused("threshold", link.propose_policy(gid, Policy([], [], sorted([other, third]), 0)))
    assert not asks(app)


async def test_a_wallet_that_is_not_there_has_no_policy(wallet):
    _, link, _, _, _ = wallet
    for group in (bytes(16), bytes(15), None):
        name = "group" if group == bytes(16) else "encoding"
        await refused(name, link._call("policy_read", group))
        await refused(name, link._call("policy_propose", group, DAILY.encode()))


# Obeying it


async def test_up_to_the_daily_amount_it_signs_and_then_no_more(wallet):
    app, link, _, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    assert await signs(wallet, pays(ETHER, nonce=1))
    assert (await link.policy(gid)).counted == {1: ETHER}
    error = await violates(wallet, pays(ETHER + 1, nonce=2))
    assert "daily amount" in error.detail
    assert await signs(wallet, pays(ETHER, nonce=3))
    await violates(wallet, pays(1, nonce=4))
    app.board.seconds += 24 * HOUR + limits.KEYGEN_TIMEOUT
    assert await signs(wallet, pays(2 * ETHER, nonce=5))


async def test_a_violation_is_recorded_as_one(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    asked = pays(3 * ETHER)
    await violates(wallet, asked)
    entry = (await link.log()).entries[-1]
    assert (entry.op, entry.outcome, entry.group) == ("sign", "policy", gid)
    assert entry.digest == flows.request_digest(asked)
    assert entry.peers == [party.identity.public]
    assert app.board.pages[-1][0] == ["sign", "policy"]


async def test_what_cannot_be_measured_is_refused_unless_the_policy_allows_it(wallet):
    _, link, _, gid, _ = wallet
    hello = Request(MESSAGE, b"hello").encode()
    await link.propose_policy(gid, DAILY)
    await violates(wallet, hello)
    await link.propose_policy(gid, Policy([(1, 2 * ETHER)], [], [], MESSAGES))
    assert await signs(wallet, hello)
    assert (await link.policy(gid)).counted == {1: 0}


async def test_only_listed_recipients_and_co_signers(three):
    wallet = _app, link, party, gid, third = three
    await link.propose_policy(gid, Policy([], [TO], [], 0))
    await violates(wallet, pays(to=OTHER))
    assert await signs(wallet, pays())
    await link.propose_policy(gid, Policy([], [], [third], 0))
    error = await violates(wallet, pays())
    assert f"member {third}" in error.detail
    own = party.custody.roster(gid).index_of(party.identity.public)
    await link.propose_policy(gid, Policy([], [], [own], 0))
    assert await signs(wallet, pays(nonce=1))


async def test_the_key_is_not_given_out_beside_a_policy(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    roster = party.custody.roster(gid)
    two = sorted(roster.index_of(one) for one in (app.identity.public, party.identity.public))
    terms = flows.export_terms(os.urandom(16), gid, roster, two, two[0], "moving")
    await refused("policy", link.session_join(terms.encode()))
    await link.propose_policy(gid, None)
    assert await link.session_join(terms.encode())


async def test_a_refused_session_does_not_come_in_by_asking_again(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    terms = signing(app, party, gid, pays(3 * ETHER)).encode()
    for _ in range(3):
        await refused("policy", link.session_join(terms))
    assert (await link.session_state()).error.name == "policy"


async def test_another_wallet_is_not_limited(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    other = (await make_wallet(link, [party, LocalParty(6)], name="Other")).group
    assert await signs((app, link, party, other, 0), pays(9 * ETHER))


# Counting


async def test_nothing_is_counted_for_what_the_owner_refuses(wallet):
    app, link, _, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    app.board.answer = "refuse"
    assert not await signs(wallet, pays())
    assert (await link.policy(gid)).counted == {1: 0}


async def test_what_was_approved_counts_also_if_the_session_fails(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    terms = signing(app, party, gid, pays(2 * ETHER))
    await link.session_start([await link.session_join(terms.encode()), await party.join(terms)])
    for _ in range(5):
        await link.session_fetch()
    await link.session_abort()
    assert (await link.policy(gid)).counted == {1: 2 * ETHER}
    await violates(wallet, pays(1, nonce=1))
    assert await signs(wallet, pays(2 * ETHER))  # the very same again is the same money
    assert (await link.policy(gid)).counted == {1: 2 * ETHER}


async def test_a_restart_gives_nothing_back(wallet, tmp_path):
    _app, link, party, gid, third = wallet
    await link.propose_policy(gid, DAILY)
    assert await signs(wallet, pays(2 * ETHER))
    again = device(tmp_path)
    again.board.seconds = 5  # a clock that begins with the start
    link = host_of(again)
    await pair(link)
    restarted = again, link, party, gid, third
    await violates(restarted, pays(1, nonce=1))
    again.board.seconds = 24 * HOUR
    await violates(restarted, pays(1, nonce=1))
    again.board.seconds = 5 + 24 * HOUR + limits.KEYGEN_TIMEOUT
    assert await signs(restarted, pays(1, nonce=1))


async def test_what_cannot_be_counted_is_not_signed(wallet, monkeypatch):
    app, link, _, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    write = app.vault.write

    def full(name, value):
        if name.startswith("policyday/"):
            raise DaricError("storage", "full")
        write(name, value)

    monkeypatch.setattr(app.vault, "write", full)
    assert not await signs(wallet, pays())
    assert (await link.session_state()).error.name == "storage"
    assert (await link.log()).entries[-1].outcome == "storage"


async def test_a_session_held_open_for_long_is_not_signed_under_a_count_of_long_ago(wallet):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    terms = signing(app, party, gid, pays(2 * ETHER))
    joins = [await link.session_join(terms.encode()), await party.join(terms)]
    app.board.seconds += limits.KEYGEN_TIMEOUT
    await link.session_start(joins)
    for _ in range(5):
        await link.session_fetch()
    assert (await link.session_state()).error.name == "timeout"
    assert (await link.policy(gid)).counted == {1: 0}


@pytest.mark.parametrize("error", [MemoryError(), DaricError("storage")], ids=repr)
async def test_a_policy_that_cannot_be_read_lets_nothing_through(wallet, monkeypatch, error):
    app, link, party, gid, _ = wallet
    await link.propose_policy(gid, DAILY)
    read = app.vault.read

    def broken(name):
        if name == "policyday/" + gid.hex():
            raise error
        return read(name)

    terms = signing(app, party, gid, pays()).encode()
    with monkeypatch.context() as patched:
        patched.setattr(app.vault, "read", broken)
        for _ in range(2):
            await refused("memory" if isinstance(error, MemoryError) else "storage", link.session_join(terms))
            assert not app.sessions.active
