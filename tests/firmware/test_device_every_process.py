"""Every process at the device: none while another session is active, none for a host that is not paired any more."""

import os

import pytest
from daric_protocol import channel, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity

from tests.firmware.board import device, host_of, pair
from tests.firmware.test_device_refuses import refusal
from tests.firmware.test_device_sessions import make_wallet
from tests.sim.rig import LocalParty

OPERATIONS = (
    "create", "import", "sign", "export", "pair", "refresh", "add", "remove", "enrol", "master", "backup", "verify",
    "recover",
)  # fmt: skip
SECRET = flows.Secret(0xDA51C)


@pytest.fixture
async def wallet(tmp_path):
    """(device, link, another member, group id): a wallet 2-of-3."""
    app = device(tmp_path)
    link = host_of(app)
    await pair(link)
    parties = [LocalParty(5), LocalParty(6)]
    made = await make_wallet(link, parties)
    return app, link, parties[0], made.group


def terms_of(op, app, party, gid):
    """Terms of an operation in which the device takes part."""
    custody, roster, uuid = party.custody, party.custody.roster(gid), os.urandom(16)
    mine, own = roster.index_of(party.identity.public), roster.index_of(app.identity.public)
    two = sorted([mine, own])
    third = next(index for index in (1, 2, 3) if index not in two)
    return {
        "create": lambda: flows.create_terms(uuid, 2, 2, os.urandom),
        "import": lambda: flows.import_terms(uuid, 2, 2, SECRET, party.identity.public),
        "sign": lambda: flows.sign_terms(uuid, gid, roster, two, platform.cbor_encode([2, b"pay", []])),
        "export": lambda: flows.export_terms(uuid, gid, roster, two, own, "moving house"),
        "pair": lambda: flows.pair_terms(uuid, gid, roster, *two),
        "refresh": lambda: flows.refresh_terms(uuid, gid, roster),
        "add": lambda: flows.reshare_terms(uuid, custody, gid, 2, 1),
        "remove": lambda: flows.reshare_terms(uuid, custody, gid, 2, leaving=[third]),
        "enrol": lambda: flows.enrol_terms(uuid, custody, gid, two),
        "master": lambda: flows.master_terms(uuid, gid, roster, own),
        "backup": lambda: flows.backup_terms(uuid, custody, gid, bytes(16), 2, own, sorted([mine, third]), mine),
        "verify": lambda: flows.verify_terms(uuid, custody, gid, bytes(16), bytes(32), two),
        "recover": lambda: flows.recover_terms(uuid, custody, gid, third, two, mine, 0, bytes(16)),
    }[op]()


async def refused(name, awaitable):
    with pytest.raises(DaricError) as caught:
        await awaitable
    assert caught.value.name == name


async def test_nothing_begins_while_another_session_is_active(wallet):
    app, link, party, gid = wallet
    for op in OPERATIONS:
        other = flows.create_terms(os.urandom(16), 2, 2, os.urandom)
        join = await link.session_join(other.encode())
        asked = terms_of(op, app, party, gid).encode()
        await refused("busy", link.session_join(asked))
        assert await link.session_join(other.encode()) == join  # it goes on as it was
        await link.session_abort()
        assert await link.session_join(asked)
        await refused("busy", link.session_join(terms_of("sign", app, party, gid).encode()))
        await refused("busy", link.session_join(other.encode()))
        await link.session_abort()


async def test_nothing_begins_for_a_host_that_is_not_paired_or_not_any_more(wallet):
    app, link, party, gid = wallet
    asked = [terms_of(op, app, party, gid).encode() for op in OPERATIONS]
    for one in asked:
        whole = [9, "session_join", one[:64], platform.sha256(one)]
        assert refusal(app, whole) == "unpaired"
        assert refusal(app, [channel.SEALED, 1, platform.cbor_encode(whole)]) == "sealed"
    app.hosts.revoke(Identity(4711).public)
    for one in asked:
        await refused("unpaired", link.session_join(one))
        assert not app.sessions.active


async def test_nothing_begins_for_a_group_that_the_device_is_not_in(wallet):
    app, link, party, gid = wallet
    for op in OPERATIONS[2:]:
        asked = terms_of(op, app, party, gid)
        asked.group = bytes(reversed(gid))
        with pytest.raises(DaricError) as caught:
            await link.session_join(asked.encode())
        assert caught.value.name in ("group", "member"), op
        assert not app.sessions.active
