"""The command line on bad input: one line that says what is wrong, the exit code of the error table, no traceback."""

import pytest
from daric_host.cli import app
from daric_protocol.errors import row
from daric_protocol.identity import Identity
from typer.testing import CliRunner

KEY = Identity(4711).public.hex()
GROUP = "00" * 16
SERVICE = ["connect", "--service", "http://127.0.0.1:9", "--key"]
SIGNING = ["sign", "message", GROUP, "hi", "--signers", "1,2"]


@pytest.fixture
def daric(tmp_path, monkeypatch):
    monkeypatch.setenv("DARIC_HOME", str(tmp_path / "phone"))
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (SIGNING, "parameter"),  # not connected yet
        ([*SERVICE, "zz"], "parameter"),
        ([*SERVICE, "02" * 20], "parameter"),
        ([*SERVICE, "02" + "ff" * 32], "parameter"),
        (["connect", "--service", "127.0.0.1:9", "--key", KEY], "parameter"),
        ([*SERVICE, KEY, "--cloud-identity", KEY], "parameter"),
        ([*SERVICE, KEY, "--cloud", "http://127.0.0.1:9", "--cloud-identity", "00"], "parameter"),
        (["wallet", "show", "zz"], "parameter"),
        (["wallet", "show", "00"], "parameter"),
        (["wallet", "show", GROUP], "group"),
        (["sign", "tx", GROUP, "0xqq", "--signers", "1,2"], "parameter"),
        (["sign", "tx", GROUP, "0xc0", "--signers", "1,2"], "request"),
    ],
)
def test_bad_input_is_one_line_and_the_exit_code_of_its_error(daric, arguments, name):
    done = daric(*arguments)
    assert done.exit_code == row(name)[0], done.output
    assert done.stderr.startswith(name + ": ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("signers", ["a", "", "1,,2", "1;2"])
def test_signers_that_are_no_indexes_are_refused(signers):
    from daric_host.command import read_signers
    from daric_protocol.errors import DaricError

    with pytest.raises(DaricError) as caught:
        read_signers(signers)
    assert caught.value.name == "parameter"


def test_what_is_stored_is_shown_without_any_service(daric):
    assert daric(*SERVICE, KEY).exit_code == 0
    for command in (["wallet", "list"], ["pair", "list"]):
        done = daric(*command)
        assert done.exit_code == 0 and done.output == ""


def test_nobody_else_reads_where_the_users_cloud_storage_is(daric, tmp_path):
    (tmp_path / "phone").mkdir(mode=0o755)
    (tmp_path / "phone" / "service.json").write_text("{}")
    assert daric(*SERVICE, KEY, "--storage", "ftp://me:s3cr3t@files.example/box").exit_code == 0
    assert (tmp_path / "phone" / "service.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", [["--answer", "maybe"], ["--runtime", "other"]])
def test_a_simulated_device_with_an_unknown_option_does_not_start(daric, tmp_path, option):
    assert daric("sim", "device", "--state", str(tmp_path / "device"), *option).exit_code == 2
    assert not (tmp_path / "device").exists()
