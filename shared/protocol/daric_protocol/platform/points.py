"""Where multiplications of a point and square roots run: in machine code where the port can, else in plain Python."""

import sys


def _machine_code_works() -> bool:
    if sys.implementation.name != "micropython":
        return False
    try:
        from daric_protocol.platform import chain_viper
    except (SyntaxError, ValueError):
        # A port without the native emitter: it cannot compile viper code, or refuses the compiled file.
        return False
    return chain_viper.agrees()


if _machine_code_works():
    from daric_protocol.platform.chain_viper import odd_multiples, scale, squared, walk
else:
    from daric_protocol.chain import odd_multiples, scale, walk
    from daric_protocol.field import squared

__all__ = ["odd_multiples", "scale", "squared", "walk"]
