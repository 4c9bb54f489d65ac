"""What holds in every test: each message through the session driver is an instance of its rule in messages.cddl.

And the services that whole stories share: to start them takes longer than most stories.
"""

import pytest
from daric_protocol import envelope, sealing
from daric_sim.house import House

from tests import cddl


@pytest.fixture(scope="session")
def one_house(tmp_path_factory):
    with House(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture
def house(one_house):
    """Services and a cloud party as processes, which run, whatever an earlier test did to them."""
    one_house.start()
    return one_house


@pytest.fixture(autouse=True)
def messages_obey_the_cddl(monkeypatch):
    """Wrap the one door of session messages. A test's hostile message says `hostile = True` and is left alone."""
    encode, decode, open_frame, seal = envelope.encode, envelope.decode, sealing.Channel.open, sealing.Channel.seal

    def checked_encode(message):
        data = encode(message)
        if not getattr(message, "hostile", False):
            cddl.check(type(message).__name__, data)
        return data

    def checked_decode(kind, data, *limits):
        message = decode(kind, data, *limits)
        cddl.check(kind.__name__, data)
        return message

    def checked_seal(channel, *place):
        frame = seal(channel, *place)
        cddl.check("Envelope", frame)
        return frame

    def checked_open(channel, sid, sender, receiver, op, frame):
        plaintext = open_frame(channel, sid, sender, receiver, op, frame)
        cddl.check("Envelope", frame.encode())
        return plaintext

    monkeypatch.setattr(envelope, "encode", checked_encode)
    monkeypatch.setattr(envelope, "decode", checked_decode)
    monkeypatch.setattr(sealing.Channel, "seal", checked_seal)
    monkeypatch.setattr(sealing.Channel, "open", checked_open)
