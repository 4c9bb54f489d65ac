"""What a device writes down of its sessions: every one that ended, however it ended, and nothing secret."""

import errno
import os

import pytest
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import APPROVAL_TIMEOUT

from tests.cddl import check
from tests.firmware.board import device, host_of, pair, pass_seconds
from tests.sim.rig import DeviceParty, LocalParty, run_session


@pytest.fixture
async def wallet(tmp_path):
    """(device, its link, the other party, terms of the creation)."""
    app = device(tmp_path)
    link, party = host_of(app), LocalParty(5)
    await pair(link)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
    await run_session(terms, [DeviceParty(link), party])
    return app, link, party, terms


def signing(wallet, text=b"hello"):
    _, _, party, created = wallet
    roster = party.custody.roster(created.group)
    request = platform.cbor_encode([2, text, []])
    return flows.sign_terms(os.urandom(16), created.group, roster, [1, 2], request), flows.request_digest(request)


async def begun(wallet, terms):
    """The device and the other party have started; the device has asked its owner."""
    _, link, party, _ = wallet
    joins = [await link.session_join(terms.encode()), await party.join(terms)]
    await link.session_start(joins)


async def last(wallet):
    return (await wallet[1].log()).entries[-1]


async def test_a_session_is_recorded_with_its_peers_and_what_it_signed(wallet):
    _, link, party, created = wallet
    terms, digest = signing(wallet)
    await run_session(terms, [DeviceParty(link), party])
    made, signed = (await link.log()).entries
    assert [made.session, made.op, made.group, made.digest, made.outcome] == [
        created.uuid, "create", created.group, b"", "done",
    ]  # fmt: skip
    assert [signed.session, signed.op, signed.group, signed.digest, signed.outcome] == [
        terms.uuid, "sign", created.group, digest, "done",
    ]  # fmt: skip
    assert made.peers == signed.peers == [party.identity.public]


async def test_a_refused_session_is_recorded_with_what_was_not_signed(wallet):
    wallet[0].board.answer = "refuse"
    terms, digest = signing(wallet)
    await begun(wallet, terms)
    while (await wallet[1].session_state()).state != "failed":
        pass
    entry = await last(wallet)
    assert [entry.outcome, entry.digest, entry.peers] == ["refused", digest, [wallet[2].identity.public]]


async def test_a_session_that_was_aborted_before_it_started_names_the_members_of_its_terms(wallet):
    terms, _ = signing(wallet)
    await wallet[1].session_join(terms.encode())
    await wallet[1].session_abort()
    entry = await last(wallet)
    assert [entry.session, entry.outcome, entry.peers] == [terms.uuid, "soft", [wallet[2].identity.public]]


async def test_a_creation_that_never_started_knows_no_peers(wallet):
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    await wallet[1].session_join(terms.encode())
    await wallet[1].session_abort()
    entry = await last(wallet)
    assert [entry.session, entry.op, entry.outcome, entry.peers] == [terms.uuid, "create", "soft", []]


async def test_a_session_that_nobody_answered_is_recorded(wallet):
    app = wallet[0]
    app.board.answer = None
    terms, _ = signing(wallet)
    await begun(wallet, terms)
    pass_seconds(app, APPROVAL_TIMEOUT)
    entry = await last(wallet)
    assert [entry.session, entry.outcome] == [terms.uuid, "soft"]


async def test_every_entry_and_page_follows_its_rule_and_any_paired_host_reads_them(wallet):
    app = wallet[0]
    other = host_of(app, 4712)
    await pair(other)
    page = await other._call("log", 0)
    check("LogPage", platform.cbor_encode(page))
    for entry in page[2]:
        check("LogEntry", entry)
    assert (await other.log()).entries[0].session == wallet[3].uuid


async def test_the_record_is_read_while_a_session_is_active(wallet):
    wallet[0].board.answer = None
    await begun(wallet, signing(wallet)[0])
    assert (await wallet[1].log()).count == 1 and wallet[0].sessions.active


async def test_nothing_of_shares_pairs_or_keys_is_in_it(wallet):
    app, link, party, created = wallet
    await run_session(signing(wallet)[0], [DeviceParty(link), party])
    text = b"".join((await link._call("log", 0))[2])
    shard = app.custody.shard(created.group)
    secrets = [shard.s.to_bytes(32, "big"), shard.cc, app.vault.read("identity"), b"hello"]
    secrets += [app.vault.read(name) for name in app.vault.names("pair/")]
    assert len(secrets) == 5
    for secret in secrets:
        assert not [at for at in range(0, len(secret), 16) if len(secret[at:]) > 4 and secret[at : at + 16] in text]


async def test_a_session_for_which_there_is_no_room_ends_as_it_would_and_is_counted(wallet):
    app, link, party, _ = wallet
    write = app.vault.write

    def full(name, *parts):
        if name.startswith("log/"):
            raise DaricError("storage", "full")
        write(name, *parts)

    app.vault.write = full
    for _ in range(2):
        outcomes = await run_session(signing(wallet, os.urandom(8))[0], [DeviceParty(link), party])
        assert {state for state, _ in outcomes} == {"done"}
    assert (await link.log()).count == 1
    app.vault.write = write
    await run_session(signing(wallet, b"more")[0], [DeviceParty(link), party])
    made, signed = (await link.log()).entries
    assert [made.missed, signed.missed, signed.number] == [0, 2, 1]


async def test_a_file_system_without_room_costs_the_entry_and_not_the_result(wallet):
    app, link, party, _ = wallet
    write = app.vault._files.write
    record = app.sessions._write_down

    def no_room(*arguments):
        raise OSError(errno.ENOSPC, "no room")

    def recorded():
        app.vault._files.write = no_room
        try:
            record()
        finally:
            app.vault._files.write = write

    app.sessions._write_down = recorded
    outcomes = await run_session(signing(wallet)[0], [DeviceParty(link), party])
    assert {state for state, _ in outcomes} == {"done"}
    assert (await link.log()).count == 1


async def test_an_unpaired_host_reads_nothing(wallet):
    wallet[0].hosts.revoke(Identity(4711).public)
    with pytest.raises(DaricError) as refused:
        await wallet[1].log()
    assert refused.value.name == "unpaired"
