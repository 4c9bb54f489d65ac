"""What `daric wallet import`, `daric export` and their like refuse before anybody is asked, without a secret in it."""

import json

import pytest
from daric_host.cli import app
from daric_protocol.errors import DaricError
from daric_protocol.identity import Identity
from daric_protocol.tagged import Q
from typer.testing import CliRunner

GOOD = "abandon " * 11 + "about"
GROUP = "00" * 16
KEY = Identity(4711).public.hex()


@pytest.fixture
def daric(tmp_path, monkeypatch):
    """Runs a command of a phone whose service is not there; (error name, all that was said)."""
    home = ["--home", str(tmp_path / "phone")]
    assert CliRunner().invoke(app, ["connect", "--service", "http://127.0.0.1:9", "--key", KEY, *home]).exit_code == 0

    async def nobody(*_):
        raise DaricError("service")

    monkeypatch.setattr("daric_host.command.open_wallet", nobody)

    def run(*arguments, text=None):
        done = CliRunner().invoke(app, [*arguments, *home, "--json"], input=text)
        if done.exit_code == 2:
            return "usage", done.output
        error = json.loads(done.stdout.splitlines()[-1])
        assert done.exit_code == DaricError(error["error"]).number
        return error["error"], done.output

    return run


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("about", "abandon"), "checksum"),
        ("letter advice " + GOOD, "14"),
        (GOOD.replace("about", "aboot"), "word 12"),
        ("", "not 0"),
        (GOOD.replace("abandon", "абандон", 1), "word 1 "),
    ],
)
def test_a_phrase_with_a_fault_is_refused_without_a_word_of_it(daric, text, why):
    name, said = daric("wallet", "import", "old", text=text + "\n")
    assert name == "parameter" and why in said
    assert not {"abandon", "letter", "aboot"} & set(said.replace('"', " ").split())


@pytest.mark.parametrize(
    "text", [f"{number:064x}" for number in (0, Q, 2**256 - 1)] + ["", "12", "0x" + "g" * 64, "xprv9s21ZrQH143K"]
)
def test_a_key_that_is_none_or_out_of_range_is_refused_without_a_digit_of_it(daric, text):
    name, said = daric("wallet", "import", "old", "--key", text=text + "\n")
    assert name == "parameter" and (len(text) < 3 or text not in said)


@pytest.mark.parametrize("path", ["44'/60'/0'", "m/44'/x", "m/2147483648", "m/0''", "m" + "/0" * 17])
def test_a_path_that_is_none_is_refused(daric, path):
    assert daric("wallet", "import", "old", "--path", path, text=GOOD + "\n")[0] == "parameter"


def test_a_phrase_is_no_argument_and_no_option(daric):
    assert daric("wallet", "import", "old", GOOD)[0] == "usage"
    assert daric("wallet", "import", "old", "--phrase", GOOD)[0] == "usage"
    assert daric("wallet", "import", "old", "--passphrase", "word", "x")[0] == "usage"


def test_a_good_phrase_and_a_good_key_go_on_to_the_service(daric):
    assert daric("wallet", "import", "old", "--passphrase", text=GOOD + "\nword\n")[0] == "service"
    assert daric("wallet", "import", "old", "--key", text="0x" + "01" * 32 + "\n")[0] == "service"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["export", GROUP], "usage"),  # nobody is told what for
        (["export", GROUP, "--purpose", "x", "--account", "0'"], "parameter"),
        (["export", GROUP, "--purpose", "x", "--signers", "1,2"], "service"),
        (["wallet", "address", GROUP, "--path", "44'/0"], "parameter"),
        (["wallet", "address", GROUP, "--path", "0/0"], "group"),
        (["wallet", "address", GROUP, "--kind", "simple-9"], "parameter"),
        (["wallet", "address", GROUP, "--device", "x"], "service"),
        (["wallet", "policy", GROUP], "parameter"),  # of which device?
        (["wallet", "policy", GROUP, "--device", "x", "--device", "y"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--remove", "--daily", "1:1"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--daily", "one:1"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--to", "0x12"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--daily", "1:1", "--allow", "everything"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--allow", "messages"], "parameter"),
        (["wallet", "policy", GROUP, "--device", "x", "--cosigner", "two"], "usage"),
        (["wallet", "policy", GROUP, "--device", "x", "--daily", "1:0.5"], "service"),
        (["wallet", "policy", GROUP, "--device", "x", "--remove"], "service"),
        (["wallet", "master", GROUP, "-1"], "usage"),
        (["wallet", "master", GROUP], "usage"),
        (["member", "add-only"], "usage"),
        (["pair", "renew"], "parameter"),
        (["cloud-shard", "delete", "zz"], "service"),
    ],
)
def test_what_cannot_be_is_refused_with_its_own_error(daric, arguments, error):
    assert daric(*arguments)[0] == error
