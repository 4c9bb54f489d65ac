"""Logging in, registering and attaching, and every misuse of them."""

import secrets

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from daric_host import hop
from daric_host.hop_client import Forbidden
from daric_host.relay import LocalSigner
from daric_host.services import tokens
from daric_host.services.settings import CLOUD, RELAY
from daric_protocol import platform
from daric_protocol.auth import ATTACH, LOGIN, auth_digest
from daric_protocol.errors import DaricError

from tests import cddl
from tests.services.house import House, new_identity


class Refusing:
    """A signer that must not be asked."""

    public = new_identity().public

    async def sign_auth(self, fields):
        raise AssertionError("asked to sign")


class Replaying:
    """A signer that notes what it signed; `wrong` makes it sign with another key."""

    def __init__(self, identity, wrong=None):
        self.public = identity.public
        self.key = wrong or identity
        self.signed = []

    async def sign_auth(self, fields):
        cddl.check("AuthFields", platform.cbor_encode(fields))
        self.signed.append(fields)
        return self.key.sign(auth_digest(fields, self.public), secrets.token_bytes)


async def refused(awaitable):
    """The name of the error that an awaitable ends with."""
    with pytest.raises(DaricError) as error:
        await awaitable
    return error.value.name


async def post(client, path, document):
    """The status and code of a clear request."""
    async with client._connection.http.post(client._connection.url + path, json=document) as response:
        return response.status, (await response.json())["code"]


async def test_a_new_party_logs_in_and_registers_an_account(house):
    phone = house.client()
    assert await phone.login() is None
    party = await phone.register("phone", "my phone")
    assert (party.identity, party.kind, party.name) == (phone.signer.public, "phone", "my phone")
    assert len(party.account) == 16
    assert await phone.register("phone", "again") == party
    assert await phone.login() == party


async def test_a_device_is_attached_with_the_owners_token_and_its_own_signature(house):
    phone = await house.phone()
    house.clock.now += 1
    device = new_identity()
    signer = Replaying(device)
    party = await phone.attach(signer, "device", "daric")
    assert party.account == (await phone.login()).account
    assert signer.signed[0][0] == ATTACH and signer.signed[0][8] == party.account
    assert await phone.attach(signer, "device", "daric") == party
    assert [one.kind for one in await phone.parties()] == ["phone", "device"]
    assert await house.client(device).login() == party


async def test_a_signature_by_another_key_does_not_log_in(house):
    client = house.client()
    client._connection.signer = Replaying(new_identity(), wrong=new_identity())
    assert await refused(client.login()) == "signature"


async def test_a_challenge_is_used_once(house):
    client = house.client()
    identity = new_identity()
    client._connection.signer = signer = Replaying(identity)
    await client.login()
    fields = signer.signed[0]
    answer = {
        "challenge": fields[4].hex(),
        "ephemeral": fields[6].hex(),
        "signature": identity.sign(auth_digest(fields, identity.public), secrets.token_bytes).hex(),
    }
    assert await post(client, "/v1/auth/login", answer) == (409, "replayed")


async def test_a_wrong_answer_uses_the_challenge_up(house):
    client = house.client()
    given = house.services.authority.challenge(client.signer.public, LOGIN)
    answer = {"challenge": given["challenge"], "ephemeral": new_identity().public.hex(), "signature": "00" * 64}
    assert await post(client, "/v1/auth/login", answer) == (401, "signature")
    assert await post(client, "/v1/auth/login", answer) == (409, "replayed")


async def test_an_expired_challenge_is_refused(house):
    client = house.client()
    inner = client.signer

    class Slow:
        public = inner.public

        async def sign_auth(self, fields):
            house.clock.now += house.settings.challenge_ttl
            return await inner.sign_auth(fields)

    client._connection.signer = Slow()
    assert await refused(client.login()) == "replayed"


async def test_a_signature_to_attach_cannot_log_in(house):
    identity = new_identity()
    given = house.services.authority.challenge(identity.public, LOGIN)
    challenge = bytes.fromhex(given["challenge"])
    fields = [ATTACH, RELAY, house.service, b"", challenge, identity.public, b"", given["expires"], bytes(16)]
    signature = identity.sign(auth_digest(fields, identity.public), secrets.token_bytes)
    with pytest.raises(DaricError) as error:
        house.services.authority.login(challenge, new_identity().public, signature)
    assert error.value.name == "signature"


