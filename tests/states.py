"""The states of the protocol, and what leads from one to the next: the diagrams of it.

They are drawn from the tables in `relay_proto`. ``python -m tests.states`` writes
them into ``docs/states.md``, and a test fails if that has not been done.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from relay_proto.api.answering import ANSWERING, Phase
from relay_proto.exchange.agents import AGENT, AgentState
from relay_proto.exchange.collecting import COLLECT, CollectState
from relay_proto.exchange.conference import CONFERENCE, ConferenceState
from relay_proto.exchange.playing import PLAYBACK, PlaybackState
from relay_proto.exchange.recording import RECORDING, RecordingState
from relay_proto.server import SERVER, ServerState
from relay_proto.transitions import (
    ACTION,
    CALL_ORDER,
    DIAL,
    MESSAGE_ORDER,
    SESSION,
    ActionState,
    DialState,
    PingState,
    RequestState,
    SessionState,
)
from relay_proto.wire.websocket import WIRE, WireState
from tests.pages import replace_part

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "states.md"
BEGIN: Final = "<!-- states of {}: drawn by `python -m tests.states` -->"
END: Final = "<!-- end of states -->"

Row: TypeAlias = tuple[enum.Enum, str]
"""A state, and what happens in it."""

_P, _R = PingState, RequestState

PING: Final[Mapping[Row, enum.Enum]] = {
    (_P.QUIET, "doubt"): _P.AWAITING_REPLY,
    (_P.AWAITING_REPLY, "sign of life"): _P.QUIET,
    (_P.AWAITING_REPLY, "no reply"): _P.BACKING_OFF,
    (_P.BACKING_OFF, "sign of life"): _P.QUIET,
    (_P.BACKING_OFF, "delay over"): _P.AWAITING_REPLY,
}
"""What `Liveness` does. It has no table: `tests/docs/test_states.py` compares the two."""

REQUEST: Final[Mapping[Row, enum.Enum]] = {
    (_R.QUEUED, "written"): _R.SENT,
    (_R.QUEUED, "cancelled"): _R.DONE,
    (_R.QUEUED, "timed out"): _R.DONE,
    (_R.QUEUED, "decided"): _R.DONE,
    (_R.QUEUED, "closed"): _R.DONE,
    (_R.SENT, "answered"): _R.DONE,
    (_R.SENT, "timed out"): _R.DONE,
    (_R.SENT, "connection lost"): _R.DONE,
    (_R.SENT, "closed"): _R.DONE,
}
"""What `Requests` and `Dispatch` do. They have no table either."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A table, and where it begins and ends."""

    table: Mapping[Any, enum.Enum]
    first: tuple[tuple[enum.Enum, str], ...]
    """Each with what is written beside the arrow that leads to it."""
    last: tuple[enum.Enum, ...] = ()

    @property
    def states(self) -> list[enum.Enum]:
        """All states, in order."""
        return list(type(self.first[0][0]))

    @property
    def rows(self) -> Iterator[tuple[enum.Enum, str, enum.Enum]]:
        """State, what happens, and the state that follows."""
        for (state, happened), following in self.table.items():
            yield state, getattr(happened, "value", happened), following

    @property
    def inputs(self) -> list[str]:
        """All that can happen, in order."""
        return list(dict.fromkeys(happened for _, happened, _ in self.rows))


def _machine(table: Mapping[Any, enum.Enum], first: enum.Enum, *last: enum.Enum) -> Machine:
    return Machine(table, ((first, ""),), last)


MACHINES: Final[Mapping[str, Machine]] = {
    "session": _machine(SESSION, SessionState.DISCONNECTED, SessionState.CLOSED),
    "ping": _machine(PING, PingState.QUIET),
    "request": _machine(REQUEST, RequestState.QUEUED, RequestState.DONE),
    "action": _machine(ACTION, ActionState.STARTING, ActionState.COMPLETED),
    "dial": _machine(DIAL, DialState.REQUESTED, DialState.ANSWERED, DialState.FAILED),
    "answering": _machine(ANSWERING, Phase.LISTENING, Phase.OVER),
    "wire": Machine(
        WIRE,
        ((WireState.NEW, "client"), (WireState.UPGRADING, "server")),
        (WireState.CLOSED, WireState.FAILED),
    ),
    "server": _machine(SERVER, ServerState.IDLE, ServerState.ENDED),
    "playback": _machine(PLAYBACK, PlaybackState.PLAYING, PlaybackState.FINISHED),
    "recording": _machine(RECORDING, RecordingState.RECORDING),
    "collect": _machine(COLLECT, CollectState.HELD),
    "agent": _machine(AGENT, AgentState.TALKING),
    "conference": _machine(CONFERENCE, ConferenceState.WAITING),
}

ORDERS: Final[Mapping[str, Mapping[str, int]]] = {"call": CALL_ORDER, "message": MESSAGE_ORDER}
"""States that are told by the server, and taken only when they lead forward."""


def draw(machine: Machine) -> str:
    """A diagram in the language of Mermaid; arrows between the same two states are one."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for state, happened, following in machine.rows:
        arrows.setdefault((_name(state), _name(following)), []).append(happened)
    return _diagram(
        [str(state.value) for state in machine.states],
        [("[*]", _name(first), label) for first, label in machine.first],
        [(state, following, ", ".join(inputs)) for (state, following), inputs in arrows.items()],
        [(_name(last), "[*]", "") for last in machine.last],
    )


def draw_order(order: Mapping[str, int]) -> str:
    """A diagram of an order: an arrow from each state to those of the next rank."""
    lowest, highest = min(order.values()), max(order.values())
    return _diagram(
        list(order),
        [("[*]", state, "") for state, rank in order.items() if rank == lowest],
        [
            (state, following, "")
            for state, rank in order.items()
            for following, higher in order.items()
            if higher == rank + 1
        ],
        [(state, "[*]", "") for state, rank in order.items() if rank == highest],
    )


def _diagram(states: list[str], *arrows: list[tuple[str, str, str]]) -> str:
    lines = [
        f'    state "{state}" as {_identifier(state)}'
        for state in states
        if state != _identifier(state)
    ]
    for start, end, label in (arrow for some in arrows for arrow in some):
        lines.append(f"    {start} --> {end}" + (f" : {label}" if label else ""))
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _name(state: enum.Enum) -> str:
    return _identifier(str(state.value))


def _identifier(value: str) -> str:
    return re.sub(r"\W", "_", value)


def drawings() -> dict[str, str]:
    """Every diagram, by its name on the page."""
    machines = {name: draw(machine) for name, machine in MACHINES.items()}
    return machines | {name: draw_order(order) for name, order in ORDERS.items()}


def page_with_states() -> str:
    """The page as it should be."""
    page = PAGE.read_text("utf-8")
    for name, drawing in drawings().items():
        page = replace_part(page, BEGIN.format(name), drawing, END)
    return page


if __name__ == "__main__":
    PAGE.write_text(page_with_states(), "utf-8")
