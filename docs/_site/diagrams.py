"""Diagrams: from the language of Mermaid to SVG, when the site is built.

So a page shows them without a script, and in the colours of its theme (`_static/site.css`).
"""

from __future__ import annotations

import importlib
import re
from typing import Final

BLOCK: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLES: Final = {"stateDiagram-v2": "Diagram of states", "sequenceDiagram": "Sequence diagram"}


def with_drawings(text: str) -> str:
    """A page with a drawing in the place of each block of Mermaid."""
    numbers = iter(range(1_000_000))
    return BLOCK.sub(lambda found: figure(found[1], next(numbers)), text)


def figure(source: str, number: int) -> str:
    """One drawing as HTML. `number` tells it from the others of its page."""
    # Not an import: type checkers run where it is not installed.
    drawing: str = importlib.import_module("mmdr").render(source).svg()
    drawing = drawing.replace("merman", f"diagram-{number}")
    title = TITLES.get(source.split(maxsplit=1)[0], "Diagram")
    drawing = drawing.replace("<svg ", f'<svg aria-label="{title}" ', 1)
    return f'```{{raw}} html\n<figure class="diagram">{drawing}</figure>\n```'
