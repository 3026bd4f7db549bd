"""The public names: which there are, on which page of the reference each stands, and links.

A name that is new in the packages needs no line here, unless its module is new as well.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import relay_anyio
import relay_anyio.testing
from relay_proto.api import commands, joins, procedures, shapes

from ..contents import ROOT
from . import source, wire

FOLDER: Final = "reference"
PACKAGES: Final = (
    "relay_anyio",
    "relay_anyio.testing",
    "relay_proto",
    "relay_proto.exchange",
    "relay_proto.testing",
    "relay_proto.testing.strategies",
)
"""Those with lists of what they export. The list of `relay_sync` is that of `relay_anyio`."""
PAGES: Final[Mapping[str, str]] = {
    "relay_anyio.client": "client",
    "relay_anyio._calls": "client",
    "relay_proto.bounds": "client",
    "relay_proto.config": "client",
    "relay_proto.outputs": "client",
    "relay_proto._version": "client",
    "relay_anyio.call": "call",
    "relay_anyio.message": "texts",
    "relay_proto.api.outcomes": "actions",
    "relay_proto.api.answering": "actions",
    "relay_proto.rpc.events": "events",
    "relay_proto.rpc.event_base": "events",
    "relay_proto.api.builders": "builders",
    "relay_proto.api.shapes": "dicts",
    "relay_proto.errors": "errors",
    "relay_proto.values.checks": "errors",
    "relay_proto.transitions": "states",
    "relay_proto.constants": "states",
    "relay_proto.values.literals": "states",
}
"""The page of what a module defines."""
THEMES: Final[Mapping[str, str]] = {
    "Answer and end": "answer hangup pass_ transfer",
    "Play": "play play_tts play_audio play_silence play_ringtone hold unhold denoise denoise_stop "
    "echo",
    "Ask": "prompt_tts prompt_audio play_and_collect collect bind_digit clear_digit_bindings",
    "Record": "record transcribe live_transcribe live_translate",
    "Who has answered": "wait_for_beep leave_message detect detect_answering_machine detect_digit "
    "detect_fax",
    "Connect people": "connect connect_and_wait bridge disconnect refer join_conference "
    "leave_conference join_room leave_room queue_enter queue_leave send_digits",
    "Fax": "send_fax receive_fax",
    "Audio that goes elsewhere": "tap stream",
    "AI": "ai ai_message ai_hold ai_unhold amazon_bedrock",
    "Dial, text, subscribe": "dial dial_phone dial_sip send_message receive unreceive execute",
    "While an action runs": "stop pause resume volume start_input_timers",
}
"""The verbs as one thinks of them. One that is not listed comes under *More*."""
PARTS: Final = (commands, joins, procedures)
NO_VERBS: Final = {
    ("Call", "execute"),
    ("RelayClient", "connect"),
    ("RelayClient", "disconnect"),
    ("PlayAction", "execute"),
    ("RecordAction", "execute"),
    ("CollectAction", "execute"),
}
"""Methods that have the name of a verb, and are none."""


@dataclass(frozen=True, slots=True)
class Name:
    """A public name of a package."""

    name: str
    package: str
    """From where programs import it."""
    home: str
    """Where it is defined."""
    page: str

    @property
    def value(self) -> Any:
        """What it names."""
        return vars(importlib.import_module(self.package))[self.name]

    @property
    def place(self) -> str:
        """Its page and the anchor on it. A constant stands in a table."""
        anchor = slug(self.name)
        if self.name.isupper():
            anchor = "types" if self.page == "events" else "constants"
        return f"{self.page}.md#{anchor}"


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


@functools.cache
def exported(package: str) -> dict[str, Name]:
    """What a package exports."""
    names: list[str] = vars(importlib.import_module(package))["__all__"]
    return {name: _name(package, name) for name in sorted(names, key=order)}


def order(name: str) -> tuple[str, str]:
    """Sort names as a dictionary does."""
    return name.lower(), name


def _name(package: str, name: str) -> Name:
    value = vars(importlib.import_module(package))[name]
    if isinstance(value, ModuleType):
        return Name(name, package, value.__name__, "core")
    home = source.home(package, name)
    match package:
        case "relay_anyio" if inspect.isclass(value) and name.endswith("Action"):
            page = "actions"
        case "relay_anyio" if name.startswith("EVENT_") or name == "EventType":
            page = "events"
        case "relay_anyio":
            page = PAGES[home]
        case "relay_anyio.testing":
            page = "testing"
        case "relay_proto.exchange":
            page = "testing" if name in relay_anyio.testing.__all__ else "exchange"
        case "relay_proto.testing" | "relay_proto.testing.strategies":
            page = "worlds"
        case _:
            page = PAGES[home] if name in relay_anyio.__all__ else "core"
    return Name(name, package, home, page)


def for_applications() -> dict[str, Name]:
    """The names of `relay_anyio`, which are those of `relay_sync` as well."""
    return exported("relay_anyio")


def on_page(page: str) -> list[Name]:
    """The names that stand on a page, in order."""
    found: dict[str, Name] = {}
    for package in PACKAGES:
        for name in exported(package).values():
            if name.page == page:
                found.setdefault(name.name, name)
    return sorted(found.values(), key=lambda each: order(each.name))


# Verbs


@functools.cache
def verbs() -> dict[str, str]:
    """Every verb, and the class whose method it is: ``play`` is ``Call``'s."""
    owners = ("Call", "RelayClient", "CollectAction", "RecordAction", "PlayAction")
    found: dict[str, str] = {}
    for owner in owners:
        for name, _ in inspect.getmembers(getattr(relay_anyio, owner), callable):
            known = any(
                getattr(vars(part).get(name), "__module__", "") == part.__name__ for part in PARTS
            )
            if known and not name.startswith("_") and (owner, name) not in NO_VERBS:
                found.setdefault(name, owner)
    return found


