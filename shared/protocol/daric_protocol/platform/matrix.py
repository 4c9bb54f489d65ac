"""The byte work of rows.py, and of vole.py what is done modulo q, in machine code where there is some.

Only what multiplies loads it, to save memory.
"""

import sys

MACHINE = False
if sys.implementation.name == "micropython":
    try:
        from daric_protocol.platform.points import NAME
        from daric_protocol.platform.rows_viper import expand_columns, xor_columns

        MACHINE = NAME != "plain"  # a field machine, of which points.py has found that its answers are right
    except (SyntaxError, ValueError):
        # A port without the native emitter, as in device.py.
        from daric_protocol.platform.rows import expand_columns, xor_columns
else:
    from daric_protocol.platform.rows import expand_columns, xor_columns

if MACHINE:
    from daric_protocol.platform.vole_viper import AliceRows, BobRows, select
else:
    from daric_protocol.platform.vole import AliceRows, BobRows, select  # type: ignore[assignment]

__all__ = ["AliceRows", "BobRows", "expand_columns", "select", "xor_columns"]
