"""A program: a `ClientCore`, its link, and tasks that wait.

A task is a generator. It yields what it waits for: a `Pending`, a time in seconds, or a
tuple of both. It gets back whether the `Pending` has settled. While a program sleeps, its
own clock stands still and it gets no input. What arrives meanwhile waits, and is read
before the timer is handled.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Generator
from random import Random
from typing import Any, Protocol, TypeAlias, TypeVar

from ..api.commands import Command, Purpose
from ..client_interface import ClientInterface
from ..errors import RelayError
from ..outputs import (
    CallEnded,
    CallOffered,
    CloseTransport,
    EventReceived,
    FrameTraced,
    OpenTransport,
    Output,
    SendData,
    Settled,
)
from ..pending import Pending
from ..records import ActionRecord, CallRecord, MessageRecord
from ..transitions import CallState, SessionState
from .links import Link
from .promises import Promises
from .tap import Frame, Tap

R = TypeVar("R")
T = TypeVar("T")

Wait: TypeAlias = "Pending[Any] | float | tuple[Pending[Any], float]"
Task: TypeAlias = Generator[Wait, bool, T]
QUIET = (SendData, FrameTraced)
"""Outputs that are not in the trace, because their frames are."""


class Surroundings(Protocol):
    """What a program needs from its world."""

    now: float
    promises: Promises

    @abc.abstractmethod
    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` at `when`."""

    @abc.abstractmethod
    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after some seconds."""

    @abc.abstractmethod
    def note(self, who: str, what: str) -> None:
        """Add a line to the trace."""

    @abc.abstractmethod
    def recorded(self, who: str, transport: int, direction: bytes, frame: Frame) -> None:
        """Add a frame to the fingerprint of the world."""

    @abc.abstractmethod
    def open_link(self, program: Program, transport: int) -> Link:
        """Connect the program to the exchange."""
        ...


class Program:
    """One core, with what an adapter and an application would be around it."""

    def __init__(self, world: Surroundings, name: str, core: ClientInterface) -> None:
        self.world = world
        self.name = name
        self.core = core
        self.link: Link | None = None
        self.outputs: list[Output] = []
        self.lag = 0.0
        """How many seconds its timer is late."""
        self.draining_late: Callable[[], float] = lambda: 0.0
        """Returns how many seconds the outputs of a step wait."""
        self.answers: Callable[[CallRecord], None] | None = None
        """Called with each offered call."""
        self.reaction: Callable[[], float] = lambda: 0.0
        """Returns how many seconds a task takes to continue."""
        self.tasks = 0
        self.restless: Random | None = None
        """Decides when to call `handle_timer` though nothing is due; None: never."""
        self._links: dict[int, Link] = {}
        self._taps: dict[int, tuple[Tap, Tap]] = {}
        self._waiting: dict[Pending[Any], list[Callable[[], None]]] = {}
        self._drain_planned = False
        self._asking: tuple[str, Pending[Any]] | None = None
        self._slept = 0.0
        self._wakes_up = 0.0

    # Its clock

    @property
    def clock(self) -> float:
        """The program's own time: the time of the world without the time asleep."""
        return max(self.world.now, self._wakes_up) - self._slept

    @property
    def asleep(self) -> bool:
        """Whether its machine is suspended."""
        return self.world.now < self._wakes_up

    @property
    def wakes_up(self) -> float:
        """When the program wakes up, or last woke up."""
        return self._wakes_up

    def sleep(self, seconds: float) -> None:
        """Suspend the program, or its whole machine. When it wakes up, time has jumped."""
        if not self.asleep:
            self.drain()
            self._wakes_up = self.world.now + seconds
            self._slept += seconds
            self.world.promises.slept(self)

    def _awake(self, action: Callable[[], None]) -> bool:
        """Whether the program is awake. If not, call `action` when it wakes up."""
        if self.asleep:
            self.world.at(self._wakes_up, action)
            return False
        return True

    # Commands

    @property
    def ready(self) -> bool:
        """Whether the program has a session."""
        return self.core.state is SessionState.READY

    def start(self, *, retry: bool = True) -> Pending[None]:
        """Connect."""
        return self._command("start", lambda now: self.core.start(now, retry=retry))

    def close(self) -> None:
        """Disconnect."""
        self.world.promises.closing(self)
        self.core.close(self.world.now)
        self.drain()

    def execute(self, command: Command[R]) -> Pending[R]:
        """Carry out a command of the client."""
        timing = self.core.config.timing
        paced = command.purpose in (Purpose.DIAL, Purpose.SEND_MESSAGE)
        waits = max(timing.queue_timeout, timing.pace_timeout if paced else 0.0)
        within = waits + (
            timing.dial_timeout if command.purpose is Purpose.DIAL else timing.request_timeout
        )
        if command.timeout is not None:
            within = waits + command.timeout
        return self._command(
            command.method, lambda now: self.core.execute(command, now), within=within
        )

    def execute_on(self, target: CallRecord | ActionRecord, command: Command[R]) -> Pending[R]:
        """Carry out a command of a call or an action."""
        timing = self.core.config.timing
        within = timing.queue_timeout + timing.request_timeout
        return self._command(
            command.method, lambda now: self.core.execute_on(target, command, now), within=within
        )

    def wait_for(self, call: CallRecord, state: CallState) -> Pending[Any]:
        """Wait for a state of a call."""
        return self._command(
            f"wait for {state.value}", lambda now: self.core.wait_for(call, state, now)
        )

    def cancel(self, pending: Pending[Any]) -> None:
        """Cancel a command, because nobody waits for it any more."""
        self.world.note(self.name, "cancels")
        self.core.cancel(pending, self.world.now)
        self.drain()

    def _command(
        self, what: str, act: Callable[[float], Pending[R]], *, within: float | None = None
    ) -> Pending[R]:
        # Of earlier steps or commands: what is sent now may be theirs.
        late = self.has_outputs or self.core.queued_requests > 0
        try:
            pending = act(self.world.now)
            self.world.promises.asked(self, pending, what, within)
            self._asking = None if late else (what, pending)
        finally:
            self.drain()
            self._asking = None
        return pending

    # Inputs

    @property
    def wakes_at(self) -> float | None:
        """When the program's timer is called next."""
        deadline = self.core.deadline()
        return None if deadline is None else max(deadline + self.lag, self._wakes_up)

    def keep_time(self) -> None:
        """Handle the timer."""
        now = self.world.now
        self.core.handle_timer(now)
        self.world.promises.timer_handled(self.name, self.core.deadline())
        self._stepped()

    def link_opened(self, link: Link) -> None:
        """The byte stream is open."""
        if not self._awake(lambda: self.link_opened(link)):
            return
        self.world.note(self.name, f"link {link.transport} opened")
        self.world.promises.link_opened(self, link)
        self.core.transport_opened(link.transport, self.world.now)
        self._stepped()

    def link_data(self, link: Link, data: bytes, *, waited: bool = False) -> None:
        """Bytes arrived. They may have `waited` while the program slept."""
        if not self._awake(lambda: self.link_data(link, data, waited=True)):
            return
        for frame in self._taps[link.transport][1].feed(data):
            self.world.note(self.name, f"{link.transport} ← {frame}")
            self.world.recorded(self.name, link.transport, b"<", frame)
            self.world.promises.frame_arrived(self, link, frame, waited=waited)
        self.core.receive_data(link.transport, data, self.world.now)
        self._stepped()

    def link_closed(self, link: Link, reason: str) -> None:
        """The byte stream is gone."""
        if not self._awake(lambda: self.link_closed(link, reason)):
            return
        self.world.note(self.name, f"link {link.transport} is gone: {reason}")
        self.world.promises.link_closed(self, link)
        self.core.transport_closed(link.transport, self.world.now, reason)
        self._stepped()

    def _stepped(self) -> None:
        self.world.promises.moved(self)
        now = self.world.now
        deadline = self.core.deadline()
        if self.restless is not None and self.restless.random() < 0.05 and (deadline or now) > now:
            self.core.handle_timer(now)  # nothing is due, so this must do nothing
            self.world.promises.timer_touched(self.name, deadline, self.core.deadline())
        delay = self.draining_late()
        if not delay:
            self.drain()
        elif not self._drain_planned:
            self._drain_planned = True
            self.world.after(delay, self.drain)

    # Outputs

    @property
    def has_outputs(self) -> bool:
        """Whether there may be outputs that were not performed yet."""
        return self._drain_planned

    def told(self, kind: type[T]) -> list[T]:
        """Return all outputs of one kind, from the beginning."""
        return [output for output in self.outputs if isinstance(output, kind)]

    def drain(self) -> None:
        """Perform all outputs."""
        if not self._awake(self.drain):
            return
        self._drain_planned = False
        while (output := self.core.next_output()) is not None:
            self.outputs.append(output)
            if not isinstance(output, QUIET):
                self.world.note(self.name, describe(output))
            self.world.promises.output(self, output)
            self._perform(output)
        self.world.promises.drained(self)

    def _perform(self, output: Output) -> None:
        match output:
            case OpenTransport(transport):
                self._taps[transport] = (Tap(), Tap())
                self.link = self._links[transport] = self.world.open_link(self, transport)
            case SendData(transport, data):
                link = self._links[transport]
                for frame in self._taps[transport][0].feed(data):
                    self.world.note(self.name, f"{transport} → {frame}")
                    self.world.recorded(self.name, transport, b">", frame)
                    self.world.promises.frame_sent(self, link, frame, self._asking)
                link.up.write(data)
            case CloseTransport(transport, flush):
                self._links[transport].leave_down(flush=flush)
            case Settled(pending):
                for wake in self._waiting.pop(pending, ()):
                    self.world.after(self.reaction(), wake)
            case CallOffered(call):
                if self.answers is not None:
                    self.answers(call)
            case _:
                pass

    # Tasks

    def spawn(self, task: Task[None]) -> None:
        """Run a task. A `RelayError` ends it, like an exception in a handler."""
        self.tasks += 1
        self.world.after(0.0, lambda: self._resume(task, None))

    def _resume(self, task: Task[None], settled: bool | None) -> None:
        if not self._awake(lambda: self._resume(task, settled)):
            return
        try:
            wait = next(task) if settled is None else task.send(settled)
        except (StopIteration, RelayError):
            self.tasks -= 1
            return
        woken = False

        def wake(settled: bool) -> None:
            nonlocal woken
            if not woken:
                woken = True
                self._resume(task, settled)

        seconds: float | None
        pending, seconds = wait if isinstance(wait, tuple) else (wait, None)
        if isinstance(pending, Pending):
            if pending.settled:
                self.world.after(self.reaction(), lambda: wake(True))
            else:
                self._waiting.setdefault(pending, []).append(lambda: wake(True))
        else:
            seconds = pending
        if seconds is not None:
            self.world.after(seconds, lambda: wake(False))

    def ask(self, command: Command[R]) -> Task[R]:
        """Carry out a command of the client, and wait for its result."""
        pending = self.execute(command)
        yield pending
        result = pending.result()
        if isinstance(result, MessageRecord):
            self.world.promises.asked(self, result.done, "delivery", None)
        return result

    def ask_on(self, target: CallRecord | ActionRecord, command: Command[R]) -> Task[R]:
        """Carry out a command of a call or an action, and wait for its result."""
        pending = self.execute_on(target, command)
        yield pending
        result = pending.result()
        if isinstance(result, ActionRecord):
            self.world.promises.action_started(self, result)
        return result


def describe(output: Output) -> str:
    """Return a short description of an output, for the trace."""
    match output:
        case Settled(pending):
            error = pending.error
            return "settled" if error is None else f"settled: {type(error).__name__}"
        case EventReceived(event, call):
            state = f" {call.call_id[:6]} {call.state}" if call is not None else ""
            return f"told {event.event_type}{state}"
        case CallOffered(call) | CallEnded(call):
            return f"{type(output).__name__} {call.call_id[:6]}"
        case _:
            return repr(output)
