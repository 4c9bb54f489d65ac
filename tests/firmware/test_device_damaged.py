"""A damaged entry of the vault is named, and takes nothing along that does not need it."""

import os
import shutil

import pytest
from daric.app import App
from daric.groups import DAMAGED
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.policy import Policy

from tests.firmware.board import MemoryBoard, device, host_of, pair, press
from tests.firmware.test_device_sessions import make_wallet, request, signing
from tests.sim.rig import DeviceParty, LocalParty, run_session


class House:
    """A device in two wallets with two hosts, its flash as it was, and the party of the first wallet."""

    async def build(self, state):
        self.state = state
        self.app = device(state / "device")
        link = host_of(self.app)
        self.pairing = await pair(link)
        await pair(host_of(self.app, 4712))
        await link.connect(self.pairing)
        self.party = LocalParty(5)
        self.terms = await make_wallet(link, [self.party])
        self.other = await make_wallet(link, [LocalParty(6)], name="Other")
        return self

    def names(self, prefix):
        return self.app.vault.names(prefix)

    async def damaged(self, name):
        """(device, link) after a start with one byte of this entry changed."""
        copy = self.state / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.state / "device", copy)
        path = copy / "files" / f"{self.app.vault._find(name)[2]:08x}"
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(bytes(data))
        app = App(MemoryBoard(copy))
        link = host_of(app)
        await link.connect(self.pairing)
        return app, link

    async def signs(self, app, link):
        text = os.urandom(8).hex().encode()
        outcomes = await run_session(
            signing(self.party, app, self.terms, request(payload=text)), [DeviceParty(link), self.party]
        )
        return [state for state, _ in outcomes] == ["done", "done"]


@pytest.fixture
async def house(tmp_path):
    return await House().build(tmp_path)


@pytest.mark.parametrize("kind", ["group/", "shard/", "pair/"])
async def test_a_damaged_wallet_is_named_and_the_other_one_signs(house, kind):
    [name] = [name for name in house.names(kind) if house.other.group.hex() in name]
    app, link = await house.damaged(name)
    assert await link.damaged() == [name]
    listed = {fields[0]: fields[4] for fields in await link.group_list()}
    assert set(listed) == {house.terms.group, house.other.group}
    assert listed[house.terms.group] == 0
    assert (listed[house.other.group] == DAMAGED) == (kind != "pair/")
    assert await house.signs(app, link)


async def test_a_damaged_host_is_named_and_the_other_one_is_served(house):
    from daric.hosts import entry

    name = entry(Identity(4712).public)
    app, link = await house.damaged(name)
    assert await link.damaged() == [name]
    assert await link.hosts() == [(Identity(4711).public, "host")]
    assert await house.signs(app, link)
    second = host_of(app, 4712)
    await pair(second)
    assert await second.damaged() == [], "pairing anew replaces the entry"


async def test_a_damaged_policy_stops_its_wallet_until_the_owner_removes_it(house):
    from daric.policy import POLICY

    link = host_of(house.app)
    await link.connect(house.pairing)
    name = POLICY + house.terms.group.hex()
    await link.propose_policy(house.terms.group, Policy([], [bytes(20)], [], 0))
    app, link = await house.damaged(name)
    asked = signing(house.party, app, house.terms, request())
    with pytest.raises(DaricError, match=POLICY):
        await link.session_join(asked.encode())
    await link.propose_policy(house.terms.group, None)
    assert [" damaged" in lines for lines, _ in app.board.pages if lines[0] == "REMOVE POLICY of"] == [True]
    assert await link.damaged() == [] and await house.signs(app, link)


async def test_a_damaged_setting_stops_nothing_and_can_be_changed(house):
    from daric.review import RAW

    house.app.vault.write(RAW, b"\1")
    app, link = await house.damaged(RAW)
    assert await house.signs(app, link)
    press(app, "menu:review.raw_digests", "approve")
    assert app.board.pages[-1][0] == ["Raw digests are", "refused"]
    assert await link.damaged() == []


async def test_damaged_hosts_go_with_all_of_them(house):
    from daric.hosts import entry

    app, link = await house.damaged(entry(Identity(4712).public))
    await link.revoke_all()
    assert len(app.hosts) == 0 and "not paired" in app.board.pages[-1][0]


async def test_a_damaged_wallet_closes_no_row_of_the_menu(house):
    [name] = [name for name in house.names("group/") if house.other.group.hex() in name]
    app, _ = await house.damaged(name)
    app.board.answer = None
    seen = []
    app.board.press("approve")
    while "Leave the menu?" not in seen:
        app.step(0)
        seen += app.board.pages[-1][0]
        app.board.press("refuse")
    assert " damaged" in seen and "Lock now?" in seen and "Wipe everything?" in seen


async def test_a_damaged_list_of_used_sessions_is_no_licence_to_use_one_again(house):
    app, link = await house.damaged("journal/sessions")
    assert await link.damaged() == ["journal/sessions"]
    terms = signing(house.party, app, house.terms, request())
    parties = [DeviceParty(link), house.party]
    joins = [await party.join(terms) for party in parties]
    await link.session_start(joins)
    status = await link.session_state()
    assert status.state == "failed" and "journal/sessions" in str(status.error)


async def test_without_its_identity_a_device_is_out_of_order_and_says_why(house):
    copy = house.state / "device"
    path = copy / "files" / f"{house.app.vault._find('identity')[2]:08x}"
    path.write_bytes(path.read_bytes()[:-1])
    app = App(MemoryBoard(copy))
    assert app.fault is not None and app.fault.name == "storage"
    assert "identity" in app.fault.detail


async def test_nothing_is_named_on_a_whole_device(house):
    link = host_of(house.app)
    await link.connect(house.pairing)
    assert await link.damaged() == []
