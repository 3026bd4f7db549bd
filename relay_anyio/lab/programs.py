"""Programs, as the lab shows them: who is connected, and how quickly they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from relay_proto.display import one_line
from relay_proto.exchange import FrameSeen, ProgramView

from .frames import Conversation, Facts
from .shapes import ProgramState

MOST_AGENTS: Final = 1000
LONGEST_AGENT: Final = 200
CONNECTS: Final = frozenset({"signalwire.connect", "blade.connect"})
CHANGES: Final = CONNECTS | {
    "signalwire.receive",
    "signalwire.unreceive",
    "signalwire.reauthenticate",
    "blade.subscription",
    "setup",
}
"""The methods after which a session may be another one, or have other contexts."""


class ProgramTable:
    """All sessions. `look` returns those of the exchange, `changed` is told of each change."""

    def __init__(
        self,
        look: Callable[[], tuple[ProgramView, ...]],
        changed: Callable[[ProgramState], None],
    ) -> None:
        self._look = look
        self._changed = changed
        self._programs: dict[str, ProgramState] = {}
        self._count = 0
        self._conversations: dict[int, Conversation] = {}
        self._agents: dict[int, str] = {}
        self._transports: dict[int, str] = {}
        """The session of each connection."""

    def __iter__(self) -> Iterator[ProgramState]:
        return iter(self._programs.values())

    def name(self, session: str) -> str | None:
        """Return the id of a program by its session."""
        program = self._programs.get(session)
        return None if program is None else program.id

    def of_transport(self, transport: int) -> str | None:
        """Return the id of the program on a connection."""
        return self.name(self._transports.get(transport, ""))

    def take_frame(self, seen: FrameSeen, at: float) -> Facts:
        """Take note of a frame, and return what it is."""
        conversation = self._conversations.setdefault(seen.transport, Conversation())
        facts = conversation.read(seen.data, seen.at, received=seen.received)
        if seen.session:
            self._transports[seen.transport] = seen.session
        if facts.method in CONNECTS and facts.kind == "request":
            agent = facts.params.get("agent", facts.params.get("user_agent"))
            if isinstance(agent, str):
                self._agents[seen.transport] = one_line(agent, LONGEST_AGENT)
        program = self._programs.get(seen.session)
        if facts.kind in {"ping", "acknowledgement"}:
            self._measure(program, seen, facts, at)
        elif facts.method in CHANGES and facts.kind == "response":
            self.refresh(at)
        return facts

    def refresh(self, at: float) -> None:
        """Compare with the sessions of the exchange, and tell of what has changed."""
        views = {view.session: view for view in self._look()}
        for session in [session for session in self._programs if session not in views]:
            program = self._programs.pop(session)
            program.connected, program.gone = False, True
            self._changed(program)
        for view in views.values():
            self._update(view, at)
        live = {view.transport for view in views.values()}
        for transport in [known for known in self._transports if known not in live]:
            self._forget(transport)
        while len(self._conversations) > MOST_AGENTS:
            self._forget(next(iter(self._conversations)))

    def count_calls(self, session: str, calls: int) -> None:
        """Take note of how many calls of a session are up."""
        program = self._programs.get(session)
        if program is not None and program.calls != calls:
            program.calls = calls
            self._changed(program)

    def _update(self, view: ProgramView, at: float) -> None:
        program = self._programs.get(view.session)
        before = None if program is None else _told(program)
        if program is None:
            self._count += 1
            program = ProgramState(id=f"p{self._count}", since=at, session=view.session)
            self._programs[view.session] = program
        if view.transport is not None:
            self._transports[view.transport] = view.session
            program.agent = self._agents.get(view.transport, program.agent)
        program.contexts = list(view.contexts)
        program.connected = view.transport is not None
        program.acknowledges = view.acknowledges
        if _told(program) != before:
            self._changed(program)

    def _measure(
        self, program: ProgramState | None, seen: FrameSeen, facts: Facts, at: float
    ) -> None:
        if program is None:
            return
        if facts.kind == "ping":
            program.last_ping_at = at
        if facts.took is not None and seen.received:
            program.latency = facts.took
        if facts.kind == "ping":
            self._changed(program)

    def _forget(self, transport: int) -> None:
        self._conversations.pop(transport, None)
        self._agents.pop(transport, None)
        self._transports.pop(transport, None)


def _told(program: ProgramState) -> tuple[object, ...]:
    return program.agent, program.contexts, program.connected, program.acknowledges
