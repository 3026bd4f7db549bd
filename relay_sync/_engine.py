"""The engine: the I/O thread of one client, and the threads that wait for it.

The core belongs to the I/O thread alone. Other threads leave their commands for
it and wait for what becomes of them, so no lock is held while anything happens,
and an exception that Ctrl+C raises in the main thread, at whatever line, cannot
leave the core half changed.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, cast

from relay_proto.adapter.backlog import Bound
from relay_proto.adapter.cores import close_for_good, failure_of
from relay_proto.adapter.credentials import CredentialSource
from relay_proto.adapter.delivery import Delivery
from relay_proto.adapter.forks import forks, refusal
from relay_proto.adapter.network import Network
from relay_proto.api.commands import Command
from relay_proto.client_interface import ClientInterface
from relay_proto.errors import LocalProtocolError, RelayError
from relay_proto.outputs import (
    Closed,
    OpenTransport,
    Output,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.transitions import SessionState
from relay_proto.values.hosts import split_host

from ._driver import Driver
from ._guard import plain
from ._log import log
from ._orders import Order, Waiter, Waiters, now, result_of, timed
from ._threads import Strand, close_all, threads_of
from ._waiting import AppTask, Mailbox, current, longest_wait
from .transport import Connector

R = TypeVar("R")

LAST_BREATH: Final = 1.0
"""Seconds beyond the core's own bounds in which everything must have stopped."""


