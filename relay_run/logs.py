"""Logs of ``relay run``: what each line shows, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

LogFormat: TypeAlias = Literal["text", "json"]

TEXT: Final = "%(asctime)s %(levelname)s %(where)s%(name)s: %(message)s%(about)s"
OF_EVERY_LINE: Final = frozenset(
    logging.LogRecord("", 0, "", 0, "", None, None).__dict__
    | dict.fromkeys(("message", "asctime", "taskName", "where", "about"))
)
"""What a record has that nobody has given it."""


def configure(format_: LogFormat, level: int, worker: int) -> None:
    """Write the lines of this process to stderr, one each; `worker` is 0 in the supervisor."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter(worker) if format_ == "json" else TextFormatter(worker))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


class TextFormatter(logging.Formatter):
    """Lines for people, which say of which worker they are, and of which call."""

    def __init__(self, worker: int) -> None:
        super().__init__(TEXT)
        self._where = f"[worker {worker}] " if worker else ""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.where = self._where
        call_id = getattr(record, "call_id", "")
        named = not call_id or call_id in record.getMessage()
        record.about = "" if named else f" [call {call_id}]"
        line, traceback = super().format(record), getattr(record, "traceback", "")
        return f"{line}\n{traceback}" if traceback else line


class JSONFormatter(logging.Formatter):
    """One JSON object for each line, with all fields that it was given with ``extra``."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._worker = {"worker": worker} if worker else {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, Any] = {
            "time": _utc(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._worker,
        }
        given = record.__dict__.items()
        fields |= {name: value for name, value in given if name not in OF_EVERY_LINE}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps(fields, default=_shown, ensure_ascii=False)


def _utc(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _shown(value: object) -> str:
    return repr(value)


Setup: TypeAlias = Callable[[LogFormat, int, int], None]
