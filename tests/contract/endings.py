"""What ends an action of each kind, and what does not: bodies of its events.

Source: ``actions`` and ``constants`` of tests/spec/relay.json; docs/protocol.md, section 15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from tests.spec import CONSTANTS

Body: TypeAlias = Mapping[str, Any]


def results(kinds: list[str], **more: Any) -> list[Body]:
    return [{"result": {"type": kind}, **more} for kind in kinds]


def states(*names: str) -> list[Body]:
    return [{"state": name} for name in names]


def detections() -> list[Body]:
    return [
        {"detect": {"type": kind, "params": {"event": event}}}
        for kind, events in CONSTANTS["detect_events"].items()
        for event in events
    ]


FAXED: Final[Body] = {"fax": {"type": "finished", "params": {"success": True}}}
INPUTS: Final[list[str]] = CONSTANTS["collect_final_result_types"]

INPUT_ENDS: Final[list[Body]] = [
    *states("finished", "error", "no_input", "no_match"),
    *results(INPUTS),
    *results(INPUTS, final=True),
    *results(INPUTS, state="collecting"),
]
CONTINUOUS_ENDS: Final[list[Body]] = [
    *states("finished", "error"),
    *results(["finished", "error"]),
]
FAX_ENDS: Final[list[Body]] = [
    *states("finished", "error"),
    FAXED,
    {"fax": {"type": "error"}},
]
FINAL: Final[Mapping[str, list[Body]]] = {
    "ai": states("finished", "error"),
    "collect": INPUT_ENDS,
    "collect continuously": CONTINUOUS_ENDS,
    "detect": [*states("finished", "error"), *detections()],
    "pay": [
        *states("finished", "error"),
        *({"for": phase} for phase in CONSTANTS["pay_final_for"]),
    ],
    "play": states("finished", "error"),
    "play_and_collect": INPUT_ENDS,
    "play_and_collect continuously": CONTINUOUS_ENDS,
    "receive_fax": FAX_ENDS,
    "record": states("finished", "no_input", "error"),
    "send_fax": FAX_ENDS,
    "stream": states("finished", "error"),
    "tap": states("finished", "error"),
    "transcribe": states("finished", "error"),
}
"""What ends each of them."""
INPUT_GOES_ON: Final[list[Body]] = [
    *results(["start_of_input"]),
    *results(INPUTS, final=False),
    *states("collecting"),
    {},
]
CONTINUOUS_GOES_ON: Final[list[Body]] = [
    *results(["digit", "speech", "no_input", "no_match", "start_of_input"]),
    *states("collecting"),
]
FAX_GOES_ON: Final[list[Body]] = [{"fax": {"type": "page", "params": {"number": 1}}}, {}]
PROGRESS: Final[Mapping[str, list[Body]]] = {
    "ai": states("", "new"),
    "collect": INPUT_GOES_ON,
    "collect continuously": CONTINUOUS_GOES_ON,
    "detect": [{"detect": {}}, {"detect": None}, *states("detecting")],
    "pay": [{"for": "payment-card-number"}, {"for": "postal-code", "attempt": "1"}, {}],
    "play": states("playing", "paused", "new"),
    "play_and_collect": INPUT_GOES_ON,
    "play_and_collect continuously": CONTINUOUS_GOES_ON,
    "receive_fax": FAX_GOES_ON,
    "record": states("recording", "paused"),
    "send_fax": FAX_GOES_ON,
    "stream": states("streaming"),
    "tap": states("tapping"),
    "transcribe": states("transcribing"),
}
"""What does not."""
