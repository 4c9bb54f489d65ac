"""Real services, a simulated device and a phone, for tests that tell a whole story."""

from contextlib import asynccontextmanager

import pytest
from daric_host.wallet import Service, Wallet
from daric_protocol.evm import request as requests
from daric_sim.device import APPROVE, SimDevice


@pytest.fixture
def device(tmp_path):
    """A device on CPython: the same firmware, faster; tests/flows/test_demo.py has it on MicroPython."""
    with SimDevice(tmp_path / "device", runtime="cpython") as running:
        yield running


class Story:
    """A phone with its device and the cloud, and what happened to them."""

    def __init__(self, wallet, house, device, identity):
        self.wallet = wallet
        self.house = house
        self.device = device
        self.identity = identity

    async def create(self, name="Savings"):
        """A 2-of-3 wallet of phone, device and cloud."""
        proposal = await self.wallet.propose_group(name, 2, 3)
        return await self.run(proposal)

    async def sign(self, group, *kinds, text="hello"):
        """A message signed by the members of these kinds."""
        request = requests.Request(requests.MESSAGE, text.encode()).encode()
        proposal = await self.wallet.propose_signature(group.id, request, indexes(group, *kinds))
        return await self.run(proposal)

    async def renew(self, group, *kinds):
        """A new pair set-up between the members of two kinds."""
        proposal = await self.wallet.propose_pair_setup(group.id, *indexes(group, *kinds))
        return await self.run(proposal)

    async def run(self, proposal):
        await self.wallet.invite(proposal, [self.identity], self.house.cloud_url)
        return await self.wallet.run(proposal)


def indexes(group, *kinds):
    """The indexes of the members of these kinds."""
    return sorted(member.index for member in group.members if member.kind in kinds)


async def yes(_):
    return True


def open_wallet(home, house, approve=yes, watch=lambda event: None):
    return Wallet.open(home, Service(house.url, house.key, house.cloud_identity), approve, watch)


@pytest.fixture
def tell(house, device, tmp_path):
    """`async with tell() as story`: phone and device paired, nothing else done yet."""

    @asynccontextmanager
    async def begin(approve=yes, watch=lambda event: None):
        device.answer = APPROVE
        async with await open_wallet(tmp_path / "phone", house, approve, watch) as wallet:
            if not wallet.devices.all():
                await wallet.pair(device.path, yes)
            identity = await wallet.connect(device.path)
            yield Story(wallet, house, device, identity)

    return begin

