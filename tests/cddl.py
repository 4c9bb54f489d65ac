"""Validates wire bytes against messages.cddl with pycddl, one compiled schema per rule."""

import functools
import pathlib

import pycddl

RULES = pathlib.Path(__file__).parents[1] / "shared" / "protocol" / "messages.cddl"


@functools.cache
def schema(rule: str) -> pycddl.Schema:
    """The compiled schema whose root is one rule of messages.cddl."""
    return pycddl.Schema("root = " + rule + "\n" + RULES.read_text())


def check(rule: str, data: bytes) -> None:
    """Raises AssertionError unless the bytes are an instance of the rule."""
    try:
        schema(rule).validate_cbor(bytes(data))
    except pycddl.ValidationError as error:
        raise AssertionError(f"these bytes are no {rule}: {error}") from error
