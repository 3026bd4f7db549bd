"""Logs of ``relay run``: what each line shows, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, cast

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
