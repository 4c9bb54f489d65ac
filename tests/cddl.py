"""Validates wire bytes against messages.cddl with pycddl, one compiled schema per rule."""

import functools
import pathlib
import re

import pycddl

TEXT = (pathlib.Path(__file__).parents[1] / "shared" / "protocol" / "messages.cddl").read_text()
RULES = {rule.partition(" = ")[0]: rule for rule in re.split(r"^(?=\w+ = )", TEXT, flags=re.MULTILINE)[1:]}


def needed(rule: str) -> set[str]:
    """The rules that a rule is made of, itself among them: pycddl takes 25 times as long with all the others."""
    found, left = set(), {rule}
    while left:
        found |= left
        words = {word for name in left for word in re.findall(r"\w+", RULES[name])}
        left = words & RULES.keys() - found
    return found


@functools.cache
def schema(rule: str) -> pycddl.Schema:
    """The compiled schema whose root is one rule of messages.cddl."""
    return pycddl.Schema(f"root = {rule}\n" + "\n".join(RULES[name] for name in sorted(needed(rule))))


def check(rule: str, data: bytes) -> None:
    """Raises AssertionError unless the bytes are an instance of the rule."""
    try:
        schema(rule).validate_cbor(bytes(data))
    except pycddl.ValidationError as error:
        raise AssertionError(f"these bytes are no {rule}: {error}") from error
