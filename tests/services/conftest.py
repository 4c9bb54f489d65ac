"""The services for a test, and the CDDL check of every body that crosses them."""

import json
import re
from importlib import resources

import pytest
from daric_host import hop
from daric_protocol import platform

from tests import cddl
from tests.services.house import House

DOCUMENT = json.loads(resources.files("daric_host.services").joinpath("openapi.json").read_text())


@pytest.fixture
async def house(tmp_path):
    async with House(tmp_path) as running:
        yield running


EVENTS = {
    "put": "StreamPut",
    "ack": "StreamAck",
    "msg": "StreamMessage",
    "ok": "StreamDone",
    "problem": "StreamProblem",
}


def rule_of(context, direction, body):
    """The rule that the OpenAPI document names for the plaintext of a request or its answer."""
    method, _, target = context.partition(" ")
    if method == "WS":
        return EVENTS[platform.cbor_decode(body, max_bytes=len(body))[0]]
    path = re.sub(r"/sessions/[0-9a-f-]{36}", "/sessions/{session}", target.partition("?")[0])
    operation = DOCUMENT["paths"][path][method.lower()]
    part = operation["requestBody"] if direction == hop.TO_SERVICE else operation["responses"]["200"]
    return part["content"]["application/cbor"]["x-cddl"]


@pytest.fixture(autouse=True)
def bodies_obey_the_cddl(monkeypatch, request):
    """Every frame and every plaintext, except where a test marks its own requests as hostile."""
    seal = hop.Hop.seal

    def checked_seal(self, body, context, answers=None):
        counter, frame = seal(self, body, context, answers)
        cddl.check("HopFrame", frame)
        if self._direction == hop.TO_PARTY or "hostile" not in request.fixturenames:
            cddl.check(rule_of(context, self._direction, body), body)
        return counter, frame

    if "raw_hop" not in request.fixturenames:
        monkeypatch.setattr(hop.Hop, "seal", checked_seal)


@pytest.fixture
def hostile():
    """This test sends malformed requests on purpose."""


@pytest.fixture
def raw_hop():
    """This test seals bodies that are no messages."""
