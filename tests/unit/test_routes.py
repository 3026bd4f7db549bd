"""Routes: who takes which calls, and who hears what, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay_proto.api.routes import EVERY, CallRoute, Routes, check_function
from relay_proto.errors import RelayError
from relay_proto.outputs import Connected, Disconnected


class Hashless:
    """A handler that is equal to its like, as a dataclass is, and so has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hashless) and other.name == self.name

    def __call__(self, event: object) -> None: ...


def route(closing: list[bool] | None = None) -> CallRoute:
    """One that is closed as soon as there is something in `closing`."""
    return CallRoute(Hashless(), is_closed=lambda: bool(closing))


def heard_by(routes: Routes, event_type: str) -> list[Callable[[Any], Any]]:
    return [known.handler for known in routes.event(event_type)]


# Calls


def test_a_route_waits_for_its_handler_and_lets_it_finish_unless_told_otherwise() -> None:
    assert not route().at_once
    assert not route().cancel_on_end


def test_nothing_is_taken_at_first() -> None:
    routes = Routes()
    assert not routes.accepting_calls
    assert routes.accepted_contexts == frozenset()
    assert routes.call("office") is None
    assert routes.message is None
    assert not routes.hears_events


def test_a_route_without_contexts_takes_all_that_no_other_has() -> None:
    routes, default, sales = Routes(), route(), route()
    routes.add_call(default, None)
    routes.add_call(sales, ["sales", "orders"])
    assert routes.accepting_calls
    assert routes.accepted_contexts is None
    assert routes.call("office") is default
    assert routes.call("") is default
    assert routes.call("sales") is sales
    assert routes.call("orders") is sales


def test_a_route_with_contexts_takes_these_alone() -> None:
    routes, sales = Routes(), route()
    routes.add_call(sales, ("sales", "orders", "sales"))
    assert routes.accepting_calls
    assert routes.accepted_contexts == frozenset({"sales", "orders"})
    assert routes.call("office") is None


def test_a_later_route_takes_the_place_of_an_earlier_one() -> None:
    routes, first, second, third = Routes(), route(), route(), route()
    routes.add_call(first, None)
    routes.add_call(second, None)
    assert routes.call("office") is second
    routes.add_call(first, ["sales", "orders"])
    routes.add_call(third, ["orders"])
    assert (routes.call("sales"), routes.call("orders")) == (first, third)
    assert routes.call("orders") is third


def test_no_contexts_are_none_and_not_all() -> None:
    routes = Routes()
    routes.add_call(route(), [])
    assert not routes.accepting_calls


def test_a_route_that_is_removed_takes_nothing_more_and_its_like_goes_on() -> None:
    closing: list[bool] = []
    routes, removed, like = Routes(), route(closing), route()
    routes.add_call(removed, None)
    routes.add_call(removed, ["sales", "orders"])
    routes.add_call(like, ["orders"])
    closing.append(True)
    assert routes.accepted_contexts == frozenset({"orders"})
    assert routes.call("sales") is None
    assert routes.call("orders") is like
    assert routes.call("office") is None
    routes.add_call(like, None)
    assert routes.call("office") is like
    routes.add_call(like, ["bookings"])
    assert routes.call("sales") is like


def test_a_route_that_was_replaced_takes_nothing_with_it() -> None:
    first: list[bool] = []
    second: list[bool] = []
    routes, replaced, default = Routes(), route(first), route(second)
    routes.add_call(replaced, None)
    routes.add_call(default, None)
    first.append(True)
    assert routes.call("office") is default
    second.append(True)
    assert not routes.accepting_calls


@pytest.mark.parametrize(
    ("contexts", "error"), [("office", TypeError), ([1], TypeError), ([""], ValueError)]
)
def test_contexts_that_are_none_change_nothing(contexts: Any, error: type[Exception]) -> None:
    routes = Routes()
    with pytest.raises(error, match="contexts must"):
        routes.add_call(route(), contexts)
    assert not routes.accepting_calls


# Messages, the link and events


