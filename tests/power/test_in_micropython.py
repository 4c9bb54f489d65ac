"""Vault and custody in the real MicroPython on its own littlefs. Most of the heap is bytecode, in flash on a board."""

from tests.micropython_runner import ROOT, run_micropython

SCRIPTS = ROOT / "tests" / "power"


def test_the_vault_survives_a_cut_at_every_flash_operation(tmp_path):
    script = SCRIPTS / "vault_in_micropython.py"
    out = run_micropython(script, str(tmp_path / "flash.bin"), "1", heapsize="250k", firmware=True)
    assert int(out.split()[-1]) > 100


def test_custody_lives_in_a_devices_heap(tmp_path):
    script = SCRIPTS / "custody_in_micropython.py"
    out = run_micropython(script, str(tmp_path / "flash.bin"), heapsize="330k", firmware=True)
    assert out.split()[-1] == "done"
