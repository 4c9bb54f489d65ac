"""Every public test vector, on three platforms: CPython, CPython with MicroPython's code, and MicroPython."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from micropython_runner import run_micropython

from host import vectors as host

TESTS = Path(__file__).resolve().parent
PORTABLE = TESTS / "portable"
VECTORS = TESTS / "vectors"
SCRIPT = PORTABLE / "run_vectors.py"

sys.path.insert(0, str(PORTABLE))
run_vectors = importlib.import_module("run_vectors")


def families() -> "list[tuple[str, str]]":
    """(module, family) for every family that a module in tests/portable checks."""
    found = []
    for path in sorted(PORTABLE.glob("*.py")):
        if "\nCHECKS = " in path.read_text():  # the others are scripts, which run when imported
            found += [(path.stem, family) for family in importlib.import_module(path.stem).CHECKS]
    return found


FAMILIES = families()
every_family = pytest.mark.parametrize(("module", "family"), FAMILIES, ids=[family for _, family in FAMILIES])


def cases(printed: str) -> int:
    return int(printed.strip().splitlines()[-1])


@every_family
def test_cpython_agrees_with(module, family):
    assert run_vectors.run(module, family, str(VECTORS)) > 0


@every_family
def test_micropython_code_on_cpython_agrees_with(module, family):
    command = [sys.executable, str(SCRIPT), module, family, str(VECTORS)]
    environment = dict(os.environ, DARIC_PLATFORM="micropython")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert cases(done.stdout) > 0


@every_family
def test_micropython_agrees_with(module, family):
    assert cases(run_micropython(SCRIPT, module, family, str(VECTORS))) > 0


def test_every_vector_file_is_checked():
    files = {str(path.relative_to(VECTORS).with_suffix("")) for path in VECTORS.rglob("*.json")}
    assert files == {family for _, family in FAMILIES} | set(host.FAMILIES)
