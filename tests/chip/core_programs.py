"""Programs for the emulated core, and what it refuses."""

import pytest
from daric_protocol.errors import DaricError

from tools.chip.core import archive
from tools.chip.core.machine import PATIENCE, Machine


def refused(name, work, *arguments):
    """The detail of the DaricError of this name that `work` raises."""
    with pytest.raises(DaricError) as caught:
        work(*arguments)
    assert caught.value.name == name
    return caught.value.detail


def said(built, files, program, in_place=False, patience=PATIENCE):
    """What a program prints that is the module `boot`."""
    contents = {**files, archive.BOOT: archive.compiled("boot.py", program.encode())}
    return Machine(built, archive.pack(contents, in_place), patience).run_to_end()
