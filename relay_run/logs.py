"""Logs of ``relay run``: what each line shows, as text or as JSON."""

from __future__ import annotations

import json
import logging
import os
import queue
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias, cast

LogFormat: TypeAlias = Literal["text", "json"]

TEXT: Final = "%(asctime)s %(levelname)s %(where)s%(name)s: %(message)s%(about)s"
OF_EVERY_LINE: Final = frozenset(
    logging.LogRecord("", 0, "", 0, "", None, None).__dict__
    | dict.fromkeys(("message", "asctime", "taskName", "where", "about"))
)
"""What a record has that nobody has given it."""
MOST_LINES: Final = 10_000
"""That wait to be written. More of them are left out."""
LAST_BREATH: Final = 1.0
"""Seconds for the last lines."""


def configure(format_: LogFormat, level: int, worker: int) -> None:
    """Write the lines of this process to stderr, one each; `worker` is 0 in the supervisor."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter(worker) if format_ == "json" else TextFormatter(worker))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def open_missing_streams() -> None:
    """Let stdin, stdout and stderr lead nowhere if whoever has started this has closed them.

    Otherwise their numbers would be those of sockets, here and in the workers, and what a library
    writes to stderr would be sent to a peer.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


@contextmanager
def in_a_thread() -> Generator[None]:
    """Let a thread write the lines of this process, so that nobody else waits for stderr.

    It may be that nobody reads stderr: a terminal was stopped, or a collector of logs hangs. A
    supervisor that wrote a line itself would then wait without end, and could not be ended.
    """
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        fd = sys.stderr.fileno()
    except (AttributeError, OSError):  # there is none, or it is no file, as in a test
        yield
        return
    sys.stderr.flush()
    handler = _ThreadHandler(fd, sys.stderr.encoding)
    if before:
        handler.setFormatter(before[0].formatter)
    root.handlers[:] = [handler]
    try:
        yield
    finally:
        root.handlers[:] = before
        handler.finish()


class _ThreadHandler(logging.Handler):
    """Writes lines to a descriptor in a thread of its own.

    It uses no stream of Python: one that is stuck would let the interpreter fail at its end.
    """

    def __init__(self, fd: int, encoding: str) -> None:
        super().__init__()
        self._fd = fd
        self._encoding = encoding
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="relay_run log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line for the thread."""
        if self._lines.qsize() >= MOST_LINES:
            self._left_out += 1
            return
        try:
            self._lines.put(self.format(record))
        except Exception:  # noqa: BLE001 - its arguments do not fit
            self.handleError(record)

    def finish(self) -> None:
        """Let the thread write what is queued, but do not wait for it for long."""
        self._lines.put(None)
        self._thread.join(LAST_BREATH)

    def _run(self) -> None:
        # A terminal with `stty tostop` sends it to whoever writes in the background: there it
        # would be an order to end a worker, at each attempt to write this line.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        while (line := self._lines.get()) is not None:
            self._write(line)
            if self._lines.empty():
                self._tell_gap()
        self._tell_gap()

    def _tell_gap(self) -> None:
        if self._left_out:
            self._write(self.format(self._gap()))

    def _gap(self) -> logging.LogRecord:
        left_out, self._left_out = self._left_out, 0
        words = f"{left_out} lines are left out: nobody has read those before them for too long"
        fields = {"name": "relay_run", "levelno": logging.WARNING, "levelname": "WARNING"}
        return logging.makeLogRecord({**fields, "msg": words})

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode(self._encoding, "backslashreplace")
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # somebody else has made it so
                select.select([], [self._fd], [])
            except OSError:
                return  # nobody can be told: the disk is full, or the reader has left


class TextFormatter(logging.Formatter):
    """Lines for people, which say of which worker they are, and of which call."""

    def __init__(self, worker: int) -> None:
        super().__init__(TEXT)
        self._where = f"[worker {worker}] " if worker else ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.where = self._where
        call_id: object = getattr(record, "call_id", "")  # the program may give anything
        named = not call_id or str(call_id) in record.getMessage()
        record.about = "" if named else f" [call {call_id}]"
        line, traceback = super().format(record), getattr(record, "traceback", "")
        return f"{line}\n{traceback}" if traceback else line


class JSONFormatter(logging.Formatter):
    """One JSON object for each line, with all fields that it was given with ``extra``.

    What the program gives may be anything: no value of it makes a line fail, or ends up in a
    field that is ours.
    """

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._worker = {"worker": worker} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, Any] = {
            "time": _utc(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **self._worker,
        }
        last: dict[str, Any] = {}
        if record.exc_info:
            last["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            last["stack"] = self.formatStack(record.stack_info)
        for key, value in cast("dict[object, object]", record.__dict__).items():
            if key in OF_EVERY_LINE:
                continue
            name = key if isinstance(key, str) else _shown(key)
            while name in fields or name in last:
                name = f"extra_{name}"
            fields[name] = value
        fields |= last
        try:
            return _json(fields)
        except Exception:  # noqa: BLE001 - because of one of the values, so each is tried alone
            pairs = (f"{_json(name)}: {_encoded(value)}" for name, value in fields.items())
            return f"{{{', '.join(pairs)}}}"


def _json(value: object) -> str:
    return json.dumps(value, default=_shown, ensure_ascii=False, allow_nan=False)


def _encoded(value: object) -> str:
    """Return the value as JSON, or its repr as JSON if it has none."""
    try:
        return _json(value)
    except Exception:  # noqa: BLE001 - a cycle, a key that is no text, NaN, a class of the program's
        return _json(_shown(value))


def _message(record: logging.LogRecord) -> str:
    try:
        return str(record.getMessage())
    except Exception as error:  # noqa: BLE001 - its arguments do not fit, or fail to be shown
        return f"{_shown(record.msg)} (which cannot be filled in: {_shown(error)})"


def _utc(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _shown(value: object) -> str:
    try:
        return str(repr(value))
    except Exception:  # noqa: BLE001 - it is a class of the program's
        return f"<a {type(value).__name__}, whose repr has failed>"


Setup: TypeAlias = Callable[[LogFormat, int, int], None]
