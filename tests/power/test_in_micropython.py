"""Vault and custody in the real MicroPython on its own littlefs."""

import pytest

from tests.micropython_runner import ROOT, run_micropython

SCRIPTS = ROOT / "tests" / "power"


def test_the_vault_survives_cuts_in_micropython(tmp_path):
    """Every third operation here; all of them in the slow suite."""
    out = run_micropython(SCRIPTS / "vault_in_micropython.py", str(tmp_path / "flash.bin"), "3", firmware=True)
    assert int(out.split()[-1]) > 30


@pytest.mark.slow
def test_the_vault_survives_every_cut_in_micropython(tmp_path):
    out = run_micropython(SCRIPTS / "vault_in_micropython.py", str(tmp_path / "flash.bin"), "1", firmware=True)
    assert int(out.split()[-1]) > 100


def test_custody_lives_in_a_devices_heap(tmp_path):
    out = run_micropython(
        SCRIPTS / "custody_in_micropython.py", str(tmp_path / "flash.bin"), heapsize="150k", firmware=True
    )
    assert out.split()[-1] == "done"


