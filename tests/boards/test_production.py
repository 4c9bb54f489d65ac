"""What a production build of MicroPython is made of: the same everywhere, and never from a source that is unfit."""

import hashlib
import re
import sys
from pathlib import Path

import pytest
from daric_host.flashing import build, signedimage
from daric_host.flashing.signedimage import by_key
from daric_protocol.identity import Identity
from micropython_runner import run_micropython

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "production"))
import prepare  # noqa: E402 - a script, not a package

KEY = Identity(4711)
OTHERS = ["rp2040", "rp2350-riscv", "esp32", "esp32c3", "stm32f4", "stm32h7"]
MPCONFIG = "#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 28\n"
PYEXEC = "#if MICROPY_ENABLE_COMPILER\nint pyexec_friendly_repl(void) {\n}\n#endif\n"
RANDOM = {"rp2": "get_rand_64();", "esp32": "esp_random();", "stm32": "vstr.buf[i] = rng_get();"}


def micropython(root: Path) -> Path:
    """As much of MicroPython's source tree as is looked at."""
    files = {"py/mpconfig.h": MPCONFIG, "shared/runtime/pyexec.c": PYEXEC}
    files.update({f"ports/{port}/modos.c": text for port, text in RANDOM.items()})
    for stock in prepare.STOCK.values():
        for name in ("mpconfigboard.h", "mpconfigboard.mk", "pins.csv"):
            files[f"ports/stm32/boards/{stock}/{name}"] = f"# {name} of {stock}\n"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Board and kind -> file of a signed image, made when it is asked for."""
    place, made = tmp_path_factory.mktemp("images"), {}

    def image(board: str, kind: str = "production", form: int = prepare.ROMFS) -> Path:
        path = place / f"{board}-{kind}-{form}.image"
        if path not in made:
            made[path] = build.make(board, kind, KEY.public, KEY.public, by_key(4711), form=form)
            path.write_bytes(made[path].encode())
        return path

    return image


def run(board: str, image: Path, tree: Path, out: Path, public: bytes = KEY.public) -> int:
    arguments = ["--board", board, "--image", image, "--public", public.hex(), "--micropython", tree, "--out", out]
    return prepare.main(list(map(str, arguments)))


@pytest.mark.parametrize("board", ["rp2350", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_a_build_is_laid_out_the_same_from_two_places(board, images, tmp_path, capsys):
    digests = []
    for name in ("one", "a place of another name"):
        assert run(board, images(board), micropython(tmp_path / name / "mp"), tmp_path / name / "out") == 0
        digests.append(capsys.readouterr().out)
    assert digests[0] == digests[1]
    out = tmp_path / "one" / "out"
    sums = (out / "SHA256SUMS").read_text()
    assert hashlib.sha256(sums.encode()).hexdigest() == digests[0].strip()
    for line in sums.splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert "MICROPY_ENABLE_COMPILER (0)" in (out / "board" / "mpconfigboard.h").read_text()
    left = set(re.findall(r"@\w+@", "".join(path.read_text() for path in (out / "board").iterdir())))
    assert left <= {"@BOARD_DIR@"}  # which the build itself fills in
    frozen = {path.name for path in (out / "frozen").iterdir()}
    assert frozen - {"_boot.py"} == {"boot.py", "main.py", "loader.py", "codeflash.py", "daric_port.py"}
    assert ("_boot.py" in frozen) == (not board.startswith("stm32"))
    assert ('"rp2.py"' in (out / "board" / "manifest.py").read_text()) == board.startswith("rp2")


@pytest.mark.parametrize("board", ["rp2040", "esp32", "stm32h7"])
def test_a_development_build_keeps_its_prompt_and_has_no_image_inside(board, tmp_path):
    out = tmp_path / "out"
    arguments = ["--board", board, "--micropython", micropython(tmp_path / "mp"), "--out", out]
    assert prepare.main(list(map(str, arguments))) == 0
    assert "MICROPY_ENABLE_COMPILER" not in (out / "board" / "mpconfigboard.h").read_text()
    assert not list((out / "c").glob("daric*"))
    frozen = {path.name for path in (out / "frozen").iterdir()}
    assert frozen == ({"_boot.py", "daric_port.py"} if board == "rp2040" else {"daric_port.py"})
    assert ("_boot.py" in (out / "board" / "manifest.py").read_text()) == (board == "esp32")


@pytest.mark.parametrize(("board", "processor"), [("rp2350", "rp2350-arm-s"), ("rp2350-riscv", "rp2350-riscv")])
def test_a_pico_2_is_built_for_the_processor_of_its_image(board, processor, tmp_path):
    arguments = ["--board", board, "--micropython", micropython(tmp_path / "mp"), "--out", tmp_path / "out"]
    assert prepare.main(list(map(str, arguments))) == 0
    settings = (tmp_path / "out" / "board" / "mpconfigboard.cmake").read_text()
    assert 'set(PICO_BOARD "pico2")' in settings and f'set(PICO_PLATFORM "{processor}")' in settings


def test_the_image_inside_is_the_signed_one(images, tmp_path):
    out = tmp_path / "out"
    assert run("rp2350", images("rp2350"), micropython(tmp_path / "mp"), out) == 0
    text = (out / "c" / "daric_image.c").read_text()
    body = text[text.index("{") + 1 : text.index("}")]
    payload = bytes(int(number) for number in body.replace("\n", "").split(",") if number)
    image = signedimage.load(images("rp2350"))
    assert payload == image.payload
    assert f"daric_image_length = {len(payload)};" in text
    assert image.manifest.digest.hex() in text


def test_the_storage_area_of_a_pico_holds_what_the_firmware_puts_there():
    slot = 372 * 1024 // 4096 + 12  # blocks of an image of today, and some more
    for board, flash in (("rp2040", 2048), ("rp2350", 4096), ("rp2350-riscv", 4096)):
        storage = int(prepare.SETTINGS[board]["STORAGE"])
        assert storage % 4 == 0
        assert storage // 4 >= 16 + 96 + 2 + 2 * (1 + slot)
        assert flash - storage >= 730  # MicroPython with the image inside


UNFIT = {
    "another version": ("py/mpconfig.h", MPCONFIG.replace("28", "29")),
    "no version": ("py/mpconfig.h", ""),
    "a prompt that stays": ("shared/runtime/pyexec.c", "int pyexec_friendly_repl(void) {\n}\n"),
    "the ring oscillator": ("ports/rp2/modos.c", "vstr.buf[i] = rosc_random_u8(8);"),
    "no sources": ("ports/rp2/modos.c", None),
}


@pytest.mark.parametrize(("name", "text"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_micropython_is_refused_and_nothing_written(name, text, images, tmp_path, capsys):
    tree = micropython(tmp_path / "mp")
    if text is None:
        (tree / name).unlink()
    else:
        (tree / name).write_text(text)
    assert run("rp2350", images("rp2350"), tree, tmp_path / "out") == 1
    assert name in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_image_that_is_not_signed_for_this_is_refused(images, tmp_path, capsys):
    tree = micropython(tmp_path / "mp")
    other = Identity(99).public
    cases = [
        ("rp2350", images("rp2350"), other),
        ("rp2040", images("rp2350"), KEY.public),
        ("rp2350", images("rp2350", "development"), KEY.public),
        ("stm32h7", images("stm32h7", form=build.LITTLEFS), KEY.public),
    ]
    damaged = tmp_path / "damaged.image"
    damaged.write_bytes(images("rp2350").read_bytes()[:-1])
    for board, image, public in [*cases, ("rp2350", damaged, KEY.public), ("rp2350", tmp_path / "none", KEY.public)]:
        assert run(board, image, tree, tmp_path / "out", public) == 1
        assert capsys.readouterr().err
        assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_stm32_runs_only_the_image_inside(images, tmp_path):
    out = tmp_path / "out"
    assert run("stm32h7", images("stm32h7"), micropython(tmp_path / "mp"), out) == 0
    space: dict = {}
    exec((out / "frozen" / "codeflash.py").read_text(), space)
    assert space["code"]() is None


STARTS = """
import sys
sys.path.insert(0, {place!r})
import loader
print(loader.start(), sys.path, "loader" in sys.modules)
import inside
print(inside.SAYS)
"""


BLANK = """
class Blank:
    blocks, block_size = 8, 4096
    def read(self, address, buffer):
        buffer[:] = b"\\xff" * len(buffer)
