"""The picture of a failing test shows what pytest prints."""

from __future__ import annotations

import html
import re
from typing import Final

from rich.text import Text

from tests.plugin import picture

OURS: Final = re.compile(r"E  |> | +\d+\.\d\d  |-+ story ")
"""Lines that the plugin has to do with: the others depend on the version of pytest."""


def squeezed(text: str) -> str:
    return "".join(text.replace("\N{NO-BREAK SPACE}", "").split())


def test_the_picture_shows_what_pytest_prints() -> None:
    drawn = re.sub(r"<[^>]*>", "", picture.PICTURE.read_text("utf-8").partition("</defs>")[2])
    shown = squeezed(html.unescape(drawn))
    lines = [
        line for line in Text.from_ansi(picture.output()).plain.split("\n") if OURS.match(line)
    ]
    assert len(lines) > 20
    assert [line for line in lines if squeezed(line) not in shown] == []
