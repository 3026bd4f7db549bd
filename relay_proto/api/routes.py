"""Routes: which function of the application takes what.

Functions are kept as they were given; only an adapter calls them. Tables are
replaced and never changed, so that one thread may read what another registers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from ..config import check_contexts
from ..outputs import Connected, Disconnected

EVERY: Final = ""
"""Stands for all event types."""

Link: TypeAlias = Connected | Disconnected


class CallRoute(msgspec.Struct, eq=False):
    """What takes inbound calls. With `at_once` it only takes note of them, and does not wait.

    One that is `closed` takes none any more. The collector of garbage may close it
    while a table is being replaced, so that no table is touched for that.
    """

    handler: Callable[[Any], Any]
    cancel_on_end: bool = False
    at_once: bool = False
    closed: bool = False


class Registration(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One `on`: told apart by identity, since an application's handler may have no hash."""

    handler: Callable[[Any], Any]
    name: str


class Routes:
    """The application's functions: of calls, messages, events and the link."""

    def __init__(self) -> None:
        self.message: Callable[[Any], Any] | None = None
        self._default: CallRoute | None = None
        self._contexts: Mapping[str, CallRoute] = {}
        self._link: tuple[tuple[type[Link], Callable[[Any], Any]], ...] = ()
        self._events: Mapping[str, tuple[Registration, ...]] = {}

    # Registration

    def add_call(self, route: CallRoute, contexts: Sequence[str] | None) -> None:
        """Take inbound calls: of some contexts, or of all that no other route has."""
        check_function("call handler", route.handler)
        if contexts is None:
            self._default = route
        else:
            open_ones = {name: known for name, known in self._contexts.items() if not known.closed}
            self._contexts = open_ones | dict.fromkeys(check_contexts(contexts), route)

    def set_message(self, handler: Callable[[Any], Any]) -> None:
        """Take inbound messages."""
        self.message = check_function("message handler", handler)

    def add_link(self, kind: type[Link], handler: Callable[[Any], Any]) -> None:
        """Hear of the link."""
        self._link = (*self._link, (kind, check_function("hook", handler)))

    def add_event(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Hear events of one type, or of `EVERY` type."""
        name = f"listener of {event_type or 'every event'}"
        added = Registration(handler=check_function("listener", handler), name=name)
        self._events = {**self._events, event_type: (*self._events.get(event_type, ()), added)}

    def remove_event(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Stop hearing events."""
        known = self._events.get(event_type, ())
        kept = tuple(one for one in known if one.handler != handler)
        self._events = {**self._events, event_type: kept}

    # Lookup

    @property
    def accepting_calls(self) -> bool:
        """Whether any calls are taken."""
        return self._takes_the_rest or bool(self.accepted_contexts)

    @property
    def accepted_contexts(self) -> frozenset[str] | None:
        """The contexts whose calls are taken; None for all."""
        if self._takes_the_rest:
            return None
        return frozenset(name for name, route in self._contexts.items() if not route.closed)

    @property
    def hears_events(self) -> bool:
        """Whether anybody hears the events of all calls."""
        return bool(self._events)

    def call(self, context: str) -> CallRoute | None:
        """What takes the calls of `context`."""
        for route in (self._contexts.get(context), self._default):
            if route is not None and not route.closed:
                return route
        return None

    @property
    def _takes_the_rest(self) -> bool:
        return self._default is not None and not self._default.closed

    def link(self, event: Link) -> tuple[Callable[[Any], Any], ...]:
        """Who hears of this."""
        return tuple(handler for kind, handler in self._link if isinstance(event, kind))

    def event(self, event_type: str) -> tuple[Registration, ...]:
        """Who hears events of this type: those of the type first, then those of every one."""
        return (*self._events.get(event_type, ()), *self._events.get(EVERY, ()))


def check_function(what: str, value: Callable[..., Any]) -> Callable[..., Any]:
    """Return `value`.

    Raises:
        TypeError: it cannot be called; the message says what it should have been.
    """
    if not callable(value):
        raise TypeError(f"the {what} must be a function, not {value!r}")
    return value
