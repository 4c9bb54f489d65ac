"""What a device refuses: strangers, other codes, malformed requests, a second session, bad entropy."""

import os

import pytest
from daric_host.device import DeviceLink
from daric_protocol import VERSION, channel, flows, platform
from daric_protocol.errors import DaricError, error_name
from daric_protocol.limits import APPROVAL_TIMEOUT, KEYGEN_TIMEOUT
from daric_protocol.link import Link

from tests.firmware.board import Wired, device, host_of, pair, pass_seconds
from tests.sim.rig import LocalParty

UUID = bytes(range(16))
EVERY_REQUEST = [
    ["identity"],
    ["auth", ["login", "daric/relay", b"", b"", b"", b"", b"", 0, b""]],
    ["session_join", b"", bytes(32)],
    ["session_start", []],
    ["session_deliver", 0, 1, 0, b"x"],
    ["session_fetch", 0, 0],
    ["session_state"],
    ["session_abort"],
    ["group_list"],
    ["group_certificate", b""],
    ["group_adopt", b""],
]


@pytest.fixture
def app(tmp_path):
    return device(tmp_path)


def ask(app, message) -> list:
    """Send one link message (or any bytes) as a stranger and return the answer."""
    link, wire = Link(os.urandom(4)), Wired(app)
    link.send(message if isinstance(message, bytes) else platform.cbor_encode(message))
    for now in range(1000):
        wire.write(link.output(now))
        for answer in link.receive(wire.read(0)):
            wire.write(link.output(now))
            app.step(0)
            return platform.cbor_decode(answer)
    raise AssertionError("no answer")


def refusal(app, message) -> str:
    answer = ask(app, message)
    assert answer[0] == channel.REFUSAL
    return error_name(answer[2])


@pytest.mark.parametrize("request_", EVERY_REQUEST, ids=lambda request_: request_[0])
def test_an_unpaired_host_is_refused_every_request_in_clear(app, request_):
    assert refusal(app, [9, *request_]) == "unpaired"
    assert refusal(app, [channel.SEALED, 1, platform.cbor_encode([9, *request_])]) == "sealed"


def test_a_stranger_learns_the_version_and_nothing_else(app):
    assert ask(app, [channel.HELLO, 5]) == [channel.HELLO, 5, VERSION]


async def test_a_stranger_cannot_connect_and_hears_no_identity(app):
    stranger = host_of(app)
    known = await pair(host_of(app, 99))
    with pytest.raises(DaricError) as caught:
        await stranger.connect(known)
    assert caught.value.name == "unpaired"


@pytest.mark.parametrize(
    "message",
    [b"", b"\x00", b"\xff" * 50, [], [0], [0, "id"], [0, 1, 2], [True, 1], [None, 1], ["hello", 1], [1, 1, b"x"],
     [1, 1, [[]]], [1, 1, [], []], [1, 1, [b"", b"", b""]], [3, 1, b""], [3, 1], [4, 1, b"", b""], [5, 1, b""],
     [2, 1], {1: 2}, 7],
)  # fmt: skip
def test_a_malformed_message_gets_a_refusal_and_harms_nothing(app, message):
    assert refusal(app, message) in ("encoding", "unpaired", "pairing", "sealed", "parameter", "too_large")
    assert ask(app, [channel.HELLO, 5])[2] == VERSION


@pytest.mark.parametrize(
    "request_",
    [["identity", 1], ["no_such"], ["session_no_such"], ["session_fetch"], ["session_fetch", "0", 0], ["group_"],
     ["session_join", "text", bytes(32)], ["session_join", b"\x80", bytes(32)], ["session_join", b"", b""], [7], [None],
     ["group_certificate", "text"], ["group_certificate", bytes(16)], ["group_adopt", "text"],
     ["group_adopt", b"\x80"], ["auth", []], ["auth", 7], ["auth", [[]] * 9], ["session_start", []],
     ["session_deliver", 0, 1, 0, b"x"], ["session_state"]],
    ids=str,
)  # fmt: skip
async def test_a_malformed_request_of_a_paired_host_is_refused_by_name(app, request_):
    link = host_of(app)
    await pair(link)
    with pytest.raises(DaricError) as caught:
        await link._call(*request_)
    assert caught.value.name in ("parameter", "encoding", "session", "group")
    assert (await link.identity()).version == VERSION


async def test_a_refusal_on_the_device_pairs_nobody(tmp_path):
    app = device(tmp_path, answer="refuse")
    link = host_of(app)
    with pytest.raises(DaricError) as caught:
        await pair(link)
    assert caught.value.name == "pairing"
    assert len(app.hosts) == 0


async def test_a_refusal_at_the_host_pairs_nobody(app):
    async def differs(code: str) -> bool:
        return False

    with pytest.raises(DaricError) as caught:
        await host_of(app).pair(differs)
    assert caught.value.name == "pairing"
    assert len(app.hosts) == 0