def themes() -> dict[str, list[str]]:
    """The verbs by theme."""
    listed = {theme: names.split() for theme, names in THEMES.items()}
    every = {name for names in listed.values() for name in names}
    if more := sorted(verbs().keys() - every):
        listed["More"] = more
    return listed


def example_of(verb: str) -> wire.Example | None:
    """The example of a verb: of `stop`, that of some action."""
    return next((each for name, each in wire.EXAMPLES.items() if name.endswith(f".{verb}")), None)


# Modules for authors of adapters


def modules() -> list[ModuleType]:
    """Every module that says in its docstring that it is public."""
    found: list[ModuleType] = []
    for package in ("relay_proto", "relay_anyio", "relay_sync"):
        for file in sorted((ROOT / package).rglob("*.py")):
            said = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            if re.search(r"^Public: ", said, re.MULTILINE):
                parts = file.relative_to(ROOT).with_suffix("").parts
                found.append(importlib.import_module(".".join(parts).removesuffix(".__init__")))
    return found


def own_names(module: ModuleType) -> list[str]:
    """The public names that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


# Links


@functools.cache
def _shapes() -> frozenset[str]:
    return frozenset(own_names(shapes))


def counts() -> str:
    """How much the reference describes, in words."""
    exports = {(name.home, name.name) for each in PACKAGES for name in exported(each).values()}
    parts = sum(
        len(members(name.value)) + len(list(properties(name.value)))
        for name in for_applications().values()
        if inspect.isclass(name.value)
    )
    return (
        f"reference: {len(exports)} names that packages export, {parts} methods and properties, "
        f"{len(verbs())} verbs with a page each, {len(modules())} public modules"
    )


class Links:
    """Finds where a name is explained, seen from one page and one class."""

    def __init__(self, page: str, owner: str = "", hidden: frozenset[str] = frozenset()) -> None:
        self._page = page
        self._owner = owner
        self._hidden = hidden
        """Names of parameters, which mean nothing else there."""

    def within(self, owner: str, hidden: frozenset[str] = frozenset()) -> Links:
        """The same for what a class has."""
        return Links(self._page, owner, hidden)

    def __call__(self, name: str) -> str | None:
        """The target of a link to a name, or None."""
        bare = name.removesuffix("()")
        if bare in self._hidden:
            return None
        place = self._find(bare)
        return place and self.to(place)

    def to(self, place: str) -> str:
        """The target of a link to ``page.md#anchor``."""
        page, mark, anchor = place.partition("#")
        if page == f"{self._page}.md":
            return mark + anchor
        return "../" * self._page.count("/") + place

    def _find(self, name: str) -> str | None:
        if self._owner and (found := _members().get(f"{self._owner}.{name}")):
            return found
        applications = for_applications()
        if name in applications:
            return applications[name].place
        if found := _members().get(name):
            return found
        if name in verbs():
            return f"verbs/{name}.md"
        head, _, attribute = name.partition(".")
        if attribute and head in {"client", "call", "action", "message"}:
            kind = {"client": "RelayClient"}.get(head, head.capitalize())
            return _members().get(f"{kind}.{attribute}")
        if attribute and head in applications:
            return applications[head].place
        if name in _shapes():
            return f"dicts.md#{slug(name)}"
        tests = exported("relay_anyio.testing")
        return tests[name].place if name in tests else None


@functools.cache
def _members() -> dict[str, str]:
    """The places of all members that have a heading of their own: ``Call.wait_for``."""
    places: dict[str, str] = {}
    for name in [*for_applications().values(), *exported("relay_anyio.testing").values()]:
        if inspect.isclass(name.value):
            for member in members(name.value):
                owner = next(each for each in documented_bases(name.value) if hasattr(each, member))
                page = for_applications().get(owner.__name__, name).page
                where = f"{page}.md#{slug(f'{owner.__name__}.{member}')}"
                if is_verb_of(member, name.name):
                    where = f"verbs/{member}.md"
                places[f"{name.name}.{member}"] = where
    return places


def documented_bases(owner: type) -> list[type]:
    """The classes among the bases of a class that are in the reference, and the class itself.

    The first base comes first: what it has is described there, and not again.
    """
    known = {name.value for name in for_applications().values() if inspect.isclass(name.value)}
    return [*(each for each in reversed(owner.__mro__[1:]) if each in known), owner]


def inherited(owner: type) -> frozenset[str]:
    """The names that a class has from another one in the reference."""
    return frozenset(name for each in documented_bases(owner)[:-1] for name in dir(each))


def is_verb_of(member: str, owner: str) -> bool:
    """Whether a method of a class is a verb, which has a page of its own."""
    kind = verbs().get(member, "")
    return owner == kind or (owner.endswith("Action") and kind.endswith("Action"))


def members(owner: type) -> list[str]:
    """The public methods of a class: its own, and those of private and internal bases."""
    found: list[str] = []
    for name in dir(owner):
        value = inspect.getattr_static(owner, name)
        function = getattr(value, "__func__", value)
        if name.startswith("_") or not inspect.isfunction(inspect.unwrap(function)):
            continue
        if any(name in vars(kind) for kind in owner.__mro__ if kind.__module__.startswith("relay")):
            found.append(name)
    return found


def properties(owner: type) -> Iterator[tuple[str, Any]]:
    """The properties of a class, by name."""
    for name in dir(owner):
        value = inspect.getattr_static(owner, name)
        is_one = isinstance(value, property | functools.cached_property)
        if is_one and not name.startswith("_"):
            yield name, value
