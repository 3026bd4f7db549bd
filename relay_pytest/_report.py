"""Stories in the report of a failed test: in colours, and the lines nearest to a text."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from difflib import SequenceMatcher
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

if TYPE_CHECKING:
    from relay_proto.adapter.stories import Story
    from relay_proto.exchange import Happened

COLOURS: Final = {"caller": "green", "program": "cyan", "exchange": "yellow"}
"""By who does it."""
MOST_COMPARED: Final = 1000
"""Lines of a story in which the nearest is looked for: the last ones."""
MOST_SHOWN: Final = 2
"""Lines that have a text; pytest shows eight lines of an explanation at most."""
LONGEST: Final = 100
"""Columns of such a line: pytest shows 640 characters of an explanation at most."""


_shared: Final[weakref.WeakKeyDictionary[pytest.FixtureDef[Any], list[Story]]] = (
    weakref.WeakKeyDictionary()
)
"""The stories that fixtures have made which several tests share."""


def keep_stories(fixture: pytest.FixtureDef[Any], stories: list[Story]) -> None:
    """Keep the stories of a fixture for all its tests, if several tests share it."""
    if fixture.scope != "function" and stories:
        _shared[fixture] = stories


def stories_of_fixtures(item: pytest.Item) -> list[Story]:
    """The stories of fixtures that a test shares with others."""
    if not _shared:
        return []
    info = getattr(item, "_fixtureinfo", None)
    fixtures = () if info is None else info.name2fixturedefs.values()
    return [story for defs in fixtures for one in defs for story in _shared.get(one, ())]


def is_among(story: Story, stories: Iterable[Story]) -> bool:
    """Whether it is one of these, and not only equal to one."""
    return any(story is one for one in stories)


class Writer(Protocol):
    """What is needed of pytest's terminal."""

    hasmarkup: bool

    def markup(self, text: str, **markup: bool) -> str:
        """Return the text in a colour, if the terminal has colours."""
        ...


def own_lines(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback of the lines of the program and the test: others explain nothing.

    If there are none, as when an async test was given up, it has the last line alone.
    """
    from relay_proto.adapter.places import is_of_library  # noqa: PLC0415 - loaded by the rehearsal

    entries: list[TracebackType] = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    own = [entry for entry in entries if not is_of_library(entry.tb_frame)] or entries[-1:]
    for entry in reversed(own):
        traceback = TracebackType(traceback, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return traceback


def in_colours(story: Story, writer: Writer) -> str:
    """Return the text of a story, each line in the colour of who does it."""
    lines = story.text.split("\n")
    if not writer.hasmarkup or len(lines) != len(story):
        return story.text
    return "\n".join(
        writer.markup(line, **_style(one)) for one, line in zip(story, lines, strict=True)
    )


def _style(one: Happened) -> dict[str, bool]:
    if one.what.name.startswith("SESSION_"):
        return {"light": True}
    if one.what.name in ("MISSED", "UNSERVED", "FAULTED", "VIOLATED", "REFUSED"):
        return {"red": True, "bold": True}
    return {COLOURS[one.who.value]: True}


def nearest(story: Story, text: str) -> list[str]:
    """Return the lines that have a text; or the one that is nearest to it, and its neighbours."""
    having = [one for one in story if text in one.line]
    if having:
        return [f"> {one.line}"[:LONGEST] for one in having[:MOST_SHOWN]]
    if not story:
        return ["nothing has happened in it"]
    best = max(story[-MOST_COMPARED:], key=lambda one: _likeness(text, one))
    return [line[:LONGEST] for line in story.around(best, before=1).split("\n")]


def _likeness(text: str, one: Happened) -> int:
    """Count the characters that a text has in common with a line, in the same order."""
    matcher = SequenceMatcher(None, one.sentence.casefold(), text.casefold(), autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks() if block.size > 1)
