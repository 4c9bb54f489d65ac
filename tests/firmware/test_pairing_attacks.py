"""Pairing under attack: another code, a party in between, a swapped key, endless tries, a host that keeps silent."""

import os

import pytest
from daric_host.device import DeviceLink
from daric_protocol import channel
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.limits import APPROVAL_TIMEOUT, MAX_HOSTS, PAIRING_TRIES, PAIRING_WAIT, PAIRING_WAIT_LIMIT
from daric_protocol.pairing import DevicePairing, HostPairing

from tests.firmware.board import device, host_of, pair, pass_seconds
from tests.firmware.stranger import Between, ask

HOST, FALSE = Identity(4711), Identity(666)
PAIRING = DaricError("pairing").number


@pytest.fixture
def app(tmp_path):
    return device(tmp_path)


async def yes(code: str) -> bool:
    return True


async def refused(name: str, request) -> None:
    with pytest.raises(DaricError) as caught:
        await request
    assert caught.value.name == name


def shown(app) -> str:
    """The code on the device's last page that asked."""
    return [lines for lines, asks in app.board.pages if asks][-1][-1].replace(" ", "")


class FalseParty:
    """Sits on the line and pairs with both sides, each by its own keys."""

    def __init__(self, app) -> None:
        self.app = app
        self.as_host = HostPairing(FALSE, "phone", os.urandom)
        self.as_device: DevicePairing | None = None
        self.codes: list[str] = []

    def answer(self, message: list) -> list:
        kind, id_, *fields = message
        if kind == channel.PAIR_START:
            revealed = ask(self.app, [kind, id_, self.as_host.commitment])[2:]
            opening, code = self.as_host.reveal(*revealed)
            ask(self.app, [channel.PAIR_OPEN, id_, *opening])
            self.codes.append(code)
            self.as_device = DevicePairing(fields[0], os.urandom)
            return [kind, id_, *self.as_device.revealed]
        if kind == channel.PAIR_OPEN:
            self.codes.append(self.as_device.open(*fields))
            return [kind, id_]
        answer = ask(self.app, [kind, id_, self.as_host.confirm()])
        if answer[0] == channel.REFUSAL or not answer[2]:
            return answer
        self.as_device.confirmed(fields[0])
        return [kind, id_, self.as_device.finish(FALSE, "daric")]


async def test_a_party_in_between_shows_another_code_at_each_end(app):
    app.board.answer = None
    party, seen = FalseParty(app), []

    async def compare(code: str) -> bool:
        seen.append(code)
        return code == shown(app)

    await refused("pairing", DeviceLink(lambda: Between(app, answer=party.answer), HOST).pair(compare))
    assert seen == [party.codes[1]]
    assert shown(app) == party.codes[0] != seen[0]


async def test_a_party_in_between_is_paired_with_nobody_when_the_devices_owner_sees_another_code(app):
    app.board.answer = "refuse"
    party = FalseParty(app)
    await refused("pairing", DeviceLink(lambda: Between(app, answer=party.answer), HOST).pair(yes))
    assert len(app.hosts) == 0


async def test_a_party_in_between_is_paired_with_nobody_when_nobody_answers_at_the_device(app):
    app.board.answer = None
    party = FalseParty(app)
    host = DeviceLink(lambda: Between(app, answer=party.answer), HOST)

    async def late(code: str) -> bool:
        pass_seconds(app, APPROVAL_TIMEOUT)
        return True

    await refused("pairing", host.pair(late))
    app.board.press("approve")
    app.step(0)
    assert len(app.hosts) == 0


@pytest.mark.parametrize("direction", ["there", "back"])
async def test_a_key_swapped_on_the_way_pairs_nobody_even_if_nobody_compares_the_codes(app, direction):
    def swap(message: list) -> list:
        if message[0] == (channel.PAIR_OPEN if direction == "there" else channel.PAIR_START) and len(message) == 4:
            message[2] = FALSE.public
        return message

    await refused("pairing", DeviceLink(lambda: Between(app, **{direction: swap}), HOST).pair(yes))
    assert len(app.hosts) == 0


