"""What the owner does at a device that runs the real MicroPython: the menu, a revocation, an exported phrase."""

import os

import pytest
from daric_host.phrase import phrase
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session

HOST, OTHER = Identity(4711), Identity(4712)
ENTROPY = bytes(range(16))


async def imported(link) -> tuple[LocalParty, bytes]:
    """A wallet of the device and a party that brought a phrase; (the party, group)."""
    party = LocalParty(5)
    party.secret = flows.Secret(123456789, bytes(32), ENTROPY)
    terms = flows.import_terms(os.urandom(16), 2, 2, party.secret, party.identity.public, "Savings")
    outcomes = await run_session(terms, [DeviceParty(link), party])
    assert [state for state, _ in outcomes] == ["done", "done"], outcomes
    return party, terms.group


async def test_an_export_from_the_menu_shows_key_and_phrase_on_the_screen_alone(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, _ = await paired(device, HOST)
        async with link:
            party, group = await imported(link)
            device.choose("export", group)
            device.wait_for_screen("Go on at the")
            assert await link.wanted() == ("export", group)
            roster = party.custody.roster(group)
            own = roster.index_of((await link.identity()).identity)
            terms = flows.export_terms(os.urandom(16), group, roster, [1, 2], own, "moving out")
            terms.signature = await link.sign_terms(terms)
            terms.initiator = roster.member(own).identity
            outcomes = await run_session(terms, [DeviceParty(link), party])
            assert outcomes == [("done", None), ("done", None)], device.log
            device.wait_for_screen("Written down?")
            shown = [line for screen in device.screens for line in screen.lines]
            shown = shown[: shown.index("Written down?")]
            at = shown.index("SECRET KEY")
            assert int("".join(shown[at + 1 : at + 5]), 16) == 123456789
            words = [line.split()[1] for line in shown if line[:2].strip().isdigit() and len(line.split()) == 2]
            assert words[-12:] == phrase(ENTROPY).split()


async def test_a_revoked_host_is_refused_and_the_others_stay(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        first, _ = await paired(device, HOST)
        async with first:
            pass
        second, _ = await paired(device, OTHER)
        async with second:
            assert sorted(await second.hosts()) == sorted([(HOST.public, "host"), (OTHER.public, "host")])
            await second.revoke(HOST.public)
            assert await second.hosts() == [(OTHER.public, "host")]
            await second.revoke(OTHER.public)
            with pytest.raises(DaricError) as caught:
                await second.identity()
            assert caught.value.name == "unpaired"
        device.wait_for_screen("not paired", since=len(device.screens) - 2)
    assert device.log == ""


async def test_a_code_is_typed_on_the_device_with_its_two_buttons(tmp_path):
    """A person who reads, turns to the second choice and takes it, twice, then is done: what comes out is no code."""
    pressed: list[str] = []

    def person(screen) -> str:
        if not screen.typed:
            return "approve"
        wanted = ["> go on", "> IJKLMNOP", "> J", "> done"][len(pressed)]
        if screen.lines[-1] == wanted:
            pressed.append(wanted)
            return "approve"
        return "refuse"

    with SimDevice(tmp_path / "device", answer=person) as device:
        link, _ = await paired(device, HOST)
        async with link:
            with pytest.raises(DaricError) as caught:
                await link.recovery_request(SHEET, bytes(16))
            assert caught.value.name == "backup"
    assert len(pressed) == 4


def sheet() -> bytes:
    from daric_protocol.rounds.backup import BackupSheet

    key = HOST.public
    return BackupSheet(
        bytes(16), bytes(16), key, 3, 1, 2, [(1, key), (2, OTHER.public)], [key, key], bytes(13)
    ).encode()


SHEET = sheet()
