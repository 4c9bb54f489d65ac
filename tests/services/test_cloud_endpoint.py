"""The cloud party's control endpoint over HTTP: what it takes from its client, and what it refuses from anybody."""

import asyncio
import contextlib
import json
import os
from types import SimpleNamespace

import aiohttp
import pytest
import uvicorn
from daric_host.cloud_client import AUDIENCE, CloudClient
from daric_host.party import Party
from daric_host.receipts import read_receipt
from daric_host.services import cloud as cloud_process
from daric_host.services.cloud_endpoints import BODY_BYTES
from daric_host.services.settings import RELAY
from daric_protocol import flows
from daric_protocol.errors import ERRORS, DaricError
from daric_protocol.flows import backing
from daric_protocol.recoverycode import check_value, release_mac

from tests.host.clouds import Home
from tests.host.test_cloud_keeper import BACKUP, CODE, NEW, UUID, backed_up
from tests.services.house import House

POSTS = {
    "/v1/join": ["session"],
    "/v1/record": ["group"],
    "/v1/certificate": ["group"],
    "/v1/changes": ["group"],
    "/v1/adopt": ["certificate"],
    "/v1/delete": ["group"],
    "/v1/backups": ["group"],
    "/v1/backups/keep": ["sheet", "others"],
    "/v1/backups/proof": ["group", "backup", "challenge"],
    "/v1/backups/release": ["group", "backup", "session", "identity", "mac"],
}
LENGTHS = {"group": 16, "backup": 16, "session": 16, "challenge": 32, "identity": 33, "mac": 32}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A 2-of-3 wallet of the cloud and two phones."""
    return asyncio.run(Home(tmp_path_factory.mktemp("cloud") / "made").create(2, [1, 2]))


class Endpoint:
    """The cloud party's application on a port, the services, and two people's phones."""

    def __init__(self, home, house, url, phone, stranger, http):
        self.home = home
        self.http = http
        self.house = house
        self.url = url
        self.phone = phone
        self.stranger = stranger
        self.client = CloudClient(url, phone)

    async def raw(self, path, data, token=None, method="POST"):
        """(status, document) of a request with these bytes."""
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, self.url + path, data=data, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def refused(self, path, body, token=None):
        status, document = await self.raw(path, json.dumps(body).encode(), token)
        assert status == document["status"] and status in range(400, 500), document
        assert document["code"] in ERRORS
        return document["code"]


@pytest.fixture
async def endpoint(made, tmp_path):
    home = made.copy(tmp_path / "home")
    made.open()
    home.party.close()
    party = Party(home.folder, "cloud")
    async with House(tmp_path, clouds=frozenset({party.identity.public})) as house:
        phone, stranger = await house.phone("owner"), await house.phone("stranger")
        account = (await phone.me())[0].account
        party.store.write("owner/" + home.group.hex(), account)
        keys = await cloud_process.enrol(party, house.url, house.service)
        app = cloud_process.build(party, house.url, house.service, keys, home.clock)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        home.party, home.cloud = party, app.state.cloud
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with aiohttp.ClientSession() as http:
            found = Endpoint(home, house, url, phone, stranger, http)
            found.token = await phone.token(AUDIENCE)
            yield found
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def name_of(awaitable):
    with pytest.raises(DaricError) as caught:
        await awaitable
    return caught.value.name


async def proposed(endpoint, terms):
    """A session at the services with these terms, as the phone opens it."""
    await endpoint.phone.create_session(terms.uuid, terms.encode(), terms.parties)
    return terms.uuid


# What it takes


async def test_the_cloud_joins_against_its_record(endpoint):
    home, client = endpoint.home, endpoint.client
    uuid = await endpoint.phone.new_session_id()
    await proposed(endpoint, flows.reshare_terms(uuid, home.custody(), home.group, 2, 1))
    assert await name_of(client.join(uuid)) == "roster"
    assert await name_of(client.join(uuid, b"wrong")) == "roster"
    assert (await endpoint.phone.session(uuid)).participants == ()
    await client.join(uuid, await client.record(home.group))
    assert [one.kind for one in (await endpoint.phone.session(uuid)).participants] == ["cloud"]
    await client.join(uuid, await client.record(home.group))  # again: the same seat
    await endpoint.phone.abort(uuid)
    while endpoint.home.cloud._tasks:
        await asyncio.sleep(0.01)
    assert endpoint.home.cloud._seats == {}


async def test_a_session_with_a_strangers_phone_ends_at_its_start(endpoint):
    home = endpoint.home
    uuid = await endpoint.phone.new_session_id()
    terms = flows.refresh_terms(uuid, home.group, home.roster)
    await proposed(endpoint, terms)
    await endpoint.client.join(uuid)
    await endpoint.phone.join(uuid, await home.phones[1].join(terms))
    await endpoint.stranger.join(uuid, await home.phones[2].join(terms))
    await endpoint.phone.start(uuid)
    while (await endpoint.phone.session(uuid)).state != "aborted":
        await asyncio.sleep(0.01)
    assert home.party.custody.group(home.group).highest_epoch == 1


async def test_certificates_and_changes_come_and_go(endpoint):
    home, client = endpoint.home, endpoint.client
    certificate = await client.group_certificate(home.group)
    assert home.custody().adopt(certificate) is False
    assert await client.group_adopt(certificate) is False
    assert await client.group_changes(home.group) == []


async def test_a_deletion_over_the_wire_leaves_a_receipt_that_verifies(endpoint):
    home, client = endpoint.home, endpoint.client
    assert await name_of(client.delete(home.group)) == "member"
    assert await client.group_adopt(await home.leave_out()) is False
    receipt = await client.delete(home.group)
    assert read_receipt(receipt, home.group, home.party.identity.public).time == home.clock.now
    assert await client.delete(home.group) == receipt
    assert await name_of(client.record(home.group)) == "group"
    assert await name_of(CloudClient(endpoint.url, endpoint.stranger).delete(home.group)) == "unauthorised"


async def test_a_backup_over_the_wire_is_kept_proved_and_released(endpoint):
    home, client = endpoint.home, endpoint.client
    sheet, _, others = backed_up(home)
    assert await client.backup_keep(sheet, others) == home.index
    assert await client.backups(home.group) == home.cloud.keeper.backups(home.group)
    challenge = os.urandom(32)
    number, proof = await client.backup_proof(home.group, BACKUP, challenge)
    assert backing.check_proof(sheet, number, challenge, proof)
    for _ in range(5):
        assert await name_of(client.recovery_piece(home.group, BACKUP, UUID, NEW.public, bytes(32))) == "backup"
    word = release_mac(check_value(CODE, BACKUP), UUID, NEW.public, BACKUP)
    assert await name_of(client.recovery_piece(home.group, BACKUP, UUID, NEW.public, word)) == "limit"
    (found,) = await client.backups(home.group)
    assert (found.tries, found.locked_until) == (5, home.clock.now + 24 * 3600)
    home.clock.now += 24 * 3600
    assert (await client.recovery_piece(home.group, BACKUP, UUID, NEW.public, word))[0] == home.index


# What it refuses


def body(home, path, **changes):
    """A request that is well-formed and about this home's group."""
    values = {"group": home.group, "backup": BACKUP, "session": UUID, "challenge": bytes(32), "identity": NEW.public}
    values |= {"mac": bytes(32), "sheet": b"\x80", "others": b"\x80", "certificate": b"\x80"}
    return {field: values[field].hex() for field in POSTS[path]} | changes


