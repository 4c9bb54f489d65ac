"""Updates of a device that runs the real MicroPython from its code slots, by the loader that ships."""

import os

import pytest
from daric import VERSION
from daric.board.code_virtual import BLOCKS
from daric_host.flashing import build, updating
from daric_host.flashing.signedimage import by_key
from daric_protocol import flows
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_sim import slots
from daric_sim.device import SimDevice

from tests.sim.rig import DeviceParty, LocalParty, paired, run_session
from tests.sim.test_heap import KINDS, make_and_sign

KEY, HOST = 5, Identity(4711)
IN_SECOND_SLOT = (2 + (BLOCKS - 2) // 2 + 40) * 4096  # of the code region, in the middle of the image
PUBLIC = Identity(KEY).public


def made(version="", **changed):
    return build.make("virtual", update_key=PUBLIC, sign=by_key(KEY), version=version, changed=changed)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "first.image"
    path.write_bytes(made().encode())
    return path


@pytest.fixture
def device(first, tmp_path):
    with SimDevice(tmp_path / "device", image=first) as running:
        yield running


@pytest.mark.slow
async def test_a_device_updates_itself_keeps_its_wallet_and_makes_another_one(device):
    new = made("9.0.0")
    link, _ = await paired(device, HOST)
    async with link:
        before = await link.identity()
        assert (await updating.state(link)).version == VERSION
        await updating.update(link, new)
        now = await updating.state(link)
        assert (now.version, now.digest, now.slot, now.on_trial) == ("9.0.0", new.manifest.digest, 1, False)
        assert await link.identity() == before
        terms = flows.create_terms(os.urandom(16), 2, 2, os.urandom, "Savings")
        outcomes = await run_session(terms, [DeviceParty(link), LocalParty(5)])
        assert [state for state, _ in outcomes] == ["done"] * 2, device.log
        with pytest.raises(DaricError, match="newer"):
            await updating.update(link, made("8.9.9"))
        device.restart()
        assert (await updating.state(link)).version == "9.0.0"
    assert slots.digest(device.state) == new.manifest.digest and device.log == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [
        {"daric/hosts.py": b"raise ValueError('a broken build')"},
        {"daric/app.py": b"def run():\n    raise MemoryError\n"},
        {"daric/update.py": b"def confirm(device):\n    raise OSError(5)\n"},
    ],
)
async def test_an_image_that_does_not_work_is_taken_back(broken, device):
    old = slots.digest(device.state)
    link, _ = await paired(device, HOST)
    async with link:
        with pytest.raises(DaricError, match="did not work"):
            await updating.update(link, made("9.0.0", **broken))
        assert (await updating.state(link)).version == VERSION
    assert slots.digest(device.state) == old


@pytest.mark.slow
async def test_a_device_whose_newest_image_is_damaged_runs_the_one_before(device):
    old = slots.digest(device.state)
    link, _ = await paired(device, HOST)
    async with link:
        await updating.update(link, made("9.0.0"))
        assert (await updating.state(link)).slot == 1
        device.kill()
        with (device.state / slots.CODE).open("r+b") as file:
            file.seek(IN_SECOND_SLOT)
            byte = file.read(1)[0]
            file.seek(IN_SECOND_SLOT)
            file.write(bytes([byte ^ 1]))
        device.start()
        now = await updating.state(link)
        assert (now.version, now.digest, now.slot) == (VERSION, old, 0)
        await updating.update(link, made("9.0.0"))
        assert (await updating.state(link)).version == "9.0.0"


@pytest.mark.slow
async def test_a_2_of_3_wallet_and_four_signatures_fit_240_kb_beside_the_loader(first, tmp_path):
    await make_and_sign(tmp_path, "240k", 2, 3, KINDS, image=first)


@pytest.mark.slow
async def test_an_update_survives_power_cuts_while_it_is_written(device):
    new = made("9.0.0")
    total = new.manifest.size
    marks = [total * part // 10 for part in (1, 3, 7)]
    link, _ = await paired(device, HOST)

    def cut(done, total):
        if marks and done > marks[0]:
            marks.pop(0)
            device.restart()

    async with link:
        for _ in range(10):
            try:
                await updating.update(link, new, cut)
                break
            except DaricError as error:
                assert error.name in ("link", "update", "timeout"), error
        assert not marks
        assert (await updating.state(link)).digest == new.manifest.digest
