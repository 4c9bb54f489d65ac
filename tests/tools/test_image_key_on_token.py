"""Images signed with a key that never leaves its PKCS#11 token: SoftHSM2, which stands for a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from daric_host.flashing import signedimage

ROOT = Path(__file__).resolve().parents[2]
MODULES = [Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib64/softhsm/libsofthsm.so")]
PIN, TOKEN = "271828", "daric test"
CURVES = {"image key": "secp256k1", "wrong curve": "secp256r1"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """(PKCS#11 module, file with the PIN, environment) of a token with a key on each curve."""
    subprocess.run([ROOT / "tools/install_softhsm.sh"], check=True, capture_output=True)
    place = tmp_path_factory.mktemp("token")
    (place / "tokens").mkdir()
    config = place / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {place / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(config)}
    command = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--so-pin", "314159", "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    module = next(path for path in MODULES if path.exists())
    script = "\n".join(
        [
            "import pkcs11",
            "from pkcs11.util.ec import encode_named_curve_parameters",
            f"session = pkcs11.lib({str(module)!r}).get_token(token_label={TOKEN!r}).open(rw=True, user_pin={PIN!r})",
            f"for label, curve in {CURVES!r}.items():",
            "    parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}",
            "    domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)",
            "    domain.generate_keypair(store=True, label=label)",
        ]
    )
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    pin = place / "pin"
    pin.write_text(PIN + "\n")
    return module, pin, environment


def build(token, out, *changes):
    module, pin, environment = token
    options = {"--pkcs11": module, "--token": TOKEN, "--key-label": "image key", "--pin-file": pin, **dict(changes)}
    words = [str(word) for option in options.items() for word in option if option[1] is not None]
    command = [sys.executable, ROOT / "tools/flash.py", "build", "--board", "virtual", "--out", out, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_token_signs_an_image_that_verifies(token, tmp_path):
    done = build(token, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    loaded = signedimage.load(tmp_path / "out")
    loaded.check_signature(loaded.public)
    assert f"signed by    {loaded.public.hex()}" in done.stdout
    again = build(token, tmp_path / "again")
    assert again.returncode == 0
    assert signedimage.load(tmp_path / "again").payload == loaded.payload
    assert signedimage.load(tmp_path / "again").public == loaded.public


@pytest.mark.parametrize(
    "change",
    [
        ("--token", "another"),
        ("--key-label", "another"),
        ("--key-label", "wrong curve"),
        ("--pkcs11", "/nowhere/module.so"),
        ("--pkcs11", __file__),
        ("--pin-file", "/nowhere/pin"),
        ("--pin-file", __file__),
        ("--pin-file", None),
    ],
)
def test_a_token_that_cannot_sign_is_refused_before_anything_is_written(change, token, tmp_path):
    done = build(token, tmp_path / "out", change)
    assert done.returncode == 12, done
    assert done.stderr.startswith("parameter: ") and "Traceback" not in done.stderr and PIN not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_key_comes_from_one_place(token, tmp_path):
    done = build(token, tmp_path / "out", ("--key", tmp_path / "key.pem"))
    assert done.returncode == 12 and "not from both" in done.stderr
