"""docs/hardware.md on tools/flash.py: its commands are ones, its verbs, tests and exit codes are those of the code."""

import argparse
import importlib.util
import re
import shlex
import subprocess
import sys

import pytest
from daric import dispatch, selftest
from daric_host.flashing import build, selftesting, verbs
from daric_protocol.errors import ERRORS

from tests.docs import pages
from tests.tools.test_device_image import ROOT

TEXT = pages.read("docs/hardware.md")
BLOCKS = re.findall(r"```\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.partition("tools/flash.py ")[2]
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if "tools/flash.py " in line
]
CHECKLIST = re.findall(r"`tools/flash.py ([^`]+)`", TEXT[TEXT.index("## Checklist") :])


@pytest.fixture(scope="module")
def parser():
    parser = argparse.ArgumentParser()
    known = parser.add_subparsers(dest="verb", required=True)
    build.add_verbs(known)
    verbs.add_verbs(known)
    return parser


@pytest.mark.parametrize("command", COMMANDS + CHECKLIST)
def test_a_command_of_the_page_is_one(command, parser):
    parser.parse_args(shlex.split(command, comments=True))


def test_the_page_has_every_verb(parser):
    known = set(parser._subparsers._group_actions[0].choices)
    listed = {verb for row in pages.rows(TEXT, "verb") for verb in re.findall(r"`(\w+)", row[0])}
    assert listed == known
    assert {command.split()[0] for command in COMMANDS} >= {"build", "show", "list", "plan", "flash", "selftest"}


def test_exit_codes_are_numbers_of_the_error_table():
    rows = [row for row in pages.rows(TEXT, "exit code") if row[1] not in ("none", "several")]
    assert len(rows) > 12
    assert [(int(row[0]), row[1]) for row in rows] == [(ERRORS[row[1]][0], row[1]) for row in rows]


def test_the_page_lists_the_self_tests_and_their_limits():
    listed = {row[0].strip("`") for row in pages.rows(TEXT, "test")}
    assert listed == {*selftesting.BY_ITSELF, "link", "--panel", "--full"}
    assert f"{selftest.ENTROPY_BYTES} bytes" in TEXT and f"more than {selftesting.MOST_FREQUENT} times" in TEXT
    assert f"{selftesting.LONGEST_RUN + 1} equal bytes in a row" in TEXT and f"{selftesting.SIGMAS} standard" in TEXT


def test_the_page_lists_the_requests_of_the_factory():
    own = {row.split(" ")[0].removeprefix("factory_") for row in dispatch.REQUESTS.split("\n") if row[:8] == "factory_"}
    table = TEXT[TEXT.index("The requests, kind 8") :]
    assert {row[0].strip("`") for row in pages.rows(table, "request")} == own


def test_the_tool_tells_its_verbs_and_refuses_others():
    run = [sys.executable, ROOT / "tools/flash.py"]
    done = subprocess.run([*run, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "provision" in done.stdout
    assert subprocess.run([*run, "erase"], capture_output=True, check=False).returncode == 2


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("flash", ROOT / "tools/flash.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.delitem(sys.modules, "daric_host.flashing.verbs", raising=False)
    monkeypatch.delattr("daric_host.flashing.verbs", raising=False)
    monkeypatch.delitem(sys.modules, "daric_host.flashing.rawboard", raising=False)
    monkeypatch.setitem(sys.modules, "mpremote", None)
    assert tool.main(["list"]) == 12
    assert "mpremote" in (said := capsys.readouterr().err) and "daric[sim,flash]" in said
