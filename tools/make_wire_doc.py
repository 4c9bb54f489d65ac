"""Writes docs/wire.md from shared/protocol/messages.cddl: one row per rule, what it holds and who sends it when.

    python tools/make_wire_doc.py            writes the page
    python tools/make_wire_doc.py --check    exits 1 if the page is not up to date

A comment that stands alone opens a section; a comment right above a rule says who sends it. Paths of the services come
from their OpenAPI document.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "shared/protocol/messages.cddl"
SERVICES = ROOT / "host/daric_host/services/openapi.json"
PAGE = ROOT / "docs/wire.md"

HEAD = """# The wire

Made by `python tools/make_wire_doc.py` from [messages.cddl](../shared/protocol/messages.cddl); do not edit. The rules
are CDDL (RFC 8610); the tests check every message of the session driver and every body of the services against them. A
message is a CBOR array in deterministic encoding (RFC 8949, section 4.2.1) of exactly these fields in this order; the
decoder refuses everything else. What is hashed is in [encodings.md](encodings.md), what the messages mean in
[protocol.md](protocol.md), the device's methods in [sdk.md](sdk.md).
"""
MESSAGE_HEAD = "| message | fields | who sends it, when |\n|---|---|---|\n"
TYPE_HEAD = "| type | is |\n|---|---|\n"


@dataclass
class Rule:
    """One rule. text: the right-hand side on one line. comment: the lines above it, joined."""

    name: str
    text: str
    comment: str

    @property
    def is_message(self) -> bool:
        """Messages are named as classes, types in lower case."""
        return self.name[0].isupper()


@dataclass
class Section:
    """Rules under one heading. comment: what stands after the colon of the heading."""

    title: str
    comment: str
    rules: list[Rule] = field(default_factory=list)


def parse(source: str) -> list[Section]:
    """The sections of a CDDL file. Raises ValueError for a message without a comment of its own."""
    sections: list[Section] = []
    comment: list[str] = []
    for line in [*source.splitlines(), ""]:
        if not line.strip():
            if comment:
                sections.append(_section(comment))
            comment = []
        elif line.startswith(";"):
            comment.append(line[1:].strip())
        elif line[0].isspace():
            rule = sections[-1].rules[-1]
            rule.text += " " + _bare(line)
        else:
            name, _, text = line.partition(" = ")
            sections[-1].rules.append(Rule(name, _bare(text), " ".join(comment)))
            comment = []
    for section in sections:
        for rule in section.rules:
            if rule.is_message and not rule.comment:
                raise ValueError(f"messages.cddl: say above {rule.name} who sends it and when")
    return sections


def _section(comment: list[str]) -> Section:
    title, colon, rest = " ".join(comment).partition(": ")
    return Section(title, rest) if colon and len(title) < 20 else Section("", " ".join(comment))


def _bare(text: str) -> str:
    """Without a trailing comment: no string in the file holds a semicolon."""
    return text.partition(";")[0].strip()


def places(openapi: str) -> dict[str, list[str]]:
    """Rule -> where the services take it or answer with it."""
    found: dict[str, list[str]] = {}
    for path, operations in json.loads(openapi)["paths"].items():
        for method, operation in operations.items():
            where = f"`{method.upper()} {path}`"
            for part, words in ((operation.get("requestBody"), ""), (operation["responses"].get("200"), "answer to ")):
                for body in (part or {}).get("content", {}).values():
                    if "x-cddl" in body:
                        found.setdefault(body["x-cddl"], []).append(words + where)
    return found


def page(sections: list[Section], where: dict[str, list[str]]) -> str:
    """The whole document."""
    parts = [HEAD]
    types = [rule for section in sections for rule in section.rules if not rule.is_message]
    for section in sections:
        messages = [rule for rule in section.rules if rule.is_message]
        if not messages:
            continue
        parts.append(f"\n## {section.title}\n\n{_sentence(section.comment)}\n\n{MESSAGE_HEAD}")
        parts += [_row(rule.name, rule.text, _told(rule, where)) for rule in messages]
    parts.append(f"\n## Types\n\n{TYPE_HEAD}")
    parts += [f"| {rule.name} | `{rule.text}`{rule.comment and ', ' + rule.comment} |\n" for rule in types]
    return "".join(parts)


def _told(rule: Rule, where: dict[str, list[str]]) -> str:
    """Who sends a message, and at the services where."""
    paths = where.get(rule.name, [])
    return rule.comment + (" (" + ", ".join(paths) + ")" if paths else "")


def _row(name: str, text: str, told: str) -> str:
    code = "<br>".join(f"`{one}`" for one in alternatives(text))
    return f"| **{name}** | {code} | {told} |\n"


def alternatives(text: str) -> list[str]:
    """The choices of a rule, split where no bracket is open."""
    found, depth = [""], 0
    for part in re.split(r"( / |[\[\](){}])", text):
        if part == " / " and depth == 0:
            found.append("")
            continue
        depth += (part in ("[", "(", "{")) - (part in ("]", ")", "}"))
        found[-1] += part
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    text = page(parse(RULES.read_text()), places(SERVICES.read_text()))
    if arguments == ["--check"]:
        return 0 if PAGE.exists() and PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
