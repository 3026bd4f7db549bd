"""The table of all settings: ``python -m tests.settings`` writes it into the page.

It is made from the docstrings of `RelayClient`, `Timing` and `Limits`, and from their
defaults, so it cannot differ from the code. A test fails if the page has not been
written again.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from relay_anyio import Limits, RelayClient, Timing
from relay_proto import bounds, config
from tests.pages import ROOT, replace_part

PAGE: Final = ROOT / "docs" / "guide" / "configuration.md"
BEGIN: Final = "<!-- settings: written by `python -m tests.settings` -->"
END: Final = "<!-- end of settings -->"
MARKUP: Final = str.maketrans({"|": r"\|"})
MIB: Final = 1024 * 1024


def arguments() -> dict[str, str]:
    """The part ``Args:`` of the docstring of `RelayClient`, by argument."""
    whole = inspect.getdoc(RelayClient) or ""
    section = whole.partition("Args:\n")[2].partition("\nRaises:")[0]
    parts = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in parts}


def fields_of(cls: type[Timing | Limits]) -> Iterator[tuple[str, str, float]]:
    """The fields of `cls`: their names, their docstrings and their defaults."""
    tree = ast.parse(Path(bounds.__file__).read_text("utf-8"))
    (found,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
    defaults = cls()
    for field, words in zip(found.body, found.body[1:], strict=False):
        match field, words:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, " ".join(text.split()), getattr(defaults, name)
            case _:
                pass


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Each setting: its name, what it says, its variable, and its default with its unit."""
    for name, text in arguments().items():
        variables = re.findall(r"``([A-Z_]+)``", text)
        said = re.search(r" Default: (.*?)\.(?: |$)", text)
        what = re.split(r" (?:Variables?|Default): ", text)[0]
        default = "none" if said is None else said[1].partition(",")[0]
        yield name, what, ", ".join(f"`{variable}`" for variable in variables), default
    for name, text, seconds in fields_of(Timing):
        yield f"timing.{name}", text, "", f"{seconds:g} s"
    for name, text, number in fields_of(Limits):
        variable = f"`{config.ENV_MAX_CALLS}`" if name == "active_calls" else ""
        yield f"limits.{name}", text, variable, amount(number, in_bytes=name.endswith("bytes"))


def amount(limit: float | None, *, in_bytes: bool) -> str:
    """A limit with its unit."""
    if limit is None:
        return "none"
    number = int(limit)
    if not in_bytes:
        return f"{number:,}"
    return f"{number // MIB} MiB" if number >= MIB else f"{number // 1024} KiB"


def render() -> str:
    """The table."""
    lines = ["| setting | what it is | variable | default |", "|---|---|---|---|"]
    for name, what, variables, default in rows():
        cells = (f"`{name}`", plain(what), variables, plain(default))
        lines.append("| " + " | ".join(cell.translate(MARKUP) for cell in cells) + " |")
    return "\n".join(lines)


def plain(words: str) -> str:
    """Words of a docstring, as Markdown."""
    return words.replace("``", "`")


def page_with_settings() -> str:
    """The page as it should be."""
    return replace_part(PAGE.read_text("utf-8"), BEGIN, render(), END)


if __name__ == "__main__":
    PAGE.write_text(page_with_settings(), "utf-8")
