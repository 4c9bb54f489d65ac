"""Public test vectors of what only a host computes; tests/test_vectors.py runs the others on every runtime."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "vectors"
FAMILIES = ("bip39", "bip39_reject", "bip32_reject", "pbkdf2_hmac_sha512")


def cases(family):
    """The cases of a family; their sources are named in its file."""
    return json.loads((FOLDER / f"{family}.json").read_text())["cases"]
