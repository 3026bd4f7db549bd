"""Rehearsals: run a program's own handlers with simulated callers, without a network.

`rehearse` runs an unchanged client against an exchange in memory. Its clock jumps
from one event to the next, so a caller who thinks for minutes costs no real time::

    story = rehearse(client, Caller("+15550001111", (Hear("sales"), Press("1"))))
    assert "receives digit: 1" in story.text

Public: for tests of applications.
"""

from __future__ import annotations

from relay_proto.adapter.exploring import CounterexampleError, Exploration, PromiseFailedError
from relay_proto.adapter.stories import (
    DeadlockError,
    NotHeardWarning,
    RehearsalTimeoutError,
    Story,
    UnansweredWarning,
)
from relay_proto.adapter.story_promises import (
    PROMISES,
    AskedOnce,
    NoSilence,
    Promise,
    every_call_ends,
)
from relay_proto.exchange import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    ExchangeTiming,
    Fax,
    HangUp,
    Happened,
    Hear,
    Human,
    InTurn,
    Line,
    Machine,
    Nature,
    NoAnswer,
    OverTime,
    Press,
    Say,
    Step,
    TextMessage,
    Unclear,
    Unreachable,
    Wait,
    What,
    Who,
)
from relay_proto.testing.situations import Trouble

from ._exploring import explore
from ._rehearsing import Backend, Scene, Stage, rehearsal, rehearse
from ._virtual import VirtualLoop, run_in_virtual_time, virtual_time

__all__ = [
    "PROMISES",
    "Answers",
    "AskedOnce",
    "Backend",
    "Behaviour",
    "Busy",
    "Caller",
    "CounterexampleError",
    "DeadlockError",
    "Declines",
    "ExchangeTiming",
    "Exploration",
    "Fax",
    "HangUp",
    "Happened",
    "Hear",
    "Human",
    "InTurn",
    "Line",
    "Machine",
    "Nature",
    "NoAnswer",
    "NoSilence",
    "NotHeardWarning",
    "OverTime",
    "Press",
    "Promise",
    "PromiseFailedError",
    "RehearsalTimeoutError",
    "Say",
    "Scene",
    "Stage",
    "Step",
    "Story",
    "TextMessage",
    "Trouble",
    "UnansweredWarning",
    "Unclear",
    "Unreachable",
    "VirtualLoop",
    "Wait",
    "What",
    "Who",
    "every_call_ends",
    "explore",
    "rehearsal",
    "rehearse",
    "run_in_virtual_time",
    "virtual_time",
]