async def test_both_sides_show_the_same_code(app):
    shown = []

    async def same(code: str) -> bool:
        shown.append(code)
        return True

    await host_of(app).pair(same)
    [page] = [lines for lines, ask_ in app.board.pages if ask_]
    assert page[-1].replace(" ", "") == shown[0]


def test_a_message_that_does_not_fit_the_memory_is_refused_and_the_device_goes_on(app, monkeypatch):
    def full(message: list) -> list:
        raise MemoryError

    monkeypatch.setattr(app.dispatcher, "_sealed", full)
    assert refusal(app, [channel.SEALED, 1, b"x"]) == "memory"
    assert ask(app, [channel.HELLO, 5])[2] == VERSION


def test_a_pairing_cannot_be_finished_without_being_opened(app):
    ask(app, [channel.PAIR_START, 1, bytes(32)])
    assert refusal(app, [channel.PAIR_FINISH, 2, b"card"]) == "pairing"


def test_another_value_than_the_committed_one_ends_the_pairing(app):
    ask(app, [channel.PAIR_START, 1, bytes(32)])
    assert refusal(app, [channel.PAIR_OPEN, 2, app.identity.public, bytes(32)]) == "pairing"
    assert not [page for page, ask_ in app.board.pages if ask_]


async def test_a_pairing_that_nobody_answers_is_forgotten(tmp_path):
    app = device(tmp_path, answer=None)
    link = host_of(app)

    async def same(code: str) -> bool:
        app.board.now += APPROVAL_TIMEOUT * 1000
        return True

    with pytest.raises(DaricError) as caught:
        await link.pair(same)
    assert caught.value.name == "pairing"
    app.board.press("approve")
    app.step(0)
    assert len(app.hosts) == 0


@pytest.mark.parametrize("fault", ["stuck", "missing"])
async def test_a_device_without_sound_entropy_does_nothing_but_say_so(tmp_path, fault):
    app = device(tmp_path, entropy=fault)
    assert app.board.pages[-1][0] == ["Daric", "out of order:", "entropy"]
    assert ask(app, [channel.HELLO, 5])[2] == VERSION
    with pytest.raises(DaricError) as caught:
        await pair(host_of(app))
    assert caught.value.name == "entropy"


def test_a_device_whose_flash_is_damaged_formats_nothing(tmp_path):
    secret = device(tmp_path).identity.public
    image = bytearray((tmp_path / "flash").read_bytes())
    kept = bytes(image)
    image[4096 : 4096 * 5] = os.urandom(4096 * 4)  # both key areas
    (tmp_path / "flash").write_bytes(image)
    app = device(tmp_path)
    assert app.board.pages[-1][0][-1] == "storage"
    (tmp_path / "flash").write_bytes(kept)
    assert device(tmp_path).identity.public == secret


async def test_a_second_session_is_refused_while_one_is_active(app):
    link = host_of(app)
    await pair(link)
    terms = flows.create_terms(UUID, 2, 2, os.urandom).encode()
    join = await link.session_join(terms)
    assert await link.session_join(terms) == join
    with pytest.raises(DaricError) as caught:
        await link.session_join(flows.create_terms(bytes(16), 2, 2, os.urandom).encode())
    assert caught.value.name == "busy"
    with pytest.raises(DaricError) as caught:
        await host_of(app, 99).pair(lambda code: None)
    assert caught.value.name == "pairing"  # a stranger does not learn that a session is active
    await link.session_abort()
    assert await link.session_join(flows.create_terms(bytes(16), 2, 2, os.urandom).encode())


async def test_a_group_too_large_for_a_device_is_refused(app):
    link = host_of(app)
    await pair(link)
    with pytest.raises(DaricError) as refused:
        await link.session_join(flows.create_terms(UUID, 2, 9, os.urandom).encode())
    assert refused.value.name == "parameter"
    assert await link.session_join(flows.create_terms(UUID, 2, 8, os.urandom).encode())


async def test_a_session_id_is_used_once(app):
    link = host_of(app)
    await pair(link)
    terms = flows.create_terms(UUID, 2, 2, os.urandom)
    for _ in range(2):
        party = LocalParty(5)
        joins = [await link.session_join(terms.encode()), await party.join(terms)]
        await link.session_start(joins)
        status = await link.session_state()
        await link.session_abort()
        await link.session_fetch()
    assert status.error is not None
    assert status.error.name == "replayed"


async def test_a_session_without_its_host_ends_by_itself(app):
    link = host_of(app)
    await pair(link)
    await link.session_join(flows.create_terms(UUID, 2, 2, os.urandom).encode())
    pass_seconds(app, KEYGEN_TIMEOUT)
    assert not app.sessions.active


async def asked(app) -> tuple[DeviceLink, LocalParty]:
    """A host, and the other party of a session that the device's owner is asked about and does not answer."""
    link = host_of(app)
    await pair(link)
    app.board.answer = None
    terms = flows.create_terms(UUID, 2, 2, os.urandom)
    party = LocalParty(5)
    joins = [await link.session_join(terms.encode()), await party.join(terms)]
    await link.session_start(joins)
    await party.start(joins)
    step = await link.session_fetch()
    await party.deliver(0, step.frame)
    _, opening = await party.fetch()
    await link.session_deliver(1, opening)
    assert "Check code" in "".join(app.board.pages[-1][0])
    return link, party


