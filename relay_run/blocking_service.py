"""Clients of `relay_sync`, served together: a thread for each, and this one for signals."""

# What clients keep for this package.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeAlias

from relay_proto.adapter.logs import Log
from relay_proto.adapter.signals import HandlersBefore
from relay_proto.adapter.vitals import NOT_STARTED, Vitals
from relay_proto.display import counted

from .exit_codes import ExitCode
from .reports import INTERVAL, Report, report_of

log: Final = Log(logging.getLogger("relay_run"))


@dataclass(frozen=True, slots=True)
class _Ended:
    """A client serves no longer."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Drained:
    """A client has drained, and left so many calls."""

    left: int
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Pulse:
    """How a client does, from its own I/O thread."""

    client: int
    asked: int
    vitals: Vitals


_Mail: TypeAlias = "signal.Signals | _Ended | _Drained | _Pulse"


class BlockingService:
    """Runs clients until signals, failures or the program end them."""

    def __init__(
        self,
        clients: Iterable[Any],
        *,
        drain: float | None,
        hang_up: bool,
        tell: Callable[[Report], object],
        why: Callable[[signal.Signals], str] = attrgetter("name"),
        hurries: Callable[[], bool] | None = None,
    ) -> None:
        """`tell` gets a report about twice a second, from the thread that calls `run`.

        `why` says in words why a signal has come. `hurries` says whether it ends all at once.
        Without it, the second one does.
        """
        self._clients = tuple(clients)
        self._drain_timeout = drain
        self._hang_up = hang_up
        self._tell = tell
        self._why = why
        self._hurries = hurries or self._draining_already
        self._mail: queue.SimpleQueue[_Mail] = queue.SimpleQueue()
        self._obeyed = False
        self._draining = False
        self._drains = 0
        self._left_calls = 0
        self._failure: BaseException | None = None
        self._serving = len(self._clients)
        self._round = 0
        self._asked_at = self._look_at = 0.0
        self._pulses = dict.fromkeys(range(len(self._clients)), NOT_STARTED)

    @property
    def obeyed(self) -> bool:
        """Whether a signal has asked it to end."""
        return self._obeyed

    def run(self) -> ExitCode:
        """Serve until the end.

        Raises:
            BaseException: what has ended a client, or what a handler has raised to end all.
        """
        with self._stop_signals():
            for client in self._clients:
                self._start(partial(self._serve, client), f"serves {client.host}")
            while self._serving or self._drains:
                self._turn()
        if self._failure is not None:
            raise self._failure
        return ExitCode.CALLS_LEFT if self._left_calls else ExitCode.ENDED

    def _turn(self) -> None:
        """Take what has come, and ask the clients how they do when it is time."""
        self._ask_clients()
        try:
            mail = self._mail.get(timeout=max(0.0, self._look_at - time.monotonic()))
        except queue.Empty:
            return
        match mail:
            case _Ended(error):
                self._serving -= 1
                if error is not None:
                    self._failure = self._failure or error
                    self._drain_all()
            case _Drained(left_calls, error):
                self._drains -= 1
                self._left_calls += left_calls
                self._failure = self._failure or error
            case _Pulse(client, asked, vitals):
                if asked == self._round:
                    self._pulses[client] = vitals
                    self._report_when_all_have_answered()
            case _:
                self._obey(mail)

    # Signals

    @contextmanager
    def _stop_signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = HandlersBefore(numbers)
        for number in numbers:
            signal.signal(number, lambda got, _frame: self._mail.put(signal.Signals(got)))
        try:
            yield
        finally:
            before.restore()

    def _obey(self, number: signal.Signals) -> None:
        self._obeyed = True
        calls = sum(map(_calls_of, self._clients))
        words = counted(calls, "call")
        if self._hurries():
            log.info("%s: ending, with %s", self._why(number), words)
            self._left_calls += calls
            for client in self._clients:
                self._start(partial(client.disconnect, hang_up=self._hang_up), "disconnects")
        else:
            log.info("%s: finishing %s", self._why(number), words)
            self._drain_all()

    def _draining_already(self) -> bool:
        return self._draining

    def _drain_all(self) -> None:
        if not self._draining:
            self._draining = True
            for client in self._clients:
                self._drains += 1
                self._start(partial(self._drain, client), f"drains {client.host}")

    # In threads of their own

    def _start(self, function: Callable[[], object], what: str) -> None:
        threading.Thread(target=function, name=f"relay_run {what}", daemon=True).start()

    def _serve(self, client: Any) -> None:
        try:
            client.run(hang_up=self._hang_up)
        except BaseException as error:  # noqa: BLE001 - it is raised at the end
            self._mail.put(_Ended(error))
        else:
            self._mail.put(_Ended(None))

    def _drain(self, client: Any) -> None:
        try:
            left = client.drain(self._drain_timeout, hang_up=self._hang_up)
        except BaseException as error:  # noqa: BLE001 - it is raised at the end
            self._mail.put(_Drained(0, error))
        else:
            self._mail.put(_Drained(left, None))

    # How the clients do

    def _ask_clients(self) -> None:
        """Let the I/O thread of each client say how it does. One that hangs does not."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + INTERVAL
        numbers = range(len(self._clients))
        if any(self._runs(number) for number in numbers if number not in self._pulses):
            return  # it has not answered the last time: then nothing is told
        self._round += 1
        self._asked_at = now
        self._pulses = {}
        for number in numbers:
            self._ask(number, self._round)

    def _runs(self, number: int) -> bool:
        engine = self._clients[number]._current
        return engine is not None and engine.running

    def _ask(self, number: int, asked: int) -> None:
        client = self._clients[number]

        def answer() -> None:
            self._mail.put(_Pulse(number, asked, client._vitals()))

        if self._runs(number):
            client._post(answer)
        else:  # there is no I/O thread yet, or none any more
            answer()

    def _report_when_all_have_answered(self) -> None:
        if len(self._pulses) == len(self._clients):
            vitals = self._pulses.values()
            late = time.monotonic() - self._asked_at
            report = report_of(vitals, late, self._drain_timeout, draining=self._draining)
            self._tell(report)


def _calls_of(client: Any) -> int:
    """How many calls are up now. May be asked in any thread."""
    engine = client._current
    return 0 if engine is None else int(engine.core.active_calls)
