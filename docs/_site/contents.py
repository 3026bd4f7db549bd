"""The contents of the site: which pages there are, and in which order the menu has them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[1]
ROOT: Final = DOCS.parent
PROJECT_PAGES: Final = {
    "project/benchmarks": ROOT / "benchmarks" / "README.md",
    "project/contributing": ROOT / "CONTRIBUTING.md",
    "project/security": ROOT / "SECURITY.md",
    "project/changelog": ROOT / "CHANGELOG.md",
}
"""Pages of the site that are not in ``docs``."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the menu, and its pages by their names: ``guide/errors``."""

    title: str
    about: str
    pages: tuple[str, ...]
    below: Mapping[str, tuple[str, ...]]
    """Pages in a folder that has the name of a page: they stand below it in the menu."""

    @property
    def every_page(self) -> list[str]:
        """All pages, in the order of the menu."""
        return [each for page in self.pages for each in (page, *self.below.get(page, ()))]


def written_pages() -> dict[str, Path]:
    """Every page that somebody has written, by its name. ``index`` is the first page."""
    found = {
        file.relative_to(DOCS).with_suffix("").as_posix(): file
        for file in sorted(DOCS.rglob("*.md"))
        if not any(part.startswith("_") for part in file.relative_to(DOCS).parts)
    }
    return found | PROJECT_PAGES


def groups(names: Iterable[str]) -> list[Group]:
    """The menu, for the pages with these names.

    Raises:
        ValueError: a line of ``contents.toml`` names a page that is not there, or a page
            that is there stands in no line.
    """
    described = tomllib.loads((DOCS / "contents.toml").read_text("utf-8"))["group"]
    left = sorted(set(names) - {"index"})
    plain = {line for group in described for line in group["pages"] if "*" not in line}
    menu: list[Group] = []
    for group in described:
        pages = list(_matching(group["pages"], left, plain))
        below = {page: tuple(name for name in left if _folder(name) == page) for page in pages}
        left = [name for name in left if name not in pages and _folder(name) not in pages]
        menu.append(Group(group["title"], group["about"], tuple(pages), below))
    if left:
        raise ValueError(f"docs/contents.toml does not name these pages: {', '.join(left)}")
    return menu


def _matching(lines: Iterable[str], names: list[str], plain: set[str]) -> Iterator[str]:
    for line in lines:
        if "*" in line:
            yield from (name for name in names if name not in plain and _matches(name, line))
        elif line in names:
            yield line
        else:
            raise ValueError(f"docs/contents.toml names {line}, and there is no such page")


def _matches(name: str, line: str) -> bool:
    return name.count("/") == line.count("/") and fnmatchcase(name, line)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def toctrees(menu: Iterable[Group]) -> str:
    """The menu as Sphinx reads it."""
    return "\n\n".join(
        toctree(group.pages, f":caption: {group.title}") for group in menu if group.pages
    )


def toctree(pages: Iterable[str], *options: str) -> str:
    """One part of the menu. The names are those from the first page."""
    return "\n".join(["```{toctree}", ":hidden:", *options, "", *(f"/{p}" for p in pages), "```"])


def overview(menu: Iterable[Group]) -> str:
    """The menu as text of the first page: each group, and where it begins."""
    return "\n".join(
        f"- [{group.title}]({group.pages[0]}.md): {group.about}" for group in menu if group.pages
    )
