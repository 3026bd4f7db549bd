"""The methods that take an event's type: which class of event comes for which type.

A type checker learns it from overloads, one for each type of event and method.
``python -m tests.overloads`` writes them into the modules, from the types in
`relay_proto.rpc.events`, and a test fails if that has not been done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

from relay_proto.rpc.events import EVENT_CLASS_MAP
from relay_proto.values.literals import EventType
from tests.pages import ROOT, replace_part

BEGIN: Final = "    # overloads of {}: written by `python -m tests.overloads`"
END: Final = "    # end of overloads of {}"

ON: Final = """\
    @overload
    def on(
        self,
        event_type: Literal["{type}"],
        handler: Callable[[{event}], R],
    ) -> Callable[[{event}], R]: ..."""

EXPECT: Final = """\
    @overload
    def expect(
        self,
        event_type: Literal["{type}"],
        predicate: Callable[[{event}], bool] | None = None,
    ) -> %s[Expectation[{event}]]: ..."""

WAIT_FOR: Final = """\
    @overload
    %s wait_for(
        self,
        event_type: Literal["{type}"],
        predicate: Callable[[{event}], bool] | None = None,
        timeout: float | None = None,
    ) -> {event}: ..."""

OVERLOADS: Final[dict[str, dict[str, str]]] = {
    "relay_proto/adapter/hearing.py": {"on": ON},
    "relay_anyio/_expecting.py": {
        "expect": EXPECT % "AbstractAsyncContextManager",
        "wait_for": WAIT_FOR % "async def",
    },
    "relay_sync/_expecting.py": {
        "expect": EXPECT % "AbstractContextManager",
        "wait_for": WAIT_FOR % "def",
    },
}
"""By module and method: how one overload is written."""

EVENTS: Final = {
    name: EVENT_CLASS_MAP[name].__name__ if name in EVENT_CLASS_MAP else "UnknownEvent"
    for name in get_args(EventType)
}
"""The name of the class for each type of event."""


def render(template: str) -> str:
    """The overloads of one method."""
    return "\n".join(template.format(type=name, event=event) for name, event in EVENTS.items())


def with_overloads(path: Path) -> str:
    """A module as it should be."""
    source = path.read_text("utf-8")
    for method, template in OVERLOADS[path.relative_to(ROOT).as_posix()].items():
        source = replace_part(source, BEGIN.format(method), render(template), END.format(method))
    return source


def modules() -> list[Path]:
    """The modules that have overloads."""
    return [ROOT / name for name in OVERLOADS]


if __name__ == "__main__":
    for module in modules():
        module.write_text(with_overloads(module), "utf-8")