async def test_no_path_answers_without_a_token_for_it(endpoint):
    tokens = ["", "x", "x.y.z", await endpoint.phone.token(RELAY), (await endpoint.phone.token(AUDIENCE))[:-2]]
    nobody = endpoint.house.client()  # registered nowhere
    tokens.append(await nobody.token(AUDIENCE))
    for path in POSTS:
        for token in tokens:
            assert await endpoint.refused(path, body(endpoint.home, path), token) == "unauthorised", (path, token)


async def test_no_path_serves_another_account(endpoint):
    home, token = endpoint.home, await endpoint.stranger.token(AUDIENCE)
    sheet, _, others = backed_up(home)
    uuid = await endpoint.phone.new_session_id()
    await proposed(endpoint, flows.refresh_terms(uuid, home.group, home.roster))
    more = {
        "/v1/join": {"session": uuid.hex()},
        "/v1/adopt": {"certificate": home.party.custody.certificate(home.group).hex()},
        "/v1/backups/keep": {"sheet": sheet.hex(), "others": others.hex()},
    }
    for path in POSTS:
        asked = body(home, path, **more.get(path, {}))
        assert await endpoint.refused(path, asked, token) == "unauthorised", path
    assert await endpoint.client.backups(home.group) == []


WRONG = [None, 7, True, [], {}, ["00"], "0", "zz", "0x00", "0 0 ", " 00", "００", "00" * 15, "00" * 34, "-" * 32]


