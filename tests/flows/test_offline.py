"""Signing without any service: phone and device alone, and with a second phone over a local socket."""

import asyncio
import socket
import uuid

import coincurve
import pytest
from daric_host.joinlink import parse
from daric_host.offline import OfflineWallet
from daric_host.wallet import Service, Wallet
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_sim.device import APPROVE, REFUSE
from flows.conftest import indexes, yes
from flows.test_wallet_stories import recovers


class Nowhere:
    """Every connection that is not a local socket is refused and noted."""

    def __init__(self):
        self.tried = []

    def patch(self, monkeypatch):
        for name in ("connect", "connect_ex", "sendto"):
            real = getattr(socket.socket, name)
            monkeypatch.setattr(socket.socket, name, self._local_only(real))

        def resolve(*arguments, **_):
            self.tried.append(arguments)
            raise OSError("there is no network")

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def _local_only(self, real):
        def refuse(one, *arguments):
            if one.family != socket.AF_UNIX:
                self.tried.append(arguments)
                raise OSError("there is no network")
            return real(one, *arguments)

        return refuse


@pytest.fixture
def cut(house, monkeypatch):
    """Stops every service and the network; what was tried nevertheless is in `.tried`."""
    nowhere = Nowhere()

    def now():
        house.stop()
        nowhere.patch(monkeypatch)
        return nowhere

    yield now
    monkeypatch.undo()
    house.start()


def message(text):
    return requests.Request(requests.MESSAGE, text.encode()).encode()


async def alone(home, approve=yes):
    """The phone offline. Its service is known, and is not there."""
    return await OfflineWallet.open(home, Service("http://127.0.0.1:9", bytes(33)), approve)


async def sign(wallet, device, group_id, signers, text):
    proposal = await wallet.propose_signature(group_id, message(text), signers)
    await wallet.invite(proposal, [device])
    return proposal, await wallet.run(proposal)


@pytest.mark.parametrize("parties", [2, 3])
async def test_phone_and_device_sign_alone(tell, cut, tmp_path, parties):
    async with tell() as story:
        proposal = await story.wallet.propose_group("offline", 2, parties)
        await story.wallet.invite(proposal, [story.identity], story.house.cloud_url if parties == 3 else "")
        group = await story.wallet.run(proposal)
        path = story.device.path
    nowhere = cut()
    async with await alone(tmp_path / "phone") as wallet:
        device = await wallet.connect(path)
        for text in ("one", "two"):
            proposal, signature = await sign(wallet, device, group.id, indexes(group, "phone", "device"), text)
            assert recovers(group, signature, text)
            assert uuid.UUID(bytes=proposal.uuid).version == 4
    assert nowhere.tried == [], "something asked for the network"


async def test_phone_and_device_renew_their_shares_and_export_alone(tell, cut, tmp_path):
    async with tell() as story:
        proposal = await story.wallet.propose_group("offline", 2, 2)
        await story.wallet.invite(proposal, [story.identity])
        before = await story.wallet.run(proposal)
        path = story.device.path
    nowhere = cut()
    async with await alone(tmp_path / "phone") as wallet:
        device = await wallet.connect(path)
        proposal = await wallet.propose_refresh(before.id)
        await wallet.invite(proposal, [device])
        after = await wallet.run(proposal)
        assert (after.epoch, after.address) == (before.epoch + 1, before.address)
        assert recovers(after, (await sign(wallet, device, after.id, [1, 2], "renewed"))[1], "renewed")
        proposal = await wallet.propose_export(after.id, [1, 2], "the services are gone")
        await wallet.invite(proposal, [device])
        key = await wallet.run(proposal)
        assert coincurve.PrivateKey(key.key).public_key.format() == after.public_key
        assert wallet.group(after.id).exposed
    assert nowhere.tried == [], "something asked for the network"


