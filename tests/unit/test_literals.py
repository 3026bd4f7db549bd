"""Literals: what type checkers know of the values on the wire, and of the events."""

from __future__ import annotations

import enum
from itertools import chain
from typing import Any, Final, get_args, get_overloads, get_type_hints

import pytest

import relay_anyio
import relay_sync
from relay_proto.rpc.event_base import UnknownEvent
from relay_proto.rpc.events import EVENT_CLASS_MAP
from relay_proto.transitions import (
    CallState,
    ConnectState,
    DetectType,
    EndReason,
    MessageState,
    PlayState,
    RecordState,
)
from relay_proto.values import literals
from tests import overloads
from tests.spec import CONSTANTS, SPEC

ALIASES: Final = [*CONSTANTS["end_reason_aliases"], "passed"]
LISTED: Final[dict[str, list[str]]] = {
    "Direction": CONSTANTS["directions"],
    "CallStateText": CONSTANTS["call_states"],
    "EndReasonText": CONSTANTS["end_reasons"] + ALIASES,
    "ConnectStateText": CONSTANTS["connect_states"],
    "DialStateText": CONSTANTS["dial_states"],
    "PlayStateText": CONSTANTS["play_states"],
    "RecordStateText": CONSTANTS["record_states"],
    "CollectType": CONSTANTS["collect_result_types"],
    "CollectStateText": [*CONSTANTS["collect_states"], "no_input", "no_match"],
    "DetectTypeText": CONSTANTS["detect_types"],
    "Verdict": [*chain.from_iterable(CONSTANTS["detect_events"].values())],
    "FaxType": CONSTANTS["fax_types"],
    "MessageStateText": CONSTANTS["message_states"],
    "QueueStatus": CONSTANTS["queue_statuses"],
}
ENUMS: Final[dict[str, type[enum.StrEnum]]] = {
    "CallStateText": CallState,
    "EndReasonText": EndReason,
    "ConnectStateText": ConnectState,
    "PlayStateText": PlayState,
    "RecordStateText": RecordState,
    "DetectTypeText": DetectType,
    "MessageStateText": MessageState,
}
NOT_FOR_PROGRAMS: Final = {"signalwire.authorization.state"}
METHODS: Final = [
    pytest.param(owner, method, id=f"{owner.__module__}.{owner.__name__}.{method}")
    for package in (relay_anyio, relay_sync)
    for owner, method in [
        (package.Call, "on"),
        (package.Call, "expect"),
        (package.Call, "wait_for"),
        (package.RelayClient, "on"),
    ]
]


@pytest.mark.parametrize("name", LISTED)
def test_a_literal_lists_what_is_on_the_wire_and_nothing_more(name: str) -> None:
    alias = getattr(literals, name)
    if name in ENUMS:
        alias, members = get_args(alias)
        assert members is ENUMS[name]
        assert {*members} <= {*get_args(alias)}
    assert sorted(get_args(alias)) == sorted({*LISTED[name], ""})


def test_the_reasons_to_hang_up_are_those_of_the_wire() -> None:
    assert list(get_args(literals.HangupReason)) == CONSTANTS["hangup_reasons"]


def test_every_event_has_a_literal() -> None:
    assert set(get_args(literals.EventType)) == set(SPEC["events"]) - NOT_FOR_PROGRAMS


@pytest.mark.parametrize("module", overloads.modules(), ids=lambda module: module.parent.name)
def test_the_overloads_are_written(module: Any) -> None:
    wanted = overloads.with_overloads(module)
    assert module.read_text("utf-8") == wanted, "run scripts/draw"


@pytest.mark.parametrize(("owner", "method"), METHODS)
def test_each_type_of_event_has_its_class(owner: type, method: str) -> None:
    """The overloads say what `parse_event` makes of each type."""
    promised: dict[str, str] = {}
    for overload in get_overloads(getattr(owner, method)):
        hints = get_type_hints(overload)
        (event_type,) = get_args(hints["event_type"])
        promised[event_type] = str(hints.get("predicate", hints.get("handler")))
    assert list(promised) == list(get_args(literals.EventType))
    for event_type, function in promised.items():
        kind = EVENT_CLASS_MAP.get(event_type, UnknownEvent)
        assert f"[[{kind.__module__}.{kind.__name__}]," in function
