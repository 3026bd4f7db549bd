"""Logs: what the core reports goes to the logger of an adapter; the environment sets its level."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Mapping

from ..config import ENV_LOG_LEVEL
from ..display import one_line, without_logins, without_plus_numbers
from ..outputs import Output
from ..rpc.masking import Scrubber
from .narration import narrate


def log_output(logger: logging.Logger, host: str, output: Output) -> None:
    """Write down what the core reports about `host`."""
    level, words = narrate(host, output)
    logger.log(level, "%s", words)


def set_log_level(logger: logging.Logger, environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`. Without it, logging is up to the application."""
    level = logging.getLevelNamesMapping().get(environ.get(ENV_LOG_LEVEL, "").upper())
    if level is not None:
        logger.setLevel(level)
        if not logger.hasHandlers():
            logging.basicConfig(level=level)


def mask_lines(logger: logging.Logger, scrubber: Scrubber) -> None:
    """From now on, mask in every line of `logger` what `scrubber` does not show.

    This is for the lines that name what the peer has sent: ids, and handles with their
    `repr`. It ends when nobody else uses the scrubber. Telephone numbers are masked
    unless one of the scrubbers shows personal data.
    """
    for known in logger.filters:
        if isinstance(known, _LineFilter):
            known.add(scrubber)
            return
    line_filter = _LineFilter()
    line_filter.add(scrubber)
    logger.addFilter(line_filter)


class _LineFilter(logging.Filter):
    """Changes lines, and lets all of them pass."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._scrubbers: weakref.WeakSet[Scrubber] = weakref.WeakSet()

    def add(self, scrubber: Scrubber) -> None:
        with self._lock:
            self._scrubbers.add(scrubber)

    def filter(self, record: logging.LogRecord) -> bool:
        with self._lock:
            scrubbers = tuple(self._scrubbers)
        words = shown = record.getMessage()
        for scrubber in scrubbers:
            shown = scrubber.text(shown)
        # In a frame, all but ids is masked already. A line does not tell whose it is.
        shown = without_logins(one_line(shown, len(shown)))
        if not any(scrubber.shows_personal for scrubber in scrubbers):
            shown = without_plus_numbers(shown)
        if shown != words:
            record.msg, record.args = shown, None
        return True
