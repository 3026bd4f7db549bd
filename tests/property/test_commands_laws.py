"""Laws of commands, for every function that makes one and every argument it takes."""

from __future__ import annotations

import copy
import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_proto.api import commands
from relay_proto.api.commands import DEFAULT_CONTEXT, NEW_ID, Command, Purpose
from relay_proto.api.parameters import FURTHER
from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind
from tests.spec import METHODS, SESSION_METHODS
from tests.spec.command_arguments import (
    ADDED_BY_THE_CORE,
    COMMANDS,
    arguments,
    device_types,
    flat_item,
    media_types,
    nested_item,
    new_keys,
    parameters,
    takes_more,
    wire_name,
    wire_values,
)
from tests.spec.json_values import json_objects, json_values

pytestmark = pytest.mark.filterwarnings("ignore::relay_proto.errors.UnknownNameWarning")

KINDS: Final = [kind for kind in vars(actions).values() if isinstance(kind, ActionKind)]


def frames(command: Command[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every method and its parameters that the core can make of a command."""
    params = {**dict.fromkeys(("node_id", "call_id"), "x"), **command.params}
    match command.purpose:
        case Purpose.VERB | Purpose.START:
            return [(command.method, params)]
        case Purpose.CONTROL if command.method.startswith("."):
            with_id = {"control_id": "x", **params}
            kinds = [actions.RECORD] if "behavior" in params else KINDS
            methods = {kind.method + command.method for kind in kinds}
            return [(method, with_id) for method in sorted(methods & METHODS.keys())]
        case Purpose.CONTROL:
            return [(command.method, {"control_id": "x", **params})]
        case _:
            return [(command.method, command.params)]


def spelled_out(value: object) -> object:
    """What stands on the wire for a marker of the core's."""
    markers: Mapping[object, str] = {NEW_ID: "an id", DEFAULT_CONTEXT: "a context"}
    return markers[value]


@settings(max_examples=20)
@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_what_is_given_is_never_modified(name: str, data: st.DataObject) -> None:
    given = data.draw(arguments(name))
    before = copy.deepcopy(given)
    COMMANDS[name](**given)
    assert given == before


@settings(max_examples=20)
@pytest.mark.parametrize(
    "name", sorted(COMMANDS.keys() - {"execute"})
)  # whose params are the caller's
@given(data=st.data())
def test_what_is_not_given_or_none_is_absent_from_the_wire(name: str, data: st.DataObject) -> None:
    given = data.draw(arguments(name))
    command = COMMANDS[name](**given)
    absent = {item.name: None for item in parameters(name) if item.name not in given}
    optional = {item.name for item in parameters(name) if item.default is None}
    nothing = {key: None for key in absent if key in optional}
    assert COMMANDS[name](**given, **nothing) == command
    present = {key for key, value in command.params.items() if not isinstance(value, enum.Enum)}
    expected = set(wire_values(name, given))
    assert present - expected <= {wire_name(name, key) for key in absent if key not in optional}, (
        "only what has a default of its own may be sent without being given"
    )
    assert expected <= present


@settings(max_examples=20)
@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_the_wire_gets_json_with_keys_that_the_specification_knows(
    name: str, data: st.DataObject
) -> None:
    command = COMMANDS[name](**data.draw(arguments(name)))
    params = {
        key: spelled_out(value) if isinstance(value, enum.Enum) else value
        for key, value in command.params.items()
    }
    encoded = msgspec.json.encode(params)
    assert isinstance(msgspec.json.decode(encoded), dict)
    if command.purpose is Purpose.REQUEST:
        return
    sent = frames(command)
    assert sent
    for method, params in sent:
        known = METHODS.get(method) or SESSION_METHODS[method]
        assert params.keys() <= known["params"].keys(), method
        needed = {key for key, parameter in known["params"].items() if parameter.get("required")}
        assert needed <= params.keys(), method


@settings(max_examples=20)
@pytest.mark.parametrize("name", [name for name in COMMANDS if takes_more(name)])
@given(data=st.data(), more=json_objects)
def test_further_arguments_are_merged_last_but_never_over_the_calls_own(
    name: str, data: st.DataObject, more: dict[str, Any]
) -> None:
    given = data.draw(arguments(name))
    taken = {item.name for item in parameters(name)} | ADDED_BY_THE_CORE
    taken |= FURTHER.get(name, {}).keys()  # they have checks of their own
    more = {key: value for key, value in more.items() if key not in taken}
    plain = COMMANDS[name](**given)
    assert COMMANDS[name](**given, **more).params == {**plain.params, **more}
    for own in sorted(ADDED_BY_THE_CORE):
        with pytest.raises(ValueError, match=f"^{own} cannot be given"):
            COMMANDS[name](**given, **{own: "other"})


@given(
    st.lists(st.tuples(media_types, st.dictionaries(new_keys, json_values, max_size=3)), max_size=3)
)
def test_flat_and_nested_media_give_the_same_command(
    things: list[tuple[str, dict[str, Any]]],
) -> None:
    flat: Any = [flat_item(*thing) for thing in things]
    nested: Any = [nested_item(*thing) for thing in things]
    assert commands.play(flat) == commands.play(nested)
    assert commands.play(nested).params["play"] == nested
    assert commands.play_and_collect(flat, {"speech": {}}) == commands.play_and_collect(
        nested, {"speech": {}}
    )
    device: Any = nested_item("sip", {})
    assert commands.connect([[device]], ringback=flat) == commands.connect(
        [[device]], ringback=nested
    )


@given(
    st.lists(
        st.lists(
            st.tuples(
                device_types,
                # A flat telephone's own names for these are others: see the unit tests.
                st.dictionaries(
                    new_keys.filter(lambda key: key not in ("to", "from")),
                    json_values,
                    max_size=3,
                ),
            ),
            min_size=1,
            max_size=2,
        ),
        min_size=1,
        max_size=2,
    )
)
def test_flat_and_nested_devices_give_the_same_command(
    plan: list[list[tuple[str, dict[str, Any]]]],
) -> None:
    flat: Any = [[flat_item(*thing) for thing in group] for group in plan]
    nested: Any = [[nested_item(*thing) for thing in group] for group in plan]
    assert commands.dial(flat) == commands.dial(nested)
    assert commands.connect(flat) == commands.connect(nested)
    assert commands.dial(nested).params["devices"] == nested
