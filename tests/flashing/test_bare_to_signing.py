"""From a board of the shop to a device that signs with others, by the commands of docs/hardware.md; then an update."""

import dataclasses
import functools
import json
import os
import subprocess
import sys
from random import Random  # points to interrupt at, nothing secret

import pytest
from daric_host.device import DeviceLink, Pairing
from daric_host.flashing import build, factory, updating
from daric_host.flashing.signedimage import by_key
from daric_protocol import flows, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim.stockboard import StockBoard

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session
from tests.tools.test_device_image import ROOT, pem

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FACTORY, MAKER, STRANGER = 99, 98, 97  # secret keys
FACTORY_PUBLIC, MAKER_PUBLIC = Identity(FACTORY).public, Identity(MAKER).public
HOST = Identity(4711)
INTERRUPTIONS = 10


@functools.cache
def made(version, maker=MAKER):
    sign = by_key(maker) if maker else None
    return build.make("virtual", "development", MAKER_PUBLIC, FACTORY_PUBLIC, sign, version=version)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    place = tmp_path_factory.mktemp("bench")
    (place / "old.image").write_bytes(made("0.1.0").encode())
    pem(place / "factory.pem", FACTORY)
    return place


def flash(bench, *arguments):
    """Run the tool on two simulated boards: the result of each."""
    line = [sys.executable, str(ROOT / "tools/flash.py"), *map(str, arguments)]
    line += ["--sim", "2", "--sim-state", str(bench / "boards"), "--all", "--jobs", "2", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-3:], done.stderr)
    return [line for line in lines if line["event"] == "result"]


async def signed(link, party, terms):
    """The device and its peer sign a message; the digest is what the device's owner saw."""
    roster = party.custody.roster(terms.group)
    signers = [member.index for member in roster.members]
    request = platform.cbor_encode([2, os.urandom(9), []])
    signing = flows.sign_terms(os.urandom(16), terms.group, roster, signers, request)
    outcomes = await run_session(signing, [DeviceParty(link), party])
    assert {state for state, _ in outcomes} == {"done"}


async def test_two_bare_boards_become_devices_and_one_signs_with_a_peer_and_takes_new_firmware(bench):
    image, record = bench / "old.image", bench / "record"
    assert [found["is"] for found in flash(bench, "list")] == ["micropython"] * 2
    assert [found["plan"] for found in flash(bench, "plan", image)] == ["flash"] * 2
    flashed = flash(bench, "flash", image, "--public", MAKER_PUBLIC.hex())
    assert [(found["version"], found["provisioned"]) for found in flashed] == [("0.1.0", False)] * 2
    assert [found["plan"] for found in flash(bench, "plan", image)] == ["nothing"] * 2
    assert [found["sent"] for found in flash(bench, "flash", image)] == [0, 0]
    for found in flash(bench, "selftest", "--panel", "--full"):
        assert found["wiped"] and found["keygen_s"] > 0 and found["sign_s"] > 0 and found["crypto"]
    who = ["--record", record, "--batch", "B7", "--operator", "Ada", "--serial", "D-{}"]
    for _ in range(2):  # repeated, nothing is given twice
        given = flash(bench, "provision", *who, "--key", bench / "factory.pem")
        assert sorted(found["provisioned"] for found in given) == ["D-000001", "D-000002"]
    assert len(record.read_text().splitlines()) == 2
    proved = flash(bench, "verify", "--factory-key", FACTORY_PUBLIC.hex(), "--image", image, "--record", record)
    assert {found["identity"] for found in proved} == {found["identity"] for found in given}
    assert {found["image"] for found in proved} == {found["image"] for found in flashed}

    with StockBoard(bench / "boards" / "board1") as board:
        link, pairing = await paired(board, HOST)
        async with link:
            party = LocalParty(5)
            terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
            outcomes = await run_session(terms, [DeviceParty(link), party])
            assert {state for state, _ in outcomes} == {"done"}, board.log
            await signed(link, party, terms)
            await refused_updates(link)
            await signed(link, party, terms)
        new = made("0.2.0")
        await interrupted(board, pairing, new)
        async with await DeviceLink.open(board.path, HOST) as link:
            await link.connect(pairing)
            await updating.update(link, new)
            now = await updating.state(link)
            assert (now.version, now.digest, now.on_trial) == ("0.2.0", new.manifest.digest, False)
            await signed(link, party, terms)
            proof = await link.genuine(FACTORY_PUBLIC)
            assert (proof.version, proof.image) == ("0.2.0", new.manifest.digest)
            with pytest.raises(DaricError) as caught:
                await updating.update(link, made("0.0.9"))
            assert caught.value.name == "update"
            assert (await factory.info(link)).version == "0.2.0"

    (bench / "new.image").write_bytes(new.encode())
    host = ["--home", bench / "home", "--pair"]
    updated = flash(bench, "update", bench / "new.image", *host)
    assert {(found["version"], found["image"]) for found in updated} == {("0.2.0", new.manifest.digest.hex())}
    counts = sorted(found["count"] for found in flash(bench, "log", *host))
    assert counts[0] == 0 and counts[1] >= 4  # one made a wallet and signed three times
    flash(bench, "verify", *host, "--factory-key", FACTORY_PUBLIC.hex(), "--image", bench / "new.image")
    wiped = flash(bench, "wipe", *host)
    assert not {found["identity"] for found in wiped} & {found["identity"] for found in given}
    assert {found["version"] for found in flash(bench, "list")} == {"0.2.0"}  # a wipe leaves the firmware


async def refused_updates(link):
    """Firmware that is tampered with, older, the same with other bytes, or signed by a stranger changes nothing."""
    before = await updating.state(link)
    new = made("0.2.0")
    flipped = bytearray(new.payload)
    flipped[len(flipped) // 2] ^= 1
    bad = {
        "tampered": dataclasses.replace(new, payload=bytes(flipped)),
        "downgraded": made("0.0.9"),
        "wrongly signed": made("0.2.0", STRANGER),
        "unsigned": made("0.2.0", None),
        "another signature": dataclasses.replace(new, signature=made("0.2.1").signature),
    }
    for what, image in bad.items():
        with pytest.raises(DaricError) as caught:
            await updating.update(link, image)
        assert caught.value.name == "update", what
        assert await updating.state(link) == before, what


async def interrupted(board, pairing: Pairing, new):
    """Cut ten updates short at random points, each second one by the device's power; it runs what it ran before."""
    points = sorted(Random(4).sample(range(1, new.manifest.size), INTERRUPTIONS))
    for number, point in enumerate(points):
        async with await DeviceLink.open(board.path, HOST) as link:
            await link.connect(pairing)

            def progress(done, total, point=point):
                if done >= point:
                    raise InterruptedError

            with pytest.raises(InterruptedError):
                await updating.update(link, new, progress)
            if number % 2:
                board.restart()
                board.wait_for_screen("Daric", since=len(board.screens))
            assert (await updating.state(link)).version == "0.1.0"
