"""The output of a test that fails, as a picture: ``python -m tests.plugin.picture`` makes it.

pytest runs over a small test, and rich draws what it prints in a terminal.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.pages import ROOT

PICTURE: Final = ROOT / "docs" / "pictures" / "failing-test.svg"
COLUMNS: Final = 96
TEST: Final = """\
from relay_anyio import Call, collecting, digits
from relay_anyio.testing import Caller, Hear, Press


async def menu(call: Call) -> None:
    async with call:
        await call.answer()
        menu = await call.prompt_tts("Press 1 or 2.", collecting(digits=digits(1)))
        event = await menu.wait()
        chosen = {"1": "sales", "2": "support"}[event.digits]
        await (await call.play_tts(f"One moment, {chosen} will help you.")).wait()


def test_press_1(rehearse):
    story = rehearse(menu, Caller("+15550001111", (Hear("press 1"), Press("1"))))
    assert "Sales will help you" in story.text


def test_press_3(rehearse):
    rehearse(menu, Caller("+15550001111", (Hear("press 1"), Press("3"))))
"""
UUID: Final = re.compile(r"(?<![0-9a-f])([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOOK: Final = re.compile(r" in [\d.]+s")
FONTS: Final = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""A picture fetches nothing from elsewhere."""


def output() -> str:
    """Run the test, and return what pytest prints in a terminal with colours."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_menu.py").write_text(TEST, "utf-8")
        options = ["-q", "--no-header", "--color=yes", "-p", "no:cacheprovider", "-p", "no:cov"]
        command = [sys.executable, "-m", "pytest", *options, "--rootdir", folder, "test_menu.py"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        told = subprocess.run(
            command,
            cwd=folder,
            env={**kept, "COLUMNS": str(COLUMNS)},
            check=False,
            capture_output=True,
            text=True,
        )
    assert told.returncode == 1, told.stdout + told.stderr
    text = told.stdout.replace(f"{folder}/", "").replace(str(ROOT), "…")
    return TOOK.sub("", UUID.sub(r"\1…", text))


def draw(text: str) -> str:
    """Draw the output of a terminal as an SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text))
    return console.export_svg(
        title="pytest",
        theme=MONOKAI,
        code_format=FONTS.sub("", CONSOLE_SVG_FORMAT),
        unique_id="pytest",
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(output()), "utf-8")