def test_the_last_message_handler_counts() -> None:
    routes, last = Routes(), Hashless("last")
    routes.set_message(Hashless())
    routes.set_message(last)
    assert routes.message is last


def test_the_link_is_told_to_those_who_asked_for_it_in_their_order() -> None:
    routes, first, second, third = Routes(), Hashless("1"), Hashless("2"), Hashless("3")
    routes.add_link(Connected, first)
    routes.add_link(Disconnected, second)
    routes.add_link(Connected, third)
    assert routes.link(Connected(resumed=False)) == (first, third)
    assert routes.link(Disconnected(RelayError(-1, "gone"), 1.0)) == (second,)


def test_events_are_told_to_those_of_the_type_and_then_to_those_of_every_one() -> None:
    routes, one, other, every = Routes(), Hashless("one"), Hashless("other"), Hashless("every")
    routes.add_event(EVERY, every)
    routes.add_event("calling.call.play", one)
    routes.add_event("calling.call.play", other)
    assert heard_by(routes, "calling.call.play") == [one, other, every]
    assert heard_by(routes, "calling.call.tap") == [every]


def test_a_registration_is_a_key_whatever_the_handler_and_says_what_it_is() -> None:
    routes, handler = Routes(), Hashless()
    for event_type in ("calling.call.play", "calling.call.play", EVERY):
        routes.add_event(event_type, handler)
    found = routes.event("calling.call.play")
    assert len(set(found)) == 3
    assert found == routes.event("calling.call.play")
    assert [known.name for known in found] == [
        "listener of calling.call.play",
        "listener of calling.call.play",
        "listener of every event",
    ]


def test_a_handler_that_is_removed_hears_no_more_of_that_type() -> None:
    routes, gone, stays = Routes(), Hashless("gone"), Hashless("stays")
    for handler in (gone, stays, gone):
        routes.add_event("calling.call.play", handler)
    routes.add_event("calling.call.tap", gone)
    before = routes.event("calling.call.play")
    routes.remove_event("calling.call.play", Hashless("gone"))
    assert heard_by(routes, "calling.call.play") == [stays]
    assert heard_by(routes, "calling.call.tap") == [gone]
    assert len(before) == 3, "what was looked up is not changed"


def test_one_that_hears_every_event_is_removed_from_all() -> None:
    routes, every = Routes(), Hashless()
    routes.add_event(EVERY, every)
    routes.remove_event("calling.call.play", every)
    assert heard_by(routes, "calling.call.play") == [every]
    routes.remove_event(EVERY, every)
    assert heard_by(routes, "calling.call.play") == []


def test_removing_what_was_never_there_is_no_error() -> None:
    routes = Routes()
    routes.remove_event("calling.call.play", Hashless())
    assert routes.event("calling.call.play") == ()


# Handlers that are none


@pytest.mark.parametrize("wrong", [None, "take_call", 7])
def test_what_is_no_function_is_refused_and_named(wrong: Any) -> None:
    routes = Routes()
    with pytest.raises(TypeError, match=f"the call handler must be a function, not {wrong!r}"):
        routes.add_call(CallRoute(wrong), None)
    with pytest.raises(TypeError, match="the message handler must be a function"):
        routes.set_message(wrong)
    with pytest.raises(TypeError, match="the hook must be a function"):
        routes.add_link(Connected, wrong)
    with pytest.raises(TypeError, match="the listener must be a function"):
        routes.add_event(EVERY, wrong)
    assert not routes.accepting_calls
    assert routes.message is None
    assert routes.link(Connected(resumed=True)) == ()
    assert routes.event("calling.call.play") == ()


def test_a_function_that_is_checked_is_returned() -> None:
    assert check_function("hook", print) is print


def test_what_becomes_of_a_call_whose_handler_fails_is_checked() -> None:
    for right in ("hangup", "leave", print):
        Routes().add_call(CallRoute(print, on_error=right), None)
    with pytest.raises(ValueError, match=r"on_error must be 'hangup', 'leave' or a function"):
        Routes().add_call(CallRoute(print, on_error="hang_up"), None)  # type: ignore[arg-type]
