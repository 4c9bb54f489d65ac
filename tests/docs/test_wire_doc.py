"""docs/wire.md is made from the message rules and the services' paths, and is the newest one."""

import importlib
import importlib.util
import json
import pkgutil
from pathlib import Path

import daric_protocol
import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("make_wire_doc", ROOT / "tools/make_wire_doc.py")
maker = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(maker)

RULES = """; A file.

item = 1..3

; Rounds: what is sent.

; Round 1, everyone: a first message.
First = [number: item,
         text: tstr]  ; a remark
; Round 2, everyone: one of two forms.
Second = [0, First] / First / [1]
"""


def test_the_wire_page_is_the_one_that_the_rules_make():
    assert maker.main(["--check"]) == 0, "run python tools/make_wire_doc.py"


def test_a_changed_rule_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(maker, "RULES", tmp_path / "messages.cddl")
    maker.RULES.write_text(RULES)
    assert maker.main(["--check"]) == 1


def test_a_rule_over_several_lines_becomes_one_row_without_its_remarks():
    text = maker.page(maker.parse(RULES), {})
    assert "| **First** | `[number: item, text: tstr]` | Round 1, everyone: a first message. |" in text
    assert "remark" not in text


def test_alternatives_stand_on_lines_of_their_own():
    assert maker.alternatives("[0, First / 2] / First / [1]") == ["[0, First / 2]", "First", "[1]"]


def test_types_are_listed_apart_from_messages():
    assert "| item | `1..3` |" in maker.page(maker.parse(RULES), {}).partition("## Types")[2]


def test_a_message_that_nobody_is_said_to_send_is_refused():
    with pytest.raises(ValueError, match="Third"):
        maker.parse(RULES + "Third = [2]\n")


def test_every_rule_that_the_services_name_exists():
    rules = {rule.name for section in maker.parse(maker.RULES.read_text()) for rule in section.rules}
    named = maker.places(maker.SERVICES.read_text())
    assert named
    assert set(named) <= rules


def test_every_message_class_has_its_row():
    text = maker.PAGE.read_text()
    names = [one.name for one in pkgutil.walk_packages(daric_protocol.__path__, "daric_protocol.")]
    modules = [importlib.import_module(name) for name in names if not name.startswith("daric_protocol.platform.")]
    classes = [
        one.__name__
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__ == module.__name__ and getattr(one, "NAMES", None)
    ]
    assert len(classes) > 15
    assert [name for name in classes if f"| **{name}** |" not in text] == []


def test_every_path_of_the_services_that_carries_a_message_is_on_the_page():
    text = maker.PAGE.read_text()
    paths = json.loads(maker.SERVICES.read_text())["paths"]
    sealed = [path for path, operations in paths.items() if "x-cddl" in json.dumps(operations)]
    assert [path for path in sealed if f"{path}`" not in text] == []
