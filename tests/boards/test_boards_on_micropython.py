"""Each port's board file in the real MicroPython: starts, shows, pairs by its button, keeps its vault on raw flash."""

import os
import pty
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daric_host.device import DeviceLink
from daric_protocol.identity import Identity

from tests.boards.compiled import with_boards

SCRIPT = Path(__file__).parents[1] / "portable" / "real_board.py"


@contextmanager
def running(port: str, flash: Path, path: str) -> Iterator[str]:
    """The pty of a board that runs."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    program = [str(Path(sys.executable).parent / "micropython"), "-X", "heapsize=8M", str(SCRIPT), port, str(flash)]
    with (flash.parent / "log").open("w") as log:
        where = {**os.environ, "MICROPYPATH": path}
        process = subprocess.Popen(program, stdin=master, stdout=master, stderr=log, env=where)
    try:
        yield os.ttyname(slave)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
    assert (flash.parent / "log").read_text() == ""


@pytest.mark.slow
@pytest.mark.parametrize("port", ["rp2", "esp32", "stm32"])
async def test_a_board_pairs_by_its_button_and_knows_its_host_after_a_power_cut(port, tmp_path):
    async def same(_code: str) -> bool:
        return True

    path, flash = with_boards(tmp_path / "compiled"), tmp_path / "flash"
    with running(port, flash, path) as line:
        async with await DeviceLink.open(line, Identity(4711)) as link:
            pairing = await link.pair(same)
            await link.connect(pairing)
            before = await link.identity()
    with running(port, flash, path) as line:
        async with await DeviceLink.open(line, Identity(4711)) as link:
            await link.connect(pairing)
            assert await link.identity() == before
            assert [host for host, _ in await link.hosts()] == [Identity(4711).public]
