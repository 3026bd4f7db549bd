"""Finish the site: ``python -m docs._site.publish FOLDER HTML`` after Sphinx has built it.

It puts the Markdown of each page beside its HTML, writes ``llms.txt``, and checks every link
and every asset of the HTML. It uses no network: links that lead out are only listed.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag

from docs._site import links
from docs._site.assemble import Site, as_markdown
from docs._site.reference import names

ASSETS: Final = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src")}
IN_STYLES: Final = re.compile(r"""@import\s+(?:url\()?["']?([^"')]+)|url\(["']?([^"')]+)["']?\)""")


class Page(HTMLParser):
    """What one page of HTML links to, loads, and can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.feed(text)
        # In styles of the page and of its drawings.
        self.assets += list(
            _loaded_by_styles("".join(re.findall(r"<style.*?</style>", text, re.DOTALL)))
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one element links to, loads and is called."""
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.anchors.add(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.append(value)
            elif (tag, name) in ASSETS and value:
                self.assets.append(value)


def _loaded_by_styles(text: str) -> Iterator[str]:
    for found in IN_STYLES.finditer(text):
        target = found[1] or found[2]
        if not target.startswith(("data:", "#")):
            yield target


class Checked:
    """The links of a built site: how many there are, and which ones are wrong."""

    def __init__(self, html: Path) -> None:
        self.internal = 0
        self.external: set[str] = set()
        self.wrong: list[str] = []
        self._html = html
        self._pages = {
            file: Page(file.read_text("utf-8"))
            for file in sorted(html.rglob("*.html"))
            if not file.is_relative_to(html / "_static")
        }
        for file, page in self._pages.items():
            for target in page.links:
                self._check_link(file, target)
            for target in page.assets:
                self._check_asset(file, target)
        for file in sorted(html.rglob("*.css")):
            for target in _loaded_by_styles(file.read_text("utf-8")):
                self._check_asset(file, target)

    def _check_link(self, page: Path, target: str) -> None:
        if links.is_external(target):
            self.external.add(target)
            return
        self.internal += 1
        path, anchor = urldefrag(target)
        file = (page.parent / unquote(path)).resolve() if path else page
        if not file.is_file():
            self._complain(page, f"{target} is not there")
        elif anchor and unquote(anchor) not in self._pages[file].anchors:
            self._complain(page, f"{target} has no such place")

    def _check_asset(self, page: Path, target: str) -> None:
        path = target.partition("?")[0].partition("#")[0]
        if links.is_external(target) or target.startswith("//"):
            self._complain(page, f"{target} would come from elsewhere")
        elif path and not (page.parent / unquote(path)).is_file():
            self._complain(page, f"{target} is not there")

    def _complain(self, page: Path, words: str) -> None:
        self.wrong.append(f"{page.relative_to(self._html)}: {words}")


def overview_for_machines(site: Site) -> str:
    """``llms.txt``: every page with its first sentence."""
    lines = ["# relay-proto", "", f"> {_first_words(site.pages['index'])}", ""]
    for group in site.menu:
        lines += [f"## {group.title}", ""]
        for name in group.every_page:
            text = site.pages[name]
            lines.append(f"- [{_title(text)}]({name}.md): {_first_words(text)}")
        lines.append("")
    return "\n".join(lines)


def _title(text: str) -> str:
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a page has no title: {text[:60]!r}")
    return found[1].replace("`", "")


def _first_words(text: str) -> str:
    """The first sentence behind the title of a page."""
    _, _, rest = text.partition("\n# ") if not text.startswith("# ") else ("", "", text)
    for paragraph in rest.split("\n\n")[1:]:
        if re.match(r"[\w`*\[(]", paragraph):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
            return re.split(r"(?<=[.:!?]) ", words)[0].removesuffix(":")
    return ""


def main() -> None:
    """Publish, check, and say what was found."""
    folder, html = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    site = Site()
    shutil.copytree(folder / "markdown", html, dirs_exist_ok=True)
    (html / "llms.txt").write_text(overview_for_machines(site), "utf-8")
    whole = "\n\n".join(as_markdown(site, name) for group in site.menu for name in group.every_page)
    (html / "llms-full.txt").write_text(whole, "utf-8")
    print(names.counts())
    checked = Checked(html)
    (html / "external-links.txt").write_text("".join(f"{x}\n" for x in sorted(checked.external)))
    print(f"links: {checked.internal} checked, {len(checked.external)} lead out", end=" ")
    print("and are listed in external-links.txt")
    if checked.wrong:
        raise SystemExit("\n".join(checked.wrong))


if __name__ == "__main__":
    main()
