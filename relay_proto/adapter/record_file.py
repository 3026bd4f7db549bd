"""The file of the flight recorder: lines, bounded in size, for the owner's eyes alone."""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from typing import Final

from .logs import Log
from .private_files import Path, open_private

__all__ = ["Path", "RecordFile"]

CANNOT_WRITE: Final = (
    "%s cannot be written, so nothing more is recorded: %s. Calls are not affected. To record "
    "again, make room there or name another file, and connect again"
)
HAS_FAILED: Final = (
    "the recorder has failed, so nothing more is recorded in %s. Calls are not affected. "
    "This is a bug: please report it"
)


class RecordFile:
    """At most two files: `path`, and what was in it before, with ``.1`` behind its name."""

    def __init__(self, path: Path, most_bytes: int, log: Log) -> None:
        """The file is opened with the first line; `log` is told of a failure."""
        self._path = os.fspath(path)
        self._most_bytes = most_bytes
        self._log = log
        self._file: FileIO | None = None

    def write(self, line: str) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be written.
        """
        data = f"{line}\n".encode(errors="replace")
        file = self._file or self._open()
        size = file.tell()
        if size and size + len(data) > self._most_bytes:
            self.close()
            os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - like `os.open` below
            file = self._open()
        file.write(data)

    def close(self) -> None:
        """Close the file. A line that is written later opens it again.

        Raises:
            OSError: the system could not save what was written.
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def give_up(self, error: BaseException) -> None:
        """Log once why nothing more is recorded, and close the file."""
        if isinstance(error, OSError):
            self._log.error(CANNOT_WRITE, self._path, error)
        else:
            self._log.failure(error, HAS_FAILED, self._path)
        with suppress(OSError):
            self.close()

    def _open(self) -> FileIO:
        descriptor = open_private(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._file = file = os.fdopen(descriptor, "ab", buffering=0)
        return file
