"""Logs: the logger of an adapter, what the environment wants of it, and floods of lines."""

from __future__ import annotations

import logging
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, TextIO

from ..display import counted, one_line, shown_id, without_logins, without_plus_numbers
from ..outputs import Connected, ConnectFailed, FrameTraced, OfferRefused, Output
from ..rpc.masking import Scrubber
from ..variables import ENV_LOG_LEVEL
from .forks import forks
from .narration import narrate
from .repeats import Kind, Line, Repeats

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
TOO_MANY: Final = (
    "too many listeners run. Let them return sooner, or raise Limits.listener_backlog and "
    "Limits.backlog_bytes"
)
WRONG_LEVEL: Final = "%s is %r, which is not a level: use debug, info, warning, error or critical"
END_THE_PROGRAM: Final = (KeyboardInterrupt, SystemExit)

_VARIABLE_PART: Final = re.compile(r"\S*\d\S*|'[^']*'")
"""What differs in lines that are alike: ids, numbers, times, and what is quoted."""


class Log:
    """The logger of an adapter. Handlers and filters that raise there hurt nobody here."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger: Final = logger
        self._has_failed = False

    def is_enabled_for(self, level: int) -> bool:
        """Whether a line of this level is written."""
        return self.logger.isEnabledFor(level)

    def debug(self, words: str, *args: object) -> None:
        """Write a line that helps to find a mistake."""
        self.log(logging.DEBUG, words, *args)

    def info(self, words: str, *args: object) -> None:
        """Write a line about what is as it should be."""
        self.log(logging.INFO, words, *args)

    def warning(self, words: str, *args: object) -> None:
        """Write a line about what is not as it should be."""
        self.log(logging.WARNING, words, *args)

    def error(self, words: str, *args: object) -> None:
        """Write a line about what was lost."""
        self.log(logging.ERROR, words, *args)

    def failure(self, error: BaseException, words: str, *args: object) -> None:
        """Write a line about what has failed, and the traceback."""
        self.log(logging.ERROR, words, *args, exc_info=error)

    def log(
        self,
        level: int,
        words: str,
        *args: object,
        call_id: str = "",
        exc_info: BaseException | None = None,
    ) -> None:
        """Write a line, with the call that it is about as a field of its record.

        Raises only what ends the program, and only in the main thread.
        """
        extra = {"call_id": call_id} if call_id else None
        try:
            self.logger.log(level, words, *args, exc_info=exc_info, extra=extra)
        except BaseException as error:
            main = threading.current_thread() is threading.main_thread()
            if main and isinstance(error, END_THE_PROGRAM):  # it may be Ctrl+C
                raise
            self._tell_once(error)

    def _tell_once(self, error: BaseException) -> None:
        """Say on stderr that lines may be missing, as the standard library does."""
        if self._has_failed or not logging.raiseExceptions:
            return
        self._has_failed = True
        with suppress(Exception):
            sys.stderr.write(
                f"{self.logger.name}: a handler or a filter of the log has failed, so lines may "
                f"be missing: {one_line(repr(error))}\n"
            )


class Lines:
    """What one client writes to the log: of a trouble that repeats, a line and a count.

    Any thread may write one.
    """

    def __init__(
        self, log: Log, clock: Callable[[], float], deadline_changed: Callable[[], None]
    ) -> None:
        """`deadline_changed` is called when `deadline` is sooner than before."""
        self._log = log
        self._clock = clock
        self._deadline_changed = deadline_changed
        self.on_failure: Callable[[BaseException], object] = lambda _error: None
        """Gets all that functions of the application raise, written down or not."""
        self._repeats = Repeats()
        self._renew_lock()
        forks.call_in_child(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()  # the collection of garbage may log while it is held

    def write(
        self,
        kind: Kind,
        level: int,
        words: str,
        *args: object,
        about: str = "",
        call_id: str = "",
        exc_info: BaseException | None = None,
    ) -> None:
        """Write a line, or count it if one of its kind was written before.

        `about`, or `call_id` if that is a call, is the id of what the line is about: a count
        names some of them. Ids and numbers in a kind do not count: lines that differ by these
        are of one kind.
        """
        if not self._log.is_enabled_for(level):
            return
        what, way = kind
        if isinstance(way, str):
            kind = what, _VARIABLE_PART.sub("", way)
        now = self._clock()
        with self._lock:
            is_first = self._repeats.is_first(kind, now)
        if is_first:
            self._log.log(level, words, *args, call_id=call_id, exc_info=exc_info)
            return
        with suppress(Exception):  # of a `repr`, as above
            words %= args
        with self._lock:
            sooner = self._repeats.count(kind, (level, words), about or call_id)
        if sooner:
            self._deadline_changed()

    def event_dropped(self, name: str, count: int, size: int, event: object) -> None:
        """Write down that a function, or a wait, did not get an event: too many wait for it."""
        words = f"%s: %r is dropped, because the backlog has %s (%d bytes), or {TOO_MANY}"
        waiting = counted(count, "event")
        self.write(("dropped", name), logging.ERROR, words, name, event, waiting, size)

    def listener_not_run(self, name: str, event: object) -> None:
        """Write down that a function did not get an event: too many functions run."""
        words = f"%s: %r is dropped, because {TOO_MANY}"
        self.write(("not run", name), logging.ERROR, words, name, event)

    def thread_not_started(self, name: str, error: BaseException) -> None:
        """Write down that the system has no thread to give."""
        words = "%s cannot be started: %s"
        self.write((words, ""), logging.WARNING, words, name, error)

    def thread_still_runs(self, name: str) -> None:
        """Write down that a thread did not end with its client."""
        words = "%s still runs, and disconnect() no longer waits for it"
        self.write((words, ""), logging.WARNING, words, name)

    def narrate(self, host: str, output: Output) -> None:
        """Write down what the core reports about `host`."""
        level, words = narrate(host, output)
        if isinstance(output, Connected):
            self._end(ConnectFailed.__name__)
        if isinstance(output, FrameTraced):
            self._log.log(level, "%s", words)
            return
        call_id, way = "", words
        if isinstance(output, OfferRefused):
            call_id, way = shown_id(output.call_id), output.reason
        self.write((type(output).__name__, way), level, "%s", words, call_id=call_id)

    def deadline(self) -> float | None:
        """When `handle_timer` has something to write."""
        return self._repeats.deadline()

    def handle_timer(self, now: float) -> None:
        """Write the counts that are due."""
        with self._lock:
            lines = self._repeats.handle_timer(now)
        self._write_all(lines)

    def flush(self) -> None:
        """Write all counts, because nobody may call `handle_timer` any more."""
        with self._lock:
            lines = self._repeats.flush(self._clock())
        self._write_all(lines)

    def _end(self, what: str) -> None:
        with self._lock:
            lines = self._repeats.end(what, self._clock())
        self._write_all(lines)

    def _write_all(self, lines: Iterable[Line]) -> None:
        for level, words in lines:
            self._log.log(level, "%s", words)


def set_log_level(log: Log, environ: Mapping[str, str]) -> None:
    """Obey `SIGNALWIRE_LOG_LEVEL`. Without it, logging is up to the application.

    With it, lines appear on stderr, unless the application has handlers that see them.
    """
    wanted = environ.get(ENV_LOG_LEVEL, "").strip()
    if not wanted:
        return
    level = logging.getLevelNamesMapping().get(wanted.upper())
    if level is None:
        log.warning(WRONG_LEVEL, ENV_LOG_LEVEL, one_line(wanted, 40))
        return
    log.logger.setLevel(level)
    if not any(isinstance(handler, _OnStderr) for handler in log.logger.handlers):
        log.logger.addHandler(_OnStderr(log.logger))


class _OnStderr(logging.StreamHandler[TextIO]):
    """Shows lines that no handler of the application sees, now or when it has some."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter(FORMAT))
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_seen_elsewhere(record.levelno):
            # That of now: it may have been replaced, or closed.
            self.stream = sys.stderr
            super().emit(record)

    def _is_seen_elsewhere(self, level: int) -> bool:
        logger: logging.Logger | None = self._logger
        while logger is not None:
            for handler in logger.handlers:
                shows = not isinstance(handler, logging.NullHandler) and level >= handler.level
                if shows and handler is not self:
                    return True
            logger = logger.parent if logger.propagate else None
        return False


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
    """Changes lines, and lets all of them pass.

    Whoever writes a line takes no lock and iterates over nothing that changes: garbage may be
    collected at any moment, and what it held may write a line of its own, from within.
    """

    def __init__(self) -> None:
        super().__init__()
        self._renew_lock()
        self._scrubbers: tuple[weakref.ref[Scrubber], ...] = ()
        forks.call_in_child(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()  # garbage may add one while it is held

    def add(self, scrubber: Scrubber) -> None:
        added = weakref.ref(scrubber)
        with self._lock:
            is_there = False
            while not is_there:
                before = self._scrubbers
                after = (*(one for one in before if one() not in (None, scrubber)), added)
                if is_there := self._scrubbers is before:  # else garbage has added one meanwhile
                    self._scrubbers = after

    def filter(self, record: logging.LogRecord) -> bool:
        scrubbers = [one for reference in self._scrubbers if (one := reference()) is not None]
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
