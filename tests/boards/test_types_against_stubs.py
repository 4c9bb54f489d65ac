"""Each board file, type-checked against the stubs of its port: a call that the port does not have is an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ["buttons", "ssd1306", "led", "lines", "rawflash", "machineboard"]
FILES = {
    "rp2": ["rp2", "code_rp2", "usbcdc", *SHARED],
    "esp32": ["esp32", "code_esp32", "usbcdc", *SHARED],
    "stm32": ["stm32", "code_stm32", *SHARED],
}
CONFIGURATION = """\
[mypy]
python_version = 3.11
mypy_path = {path}
custom_typeshed_dir = {stubs}
explicit_package_bases = True
namespace_packages = True
follow_imports = silent
disallow_untyped_defs = True
check_untyped_defs = True
"""


@pytest.fixture(scope="module")
def stubs() -> Path:
    subprocess.run([ROOT / "tools" / "install_stubs.sh"], check=True, env={**os.environ, "PYTHON": sys.executable})
    return ROOT / ".build" / "stubs"


def complaints(stubs: Path, port: str, work: Path, firmware: Path = ROOT / "firmware") -> list[str]:
    """What mypy says of a board's files (the stubs contradict each other here and there, which is not ours)."""
    path = [ROOT / "shared" / "protocol", firmware, ROOT / "tools" / "production" / port, stubs / port]
    settings = work / "mypy.ini"
    settings.write_text(CONFIGURATION.format(path=":".join(map(str, path)), stubs=stubs / port))
    files = [firmware / "daric" / "board" / f"{name}.py" for name in FILES[port]]
    command = [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", ROOT / ".build" / f"mypy-{port}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, cwd=work)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "checked" in done.stdout or "Success" in done.stdout
    return [line for line in done.stdout.splitlines() if "daric/board/" in line and "error:" in line]


@pytest.mark.slow
@pytest.mark.parametrize("port", list(FILES))
def test_a_board_uses_only_what_its_port_has(stubs, port, tmp_path):
    assert complaints(stubs, port, tmp_path) == []


@pytest.mark.slow
def test_a_call_that_a_port_does_not_have_shows(stubs, tmp_path):
    import shutil

    firmware = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", firmware)
    board = firmware / "daric" / "board" / "rp2.py"
    board.write_text(board.read_text().replace("machine.unique_id()", "machine.chip_number()"))
    assert any("chip_number" in line for line in complaints(stubs, "rp2", tmp_path, firmware))


def test_every_file_of_a_real_board_is_checked():
    folder = ROOT / "firmware" / "daric" / "board"
    virtual = {"__init__", "this", "virtual", "code_virtual", "flashfile", "faults"}
    assert {path.stem for path in folder.glob("*.py")} - virtual == {name for names in FILES.values() for name in names}
