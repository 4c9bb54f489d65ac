"""Code as a guest of the heap: what a flow loaded is forgotten when the flow has ended.

A board without frozen code keeps every imported module in RAM; key generation and signing do not fit side by side.
"""

import gc
import sys

from daric_protocol.garbage import often

TOP = ("daric.", "daric_protocol.")
GUESTS = (  # one of each flow, with what they load
    "flows.questions_backing", "flows.changing", "rounds.keygen", "rounds.sign", "rounds.imported", "rounds.reshare",
    "rounds.groupstart", "rounds.enrol", "rounds.export", "rounds.recover", "rounds.backuprounds", "evm.request",
    "evm.transaction", "evm.typed_data", "evm.userop",
    "sessionlog", "activation", "memberchange", "membership", "backingdetails", "pairing",
)  # fmt: skip

JUDGING = ("daric.update", "daric.loader", "daric_protocol.imagehead", "daric_protocol.genuine")  # of image and maker
LOG = ("daric.log", "daric_protocol.sessionlog")  # loaded when a session ends, or a host reads the record


def part(name: str) -> object:
    """The module of this name in this package, loaded now."""
    __import__("daric." + name)
    return sys.modules["daric." + name]


class Modules:
    """Remembers what was loaded when it was made; `forget` drops what came later."""

    def __init__(self, passing: "tuple[str, ...]" = ()) -> None:
        """passing: what is loaded and shall be dropped all the same."""
        self._kept = set(sys.modules) - set(passing)
        self._count = 0  # of modules after the last tidying
        self.free = 0  # bytes of the heap after the first cleaning
        self.soiled = False  # whether a flow used memory that it gave back as it was

    def meet(self) -> None:
        """Load what flows will load, and forget it: the names of it all then lie together at the heap's beginning.

        Names are never freed. Where they came in the middle of a flow they would cut the room for large blocks in two.
        """
        if sys.implementation.name != "micropython":
            return
        for name in GUESTS:
            __import__("daric_protocol." + name)
            self.forget()

    def tidy(self, keep: "tuple[str, ...]" = ()) -> None:
        """Unload all but `keep`, if anything came since the last time: what a request loaded that then failed."""
        if len(sys.modules) != self._count:
            self.forget(keep=keep)
            self._count = len(sys.modules)

    def forget(self, *prefixes: str, keep: "set[str] | tuple[str, ...]" = ()) -> None:
        """Unload our modules that came later and start with one of the prefixes, or all if none is given, but `keep`.

        What a running generator, class or object still refers to stays in memory, but a second import would make it
        anew. Under CPython nothing happens: memory is not scarce there, and tests share the modules.
        """
        self.soiled = True
        if sys.implementation.name != "micropython":
            return
        while True:  # no list of them all: the heap may be full of what is to go
            for name in sys.modules:
                later = name not in self._kept and name not in keep and name.startswith(TOP)
                if later and (not prefixes or name.startswith(prefixes)):
                    break
            else:
                break
            module = sys.modules.pop(name)
            package, _, last = name.rpartition(".")
            package = sys.modules.get(package)
            if package is not None and package.__dict__.get(last) is module:
                del package.__dict__[last]
            del module, package
        gc.collect()
        often()

    def clean(self, device) -> None:
        """Overwrite what flows gave back since the last time: secrets are not to lie in free memory."""
        if not self.soiled:
            return
        try:
            part("scrub").scrub(device)
        except MemoryError:
            return  # the next time
        self.forget("daric.scrub")
        self.soiled = False
