"""What an image leaves out of the sources, so that a device keeps fewer names in memory.

MicroPython keeps each name that it has met for good, in a table that doubles when it is full: the doubling after 2,540
names takes 28 KB of a 64-bit heap at once, in the middle of some flow.
"""

import re

import pytest
from daric_host.flashing import compiling

FIT = 2820  # different names in all files; no device loads all of them, and `daric demo --all` passes


def names(mpy: bytes) -> set[str]:
    """The names that a compiled file brings (MicroPython, py/persistentcode.c): a table of lengths and characters."""
    at = 4

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            byte = mpy[at]
            at += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    count, _ = number(), number()
    found = set()
    for _ in range(count):
        length = number()
        if length & 1:
            continue  # one that is in the interpreter anyway
        found.add(mpy[at : at + (length >> 1)].decode())
        at += (length >> 1) + 1
    return found


def test_the_names_of_all_code_fit_the_table_that_a_device_has():
    contents = compiling.contents(compiling.sources())
    found = set().union(*(names(data) for path, data in contents.items() if path.endswith(".mpy")))
    assert 2500 < len(found) <= FIT, len(found)


@pytest.mark.parametrize(
    "text, shipped",
    [
        ("import a\nTYPE_CHECKING = False\nif TYPE_CHECKING:\n    import b\nc = 1\n", "import a\n\n\n\nc = 1\n"),
        ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from b import (\n        c,\n    )\n", "\n\n\n\n\n"),
        ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    b = 1\nelse:\n    b = 2\n", None),
        ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    b = 1\nif not TYPE_CHECKING:\n    c = 1\n", None),
        ("TYPE_CHECKING = True\n", None),
        ("a = 1\n", None),
    ],
)
def test_what_only_a_type_checker_reads_is_left_out_and_nothing_else(text, shipped):
    kept = compiling.untyped(text.encode()).decode()
    if shipped is not None:
        assert kept == shipped
        return
    assert kept.count("\n") == text.count("\n")
    assert {"b = 2", "c = 1", "TYPE_CHECKING = True", "a = 1"} & set(map(str.strip, text.splitlines())) <= set(
        map(str.strip, kept.splitlines())
    )
    assert "TYPE_CHECKING" not in kept or re.search(r"^TYPE_CHECKING = ", kept, re.M)


def test_limits_that_no_shipped_source_names_are_left_out():
    limits = b"A = 1\nB = A + 1  # why\nC = 3\nD = 4\n(E, F) = 5, 6\n"
    shipped = compiling.without_unused(limits, b"print(limits.B)  # D")
    assert shipped == limits.replace(b"C = 3", b"")


def test_every_limit_that_a_shipped_source_imports_ships():
    sources = compiling.sources()
    have = set(re.findall(rb"\w+", re.sub(rb"#[^\n]*", b"", sources[compiling.LIMITS])))
    lines = sources[compiling.LIMITS].count(b"\n")
    assert lines == (compiling.PROTOCOL / "limits.py").read_bytes().count(b"\n")
    wanted = set()
    for path, text in sources.items():
        if path.endswith(".py") and path != compiling.LIMITS:
            for block in re.findall(rb"from daric_protocol\.limits import (\([^)]*\)|[^\n]*)", text):
                wanted.update(re.findall(rb"[A-Z][A-Z0-9_]+", re.sub(rb"#[^\n]*", b"", block)))
            wanted.update(re.findall(rb"\blimits\.([A-Z][A-Z0-9_]+)", text))
    assert len(wanted) > 40 and wanted <= have, wanted - have
    assert b"LOGINS" not in have
