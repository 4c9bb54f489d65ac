"""The two platforms are one: same answers, same refusals; machine code and plain code agree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from daric_host.flashing import compiling
from daric_protocol.errors import DaricError
from daric_protocol.platform import cpython, device, plain
from hypothesis import given, settings
from hypothesis import strategies as st
from micropython_runner import build, run_micropython

PORTABLE = Path(__file__).resolve().parent / "portable"
PLATFORMS = [cpython, device]
KEY, NONCE, AAD = bytes(range(32)), bytes(range(13)), b"header"

both = pytest.mark.parametrize("platform", PLATFORMS, ids=["cpython", "micropython"])
octets = st.binary(max_size=1200)


def refusal(function, *args) -> str:
    with pytest.raises(DaricError) as caught:
        function(*args)
    return caught.value.name


def run_cpython(*args, switch: str) -> str:
    environment = dict(os.environ, DARIC_PLATFORM=switch)
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=True, env=environment
    ).stdout


@both
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_flipped_bit_of_a_sealed_message_is_refused(platform, data):
    plaintext, tag_length = data.draw(octets), data.draw(st.sampled_from([4, 6, 8, 10, 12, 14, 16]))
    sealed = bytearray(platform.ccm_seal(KEY, NONCE, plaintext, AAD, tag_length))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    assert refusal(platform.ccm_open, KEY, NONCE, bytes(sealed), AAD, tag_length) == "sealed"


@both
@pytest.mark.parametrize(
    ("key", "nonce", "aad"),
    [(bytes(32), NONCE, AAD), (KEY, bytes(13), AAD), (KEY, NONCE, b"Header"), (KEY, NONCE, b"")],
    ids=["key", "nonce", "aad", "no aad"],
)
def test_a_sealed_message_opens_only_with_its_own(platform, key, nonce, aad):
    sealed = platform.ccm_seal(KEY, NONCE, b"plaintext", AAD)
    assert refusal(platform.ccm_open, key, nonce, sealed, aad) == "sealed"


@both
@pytest.mark.parametrize("cut", [1, 16, 17, 25])
def test_a_shortened_sealed_message_is_refused(platform, cut):
    sealed = platform.ccm_seal(KEY, NONCE, b"plaintext", AAD)
    assert refusal(platform.ccm_open, KEY, NONCE, sealed[:-cut], AAD) == "sealed"
    assert refusal(platform.ccm_open, KEY, NONCE, sealed + b"\0", AAD) == "sealed"


@both
@pytest.mark.parametrize(
    ("key", "nonce", "tag_length"),
    [
        (bytes(24), NONCE, 16),
        (bytes(31), NONCE, 16),
        (b"", NONCE, 16),
        (KEY, bytes(6), 16),
        (KEY, bytes(14), 16),
        (KEY, b"", 16),
        (KEY, NONCE, 2),
        (KEY, NONCE, 5),
        (KEY, NONCE, 18),
    ],
)
def test_sizes_that_aes_ccm_does_not_have_are_refused(platform, key, nonce, tag_length):
    assert refusal(platform.ccm_seal, key, nonce, b"plaintext", AAD, tag_length) == "parameter"
    assert refusal(platform.ccm_open, key, nonce, bytes(40), AAD, tag_length) == "parameter"


@both
@pytest.mark.parametrize("room", [0, 1, 15, 16, 99])
def test_a_place_too_small_for_the_plaintext_is_refused_and_left_alone(platform, room):
    sealed = platform.ccm_seal(KEY, NONCE, bytes(100), AAD)
    place = bytearray(b"." * 200)
    with memoryview(place)[50 : 50 + room] as out:
        assert refusal(platform.ccm_open, KEY, NONCE, sealed, AAD, 16, out) == "parameter"
    assert place == b"." * 200


@both
def test_a_message_longer_than_the_counter_reaches_is_refused(platform):
    assert len(platform.ccm_seal(KEY, NONCE, bytes(65535), AAD)) == 65551
    assert refusal(platform.ccm_seal, KEY, NONCE, bytes(65536), AAD) == "parameter"
    assert len(platform.ccm_seal(KEY, NONCE[:12], bytes(65536), AAD)) == 65552


@given(octets, octets, st.sampled_from([16, 32]), st.integers(7, 13), st.sampled_from([4, 8, 16]))
@settings(max_examples=60, deadline=None)
def test_both_platforms_seal_alike(plaintext, aad, key_length, nonce_length, tag_length):
    sizes = KEY[:key_length], NONCE[:nonce_length]
    sealed = cpython.ccm_seal(*sizes, plaintext, aad, tag_length)
    assert device.ccm_seal(*sizes, plaintext, aad, tag_length) == sealed
    assert device.ccm_open(*sizes, sealed, aad, tag_length) == plaintext
    assert cpython.ccm_open(*sizes, sealed, aad, tag_length) == plaintext


def test_both_platforms_encode_the_length_of_a_long_aad_alike():
    for size in (0xFEFF, 0xFF00, 0x10000):
        assert cpython.ccm_seal(KEY, NONCE, b"x", bytes(size)) == device.ccm_seal(KEY, NONCE, b"x", bytes(size))


@given(octets, octets, octets, st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_both_platforms_hash_alike(key, data, info, length):
    assert cpython.sha256(data) == device.sha256(data)
    assert cpython.hmac_sha256(key, data) == device.hmac_sha256(key, data)
    assert cpython.hkdf_sha256(key, data, info, length) == device.hkdf_sha256(key, data, info, length)
    assert cpython.keccak256(data) == device.keccak256(data) == plain.keccak256(data)


@both
@pytest.mark.parametrize("length", [0, -1, 8161])
def test_hkdf_refuses_lengths_it_does_not_have(platform, length):
    assert refusal(platform.hkdf_sha256, b"ikm", b"salt", b"info", length) == "parameter"


@both
@given(st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=60, deadline=None)
def test_equal_is_equality(platform, a, b):
    assert platform.equal(a, b) == (a == b)
    assert platform.equal(a, bytes(bytearray(a)))


@pytest.mark.parametrize("width", [1, 3, 16, 17, 68])
def test_transposition_moves_bit_j_of_column_k_to_bit_k_of_row_j(width):
    columns = cpython.sha256(bytes([width])) * (4 * width)
    rows = b"".join([plain.transpose_byte(columns, byte) for byte in range(width)])
    for j in range(8 * width):
        for k in range(128):
            bit = columns[k * width + j // 8] >> j % 8 & 1
            assert rows[16 * j + k // 8] >> k % 8 & 1 == bit


def test_machine_code_and_plain_code_agree_on_every_runtime():
    script = PORTABLE / "twins.py"
    native, emulated = run_cpython(str(script), switch=""), run_cpython(str(script), switch="micropython")
    assert native == emulated == run_micropython(script)


def test_a_board_without_machine_code_uses_the_plain_twins(tmp_path):
    packages = tmp_path / "packages"
    shutil.copytree(build(), packages)
    for name in ("viper", "rows_viper"):
        inside = f"daric_protocol/platform/{name}.py"
        data = compiling.compiled(inside, compiling.sources()[inside], "armv6m")
        (packages / inside).with_suffix(".mpy").write_bytes(data)
    script = tmp_path / "script.py"
    script.write_text(
        "from daric_protocol import platform\n"
        "from daric_protocol.platform import matrix, plain, rows, vole\n"
        "assert platform.keccak256 is plain.keccak256\n"
        "assert platform.transpose_byte is plain.transpose_byte\n"
        "assert matrix.xor_columns is rows.xor_columns\n"
        "assert matrix.AliceRows is vole.AliceRows\n"
        "print(platform.keccak256(b'').hex())\n"
    )
    printed = run_micropython(script, env={"MICROPYPATH": f"{packages}:.frozen"})
    assert printed.strip() == cpython.keccak256(b"").hex()


def test_the_plain_source_files_run_like_the_compiled_ones():
    script = PORTABLE / "twins.py"
    sources = f"{compiling.PROTOCOL.parent}:.frozen"
    assert run_micropython(script, env={"MICROPYPATH": sources}) == run_micropython(script)


@pytest.mark.parametrize("architecture", ["x64", "armv6m", "armv7emsp", "xtensawin", "rv32imc"])
def test_every_module_compiles_for(architecture):
    assert len(compiling.contents(compiling.sources(architecture=architecture), architecture)) > 100


def test_the_switch_chooses_the_platform():
    program = "from daric_protocol import platform; print(platform.NATIVE, platform.curve.__name__)"
    expected = {"": "True daric_protocol.platform.curve_libsecp", "micropython": "False daric_protocol.curve"}
    for switch, printed in expected.items():
        assert run_cpython("-c", program, switch=switch).strip() == printed


def test_a_computation_collects_less_often_and_never_more_often_than_asked(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import gc\n"
        "from daric_protocol.garbage import SELDOM, Computing\n"
        "for asked, inside in ((2048, SELDOM), (-1, -1), (65536, 65536)):\n"
        "    gc.threshold(asked)\n"
        "    try:\n"
        "        with Computing():\n"
        "            assert gc.threshold() == inside\n"
        "            raise ValueError\n"
        "    except ValueError:\n"
        "        assert gc.threshold() == asked\n"
        "        print(asked)\n"
    )
    assert run_micropython(script).split() == ["2048", "-1", "65536"]


def test_a_session_collects_once_all_but_a_clean_part_of_the_heap_is_used(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import gc\n"
        "from daric_protocol.garbage import CLEAN, OFTEN, collect, often\n"
        "often()\n"
        "assert gc.threshold() == OFTEN\n"
        "collect()\n"
        "spare = gc.mem_free() - CLEAN\n"
        "assert abs(gc.threshold() - spare) < 1024, (gc.threshold(), spare)\n"
        "used = bytearray(gc.mem_free() - CLEAN // 2)\n"
        "collect()\n"
        "print(gc.threshold() == OFTEN)\n"
        "del used\n"
        "gc.threshold(-1)\n"
        "collect()\n"
        "print(gc.threshold())\n"
    )
    assert run_micropython(script).split() == ["True", "-1"]


def test_code_is_loaded_where_garbage_is_collected_often(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import gc\n"
        "from daric.modules import Modules\n"
        "from daric_protocol.garbage import OFTEN, collect\n"
        "gc.threshold(OFTEN)\n"
        "modules = Modules()\n"
        "collect()\n"
        "print(gc.threshold() > OFTEN)\n"
        "modules.forget()\n"
        "print(gc.threshold() == OFTEN)\n"
    )
    assert run_micropython(script, firmware=True).split() == ["True", "True"]
