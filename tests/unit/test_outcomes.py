"""Outcomes: how an action ended, as a value to match."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api.outcomes import CallOver, Done, Failed, Outcome, SessionLost, outcome_of
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import local_ended_event, parse_event


def told(event_type: str, **body: Any) -> RelayEvent:
    return parse_event({"event_type": f"calling.call.{event_type}", "params": body})


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (told("play", state="finished"), Done),
        (told("play", state="error"), Failed),
        (told("record", state="no_input"), Done),
        (told("record", state="error"), Failed),
        (told("collect", result={"type": "digit", "params": {"digits": "1"}}), Done),
        (told("collect", result={"type": "no_input"}), Done),
        (told("collect", result={"type": "no_match"}), Done),
        (told("collect", state="no_match"), Done),
        (told("collect", state="finished"), Done),
        (told("collect", result={"type": "error"}), Failed),
        (told("collect", state="error"), Failed),
        (told("detect", detect={"type": "machine", "params": {"event": "HUMAN"}}), Done),
        (told("detect", detect={"type": "machine", "params": {"event": "UNKNOWN"}}), Done),
        (told("detect", state="finished"), Done),
        (told("detect", state="error"), Failed),
        (told("fax", fax={"type": "finished", "params": {"success": True}}), Done),
        (told("fax", fax={"type": "finished", "params": {"success": False}}), Failed),
        (told("fax", fax={"type": "finished", "params": {}}), Done),
        (told("fax", fax={"type": "error"}), Failed),
        (told("fax", state="finished"), Done),
        (told("fax", state="error"), Failed),
        (told("pay", **{"for": "payment-completed"}), Done),
        (told("pay", **{"for": "payment-failed"}), Failed),
        (told("pay", state="finished"), Done),
        (told("pay", state="error"), Failed),
        *((told(action, state="finished"), Done) for action in ("tap", "stream", "transcribe")),
        *((told(action, state="error"), Failed) for action in ("tap", "stream", "transcribe")),
        (told("new", state="finished"), Done),
        (told("new", state="error"), Failed),
        (told("state", call_state="ended", end_reason="hangup"), CallOver),
        (RelayEvent(), CallOver),
        (local_ended_event("c-1", "n-1", "error"), SessionLost),
    ],
)
def test_an_event_has_its_outcome(event: RelayEvent, kind: type[Outcome[RelayEvent]]) -> None:
    outcome = outcome_of(event)
    assert type(outcome) is kind
    assert outcome.event is event


def test_an_outcome_can_be_matched() -> None:
    event = told("play", state="finished")
    match outcome_of(event):
        case Done(found):
            assert found is event
        case Failed() | CallOver() | SessionLost():
            pytest.fail("it was done")
