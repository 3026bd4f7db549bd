"""Diagrams: from the language of Mermaid to SVG, when the site is built.

So a page shows them without a script, and in the colours of its theme (`_static/site.css`).
"""

from __future__ import annotations

import importlib
import re
from typing import Final

BLOCK: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ID: Final = re.compile(r'(?<=id=")merman|(?<=#)merman')
"""How each drawing begins its ids, which must differ from those of the other drawings."""
WIDTH: Final = re.compile(r"max-width:([\d.]+)px")
SMALLEST: Final = 0.7
MOST_OF_LEAST: Final = 560.0
TITLES: Final = {"stateDiagram-v2": "Diagram of states", "sequenceDiagram": "Sequence diagram"}


def with_drawings(text: str) -> str:
    """A page with a drawing in the place of each block of Mermaid."""
    numbers = iter(range(1_000_000))
    return BLOCK.sub(lambda found: figure(found[1], next(numbers)), text)


def figure(source: str, number: int) -> str:
    """One drawing as HTML. `number` tells it from the others of its page."""
    # Not an import: type checkers run where it is not installed.
    drawing: str = importlib.import_module("mmdr").render(source).svg()
    title = TITLES.get(source.split(maxsplit=1)[0], "Diagram")
    return (
        f'```{{raw}} html\n<figure class="diagram">{fitted(drawing, title, number)}</figure>\n```'
    )


def fitted(drawing: str, title: str, number: int) -> str:
    """A drawing with ids of its own and a title, which stays readable on a telephone."""
    drawing = ID.sub(f"diagram-{number}", drawing)
    if width := WIDTH.search(drawing):
        # Where there is less room, it scrolls.
        least = min(MOST_OF_LEAST, SMALLEST * float(width[1]))
        drawing = drawing.replace(width[0], f"{width[0]};min-width:{least:.0f}px", 1)
    return drawing.replace("<svg ", f'<svg aria-label="{title}" ', 1)