async def test_a_session_that_its_owner_does_not_answer_ends_by_itself(app):
    link, _ = await asked(app)
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert (await link.session_state()).error.name == "soft"


async def test_a_host_that_was_away_longer_than_its_session_still_tells_the_others_that_it_ended(app):
    link, party = await asked(app)
    pass_seconds(app, APPROVAL_TIMEOUT)
    pass_seconds(app, APPROVAL_TIMEOUT - 1)
    notice = (await link.session_fetch()).frame
    await party.deliver(0, notice)
    assert (await party.outcome())[0] == "failed"


@pytest.mark.parametrize(
    "pieces",
    [[(0, 10, 5, b"late")], [(0, 10, 0, b"12345"), (0, 10, 4, b"6")], [(0, 10, 0, b"12345"), (1, 10, 5, b"6")],
     [(0, 10, 0, b"12345"), (0, 10, 5, b"678901")], [(0, 3, 0, b"12345")]],
)  # fmt: skip
async def test_pieces_of_a_frame_out_of_order_are_refused(app, pieces):
    link = host_of(app)
    await pair(link)
    await link.session_join(flows.create_terms(UUID, 2, 2, os.urandom).encode())
    with pytest.raises(DaricError) as caught:
        for piece in pieces:
            await link._call("session_deliver", *piece)
    assert caught.value.name == "session"


@pytest.mark.parametrize(
    "piece", [(0, 0, 0, b"x"), (0, 1 << 20, 0, b"x"), (16, 1, 0, b"x"), (0, 1, 0, b""), (0, 5, 0, 5)]
)
async def test_a_malformed_piece_is_refused(app, piece):
    link = host_of(app)
    await pair(link)
    await link.session_join(flows.create_terms(UUID, 2, 2, os.urandom).encode())
    with pytest.raises(DaricError) as caught:
        await link._call("session_deliver", *piece)
    assert caught.value.name == "encoding"


async def test_a_session_belongs_to_the_host_that_began_it(app):
    async def connected(secret):
        link = host_of(app, secret)
        await link.connect(pairings[secret])
        return link

    pairings = {secret: await pair(host_of(app, secret)) for secret in (1, 2)}
    mine = await connected(1)
    terms = flows.create_terms(UUID, 2, 2, os.urandom)
    join = await mine.session_join(terms.encode())
    other = await connected(2)
    attempts = (
        other.session_join(terms.encode()),
        other.session_start([join, join]),
        other.session_deliver(1, b"x"),
        other.session_fetch(),
        other.session_state(),
        other.session_abort(),
    )
    for attempt in attempts:
        with pytest.raises(DaricError) as caught:
            await attempt
        assert caught.value.name == "busy"
    mine = await connected(1)
    assert await mine.session_join(terms.encode()) == join
    await mine.session_abort()
    other = await connected(2)
    with pytest.raises(DaricError) as caught:
        await other.session_state()  # how another host's session ended
    assert caught.value.name == "session"
    assert await other.session_join(flows.create_terms(bytes(16), 2, 2, os.urandom).encode()) != join


async def test_a_closed_link_takes_no_request(app):
    link = host_of(app)
    await pair(link)
    await link.close()
    with pytest.raises(DaricError) as caught:
        await link.identity()
    assert caught.value.name == "link"


async def ended(app) -> object:
    """A host whose session has ended and that never fetched the rest of it."""
    link = host_of(app)
    await pair(link)
    await link.session_join(flows.create_terms(UUID, 2, 2, os.urandom).encode())
    await link.session_abort()
    assert app.sessions._session is not None
    return link


async def test_what_a_host_never_fetches_of_a_session_that_ended_is_forgotten_but_how_it_ended(app):
    link = await ended(app)
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert app.sessions._session is None
    assert (await link.session_state()).error is not None


async def test_a_session_that_ended_gives_way_to_a_request_without_memory(app, monkeypatch):
    link = await ended(app)

    def full(*arguments: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(app.dispatcher, "_call", full)
        with pytest.raises(DaricError) as caught:
            await link.identity()
    assert caught.value.name == "memory"
    app.step(0)
    assert app.sessions._session is None
    assert (await link.session_state()).error is not None
    assert (await link.identity()).groups == []


async def test_a_session_under_way_gives_way_to_nothing(app):
    link = host_of(app)
    await pair(link)
    terms = flows.create_terms(UUID, 2, 2, os.urandom).encode()
    join = await link.session_join(terms)
    app.dispatcher.short = True
    app.board.now += APPROVAL_TIMEOUT * 1000
    for _ in range(3):
        app.step(0)
    assert app.sessions.active
    assert await link.session_join(terms) == join
