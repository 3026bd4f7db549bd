"""The tables of docs/guide/observing.md: ``python -m tests.observing`` writes them into the page.

They are made from the table of names in `relay_otel`, so they cannot differ from it. A test
fails if the page has not been written again, and another one if a run exports something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from relay_otel import _names as names
from tests.pages import ROOT, replace_part

PAGE: Final = ROOT / "docs" / "guide" / "observing.md"
MARKERS: Final = {
    part: (
        f"<!-- {part}: written by `python -m tests.observing` -->",
        f"<!-- end of {part} -->",
    )
    for part in ("metrics", "spans", "attributes")
}


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def metrics() -> str:
    """The table of metrics."""
    lines = ["| metric | what it is | kind, unit | attributes |", "|---|---|---|---|"]
    for metric in names.METRICS:
        what = f"`{metric.name}`<br>`{metric.prometheus}`"
        kind = f"{metric.kind.value}, `{metric.unit}`"
        attributes = _listed(metric.attributes)
        lines.append(f"| {what} | {metric.description} | {kind} | {attributes} |")
    return "\n".join(lines)


def spans() -> str:
    """The table of spans."""
    lines = ["| span | what it is | kind | attributes |", "|---|---|---|---|"]
    for span in names.SPANS:
        about = f"{span.description} | {span.kind} | {_listed(span.attributes)}"
        lines.append(f"| `{span.name}` | {about} |")
    return "\n".join(lines)


def attributes() -> str:
    """The table of attributes."""
    lines = ["| attribute | what it says |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in names.ATTRIBUTES.items()]
    return "\n".join(lines)


def page_with_tables() -> str:
    """The page as it should be."""
    page = PAGE.read_text("utf-8")
    for part, table in (("metrics", metrics), ("spans", spans), ("attributes", attributes)):
        begin, end = MARKERS[part]
        page = replace_part(page, begin, table(), end)
    return page


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(), "utf-8")