@pytest.mark.parametrize("kind", [channel.PAIR_START, channel.PAIR_FINISH])
async def test_a_changed_commitment_or_card_pairs_nobody(app, kind):
    def change(message: list) -> list:
        if message[0] == kind:
            message[2] = bytes([message[2][0] ^ 1]) + message[2][1:]
        return message

    with pytest.raises(DaricError) as caught:
        await DeviceLink(lambda: Between(app, there=change), HOST).pair(yes)
    assert caught.value.name in ("pairing", "encoding")
    assert len(app.hosts) == 0


async def test_the_hosts_own_card_sent_back_to_it_is_no_devices(app):
    sent = []

    def note(message: list) -> list:
        sent.append(message)
        return message

    def back(message: list) -> list:
        return [message[0], message[1], sent[-1][2]] if message[0] == channel.PAIR_FINISH and message[2] else message

    await refused("pairing", DeviceLink(lambda: Between(app, there=note, back=back), HOST).pair(yes))


async def test_the_devices_card_is_given_again_to_the_host_that_lost_it_and_to_no_one_else(app):
    between = Between(app)
    await DeviceLink(lambda: between, HOST).pair(yes)
    card = next(message for message, answer in reversed(between.seen) if message[0] == channel.PAIR_FINISH)
    answer = between.seen[-1][1]
    assert ask(app, card) == answer
    for other in (b"", b"card", card[2][:-1] + b"\x00"):
        assert ask(app, [channel.PAIR_FINISH, card[1], other]) == [channel.REFUSAL, card[1], PAIRING]


async def test_a_host_that_leaves_after_the_code_is_not_paired_though_the_owner_agreed(app):
    host = HostPairing(HOST, "phone", os.urandom)
    revealed = ask(app, [channel.PAIR_START, 1, host.commitment])[2:]
    ask(app, [channel.PAIR_OPEN, 2, *host.reveal(*revealed)[0]])
    for _ in range(3):
        app.step(0)
    assert len(app.hosts) == 0
    pass_seconds(app, APPROVAL_TIMEOUT)
    assert ask(app, [channel.PAIR_FINISH, 3, host.confirm()])[2] == PAIRING
    assert len(app.hosts) == 0


def opened(app) -> bool:
    """Show a code and leave; whether the device took it."""
    host = HostPairing(FALSE, "phone", os.urandom)
    answer = ask(app, [channel.PAIR_START, 1, host.commitment])
    if answer[0] == channel.REFUSAL:
        assert answer[2] == PAIRING
        return False
    return ask(app, [channel.PAIR_OPEN, 2, *host.reveal(*answer[2:])[0]])[0] == channel.PAIR_OPEN


def test_codes_that_lead_to_nothing_make_the_next_one_wait_ever_longer(app):
    app.board.answer = "refuse"
    assert [opened(app) for _ in range(PAIRING_TRIES + 1)] == [True] * PAIRING_TRIES + [False]
    for wait in (PAIRING_WAIT, 2 * PAIRING_WAIT, 4 * PAIRING_WAIT):
        app.board.now += (wait - 1) * 1000
        assert not opened(app)
        app.board.now += 1000
        assert opened(app)
    app.hosts._tries = 60  # however many
    app.board.now += PAIRING_WAIT_LIMIT * 1000
    assert opened(app)


async def test_a_pairing_that_succeeds_ends_the_wait(app):
    app.board.answer = "refuse"
    for _ in range(PAIRING_TRIES):
        assert opened(app)
    await refused("pairing", host_of(app).pair(yes))
    app.board.now += PAIRING_WAIT * 1000
    app.board.answer = "approve"
    await host_of(app).pair(yes)
    assert opened(app)


async def test_a_device_takes_so_many_hosts_and_no_more_but_one_of_them_may_pair_anew(app):
    links = [host_of(app, 100 + number) for number in range(MAX_HOSTS)]
    for link in links:
        await pair(link)
    await refused("limit", host_of(app, 99).pair(yes))
    assert app.board.visible[0] == "Too many hosts"
    await pair(links[0])
    await links[0].revoke(links[1]._identity.public)
    await pair(host_of(app, 99))
    assert len(app.hosts) == MAX_HOSTS
