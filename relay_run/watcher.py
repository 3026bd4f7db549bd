"""The watcher of ``--reload``: it tells when a Python file changes. It needs watchfiles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

LAST_BREATH: Final = 5.0


class CannotWatchError(Exception):
    """Why nothing can be watched, and what to do."""


@contextmanager
def watching(directories: Iterable[str], changed: Callable[[], None]) -> Generator[None]:
    """Call `changed`, in a thread, whenever a Python file in `directories` has changed.

    Raises:
        CannotWatchError: watchfiles is not installed, or a directory is not there.
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
    for path in paths:
        if not Path(path).is_dir():
            raise CannotWatchError(f"--reload-dir {path}: there is no such directory")
    stop = threading.Event()
    thread = threading.Thread(
        target=_watch,
        args=(watchfiles, paths, changed, stop),
        name="relay_run watcher",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LAST_BREATH)


def _watch(
    watchfiles: Any, paths: tuple[str, ...], changed: Callable[[], None], stop: threading.Event
) -> None:
    python_files = watchfiles.PythonFilter()
    for _changes in watchfiles.watch(
        *paths, watch_filter=python_files, stop_event=stop, raise_interrupt=False
    ):
        changed()
