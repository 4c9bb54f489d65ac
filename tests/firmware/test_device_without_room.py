"""A device whose vault is full: it says so at every write, loses nothing, and goes on once there is room."""

import errno
import itertools
import os

import pytest
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError

from tests.firmware.board import device, host_of, pair
from tests.sim.rig import DeviceParty, LocalParty, carry


class Room:
    """Lets the vault's file system write so many files more."""

    def __init__(self, app):
        self.left = 10**9
        self._write = app.vault._files.write
        app.vault._files.write = self.write

    def write(self, *arguments):
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "no room")
        self._write(*arguments)


async def attempt(terms, link, party):
    """How a session ended at the device and at the other party; ("storage", "") if the device did not join."""
    seat = DeviceParty(link)
    try:
        joins = [await seat.join(terms), await party.join(terms)]
    except DaricError as error:
        return error.name, ""
    for one in (seat, party):
        await one.start(joins)
    state, result = await seat.outcome()
    if state == "failed":  # it says nothing to parties that it does not know yet; the service would tell them
        party.session.expire()
        return result.name, "soft"
    (state, mine), (_, theirs) = await carry([seat, party])
    return ("done", "done") if state == "done" else (mine.name, getattr(theirs, "name", "done"))


def signing(party, app, group, text):
    roster = party.custody.roster(group)
    signers = [roster.index_of(app.identity.public), roster.index_of(party.identity.public)]
    return flows.sign_terms(os.urandom(16), group, roster, signers, platform.cbor_encode([2, text, []]))


async def test_a_full_device_refuses_a_key_generation_at_any_write_and_makes_the_next(tmp_path):
    app = device(tmp_path)
    link, room = host_of(app), Room(app)
    await pair(link)
    for left in itertools.count():
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        room.left = left
        ended = await attempt(terms, link, LocalParty(5))
        room.left = 10**9
        if ended == ("done", "done"):
            break
        assert ended[0] == "storage" and ended[1] in ("", "soft", "done"), ended
        assert app.board.pages[-1][0] in (["create", "storage"], ["Daric", "ready", "0 wallets"]) or ended[1] == ""
    assert left > 4


async def test_a_full_device_refuses_a_signature_at_any_write_and_signs_the_next(tmp_path):
    app = device(tmp_path)
    link, room = host_of(app), Room(app)
    await pair(link)
    party = LocalParty(5)
    created = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
    assert await attempt(created, link, party) == ("done", "done")
    names = set()
    for left in itertools.count():
        text = b"with room for %d" % left
        room.left = left
        ended = await attempt(signing(party, app, created.group, text), link, party)
        room.left = 10**9
        if ended == ("done", "done"):
            break
        names.add(ended[0])
        assert ended[0] in ("storage", "spent"), ended
        if await attempt(signing(party, app, created.group, text), link, party) != ("done", "done"):
            roster = party.custody.roster(created.group)
            renewal = flows.pair_terms(os.urandom(16), created.group, roster, 1, 2)
            assert await attempt(renewal, link, party) == ("done", "done")
            assert await attempt(signing(party, app, created.group, text), link, party) == ("done", "done")
    assert "storage" in names and left > 3


async def test_a_device_whose_vault_is_full_at_its_start_still_answers(tmp_path):
    app = device(tmp_path)
    link, room = host_of(app), Room(app)
    pairing = await pair(link)
    room.left = 0
    with pytest.raises(DaricError) as refused:
        await link.session_join(flows.create_terms(os.urandom(16), 2, 2, os.urandom).encode())
    assert refused.value.name == "storage"
    assert (await link.identity()).identity == pairing.identity