@pytest.fixture
def pair_of_phones(tell, house, tmp_path):
    """A 2-of-3 wallet of two phones and a device; (group, index of the second phone)."""

    async def make():
        service = Service(house.url, house.key, house.cloud_identity)
        async with tell() as story:
            token = (await story.wallet._relay.invite()).token
            async with await Wallet.open(tmp_path / "second", service, yes, invitation=token) as other:
                proposal = await story.wallet.propose_group("three", 2, 3)

                async def join():
                    return await other.run(await other.join(proposal.uuid))

                joined = asyncio.create_task(join())
                await story.wallet.invite(proposal, [story.identity])
                mine, theirs = await asyncio.gather(story.wallet.run(proposal), joined)
                return mine, theirs.me

    return make


async def two_phones_sign(tmp_path, group, other_index, address, text):
    async with await alone(tmp_path / "phone") as first, await alone(tmp_path / "second") as second:
        address = await first.serve(address)
        proposal = await first.propose_signature(group.id, message(text), sorted([group.me, other_index]))
        await second.dial(address)
        link = parse(first.link(proposal).uri, address)

        async def join():
            return await second.run(await second.join(link.session, link.initiator))

        return await asyncio.gather(first.run(proposal), join())


async def test_two_phones_sign_over_a_local_socket(pair_of_phones, cut, tmp_path):
    group, other = await pair_of_phones()
    nowhere = cut()
    place = tmp_path / "meet"
    ends = await two_phones_sign(tmp_path, group, other, f"unix:{place}", "together")
    assert all(recovers(group, end, "together") for end in ends)
    assert nowhere.tried == []
    assert not place.exists(), "the address is gone with the wallet"


async def test_two_phones_and_a_device_renew_their_shares_over_a_local_socket(pair_of_phones, cut, device, tmp_path):
    before, other = await pair_of_phones()
    nowhere = cut()
    async with await alone(tmp_path / "phone") as first, await alone(tmp_path / "second") as second:
        address = await first.serve(f"unix:{tmp_path / 'meet'}")
        await second.dial(address)
        present = await first.connect(device.path)

        async def together(proposal):
            async def join():
                link = parse(first.link(proposal).uri, address)
                return await second.run(await second.join(link.session, link.initiator, link.secret))

            await first.invite(proposal, [present])
            return await asyncio.gather(first.run(proposal), join())

        mine, theirs = await together(await first.propose_refresh(before.id))
        assert mine.epoch == theirs.epoch == before.epoch + 1 and mine.address == before.address
        key, nothing = await together(await first.propose_export(before.id, sorted([mine.me, other]), "moving"))
        assert coincurve.PrivateKey(key.key).public_key.format() == before.public_key and nothing is None
        assert second.group(before.id).exposed
    assert nowhere.tried == []


async def test_two_phones_sign_over_a_local_network(pair_of_phones, house, tmp_path):
    group, other = await pair_of_phones()
    house.stop()
    try:
        ends = await two_phones_sign(tmp_path, group, other, "tcp:127.0.0.1:0", "together")
        assert all(recovers(group, end, "together") for end in ends)
    finally:
        house.start()


# Refusals


async def refused(awaitable):
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


async def test_a_refusal_on_the_device_ends_the_session_offline_too(tell, cut, tmp_path):
    async with tell() as story:
        group = await story.create()
        device = story.device
    cut()
    async with await alone(tmp_path / "phone") as wallet:
        identity = await wallet.connect(device.path)
        signers = indexes(group, "phone", "device")
        device.answer = REFUSE
        assert await refused(sign(wallet, identity, group.id, signers, "no")) == "refused"
        device.answer = APPROVE
        assert recovers(group, (await sign(wallet, identity, group.id, signers, "yes"))[1], "yes")