async def test_a_signature_for_one_account_does_not_attach_to_another(house):
    mine, theirs = await house.phone(), await house.phone()
    device = new_identity()
    given = await mine._connection.challenge(device.public, ATTACH)
    challenge, account = bytes.fromhex(given["challenge"]), (await mine.login()).account
    fields = [ATTACH, RELAY, house.service, b"", challenge, device.public, b"", given["expires"], account]
    signature = device.sign(auth_digest(fields, device.public), secrets.token_bytes)
    stolen = theirs._connection.call("POST", "/v1/parties", [challenge, signature, "device", "d"])
    assert await refused(stolen) == "signature"


async def test_a_party_belongs_to_one_account(house):
    mine, theirs = await house.phone(), await house.phone()
    device = LocalSigner(new_identity())
    await mine.attach(device, "device", "d")
    assert await refused(theirs.attach(device, "device", "d")) == "conflict"


async def test_a_device_attaches_nobody_and_registers_no_account(house):
    phone, device = await house.phone(), new_identity()
    client = house.client(device)
    assert await refused(client.register("device", "d")) == "parameter"
    await phone.attach(LocalSigner(device), "device", "d")
    assert await refused(client.attach(LocalSigner(new_identity()), "phone", "p")) == "unauthorised"


async def test_only_a_party_named_by_the_operator_is_a_cloud(tmp_path):
    cloud = new_identity()
    async with House(tmp_path, clouds=frozenset([cloud.public])) as house:
        assert (await house.client(cloud).register("cloud", "c")).account == b""
        assert await refused(house.client().register("cloud", "c")) == "unauthorised"
        assert await refused(house.client(cloud).register("phone", "p")) == "conflict"


async def test_a_revoked_party_is_out_at_once_and_for_good(house):
    phone, device = await house.phone(), new_identity()
    client = house.client(device)
    await phone.attach(LocalSigner(device), "device", "d")
    await client.login()
    await phone.revoke(device.public)
    assert await refused(client.me()) == "unauthorised"
    assert await refused(house.client(device).login()) == "unauthorised"
    assert await refused(phone.attach(LocalSigner(device), "device", "d")) == "unauthorised"


async def test_a_service_with_another_key_than_the_pinned_one_is_asked_nothing(house):
    client = house.client(service=new_identity().public)
    client._connection.signer = Refusing()
    assert await refused(client.login()) == "signature"


async def test_a_service_that_only_knows_the_pinned_public_key_cannot_answer_a_login(house, monkeypatch):
    monkeypatch.setattr(house.services.authority, "_keys", impostor_keys(house.services.keys))
    assert await refused(house.client().login()) == "sealed"


def impostor_keys(real):
    """Keys whose public half is the real one and whose secret is not."""

    class Impostor:
        public = real.hop.public
        exchange = new_identity().exchange

    return type(real)(Impostor(), real.token)


async def test_an_unregistered_party_can_do_nothing_but_register(house):
    client = house.client()
    await client.login()
    with pytest.raises(Forbidden):
        await client.new_session_id()
    with pytest.raises(Forbidden):
        await client.parties()


async def test_a_client_logs_in_again_when_its_token_expires(house):
    phone = await house.phone()
    old = await phone._connection.logged_in()
    house.clock.now += house.settings.token_ttl
    await phone.new_session_id()
    assert (await phone._connection.logged_in()).token != old.token


async def test_the_oldest_login_makes_room(house):
    identity = (await house.phone()).signer._identity
    clients = [house.client(identity) for _ in range(9)]
    for client in clients:
        await client.login()
    alive = [one for one in house.services.authority._logins.values() if one.identity == identity.public]
    assert len(alive) == 8


async def raw_get(house, token, path="/v1/me"):
    """Status of a request with any Authorization header."""
    client = house.client()
    headers = {} if token is None else {"Authorization": token}
    async with client._connection.http.get(house.url + path, headers=headers) as response:
        return response.status


async def test_tokens_of_other_audiences_keys_algorithms_and_times_are_refused(house):
    phone = await house.phone()
    login = house.services.authority._logins[next(iter(house.services.authority._logins))]
    good = (await phone._connection.logged_in()).token
    now, key = house.clock.now, house.services.keys.token
    claims = tokens.Claims(login.identity, login.login, b"", int(now) + 60)
    past = tokens.Claims(login.identity, login.login, b"", int(now))
    stranger = Ed25519PrivateKey.generate()
    payload = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    bad = {
        "audience": tokens.issue(key, claims, CLOUD, now),
        "expired": tokens.issue(key, past, RELAY, now),
        "key": tokens.issue(stranger, claims, RELAY, now),
        "none": jwt.encode(payload, None, algorithm="none", headers={"kid": kid}),
        "hmac": jwt.encode(payload, tokens.public_bytes(key.public_key()), algorithm="HS256", headers={"kid": kid}),
        "issuer": jwt.encode(payload | {"iss": "x"}, key, algorithm="EdDSA", headers={"kid": kid}),
        "login": jwt.encode(payload | {"jti": "00" * 16}, key, algorithm="EdDSA", headers={"kid": kid}),
        "cut": good[:-2],
        "empty": "",
    }
    assert await raw_get(house, f"Bearer {good}") == 200
    assert {name: await raw_get(house, f"Bearer {token}") for name, token in bad.items()} == dict.fromkeys(bad, 401)
    assert await raw_get(house, None) == 401
    assert await raw_get(house, f"Basic {good}") == 401


