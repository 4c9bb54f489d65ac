"""Recovery phrases, BIP39: 12 to 24 English words, their entropy and their seed.

The word list is english.txt, see english.LICENSE. No error names a word of a phrase. Specification: docs/protocol.md,
section 10.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from unicodedata import normalize

from daric_protocol.errors import DaricError

LIST = Path(__file__).with_name("english.txt")
COUNTS = (12, 15, 18, 21, 24)  # words
WORD_BITS = 11
ROUNDS = 2048  # of PBKDF2
SEED_BYTES = 64


@cache
def words() -> tuple[str, ...]:
    """All 2048, in order."""
    return tuple(LIST.read_text("ascii").split())


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(words())}


def entropy(phrase: str) -> bytes:
    """16 to 32 B of a phrase, whatever case and blanks it was typed with.

    Raises DaricError("parameter"): another number of words, a word that is not in the list, a wrong checksum.
    """
    typed = normalize("NFKD", phrase).lower().split()
    if len(typed) not in COUNTS:
        raise DaricError("parameter", f"a phrase has 12, 15, 18, 21 or 24 words, not {len(typed)}")
    value = 0
    for position, word in enumerate(typed, 1):
        if word not in _numbers():
            raise DaricError("parameter", f"word {position} is not in the English list of BIP39")
        value = value << WORD_BITS | _numbers()[word]
    bits = len(typed) * WORD_BITS // 33
    found = (value >> bits).to_bytes(4 * bits, "big")
    if value & (1 << bits) - 1 != _checksum(found):
        raise DaricError("parameter", "the checksum of the phrase is wrong: a word is mistyped or out of place")
    return found


def phrase(value: bytes) -> str:
    """The words of an entropy (16, 20, 24, 28 or 32 B). Raises DaricError("parameter")."""
    count = len(value) * 3 // 4
    if len(value) % 4 or count not in COUNTS:
        raise DaricError("parameter", "the entropy of a phrase has 16, 20, 24, 28 or 32 bytes")
    number = int.from_bytes(value, "big") << len(value) // 4 | _checksum(value)
    return " ".join(words()[number >> WORD_BITS * place & 2047] for place in reversed(range(count)))


def seed(phrase: str, passphrase: str = "") -> bytes:
    """64 B from which keys are derived. phrase: of any language, words with one blank between them; not checked."""
    salt = "mnemonic" + normalize("NFKD", passphrase)
    return hashlib.pbkdf2_hmac("sha512", normalize("NFKD", phrase).encode(), salt.encode(), ROUNDS, SEED_BYTES)


def _checksum(value: bytes) -> int:
    """The leading bits of the SHA-256, one for every 32 of the entropy."""
    return hashlib.sha256(value).digest()[0] >> 8 - len(value) // 4
