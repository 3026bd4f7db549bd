"""Blocks of code: which are run, which are only read by type checkers, and which are neither.

``python -m docs._site.blocks`` counts them, and names each of the last kind with the reason.
The tests of `tests/docs` run them, and `scripts/wheel` lets type checkers read them with the
installed wheel; a test holds that these are the same that are counted here.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from docs._site.assemble import with_includes
from docs._site.contents import DOCS, ROOT, written_pages
from tests import pages
from tests.typing import programs

BLOCK: Final = re.compile(
    r"(?:^<!-- (\w+): [\w.]+ -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
SHOWN: Final = {
    "": "a drawing or output",
    "text": "a drawing or output",
    "js": "JavaScript, for comparison",
}
"""Languages of what cannot be run, and what it is."""
How: TypeAlias = Literal["run", "type-checked", "parsed", "neither"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code, and how it is checked."""

    name: str
    """The page and the number of the block on it: ``guide_errors.md-1``, as in `tests.pages`."""
    language: str
    code: str
    how: How
    reason: str = ""
    """Why it is neither run nor read by type checkers."""


def blocks() -> list[Block]:
    """Every block of the README and of the pages that somebody has written."""
    files = {ROOT / "README.md", *written_pages().values()}
    return [block for file in sorted(files) for block in _of_a_page(file)]


def _of_a_page(file: Path) -> Iterator[Block]:
    name = pages.name_of(file)
    text = with_includes(file.read_text("utf-8"), file)
    python = other = 0
    for found in BLOCK.finditer(text):
        language, code = found[2], found[3]
        if language == "python":
            python += 1
            how, reason = _python(code)
            yield Block(f"{name}-{python}", language, code, how, reason)
        else:
            other += 1
            how, reason = _other(language, code)
            yield Block(f"{name}-{language or 'text'}-{other}", language, code, how, reason)


def _python(code: str) -> tuple[How, str]:
    lines = programs.dense(code)
    if any(lines in run for run in _run()):
        return "run", ""
    for package in programs.NOT_INSTALLED:
        if f"from {package} import" in code:
            return "neither", f"it needs {package}, and is there for comparison"
    if any(lines in typed for typed in _typed()):
        return "type-checked", ""
    return "neither", "no test and no type checker reads it"


@functools.cache
def _run() -> list[str]:
    return [programs.dense(code) for code in programs_that_run()]


@functools.cache
def _typed() -> list[str]:
    return [programs.dense(code) for code in programs.all_programs().values()]


def programs_that_run() -> list[str]:
    """Programs that tests run: examples, whole clients, and those that are tests themselves."""
    folders = [ROOT / "examples", ROOT / "examples" / "deploy", ROOT / "tests" / "recipes"]
    whole_files = [file for folder in folders for file in folder.glob("*.py")]
    examples = [file.read_text("utf-8") for file in sorted(whole_files)]
    files = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    marked = [
        found[3]
        for file in files
        for found in BLOCK.finditer(file.read_text("utf-8"))
        if found[1] in {"test", "file"}
    ]
    whole = [code for code in pages.programs().values() if pages.is_program(code)]
    return [*examples, *marked, *whole]


def _other(language: str, code: str) -> tuple[How, str]:
    match language:
        case "json":
            read_json(code)
        case "toml":
            tomllib.loads(code)
        case "sh":
            subprocess.run(["bash", "-n"], input=code, text=True, check=True)  # noqa: S607
        case "mermaid":
            pass  # drawn when the site is built
        case _ if language in SHOWN:
            return "neither", SHOWN[language]
        case _:
            raise ValueError(f"nothing is known of blocks in {language!r}")
    return "parsed", ""


def read_json(code: str) -> None:
    """One value, or one on each line."""
    try:
        json.loads(code)
    except ValueError:
        for line in re.split(r"\n(?=\{)", code.strip()):
            json.loads(line)


def summary(found: list[Block]) -> str:
    """The counts, and what is neither, in words."""
    lines: list[str] = []
    for title, part in (
        ("Python", [block for block in found if block.language == "python"]),
        ("others", [block for block in found if block.language != "python"]),
    ):
        counts = {how: sum(block.how == how for block in part) for how in get_args(How)}
        told = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
        lines.append(f"code blocks, {title}: {told}")
    lines += [
        f"  {block.name} is neither: {block.reason}"
        for block in found
        if block.how == "neither" and block.language == "python"
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(summary(blocks()))