"""


@pytest.mark.parametrize("region", ["None", "Blank()"])
def test_the_loader_runs_the_image_inside_where_no_slot_has_one(tmp_path, region):
    from daric_host.flashing import compiling, romfs

    rom = romfs.pack({"inside.mpy": compiling.compiled("inside.py", b"SAYS = 'from inside'\n")})
    (tmp_path / "loader.py").write_bytes((ROOT / "firmware" / "daric" / "loader.py").read_bytes())
    (tmp_path / "codeflash.py").write_text(BLANK + f"def code():\n    return {region}\n")
    (tmp_path / "daricrom.py").write_text(f"def image():\n    return memoryview({rom!r})\n")
    script = tmp_path / "start.py"
    script.write_text(STARTS.format(place=str(tmp_path)))
    assert run_micropython(script).splitlines() == ["True ['/code'] False", "from inside"]


def test_without_slots_and_image_inside_the_loader_changes_nothing(tmp_path):
    (tmp_path / "loader.py").write_bytes((ROOT / "firmware" / "daric" / "loader.py").read_bytes())
    (tmp_path / "codeflash.py").write_text("def code():\n    return None\n")
    (tmp_path / "inside.py").write_text("SAYS = 'from the path'\n")
    script = tmp_path / "start.py"
    script.write_text(STARTS.format(place=str(tmp_path)))
    out = run_micropython(script).splitlines()
    assert out[0].startswith("False ['" + str(tmp_path))
    assert out[1] == "from the path"
