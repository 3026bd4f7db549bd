"""The pages of the documentation: the programs in them, and the parts made from the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FILE: Final = re.compile(
    r"^<!-- file: ([\w.]+) -->\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL
)
BLOCK: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def programs() -> dict[str, str]:
    """Every block of Python in the documentation, by page and number.

    ``README.md-1`` is one name, and ``guide_texts.md-1`` that of a page in a folder.
    """
    return {
        f"{name_of(page)}-{number}": code
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for number, code in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1)
    }


def is_program(code: str) -> bool:
    """Whether it makes a client, and runs it until it is stopped."""
    return "RelayClient(" in code and ("run(" in code or "client.calls()" in code)


def saved_files() -> dict[str, str]:
    """The programs that a page tells readers to save, by file name."""
    pages = sorted((ROOT / "docs").rglob("*.md"))
    return dict(FILE.findall("".join(page.read_text(encoding="utf-8") for page in pages)))


def name_of(page: Path) -> str:
    """The name of a page, without ``docs/``, and without other slashes."""
    return page.relative_to(ROOT).as_posix().removeprefix("docs/").replace("/", "_")


def replace_part(page: str, begin: str, part: str, end: str) -> str:
    """The page with `part` between the markers `begin` and `end`.

    Raises:
        ValueError: the page lacks one of the markers.
    """
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page needs {begin!r}, and {end!r} behind it")
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"
