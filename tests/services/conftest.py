"""The services for a test, and the CDDL check of every body that crosses them."""

import pytest
from daric_host import hop
from daric_protocol import platform

from tests import cddl
from tests.services.house import House


@pytest.fixture
async def house(tmp_path):
    async with House(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def frames_obey_the_cddl(monkeypatch):
    """Every sealed frame that is made is a HopFrame."""
    seal = hop.Hop.seal

    def checked_seal(self, body, context, answers=None):
        platform.cbor_decode(body, max_bytes=len(body))
        counter, frame = seal(self, body, context, answers)
        cddl.check("HopFrame", frame)
        return counter, frame

    monkeypatch.setattr(hop.Hop, "seal", checked_seal)
