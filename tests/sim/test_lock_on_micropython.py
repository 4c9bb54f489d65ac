"""The PIN in the real MicroPython: set, asked for at the start, wrong and right; held buttons; a small heap."""

import os

import pytest
from daric import flash as layout
from daric.board.flashfile import FlashFile
from daric.cells import CELL
from daric.locksectors import MAGIC, TRIES_AT, TRY
from daric_host.device import DeviceLink
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim.device import SimDevice

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session
from tests.sim.test_heap import asked_by

HOST = Identity(4711)
PIN, OTHER = "493021", "8675309"


def answers(device, pin):
    """A person who approves every question and types this PIN wherever one is asked for."""
    device.answer = lambda screen: f"text:{pin}" if screen.typed else "approve"


def set_pin(device, pin=PIN):
    answers(device, pin)
    device.choose("pinflow.set_pin")
    device.wait_for_screen("The PIN is set")


def since(device):
    return len(device.screens)


async def test_a_device_with_a_pin_is_locked_at_its_start_until_the_pin_was_typed(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, pairing = await paired(device, HOST)
        async with link:
            set_pin(device)
            await link.lock()
            with pytest.raises(DaricError) as caught:
                await link.connect(pairing)
            assert caught.value.name == "locked"
            await link.unlock()
            await link.connect(pairing)
            assert (await link.identity()).identity == pairing.identity
            assert (await link.wear())["lock"] >= 1
        assert PIN not in "".join(screen.text for screen in device.screens)


@pytest.mark.slow
async def test_a_host_sees_the_tries_and_the_wait_of_a_locked_device(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, pairing = await paired(device, HOST)
        async with link:
            set_pin(device)
            await link.lock()
            pins = [OTHER, PIN]
            device.answer = lambda screen: f"text:{pins.pop(0)}" if screen.typed else "wait"
            states = []
            await link.unlock(states.append)
            device.wait_for_screen("wait 2 s")
            assert {9, 10} <= {state.tries for state in states}
            await link.connect(pairing)


@pytest.mark.slow
async def test_both_buttons_make_a_locked_device_a_new_one(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, pairing = await paired(device, HOST)
        async with link:
            set_pin(device)
        device.restart()
        device.wait_for_screen("press for PIN")
        before = since(device)
        (device.state / "held").touch()
        device.wait_for_screen("Keep holding", since=before)
        device.wait_for_screen("not paired", since=before)
        (device.state / "held").unlink()
        link, again = await paired(device, HOST)
        async with link:
            assert again.identity != pairing.identity


@pytest.mark.slow
async def test_ten_wrong_pins_wipe_it(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, _ = await paired(device, HOST)
        async with link:
            set_pin(device)
        flash = tmp_path / "device" / "flash"
        _use_tries(flash, 9)
        device.restart()
        assert "1 try left" in device.wait_for_screen("wait 512 s", since=0).text
        _use_tries(flash, 10)
        before = since(device)
        device.restart()
        device.wait_for_screen("not paired", since=before)


def _use_tries(flash, count):
    """Set the marks that wrong PINs leave, because nobody waits for a quarter of an hour here."""
    chip = FlashFile(str(flash), flash.stat().st_size // 4096)
    for block in (0, 1):
        start = (layout.LOCK_BLOCK + block) * 4096
        if chip.dump()[start : start + 4] == MAGIC:
            for number in range(count):
                chip.program(start + TRIES_AT + number * CELL, TRY)
    chip.close()


@pytest.mark.slow
async def test_an_unlocked_device_makes_a_wallet_and_signs_in_240_kb(tmp_path):
    with SimDevice(tmp_path / "device") as device:
        link, pairing = await paired(device, HOST)
        async with link:
            set_pin(device)
        device.restart()
        link = await DeviceLink.open(device.path, HOST)
        async with link:
            await link.unlock()
            await link.connect(pairing)
            parties = [LocalParty(5), LocalParty(6)]
            asked = flows.create_terms(os.urandom(16), 2, 3, os.urandom, "Savings", parties[0].identity.public)
            terms = asked_by(parties[0], asked)
            outcomes = await run_session(terms, [DeviceParty(link), *parties])
            assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
            roster = parties[0].custody.roster(terms.group)
            own = roster.index_of(pairing.identity)
            for number in range(2):
                signers = [own, roster.index_of(parties[0].identity.public)]
                request = platform.cbor_encode([2, b"message %d" % number, []])
                asked = flows.sign_terms(os.urandom(16), terms.group, roster, signers, request)
                outcomes = await run_session(asked_by(parties[0], asked), [DeviceParty(link), parties[0]])
                assert {state for state, _ in outcomes} == {"done"}, (outcomes, device.log)
