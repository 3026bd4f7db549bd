"""The file of the flight recorder: lines, bounded in size, for the owner's eyes alone."""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from relay_proto.config import ClientConfig
from relay_proto.recorder.recording import RecordingCore

from ._core import Path

if TYPE_CHECKING:
    from random import Random

logger = logging.getLogger("relay_anyio")


def make_core(config: ClientConfig, path: Path, seed: int, chance: Random) -> RecordingCore:
    """A core that is recorded in a file; `chance` is made of `seed`."""
    file = _RecordFile(path, config.limits.recording_bytes)
    return RecordingCore(config, chance, file.write, seed=seed, on_closed=file.close)


class _RecordFile(RotatingFileHandler):
    """At most two files: `path`, and what was in it before, with ``.1`` behind its name."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=1, encoding="utf-8", delay=True)
        self._broken = False

    def write(self, line: str) -> None:
        """Append a line. What goes wrong is logged once: the calls are worth more."""
        if not self._broken:
            self.handle(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """See `logging.Handler.handleError`."""
        del record
        self._broken = True
        words = "%s cannot be written, so nothing more is recorded: %s"
        logger.error(words, self.baseFilename, sys.exc_info()[1])

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding="utf-8")
