"""The link and QR code of a session: it reads back what it shows, and refuses everything else."""

import uuid

import pytest
from daric_host.joinlink import JoinLink, parse
from daric_protocol import platform
from daric_protocol.errors import DaricError

RELAY = "https://relay.example/daric?x=1&y=ü"
SESSION = uuid.UUID("3f2b8c1e-0d4a-4c6b-9a5e-5b1c2d3e4f50").bytes
IDENTITY = b"\x02" + bytes(range(32))
LINK = JoinLink.of(SESSION, RELAY, IDENTITY)
SECRET = bytes(range(16))
SECRETLY = JoinLink.of(SESSION, RELAY, IDENTITY, SECRET)


def refused(text, relay=RELAY):
    with pytest.raises(DaricError) as error:
        parse(text, relay)
    return error.value.name


def test_a_link_reads_back_as_it_was():
    assert parse(LINK.uri, RELAY) == LINK
    assert parse(f"  {LINK.uri}\n", RELAY + "/") == LINK
    assert LINK.initiator == platform.sha256(IDENTITY)


def test_a_link_holds_no_identity_and_only_characters_of_a_uri():
    assert IDENTITY.hex() not in LINK.uri
    assert LINK.uri.isascii() and " " not in LINK.uri and LINK.uri.count("&") == 2


def test_a_link_with_a_secret_reads_back_as_it_was():
    assert parse(SECRETLY.uri, RELAY) == SECRETLY and SECRETLY.secret == SECRET
    assert SECRETLY.uri.startswith(LINK.uri + "&secret=") and len(SECRETLY.uri) == len(LINK.uri) + 8 + 26
    assert parse(LINK.uri, RELAY).secret == b""


def test_the_id_as_text_has_no_secret_and_no_log_shows_it():
    assert SECRETLY.text == LINK.text and parse(SECRETLY.text, RELAY).secret == b""
    assert "secret" not in repr(SECRETLY) and SECRET.hex() not in repr(SECRETLY)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "A" * 25,
        "A" * 27,
        "A" * 25 + "B",  # bits beyond the sixteenth byte
        "A" * 25 + "1",
        "a" * 26,
        "A" * 26 + "======",
        "A" * 52,
        "%00" * 26,
    ],
)
def test_a_secret_of_another_form_is_refused(secret):
    assert refused(LINK.uri + "&secret=" + secret) == "encoding"


def test_a_secret_given_twice_is_refused():
    assert refused(SECRETLY.uri + "&secret=" + "A" * 26) == "encoding"
    assert refused(LINK.uri.split("&initiator")[0] + "&secret=" + "A" * 26) == "encoding"


@pytest.mark.parametrize("text", [LINK.text, LINK.text.upper(), SESSION.hex(), f"\n{LINK.text} "])
def test_a_session_id_alone_is_enough(text):
    assert parse(text, RELAY) == JoinLink(SESSION, RELAY)


def test_a_link_for_another_service_is_refused_by_its_own_error():
    for relay in ("https://relay.example", "https://evil.example", ""):
        assert refused(LINK.uri, relay) == "relay"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "daric:",
        "daric:pair?session=1",
        "daric:join",
        "daric:join?",
        LINK.uri + "&session=" + LINK.text,
        LINK.uri + "&more=1",
        LINK.uri + "x",
        LINK.uri.replace("initiator=", "initiator=00"),
        LINK.uri.replace("session=3f", "session=zz"),
        LINK.uri.replace("session=", "session=%ff"),
        LINK.uri.split("&initiator")[0],
        LINK.uri.replace("&", ";"),
        LINK.uri[:-64] + LINK.initiator.hex().upper(),
        LINK.text[:-1],
        str(uuid.UUID(int=0)),
        "{" + LINK.text + "}",
        "urn:uuid:" + LINK.text,
        "daric:join?" + "a" * 1000,
    ],
)
def test_anything_else_is_refused_as_malformed(text):
    assert refused(text) == "encoding"


def test_the_png_is_the_code_of_the_link(tmp_path):
    import segno

    path = tmp_path / "session.png"
    LINK.qr_png(path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    modules = segno.make(LINK.uri, error="m", micro=False)
    width, height = modules.symbol_size(scale=8)
    assert path.read_bytes()[16:24] == width.to_bytes(4, "big") + height.to_bytes(4, "big")


def test_the_terminal_shows_two_rows_of_the_code_in_a_line():
    lines = LINK.qr_text().splitlines()
    assert len(lines) > 10
    assert not any("daric" in line for line in lines)


def test_a_png_that_cannot_be_written_is_a_storage_error(tmp_path):
    with pytest.raises(DaricError) as error:
        LINK.qr_png(tmp_path / "missing" / "session.png")
    assert error.value.name == "storage"
