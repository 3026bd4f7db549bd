"""The kinds of actions, and the rule by which each kind completes.

An action is an operation on a call with a `control_id`. Each kind has a function that
says whether an event is its last one, because the server reports that in different
places.

Source: docs/protocol.md, sections 15 and 15.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from .. import constants as c
from .event_base import OperationEvent, RelayEvent
from .events import CollectEvent, DetectEvent, FaxEvent, PayEvent

EVENT_CALL_AI: Final = "calling.call.ai"
COLLECT_FINAL: Final = frozenset({"digit", "speech", "no_input", "no_match", "finished", "error"})
FINAL_STATES: Final = frozenset({"finished", "error"})


class ActionKind(msgspec.Struct, frozen=True):
    """What all actions have in common that are started by the same verb."""

    method: str
    """The method that starts the action. Its controls are called ``<method>.stop``, …."""
    event_type: str
    """The type of its events. Events of other types with its control id do not end it."""
    is_final: Callable[[RelayEvent], bool]
    """Whether an event is the last one of the action."""
    lingers: bool = False
    """Whether its result may arrive after the call has ended."""
    states: tuple[str, ...] = ()
    """The final states that the program itself has named: see `custom_kind`."""


def _in_states(*states: str) -> Callable[[RelayEvent], bool]:
    wanted = frozenset(states)

    def is_final(event: RelayEvent) -> bool:
        return isinstance(event, OperationEvent) and event.state in wanted

    return is_final


def _collect_is_final(event: RelayEvent) -> bool:
    if not isinstance(event, CollectEvent):
        return False
    if event.type in COLLECT_FINAL and event.final is not False:
        return True
    return event.state in ("finished", "error", "no_input", "no_match")


def _continuous_is_final(event: RelayEvent) -> bool:
    return isinstance(event, CollectEvent) and (
        event.state in FINAL_STATES or event.type in FINAL_STATES
    )


def _detect_is_final(event: RelayEvent) -> bool:
    return isinstance(event, DetectEvent) and (bool(event.detect) or event.state in FINAL_STATES)


def _fax_is_final(event: RelayEvent) -> bool:
    return isinstance(event, FaxEvent) and (
        event.type in FINAL_STATES or event.state in FINAL_STATES
    )


def _pay_is_final(event: RelayEvent) -> bool:
    final = ("payment-completed", "payment-failed")
    return isinstance(event, PayEvent) and (event.state in FINAL_STATES or event.phase in final)


def brings_nothing(event: RelayEvent) -> bool:
    """Whether a last event has no result: it says only that its action is over."""
    match event:
        case CollectEvent(type=kind):
            return kind in ("", "finished", "error", "no_input")
        case DetectEvent(event=verdict):
            return verdict in ("", "finished", "error")
        case PayEvent(phase=phase):
            return phase != "payment-completed"
        case _:
            return True


_over = _in_states("finished", "error")

PLAY: Final = ActionKind("calling.play", c.EVENT_CALL_PLAY, _over)
RECORD: Final = ActionKind(
    "calling.record", c.EVENT_CALL_RECORD, _in_states("finished", "no_input", "error"), lingers=True
)
PLAY_AND_COLLECT: Final = ActionKind(
    "calling.play_and_collect", c.EVENT_CALL_COLLECT, _collect_is_final
)
PLAY_AND_COLLECT_CONTINUOUS: Final = ActionKind(
    "calling.play_and_collect", c.EVENT_CALL_COLLECT, _continuous_is_final
)
COLLECT: Final = ActionKind("calling.collect", c.EVENT_CALL_COLLECT, _collect_is_final)
COLLECT_CONTINUOUS: Final = ActionKind(
    "calling.collect", c.EVENT_CALL_COLLECT, _continuous_is_final
)
DETECT: Final = ActionKind("calling.detect", c.EVENT_CALL_DETECT, _detect_is_final)
SEND_FAX: Final = ActionKind("calling.send_fax", c.EVENT_CALL_FAX, _fax_is_final, lingers=True)
RECEIVE_FAX: Final = ActionKind(
    "calling.receive_fax", c.EVENT_CALL_FAX, _fax_is_final, lingers=True
)
TAP: Final = ActionKind("calling.tap", c.EVENT_CALL_TAP, _over)
STREAM: Final = ActionKind("calling.stream", c.EVENT_CALL_STREAM, _over)
PAY: Final = ActionKind("calling.pay", c.EVENT_CALL_PAY, _pay_is_final)
TRANSCRIBE: Final = ActionKind("calling.transcribe", c.EVENT_CALL_TRANSCRIBE, _over, lingers=True)
AI: Final = ActionKind("calling.ai", EVENT_CALL_AI, _over)


def fax_kind(method: str) -> ActionKind:
    """Return the kind of a fax action by its method, with or without ``calling.``."""
    return SEND_FAX if method.removeprefix("calling.") == "send_fax" else RECEIVE_FAX


def custom_kind(event_type: str, states: tuple[str, ...]) -> ActionKind:
    """Return a kind whose actions end with an `event_type` event in one of `states`."""
    method = event_type.replace("calling.call.", "calling.", 1)
    return ActionKind(method, event_type, _in_states(*states), states=states)
