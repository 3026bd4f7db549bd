"""The page of the lab: plain modules that load nothing from elsewhere, and make no HTML of text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from tests.rooms import ROOT

PAGE: Final = ROOT / "relay_anyio" / "lab" / "page"
MODULES: Final = sorted(PAGE.glob("*.js"))
STYLES: Final = sorted(PAGE.glob("*.css"))
INDEX: Final = PAGE / "index.html"
MOST_LINES: Final = 500
MAKES_HTML: Final = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|parseFromString"
    r"|srcdoc|setHTML"
)
RUNS_TEXT: Final = re.compile(r"\beval\(|new Function\(|javascript:|setTimeout\(\s*[\"'`]")
IMPORT: Final = re.compile(r"^(?:import|export) [^;]*?from \"([^\"]+)\";", re.MULTILINE)
ADDRESS: Final = re.compile(r"https?://[^\s\"'`)]+|[\"'`(]//[\w.-]+\.\w+")
SVG: Final = "http://www.w3.org/2000/svg"


def _named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


class _Elements(HTMLParser):
    """The elements of a document, with their attributes and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            self.inline += data.strip()


def _elements() -> _Elements:
    parser = _Elements()
    parser.feed(INDEX.read_text(encoding="utf-8"))
    return parser


@_named([*MODULES, *STYLES, INDEX])
def test_each_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@_named(MODULES)
def test_what_programs_send_never_becomes_html_or_code(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not MAKES_HTML.findall(source)
    assert not RUNS_TEXT.findall(source)


@_named(MODULES)
def test_a_module_imports_modules_of_the_page_alone(path: Path) -> None:
    names = IMPORT.findall(path.read_text(encoding="utf-8"))
    assert [name for name in names if not name.startswith("./")] == []
    assert [name for name in names if not (PAGE / name).is_file()] == []


@_named([*MODULES, *STYLES, INDEX])
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    found = set(ADDRESS.findall(path.read_text(encoding="utf-8")))
    assert found <= {SVG}


def test_the_document_has_no_inline_script_or_style() -> None:
    parser = _elements()
    assert parser.inline == ""
    for _, attributes in parser.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_the_document_loads_files_that_are_there() -> None:
    loaded: set[str] = set()
    for tag, attributes in _elements().elements:
        name = attributes.get("src") if tag == "script" else attributes.get("href")
        if name is not None and name.startswith("static/"):
            loaded.add(name.removeprefix("static/"))
    assert loaded >= {"app.js", "theme.js", "style.css"}
    assert {name for name in loaded if not (PAGE / name).is_file()} == set()
    assert {path.name for path in STYLES} <= loaded


@_named(MODULES)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("// ")


@_named(MODULES)
def test_every_module_is_used(path: Path) -> None:
    imported = {
        name for module in MODULES for name in IMPORT.findall(module.read_text(encoding="utf-8"))
    }
    assert path.name in ("app.js", "theme.js") or f"./{path.name}" in imported


def test_the_first_program_of_the_page_is_that_of_the_documentation() -> None:
    source = (PAGE / "connect.js").read_text(encoding="utf-8")
    (program,) = re.findall(r"FIRST_PROGRAM = `(.*?)`;", source, re.DOTALL)
    start = (ROOT / "docs" / "start" / "lab.md").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in start
