"""Who may create, join, start and end a session, and when."""

import asyncio
import json

import jwt
import pytest
from daric_host.hop_client import Forbidden
from daric_host.relay import Ended, LocalSigner, read_notice
from daric_protocol.errors import DaricError

from tests.services.house import House, new_identity
from tests.services.test_auth import refused


@pytest.fixture
async def four(house):
    """Four registered phones."""
    return [await house.phone(name) for name in "abcd"]


async def opened(initiator, needed=2, allowed=None):
    """A session that waits for its members."""
    session = await initiator.new_session_id()
    await initiator.create_session(session, b"terms", needed, allowed)
    return session


async def last_notice(client, session):
    """How the session ended, as the mailbox tells it."""
    notices = [read_notice(body) async for _, sender, body in client.messages(session) if sender is None]
    return notices[-1]


async def test_seats_follow_the_order_of_joining_and_joining_again_keeps_the_seat(four):
    a, b, c, _ = four
    session = await opened(a, 3)
    assert [await one.join(session, b"j") for one in (c, a, b)] == [0, 1, 2]
    assert [await one.join(session, b"j") for one in (b, c, a)] == [2, 0, 1]
    info = await a.session(session)
    assert [one.identity for one in info.participants] == [c.signer.public, a.signer.public, b.signer.public]
    assert (info.state, info.needed, info.terms, info.initiator) == ("open", 3, b"terms", a.signer.public)


async def test_a_party_that_restarted_may_replace_its_join_until_the_start_only(four):
    a, b, *_ = four
    session = await opened(a)
    await a.join(session, b"first")
    await b.join(session, b"b")
    assert await a.join(session, b"second") == 0
    await a.start(session)
    assert read_notice((await anext(b.messages(session)))[2]) == [b"second", b"b"]
    assert await a.join(session, b"second") == 0
    assert await refused(a.join(session, b"third")) == "conflict"


async def test_creating_the_same_session_twice_is_one_session_and_other_terms_are_a_conflict(four):
    a, *_ = four
    session = await opened(a)
    assert (await a.create_session(session, b"terms", 2)).version == 1
    assert await refused(a.create_session(session, b"other", 2)) == "conflict"
    assert await refused(a.create_session(session, b"terms", 3)) == "conflict"


async def test_a_session_needs_an_id_issued_to_its_initiator(four):
    a, b, *_ = four
    session = await a.new_session_id()
    assert await refused(b.create_session(session, b"t", 2)) == "unknown_session"
    assert await refused(a.create_session(bytes(16), b"t", 2)) == "unknown_session"


async def test_only_the_initiator_starts_and_only_when_all_needed_members_are_in(four):
    a, b, c, _ = four
    session = await opened(a, 3)
    await b.join(session, b"b")
    await c.join(session, b"c")
    assert await refused(a.start(session)) == "session"
    await a.join(session, b"a")
    with pytest.raises(Forbidden):
        await b.start(session)
    await a.start(session)
    await a.start(session)
    assert (await a.session(session)).state == "running"


async def test_a_full_or_started_session_takes_nobody_else(four):
    a, b, c, _ = four
    session = await opened(a)
    await a.join(session, b"a")
    await b.join(session, b"b")
    assert await refused(c.join(session, b"c")) == "session"
    await a.start(session)
    assert await refused(c.join(session, b"c")) == "session"


async def test_a_party_that_is_not_on_the_list_neither_joins_nor_looks(four):
    a, b, c, _ = four
    session = await opened(a, 2, [a.signer.public, b.signer.public])
    with pytest.raises(Forbidden):
        await c.join(session, b"c")
    with pytest.raises(Forbidden):
        await c.session(session)
    assert await b.join(session, b"b") == 0


@pytest.mark.parametrize(
    "change",
    [{"terms": b""}, {"terms": bytes(65 * 1024)}, {"needed": 1}, {"needed": 17}, {"allowed": [b"\x02" * 33] * 2}],
)
async def test_malformed_terms_are_refused(four, hostile, change):
    a, *_ = four
    arguments = {"terms": b"t", "needed": 2, "allowed": None} | change
    assert await refused(a.create_session(await a.new_session_id(), **arguments)) == "parameter"


async def test_a_party_is_in_one_session_at_a_time(four):
    a, b, c, _ = four
    first = await opened(a)
    with pytest.raises(DaricError) as busy:
        await opened(a)
    assert (busy.value.name, busy.value.session) == ("busy", first)
    other = await opened(c, 3)
    assert await refused(a.join(other, b"a")) == "busy"
    await b.join(other, b"b")
    assert await refused(opened(b)) == "busy"
    await a.abort(first)
    assert await a.join(other, b"a") == 1


async def test_of_many_sessions_created_at_once_one_is_made(four):
    a, *_ = four
    ids = [await a.new_session_id() for _ in range(8)]
    results = await asyncio.gather(*[a.create_session(one, b"t", 2) for one in ids], return_exceptions=True)
    refusals = [one for one in results if isinstance(one, DaricError)]
    assert len(refusals) == 7 and {one.name for one in refusals} == {"busy"}


async def test_a_party_that_is_through_is_free_while_the_others_go_on(four):
    a, b, *_ = four
    session = await opened(a)
    await a.join(session, b"a")
    await b.join(session, b"b")
    await a.start(session)
    await a.end(session)
    await a.end(session)
    assert await refused(a.send(session, 1, b"late")) == "session"
    await opened(a)
    assert await b.send(session, 0, b"last") == 2
    await b.end(session)
    assert (await b.session(session)).state == "done"