async def test_what_needs_a_service_is_refused_without_a_request(tell, cut, tmp_path):
    async with tell() as story:
        group = await story.create()
    nowhere = cut()
    async with await alone(tmp_path / "phone") as wallet:
        proposal = await wallet.propose_signature(group.id, message("no"), indexes(group, "phone", "cloud"))
        assert await refused(wallet.invite_cloud(proposal, "http://127.0.0.1:9")) == "service"
        await wallet.abort(proposal)
        assert await refused(wallet._relay.invite()) == "service"
        assert await refused(wallet._relay.parties()) == "service"
        assert await refused(wallet.propose_signature(group.id, message("no"), [1])) == "parameter"
    assert await refused(OfflineWallet.open(tmp_path / "new", Service("", b""), yes, invitation=bytes(32))) == "service"
    assert nowhere.tried == []


async def test_an_unpaired_device_is_refused_offline(tell, cut, tmp_path):
    async with tell() as story:
        path = story.device.path
    cut()
    async with await alone(tmp_path / "stranger") as wallet:
        assert await refused(wallet.connect(path)) == "unpaired"


async def test_a_guest_that_was_not_chosen_gets_no_seat(pair_of_phones, house, tmp_path):
    group, _ = await pair_of_phones()
    async with await alone(tmp_path / "phone") as first, await alone(tmp_path / "second") as second:
        await second.dial(await first.serve(f"unix:{tmp_path / 'meet'}"))
        proposal = await first.propose_signature(group.id, message("no"), sorted([group.me, *indexes(group, "device")]))
        assert await refused(second.join(proposal.uuid)) in ("group", "unauthorised")
        assert len(await first.participants(proposal)) == 1
        assert await refused(second._relay.join(proposal.uuid, b"join")) == "unauthorised"
        assert await refused(second._relay.start(proposal.uuid)) == "unauthorised"
        assert await refused(second._relay.abort(proposal.uuid)) == "unauthorised"
        assert await refused(second._relay.send(proposal.uuid, 0, b"x")) == "unauthorised"
        assert await refused(second._relay.session(bytes(16))) == "unknown_session"
        assert await refused(second._relay.create_session(bytes(16), b"terms", 2)) == "busy"
        await first.abort(proposal)


@pytest.mark.parametrize("noise", [b"", b"\x00", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x00\x00\x00\x01\x80"])
async def test_noise_at_the_address_changes_nothing(tmp_path, noise):
    place = tmp_path / "meet"
    async with await alone(tmp_path / "first") as first, await alone(tmp_path / "second") as second:
        await first.serve(f"unix:{place}")
        reader, writer = await asyncio.open_unix_connection(place)
        writer.write(noise)
        writer.write_eof()
        await reader.read()
        writer.close()
        await second.dial(f"unix:{place}")
        assert await refused(second._relay.session(bytes(16))) == "unknown_session"


@pytest.mark.parametrize("address", ["", "unix:", "tcp:", "tcp:host", "tcp::1", "tcp:host:99999", "http://host:1"])
async def test_an_address_of_another_form_is_refused(tmp_path, address):
    async with await alone(tmp_path / "first") as first:
        assert await refused(first.serve(address)) == "parameter"
        assert await refused(first.dial(address)) == "parameter"


async def test_an_address_where_nobody_is_says_so(tmp_path):
    async with await alone(tmp_path / "first") as first:
        assert await refused(first.dial(f"unix:{tmp_path / 'nobody'}")) == "service"
        assert await refused(first.serve(f"unix:{tmp_path / 'no' / 'such' / 'folder'}")) == "service"


async def test_a_host_that_goes_away_ends_the_guests_session(pair_of_phones, house, tmp_path):
    group, other = await pair_of_phones()
    async with await alone(tmp_path / "second") as second:
        async with await alone(tmp_path / "phone") as first:
            await second.dial(await first.serve(f"unix:{tmp_path / 'meet'}"))
            proposal = await first.propose_signature(group.id, message("gone"), sorted([group.me, other]))
            joined = await second.join(proposal.uuid)
        assert await refused(second.run(joined)) == "service"