class Engine:
    """Runs a client's core over real byte streams until it is closed."""

    delivery: Delivery[AppTask, Any, Any]
    """Takes events to the application; set before the first command."""

    def __init__(
        self,
        core: ClientInterface,
        connector: Connector | None,
        network: Network,
        source: CredentialSource,
    ) -> None:
        limits = core.config.limits
        self.core = core
        self.over = False
        self.backlog = Bound.of(limits)
        self.calls, self.messages, self.listeners = threads_of(limits, self._not_started)
        self.lock = threading.RLock()  # the collection of garbage may post while it is held
        """For what several threads change: waiters, handles and registrations."""
        self.changed = threading.Condition(self.lock)
        """Told when a call or its handler has ended."""
        self._connector = connector
        self._network = network
        self._source = source
        self._driver: Driver | None = None
        self._thread: threading.Thread | None = None
        self._io_thread = 0
        self._process = os.getpid()
        self._inherited = False
        self._waiters = Waiters()
        self._closed = False
        self.failure: RelayError | None = None
        """Why it has ended, if nobody has disconnected."""
        self._told_when_closed: list[Mailbox[Any]] = []
        self._virtual = current.virtual
        forks.call_in_child(self.forked)

    @property
    def running(self) -> bool:
        """Whether it has an I/O thread, in this process."""
        return self._driver is not None and not self.over

    @property
    def alive(self) -> bool:
        """Whether the program still wants it."""
        return not self.over and self.core.state not in (SessionState.CLOSING, SessionState.CLOSED)

    @property
    def in_io_thread(self) -> bool:
        """Whether this is the I/O thread, where the log and the collection of garbage may act."""
        return self._io_thread == threading.get_ident()

    def deliver_by(self, delivery: Delivery[AppTask, Any, Any]) -> None:
        """See `ClientEngine`."""
        self.delivery = delivery

    time = staticmethod(now)
    """See `DeliveryEngine`."""

    def deadline_changed(self) -> None:
        """See `DeliveryEngine`."""
        self.soon(lambda: None)  # it looks at the deadline after each turn

    def _not_started(self, name: str, error: BaseException) -> None:
        self.delivery.lines.thread_not_started(name, error)

    def new_strand(self) -> Strand:
        """For listeners that hear one after another."""
        return Strand(self.listeners, self.backlog)

    # From any thread

    def start(self, function: Callable[..., R]) -> R:
        """See `ClientEngine`."""
        self.check_caller()
        with self.lock:
            if not self.over:
                self._start_thread()
        return self.command(function)

    def command(self, function: Callable[..., R], *args: Any) -> R:
        """Let the I/O thread call a command of the core; wait for what it returns."""
        return self.ask(partial(timed, function, *args))

    def ask(self, function: Callable[[], R]) -> R:
        """Let the I/O thread call `function`; wait for what it returns."""
        order = Order(function, follow=False)
        self.check_caller()
        self._post(order)
        self._await(order.waiter)
        return order.result()

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        """Let the I/O thread call a command of the core, and do not wait for that."""
        self.post(partial(timed, function, *args))

    def arrange(self, function: Callable[[], object], *, wait: bool) -> None:
        """See `ClientEngine`."""
        with self.lock:  # what begins to run meanwhile, or another thread arranges, comes behind
            if not self.running:
                function()
                return
        if wait and not self.in_io_thread:
            self.ask(function)
        else:
            self.post(function)

    def soon(self, function: Callable[[], object]) -> None:
        """See `ClientEngine`."""
        if self.running:
            self.post(function)

    def post(self, function: Callable[[], object]) -> None:
        """Let the I/O thread call `function`, and do not wait for that."""
        self.check_belongs_here()
        self._post(Order(function, follow=False))

    def execute(self, command: Command[R], target: CallRecord | ActionRecord | None = None) -> R:
        """Carry out a command of the client, or of `target`, and wait for its result.

        Who is interrupted takes the command back.
        """
        if command.callback is not None:
            plain(cast("Callable[..., Any]", command.callback))
        order = Order(self.delivery.bound(self._execute, command, target), follow=True)
        self.check_caller()
        try:
            self._post(order)
            self._await(order.waiter)
        except BaseException:
            if self._driver is not None:
                self.tell(self._take_back, order)
            raise
        return result_of(order.result(), self.failure)

    def wait(self, pending: Pending[R], timeout: float | None = None, *what: object) -> R:
        """Wait for a result; on timeout or interruption only this waiter is gone.

        A `TimeoutError` names `what` was waited for: see `timed_out`.
        """
        waiter: Waiter = Mailbox()
        self.check_caller()
        with self.lock:
            self._follow(pending, waiter)
        try:
            self.await_mail(waiter, timeout, *what)
        finally:
            with self.lock:
                self._waiters.remove(pending, waiter)
        return result_of(pending, self.failure)

    def await_mail(self, mailbox: Mailbox[R], timeout: float | None = None, *what: object) -> R:
        """Wait for an item; a handler that is cancelled waits for nothing any more."""
        self.check_caller()
        return self._await(mailbox, timeout, *what)

    def shut_down(self) -> None:
        """Close the core, release whoever waits, and see everything off, within a bound.

        A handler that calls this goes on: nobody waits for its end.
        """
        if self._inherited:
            return  # the connection is the parent's: it is not this process's to close
        patience = self.core.config.timing.close_timeout
        thread = self._thread
        if thread is None:
            self._stop()  # it never ran, and nobody else does this
        self.tell(self.delivery.close)
        if self.in_io_thread:
            return  # it would wait for itself: this is only the beginning of the end
        if thread is not None:
            thread.join(patience * 2 + LAST_BREATH)
        close_all((self.calls, self.messages, self.listeners), patience, self.delivery.lines)

    def abandon(self) -> None:
        """See `ClientEngine`."""
        self.shut_down()

    def wait_until(self, happened: Callable[[], bool], timeout: float) -> None:
        """Wait for something that ends with a call, its handler or the client."""
        self.check_caller()
        ends_at = time.monotonic() + timeout
        with self.changed:
            while not happened() and (left := ends_at - time.monotonic()) > 0:
                self.changed.wait(min(left, longest_wait()))
        if not happened():
            self.read_what_waits()

    def tell_when_closed(self, mail: Mailbox[Any]) -> None:
        """Put None into `mail` when the core is closed."""
        with self.lock:
            if self._closed or self.over:
                mail.put(None)
            else:
                self._told_when_closed.append(mail)

    def tell_changed(self) -> None:
        """A call or its handler has ended."""
        with self.changed:
            self.changed.notify_all()

    def check_belongs_here(self) -> None:
        """See `relay_proto.adapter.handles.Engine`."""
        if self._inherited:
            raise refusal(self._process)

    def check_caller(self) -> None:
        """Refuse to wait where that could not end.

        Raises:
            LocalProtocolError: this is a forked process, or the I/O thread.
        """
        self.check_belongs_here()
        if self._virtual is not None:
            self._virtual.join()
        if self.in_io_thread:
            raise LocalProtocolError(
                "this is the I/O thread of the RelayClient, where handlers of the log and "
                "__del__ methods may run: it would wait for itself. Ask from another thread"
            )

    def _await(self, mailbox: Mailbox[R], timeout: float | None = None, *what: object) -> R:
        take = mailbox.take if current.task is None else partial(current.task.wait, mailbox)
        try:
            return take(timeout, *what)
        except TimeoutError:
            self.read_what_waits()
            if not mailbox:
                raise
        return take(0.0, *what)  # no other thread takes from it: but a wait with an end ends

    def read_what_waits(self) -> None:
        """Let the I/O thread read what waits, before somebody is told that it is too late."""
        if (driver := self._driver) is not None and not self.over:
            driver.read_what_waits()

    def _post(self, order: Order[Any]) -> None:
        with self.lock:
            if self._driver is None or self.over:
                self._run_order(order)  # nothing else runs: not yet, or no more
            else:
                self._driver.post(lambda: self._run_order(order))

    def _start_thread(self) -> None:
        if self._driver is None:
            driver = Driver(self.core, self.delivery, self._perform)
            name = f"relay_sync I/O of {self.core.config.host}"
            thread = threading.Thread(target=self._run, args=(driver,), name=name, daemon=True)
            self._driver, self._thread = driver, thread
            try:
                thread.start()
            except BaseException:  # the system has no more, the interpreter is ending, or Ctrl+C
                self._driver = self._thread = None
                driver.let_go()
                raise
            _running.add(self)

    # In the I/O thread

    def _run(self, driver: Driver) -> None:
        with self.lock:  # who starts this holds it
            if self._driver is not driver:
                return  # who started this was interrupted, and has raised
        self._io_thread = threading.get_ident()
        try:
            driver.run()
        except BaseException as error:  # noqa: BLE001 - it is logged
            self.delivery.lines.on_failure(error)
            log.failure(error, "the client has failed: this is a bug in relay_sync")
            self.failure = failure_of(error)
        finally:
            self._stop()
            driver.abandon()
            self._io_thread = 0  # the next thread of the process may have the same number

    def _perform(self, output: Output) -> None:
        match output:
            case Settled(pending):
                self._wake(pending)
                if pending.callback is not None:
                    self.delivery.publish(output)
            case OpenTransport(number):
                assert self._driver is not None, "the first order comes after it"
                host, port = split_host(self.core.config.host)
                find = partial(self._connect, number, host, port)
                self._driver.open(number, find, host, self._network)
            case Closed():
                self._close(output)
            case _:
                self.delivery.publish(output)

    def _connect(self, number: int, host: str, port: int) -> object:
        """In a thread of its own: ask for credentials, and find a way to the host."""
        question = self._source.question()
        answer = None if question is None else question.answer()
        self._source.update(self, number, question, answer)
        return (self._connector or self._network.find_route)(host, port)

    def _close(self, output: Closed) -> None:
        with self.lock:
            self._closed = True
            for mail in self._told_when_closed:
                mail.put(None)
        self.delivery.publish(output)

    def _execute(self, command: Command[R], target: CallRecord | ActionRecord | None) -> Pending[R]:
        if target is None:
            return self.core.execute(command, time.monotonic())
        return self.core.execute_on(target, command, time.monotonic())

    def _run_order(self, order: Order[Any]) -> None:
        order.run()
        if order.follow and order.value is not None:
            with self.lock:
                self._follow(order.value, order.waiter)
        else:
            order.waiter.put(None)

    def _take_back(self, order: Order[Pending[Any]], now: float) -> None:
        # Orders are run in turn: this one came after the one that it takes back.
        pending = order.value
        if pending is not None:
            with self.lock:
                self._waiters.forget(pending)
            if pending.error is None:  # be it with the result on its way
                self.core.cancel(pending, now)

    def _follow(self, pending: Pending[Any], waiter: Waiter) -> None:
        """Wake `waiter` when `pending` settles. With the lock held."""
        if pending.settled or self.over:
            waiter.put(None)
        else:
            self._waiters.add(pending, waiter)

    def _wake(self, pending: Pending[Any]) -> None:
        with self.lock:
            self._waiters.wake(pending)

    def _stop(self) -> None:
        """Nothing runs any more: whoever still waits must not wait for ever."""
        with self.lock:
            self.over = True
            _running.discard(self)
            close_for_good(self.core, time.monotonic(), log, self.delivery.publish)
            if self._driver is not None:
                self._driver.run_all_posted()
            self._waiters.wake_all()
            self.changed.notify_all()
        self.delivery.lines.flush()
        if not self._closed:  # not with the lock held: others have theirs
            self._close(Closed(self.failure))

    def forked(self) -> bool:
        """See `ClientEngine`. The I/O thread is not there, nor who held the lock."""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        if self._driver is not None and not self.over:
            self.over = True
            self._inherited = self.core.state is not SessionState.DISCONNECTED
            self._driver.let_go()  # the child's copies
        return self._inherited


_running: set[Engine] = set()


def _end_all() -> None:
    """At the end of the interpreter: close what is open, and release whoever waits for it."""
    for engine in tuple(_running):
        engine.shut_down()


atexit.register(_end_all)
