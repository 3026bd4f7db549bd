"""Imports: a program that is imported to run its client must not run the client itself."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from ..errors import LocalProtocolError

_importers: list[str] = []
"""Who imports a program now, innermost last."""


@contextmanager
def importing(importer: str) -> Generator[None]:
    """Let no client `run` in the main thread: the import would not end."""
    _importers.append(importer)
    try:
        yield
    finally:
        _importers.pop()


def check_may_run() -> None:
    """Before `run`. In another thread it may run: the import goes on.

    Raises:
        LocalProtocolError: somebody imports the program, and runs its client later.
    """
    if _importers and threading.current_thread() is threading.main_thread():
        raise LocalProtocolError(
            f"{_importers[-1]} imports this module, and runs its client itself: write "
            "client.run() below a line with: if __name__ == '__main__':"
        )
