"""Routes: which function of the application gets which calls, messages and events.

This module only keeps the functions; the adapters call them. A table is never changed,
but replaced by a new one, so that one thread may read it while another registers.

Public: for authors of adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from ..config import Contexts, check_contexts
from ..constants import EVENT_MESSAGING_RECEIVE
from ..outputs import Connected, Disconnected
from .parameters import on_error

EVERY: Final = ""
"""Stands for events of all types."""

Link: TypeAlias = Connected | Disconnected


OnError: TypeAlias = Literal["hangup", "leave"] | Callable[[Any, BaseException], Any]
"""What becomes of a call whose handler has failed. A function gets the call and the error."""


def _never() -> bool:
    return False


class CallRoute(msgspec.Struct, frozen=True, eq=False):
    """The function that gets inbound calls.

    With `at_once`, the function returns at once, so no task or thread is needed for it. A
    `closed` route gets no more calls. It stays in its table, because the garbage
    collector may close it at any time, even while the table is being replaced.
    """

    handler: Callable[[Any], Any]
    cancel_on_end: bool = False
    at_once: bool = False
    on_error: OnError = "hangup"
    is_closed: Callable[[], bool] = _never

    @property
    def closed(self) -> bool:
        """Whether it gets no more calls."""
        return self.is_closed()


class Registration(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A function that hears events, and its name for the log.

    Registrations compare by identity, because a function may not be hashable.
    """

    handler: Callable[[Any], Any]
    name: str


class Routes:
    """The functions of an application for calls, messages, events and the connection."""

    def __init__(self) -> None:
        self.message: Callable[[Any], Any] | None = None
        self._default: CallRoute | None = None
        self._contexts: Mapping[str, CallRoute] = {}
        self._link: tuple[tuple[type[Link], Callable[[Any], Any]], ...] = ()
        self._events: Mapping[str, tuple[Registration, ...]] = {}

    # Registration

    def add_call(
        self, route: CallRoute, contexts: Contexts | None
    ) -> Mapping[str | None, CallRoute]:
        """Give inbound calls to `route`: those of `contexts`, or all that no other gets.

        Returns the open routes of other functions that it replaces, by their context. None
        stands for all contexts that no other route has.
        """
        check_function("call handler", route.handler)
        on_error("on_error", route.on_error)
        before: Mapping[str | None, CallRoute | None]
        if contexts is None:
            before = {None: self._default}
            self._default = route
        else:
            names = check_contexts("contexts", contexts)
            before = {name: self._contexts.get(name) for name in names}
            open_ones = {name: known for name, known in self._contexts.items() if not known.closed}
            self._contexts = open_ones | dict.fromkeys(names, route)
        return {
            name: known
            for name, known in before.items()
            if known is not None and not known.closed and known.handler != route.handler
        }

    def set_message(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
        """Give inbound messages to `handler`. Returns another function that it replaces."""
        before, self.message = self.message, check_function("message handler", handler)
        return None if before == handler else before

    def add_link(self, kind: type[Link], handler: Callable[[Any], Any]) -> None:
        """Call `handler` whenever the client has connected, or disconnected."""
        self._link = (*self._link, (kind, check_function("hook", handler)))

    def add_event(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Call `handler` for events of one type, or of `EVERY` type."""
        name = f"listener of {event_type or 'every event'}"
        added = Registration(handler=check_function("listener", handler), name=name)
        self._events = {**self._events, event_type: (*self._events.get(event_type, ()), added)}

    def remove_event(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Do not call `handler` for these events any more."""
        known = self._events.get(event_type, ())
        kept = tuple(one for one in known if one.handler != handler)
        others = {name: one for name, one in self._events.items() if name != event_type}
        self._events = {**others, event_type: kept} if kept else others

    # Lookup

    @property
    def accepting_calls(self) -> bool:
        """Whether any function gets inbound calls."""
        return self._takes_the_rest or bool(self.accepted_contexts)

    @property
    def accepted_contexts(self) -> frozenset[str] | None:
        """The contexts whose calls a function gets. None means all contexts."""
        if self._takes_the_rest:
            return None
        return frozenset(name for name, route in self._contexts.items() if not route.closed)

    @property
    def accepting_texts(self) -> bool:
        """Whether any function gets inbound messages, as messages or as events."""
        return self.message is not None or bool(self.event(EVENT_MESSAGING_RECEIVE))

    @property
    def hears_events(self) -> bool:
        """Whether any function hears events of all calls."""
        return bool(self._events)

    @property
    def registrations(self) -> frozenset[Registration]:
        """Everybody who hears events of all calls."""
        return frozenset(one for known in self._events.values() for one in known)

    def call(self, context: str) -> CallRoute | None:
        """Return the route that gets the calls of `context`, or None."""
        for route in (self._contexts.get(context), self._default):
            if route is not None and not route.closed:
                return route
        return None

    @property
    def _takes_the_rest(self) -> bool:
        return self._default is not None and not self._default.closed

    def link(self, event: Link) -> tuple[Callable[[Any], Any], ...]:
        """Return the functions to call for `event`."""
        return tuple(handler for kind, handler in self._link if isinstance(event, kind))

    def event(self, event_type: str) -> tuple[Registration, ...]:
        """Return who hears events of this type. Listeners of every type come last."""
        return (*self._events.get(event_type, ()), *self._events.get(EVERY, ()))


def check_function(what: str, value: Callable[..., Any]) -> Callable[..., Any]:
    """Check that `value` is a function, and return it. `what` names it in the error.

    Raises:
        TypeError: `value` cannot be called.
    """
    if not callable(value):
        raise TypeError(f"the {what} must be a function, not {value!r}")
    return value
