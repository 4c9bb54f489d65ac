"""Everything that crosses the link, in clear and sealed, is what messages.cddl says."""

import os

import pytest
from daric_protocol import channel, flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.pairing import Agreement

from tests.cddl import check
from tests.firmware.board import device, host_of, pair
from tests.sim.rig import DeviceParty, LocalParty, run_session


@pytest.fixture
def crossed(monkeypatch):
    """Link messages, sealed plaintexts by direction of the device, and cards, as they were made."""
    seen = {"link": [], "asked": [], "answered": [], "cards": []}

    def record(cls, name, note):
        original = getattr(cls, name)

        def wrapper(self, *arguments):
            result = original(self, *arguments)
            note(self, arguments, result)
            return result

        monkeypatch.setattr(cls, name, wrapper)

    def opened(self, arguments, result):
        seen["asked" if self._direction == channel.DEVICE else "answered"].append(result)

    record(channel.Channel, "open", opened)
    record(Agreement, "open", lambda self, arguments, card: seen["cards"].append(platform.cbor_encode(card.to_wire())))
    return seen


async def test_every_message_of_a_session_follows_its_rule(tmp_path, crossed, monkeypatch):
    app = device(tmp_path)
    answer = app.dispatcher.answer

    def recorded(data):
        reply = answer(data)
        crossed["link"] += [data, reply]
        return reply

    monkeypatch.setattr(app.dispatcher, "answer", recorded)
    link = host_of(app)
    await link.hello()
    await pair(link)
    terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
    await run_session(terms, [DeviceParty(link), LocalParty(5)])
    await link.group_list()
    await link.group_changes(terms.group)
    await link.hosts()
    await link.wanted()
    assert len((await link.log()).entries) == 1
    await link.sign_terms(flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings"))
    holders = [(1, link._identity.public), (2, app.identity.public)]
    for request_ in (
        link.backup_make(terms.group, bytes(16), 2, holders, 1, 2),
        link.recovery_request(b"\x80", bytes(16)),
        link.recovery_restore(b"\x80", [(1, bytes(33), b"x")]),
    ):
        with pytest.raises(DaricError):
            await request_
    await link.revoke(link._identity.public)
    kinds = {platform.cbor_decode(data)[0] for data in crossed["link"]}
    assert kinds == {channel.HELLO, channel.CONNECT, channel.SEALED, 3, 4, 5}
    for data in crossed["link"]:
        check("LinkMessage", data)
    for data in crossed["asked"]:
        check("DeviceRequest", data)
    for data in crossed["answered"]:
        check("DeviceReply", data)
    assert len(crossed["cards"]) == 2
    for data in crossed["cards"]:
        check("Card", data)
