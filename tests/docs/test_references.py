"""What the documentation points to exists: files, symbols, tests, links, commands, examples."""

import ast
import functools
import re
import subprocess
import sys

import pytest
from daric_host.cli import app
from typer.main import get_command

from tests.docs import pages

TEXTS = {page.relative_to(pages.ROOT).as_posix(): page.read_text() for page in pages.PAGES}
SYMBOL = re.compile(r"`([\w./-]+\.py)::([\w.]+)`")
FILE = re.compile(
    r"`((?:shared|firmware|host|simulator|tests|tools|docs)/[\w./-]+?)/?`"
)
COMMAND = re.compile(r"(?:^|`)(daric(?: [a-z][\w-]*)+)", re.MULTILINE)
TARGET = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def everywhere(pattern):
    """(page, match) over all pages, once each."""
    return sorted({(name, match) for name, text in TEXTS.items() for match in pattern.findall(text)})


@functools.cache
def symbols(path):
    """Names that a Python file defines, members as Class.name; dataclass fields and attributes with a type included."""
    found = set()

    def visit(body, prefix):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                visit(node.body, prefix + node.name + ".")
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(prefix + node.target.id)

    visit(ast.parse((pages.ROOT / path).read_text()).body, "")
    return found


@pytest.mark.parametrize(("page", "reference"), everywhere(SYMBOL))
def test_a_symbol_that_a_page_names_exists(page, reference):
    path, symbol = reference
    assert (pages.ROOT / path).is_file(), f"{page} names {path}"
    assert symbol in symbols(path), f"{page} names {symbol} in {path}"


@pytest.mark.parametrize(("page", "path"), everywhere(FILE))
def test_a_path_that_a_page_names_exists(page, path):
    assert (pages.ROOT / path).exists(), page


@pytest.mark.parametrize("row", [line for line in TEXTS["docs/flows.md"].splitlines() if line.startswith("| ")])
def test_every_step_of_the_flows_has_code_and_a_test(row):
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    if len(cells) == 2 or cells[1] == "code":
        return
    assert SYMBOL.search(cells[1]) or cells[1].startswith("as in ")
    assert all(path.startswith("tests/") and symbol.startswith("test_") for path, symbol in SYMBOL.findall(cells[2]))
    assert SYMBOL.search(cells[2])


BAD_INPUT = TEXTS["docs/security.md"].partition("## Bad input")[2].partition("\n## ")[0]


@pytest.mark.parametrize("row", [line for line in BAD_INPUT.splitlines() if line.startswith("| ")])
def test_every_bad_input_has_a_test(row):
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert len(cells) == 3
    named = SYMBOL.findall(cells[2])
    assert cells[2] == "test" or named
    assert all(path.startswith("tests/") and symbol.startswith("test_") for path, symbol in named)


@pytest.mark.parametrize(("page", "target"), everywhere(LINK))
def test_a_link_leads_somewhere(page, target):
    if target.startswith("https://"):
        return
    name, _, fragment = target.partition("#")
    path = (pages.ROOT / page).parent / name if name else pages.ROOT / page
    assert path.exists(), f"{page} links to {target}"
    if fragment:
        titles = re.findall(r"^#+ (.+)$", pages.prose(path.read_text()), re.MULTILINE)
        assert fragment in [pages.anchor(title) for title in titles]


