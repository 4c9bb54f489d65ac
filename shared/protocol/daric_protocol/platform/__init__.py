"""The one place where the two runtimes differ: hashing, sealing, CBOR, keccak, transposition, the curve.

CPython uses compiled libraries, MicroPython its C modules and our own code. Setting the environment variable
DARIC_PLATFORM=micropython makes CPython run the MicroPython implementations, so that each pair can be compared.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from daric_protocol.platform import curve_libsecp as curve


def _on_cpython() -> bool:
    if sys.implementation.name == "micropython":
        return False
    import os

    return os.environ.get("DARIC_PLATFORM", "") != "micropython"


NATIVE = _on_cpython()  # True where CPython's compiled libraries do the work

if NATIVE:
    from daric_protocol.platform.cpython import (
        Sha256,
        cbor_decode,
        cbor_encode,
        cbor_encode_parts,
        ccm_open,
        ccm_seal,
        ccm_seal_parts,
        column_hashes,
        equal,
        hkdf_sha256,
        hmac_sha256,
        keccak256,
        sha256,
        stuff,
        transpose_byte,
        unstuff,
    )
else:
    from daric_protocol.platform.device import (
        Sha256,
        cbor_decode,
        cbor_encode,
        cbor_encode_parts,
        ccm_open,
        ccm_seal,
        ccm_seal_parts,
        column_hashes,
        equal,
        hkdf_sha256,
        hmac_sha256,
        keccak256,
        sha256,
        stuff,
        transpose_byte,
        unstuff,
    )

__all__ = [
    "NATIVE",
    "Sha256",
    "cbor_decode",
    "cbor_encode",
    "cbor_encode_parts",
    "ccm_open",
    "ccm_seal",
    "ccm_seal_parts",
    "column_hashes",
    "curve",
    "equal",
    "hkdf_sha256",
    "hmac_sha256",
    "keccak256",
    "sha256",
    "stuff",
    "transpose_byte",
    "unstuff",
]


def __getattr__(name: str) -> "ModuleType":
    """Load the curve at first use: what only hashes and seals never pays for it."""
    if name != "curve":
        return _submodule(name)
    if NATIVE:
        from daric_protocol.platform import curve_libsecp as backend
    else:
        from daric_protocol import curve as backend  # type: ignore[no-redef,attr-defined,unused-ignore]
    globals()["curve"] = backend
    return backend


def _submodule(name: str) -> "ModuleType":
    """`from daric_protocol.platform import name`: MicroPython asks here before it looks for a file."""
    if sys.implementation.name == "micropython" and not name.startswith("_"):
        try:
            return __import__("daric_protocol.platform." + name, None, None, (name,))
        except ImportError:
            pass
    raise AttributeError(name)
