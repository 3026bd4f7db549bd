"""A worker: one process with one client, which ``relay run`` has started.

Reports go to the supervisor through a socket, from where the client runs. A thread reads
that socket: when it ends, the supervisor is gone, and this process must not outlive it.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from traceback import format_exception
from typing import Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from relay_proto.adapter.clients import ClientBase
from relay_proto.adapter.logs import Log
from relay_proto.display import one_line
from relay_proto.errors import AuthenticationError

from .exit_codes import ExitCode
from .logs import LogFormat, configure
from .metrics import exposition, observe
from .reports import ASK_FOR_METRICS, END_AT_ONCE, Exposition, Failure, Line, Report, encode
from .slots import FINISHED
from .target import TargetError, is_blocking, load
from .tracebacks import of_the_program

log: Final = Log(logging.getLogger("relay_run"))

Loop: TypeAlias = Literal["asyncio", "uvloop", "trio"]

ENV_WORKER: Final = "RELAY_WORKER"
"""The number of the worker, for the program."""
PATIENCE: Final = 1.0
"""Seconds for the supervisor to read metrics: after that it wants no more of them."""
MOST_CHARACTERS: Final = 100_000
"""Of a traceback: the end of it says what has happened."""
CRASHED: Final = 1
INTERRUPTED: Final = 130
FOR_THE_SUPERVISOR: Final = (signal.SIGHUP, signal.SIGTTOU)
"""Signals that a worker ignores. ``systemctl kill -s HUP`` sends the first one to all processes.
A terminal with ``stty tostop`` sends the other one to whoever writes to it in the background,
which stops a process that does not ignore it.
"""
LAST_BREATH: Final = 10.0
"""Seconds beyond the drain timeout for an orphan to end by itself."""


class WorkerOptions(msgspec.Struct, frozen=True):
    """What a supervisor tells its workers, as one argument."""

    target: str
    number: int
    fd: int
    """Of the socket to the supervisor."""
    app_dir: str = ""
    """Where the module is looked for first."""
    loop: Loop | None = None
    observe: bool = False
    drain: float | None = None
    hang_up: bool = False
    log_format: LogFormat = "text"
    log_level: int = logging.INFO


def main(argument: str) -> int:
    """Run a worker and return its exit code."""
    for number in FOR_THE_SUPERVISOR:
        signal.signal(number, signal.SIG_IGN)
    options = msgspec.convert(json.loads(argument), WorkerOptions)
    configure(options.log_format, options.log_level, options.number)
    os.environ[ENV_WORKER] = str(options.number)
    with suppress(OSError):  # the current directory has gone
        sys.path.insert(0, str(Path.cwd()))
    sys.path.insert(0, options.app_dir)
    supervisor = SupervisorLink(socket.socket(fileno=options.fd))
    supervisor.start()
    try:
        client = load(options.target)
        if options.observe:
            observe(client)
    except TargetError as error:
        supervisor.fail(str(error))
        return ExitCode.NO_CLIENT
    except KeyboardInterrupt:  # a SIGINT of its own, or its module has raised it
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - of the program, or of its settings
        words = one_line(f"{type(error).__name__}: {error}")
        supervisor.fail(f"{options.target} cannot be loaded: {words}", of_the_program(error))
        return ExitCode.NO_CLIENT
    try:
        return _serve(client, options, supervisor)
    except AuthenticationError as error:
        supervisor.fail(str(error))
        return ExitCode.REFUSED
    except TargetError as error:
        supervisor.fail(str(error))
        return ExitCode.NO_CLIENT
    except KeyboardInterrupt:  # a handler has raised it to end the program
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - it is logged as all else is
        supervisor.fail(f"the client has failed: {one_line(repr(error))}", error)
        return CRASHED


def _serve(
    client: ClientBase[Any, Any, Any], options: WorkerOptions, supervisor: SupervisorLink
) -> int:
    serves = _serve_blocking if is_blocking(client) else _serve_async
    code, obeyed = serves(client, options, supervisor)
    return FINISHED if code is ExitCode.ENDED and not obeyed else code


def _serve_blocking(
    client: ClientBase[Any, Any, Any], options: WorkerOptions, supervisor: SupervisorLink
) -> tuple[ExitCode, bool]:
    from .blocking_service import BlockingService  # noqa: PLC0415 - only one of the two is loaded

    if options.loop is not None:
        raise TargetError(
            f"{options.target} is a client of relay_sync, which has no event loop: leave out --loop"
        )
    service = BlockingService(
        [client],
        drain=options.drain,
        hang_up=options.hang_up,
        tell=supervisor.tell,
        why=supervisor.why,
        hurries=supervisor.hurries,
    )
    return service.run(), service.obeyed


def _serve_async(
    client: ClientBase[Any, Any, Any], options: WorkerOptions, supervisor: SupervisorLink
) -> tuple[ExitCode, bool]:
    import anyio  # noqa: PLC0415 - as above

    from .async_service import AsyncService  # noqa: PLC0415

    loop = options.loop or "asyncio"
    service = AsyncService(
        [client],
        drain=options.drain,
        hang_up=options.hang_up,
        tell=supervisor.tell,
        why=supervisor.why,
        hurries=supervisor.hurries,
    )
    backend, settings = ("asyncio", {"use_uvloop": True}) if loop == "uvloop" else (loop, {})
    code = anyio.run(service.run, backend=backend, backend_options=settings)
    return code, service.obeyed


class SupervisorLink:
    """The socket to the supervisor: reports go out, orders come in."""

    def __init__(self, sock: socket.socket) -> None:
        sock.set_inheritable(False)  # a program that this one starts must not keep it open
        sock.setblocking(True)
        self._sock = sock
        self._lock = threading.Lock()
        self._unsent = b""
        self._drain_timeout = 0.0
        self._is_gone = False
        self._hurries = False

    def hurries(self) -> bool:
        """Whether it has told this worker to end at once."""
        return self._hurries

    def why(self, number: signal.Signals) -> str:
        """Why the worker ends when it gets a signal: it may be its own."""
        return "the supervisor is gone" if self._is_gone else number.name

    def start(self) -> None:
        """Read what it asks for, until it is gone."""
        threading.Thread(target=self._read, name="relay_run supervisor", daemon=True).start()

    def tell(self, report: Report) -> None:
        """Send a report, which must not wait for anything."""
        self._drain_timeout = report.drain_timeout
        self._send(report)

    def fail(self, words: str, error: BaseException | None = None) -> None:
        """Tell why this worker ends: the supervisor writes it once, if others tell the same."""
        traceback = "" if error is None else "".join(format_exception(error)).rstrip()
        words, traceback = _encodable(words), _encodable(traceback)
        with self._lock:
            self._unsent += encode(Failure(words, traceback[-MOST_CHARACTERS:]))
        if not self._flush_within(PATIENCE):
            log.logger.error("%s", words, extra={"traceback": traceback})

    def _send(self, line: Line) -> None:
        with self._lock:
            if not self._unsent:  # else it does not read: it has no use for more
                self._unsent = encode(line)
        with suppress(OSError):  # `_read` notices that the supervisor is gone
            self._flush()

    def _flush(self) -> bool:
        """Send what the socket takes; return whether that is all. Raises OSError if it is gone."""
        with self._lock, suppress(BlockingIOError):
            while self._unsent:
                sent = self._sock.send(self._unsent, socket.MSG_DONTWAIT)
                self._unsent = self._unsent[sent:]
            return True
        return False

    def _read(self) -> None:
        while True:
            try:
                asked = self._sock.recv(1)
            except OSError:
                break
            if not asked:
                break
            if asked == END_AT_ONCE:
                self._hurries = True
                os.kill(os.getpid(), signal.SIGTERM)
            elif asked == ASK_FOR_METRICS:
                self._send(Exposition(exposition()))
                self._flush_within(PATIENCE)
        self._leave()

    def _flush_within(self, seconds: float) -> bool:
        """Send all, and wait for the socket to take it; return whether it has."""
        ends_at = time.monotonic() + seconds
        try:
            while not (flushed := self._flush()) and (left := ends_at - time.monotonic()) > 0:
                select.select([], [self._sock], [], left)
        except OSError:
            return False  # the supervisor is gone: `_read` notices that
        return flushed

    def _leave(self) -> NoReturn:
        """Drain, as with SIGTERM. A process that hangs cannot do that: it is ended."""
        self._is_gone = True
        # In a thread: if nobody reads the log any more, this line is never written.
        words = "the supervisor is gone: this worker drains, and ends"
        writes = threading.Thread(target=log.warning, args=(words,), daemon=True)
        writes.start()
        writes.join(PATIENCE)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._drain_timeout + LAST_BREATH)
        os._exit(ExitCode.CALLS_LEFT)


def _encodable(text: str) -> str:
    """Return `text`, with what UTF-8 cannot say, such as half a character, in words."""
    return text.encode(errors="backslashreplace").decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
