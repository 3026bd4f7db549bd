"""Outputs are values: an adapter matches them, a test compares them."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from relay_proto import outputs
from relay_proto.outputs import (
    CloseTransport,
    Connected,
    EventReceived,
    OpenTransport,
    Output,
    SendData,
)
from relay_proto.rpc.event_base import RelayEvent

KINDS = get_args(Output)


def test_the_union_has_every_kind_of_output() -> None:
    values = vars(outputs).values()
    defined = {
        one
        for one in values
        if isinstance(one, type)
        and issubclass(one, msgspec.Struct)
        and one.__module__ == outputs.__name__
    }
    assert defined == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_is_an_immutable_value(kind: type[Output]) -> None:
    names = kind.__struct_fields__
    values = {name: object() for name in names}
    output, again = kind(**values), kind(**values)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert output == again
    assert not hasattr(output, "__dict__")
    with pytest.raises(AttributeError):
        setattr(output, names[0], None)


def test_an_adapter_can_match_by_position() -> None:
    match SendData(1, b"x"):
        case SendData(transport, data):
            assert (transport, data) == (1, b"x")
    match CloseTransport(2, True):
        case CloseTransport(transport, flush):
            assert (transport, flush) == (2, True)


def test_different_outputs_are_different() -> None:
    assert OpenTransport(1) != OpenTransport(2)
    assert Connected(True) != Connected(False)


def test_an_event_may_be_of_no_call_and_no_action() -> None:
    received = EventReceived(RelayEvent())
    assert received.call is None
    assert received.action is None
