"""Assemble the pages: ``python -m docs._site.assemble FOLDER`` writes them for Sphinx.

``FOLDER/source`` gets what Sphinx reads, and ``FOLDER/markdown`` the same pages as plain
Markdown, which the site publishes beside their HTML. A link to a file of the project that is
no page leads to a page that shows the file.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Final

from docs._site import contents, diagrams, links
from docs._site.contents import DOCS, ROOT
from docs._site.reference import build

INCLUDE: Final = re.compile(r"^```\{literalinclude\} (\S+)\n(?::.*\n)*```$", re.MULTILINE)
PLACE_OF_MENU: Final = "<!-- contents: the build puts the menu here -->"
LANGUAGES: Final = {".py": "python", ".json": "json", ".toml": "toml", ".sh": "sh"}
PICTURES: Final = {".png", ".svg", ".jpg", ".jpeg", ".webp"}


class Site:
    """The pages of the site, as they are gathered."""

    def __init__(self, *, reference: bool = True) -> None:
        """Without the reference, its pages have their names and no text."""
        self.pages: dict[str, str] = {}
        """The Markdown of each page, by its name, with links as they are in the site."""
        self.pictures: dict[str, Path] = {}
        """Files to copy, by their path in the site."""
        self._names = {file: name for name, file in contents.written_pages().items()}
        self._names[ROOT / "README.md"] = "index"
        for name in build.page_names():
            # No such file is there. But this is where it would be, for those who link to it.
            self._names[DOCS / f"{name}.md"] = name
            text = build.page(name.removeprefix("reference/")) if reference else f"# {name}"
            self.pages[name] = f"{text}\n"
        for file, name in list(self._names.items()):
            if name not in self.pages:
                self._add(name, file)
        self.menu = contents.groups(set(self.pages) - self._shown())

    def _shown(self) -> set[str]:
        return {name for name in self.pages if name.startswith("files/")}

    def _add(self, name: str, file: Path) -> None:
        source = ROOT / "docs" / "index.md" if name == "index" else file
        text = with_includes(source.read_text("utf-8"), source)
        self.pages[name] = ""  # so that pages that link to each other come to an end
        self.pages[name] = links.redirected(text, lambda to: self._target(to, name, source))

    def _target(self, target: str, name: str, source: Path) -> str:
        """Where a link of the page `name`, which is written in `source`, must lead."""
        if links.is_external(target) or target.startswith("#"):
            return target
        path, mark, anchor = target.partition("#")
        file = (source.parent / path).resolve()
        if file not in self._names and not (file.is_relative_to(ROOT) and file.exists()):
            raise ValueError(f"{source.relative_to(ROOT)} links to {target}, which is not there")
        return links.relative(self._place(file), Path(name)) + mark + anchor

    def _place(self, file: Path) -> Path:
        """The place of a file in the site, which may be new."""
        if file in self._names:
            return Path(self._names[file] + ".md")
        inside = file.relative_to(DOCS if file.is_relative_to(DOCS) else ROOT)
        if file.suffix in PICTURES:
            self.pictures[inside.as_posix()] = file
            return inside
        name = f"files/{inside.as_posix()}"
        if name not in self.pages:
            self.pages[name] = self._shown_file(file, name)
        return Path(name + ".md")

    def _shown_file(self, file: Path, name: str) -> str:
        """A page that shows a file, or the names of what is in a folder."""
        title = f"# `{file.relative_to(ROOT).as_posix()}`\n"
        if file.is_file():
            language = LANGUAGES.get(file.suffix, "text")
            return f"{title}\n```{language}\n{file.read_text('utf-8').rstrip()}\n```\n"
        self.pages[name] = ""
        listed = [
            f"- [{each.name}]({links.relative(self._place(each), Path(name))})\n"
            for each in sorted(file.iterdir())
            if each.is_file()
        ]
        return "\n".join([title, "".join(listed)])


def with_includes(text: str, source: Path) -> str:
    """The page, with the files that it includes."""

    def included(found: re.Match[str]) -> str:
        file = (source.parent / found[1]).resolve()
        language = LANGUAGES.get(file.suffix, "text")
        return f"```{language}\n{file.read_text('utf-8').rstrip()}\n```"

    return INCLUDE.sub(included, text)


def for_sphinx(site: Site, name: str) -> str:
    """A page as Sphinx reads it."""
    text = site.pages[name]
    if name.startswith("files/"):
        return f"---\norphan: true\n---\n\n{text}"
    if name == "index":
        menu = f"{contents.overview(site.menu)}\n\n{contents.toctrees(site.menu)}"
        text = text.replace(PLACE_OF_MENU, menu)
    text = diagrams.with_drawings(text)
    below = next((group.below[name] for group in site.menu if group.below.get(name)), ())
    return f"{text}\n{contents.toctree(below)}\n" if below else text


def as_markdown(site: Site, name: str) -> str:
    """A page as plain Markdown."""
    if name == "index":
        return site.pages[name].replace(PLACE_OF_MENU, contents.overview(site.menu))
    return site.pages[name]


def write(site: Site, folder: Path) -> None:
    """Write all pages, and the pictures of them."""
    for name in site.pages:
        for kind, text in (
            ("source", for_sphinx(site, name)),
            ("markdown", as_markdown(site, name)),
        ):
            file = folder / kind / f"{name}.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    for path, file in site.pictures.items():
        copy = folder / "source" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


if __name__ == "__main__":
    write(Site(), Path(sys.argv[1]))
