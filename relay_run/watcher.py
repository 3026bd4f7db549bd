"""The watcher of ``--reload``: it tells when a Python file changes. It needs watchfiles."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from relay_proto.adapter.logs import Log
from relay_proto.display import one_line

LAST_BREATH: Final = 5.0
BEGINNING: Final = 60.0
"""Seconds in which it must have begun to watch: there may be many directories."""
LOOK_INTERVAL: Final = 1.0
"""Seconds after which to look whether the directories are still the same ones."""
ADDED: Final = 1
"""What watchfiles calls a file, or a directory, that was made or moved there."""
MOST_FAILURES: Final = 3
"""So often in a row the watch may fail as soon as it begins."""

_log: Final = Log(logging.getLogger("relay_run"))


class CannotWatchError(Exception):
    """Why nothing can be watched, and what to do."""


@contextmanager
def watching(directories: Iterable[str], changed: Callable[[], None]) -> Generator[None]:
    """Call `changed`, in a thread, whenever a Python file in `directories` has changed.

    A directory that is removed and made again is watched again, and counts as changed.
    Directories below them that cannot be read are not watched. If nothing can be watched any
    more, the log says so, once.

    Raises:
        CannotWatchError: watchfiles is not installed, or a directory is not there, or the
            system cannot watch it.
    """
    paths = tuple(directories)
    if not paths:
        yield
        return
    try:
        import watchfiles  # noqa: PLC0415 - it is optional
    except ModuleNotFoundError:
        raise CannotWatchError(
            "--reload needs watchfiles: pip install 'relay-proto[reload]'"
        ) from None
    # It logs each change that it sees. If the log is a file there, each line makes another one.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    for path in paths:
        if not Path(path).is_dir():
            raise CannotWatchError(f"--reload-dir {path}: there is no such directory")
    watcher = _Watcher(watchfiles, paths, changed)
    try:
        watcher.start()
        yield
    finally:
        watcher.stop()


class _Watcher:
    """The thread that watches. It is the `stop_event` of watchfiles, too."""

    def __init__(
        self, watchfiles: Any, paths: tuple[str, ...], changed: Callable[[], None]
    ) -> None:
        self._watchfiles = watchfiles
        self._is_python: Callable[..., bool] = watchfiles.PythonFilter()
        # As absolute as those that watchfiles reports.
        self._paths = tuple(str(Path(path).absolute()) for path in paths)
        self._changed = changed
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._failure: Exception | None = None
        self._failures = 0
        """In a row: watches that have failed before anything came of them."""
        self._untold = False
        """Whether something has changed, or may have changed while nothing was watched."""
        self._thread = threading.Thread(target=self._run, name="relay_run watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch.

        Raises:
            CannotWatchError: the system does not let us.
        """
        self._thread.start()
        began, failure = self._begun.wait(BEGINNING), self._failure
        if not began or failure is not None:
            why = f"it takes longer than {BEGINNING:g} s" if failure is None else _words(failure)
            raise CannotWatchError(
                f"--reload cannot watch the files: {why}. "
                "Name other directories, or smaller ones, with --reload-dir"
            )

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(LAST_BREATH)

    def is_set(self) -> bool:
        """Whether to stop. watchfiles asks as soon as it watches, which nothing else tells."""
        self._begun.set()
        return self._stop.is_set()

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 - whatever watchfiles raises
            if self._begun.is_set():
                _log.error(
                    "--reload has stopped: %s. Changes of files are not noticed any more: "
                    "start relay run again",
                    _words(error),
                )
            else:
                self._failure = error
        finally:
            self._begun.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            with _Roots(self._paths) as roots:
                try:
                    if roots.found:
                        self._watch_these(roots)
                    else:
                        self._begun.set()
                        self._wait_for(roots)
                except Exception:
                    # It may have been for a directory that came or went meanwhile: begin anew.
                    self._failures += 1
                    if not self._begun.is_set() or self._failures == MOST_FAILURES:
                        raise
                    self._untold = True
                    self._stop.wait(LOOK_INTERVAL)
                self._untold = self._untold or roots.have_come()

    def _watch_these(self, roots: _Roots) -> None:
        """Watch until something else has to be watched."""
        directories, recursive = _directories(roots.found)
        # Nothing is filtered there: else changes of other files could keep us from looking.
        for changes in self._watchfiles.watch(
            *directories,
            recursive=recursive,
            watch_filter=None,
            stop_event=self,
            rust_timeout=round(LOOK_INTERVAL * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            self._failures = 0
            self._untold = self._untold or any(self._is_news(*change) for change in changes)
            if not recursive and any(_is_new(path, directories) for _, path in changes):
                return  # it is watched from now on, and the news are told then
            if self._untold:
                self._untold = False
                self._changed()
            if not roots.are_the_same():
                return

    def _is_news(self, kind: int, path: str) -> bool:
        """Whether a Python file has changed, or a directory was added that has one already."""
        return self._is_python(kind, path) or (
            kind == ADDED
            and any(
                self._is_python(kind, str(Path(directory, name)))
                for directory, _, names in os.walk(path)
                for name in names
            )
        )

    def _wait_for(self, roots: _Roots) -> None:
        while roots.are_the_same() and not self._stop.wait(LOOK_INTERVAL):
            pass


class _Roots:
    """The directories at some paths, as they are now.

    They are kept open: the number of one that was removed may else be that of its successor.
    """

    def __init__(self, paths: tuple[str, ...]) -> None:
        """Open them.

        Raises:
            OSError: one is there, but cannot be read.
        """
        self._paths = paths
        self._opened: dict[str, int] = {}
        with ExitStack() as stack:
            for path in paths:
                with suppress(FileNotFoundError, NotADirectoryError):
                    self._opened[path] = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                    stack.callback(os.close, self._opened[path])
            self._closing = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def found(self) -> tuple[str, ...]:
        """The paths at which there was a directory."""
        return tuple(self._opened)

    def are_the_same(self) -> bool:
        """Whether there is at each path what was there, or still nothing."""
        return not any(self._differs(path) for path in self._paths)

    def have_come(self) -> bool:
        """Whether there is a directory at one of the paths that was not there."""
        return any(self._differs(path) and Path(path).is_dir() for path in self._paths)

    def _differs(self, path: str) -> bool:
        opened = self._opened.get(path)
        try:
            now = os.stat(path)  # noqa: PTH116 - it is compared with what `os.fstat` returns
        except OSError:
            return opened is not None
        if opened is None:
            return stat.S_ISDIR(now.st_mode)
        return not os.path.samestat(os.fstat(opened), now)


def _directories(roots: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return the directories to watch, and whether with all that is below them.

    watchfiles does not watch what comes behind a directory that cannot be read, even if it is
    to ignore that. So if there is one, all others are named one by one.
    """
    found: dict[tuple[int, int], str] = {}
    whole = True
    left = [*roots]
    while left:
        directory = left.pop()
        try:
            about = os.stat(directory)  # noqa: PTH116 - it is a text, as watchfiles takes it
            if (about.st_dev, about.st_ino) in found:
                continue  # links may lead in a circle
            with os.scandir(directory) as entries:
                found[about.st_dev, about.st_ino] = directory
                for entry in entries:
                    try:
                        left += [entry.path] if entry.is_dir() else []
                    except PermissionError:  # a link to where it may not look
                        whole = False
        except PermissionError:
            whole = False
        except OSError:
            continue  # it has just gone
    return (roots, True) if whole else (tuple(found.values()), False)


def _is_new(path: str, watched: tuple[str, ...]) -> bool:
    return path not in watched and os.access(path, os.R_OK | os.X_OK) and Path(path).is_dir()


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return one_line(str(error)) or type(error).__name__
