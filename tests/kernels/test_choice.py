"""Which machine MicroPython takes at import where a kernel is missing, damaged, wrong, or of another processor."""

import hashlib
import shutil

import pytest
from daric_host.flashing import compiling
from kernels.emulated import PLATFORM
from micropython_runner import build, run_micropython

X64 = 2  # the architecture of the interpreter here, as points.py numbers them
POINTS = (PLATFORM / "points.py").read_text().replace('7: "kernel', f'{X64}: "kernel')
TWIN = (PLATFORM / "machine.py").read_text()
SCRIPT = """
from daric_protocol import curve
from daric_protocol.platform import points
print(points.NAME, curve.mul(3, curve.mul_g(5)) == curve.mul_g(15))
"""


@pytest.fixture
def chosen(tmp_path):
    """A function that runs MicroPython with some modules of the platform replaced, by source or compiled bytes.

    Each gets its digest. Then files are changed, added or removed: name -> bytes made of their bytes, or None.
    """

    def run(changes=None, **modules):
        packages = tmp_path / "packages"
        shutil.rmtree(packages, ignore_errors=True)
        shutil.copytree(build(), packages)
        place = packages / "daric_protocol" / "platform"
        for name, module in {"points": POINTS, **modules}.items():
            data = compiling.compiled(f"{name}.py", module.encode()) if isinstance(module, str) else module
            (place / f"{name}.mpy").write_bytes(data)
            (place / f"{name}.sha256").write_bytes(hashlib.sha256(data).digest())
        for name, change in (changes or {}).items():
            data = (place / name).read_bytes() if (place / name).exists() else b""
            (place / name).unlink(missing_ok=True)
            if change:
                (place / name).write_bytes(change(data))
        script = tmp_path / "script.py"
        script.write_text(SCRIPT)
        return run_micropython(script, env={"MICROPYPATH": f"{packages}:.frozen"}).split()

    return run


def test_a_kernel_whose_answers_are_right_is_taken(chosen):
    assert chosen(kernel_v7em=TWIN) == ["kernel_v7em", "True"]


def test_without_a_kernel_viper_is_taken(chosen):
    assert chosen() == ["viper", "True"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("value = a * b", "value = a * b + (a == P - 1)"),
        ("value = a + b", "value = a + b & 2**256 - 1"),
        ("value = a - b", "value = abs(a - b)"),
        ("(MULQ, ADDQ, SUBQ) else P", "(ADDQ, SUBQ) else P"),
        ("for _ in range(right)", "for _ in range(right - 1)"),
        ("% Q).to_bytes", "% P).to_bytes"),
        ('int.from_bytes(data, "big")', 'int.from_bytes(data, "little")'),
        ("if not flags & _NEGATIVE:", "if flags & _NEGATIVE:"),
        ("if not flags & _LAMBDA:", "if flags:"),
        ("64 * entry : 64 * entry + 64", "0:64"),
        ("doublings = steps[at]", "doublings = steps[at] & 1"),
        ("return at", "pass"),
        ("code[3 if at == 3 else 2]", "code[3]"),
    ],
)
def test_a_kernel_with_a_wrong_answer_is_not_taken(chosen, right, wrong):
    assert TWIN.count(right) == 1
    assert chosen(kernel_v7em=TWIN.replace(right, wrong)) == ["viper", "True"]


def test_a_kernel_of_another_architecture_is_not_taken(chosen):
    real = compiling.compiled("kernel_v7em.py", (PLATFORM / "kernel_v7em.py").read_bytes(), "armv7emsp")
    assert chosen(kernel_v7em=real) == ["viper", "True"]


def test_on_a_port_without_inline_assembler_no_kernel_is_loaded(chosen):
    assert POINTS.count('"esp32"') == 1
    assert chosen(points=POINTS.replace('"esp32"', "sys.platform"), kernel_v7em=TWIN) == ["viper", "True"]


@pytest.mark.parametrize(
    "source", ["", "run = None", "raise ValueError", "import nothing_like_it", "def run(a): return 0"]
)
def test_a_module_that_is_no_kernel_is_not_taken(chosen, source):
    assert chosen(kernel_v7em=source) == ["viper", "True"]


def test_a_kernel_file_of_another_format_is_not_taken(chosen):
    whole = compiling.compiled("kernel_v7em.py", TWIN.encode())
    assert chosen(kernel_v7em=b"M\x05" + whole[2:]) == ["viper", "True"]


@pytest.mark.parametrize(
    ("suffix", "change"),
    [
        (".mpy", lambda data: data + b"\0"),  # which loading does not notice
        (".mpy", lambda data: data[:-1]),
        (".mpy", lambda data: b""),
        (".sha256", lambda digest: digest[:-1] + bytes([digest[-1] ^ 1])),
        (".sha256", lambda digest: bytes([digest[0] ^ 128]) + digest[1:]),
        (".sha256", lambda digest: digest[:-1]),
        (".sha256", lambda digest: digest + digest),
        (".sha256", lambda digest: b""),
        (".sha256", None),
    ],
)
def test_machine_code_that_is_not_what_was_built_is_not_taken(chosen, suffix, change):
    for name, taken in (("kernel_v7em", "viper"), ("recode_viper", "plain")):
        assert chosen({name + suffix: change}, kernel_v7em=TWIN) == [taken, "True"]
    assert chosen({"words32" + suffix: change}) == ["plain", "True"]


def test_machine_code_without_a_file_is_not_taken(chosen):
    assert chosen({"words32.mpy": None}) == ["plain", "True"]
    assert chosen({"recode_viper.mpy": None}, kernel_v7em=TWIN) == ["plain", "True"]


@pytest.mark.parametrize(("name", "taken"), [("kernel_v7em", "viper"), ("words32", "plain"), ("recode_viper", "plain")])
def test_where_a_source_would_be_loaded_instead_of_machine_code_it_is_not_taken(chosen, name, taken):
    source = TWIN.encode() if name == "kernel_v7em" else (PLATFORM / f"{name}.py").read_bytes()
    modules = {"kernel_v7em": TWIN} if name == "kernel_v7em" else {}
    assert chosen({f"{name}.py": lambda _: source}, **modules) == [taken, "True"]


def test_where_viper_is_wrong_too_plain_python_is_taken(chosen):
    wrong = TWIN.replace("value = a * b", "value = a * b + 1")
    assert chosen(kernel_v7em=wrong, words32=wrong) == ["plain", "True"]


def test_where_viper_cannot_be_loaded_plain_python_is_taken(chosen):
    foreign = compiling.compiled("words32.py", (PLATFORM / "words32.py").read_bytes(), "armv6m")
    assert chosen(words32=foreign) == ["plain", "True"]
