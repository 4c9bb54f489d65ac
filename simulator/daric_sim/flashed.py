"""Runs MicroPython with an image in read-only memory beside the heap, as code lies in a board's flash.

usage: flashed.py [--code FILE] IMAGE HEAPSIZE [STATEMENTS], by default what a board starts with: boot.py and main.py.
The image is mapped into this process and mounted at /rom; MicroPython executes it in place and finds its modules
nowhere else, but for those of a code slot: FILE is the board's code region, mapped too; the image's loader picks it.
A script, run by daric_sim.device; it imports nothing of ours.
"""

import ctypes
import mmap
import os
import signal
import sys

KEPT: list[mmap.mmap] = []  # as long as the process

BOOT = (
    "import micropython; micropython.kbd_intr(-1); "
    "import os, sys, uctypes, vfs; "
    "_place = os.getenv('DARIC_ROM').split(); "
    "vfs.mount(vfs.VfsRom(uctypes.bytearray_at(int(_place[0]), int(_place[1]))), '/rom'); "
    "sys.path[:] = ['/rom']; "
)
START = """
micropython.kbd_intr(3)
try:
    import boot
except SystemExit:
    raise
except BaseException as _error:
    sys.print_exception(_error)
micropython.kbd_intr(3)
try:
    import main
except SystemExit:
    raise
except BaseException as _error:
    sys.print_exception(_error)
os.putenv('MICROPYINSPECT', '1')
"""  # as a stock port: each file may be interrupted, says on the line what stopped it, and at the end is the prompt

DRIVER = """
class _Driver:
    def __init__(self, port):
        sys.modules['micropython'] = self
        self._port = port
    def kbd_intr(self, byte):
        port = self._port
        sys.modules['micropython'] = port
        port.kbd_intr(3)
        max(range(20000))
        port.kbd_intr(byte)
micropython.kbd_intr(-1)
"""  # allows interrupts in a file's first instructions for a few milliseconds, and not while the file is read
INTERRUPTED = DRIVER + START.replace("micropython.kbd_intr(3)", "_Driver(micropython)")


def mapped(path: str) -> str:
    """Map a file for reading alone: "ADDRESS SIZE"."""
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    KEPT.append(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(len(memory)), mmap.PROT_READ):
        raise OSError(ctypes.get_errno(), "the image cannot be made read-only")
    return f"{address} {len(memory)}"


def run(image: str, heapsize: str, start: str = START, code: str = "") -> None:
    """Map, protect, start. Does not return."""
    import micropython

    os.environ["DARIC_ROM"] = mapped(image)
    if code:
        os.environ["DARIC_CODE"] = mapped(code)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until MicroPython runs
    sys.argv = ["micropython", "-X", "heapsize=" + heapsize, "-c", BOOT + start]
    sys.exit(micropython.main())


if __name__ == "__main__":
    given, region = sys.argv[1:], ""
    if given[0] == "--code":
        region, given = given[1], given[2:]
    run(given[0], given[1], given[2] if len(given) > 2 else START, region)
