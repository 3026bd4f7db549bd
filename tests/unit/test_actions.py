"""Actions: what starts each kind, and which events end it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_proto.rpc import action_kinds as actions
from relay_proto.rpc.action_kinds import ActionKind, brings_nothing, custom_kind
from relay_proto.rpc.events import EVENT_CLASS_MAP, parse_event
from tests.spec import ACTIONS, CONSTANTS, EVENTS
from tests.spec.json_values import json_objects

KINDS: Final[dict[str, ActionKind]] = {
    name: kind for name, kind in vars(actions).items() if isinstance(kind, ActionKind)
}
COLLECTS: Final = ["COLLECT", "PLAY_AND_COLLECT"]
CONTINUOUS: Final = [f"{name}_CONTINUOUS" for name in COLLECTS]
FINAL: Final[dict[str, list[str]]] = {
    name: ["finished", "error"] for name in KINDS.keys() - {"RECORD", *COLLECTS}
} | {
    "RECORD": ["finished", "no_input", "error"],
    **{name: ["finished", "error", "no_input", "no_match"] for name in COLLECTS},
}
"""The states that end each kind."""
STATES: Final = sorted(
    {state for key in CONSTANTS if key.endswith("_states") for state in CONSTANTS[key]}
    | {"finished", "error", "no_input", "no_match", "", "new"}
)

each_kind = pytest.mark.parametrize("name", KINDS)


def is_final(name: str, /, **body: Any) -> bool:
    kind = KINDS[name]
    return kind.is_final(parse_event({"event_type": kind.event_type, "params": body}))


def test_every_kind_of_the_specification_is_there() -> None:
    started = {method: item for item in ACTIONS.values() for method in item["started_by"]}
    assert {kind.method for kind in KINDS.values()} == started.keys()
    for kind in KINDS.values():
        assert [kind.event_type] == started[kind.method]["events"]
        assert kind.event_type in EVENTS


@each_kind
def test_a_kind_ends_in_its_final_states_and_in_no_other(name: str) -> None:
    assert {state for state in STATES if is_final(name, state=state)} == set(FINAL[name])


@pytest.mark.parametrize("name", sorted(KINDS.keys() - set(CONTINUOUS)))
def test_the_final_states_of_the_vendors_client_are_final_here_too(name: str) -> None:
    item = next(item for item in ACTIONS.values() if KINDS[name].method in item["started_by"])
    assert set(item["reference_terminal_states"]) <= set(FINAL[name])


@settings(max_examples=15)
@each_kind
@given(st.sampled_from(sorted(EVENT_CLASS_MAP)), json_objects)
def test_the_rule_can_be_asked_about_any_event(
    name: str, event_type: str, body: dict[str, Any]
) -> None:
    event = parse_event({"event_type": event_type, "params": {**body, "result": body}})
    assert KINDS[name].is_final(event) in (True, False)


@each_kind
def test_an_event_that_is_no_operations_never_ends_one(name: str) -> None:
    event = parse_event({"event_type": "calling.call.echo", "params": {"state": "finished"}})
    assert not KINDS[name].is_final(event)


@pytest.mark.parametrize("name", COLLECTS)
@pytest.mark.parametrize("kind", CONSTANTS["collect_result_types"])
def test_every_result_but_the_start_of_input_ends_a_collect(name: str, kind: str) -> None:
    final = kind in CONSTANTS["collect_final_result_types"]
    assert is_final(name, result={"type": kind}) == final
    assert is_final(name, result={"type": kind}, final=True) == final
    assert not is_final(name, result={"type": kind}, final=False)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("kind", CONSTANTS["collect_result_types"])
def test_a_result_does_not_end_a_continuous_collect(name: str, kind: str) -> None:
    assert is_final(name, result={"type": kind}) == (kind in ("finished", "error"))


@pytest.mark.parametrize("name", [*COLLECTS, *CONTINUOUS])
def test_the_end_of_the_prompt_does_not_end_the_collect(name: str) -> None:
    event = parse_event({"event_type": "calling.call.play", "params": {"state": "finished"}})
    assert not KINDS[name].is_final(event)


def test_the_first_detection_ends_a_detector() -> None:
    for kind, events in CONSTANTS["detect_events"].items():
        for event in events:
            assert is_final("DETECT", detect={"type": kind, "params": {"event": event}})
    assert not is_final("DETECT", detect={})


@pytest.mark.parametrize("name", ["SEND_FAX", "RECEIVE_FAX"])
def test_a_fax_is_over_when_its_type_says_so_and_not_with_a_page(name: str) -> None:
    over = {kind: is_final(name, fax={"type": kind}) for kind in CONSTANTS["fax_types"]}
    assert over == {"page": False, "finished": True, "error": True}


def test_a_payment_is_over_in_one_of_two_phases() -> None:
    assert all(is_final("PAY", **{"for": phase}) for phase in CONSTANTS["pay_final_for"])
    assert not is_final("PAY", **{"for": "payment-card-number"})


def test_only_what_leaves_a_file_or_a_document_may_report_after_the_call() -> None:
    lingering = {name for name, kind in KINDS.items() if kind.lingers}
    assert lingering == {"RECORD", "TRANSCRIBE", "SEND_FAX", "RECEIVE_FAX"}


def _detected(event: str) -> dict[str, Any]:
    return {"detect": {"type": "machine", "params": {"event": event}}}


@pytest.mark.parametrize(
    ("name", "body", "nothing"),
    [
        *(
            ("COLLECT", {"result": {"type": kind}}, True)
            for kind in ("", "finished", "error", "no_input")
        ),
        *(
            ("COLLECT", {"result": {"type": kind}}, False)
            for kind in ("digit", "speech", "no_match")
        ),
        *(("DETECT", _detected(event), True) for event in ("", "finished", "error")),
        *(("DETECT", _detected(event), False) for event in ("HUMAN", "CED", "5")),
        ("PAY", {"for": "payment-completed"}, False),
        ("PAY", {"for": "payment-failed"}, True),
        ("PAY", {"state": "finished"}, True),
        ("PLAY", {"state": "finished"}, True),
    ],
)
def test_a_last_event_without_a_result_brings_nothing(
    name: str, body: dict[str, Any], nothing: bool
) -> None:
    event = parse_event({"event_type": KINDS[name].event_type, "params": body})
    assert brings_nothing(event) is nothing


def test_a_kind_that_a_program_makes_ends_in_its_states_alone() -> None:
    kind = custom_kind("calling.call.calling.call.new", ("done", "failed"))
    assert (kind.method, kind.event_type) == (
        "calling.calling.call.new",
        "calling.call.calling.call.new",
    )
    assert (kind.states, kind.lingers) == (("done", "failed"), False)
    for state, final in {"done": True, "failed": True, "finished": False, "": False}.items():
        event = parse_event({"event_type": kind.event_type, "params": {"state": state}})
        assert kind.is_final(event) is final
    assert custom_kind("other.new", ()).method == "other.new"
