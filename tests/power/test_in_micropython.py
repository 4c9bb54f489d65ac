"""Vault and custody in the real MicroPython on its own littlefs. Most of the heap is bytecode, in flash on a board."""

import pytest

from tests.micropython_runner import ROOT, run_micropython

SCRIPTS = ROOT / "tests" / "power"


def test_the_vault_survives_cuts_at_flash_operations(tmp_path):
    assert cut_every(tmp_path, 9) > 10


@pytest.mark.slow
def test_the_vault_survives_a_cut_at_every_flash_operation(tmp_path):
    assert cut_every(tmp_path, 1) > 100


def cut_every(tmp_path, stride: int) -> int:
    """How many cuts were made, one at every `stride`-th operation."""
    script = SCRIPTS / "vault_in_micropython.py"
    return int(
        run_micropython(script, str(tmp_path / "flash.bin"), str(stride), heapsize="250k", firmware=True).split()[-1]
    )


def test_custody_lives_in_a_devices_heap(tmp_path):
    script = SCRIPTS / "custody_in_micropython.py"
    out = run_micropython(script, str(tmp_path / "flash.bin"), heapsize="330k", firmware=True)
    assert out.split()[-1] == "done"
