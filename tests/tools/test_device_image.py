"""tools/flash.py: images are reproducible, say what they are, and nothing else than what was signed is taken."""

import contextlib
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import daric
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from daric_host.cli import app
from daric_host.device import DeviceLink
from daric_host.flashing import build, compiling, littlefsimage, romfs, signedimage
from daric_host.flashing.signedimage import SignedImage, by_key
from daric_protocol import VERSION, platform
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.imagehead import DEVELOPMENT, LITTLEFS, ROMFS, Manifest
from daric_sim import boards, image, slots
from daric_sim.device import SimDevice
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("shared/protocol", "firmware", "host", "simulator")
KEY, OTHER = 4711, 666
PUBLIC = Identity(KEY).public
FILES = {"main.mpy": b"start", "daric/app.mpy": b"run" * 99, "daric/words.bin": b""}


def pem(path, secret=KEY, curve=None, mode=0o600, password=None):
    key = ec.derive_private_key(secret, curve or ec.SECP256K1())
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, cipher))
    path.chmod(mode)
    return path


def flash(*arguments):
    """Run the tool: (exit code, what it printed, what it complained of)."""
    spec = importlib.util.spec_from_file_location("flash_tool", ROOT / "tools/flash.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    printed, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        try:
            code = tool.main([str(one) for one in arguments])
        except SystemExit as end:
            code = end.code
    return code, printed.getvalue(), complaint.getvalue()


def flash_in(root, *arguments, **environment):
    """Run the tool with the sources below `root` in a process of its own."""
    path = os.pathsep.join(str(root / part) for part in SOURCES)
    command = [sys.executable, str(root / "tools/flash.py"), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path, **environment}
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def uncompiled(monkeypatch):
    """Images of a few bytes, for tests that look at something else."""
    monkeypatch.setattr(compiling, "contents", lambda sources, architecture: FILES)


def made(files=FILES, board="virtual", version="1.2.3", form=ROMFS):
    """An unsigned image."""
    return SignedImage.make(files, form, version=version, board=board, kind=DEVELOPMENT, micropython="1.28.0")


def of(payload, files, listed=None, **changes):
    """The bytes of an unsigned image with a manifest that fits neither or both."""
    listed = signedimage.listed(files) if listed is None else listed
    named = hashlib.sha256(signedimage.encode_files(listed)).digest()
    fields = {"version": "1.2.3", "board": "virtual", "kind": DEVELOPMENT, "micropython": "1.28.0", "form": ROMFS}
    fields |= {"files": named, "size": len(payload), "digest": hashlib.sha256(payload).digest()}
    return SignedImage(Manifest(**{**fields, **changes}), listed, payload)


def name_of(data):
    """The error that these bytes are refused with."""
    with pytest.raises(DaricError) as caught:
        signedimage.parse(data)
    return caught.value.name


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(image file, what the tool printed)."""
    place = tmp_path_factory.mktemp("built")
    out = place / "device.image"
    options = ["--board", "virtual", "--key", pem(place / "key.pem"), "--out", out]
    code, printed, complaint = flash_in(ROOT, "build", *options)
    assert (code, complaint) == (0, "")
    return out, printed


# What is built


def test_two_builds_in_two_directories_with_other_times_and_locale_have_the_same_bytes(built, tmp_path):
    copy = tmp_path / "elsewhere" / "copy"
    for part in SOURCES:
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "tools").mkdir()
    shutil.copy(ROOT / "tools/flash.py", copy / "tools")
    for path in copy.rglob("*"):
        os.utime(path, (86400, 86400))
    out = tmp_path / "again.image"
    arguments = ["build", "--board", "virtual", "--key", pem(tmp_path / "key.pem"), "--out", out]
    code, _, complaint = flash_in(copy, *arguments, LC_ALL="tr_TR.UTF-8", TZ="Asia/Tokyo", PYTHONHASHSEED="7")
    assert (code, complaint) == (0, "")
    assert out.read_bytes() == built[0].read_bytes()


def test_the_image_holds_the_file_system_that_simulated_boards_start_from(built):
    assert signedimage.load(built[0]).payload == image.build().read_bytes()


def test_the_manifest_tells_version_board_files_and_digest(built):
    loaded = signedimage.load(built[0])
    manifest = loaded.manifest
    assert (manifest.board, manifest.version, manifest.size) == ("virtual", daric.VERSION, len(loaded.payload))
    assert manifest.digest == hashlib.sha256(loaded.payload).digest()
    assert (manifest.kind, manifest.form) == ("development", ROMFS)
    files = romfs.unpack(loaded.payload)
    assert dict(loaded.files) == {path: hashlib.sha256(data).digest() for path, data in files.items()}
    assert {*compiling.BASE, "daric/app.mpy", "daric_protocol/gadget.bin"} < set(files)
    loaded.check_signature(PUBLIC)


def test_the_firmwares_version_is_the_packages():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == daric.VERSION


def test_show_verifies_and_prints_what_build_said(built):
    code, printed, _ = flash("show", built[0], "--public", PUBLIC.hex(), "--board", "virtual")
    assert code == 0
    assert printed.startswith(built[1].split("\n", 1)[1])
    assert PUBLIC.hex() in printed and printed.count(".mpy") > 100


KERNELS = {  # of the boards that have one: esp32c3 is rv32imc too, but its port has no inline assembler
    "rp2040": "kernel_v6m",
    "rp2350": "kernel_v7em",
    "rp2350-riscv": "kernel_rv32im",
    "stm32f4": "kernel_v7em",
    "stm32h7": "kernel_v7em",
}


@pytest.mark.parametrize("board", ["virtual", "rp2040", "rp2350", "rp2350-riscv", "esp32", "esp32c3", "stm32h7"])
def test_the_tool_says_which_arithmetic_an_image_holds(board, monkeypatch, tmp_path):
    names = lambda sources, _: {name.replace(".py", ".mpy"): b"" for name in sources}  # noqa: E731
    monkeypatch.setattr(compiling, "contents", names)
    kernel = f"{KERNELS[board]}, " if board in KERNELS else ""
    said = flash("build", "--board", board, "--out", tmp_path / "image")[1]
    assert f"\narithmetic   {kernel}viper, plain\n" in said
    assert f"\narithmetic   {kernel}viper, plain\n" in flash("show", tmp_path / "image")[1]


def test_an_image_that_holds_several_kernels_or_nothing_of_the_curve_says_so(tmp_path):
    kernels = {"daric_protocol/platform/kernel_b.mpy": b"", "daric_protocol/platform/kernel_a.mpy": b""}
    for files, told in ((kernels, "kernel_a, kernel_b"), (FILES, "none"), ({"chain.mpy": b""}, "none")):
        (tmp_path / "image").write_bytes(made(files).encode())
        assert f"\narithmetic   {told}\n" in flash("show", tmp_path / "image")[1]


def test_an_image_without_a_key_says_that_nobody_signed_it(uncompiled, tmp_path):
    out = tmp_path / "unsigned.image"
    assert "signed by    nobody" in flash("build", "--board", "virtual", "--out", out)[1]
    assert signedimage.load(out).public == b""


@pytest.mark.parametrize("files", [{}, {"a": b""}, FILES, {"x/y/z.mpy": b"1" * 20000, "x/a": b"2", "b": b"3"}])
def test_a_file_system_is_read_back_as_it_was_packed(files):
    assert romfs.unpack(romfs.pack(files)) == files
    assert littlefsimage.unpack(littlefsimage.pack(files)) == files


# What is refused


@pytest.mark.parametrize(("board", "said"), [("toy", "toy"), ("", "known are"), ("RP2040", "rp2040")])
def test_a_board_that_the_firmware_does_not_know_gets_no_image(board, said, tmp_path):
    with pytest.raises(DaricError, match=said) as caught:
        boards.supported(board)
    assert caught.value.name == "parameter"
    assert flash("build", "--board", board, "--out", tmp_path / "none")[0] == 12
    assert not (tmp_path / "none").exists()


def test_a_wrong_command_line_ends_with_2():
    assert flash("build")[0] == flash("show")[0] == flash()[0] == 2


def test_key_files_that_are_none_or_that_others_can_read_are_refused(tmp_path):
    other = tmp_path / "other"
    other.write_text("4711")
    other.chmod(0o600)
    wrong = [
        tmp_path / "missing",
        other,
        pem(tmp_path / "open", mode=0o644),
        pem(tmp_path / "curve", curve=ec.SECP256R1()),
        pem(tmp_path / "locked", password=b"word"),
    ]
    for key in wrong:
        code, printed, complaint = flash("build", "--board", "virtual", "--key", key, "--out", tmp_path / "none")
        assert (code, printed) == (12, "") and complaint.startswith("parameter: "), key
        assert "Traceback" not in complaint
    assert not (tmp_path / "none").exists()


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path):
    assert flash("build", "--board", "virtual", "--out", tmp_path / "no" / "where")[0] == 51


def test_show_refuses_by_exit_code(built, tmp_path):
    cut, unsigned, foreign = tmp_path / "cut", tmp_path / "unsigned", tmp_path / "foreign"
    cut.write_bytes(built[0].read_bytes()[:-1])
    unsigned.write_bytes(made().encode())
    foreign.write_bytes(made().sign(by_key(OTHER)).encode())
    key = ["--public", PUBLIC.hex()]
    assert [flash("show", file, *key)[0] for file in (cut, unsigned, foreign)] == [10, 13, 13]
    assert flash("show", unsigned, "--board", "rp2040")[0] == 12
    assert flash("show", unsigned, "--public", "04" * 33)[0] == 12
    assert flash("show", tmp_path / "missing")[0] == 12


def test_every_flipped_bit_and_every_cut_is_refused():
    data = made().sign(by_key(KEY)).encode()
    for at in range(len(data)):
        assert name_of(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]) in ("encoding", "signature")
        assert name_of(data[:at]) == "encoding"
    assert name_of(data + b"\0") == "encoding"


def test_an_unsigned_image_is_refused_where_a_key_is_demanded():
    with pytest.raises(DaricError, match="not signed") as caught:
        signedimage.parse(made().encode()).check_signature(PUBLIC)
    assert caught.value.name == "signature"


def test_another_keys_signature_is_refused():
    with pytest.raises(DaricError, match="another key") as caught:
        signedimage.parse(made().sign(by_key(OTHER)).encode()).check_signature(PUBLIC)
    assert caught.value.name == "signature"


def test_a_signature_of_another_manifest_is_refused():
    signed = made().sign(by_key(KEY))
    for other in (made(version="1.2.4"), made(board="rp2040"), made(files={"main.mpy": b"theirs"})):
        moved = SignedImage(other.manifest, other.files, other.payload, signed.public, signed.signature)
        assert name_of(moved.encode()) == "signature"


def test_the_second_form_of_a_signature_is_refused():
    signed = made().sign(by_key(KEY))
    s = platform.curve.Q - int.from_bytes(signed.signature[32:], "big")
    second = signed.signature[:32] + s.to_bytes(32, "big")
    second = SignedImage(signed.manifest, signed.files, signed.payload, signed.public, second)
    assert name_of(second.encode()) == "signature"


def test_a_manifest_that_tells_of_other_files_is_refused_though_its_key_signed_it():
    other = of(romfs.pack(FILES), {**FILES, "main.mpy": b"other"})
    assert name_of(other.sign(by_key(KEY)).encode()) == "encoding"


@pytest.mark.parametrize("packed", [b"", b"\xd2\xcd\x31", b"\xd2\xcd\x31" + b"\xff" * 99, romfs.pack(FILES)[:-2]])
def test_a_file_system_that_is_none_is_refused_though_its_digest_fits(packed):
    with pytest.raises(ValueError, match="ROMFS"):
        romfs.unpack(packed)
    assert name_of(of(packed, {}).encode()) == "encoding"


def with_body(body):
    return romfs.HEADER + bytes([0x80, 0x80, 0x80 | len(body) >> 7, len(body) & 0x7F]) + body


@pytest.mark.parametrize(
    "hidden",
    [
        bytes([9, 5, 1]) + b"b" + bytes([2, 1]) + b"x",  # a record of a kind that MicroPython skips
        bytes([romfs.PADDING, 2]) + b"xy",
        bytes([romfs.PADDING, 0]),
    ],
)
def test_bytes_hidden_in_a_file_system_are_refused(hidden):
    whole = romfs.pack({"a.bin": b"seen"})
    body = whole[len(romfs.HEADER) + romfs.GROUPS :]
    assert whole == with_body(body)
    for changed in (body + hidden, hidden + body, body.replace(b"\x05a.bin", b"\x05a.bin" + hidden)):
        with pytest.raises(ValueError, match="ROMFS"):
            romfs.unpack(with_body(changed))


def test_a_file_system_with_other_lengths_or_words_than_ours_is_refused():
    record = bytes([5, 12, 5]) + b"a.bin" + bytes([2, 4]) + b"seen"
    with pytest.raises(ValueError, match="damaged"):
        romfs.unpack(romfs.HEADER + bytes([len(record)]) + record)
    with pytest.raises(ValueError, match="damaged"):
        romfs.unpack(romfs.HEADER + b"\x80\x80\x80\x00")  # of an odd length


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 1),
        (0, True),
        (1, "1.2"),
        (1, "1.02.3"),
        (1, "1.2.-3"),
        (1, "1.2.100000"),
        (2, 5),
        (2, ""),
        (2, "x" * 33),
        (3, ""),
        (3, "test"),
        (4, ""),
        (5, 0),
        (5, 3),
        (6, b""),
        (7, True),
        (7, 0),
        (7, -1),
        (7, 1 << 31),
        (8, b"0"),
    ],
)
def test_a_manifest_of_another_form_is_refused(at, value):
    fields = platform.cbor_decode(made().manifest.encode())
    fields[at] = value
    with pytest.raises(DaricError) as caught:
        Manifest.decode(platform.cbor_encode(fields))
    assert caught.value.name == "encoding"


# What runs it


def test_a_simulated_device_runs_the_file_system_that_it_is_given(tmp_path):
    rom = tmp_path / "rom"
    rom.write_bytes(romfs.pack({"boot.py": b"raise SystemExit('another image')", "main.py": b""}))
    with SimDevice(tmp_path / "device", rom=rom) as device:
        assert device._process.wait(20)
        assert "another image" in device.log


async def test_the_command_runs_an_image_from_its_slot_and_says_its_digest(built, tmp_path):
    command = [sys.executable, "-m", "daric_host.cli", "sim", "device", "--state", tmp_path / "state"]
    with subprocess.Popen([*command, "--image", built[0]], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as running:
        path, digest = running.stdout.readline().decode(), running.stdout.readline().decode()
        async with await DeviceLink.open(path.strip(), Identity(OTHER)) as link:
            assert await link.hello() == VERSION
        running.kill()
    assert digest == f"image {signedimage.load(built[0]).manifest.digest.hex()}\n"
    assert slots.digest(tmp_path / "state") == signedimage.load(built[0]).manifest.digest
    other = tmp_path / "other"
    other.write_bytes(made().encode())
    arguments = ["sim", "device", "--state", str(tmp_path / "state"), "--image", str(other)]
    assert CliRunner().invoke(app, arguments).exit_code == 12


@pytest.mark.parametrize(
    ("data", "options", "number"),
    [
        (made().encode()[:-1], [], 10),
        (b"no image", [], 10),
        (made(board="rp2040").encode(), [], 12),
        (made().encode(), ["--runtime", "cpython"], 12),
    ],
)
def test_the_command_starts_nothing_from_a_wrong_image(data, options, number, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(data)
    arguments = ["sim", "device", "--state", str(tmp_path / "state"), "--image", str(file), *options]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (number, "")
    assert not re.search("Traceback", done.stderr) and not (tmp_path / "state").exists()


# For every board


@pytest.mark.parametrize("board", sorted(boards.BOARDS))
def test_an_image_has_the_files_of_its_board_and_of_no_other(board):
    module = boards.supported(board).module
    sources = compiling.sources(module)
    assert sources["codeflash.py"] == compiling.untyped(
        (compiling.FIRMWARE / "board" / f"code_{module}.py").read_bytes()
    )
    assert sources["loader.py"] == sources["daric/loader.py"]
    assert f"from daric.board.{module} import board" in sources["daric/board/this.py"].decode()
    others = {other.module for other in boards.BOARDS.values()} - {module}
    assert not [name for name in others if f"daric/board/{name}.py" in sources]
    assert "daric_protocol/platform/cpython.py" not in sources


@pytest.mark.parametrize("board", sorted(boards.BOARDS))
def test_an_image_has_no_kernel_but_that_of_its_board(board):
    wanted = boards.supported(board)
    found = {name for name in compiling.sources(wanted.module, wanted.architecture) if "/kernel_" in name}
    assert found == ({f"daric_protocol/platform/{KERNELS[board]}.py"} if board in KERNELS else set())


@pytest.mark.slow
@pytest.mark.parametrize("board", sorted(boards.BOARDS))
def test_every_board_gets_the_same_image_twice_with_the_keys_it_is_to_trust(board):
    keys = (PUBLIC, Identity(OTHER).public)
    first, second = (build.make(board, "production", *keys, sign=by_key(KEY)) for _ in range(2))
    assert first.encode() == second.encode()
    assert signedimage.parse(first.encode()) is not None
    assert (first.manifest.board, first.manifest.kind) == (board, "production")
    assert build.FORMS[boards.supported(board).form] == first.manifest.form
    contents = first.contents()
    assert {*compiling.BASE} < set(contents)
    assert [key in contents["daric/made.mpy"] for key in keys] == [True, True]
    architectures = {data[2] >> 2 & 15 for name, data in contents.items() if name.endswith(".mpy")} - {0}
    assert len(architectures) == 1


def test_the_keys_of_an_image_are_points(tmp_path):
    for option in ("--update-key", "--factory-key"):
        for key in ("05" * 33, "02", "nothing"):
            assert flash("build", "--board", "virtual", option, key, "--out", tmp_path / "none")[0] == 12
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("files", [{}, {"a": b""}, FILES, {"x/y/z.mpy": b"1" * 20000, "x/a": b"2", "b": b"3"}])
def test_a_littlefs_image_is_the_same_twice_and_any_change_shows(files):
    packed = littlefsimage.pack(files)
    assert littlefsimage.pack(dict(reversed(files.items()))) == packed
    for wrong in (b"", packed[:-512], packed + bytes(512), packed[:100], b"\xff" * 4096):
        with pytest.raises(ValueError, match="littlefs"):
            littlefsimage.unpack(wrong)
    for at in range(0, len(packed), 331):
        try:
            assert littlefsimage.unpack(packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]) != files
        except ValueError:
            pass


def test_a_damaged_littlefs_image_is_refused_though_its_digest_fits():
    packed = littlefsimage.pack(FILES)
    assert name_of(of(packed[:-512], FILES, form=LITTLEFS).encode()) == "encoding"
    assert name_of(of(packed, {}, form=LITTLEFS).encode()) == "encoding"
    assert signedimage.parse(made(form=LITTLEFS).encode()).contents() == FILES


@pytest.mark.slow
def test_a_device_runs_an_image_that_it_cannot_execute_in_place_with_more_heap(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(build.make("virtual", form=LITTLEFS).encode())
    with SimDevice(tmp_path / "device", image=file, heapsize="450k") as device:
        device.wait_for_screen("not paired")
        assert device.log == ""


def test_an_image_is_only_laid_where_it_belongs(tmp_path):
    for wrong in (made(board="rp2040"), made()):  # the latter has nothing that a board starts with
        with pytest.raises(DaricError) as caught:
            slots.lay(wrong, tmp_path / "device")
        assert caught.value.name == "parameter"
    assert not (tmp_path / "device" / slots.CODE).exists()
