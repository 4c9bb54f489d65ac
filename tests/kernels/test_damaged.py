"""Damaged machine code: whatever bit of its file or of its digest has flipped, it is not used."""

from functools import cache
from random import Random

import pytest
from daric_host.flashing import compiling, romfs
from daric_protocol.platform import knownanswers
from kernels.catalogue import KERNELS
from micropython_runner import ROOT, run_micropython

FLIPS = 1500
PLACE = "daric_protocol/platform/"
VIPER = ("recode_viper", "words32")
of_each_kernel = pytest.mark.parametrize(
    ("name", "architecture"), [(kernel.name, of) for kernel in KERNELS for of in kernel.architectures]
)


@cache
def shipped(name, architecture):
    """(file, digest) as in an image."""
    source = {f"{PLACE}{name}.py": (compiling.PROTOCOL / "platform" / f"{name}.py").read_bytes()}
    found = compiling.contents(source, architecture)
    return found.pop(f"{PLACE}{name}.mpy"), found.pop(f"{PLACE}{name}.sha256")


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """A function that asks about a kernel with these bytes and this digest; None: there is no such file."""
    monkeypatch.setattr(knownanswers, "__file__", str(tmp_path / "knownanswers.mpy"))

    def ask(code, digest):
        for suffix, data in ((".mpy", code), (".sha256", digest)):
            (tmp_path / f"kernel{suffix}").unlink(missing_ok=True)
            if data is not None:
                (tmp_path / f"kernel{suffix}").write_bytes(data)
        return knownanswers.whole("kernel")

    return ask


def flipped(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def places(size, count, seed):
    """Bits of so many bytes: the first and last ones, and random ones."""
    random = Random(seed)
    return [*range(16), *range(8 * size - 16, 8 * size), *(random.randrange(8 * size) for _ in range(count - 32))]


@of_each_kernel
def test_of_many_flipped_bits_in_a_kernel_none_passes(whole, name, architecture):
    code, digest = shipped(name, architecture)
    assert whole(code, digest)
    assert not [bit for bit in places(len(code), FLIPS, 1) if whole(flipped(code, bit), digest)]


@of_each_kernel
def test_no_flipped_bit_in_the_digest_of_a_kernel_passes(whole, name, architecture):
    code, digest = shipped(name, architecture)
    assert not [bit for bit in range(8 * len(digest)) if whole(code, flipped(digest, bit))]


@of_each_kernel
def test_a_kernel_that_is_cut_extended_blank_or_another_one_does_not_pass(whole, name, architecture):
    code, digest = shipped(name, architecture)
    others = {shipped(kernel.name, of)[0] for kernel in KERNELS for of in kernel.architectures} - {code}
    for wrong in (b"", code[:-1], code[:256], code[:-256], code + b"\0", bytes(len(code)), code[::-1], *others):
        assert not whole(wrong, digest)
    for wrong in (b"", digest[:-1], digest + b"\0", bytes(32), b"\xff" * 32, digest[::-1]):
        assert not whole(code, wrong)


@of_each_kernel
def test_without_one_of_the_two_files_a_kernel_is_missing(whole, name, architecture):
    code, digest = shipped(name, architecture)
    for files in ((None, digest), (code, None), (None, None)):
        with pytest.raises(FileNotFoundError):  # for which points.py takes the next choice
            whole(*files)


def test_of_a_thousand_flipped_bits_in_machine_code_micropython_uses_none(tmp_path):
    """In each kernel, and in what this architecture would use: flipped in an image in MicroPython's memory."""
    contents = compiling.contents(compiling.sources())
    for kernel in KERNELS:
        code, digest = shipped(kernel.name, kernel.architectures[0])
        contents |= {f"{PLACE}{kernel.name}.mpy": code, f"{PLACE}{kernel.name}.sha256": digest}
    image = romfs.pack(contents)
    (tmp_path / "image").write_bytes(image)
    lines, names = [], sorted([*VIPER, *(kernel.name for kernel in KERNELS)])
    for name in names:
        code = contents[f"{PLACE}{name}.mpy"]
        assert image.count(code) == 1
        lines += [f"{name} {8 * image.index(code) + bit}\n" for bit in places(len(code), 1000, 2)]
    (tmp_path / "bits").write_text("".join(lines))
    script = ROOT / "tests" / "portable" / "flips_in_code.py"
    said = run_micropython(script, str(tmp_path / "image"), str(tmp_path / "bits"), heapsize="8m")
    assert said.split("\n")[:-1] == [f"{name} 1000" for name in names]
