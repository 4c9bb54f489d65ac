"""Two phones, a device that may get lost, and the cloud, all real: for stories of backups and recoveries."""

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager

from daric_host.joinlink import parse
from daric_host.wallet import Service, Wallet
from daric_protocol.errors import DaricError
from daric_protocol.evm import request as requests
from daric_protocol.rounds import backuprounds
from daric_sim.device import APPROVE, SimDevice
from flows.conftest import yes
from flows.test_wallet_stories import recovers

CODE = re.compile(r"^Recovery code:\n (\w{4}) (\w{4})\n (\w{4}) (\w{4})", re.MULTILINE)


class Owner:
    """Presses the device's buttons; writes the recovery code down, and types it when asked."""

    def __init__(self):
        self.codes = []
        self.wrong = ""  # typed instead of the code that is known

    @property
    def code(self):
        return self.codes[-1]

    def __call__(self, screen):
        if screen.typed:
            return "text:" + (self.wrong or self.code)
        shown = CODE.search(screen.text)
        if shown:
            self.codes.append("-".join(shown.groups()).lower())
        return APPROVE


class Follower:
    """A second phone whose person joins whatever the first one shows, as long as it is awake."""

    def __init__(self):
        self.wallet, self.awake, self.tasks, self.failures = None, True, [], []

    def __call__(self, event):
        if event.kind == "session" and self.wallet is not None and self.awake:
            self.tasks.append(asyncio.ensure_future(self._follow(event.data["uri"])))

    async def _follow(self, uri):
        link = parse(uri, self.wallet.service.url)
        try:
            await self.wallet.run(await self.wallet.join(link.session, link.initiator, link.secret))
        except DaricError as error:
            self.failures.append(error)

    async def through(self):
        await asyncio.gather(*self.tasks)
        self.tasks.clear()


class Scene:
    """first, second: phones of one person. device: SimDevice at the first. group: of all of them and the cloud."""

    def __init__(self, house, home, runtime, stack):
        self.house, self.home, self.runtime, self.stack = house, home, runtime, stack
        self.owner, self.follower, self.events, self.devices = Owner(), Follower(), [], 0

    async def open(self):
        stack = self.stack
        service = Service(self.house.url, self.house.key, self.house.cloud_identity)
        self.first = await stack.enter_async_context(
            await Wallet.open(self.home / "first", service, yes, self.watch, name="first")
        )
        invitation = (await self.first.relay.invite()).token
        self.second = await stack.enter_async_context(
            await Wallet.open(self.home / "second", service, yes, name="second", invitation=invitation)
        )
        self.follower.wallet = self.second
        self.device, self.identity = await self.new_device()

    def watch(self, event):
        self.events.append(event)
        self.follower(event)

    async def new_device(self, wallet=None, connect=True):
        """A device that knows nothing, paired: (SimDevice, identity)."""
        self.devices += 1
        wallet = wallet or self.first
        device = SimDevice(self.home / f"device {self.devices}", runtime=self.runtime, answer=self.owner)
        self.stack.enter_context(device)
        identity = (await wallet.pair(device.path, yes)).identity
        if connect:
            await wallet.connect(device.path, identity)
        return device, identity

    async def lose(self):
        """The device goes out of reach."""
        wallet = self.first if self.identity in self.first._links else self.second
        link, relay = wallet._links.pop(self.identity)
        await relay.close()
        await link.close()
        self.device.kill()

    async def replace(self, wallet=None, connect=True):
        """The device is lost and a wiped one stands in its place."""
        await self.lose()
        self.device, self.identity = await self.new_device(wallet, connect)

    async def create(self, threshold=2, parties=4, name="Savings"):
        proposal = await self.first.propose_group(name, threshold, parties)
        await self.first.invite(proposal, [self.identity], self.house.cloud_url)
        self.group = await self.through(self.first.run(proposal))
        self.index = {"first": self.group.me}
        for member in self.group.members:
            if member.identity == self.identity:
                self.index["device"] = member.index
            elif member.identity == self.house.cloud_identity:
                self.index["cloud"] = member.index
            elif member.identity == self.second.identity:
                self.index["second"] = member.index
        return self.group

    def those(self, *names):
        return [self.index[name] for name in names]

    async def back_up(self, *names, threshold=2, **more):
        """A backup held by these; by default by both phones and the cloud, without a session by whom it takes."""
        holders = self.those(*(names or (("first", "second", "cloud") if more.get("session", True) else ())))
        return await self.through(
            self.first.backups.create(self.group.id, holders, threshold, cloud=self.house.cloud_url, **more)
        )

    async def recover(self, *names, wallet=None, **more):
        wallet = wallet or self.first
        return await self.through(
            wallet.backups.recover(
                self.group.id, self.identity, members=self.those(*names), cloud=self.house.cloud_url, **more
            )
        )

    async def verify(self, backup_id, **more):
        return await self.through(
            self.first.backups.verify(self.group.id, backup_id, cloud=self.house.cloud_url, **more)
        )

    async def refresh(self):
        proposal = await self.first.propose_refresh(self.group.id)
        await self.first.invite(proposal, [self.identity], self.house.cloud_url)
        self.group = await self.through(self.first.run(proposal))

    def lie(self, wallet):
        """From now on a phone gives a wrong piece of every backup, as no honest one does."""
        held = backuprounds.held

        def lying(shard, keeper, backup_id):
            found = held(shard, keeper, backup_id)
            return (*found[:2], found[2] ^ 1, found[3]) if keeper is wallet.backups.keeper else found

        backuprounds.held = lying
        self.stack.callback(setattr, backuprounds, "held", held)

    async def through(self, waiting):
        """Wait for it, and for what the other phone does meanwhile."""
        try:
            return await waiting
        finally:
            await self.follower.through()

    async def signs(self, *names, wallet=None, text="hello"):
        """Whether these sign a message together for the group's key."""
        wallet = wallet or self.first
        proposal = await self.propose_signature(*names, wallet=wallet, text=text)
        await wallet.invite(proposal, list(wallet._links), self.house.cloud_url)
        return recovers(self.group, await self.through(wallet.run(proposal)), text)

    async def propose_signature(self, *names, wallet=None, text="hello"):
        request = requests.Request(requests.MESSAGE, text.encode()).encode()
        return await (wallet or self.first).propose_signature(self.group.id, request, sorted(self.those(*names)))


@asynccontextmanager
async def scene(house, home, runtime="cpython"):
    """A Scene with its phones and its device, before any group."""
    async with AsyncExitStack() as stack:
        one = Scene(house, home, runtime, stack)
        await one.open()
        yield one
