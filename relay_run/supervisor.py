"""The supervisor: what `Supervision` decides, done with processes, sockets and signals.

It is one thread with one selector. Workers are fresh processes, in a process group of
their own each: Ctrl+C in a terminal reaches the supervisor alone, which then decides.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, assert_never

import msgspec

from relay_proto.adapter.logs import Log

from .exit_codes import ExitCode
from .health import NO_SUCH_PAGE, Rollout, live_page, metrics_page, ready_page
from .http import HealthServer, Reply
from .orders import Exit, Forget, Hurry, Kill, Output, Say, Spawn, Terminate
from .reports import ASK_FOR_METRICS, END_AT_ONCE, Exposition, Failure, Line, Lines, Report
from .supervision import Policy, Supervision
from .tracebacks import PACKAGES
from .worker import WorkerOptions

log: Final = Log(logging.getLogger("relay_run"))

LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
READ_SIZE: Final = 65536
SCRAPE_TIMEOUT: Final = 1.0
"""Seconds that ``/metrics`` waits for what the workers tell; one that hangs tells nothing."""
MOST_ROUNDS: Final = 100
"""Who writes without end does not put off the deadlines for ever."""
CHANGED: Final = b"\0"
"""What a watcher writes to let the workers be replaced: no signal has the number 0."""


@dataclass(slots=True, eq=False)
class _Process:
    """The process of a worker, and the socket to it."""

    serial: int
    number: int
    popen: subprocess.Popen[bytes]
    sock: socket.socket
    lines: Lines = field(default_factory=Lines)


@dataclass(slots=True, eq=False)
class _Scrape:
    """A request for metrics, which waits for the workers."""

    reply: Reply
    ends_at: float
    waits_for: set[int]
    told: dict[int, str] = field(default_factory=dict[int, str])
    """What each process has told, by its id."""


class Supervisor:
    """Runs workers until a signal, or a reason of their own, ends it."""

    def __init__(
        self, policy: Policy, options: WorkerOptions, listener: socket.socket | None
    ) -> None:
        """`listener` is for the pages of health, if they are wanted."""
        self._core = Supervision(policy)
        self._options = options
        self._processes: dict[int, _Process] = {}
        self._scrapes: list[_Scrape] = []
        self._exit_code: ExitCode | None = None
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        for one in (self._wake, self._woken):
            one.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._read_signals)
        self._health: HealthServer | None = None
        if listener is not None:
            self._health = HealthServer(self._selector, listener, self._answer)

    def files_changed(self) -> None:
        """Let the workers be replaced. From any thread."""
        with suppress(OSError):  # it reads slowly, or has ended
            self._wake.send(CHANGED)

    def run(self) -> ExitCode:
        """Run until the end. In the main thread, because of the signals."""
        with self._signals(), ExitStack() as stack:
            stack.callback(self._close)
            self._core.start(time.monotonic())
            self._perform_all()
            while self._exit_code is None:
                self._turn()
            return self._exit_code

    def _turn(self) -> None:
        due = [self._core.deadline(), *(scrape.ends_at for scrape in self._scrapes)]
        if self._health is not None:
            due.append(self._health.deadline())
        nearest = min((one for one in due if one is not None), default=None)
        timeout = None if nearest is None else max(0.0, nearest - time.monotonic())
        self._select(timeout)
        for _ in range(MOST_ROUNDS):  # what was written in time is read before deadlines are judged
            if not self._select(0):
                break
        now = time.monotonic()
        self._core.handle_timer(now)
        if self._health is not None:
            self._health.handle_timer(now)
        for scrape in tuple(self._scrapes):
            if scrape.ends_at <= now:
                self._finish(scrape)
        self._perform_all()

    def _select(self, timeout: float | None) -> bool:
        """Do what is ready; return whether anything was."""
        ready = self._selector.select(timeout)
        for key, mask in ready:
            key.data(mask, time.monotonic())
        return bool(ready)

    # Signals

    @contextmanager
    def _signals(self) -> Generator[None]:
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD]
        numbers += [signal.SIGTTIN, signal.SIGTTOU]
        # First: a signal that came in between would have a handler that does nothing, and be lost.
        wakeup_before = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, _wake_up) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup_before)

    def _read_signals(self, _mask: int, now: float) -> None:
        with suppress(BlockingIOError):
            for number in self._woken.recv(READ_SIZE):
                self._obey(number, now)
        self._reap(now)  # a flood of signals may have hidden that a child has ended
        self._perform_all()

    def _obey(self, number: int, now: float) -> None:
        match number:
            case signal.SIGINT | signal.SIGTERM:
                self._core.stop(now)
            case signal.SIGHUP | 0:
                self._core.replace(now)
            case signal.SIGTTIN:
                self._core.change_workers(+1, now)
            case signal.SIGTTOU:
                self._core.change_workers(-1, now)
            case _:
                pass  # a child has ended, or it is a signal of somebody else's

    def _reap(self, now: float) -> None:
        """Take the exit codes of all children, of strangers too: this may be process 1."""
        by_pid = {process.popen.pid: process for process in self._processes.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = by_pid.get(pid)
            if process is not None:
                process.popen.returncode = os.waitstatus_to_exitcode(status)
                self._read(process, now)
                self._forget(process)
                self._core.exited(process.serial, process.popen.returncode, now)

    # Workers

    def _perform_all(self) -> None:
        while (output := self._core.next_output()) is not None:
            self._perform(output)

    def _perform(self, output: Output) -> None:
        match output:
            case Spawn(serial, number):
                self._spawn(serial, number)
            case Terminate(serial):
                self._send_signal(serial, signal.SIGTERM)
            case Hurry(serial):
                self._hurry(serial)
            case Kill(serial):
                self._send_signal(serial, signal.SIGKILL)
            case Forget(serial):
                self._forget(self._processes[serial])
            case Say(level, words, number, traceback):
                about: dict[str, object] = {"worker": number} if number else {}
                about |= {"traceback": traceback} if traceback else {}
                log.logger.log(LEVELS[level], words, extra=about)
            case Exit(code):
                self._exit_code = code
            case _:
                assert_never(output)

    def _spawn(self, serial: int, number: int) -> None:
        try:
            ours, theirs = socket.socketpair()
            with theirs, ExitStack() as unless_started:
                unless_started.callback(ours.close)
                popen = self._start_process(number, theirs.fileno())
                unless_started.pop_all()
        except OSError as error:
            log.error("a worker cannot be started: %s", error)
            self._core.exited(serial, ExitCode.CANNOT_START, time.monotonic())
            return
        ours.setblocking(False)
        process = self._processes[serial] = _Process(serial, number, popen, ours)
        self._selector.register(ours, selectors.EVENT_READ, partial(self._readable, process))
        self._core.started(serial, popen.pid)

    def _start_process(self, number: int, fd: int) -> subprocess.Popen[bytes]:
        options = msgspec.structs.replace(self._options, number=number, fd=fd)
        # Not by msgspec: the name of a directory may be no UTF-8, and is escaped here.
        argument = json.dumps(msgspec.to_builtins(options))
        return subprocess.Popen(  # noqa: S603 - it is this Python, and these are our arguments
            [sys.executable, *_safe_path(), "-m", "relay_run.worker", argument],
            stdin=subprocess.DEVNULL,
            pass_fds=(fd,),
            process_group=0,
        )

    def _send_signal(self, serial: int, number: signal.Signals) -> None:
        process = self._processes.get(serial)
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process.popen.pid, number)

    def _hurry(self, serial: int) -> None:
        process = self._processes.get(serial)
        if process is not None:
            with suppress(OSError):  # it has ended, or has not read for long: it is killed soon
                process.sock.send(END_AT_ONCE)

    def _readable(self, process: _Process, _mask: int, now: float) -> None:
        if process.serial in self._processes:  # else it has ended, in the same round of events
            self._read(process, now)
            self._perform_all()

    def _read(self, process: _Process, now: float) -> None:
        try:
            while data := process.sock.recv(READ_SIZE):
                for line in process.lines.receive(data):
                    self._take(process, line, now)
        except BlockingIOError:
            return
        except ConnectionResetError:
            pass
        self._stop_reading(process)  # it has ended: its exit code follows

    def _take(self, process: _Process, line: Line, now: float) -> None:
        match line:
            case Report():
                self._core.reported(process.serial, line, now)
            case Failure():
                self._core.failed(process.serial, line, now)
            case Exposition(text):
                self._told(process, text)
            case _:
                assert_never(line)

    def _stop_reading(self, process: _Process) -> None:
        with suppress(KeyError):
            self._selector.unregister(process.sock)

    def _forget(self, process: _Process) -> None:
        del self._processes[process.serial]
        self._stop_reading(process)
        process.sock.close()
        for scrape in tuple(self._scrapes):
            self._no_longer(scrape, process.serial)

    # Health

    @property
    def _rollout(self) -> Rollout:
        return Rollout(self._core.generation, self._core.replacement)

    def _answer(self, path: str, reply: Reply) -> None:
        core = self._core
        match path:
            case "/live":
                reply(live_page(core.statuses(), rollout=self._rollout))
            case "/ready":
                reply(ready_page(core.statuses(), ready=core.ready, rollout=self._rollout))
            case "/metrics":
                self._scrape(reply)
            case _:
                reply(NO_SUCH_PAGE)

    def _scrape(self, reply: Reply) -> None:
        scrape = _Scrape(reply, time.monotonic() + SCRAPE_TIMEOUT, set(self._processes))
        self._scrapes.append(scrape)
        for process in self._processes.values():
            try:
                process.sock.send(ASK_FOR_METRICS)
            except OSError:  # it has ended, or has not read for long
                scrape.waits_for.discard(process.serial)
        if not scrape.waits_for:
            self._finish(scrape)

    def _told(self, process: _Process, text: str) -> None:
        for scrape in tuple(self._scrapes):
            scrape.told[process.popen.pid] = text
            self._no_longer(scrape, process.serial)

    def _no_longer(self, scrape: _Scrape, serial: int) -> None:
        scrape.waits_for.discard(serial)
        if not scrape.waits_for:
            self._finish(scrape)

    def _finish(self, scrape: _Scrape) -> None:
        self._scrapes.remove(scrape)
        scrape.reply(metrics_page(self._core.statuses(), scrape.told, self._rollout))

    # The end

    def _close(self) -> None:
        """Leave nothing behind, whatever has happened."""
        for process in tuple(self._processes.values()):
            with suppress(ProcessLookupError):
                os.kill(process.popen.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(SCRAPE_TIMEOUT)
            process.sock.close()
        if self._health is not None:
            self._health.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()


def _safe_path() -> list[str]:
    """Let no module of the program stand in for one of Python's: it may have a ``queue.py``.

    A checkout of this library that is not installed is found only in the current directory.
    """
    with suppress(OSError):  # the current directory has gone
        if PACKAGES.samefile("."):
            return []
    return ["-P"]


def _wake_up(_number: int, _frame: Any) -> None:
    """Do nothing: the number is in the socket already."""
