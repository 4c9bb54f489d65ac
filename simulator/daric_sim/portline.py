"""The serial driver of a stock MicroPython port, for the simulator: a Ctrl-C byte interrupts the program while it may.

usage: portline.py COMMAND... Runs the command, MicroPython's unix port, with our standard output and its standard input
behind a pipe. As in a real port, byte 0x03 is an interrupt unless micropython.kbd_intr(-1) was called, and then a
byte like any other; the unix port alone would leave that to the terminal. Ends with the command's exit code.
A script, run by daric_sim.device; it imports nothing of ours.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

INTERRUPT = 3
CAUGHT = 1 << (signal.SIGINT - 1)
PENDING = 0.005  # seconds in which a further Ctrl-C is the same interrupt
PR_SET_PDEATHSIG = 1


def caught(pid: int) -> bool:
    """Whether the process has a handler for interrupts, which the unix port has unless kbd_intr(-1) was called."""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) & CAUGHT)
    except OSError:
        pass  # it has ended
    return False


def stopped(pid: int) -> bool:
    """Stop the process where it is; False if it has ended."""
    os.kill(pid, signal.SIGSTOP)
    while True:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                state = stat.read().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state in "TtZ":
            return state != "Z"


def interrupt(pid: int) -> bool:
    """Interrupt the process if it may be; looked at while it stands still, as a driver does in its own interrupt."""
    if not caught(pid) or not stopped(pid):
        return False
    taken = caught(pid)
    if taken:
        os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGCONT)
    return taken


def pump(process: "subprocess.Popen[bytes]", line: int) -> None:
    """Carry bytes from standard input to the program until it ends."""
    pending = 0.0
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while process.poll() is None:
        if not poll.poll(20):
            continue
        try:
            data = os.read(0, 256)
        except BlockingIOError:
            continue
        if not data:
            return
        out = bytearray()
        for byte in data:
            if byte == INTERRUPT and caught(process.pid):
                if time.monotonic() < pending:
                    continue
                if interrupt(process.pid):
                    pending = time.monotonic() + PENDING
                    continue
            out.append(byte)
        with contextlib.suppress(BrokenPipeError):
            os.write(line, bytes(out))


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until MicroPython runs


def run(command: list[str]) -> int:
    """The command's exit code."""
    theirs, ours = os.pipe()
    os.set_blocking(theirs, False)
    process = subprocess.Popen(command, stdin=theirs, close_fds=False, preexec_fn=die_with_parent)  # noqa: PLW1509
    os.close(theirs)
    try:
        pump(process, ours)
    finally:
        os.close(ours)
    return process.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(run(sys.argv[1:]))
