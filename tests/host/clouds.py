"""A cloud party in this process with a store on the disk, a relay that is only answers, and phones in memory."""

import os
import shutil
from types import SimpleNamespace

from daric_host.party import Party
from daric_host.relay import AccountOf
from daric_host.services.cloud_party import CloudParty, GuardedSeat
from daric_host.services.tokens import Claims
from daric_protocol import flows
from daric_protocol.errors import DaricError

from tests.sim.rig import LocalParty, run_session

OWNER, STRANGER = b"o" * 16, b"s" * 16
CLAIMS = Claims(bytes(33), bytes(16), OWNER, 0)
STRANGE = Claims(bytes(33), bytes(16), STRANGER, 0)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1_800_000_000

    def __call__(self):
        return self.now


class Relay:
    """What a cloud party asks of the services. rows: of the next start, AccountOf in seat order."""

    def __init__(self):
        self.terms = {}
        self.rows = []

    async def session(self, uuid):
        return SimpleNamespace(terms=self.terms[uuid].encode())

    async def join(self, session, body):
        raise DaricError("busy")

    async def accounts(self, session):
        return self.rows

    async def close(self):
        pass


class CloudSeat:
    """The cloud's seat as a party of tests.sim.rig."""

    def __init__(self, cloud, account=OWNER):
        self.cloud = cloud
        self.account = account
        self.seat = None

    @property
    def identity(self):
        return self.cloud.party.identity

    async def join(self, terms):
        self.seat = GuardedSeat(self.cloud, terms, self.account)
        return await self.seat.join()

    async def start(self, joins):
        await self.seat.start(joins)

    async def deliver(self, seat, frame):
        return await self.seat.deliver(seat, frame)

    async def fetch(self):
        return await self.seat.fetch()

    async def outcome(self):
        status = await self.seat.status()
        return status.state, status.error if status.state == "failed" else status.result


class Home:
    """A cloud party and phones by number, all of one account unless a test says otherwise."""

    def __init__(self, folder, stores=None):
        self.folder = folder
        self.clock = Clock()
        self.relay = Relay()
        self.phones = {number: LocalParty(1000 + number) for number in (1, 2, 3)}
        for number, values in (stores or {}).items():
            self.phones[number].custody.store.values.update(values)
        self.sessions = 0
        self.group = b""
        self.open()

    def open(self):
        """Start the cloud party on what its directory holds."""
        self.party = Party(self.folder, "cloud")
        self.cloud = CloudParty(self.party, self.relay, None, self.clock)

    def restart(self):
        self.party.close()
        self.open()

    def copy(self, folder):
        """The same as it stands now, in another directory; this one is closed."""
        self.party.close()
        shutil.copytree(self.folder, folder)
        other = Home(folder, {number: phone.custody.store.values for number, phone in self.phones.items()})
        other.group, other.sessions = self.group, self.sessions
        return other

    def uuid(self):
        self.sessions += 1
        return self.sessions.to_bytes(16, "big")

    def custody(self, number=1):
        return self.phones[number].custody

    @property
    def roster(self):
        return self.custody().roster(self.group)

    @property
    def index(self):
        """Of the cloud."""
        return self.roster.index_of(self.party.identity.public)

    def index_of(self, number):
        return self.roster.index_of(self.phones[number].identity.public)

    def rows(self, parties, accounts=None):
        """What the service would say of the parties of a session, in seat order."""
        accounts = accounts or {}
        return [
            AccountOf(seat, one.identity.public, "cloud", b"")
            if isinstance(one, CloudSeat)
            else AccountOf(seat, one.identity.public, "phone", accounts.get(one, OWNER))
            for seat, one in enumerate(parties)
        ]

    async def run(self, terms, numbers, *, cloud=True, rows=None, account=OWNER):
        """A session of the cloud and these phones; (state, result or error) of each, the cloud first."""
        parties = [CloudSeat(self.cloud, account)] if cloud else []
        parties += [self.phones[number] for number in numbers]
        self.relay.terms[terms.uuid] = terms
        self.relay.rows = self.rows(parties) if rows is None else rows
        return await run_session(terms, parties)

    async def create(self, threshold, numbers):
        terms = flows.create_terms(self.uuid(), threshold, len(numbers) + 1, os.urandom, "cloud's")
        outcomes = await self.run(terms, numbers)
        assert [state for state, _ in outcomes] == ["done"] * len(outcomes), outcomes
        self.group = terms.group
        return self

    async def refresh(self):
        terms = flows.refresh_terms(self.uuid(), self.group, self.roster)
        return await self.run(terms, self.members())

    def members(self):
        """Numbers of the phones in the group."""
        identities = [member.identity for member in self.roster.members]
        return [number for number, phone in self.phones.items() if phone.identity.public in identities]

    async def leave_out(self, threshold=2):
        """The phones go on without the cloud; the certificate."""
        terms = flows.reshare_terms(self.uuid(), self.custody(), self.group, threshold, 0, [self.index])
        outcomes = await self.run(terms, self.members(), cloud=False)
        assert [state for state, _ in outcomes] == ["done"] * len(outcomes), outcomes
        return outcomes[0][1]

    def bytes_on_disk(self):
        return b"".join(path.read_bytes() for path in self.folder.glob("store.db*"))

    def rows_on_disk(self, table="entry"):
        return self.party.store._db.execute(f"SELECT * FROM {table}").fetchall()
