"""The rooms of `relay_proto`, and which way imports go: the one table of it.

`tests/unit/test_architecture.py` enforces it. ``python -m tests.rooms`` writes it
into ``docs/architecture.md``, and a test fails if that has not been done.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.pages import replace_part

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "architecture.md"
BEGIN: Final = "<!-- rooms: written by `python -m tests.rooms` -->"
END: Final = "<!-- end of rooms -->"


@dataclass(frozen=True, slots=True)
class Room:
    """A folder, or some modules directly in `relay_proto` that stand together."""

    name: str
    holds: str
    modules: tuple[str, ...] = ()
    """In the order of their imports; empty for a folder."""
    never: tuple[str, ...] = ()
    """Rooms above that it must not know all the same."""

    @property
    def is_folder(self) -> bool:
        return not self.modules


ROOMS: Final = (
    Room(
        "ground",
        "how a text is shown, the states of everything",
        ("_version", "display", "transitions"),
    ),
    Room("values", "what values may be: literals for type checkers, checks, hosts"),
    Room(
        "base", "what everything may use", ("errors", "constants", "bounds", "variables", "config")
    ),
    Room("state", "deadlines, results to come", ("pending", "timers")),
    Room("wire", "bytes to whole text messages and back: the WebSocket and its short path"),
    Room("rpc", "text messages to typed frames and events and back; what of them may be shown"),
    Room(
        "core", "records and outputs, which the rooms below share", ("records", "outputs", "core")
    ),
    Room("api", "what a program says and sees: commands, builders, outcomes, views, routes"),
    Room("calls", "what calls, actions, dials and texts have become: state and its tables"),
    Room(
        "link",
        "one transport after another, and the requests that are under way",
        never=("api", "calls"),
    ),
    Room("interface", "what an adapter needs of a client's core", ("client_interface", "wrapped")),
    Room("client", "the two modules that join `link` with `calls`", ("dispatch", "client")),
    Room("server", "the accepting side of one connection", ("server",)),
    Room("recorder", "the flight recorder of a client core, and the replay of its recordings"),
    Room("observing", "what observers are told of a client core: its commands and its outputs"),
    Room("exchange", "a telephone network made of state and time"),
    Room("testing", "any number of cores against one exchange, over links that fail"),
    Room("adapter", "what both adapters share; it may use the standard library"),
)
"""From the ground up: a room imports only from those before it."""

APART: Final = frozenset({"testing", "adapter"})
"""Nothing else imports these, and ``import relay_proto`` does not load them."""


def place(module: str) -> tuple[int, int]:
    """Where the first part of a module's path below `relay_proto` stands.

    Raises:
        KeyError: it has no place.
    """
    for row, room in enumerate(ROOMS):
        if room.is_folder and room.name == module:
            return row, 0
        if module in room.modules:
            return row, room.modules.index(module)
    raise KeyError(module)


def render() -> str:
    """The table for people, with a line about each module, in its own words."""
    lines = ["| room | what it holds |", "|---|---|"]
    lines += [f"| {_title(room)} | {room.holds} |" for room in ROOMS]
    for room in ROOMS:
        if room.is_folder and room.name != "exchange":
            lines += ["", f"`{room.name}/`", "", "| module | what it does |", "|---|---|"]
            folder = ROOT / "relay_proto" / room.name
            for path in sorted(folder.glob("*.py")):
                if path.stem not in ("__init__", "__main__"):
                    lines.append(f"| `{path.stem}` | {first_line(path)} |")
    return "\n".join(lines)


def _title(room: Room) -> str:
    if room.is_folder:
        return f"`{room.name}/`"
    return " ".join(f"`{name}`" for name in room.modules if not name.startswith("_"))


def first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return docstring.partition("\n")[0]


def page_with_rooms() -> str:
    """The page as it should be."""
    return replace_part(PAGE.read_text("utf-8"), BEGIN, render(), END)


if __name__ == "__main__":
    PAGE.write_text(page_with_rooms(), "utf-8")
