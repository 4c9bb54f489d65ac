"""Where multiplications of a point and square roots run: in machine code where the port can, else in plain Python.

What is chosen has passed a known-answer test at import. NAME tells which it is.
"""

import sys


def _machine() -> str:
    """Give the programs of chain_viper.py a machine; returns its name, "" if none is there whose answers are right."""
    if sys.implementation.name != "micropython":
        return ""
    from daric_protocol.platform import chain_viper, knownanswers

    try:
        if sys.maxsize > 1 << 32:
            from daric_protocol.platform.words32 import run
        else:
            from daric_protocol.platform.words16 import run
    except (SyntaxError, ValueError):
        # A port without the native emitter: it cannot compile viper code, or refuses the compiled file.
        return ""
    chain_viper.run = run
    return "viper" if knownanswers.right(chain_viper) else ""


NAME = _machine() or "plain"

if NAME == "plain":
    from daric_protocol.chain import odd_multiples, scale, walk
    from daric_protocol.field import squared
else:
    from daric_protocol.platform.chain_viper import odd_multiples, scale, squared, walk

__all__ = ["NAME", "odd_multiples", "scale", "squared", "walk"]
