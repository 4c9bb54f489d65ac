"""The tables that ship with the protocol: a changed bit, a cut or a missing file is an error, never another point."""

import shutil
from pathlib import Path
from random import Random

import daric_protocol
import pytest
from daric_host.flashing import romfs
from daric_protocol import curve, gadget, tables
from daric_protocol.errors import DaricError
from daric_sim.image import build
from hypothesis import given
from hypothesis import strategies as st
from micropython_runner import run_micropython

PORTABLE = Path(__file__).resolve().parent / "portable"
SHIPPED = Path(daric_protocol.__file__).parent
GENERATOR, GADGET = "generator.bin", "gadget.bin"
FLIPS = 100
names = st.sampled_from(["a", "b.bin", "cc", "d.mpy", "e" * 130, "f" * 131 + ".bin"])


def bits(size, seed, count=FLIPS):
    """Places of bits: the first and the last ones of a table and of an entry, and random ones."""
    random = Random(seed)
    edges = [0, 7, 8, 255, 256, 511, 512, 8 * size - 513, 8 * size - 512, 8 * size - 8, 8 * size - 1]
    return edges + [random.randrange(8 * size) for _ in range(count)]


def refusal(function, *arguments):
    with pytest.raises(DaricError) as caught:
        function(*arguments)
    return caught.value.name


@pytest.fixture
def placed(tmp_path, monkeypatch):
    """A function that puts a table of this name, changed, where it belongs."""
    shutil.copy(SHIPPED / GENERATOR, tmp_path)
    shutil.copy(SHIPPED / GADGET, tmp_path)
    monkeypatch.setattr(tables, "path", lambda name: str(tmp_path / name))

    def place(name, change=bytes):
        (tmp_path / name).write_bytes(change((SHIPPED / name).read_bytes()))

    return place


def flipped(bit):
    return lambda table: table[: bit // 8] + bytes([table[bit // 8] ^ 1 << bit % 8]) + table[bit // 8 + 1 :]


def times_the_generator(k):
    """As a device that has just started."""
    return curve.FixedBase(curve.G).mul(k)


def test_a_flipped_bit_in_the_generators_table_gives_an_error_and_no_point(placed):
    for bit in bits(tables.GENERATOR_BYTES, 1):
        placed(GENERATOR, flipped(bit))
        assert refusal(times_the_generator, 5) == "storage", bit
    placed(GENERATOR)
    assert times_the_generator(5) == curve.mul_g(5)


def test_a_base_whose_table_was_damaged_has_kept_nothing_of_it(placed):
    base = curve.FixedBase(curve.G)
    placed(GENERATOR, flipped(4711))
    assert refusal(base.mul, 5) == refusal(base.mul_batch, [5, 6]) == "storage"
    placed(GENERATOR)
    assert base.mul(5) == curve.mul_g(5)


@pytest.mark.parametrize("change", [lambda table: table[:-1], lambda table: b"", lambda table: bytes(len(table))])
def test_a_generators_table_that_is_cut_or_blank_is_refused(placed, change):
    placed(GENERATOR, change)
    assert refusal(times_the_generator, 5) == "storage"


def test_a_generators_table_that_is_missing_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "path", lambda name: str(tmp_path / name))
    assert refusal(times_the_generator, 5) == "storage"


def test_a_flipped_bit_in_the_weights_gives_an_error_and_no_sum(placed):
    for bit in bits(32 * gadget.COUNT, 2):
        placed(GADGET, flipped(bit))
        assert refusal(gadget.select, b"\xa5" * 52) == "storage", bit
    placed(GADGET)
    assert gadget.select(b"\xa5" * 52) % curve.Q


@pytest.mark.parametrize("change", [lambda table: table[:-1], lambda table: b"", lambda table: bytes(len(table))])
def test_weights_that_are_cut_or_blank_are_refused(placed, change):
    placed(GADGET, change)
    assert refusal(gadget.select, b"\xa5" * 52) == "storage"


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 32 * gadget.COUNT - 1])
def test_machine_code_is_given_only_whole_parts_of_the_weights(placed, size):
    placed(GADGET, lambda table: table[:size])
    given = []
    assert refusal(given.extend, (len(part) for part in gadget.parts())) == "storage"
    assert given == [gadget.PART] * (size // gadget.PART)


@given(tree=st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), max_size=8))
def test_every_table_of_an_image_begins_at_a_whole_word(tree):
    files = {path: data for path, data in tree.items() if not any(other.startswith(path + "/") for other in tree)}
    marked = {path: b"<<%04d>>" % number + data for number, (path, data) in enumerate(files.items())}
    image = romfs.pack(marked)
    assert romfs.unpack(image) == marked and len(image) % 2 == 0
    for path, data in marked.items():
        assert image.count(data[:8]) == 1
        assert not path.endswith(romfs.TABLE) or image.index(data[:8]) % romfs.WORD == 0


def test_an_image_that_is_too_large_for_its_lengths_is_not_made(monkeypatch):
    monkeypatch.setattr(romfs, "GROUPS", 1)
    assert romfs.unpack(romfs.pack({"a": bytes(100)})) == {"a": bytes(100)}
    with pytest.raises(ValueError, match="at most 127 bytes"):
        romfs.pack({"a": bytes(127)})


def test_micropython_uses_tables_where_they_lie_and_refuses_flipped_bits(tmp_path):
    image = build().read_bytes()
    places = [image.index((SHIPPED / name).read_bytes()) for name in (GENERATOR, GADGET)]
    flips = [8 * at + bit for at, size in zip(places, (tables.GENERATOR_BYTES, 32 * gadget.COUNT), strict=True)
             for bit in bits(size, at, 20)]  # fmt: skip
    (tmp_path / "bits").write_text("\n".join(map(str, flips)))
    arguments = [str(build()), *map(str, places), str(tmp_path / "bits")]
    said = run_micropython(PORTABLE / "tables_in_flash.py", *arguments, heapsize="4m").split("\n")
    assert said[:4] == ["in place", "copied 1", "copied 2", "copied 3"]
    assert said[4] == f"refused {len(flips)}"
