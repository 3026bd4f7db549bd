"""Delivery: how an output of a core reaches the functions of the application.

Both adapters deliver alike; they differ in how they run a function, which their
`Runner` knows. All of this happens within a step, or in the one thread that has them.
"""

# ruff: noqa: SLF001 - what handles keep for the adapters
# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from logging import ERROR, INFO, WARNING
from typing import Any, Final, Generic, TypeVar

from ..api.commands import Command
from ..api.routes import CallRoute, Link, Registration, Routes
from ..calls.calls import LOST_SESSION
from ..display import counted, shown_id
from ..errors import CallEndedError, RelayError
from ..observing.observer import Target
from ..outputs import (
    CallEnded,
    CallOffered,
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    EventReceived,
    MessageChanged,
    MessageReceived,
    Output,
    Settled,
)
from ..pending import Pending
from ..records import CallRecord, MessageRecord
from ..rpc.event_base import RelayEvent, size_of
from ..rpc.events import CallStateEvent
from ..transitions import SessionState
from .backlog import Bound
from .contexts import with_context
from .forks import forks
from .handles import CallBase, Function, ListenerBase, MessageBase
from .logs import TOO_MANY, Lines, Log
from .observation import GuardedObservation
from .running import DeliveryEngine, Runner, Running
from .shared_pace import SharedTurns
from .turns import Turns
from .vitals import MOST_IDS

NO_CONTEXT: Final = (
    "the client is subscribed to no context, so its handlers get no calls and no texts: give it "
    "contexts=[...], or call client.receive([...])"
)


R = TypeVar("R")
T = TypeVar("T", bound=Running)
C = TypeVar("C", bound=CallBase[Any, Any])
M = TypeVar("M", bound=MessageBase[Any])


class _Handling(Generic[C]):
    """Tells a `Delivery` that the handler of a call has ended. A partial is four times as big."""

    __slots__ = ("_call", "_delivery", "_route")

    def __init__(self, delivery: Delivery[Any, C, Any], call: C, route: CallRoute) -> None:
        self._delivery = delivery
        self._call = call
        self._route = route

    def __call__(self, failure: BaseException | None, /, *, began: bool = True) -> None:
        self._delivery._handled(self._call, self._route, failure, began=began)


