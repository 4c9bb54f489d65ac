"""After each process the device's heap holds none of its secrets any more but those that docs/security.md names.

The heap of the real MicroPython is read from the process: blocks in use and blocks given back.
"""

import asyncio
import os

import pytest
from daric_protocol import flows, platform
from daric_protocol.identity import Identity

from tests.sim import test_heap_processes as processes
from tests.sim.heap import BLOCK, Heap, count, logarithms
from tests.sim.leaks import Found, Watch, vault_of
from tests.sim.rig import LocalParty, paired
from tests.sim.test_heap_processes import Powered, Rig

PIN, OTHER = "4930218675309124", "8675309124493021"
HEAPSIZE = "300k"  # which heap a board needs is another test's question


@pytest.fixture
def watch(monkeypatch):
    return Watch(monkeypatch)


async def idle(rig: Rig) -> None:
    """Ask the device something that leaves nothing to do, so that its last session is over for it too."""
    await rig.link.session_abort()
    await rig.link.log()
    await rig.link.identity()


async def nothing_left(watch: Watch, rig: Rig, heapsize: str, scalars: bool = True) -> None:
    """The identity, the keys of the vault's entries and of the link are in use; nothing lies in what was given back."""
    await idle(rig)
    watch.learn(rig.device.state)
    watch.read(rig.device)
    found = watch.search(rig.device, heapsize, scalars)
    identity = (await rig.link.identity()).identity[1:]
    assert found.live <= watch.needed and found.freed <= watch.linked and not found.outside, found
    assert found.freed_points == set() and found.live_points <= {identity}, found


def scan_after_each_session(monkeypatch, watch: Watch, heapsize: str) -> list[str]:
    """From here on every session of a Rig ends with a scan. The operations that were looked at, in order."""
    run = Rig.run
    seen: list[str] = []

    async def run_and_scan(rig: Rig, terms, parties):
        if terms.group and (rig.device.state / "flash").exists():
            watch.learn(rig.device.state)  # what the process will erase
        results = await run(rig, terms, parties)
        await close_pages(rig)
        first = terms.op not in seen
        seen.append(terms.op)
        await nothing_left(watch, rig, heapsize, first)
        return results

    monkeypatch.setattr(Rig, "run", run_and_scan)
    return seen


async def close_pages(rig: Rig) -> None:
    """Read an exported key to its end."""
    while "SECRET KEY" in rig.device.screens[-1].text or rig.device.screens[-1].choice:
        await rig.link.log()


@pytest.mark.slow
async def test_a_wallet_that_was_made_and_signed_with_leaves_nothing(tmp_path, watch):
    async with Powered(tmp_path, HEAPSIZE) as rig:
        await rig.create(2, [LocalParty(5), LocalParty(6)])
        await nothing_left(watch, rig, HEAPSIZE, False)
        await rig.sign(rig.parties[:1])
        await nothing_left(watch, rig, HEAPSIZE, False)


@pytest.mark.slow
@pytest.mark.parametrize("process", processes.PROCESSES + processes.BACKUPS)
async def test_no_other_process_leaves_anything(tmp_path, monkeypatch, watch, process):
    seen = scan_after_each_session(monkeypatch, watch, HEAPSIZE)
    await process(tmp_path, HEAPSIZE, 2, 3)
    assert len(seen) > 1


def type_pins(device, *texts: str) -> None:
    """Type these on the pages that ask for a text, in order."""
    left = list(texts)
    device.answer = lambda screen: f"text:{left.pop(0)}" if screen.typed and left else "wait"


async def test_a_pairing_and_a_connection_leave_the_keys_of_the_last_connection(tmp_path, watch):
    async with Powered(tmp_path, HEAPSIZE) as rig:
        first = watch.linked
        await nothing_left(watch, rig, HEAPSIZE, False)
        await rig.link.close()
        again, _ = await paired(rig.device, Identity(4712))
        assert watch.linked != first and watch.secrets.keys() > first
        rig.link = again
        await nothing_left(watch, rig, HEAPSIZE)


async def in_memory(watch: Watch, rig: Rig) -> Found:
    """What is found once the device has done what it was about."""
    for _ in range(2):
        await rig.link.hello()
    return watch.search(rig.device, HEAPSIZE, False)