async def test_the_cloud_verifies_a_token_with_the_published_keys_only_for_itself(house, hostile):
    phone = await house.phone()
    async with phone._connection.http.get(house.url + "/.well-known/jwks.json") as response:
        published = await response.json(content_type=None)
    verifier = tokens.TokenVerifier.from_key_set(published, CLOUD, house.clock)
    claims = verifier.verify(await phone.token(CLOUD))
    party = await phone.login()
    assert (claims.identity, claims.account) == (party.identity, party.account)
    with pytest.raises(DaricError):
        verifier.verify((await phone._connection.logged_in()).token)
    assert await refused(phone.token("daric/other")) == "parameter"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "log in"), (0, b"login"), (0, []), (1, ""), (1, "x" * 65), (2, b"short"), (3, b""), (4, bytes(31)),
        (5, bytes(33)), (6, "text"), (7, -1), (7, 1 << 32), (7, True), (8, bytes(16)),
    ],
)  # fmt: skip
def test_malformed_authentication_fields_are_never_signed(place, value):
    identity = new_identity()
    fields = [LOGIN, RELAY, bytes(33), bytes(33), bytes(32), identity.public, bytes(33), 1, b""]
    assert len(auth_digest(fields, identity.public)) == 32
    fields[place] = value
    with pytest.raises(DaricError):
        auth_digest(fields, identity.public)


def test_any_two_different_field_lists_are_different_digests():
    identity = new_identity().public
    login = [LOGIN, RELAY, b"s" * 33, b"e" * 33, b"c" * 32, identity, b"f" * 33, 1, b""]
    changes = [(1, CLOUD), (2, b"t" * 33), (3, b"g" * 33), (4, b"d" * 32), (6, b"h" * 33), (7, 2)]
    digests = {auth_digest([*login[:k], value, *login[k + 1 :]], identity) for k, value in changes}
    assert len(digests | {auth_digest(login, identity)}) == 7


async def test_a_stolen_token_without_its_hop_key_changes_nothing(house):
    phone = await house.phone()
    login = await phone._connection.logged_in()
    thief = hop.Hop(bytes(32), bytes(16), hop.TO_SERVICE)
    _, frame = thief.seal(platform.cbor_encode([]), "POST /v1/session-ids")
    headers = {"Authorization": f"Bearer {login.token}"}
    async with phone._connection.http.post(house.url + "/v1/session-ids", data=frame, headers=headers) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (400, "sealed")
    async with phone._connection.http.get(house.url + "/v1/me", headers=headers) as response:
        data = await response.read()
    with pytest.raises(DaricError):
        hop.Hop(bytes(32), bytes(16), hop.TO_SERVICE).open(data, "GET /v1/me")


@pytest.mark.parametrize(
    "document",
    [
        {}, [], "text", {"identity": "00", "purpose": "login"}, {"identity": 7, "purpose": "login"},
        {"identity": "02" + "ff" * 32, "purpose": "login"}, {"identity": "03" * 33, "purpose": "other"},
        {"identity": "02" * 33, "purpose": "login", "more": "x"}, {"identity": "x" * 5000, "purpose": "login"},
    ],
)  # fmt: skip
async def test_a_malformed_challenge_request_is_a_problem_document(house, document):
    status, code = await post(house.client(), "/v1/auth/challenge", document)
    assert status in (400, 413) and code in ("encoding", "parameter", "too_large")


async def test_the_number_of_logins_is_bounded(house, monkeypatch):
    monkeypatch.setattr("daric_host.services.auth.LOGINS", 4)
    for _ in range(6):
        await house.client().login()
    assert len(house.services.authority._logins) == 4


async def test_the_number_of_waiting_challenges_is_bounded(house, monkeypatch):
    monkeypatch.setattr("daric_host.services.auth.PENDING_CHALLENGES", 4)
    public = new_identity().public
    for _ in range(9):
        house.services.authority.challenge(public, LOGIN)
    assert len(house.services.authority._challenges) == 4
    house.clock.now += 61
    house.services.authority.challenge(public, LOGIN)
    assert len(house.services.authority._challenges) == 1