async def test_an_open_session_can_be_aborted_and_its_parties_learn_it(four):
    a, b, c, d = four
    session = await opened(a, 3)
    await b.join(session, b"b")
    await c.join(session, b"c")
    with pytest.raises(Forbidden):
        await d.abort(session)
    await a.abort(session)
    assert await last_notice(b, session) == Ended("aborted", None)
    assert await refused(a.start(session)) == "session"
    assert await refused(d.join(session, b"d")) == "session"


async def test_a_session_expires_tells_its_parties_and_frees_them(tmp_path):
    async with House(tmp_path, session_ttl=60) as house:
        a, b = await house.phone(), await house.phone()
        session = await house.running(a, b)
        house.clock.now += 60
        assert (await a.session(session)).state == "expired"
        assert await refused(a.send(session, 1, b"late")) == "session"
        assert await opened(a) != session  # an expired session holds nobody, swept or not
        assert await last_notice(b, session) == Ended("expired", None)


async def test_a_session_that_ended_leaves_a_signed_record(house, four):
    a, b, *_ = four
    session = await opened(a)
    await a.join(session, b"a")
    await b.join(session, b"b")
    await a.start(session)
    await a.send(session, 1, b"secret body")
    await b.abort(session)
    query = "SELECT closing FROM sessions WHERE session=?"
    (closing,) = await house.services.store.read(lambda db: db.execute(query, (session,)).fetchone())
    record = jwt.decode(closing, house.services.keys.token.public_key(), algorithms=["EdDSA"])
    assert (record["state"], record["by"], record["messages"]) == ("aborted", 1, [2, 3])
    assert record["participants"] == [a.signer.public.hex(), b.signer.public.hex()]


async def test_participants_can_ask_which_account_each_of_them_belongs_to(tmp_path):
    cloud_identity, device = new_identity(), new_identity()
    async with House(tmp_path, clouds=frozenset([cloud_identity.public])) as house:
        phone, stranger, cloud = await house.phone(), await house.phone(), house.client(cloud_identity)
        await cloud.register("cloud", "cloud")
        await phone.attach(LocalSigner(device), "device", "daric")
        session = await opened(phone, 3)
        for one in (phone, house.client(device), cloud):
            await one.join(session, b"j")
        account = (await phone.login()).account
        rows = await cloud.accounts(session)
        assert [(row.kind, row.account) for row in rows] == [("phone", account), ("device", account), ("cloud", b"")]
        with pytest.raises(Forbidden):
            await stranger.accounts(session)


async def test_a_cloud_serves_one_session_of_each_account_at_a_time(tmp_path):
    cloud_identity = new_identity()
    async with House(tmp_path, clouds=frozenset([cloud_identity.public])) as house:
        cloud, a, b = house.client(cloud_identity), await house.phone(), await house.phone()
        await cloud.register("cloud", "cloud")
        second = house.client()
        await a.attach(second.signer, "phone", "second")
        for initiator in (a, b):
            assert await cloud.join(await opened(initiator), b"j") == 0
        assert await refused(cloud.join(await opened(second), b"j")) == "busy"


async def test_an_unknown_or_ill_formed_session_id_is_unknown(house, four):
    a, *_ = four
    assert await refused(a.session(await a.new_session_id())) == "unknown_session"
    for text in ("x", "0" * 32, str(bytes(16).hex()), "00000000-0000-1000-8000-000000000000"):
        assert await refused(a._connection.call("GET", f"/v1/sessions/{text}")) == "unknown_session"


async def test_messages_go_only_between_members_of_a_running_session(four):
    a, b, c, _ = four
    session = await opened(a)
    await a.join(session, b"a")
    await b.join(session, b"b")
    assert await refused(a.send(session, 1, b"early")) == "session"
    await a.start(session)
    with pytest.raises(Forbidden):
        await c.send(session, 0, b"x")
    with pytest.raises(Forbidden):
        await anext(c.messages(session))
    for seat in (0, 2, 255):
        assert await refused(a.send(session, seat, b"x")) == "parameter"


async def test_a_problem_names_its_code_and_carries_no_secret(house, four):
    a, *_ = four
    login = await a._connection.logged_in()
    headers = {"Authorization": f"Bearer {login.token}", "X-Request-Id": "abc123"}
    async with a._connection.http.get(house.url + "/v1/sessions/none", headers=headers) as response:
        text = await response.text()
        assert response.headers["X-Request-Id"] == "abc123"
        assert response.content_type == "application/problem+json"
    document = json.loads(text)
    assert document["code"] == "unknown_session" and document["status"] == 404
    assert login.token not in text


async def test_the_log_holds_no_body_token_or_session_id(house, four, capsys):
    a, b, *_ = four
    session = await house.running(a, b, terms=b"very secret terms")
    await a.send(session, 1, b"very secret body")
    await b.abort(session)
    output = capsys.readouterr()
    text = output.out + output.err
    token = (await a._connection.logged_in()).token
    assert "/v1/sessions/{session}/messages" in text
    for secret in ("very secret", session.hex(), token, a.signer.public.hex()):
        assert secret not in text
