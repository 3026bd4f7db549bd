"""The shape of values: what describes a thing cannot change, and holds nothing else."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from types import FunctionType
from typing import Any, cast

import msgspec
import pytest

import relay_proto
from relay_proto.rpc.event_base import RelayEvent


def classes() -> Iterator[type]:
    for found in pkgutil.walk_packages(relay_proto.__path__, "relay_proto."):
        if found.name.startswith("relay_proto.testing"):  # it counts, and reads frames its own way
            continue
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, type) and value.__module__ == found.name:
                yield value


STRUCTS = [kind for kind in classes() if issubclass(kind, msgspec.Struct)]
DATACLASSES = [kind for kind in classes() if kind not in STRUCTS and dataclasses.is_dataclass(kind)]
PROTOCOLS = [kind for kind in classes() if vars(kind).get("_is_protocol", False)]
FRAMES = [kind for kind in STRUCTS if kind.__module__ == "relay_proto.rpc.frames"]
"""What the wire names, and orders as it likes."""
EVENTS = [kind for kind in STRUCTS if issubclass(kind, RelayEvent)]


@pytest.mark.parametrize("kind", PROTOCOLS)
def test_of_a_protocol_all_members_are_abstract_or_none(kind: type) -> None:
    """If one is, a class that declares the protocol cannot leave out any of them."""
    members = [
        member
        for name, member in vars(kind).items()
        if isinstance(member, property | FunctionType) and not name.startswith("__")
    ]
    assert len({getattr(member, "__isabstractmethod__", False) for member in members}) <= 1


@pytest.mark.parametrize("kind", DATACLASSES)
def test_a_dataclass_is_frozen_and_has_slots(kind: type) -> None:
    assert "__slots__" in vars(kind)
    value = cast("object", object.__new__(kind))
    for field in dataclasses.fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


@pytest.mark.parametrize("kind", STRUCTS)
def test_a_struct_is_frozen(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_takes_keywords_only(kind: type[msgspec.Struct]) -> None:
    with pytest.raises(TypeError, match="positional"):
        kind(None)


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_takes_what_all_events_have_by_position_too(kind: type[RelayEvent]) -> None:
    event = kind("calling.call.state", {"a": 1}, "call-1", 2.0)
    assert (event.event_type, event.params) == ("calling.call.state", {"a": 1})
    assert (event.call_id, event.timestamp) == ("call-1", 2.0)
    untyped = cast("Any", kind)
    with pytest.raises(TypeError, match="positional"):
        untyped("calling.call.state", {}, "call-1", 2.0, "more")


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_equal_to_itself_alone_and_empty_if_it_was_told_nothing(
    kind: type[RelayEvent],
) -> None:
    event, other = kind(), kind()
    assert event != other
    assert len({event, other}) == 2
    named = {field.name: getattr(event, field.name) for field in msgspec.structs.fields(kind)}
    assert bytes(named.pop("raw")) == b"{}"
    assert not any(named.values())