class Delivery(Generic[T, C, M]):
    """The way from the outputs of one engine's core to the application's functions."""

    def __init__(
        self,
        engine: DeliveryEngine,
        routes: Routes,
        runner: Runner[T],
        log: Log,
        *,
        call_of: Callable[[CallRecord], C],
        message_of: Callable[[MessageRecord], M],
        changed: Callable[[], None],
        connected: Callable[[], None],
        closed: Callable[[Closed], None],
        leaving: Callable[[BaseException], None],
        turns: SharedTurns,
        observation: GuardedObservation | None = None,
    ) -> None:
        """`changed` is called whenever a call or the handler of one has ended.

        `connected` is called with each new session, and `closed` at the end.
        `leaving` gets what the application has raised to end the program. `observation` is
        told of handlers.
        """
        self._engine = engine
        self._routes = routes
        self._runner = runner
        self._log = log
        self.lines = Lines(log, engine.time, engine.deadline_changed)
        self._host = engine.core.config.host
        self._call_of = call_of
        self._message_of = message_of
        self._changed = changed
        self._connected = connected
        self._closed = closed
        self._leaving = leaving
        self.observation: Final = observation
        if observation is not None:
            observation.surroundings = self
        self.turns: Final = turns
        """Who of the application's waits for a turn to dial or to send a text."""
        self._had_session = False
        self.last_failure: RelayError | None = None
        """Why the last attempt to connect has failed, if one has since the last session."""
        self.failure: RelayError | None = None
        """Why the client has ended, if nobody has disconnected it."""
        self._listeners: dict[Registration, ListenerBase] = {}
        self._handling: dict[CallRecord, T] = {}
        self._renew_lock()
        forks.call_in_child(self._renew_lock)
        limits = engine.core.config.limits
        self._texts: Turns[tuple[str, Function, M]] = Turns(
            limits.message_handlers, Bound.of(limits), self._start_text
        )

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()  # handlers may end in other threads

    @property
    def handlers(self) -> int:
        """How many handlers of calls run."""
        return len(self._handling)

    @property
    def busy(self) -> bool:
        """Whether calls are up, or handlers other than the one that asks still run."""
        with self._lock:
            others = any(not self._runner.is_own(task) for task in self._handling.values())
        return self._engine.alive and (self._engine.core.active_calls > 0 or others)

    def bound(
        self, execute: Callable[[Command[R], Target], Pending[R]], command: Command[R], on: Target
    ) -> Callable[[], Pending[R]]:
        """Return the execution of a command, for another thread to begin.

        Its callback has the context variables of now, and an observer sees them.
        """
        function = partial(execute, with_context(command), on)
        return function if self.observation is None else partial(copy_context().run, function)

    # Time

    def deadline(self) -> float | None:
        """When `handle_timer` should be called next: for the core, or for the log."""
        due, log_due = self._engine.core.deadline(), self.lines.deadline()
        if due is None or log_due is None:
            return log_due if due is None else due
        return min(due, log_due)

    def handle_timer(self, now: float) -> None:
        """Do all that is due. The outputs of the core have to be performed then."""
        self.lines.handle_timer(now)
        self._engine.core.handle_timer(now)

    # From the guard

    def end_program(self, name: str, error: BaseException) -> None:
        """A function has raised what ends the program: disconnect, and let it out there."""
        self.lines.write(("end", ""), logging.INFO, "%s ends the program: %r", name, error)
        self._leaving(error)
        self._engine.tell(self.close)

    def close(self, now: float) -> None:
        """Close the core. Calls that no handler has yet go back to the service before."""
        core = self._engine.core
        with self._lock:
            waiting = {record for record, task in self._handling.items() if task.give_back()}
        for record in core.live_calls:
            if record in waiting or (record.handle is not None and record.handle._unpulled):
                core.pass_back(record, now)
        core.close(now)

    # From the engine

    def event_received(self, output: EventReceived) -> None:
        """Hand on an event: to whom it concerns on its call, then to who hears all."""
        event, record = output.event, output.call
        if self._log.is_enabled_for(logging.DEBUG):
            self._log.debug("event %r", event)
        if record is not None:
            call: C = record.handle or self._call_of(record)
            call._publish(event)
            if type(event) is CallStateEvent and event.local:
                self._tell_lost(record)
        if self._routes.hears_events:
            self._tell_all(event)

    def publish(self, output: Output) -> None:
        """Hand on anything else that is not an effect, and no event for `event_received`."""
        match output:
            case Settled(pending):
                self._call_back(pending)
            case CallOffered(call):
                self._handle_call(call)
            case CallEnded(call):
                self._call_ended(call)
            case MessageReceived(message, event):
                self._handle_message(message, event)
                self._tell_all(event)
            case MessageChanged(message, event):
                self._message_of(message)._publish(event)
                self._tell_all(event)
            case Connected() | Disconnected():
                self._link_changed(output)
            case Closed(error):
                self.failure = error
                self._forget_texts()
                self._closed(output)
            case _:
                self._report(output)

    def _link_changed(self, output: Link) -> None:
        if isinstance(output, Connected):
            self._connected()
            self.last_failure = None
        self.lines.narrate(self._host, output)
        if not self._had_session:
            self._had_session = True
            self._warn_of_no_context()
        if hooks := self._routes.link(output):
            self._runner.tell_hooks(f"{type(output).__name__} hook", hooks, output)

    def _warn_of_no_context(self) -> None:
        """Say that nothing will come to the handlers, if that is so."""
        handlers = self._routes.accepting_calls or self._routes.message is not None
        if handlers and not self._engine.core.contexts:
            self.lines.write(("no context", ""), WARNING, NO_CONTEXT)

    def _report(self, output: Output) -> None:
        if isinstance(output, ConnectFailed):
            self.last_failure = output.error
        self.lines.narrate(self._host, output)

    def _tell_lost(self, call: CallRecord) -> None:
        if self._engine.alive and call.end_reason == LOST_SESSION:
            self._write(WARNING, "call %s is over: the server has lost it", call)

    def _tell_all(self, event: RelayEvent) -> None:
        for known in self._routes.event(event.event_type):
            listener = self._listeners.get(known)
            if listener is None:
                self._forget_listeners()
                listener = self._runner.new_listener(known.name, known.handler)
                self._listeners[known] = listener
            listener.deliver(event)

    def _forget_listeners(self) -> None:
        """Forget those that the program has taken away since a new one came."""
        registered = self._routes.registrations
        self._listeners = {one: self._listeners[one] for one in registered & self._listeners.keys()}

    def _call_back(self, pending: Pending[RelayEvent]) -> None:
        if pending.error is None:
            callback = pending.callback
            assert callable(callback), "a callback is checked where it is given"
            if not self._runner.call_back("on_completed", callback, pending.result()):
                self._not_run(f"on_completed: %r is not called, because {TOO_MANY}", callback)

    # Calls and messages

    def _handle_call(self, record: CallRecord) -> None:
        call = self._call_of(record)
        route = self._routes.call(record.context)
        if route is None or not self._engine.alive:  # the client passed it back
            call._pass_back()
        elif route.at_once:
            route.handler(call)
        else:
            self._start_handler(record, call, route)

    def _start_handler(self, record: CallRecord, call: C, route: CallRoute) -> None:
        task = self._runner.new_task(cancel_on_end=route.cancel_on_end)
        with self._lock:
            free = len(self._handling) < self._engine.core.config.limits.active_calls
            if free:
                self._handling[record] = task
        if not free:
            words = (
                "call %s was passed back to the service: all call handlers are busy, as many as "
                "max_active_calls allows"
            )
            self._write(ERROR, words, record)
            call._pass_back()
            return
        if self.observation is not None:
            route = self.observation.entered_route(route, record, self._engine.time())
        name = f"handler of call {shown_id(record.call_id)}"
        done = _Handling(self, call, route)
        if not self._runner.start_call(task, name, route, call, done):
            words = "call %s is passed back to the service: its handler cannot be started"
            self._not_run(words, record)
            self._forget_handler(record)
            self._left(record, None)
            call._pass_back()

    def _handled(
        self, call: C, route: CallRoute, failure: BaseException | None, *, began: bool
    ) -> None:
        record = call._record
        self._forget_handler(record)
        self._left(record, failure)
        if record.ended or not self._engine.alive:
            return
        if not began:
            call._pass_back()
        elif failure is not None and route.on_error != "leave":
            self._write(INFO, "call %s is hung up, because its handler failed", record)
            self._engine.tell(self._engine.core.hang_up, record)

    def _forget_handler(self, record: CallRecord) -> None:
        with self._lock:
            del self._handling[record]
        self._changed()

    def leave_calls(self, *, hang_up: bool) -> int:
        """Say which calls are still up after all the time to drain; return how many."""
        left = self._engine.core.active_calls
        if left and self._engine.alive:
            self._engine.tell(partial(self._name_calls_left, hang_up=hang_up))
        return left

    def _name_calls_left(self, _now: float, *, hang_up: bool) -> None:
        calls = self._engine.core.live_calls
        end = "are hung up" if hang_up else "go on at the service"
        words = "the time to drain is over, and the calls that are still up (%d) %s: %s"
        ids = ", ".join(shown_id(record.call_id) for record in calls[:MOST_IDS])
        more = f" and {len(calls) - MOST_IDS} more" if len(calls) > MOST_IDS else ""
        self._log.warning(words, len(calls), end, ids + more)

    def hang_up_calls(self) -> None:
        """Hang up all calls that are up, and do not wait for that."""
        self._engine.tell(self._hang_up_all)

    def _hang_up_all(self, now: float) -> None:
        core = self._engine.core
        calls = core.live_calls
        if calls and core.state is not SessionState.READY:
            words = "nothing can be hung up without a connection: %s may go on at the service"
            self._log.warning(words, counted(len(calls), "call"))
            return
        for record in calls:
            core.hang_up(record, now)

    def _call_ended(self, record: CallRecord) -> None:
        self._call_of(record)._end()
        with self._lock:
            task = self._handling.get(record)
        if task is not None and task.cancel_on_end:
            task.cancel(CallEndedError(record.call_id, record.end_reason))
        self._changed()

    def _handle_message(self, record: MessageRecord, event: RelayEvent) -> None:
        handler = self._routes.message
        if handler is None:
            self._write(
                WARNING,
                "message %s is ignored, because there is no handler: use @client.on_message",
                shown_id(record.message_id),
            )
            return
        name = f"handler of message {shown_id(record.message_id)}"
        if not self._texts.add((name, handler, self._message_of(record)), size_of(event)):
            words = (
                "%s is dropped: all handlers are busy, and too many messages wait already. Let "
                "handlers return sooner, or raise Limits.message_handlers"
            )
            self._not_run(words, name)

    def _start_text(self, text: tuple[str, Function, M]) -> bool:
        name, handler, message = text
        if self.observation is not None:
            handler = self.observation.entered(handler, message._record, self._engine.time())
        done = partial(self._text_handled, message._record)
        begun = self._runner.start_message(name, handler, message, done)
        if not begun:
            self._not_run("%s cannot be started: the message is dropped", name)
            self._left(message._record, None)
        return begun

    def _text_handled(self, record: MessageRecord, failure: BaseException | None) -> None:
        self._left(record, failure)
        self._texts.done()

    def _left(self, record: CallRecord | MessageRecord, failure: BaseException | None) -> None:
        if self.observation is not None:
            self.observation.left(record, failure, self._engine.time())

    def _forget_texts(self) -> None:
        if count := self._texts.clear():
            words = "dropped, because the client is disconnected: %s that waited for a handler"
            self._log.warning(words, counted(count, "message"))

    def _not_run(self, words: str, what: object) -> None:
        if self._engine.alive:  # else nothing is begun any more, as everybody knows
            self._write(ERROR, words, what)

    def _write(self, level: int, words: str, what: object) -> None:
        """Write a line about `what`, which may be a call."""
        call_id = shown_id(what.call_id) if isinstance(what, CallRecord) else ""
        what = call_id or what
        about = what if isinstance(what, str) else ""
        self.lines.write((words, ""), level, words, what, about=about, call_id=call_id)
