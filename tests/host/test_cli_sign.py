"""What `daric sign` refuses before it asks anybody, each with the number of its error as exit code."""

import json

import pytest
from daric_host.cli import app
from daric_host.keys import read_path
from daric_protocol.errors import DaricError
from typer.testing import CliRunner

GROUP = "00" * 16
TYPED = {
    "types": {"T": [{"name": "x", "type": "bool"}]}, "primaryType": "T", "domain": {}, "message": {"x": True},
}  # fmt: skip
OPERATION = {
    "sender": "0x" + "aa" * 20, "nonce": "0x0", "callData": "0x", "callGasLimit": 1, "verificationGasLimit": 1,
    "preVerificationGas": 1, "maxFeePerGas": 1, "maxPriorityFeePerGas": 1,
}  # fmt: skip


def refused(tmp_path, *arguments, text=None) -> str:
    """The name of the error that a command ends with."""
    options = ["--signers", "1,2", "--home", str(tmp_path / "phone"), "--json"]
    result = CliRunner().invoke(app, ["sign", *arguments, *options], input=text)
    printed = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == DaricError(printed["error"]).number
    return printed["error"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "[" * 5000, json.dumps({**TYPED, "message": {}}), " " * 300_000 + json.dumps(TYPED)]
)
@pytest.mark.parametrize("command", [["typed-data"], ["user-op", "--chain-id", "1"]])
def test_json_that_cannot_be_signed_is_refused(tmp_path, command, text):
    name, *options = command
    assert refused(tmp_path, name, GROUP, "-", *options, text=text) == "request"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path, "typed-data", GROUP, str(tmp_path / "missing.json")) == "request"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--chain-id", "0"], "request"),
        (["--chain-id", "1", "--entry-point", "0.9"], "request"),
        (["--chain-id", "1", "--entry-point-address", "0xaa"], "parameter"),
    ],
)
def test_a_user_operation_for_an_unknown_place_is_refused(tmp_path, options, error):
    assert refused(tmp_path, "user-op", GROUP, "-", *options, text=json.dumps(OPERATION)) == error


def test_what_can_be_signed_goes_on_to_the_services_that_nobody_named(tmp_path):
    assert refused(tmp_path, "typed-data", GROUP, "-", "--path", "0/5", text=json.dumps(TYPED)) == "parameter"
    assert refused(tmp_path, "user-op", GROUP, "-", "--chain-id", "1", text=json.dumps(OPERATION)) == "parameter"


@pytest.mark.parametrize("text", ["0'", "44h/0", "0//1", "/0", "0/", "-1", "x", "\u0661", "0" * 11])
def test_a_path_is_numbers(text):
    with pytest.raises(DaricError) as caught:
        read_path(text)
    assert caught.value.name == "parameter"


@pytest.mark.parametrize(("text", "levels"), [("", []), ("m", []), ("0", [0]), ("m/0/5", [0, 5]), ("1/2/3", [1, 2, 3])])
def test_a_path_is_read(text, levels):
    assert read_path(text) == levels


def test_a_hardened_or_too_long_path_is_not_signed_for(tmp_path):
    for path in ("2147483648", "/".join(["0"] * 11)):
        assert refused(tmp_path, "message", GROUP, "hi", "--path", path) == "request"
    assert refused(tmp_path, "message", GROUP, "hi", "--path", "44'/60'") == "parameter"
