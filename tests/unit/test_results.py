"""Results: what the handles of both adapters say about the end of an action."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

from relay_proto.api.outcomes import CallOver, Done, Failed
from relay_proto.api.results import (
    CollectResults,
    DetectResults,
    FaxResults,
    RecordResults,
    Results,
)
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import RecordEvent, parse_event

R = TypeVar("R", bound=Results[Any])

EMPTY: dict[type[Results[Any]], dict[str, object]] = {
    CollectResults: {"digits": "", "terminator": "", "speech": "", "confidence": 0.0},
    DetectResults: {"verdict": "", "human": False},
    RecordResults: {"url": "", "duration": 0.0, "size": 0},
    FaxResults: {"document": "", "pages": 0, "success": False},
}


def ended(kind: type[R], event: RelayEvent | None) -> R:
    """A handle whose action ended with an event, or has not."""
    make: Any = type("Handle", (kind,), {"result": event})
    handle: R = make()
    return handle


def told(event_type: str, **body: Any) -> RelayEvent:
    return parse_event({"event_type": f"calling.call.{event_type}", "params": body})


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize(
    "event", [None, RelayEvent(), told("state", call_state="ended"), told("new", state="finished")]
)
def test_before_the_end_or_without_a_result_everything_is_empty(
    kind: type[Results[Any]], event: RelayEvent | None
) -> None:
    handle = ended(kind, event)
    assert {name: getattr(handle, name) for name in EMPTY[kind]} == EMPTY[kind]


def test_a_collect_tells_digits() -> None:
    params = {"digits": "123", "terminator": "#"}
    handle = ended(CollectResults, told("collect", result={"type": "digit", "params": params}))
    assert (handle.digits, handle.terminator, handle.speech) == ("123", "#", "")
    assert isinstance(handle.outcome, Done)


def test_a_collect_tells_speech() -> None:
    params = {"text": "sales", "confidence": 0.75}
    handle = ended(CollectResults, told("collect", result={"type": "speech", "params": params}))
    assert (handle.speech, handle.confidence, handle.digits) == ("sales", 0.75, "")


@pytest.mark.parametrize(
    ("kind", "event"),
    [("machine", "HUMAN"), ("machine", "MACHINE"), ("fax", "CED"), ("digit", "1")],
)
def test_a_detector_tells_its_verdict(kind: str, event: str) -> None:
    detect = {"type": kind, "params": {"event": event}}
    handle = ended(DetectResults, told("detect", detect=detect))
    assert handle.verdict == event
    assert handle.human == (event == "HUMAN")


@pytest.mark.parametrize("event_type", ["record", "transcribe"])
def test_a_recording_tells_where_it_is(event_type: str) -> None:
    body = {"state": "finished", "url": "https://example.com/r.mp3", "duration": 1.5, "size": 7}
    kind: type[RecordResults[RecordEvent]] = RecordResults
    handle = ended(kind, told(event_type, **body))
    assert (handle.url, handle.duration, handle.size) == (body["url"], 1.5, 7)


def test_a_fax_tells_its_document() -> None:
    params = {"document": "https://example.com/f.pdf", "pages": 3, "success": True}
    handle = ended(FaxResults, told("fax", fax={"type": "finished", "params": params}))
    assert (handle.document, handle.pages, handle.success) == (params["document"], 3, True)


def test_the_outcome_is_that_of_the_last_event() -> None:
    assert ended(CollectResults, None).outcome is None
    assert isinstance(ended(CollectResults, RelayEvent()).outcome, CallOver)
    assert isinstance(ended(CollectResults, told("play", state="error")).outcome, Failed)


def test_a_handle_without_a_result_of_its_own_is_a_bug() -> None:
    handle = CollectResults()
    with pytest.raises(AssertionError, match="a subclass must define this property"):
        _ = handle.result