async def test_a_field_of_a_wrong_type_or_length_is_refused(endpoint):
    for path, fields in POSTS.items():
        for field in fields:
            good = body(endpoint.home, path)
            missing = {name: value for name, value in good.items() if name != field}
            assert await endpoint.refused(path, missing) == "encoding"
            for value in WRONG if field in LENGTHS else WRONG[:-3]:
                assert await endpoint.refused(path, good | {field: value}) == "encoding", (field, value)
    for record in (None, 7, True, [], "zz", "0"):
        assert await endpoint.refused("/v1/join", {"session": UUID.hex(), "record": record}) == "encoding"


async def test_what_is_no_json_object_is_refused(endpoint):
    bodies = [b"", b"null", b"7", b"[]", b'"text"', b"{", b"\xff\xfe", b"{" * 1000, b"[" * 100_000, b'{"group": 1e999}',
              b'{"group": NaN}', b"\x00" * 100]  # fmt: skip
    for data in bodies:
        status, document = await endpoint.raw("/v1/record", data)
        assert (status, document["code"]) == (400, "encoding"), data[:20]


async def test_an_oversized_body_is_refused_before_it_is_read_to_its_end(endpoint):
    async def endless():
        for _ in range(4 * BODY_BYTES // 65536):
            yield bytes(65536)

    for data in (b" " * (BODY_BYTES + 1), endless()):
        try:
            status, document = await endpoint.raw("/v1/record", data)
        except aiohttp.ClientError:
            continue  # the answer came, and the line was closed, while the rest was on its way
        assert (status, document["code"]) == (413, "too_large")
    status, _ = await endpoint.raw("/v1/record", b" " * (BODY_BYTES - 100) + b"{}")
    assert status == 400


async def test_other_methods_and_paths_are_not_there(endpoint):
    for path in POSTS:
        assert (await endpoint.raw(path, b"{}", method="GET"))[0] == 405
    assert (await endpoint.raw("/v1/identity", b"{}"))[0] == 404
    assert (await endpoint.raw("/healthz", None, token="", method="GET"))[1] == {"status": "ok"}


async def test_an_unknown_session_and_group_are_told_apart_from_a_foreign_one(endpoint):
    assert await endpoint.refused("/v1/join", {"session": UUID.hex()}) == "unknown_session"
    unknown = {"group": bytes(16).hex()}
    for path in ("/v1/record", "/v1/certificate", "/v1/changes", "/v1/delete", "/v1/backups"):
        assert await endpoint.refused(path, unknown) == "unauthorised"  # nobody learns which groups are here


# The client


@pytest.mark.parametrize(
    ("call", "answers"),
    [
        (lambda client: client.record(bytes(16)), [{}, {"record": 7}, {"record": "zz"}, {"record": None}]),
        (lambda client: client.group_changes(bytes(16)), [{}, {"changes": "00"}, {"changes": [7]}]),
        (lambda client: client.backup_keep(b"", b""), [{}, {"number": "1"}, {"number": True}]),
        (lambda client: client.backups(bytes(16)), [{}, {"backups": {}}, {"backups": [7]}, {"backups": [{}]}]),
        (lambda client: client.backup_proof(bytes(16), bytes(16), bytes(32)), [{"number": 1}, {"proof": "00"}]),
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_service_error(call, answers):
    client = CloudClient("http://127.0.0.1:9", SimpleNamespace())
    for answer in answers:

        async def said(*_, answer=answer):
            return answer

        client._post = said
        assert await name_of(call(client)) == "service"


async def test_a_cloud_that_is_not_there_is_a_service_error(endpoint):
    assert await name_of(CloudClient("http://127.0.0.1:9", endpoint.phone).record(bytes(16))) == "service"