@pytest.mark.slow
async def test_no_pin_is_in_memory_once_it_was_typed_and_no_key_while_it_was_not(tmp_path, watch):
    async with Powered(tmp_path, HEAPSIZE) as rig:
        device = rig.device
        await rig.create(2, [LocalParty(5)])
        watch.learn(device.state)
        identity = vault_of(device.state).read("identity")
        watch.secrets.update({"the PIN": PIN.encode(), "another PIN": OTHER.encode()})
        type_pins(device, PIN, PIN)
        device.choose("pinflow.set_pin")
        await asyncio.to_thread(device.wait_for_screen, "The PIN is set")
        found = await in_memory(watch, rig)
        assert found.live <= watch.needed and found.freed <= watch.linked and not found.outside, found

        device.restart()
        watch.secrets["identity"] = identity
        shown = len(device.screens)
        await asyncio.to_thread(device.wait_for_screen, "locked", 30.0, shown)
        found = await in_memory(watch, rig)
        assert found.live == set() and found.freed == found.outside == set(), found
        type_pins(device, OTHER, PIN)
        device.push("right")
        await asyncio.to_thread(device.wait_for_screen, "Wrong PIN", 60.0, shown)
        await asyncio.to_thread(device.wait_for_screen, "locked", 60.0, len(device.screens))
        found = await in_memory(watch, rig)
        assert found.live == set() and found.freed == found.outside == set(), found
        device.push("right")
        await asyncio.to_thread(device.wait_for_screen, "ready", 60.0, shown)
        found = await in_memory(watch, rig)
        assert (
            "identity" in found.live <= {"identity", *watch.needed}
            and found.freed <= watch.linked
            and not found.outside
        ), found


# What the scan sees


async def test_the_secrets_of_a_session_are_seen_while_it_lasts(tmp_path, watch):
    async with Powered(tmp_path, HEAPSIZE) as rig:
        rig.device.answer = "wait"
        party = LocalParty(5)
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
        joins = [await rig.party.join(terms), await party.join(terms)]
        for one in (rig.party, party):
            await one.start(joins)
        _, opening = await rig.party.fetch()
        ephemeral = platform.cbor_decode(opening)[1]
        watch.points.add(ephemeral)
        assert ephemeral[1:] in watch.search(rig.device, HEAPSIZE).live_points
        await rig.link.session_abort()
        await nothing_left(watch, rig, HEAPSIZE, False)


def test_a_heap_is_parsed_as_the_interpreter_lays_it_out():
    blocks = 64 * 4
    table = bytearray(64 + 1 + 33)
    table[0] = 0b00_10_10_01  # head, two tails, free
    size = len(table) + blocks * BLOCK
    secret, other = bytes(range(32)), bytes(range(100, 132))
    pool = bytearray(blocks * BLOCK)
    pool[BLOCK : 2 * BLOCK] = secret
    pool[3 * BLOCK : 4 * BLOCK] = other[::-1]
    region = bytes(table) + bytes(size - len(table) - len(pool)) + bytes(pool)
    heap = Heap(*Heap.parse(region))
    assert heap.used[:4] == [True, True, True, False] and not any(heap.used[4:])
    assert count(heap.live, secret) == 1 and count(heap.freed, secret) == 0
    assert count(heap.live, other) == 0 and count(heap.freed, other) == 1


@pytest.mark.parametrize("first", [0b11, 0b10_00])
def test_a_heap_that_is_being_collected_or_none_is_not_read(first):
    with pytest.raises(ValueError):
        Heap.parse(bytes([first]) + bytes(64 * 4 * BLOCK + 200))


@pytest.mark.parametrize("little", [False, True])
def test_a_scalar_is_found_by_its_point(little):
    scalar = platform.sha256(b"scalar")
    point = platform.curve.encode(platform.curve.mul_g(int.from_bytes(scalar, "big")))
    memory = bytearray(os.urandom(400))
    memory[100:132] = scalar[::-1] if little else scalar
    assert logarithms(bytes(memory), {point}) == {point[1:]}
    memory[110] ^= 1
    assert logarithms(bytes(memory), {point}) == set()
