"""The pages of the recipes: ``python -m tests.recipes.pages`` writes the stories into them.

A page has ``<!-- story: MODULE.TEST -->`` where the story of the rehearsal in that test
belongs. It ends with ``<!-- end -->``.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any, Final
from unittest import mock

from relay_anyio.testing import Backend, Story, What, rehearse
from tests.pages import ROOT

FOLDER: Final = ROOT / "docs" / "recipes"
STORY: Final = re.compile(r"^(<!-- story: (\S+) -->)\n.*?^<!-- end -->", re.MULTILINE | re.DOTALL)
INCLUDED: Final = re.compile(r"^```\{literalinclude\} (\S+)$", re.MULTILINE)
UUID: Final = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
SESSION: Final = frozenset({What.SESSION_STARTED, What.SESSION_AWAY})
UNDER_WAY: Final = frozenset({"queued", "initiated", "sent"})
EXAMPLES: Final = frozenset(path.stem for path in (ROOT / "examples").glob("*.py"))
CREDENTIALS: Final = {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}


def written(page: str) -> str:
    """The text of a page with its stories as they are now."""
    return STORY.sub(lambda m: f"{m[1]}\n```text\n{story_of(m[2])}\n```\n<!-- end -->", page)


def story_of(name: str, backend: Backend = "asyncio") -> str:
    """What happens in a test, without its sessions and the way of its texts."""
    module_name, _, test = name.partition(".")
    told: list[Story] = []

    def told_by(*arguments: Any, **options: Any) -> Story:
        told.append(rehearse(*arguments, backend=backend, **options))
        return told[-1]

    with mock.patch.dict(os.environ, CREDENTIALS), mock.patch.dict(sys.modules):
        for loaded in (f"tests.recipes.{module_name}", *EXAMPLES):
            sys.modules.pop(loaded, None)  # with all that it remembers of another story
        module = importlib.import_module(f"tests.recipes.{module_name}")
        with mock.patch.object(module, "rehearse", told_by):
            getattr(module, test)()
    (story,) = told
    shown = Story(
        one
        for one in story
        if one.what not in SESSION and one.details.get("state") not in UNDER_WAY
    )
    return UUID.sub(r"\1…", shown.text)


def _main() -> None:
    sys.path.insert(0, str(ROOT / "examples"))
    for page in sorted(FOLDER.glob("*.md")):
        _write(page)


def _write(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(written(text), encoding="utf-8")


if __name__ == "__main__":
    _main()
