"""Where multiplications of a point and square roots run: in machine code where the port can, else in plain Python.

Tried in this order, and taken if its file has the SHA-256 that the build wrote and it passes a known-answer test
(knownanswers.py): the kernel of this architecture, the viper code, plain Python. NAME tells which it is. An image has
no kernel but that of its board (compiling.py).
"""

import sys

# By the architecture of machine code, numbered as .mpy files do: a kernel is never even loaded on another.
KERNELS = {4: "kernel_v6m", 7: "kernel_v7em", 8: "kernel_v7em", 11: "kernel_rv32im"}


def _machine() -> str:
    """Give the programs of chain_viper.py a machine; returns its name, "" if none is there whose answers are right."""
    if sys.implementation.name != "micropython":
        return ""
    from daric_protocol.platform import chain_viper, knownanswers

    kernel = KERNELS.get(getattr(sys.implementation, "_mpy", 0) >> 10 & 15)
    if sys.platform == "esp32":
        kernel = None  # a port without inline assembler takes the code for bytecode
    for module in (kernel, "words32" if sys.maxsize > 1 << 32 else "words16"):
        try:
            if module is None or not (knownanswers.whole(module) and knownanswers.whole("recode_viper")):
                continue
            chain_viper.run = __import__("daric_protocol.platform." + module, None, None, ("run",)).run
            from daric_protocol.platform.recode_viper import fill

            if knownanswers.right(chain_viper) and knownanswers.recoded(fill):
                return module if module == kernel else "viper"
        except (OSError, ImportError, ValueError, AttributeError, TypeError):
            pass  # not in this image, no machine, or of a kind that this port refuses to load
    return ""


def _forget(*names: str) -> None:
    """Let go of modules that were asked once: a device wants the memory."""
    import daric_protocol.platform

    for name in names:
        package = daric_protocol if name in ("chain", "jacobian") else daric_protocol.platform
        if sys.modules.pop(package.__name__ + "." + name, None):
            delattr(package, name)


NAME = _machine() or "plain"

if NAME == "plain":
    from daric_protocol.chain import doubled, walk, walk_each
    from daric_protocol.jacobian import add_batch, normalise
    from daric_protocol.recode import fill
    from daric_protocol.root import root

    _forget("knownanswers", "programs", "chain_viper")
else:
    from daric_protocol.platform.chain_viper import (  # type: ignore[assignment]  # sums are theirs to keep
        add_batch,
        doubled,
        normalise,
        root,
        walk,
        walk_each,
    )
    from daric_protocol.platform.recode_viper import fill

    _forget("knownanswers", "programs", "chain", "jacobian")
del _machine, _forget

__all__ = ["NAME", "add_batch", "doubled", "fill", "normalise", "root", "walk", "walk_each"]
