"""Runs a stock MicroPython: its file system in a file, its prompt on the line, and boot.py and main.py where they are.

usage: stock.py FILES BLOCKS CODE HEAPSIZE. FILES is the flash that littlefs has, of so many blocks of 4 KB, formatted
at the first start and mounted at /flash, as ports do; CODE is the board's code region, mapped as flash is on a chip
(flashed.py). At the end of its files a board shows the prompt; exit code 3 is a reset. A script, run by
daric_sim.stockboard; it imports nothing of ours but its neighbour.
"""

import os
import signal
import sys

import flashed

START = """
import micropython; micropython.kbd_intr(-1)
import os, sys, vfs
class _Files:
    def __init__(self, path, blocks):
        self._file = open(path, "r+b")
        self._blocks = blocks
    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * 4096 + offset)
        self._file.readinto(buffer)
    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * 4096 + offset)
        self._file.write(buffer)
        self._file.flush()
    def ioctl(self, operation, _):
        return {4: self._blocks, 5: 4096}.get(operation, 0)
_files = _Files(os.getenv("DARIC_FILES"), int(os.getenv("DARIC_BLOCKS")))
try:
    vfs.mount(_files, "/flash")
except OSError:
    vfs.VfsLfs2.mkfs(_files)
    vfs.mount(_files, "/flash")
os.chdir("/flash")
sys.path[:] = ["/flash"]
for _name in ("boot", "main"):
    if _name + ".py" in os.listdir():
        micropython.kbd_intr(3)
        try:
            __import__(_name)
        except SystemExit:
            raise
        except BaseException as _error:
            sys.print_exception(_error)
os.putenv("MICROPYINSPECT", "1")
"""


def run(files: str, blocks: str, code: str, heapsize: str) -> None:
    """Does not return."""
    import micropython

    os.environ["DARIC_FILES"], os.environ["DARIC_BLOCKS"] = files, blocks
    os.environ["DARIC_CODE"] = flashed.mapped(code)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until MicroPython runs
    sys.argv = ["micropython", "-X", "heapsize=" + heapsize, "-c", START]
    sys.exit(micropython.main())


if __name__ == "__main__":
    run(*sys.argv[1:])
