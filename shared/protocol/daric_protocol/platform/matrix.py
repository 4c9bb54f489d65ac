"""The byte work of rows.py, in machine code where there is some. Only what multiplies loads it, to save memory."""

import sys

if sys.implementation.name == "micropython":
    try:
        from daric_protocol.platform.rows_viper import expand_columns, hash_rows, offset_rows, xor_columns
    except (SyntaxError, ValueError):
        # A port without the native emitter, as in device.py.
        from daric_protocol.platform.rows import expand_columns, hash_rows, offset_rows, xor_columns
else:
    from daric_protocol.platform.rows import expand_columns, hash_rows, offset_rows, xor_columns

__all__ = ["expand_columns", "hash_rows", "offset_rows", "xor_columns"]