def command_of(words):
    """The command-line object of a command and the words that were no command."""
    command, rest = get_command(app), words.split()[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


@pytest.mark.parametrize(("page", "words"), everywhere(COMMAND))
def test_a_daric_command_that_a_page_names_exists(page, words):
    command, rest = command_of(words)
    assert not hasattr(command, "commands") or not rest, f"{page} names {words}"
    assert command is not get_command(app)


def test_the_help_of_every_command_answers():
    names = sorted({" ".join(words.split()[1:2]) for _, words in everywhere(COMMAND)})
    assert names
    help_ = subprocess.run(
        [sys.executable, "-m", "daric_host.cli", "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert [name for name in names if not re.search(rf"\b{name}\b", help_)] == []


OPTION = re.compile(r"^(daric .*?)(?:  +#.*)?$", re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "line"), [(name, line) for name, text in TEXTS.items() for line in OPTION.findall(text) if " --" in line]
)
def test_an_option_that_a_page_shows_exists(page, line):
    command, _ = command_of(line)
    known = {option for parameter in command.params for option in parameter.opts}
    if command.name in ("serve", "cloud"):  # these read their options themselves
        done = subprocess.run(
            [sys.executable, "-m", "daric_host.cli", command.name, "--help"], capture_output=True, text=True, check=True
        )
        known |= set(re.findall(r"--[a-z-]+", done.stdout))
    assert set(re.findall(r"--[a-z-]+", line)) <= known


@pytest.mark.parametrize("target", sorted({target for _, target in everywhere(TARGET)}))
def test_a_make_target_that_a_page_names_exists(target):
    done = subprocess.run(["make", "-n", target], cwd=pages.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "program"), [(name, block) for name, text in TEXTS.items() for block in pages.blocks(text, "python")]
)
def test_a_python_example_compiles_and_its_imports_work(page, program):
    tree = ast.parse(program)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    exec(compile(ast.Module(imports, []), page, "exec"), {})


def test_the_tree_of_the_architecture_page_is_the_tree():
    tree = pages.blocks(TEXTS["docs/architecture.md"], "")[0]
    stack, missing = [], []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 4
        names = re.split(r"  +", line.strip())[0].split()
        stack[depth:] = [names[0]]
        parent = pages.ROOT.joinpath(*stack[:depth])
        found = [name for name in names if name != ".."]
        missing += [
            name for name in found if not any((parent / (name.rstrip("/") + end)).exists() for end in ("", ".py"))
        ]
    assert missing == []


@pytest.mark.parametrize("page", TEXTS)
def test_a_page_names_no_place_outside_the_repository(page):
    assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root)/", TEXTS[page])


SOURCES = [
    path for folder in ("shared", "firmware", "host", "simulator", "tools", "tests")
    for path in sorted((pages.ROOT / folder).rglob("*.py"))
]  # fmt: skip
CITED = re.compile(r"docs/(\w+)\.md(?:, (sections? [0-9]+(?:(?:, | and )[0-9]+)*|the [\w' ]+(?=[.;,)])))?")


def citations():
    """(page, section as it is cited, file) over all code, once per file."""
    return sorted(
        {
            (page, section, path.relative_to(pages.ROOT).as_posix())
            for path in SOURCES
            for page, section in CITED.findall(path.read_text())
        }
    )


@pytest.mark.parametrize(("page", "section", "path"), citations())
def test_a_section_that_code_cites_exists(page, section, path):
    assert f"docs/{page}.md" in TEXTS, f"{path} cites docs/{page}.md"
    titles = re.findall(r"^## (.+)$", TEXTS[f"docs/{page}.md"], re.MULTILINE)
    if section.startswith("section"):
        missing = [one for one in re.findall(r"[0-9]+", section) if not any(t.startswith(one + ". ") for t in titles)]
        assert missing == [], f"{path} cites docs/{page}.md, {section}"
    elif section and not section.startswith(("the five", "the rules")):
        assert section.lower() in [title.lower() for title in titles], f"{path} cites docs/{page}.md, {section}"


def test_the_hardware_page_lists_what_a_board_has():
    from daric.board.virtual import Board

    told = re.search(r"same methods: (.*?)\. It also", TEXTS["docs/hardware.md"], re.DOTALL).group(1)
    methods = [name for name, value in vars(Board).items() if callable(value) and not name.startswith("_")]
    assert sorted(re.findall(r"`(\w+)`", told)) == sorted(methods)
