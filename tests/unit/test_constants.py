"""The names of the wire, held to the specification."""

from __future__ import annotations

import enum
import json

import pytest

from relay_proto import constants, transitions
from tests.spec import CONSTANTS, EVENTS


def test_every_name_of_the_compatible_api_has_its_value() -> None:
    names: dict[str, object] = CONSTANTS["python_names"]
    ours = {name: getattr(constants, name) for name in names}
    assert not any(isinstance(value, list) for value in ours.values()), "a list could be changed"
    assert json.loads(json.dumps(ours)) == names


def test_every_event_type_of_the_specification_has_its_constant() -> None:
    named = {event["constant"]: event_type for event_type, event in EVENTS.items()}
    del named[None]
    assert {name: getattr(constants, name) for name in named} == named


@pytest.mark.parametrize(
    ("prefix", "values"),
    [
        ("CALL_STATE_", CONSTANTS["call_states"]),
        ("END_REASON_", CONSTANTS["end_reasons"]),
        ("CONNECT_STATE_", CONSTANTS["connect_states"]),
        ("DIAL_STATE_", CONSTANTS["dial_states"]),
        ("MESSAGE_STATE_", CONSTANTS["message_states"]),
        ("PLAY_STATE_", CONSTANTS["play_states"]),
        ("RECORD_STATE_", CONSTANTS["record_states"]),
        ("DETECT_TYPE_", CONSTANTS["detect_types"]),
        ("ROOM_STATE_", CONSTANTS["room_states"]),
        ("EVENT_", EVENTS.keys() - {"calling.call.ai"}),
    ],
)
def test_a_family_of_names_has_all_its_values_and_no_other(prefix: str, values: list[str]) -> None:
    ours = [value for name, value in vars(constants).items() if name.startswith(prefix)]
    assert sorted(ours) == sorted(values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (transitions.CallState, CONSTANTS["call_states"]),
        (transitions.EndReason, CONSTANTS["end_reasons"]),
        (transitions.ConnectState, CONSTANTS["connect_states"]),
        (transitions.MessageState, CONSTANTS["message_states"]),
        (transitions.PlayState, CONSTANTS["play_states"]),
        (transitions.RecordState, CONSTANTS["record_states"]),
        (transitions.DetectType, CONSTANTS["detect_types"]),
        (transitions.RoomState, CONSTANTS["room_states"]),
    ],
)
def test_an_enum_has_the_values_of_the_wire(kind: type[enum.StrEnum], values: list[str]) -> None:
    assert [member.value for member in kind] == values


@pytest.mark.parametrize(("spelling", "reason"), CONSTANTS["end_reason_aliases"].items())
def test_both_spellings_of_an_end_reason_are_known(spelling: str, reason: str) -> None:
    assert transitions.EndReason(spelling) is transitions.EndReason(reason)


def test_a_reason_that_is_not_known_is_no_member() -> None:
    with pytest.raises(ValueError, match="tired"):
        transitions.EndReason("tired")
