"""The WebSocket of a session against clients that break its rules."""

import uuid

import aiohttp
import pytest
from daric_host.services.stream import SUBPROTOCOL
from daric_protocol import platform
from daric_protocol.errors import DaricError

from tests.services.house import House

pytestmark = pytest.mark.usefixtures("raw_hop")


class Line:
    """A raw WebSocket of a logged-in party."""

    def __init__(self, house, client, session):
        self.house, self.client = house, client
        self.path = f"/v1/sessions/{uuid.UUID(bytes=session)}/stream?after=0"

    async def open(self, token=None, protocols=(SUBPROTOCOL,)):
        self.login = await self.client._connection.logged_in()
        headers = {} if token == "" else {"Authorization": f"Bearer {token or self.login.token}"}
        http = self.client._connection.http
        self.socket = await http.ws_connect(self.house.url + self.path, protocols=protocols, headers=headers)

    def sealed(self, request):
        return self.login.channel.seal(platform.cbor_encode(request), "WS " + self.path)[1]

    async def event(self):
        """The next event, or the close code."""
        message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            return self.socket.close_code
        return platform.cbor_decode(self.login.channel.open(message.data, "WS " + self.path)[1])


@pytest.fixture
async def line(house):
    """An open WebSocket of the initiator of a running session of two, past the start notice."""
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    opened = Line(house, a, session)
    await opened.open()
    assert (await opened.event())[:3] == ["msg", 1, None]
    return opened


async def test_a_publish_is_answered_with_its_number_once_durable(line):
    await line.socket.send_bytes(line.sealed(["put", 5, [[1, bytes(16), "live", b"hello"]]]))
    assert await line.event() == ["ok", 5, [2]]
    stored = await line.house.services.store.read(lambda db: db.execute("SELECT count(*) FROM messages").fetchone())
    assert stored == (3,)


BAD_PUBLISHES = [
    ([], "encoding"),
    ([[1, bytes(16), "live", b"x"]] * 17, "encoding"),
    ([[1, bytes(16), "live"]], "encoding"),
    ([["1", bytes(16), "live", b"x"]], "encoding"),
    ([[1, bytes(15), "live", b"x"]], "parameter"),
    ([[1, bytes(33), "live", b"x"]], "parameter"),
    ([[1, bytes(16), "ever", b"x"]], "parameter"),
    ([[1, bytes(16), "live", b""]], "parameter"),
    ([[0, bytes(16), "live", b"x"]], "parameter"),
    ([[9, bytes(16), "live", b"x"]], "parameter"),
    ([[-1, bytes(16), "live", b"x"]], "parameter"),
    ([[1, bytes(16), "live", b"x"]] * 2, "parameter"),
    ([[1, bytes(16), "live", bytes(128 * 1024 + 1)]], "too_large"),
]


async def test_a_bad_publish_is_refused_and_the_line_stays_open(line):
    for items, code in BAD_PUBLISHES:
        await line.socket.send_bytes(line.sealed(["put", 1, items]))
        assert (await line.event())[:3] == ["problem", 1, code]
    await line.socket.send_bytes(line.sealed(["put", 2, [[1, bytes(16), "live", b"fine"]]]))
    assert await line.event() == ["ok", 2, [2]]


async def test_an_unknown_request_closes_the_line(line):
    requests = [[], ["get"], ["put", 1], ["put", "1", []], ["put", 1, {}], ["ack"], ["ack", "1"], ["ack", -1], 7, None]
    for request in requests:
        await line.open()
        assert (await line.event())[0] == "msg"
        await line.socket.send_bytes(line.sealed(request))
        assert (await line.event())[0] == "problem"
        assert await line.event() == 4400


async def test_a_replayed_altered_or_unsealed_frame_closes_the_line(line):
    frame = line.sealed(["ack", 1])
    for bad in (b"", b"garbage", frame[:-1] + bytes([frame[-1] ^ 1]), frame):
        again = Line(line.house, line.client, uuid.UUID(line.path[13:49]).bytes)
        await again.open()
        if bad == frame:
            await again.socket.send_bytes(bad)
        await again.socket.send_bytes(bad)
        event = await again.event()
        while isinstance(event, list) and event[0] == "msg":
            event = await again.event()
        assert event[0] == "problem" and event[2] in ("encoding", "sealed", "replayed")
        assert await again.event() == 4400


async def test_an_acknowledgement_of_what_was_never_sent_changes_nothing(line):
    await line.socket.send_bytes(line.sealed(["ack", 99]))
    await line.socket.send_bytes(line.sealed(["put", 1, [[1, bytes(16), "live", b"x"]]]))
    assert await line.event() == ["ok", 1, [2]]
    query = "SELECT acked FROM mailboxes WHERE seat=0"
    assert await line.house.services.store.read(lambda db: db.execute(query).fetchone()) == (0,)


async def handshake_status(line, **arguments):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await line.open(**arguments)
    return refused.value.status


async def test_a_handshake_without_login_membership_or_subprotocol_is_refused(house):
    a, b, c = await house.phone(), await house.phone(), await house.phone()
    session = await house.running(a, b)
    assert await handshake_status(Line(house, a, session), token="") == 401
    assert await handshake_status(Line(house, a, session), token="forged") == 401
    assert await handshake_status(Line(house, c, session)) == 403
    assert await handshake_status(Line(house, house.client(), session)) == 403
    assert await handshake_status(Line(house, a, uuid.uuid4().bytes)) == 404
    assert await handshake_status(Line(house, a, session), protocols=()) == 400


async def test_a_browser_brings_its_token_as_a_subprotocol(house):
    a, b = await house.phone(), await house.phone()
    line = Line(house, a, await house.running(a, b))
    token = (await a._connection.logged_in()).token
    await line.open(token="", protocols=(SUBPROTOCOL, "bearer." + token))
    assert line.socket.protocol == SUBPROTOCOL
    assert (await line.event())[:3] == ["msg", 1, None]


async def test_an_expired_cursor_is_a_problem_with_the_number_to_go_on_from(house):
    a, b = await house.phone(), await house.phone()
    session = await house.running(a, b)
    house.clock.now += house.settings.live_ttl
    line = Line(house, a, session)
    await line.open()
    event = await line.event()
    assert (event[:3], event[4]) == (["problem", 0, "expired"], 1)
    with pytest.raises(DaricError) as gone:
        await anext(a.messages(session))
    assert (gone.value.name, gone.value.after) == ("expired", 1)


async def test_a_line_ends_with_its_token(tmp_path):
    async with House(tmp_path, token_ttl=60) as house:
        a, b = await house.phone(), await house.phone()
        line = Line(house, a, await house.running(a, b))
        house.clock.now += 59.9
        await line.open()
        assert (await line.event())[:3] == ["msg", 1, None]
        assert await line.event() == 4401
