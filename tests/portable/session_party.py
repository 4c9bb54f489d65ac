"""One recorded party again: the same calls on a store of files, and every frame it sends must be the recorded one.

Arguments: a directory. It holds `seed` (48 B of entropy), and per session `terms-N` and `calls-N`: records of kind
(1 B: s start, c confirm, r receive, o send), seat (1 B), length (4 B) and data. Prints the results and, in MicroPython,
the peak of memory in use as seen between calls.
"""

import gc
import os
import sys

from daric_protocol import flows, platform
from daric_protocol.custody import Custody, load_identity
from daric_protocol.platform.entropy import Drbg
from daric_protocol.terms import Terms


class FileStore:
    """The store interface over files in a directory."""

    def __init__(self, directory):
        self.directory = directory

    def _path(self, name):
        return self.directory + "/" + name.replace("/", ":")

    def read(self, name):
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, name, *parts):
        with open(self._path(name), "wb") as file:
            file.write(b"".join(parts))

    def erase(self, name):
        try:
            os.remove(self._path(name))
        except OSError:
            pass

    def names(self, prefix):
        names = [name.replace(":", "/") for name in os.listdir(self.directory)]
        return [name for name in names if name.startswith(prefix)]


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def replay(directory, number, custody, entropy):
    terms = Terms.decode(read_file(directory + "/terms-" + str(number)))
    session = flows.open_session(terms, custody, entropy, describe=describe)
    session.join()
    peak = 0
    with open(directory + "/calls-" + str(number), "rb") as calls:
        while True:
            head = calls.read(6)
            if not head:
                break
            kind, seat, size = head[:1], head[1], int.from_bytes(head[2:], "big")
            if kind == b"s":
                session.start(platform.cbor_decode(calls.read(size)))
            elif kind == b"c":
                session.confirm()
            elif kind == b"r":
                session.receive(seat, calls.read(size))
            else:
                expected = calls.read(size)
                sent = session.send()
                found = b"" if sent is None else platform.sha256(sent[1])
                assert found == expected, (number, session.state, session.round, session.error)
                sent = None
            if hasattr(gc, "mem_alloc"):
                peak = max(peak, gc.mem_alloc())
    assert session.state == "done", session.error
    return peak


def describe(_identity):
    return "phone", "someone"


def main(directory):
    entropy = Drbg(read_file(directory + "/seed"))
    store = FileStore(directory + "/store")
    custody = Custody(store, load_identity(store, entropy), entropy)
    for number in range(len([name for name in os.listdir(directory) if name.startswith("terms-")])):
        peak = replay(directory, number, custody, entropy)
        gc.collect()
        print("session", number, "as recorded; peak", peak)


if hasattr(gc, "threshold"):
    gc.threshold(8192)  # collect often: a heap without holes takes messages of 9 KB where a spoiled one does not
main(sys.argv[1])
