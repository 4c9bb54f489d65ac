"""Stories of parties meeting at the relay."""

import asyncio
import uuid

import pytest
from daric_host import relay, stream_client
from daric_host.relay import Ended, read_notice
from daric_protocol.errors import DaricError

from tests.services.house import House


async def take(reader, count):
    """The next messages of a reader."""
    return [await anext(reader) for _ in range(count)]


async def test_three_parties_meet_talk_and_part(house):
    a, b, c = [await house.phone(name) for name in ("a", "b", "c")]
    session = await house.running(a, b, c)
    readers = [one.messages(session) for one in (a, b, c)]
    for reader in readers:
        seq, sender, body = await anext(reader)
        joins = read_notice(body)
        assert (seq, sender) == (1, None)
        assert joins == [b"join of " + one.signer.public for one in (a, b, c)]
    assert await a.send(session, 1, b"to b") == 2
    assert await a.send(session, 2, b"to c") == 2
    assert await c.send(session, 1, b"also to b") == 3
    assert await take(readers[1], 2) == [(2, 0, b"to b"), (3, 2, b"also to b")]
    assert await take(readers[2], 1) == [(2, 0, b"to c")]
    for one in (a, b, c):
        await one.end(session)
    for reader in readers:
        assert [read_notice(body) async for _, _, body in reader] == [Ended("done", None)]
    assert (await a.session(session)).state == "done"


async def test_an_abort_reaches_everybody_as_a_message(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    await b.abort(session)
    async for _, _, body in a.messages(session):
        notice = read_notice(body)
    assert notice == Ended("aborted", 1)
    assert (await a.me())[1] is None


async def test_long_polling_gives_the_same_messages_where_websockets_are_blocked(house, monkeypatch):
    async def blocked(*_):
        raise stream_client.WebSocketBlocked

    monkeypatch.setattr(stream_client.SessionStream, "_over_websocket", blocked)
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    reader = b.messages(session)
    await anext(reader)
    for k in range(40):  # more than one credit window
        await a.send(session, 1, b"message %d" % k)
    assert [body for _, _, body in await take(reader, 40)] == [b"message %d" % k for k in range(40)]
    waiting = asyncio.ensure_future(anext(reader))
    await a.abort(session)
    assert read_notice((await waiting)[2]) == Ended("aborted", 0)


async def test_a_reader_far_behind_gets_everything_in_order(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    bodies = [b"%d" % k for k in range(150)]
    await asyncio.gather(*[a.send(session, 1, body) for body in bodies])
    received = await take(b.messages(session), 151)
    assert [seq for seq, _, _ in received] == list(range(1, 152))
    assert sorted(body for _, _, body in received[1:]) == sorted(bodies)


async def test_two_senders_that_race_leave_no_gap_and_keep_their_own_order(house):
    a, b, c = await house.phone(), await house.phone(), await house.phone()
    session = await house.running(a, b, c)

    async def send_all(client, name):
        for k in range(40):
            await client.send(session, 0, b"%s%02d" % (name, k))

    reader = a.messages(session)
    await anext(reader)
    _, _, received = await asyncio.gather(send_all(b, b"b"), send_all(c, b"c"), take(reader, 80))
    assert [seq for seq, _, _ in received] == list(range(2, 82))
    for seat, name in ((1, b"b"), (2, b"c")):
        assert [body for _, sender, body in received if sender == seat] == [b"%s%02d" % (name, k) for k in range(40)]


async def test_a_websocket_leaves_at_most_its_credit_unacknowledged(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    for k in range(50):
        await a.send(session, 1, b"%d" % k)
    reader = b.messages(session)
    await anext(reader)
    stream = b._streams[session]
    while stream._cursor < 32:
        await asyncio.sleep(0.01)
    await b.session(session)  # a round trip: whatever the service would send has been sent
    assert stream._cursor <= 33


async def test_a_body_of_the_largest_size_crosses_and_a_larger_one_is_refused(house, hostile):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    reader = b.messages(session)
    await anext(reader)
    body = bytes(128 * 1024)
    await a.send(session, 1, body)
    assert (await anext(reader))[2] == body
    with pytest.raises(DaricError) as refused:
        await a.send(session, 1, body + b"x")
    assert refused.value.name == "too_large"


async def test_sending_over_the_websocket_and_over_http_is_the_same(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    over_http = await a.send(session, 1, b"once")
    own = a.messages(session)
    await anext(own)
    while a._streams[session]._socket is None:
        await asyncio.sleep(0.005)
    assert await a.send(session, 1, b"once") == over_http
    assert await a.send(session, 1, b"twice") == over_http + 1


async def test_a_message_to_several_seats_is_stored_in_all_or_in_none(house):
    a, b, c = await house.phone(), await house.phone(), await house.phone()
    session = await house.running(a, b, c)
    assert await a.send_many(session, [(1, b"m"), (2, b"m")]) == [2, 2]
    with pytest.raises(DaricError):
        await a.send_many(session, [(1, b"n"), (7, b"n")])
    assert await b.send(session, 2, b"x") == 3
    assert await c.send(session, 1, b"x") == 3


async def test_the_second_body_under_one_message_id_is_refused_and_kept_as_evidence(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    await a.send(session, 1, b"one thing", msg_id=b"i" * 16)
    with pytest.raises(DaricError) as refused:
        await a.send(session, 1, b"another", msg_id=b"i" * 16)
    assert refused.value.name == "conflict"
    kept = await house.services.store.read(lambda db: db.execute("SELECT first, second FROM conflicts").fetchall())
    assert kept == [(b"one thing", b"another")]
    reader = b.messages(session)
    assert [body for _, _, body in await take(reader, 2)][1] == b"one thing"


async def test_watching_a_session_shows_each_party_that_joins(house):
    a, b = await house.phone("a"), await house.phone("b")
    session = await a.new_session_id()
    assert uuid.UUID(bytes=session).version == 4
    await a.create_session(session, b"t", 2)
    views = a.watch(session)
    assert (await anext(views)).participants == ()
    for one in (b, a):
        await one.join(session, b"j")
        names = [participant.name for participant in (await anext(views)).participants]
    assert names == ["b", "a"]


async def test_parties_resume_by_themselves_after_the_service_restarts(tmp_path):
    async with House(tmp_path) as first:
        a, b = await first.phone(), await first.phone()
        session = await first.running(a, b)
        await a.send(session, 1, b"before")
        identities = a.signer._identity, b.signer._identity
    async with House(tmp_path) as second:
        a, b = [second.client(identity) for identity in identities]
        await a.send(session, 1, b"after")
        reader = b.messages(session)
        assert [body for _, _, body in await take(reader, 3)][1:] == [b"before", b"after"]


def test_a_message_id_depends_on_all_that_names_the_message():
    base = (b"s" * 16, b"p" * 33, 1, b"body")
    other = [(b"t" * 16, *base[1:]), (base[0], b"q" * 33, 1, b"body"), (*base[:2], 2, b"body"), (*base[:3], b"Body")]
    assert len({relay.message_id(*one) for one in [base, *other]}) == 5
