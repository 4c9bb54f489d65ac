"""Code as a guest of the heap: what a flow loaded is forgotten when the flow has ended.

A board without frozen code keeps every imported module in RAM; key generation and signing do not fit side by side.
"""

import gc
import sys

TOP = ("daric", "daric_protocol")


class Modules:
    """Remembers what was loaded when it was made; `forget` drops what came later."""

    def __init__(self, passing: "tuple[str, ...]" = ()) -> None:
        """passing: what is loaded and shall be dropped all the same."""
        self._kept = set(sys.modules) - set(passing)

    def forget(self, *prefixes: str) -> None:
        """Unload our modules that came later and start with one of the prefixes, or all of them if none is given.

        What a running generator, class or object still refers to stays in memory, but a second import would make it
        anew. Under CPython nothing happens: memory is not scarce there, and tests share the modules.
        """
        if sys.implementation.name != "micropython":
            return
        for name in list(sys.modules):
            parts = name.split(".")
            if name not in self._kept and parts[0] in TOP and (not prefixes or name.startswith(prefixes)):
                module = sys.modules.pop(name)
                package = sys.modules.get(".".join(parts[:-1]))
                if package is not None and package.__dict__.get(parts[-1]) is module:
                    del package.__dict__[parts[-1]]
                del module, package
        gc.collect()
