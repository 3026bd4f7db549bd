"""The file of the flight recorder: lines, bounded in size, for the owner's eyes alone."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from io import FileIO
from typing import TypeAlias

Path: TypeAlias = str | os.PathLike[str]


class RecordFile:
    """At most two files: `path`, and what was in it before, with ``.1`` behind its name."""

    def __init__(self, path: Path, most_bytes: int, logger: logging.Logger) -> None:
        """The file is opened with the first line; `logger` is told of a failure."""
        self._path = os.fspath(path)
        self._most_bytes = most_bytes
        self._logger = logger
        self._file: FileIO | None = None
        self._broken = False

    def write(self, line: str) -> None:
        """Append a line. What goes wrong is logged once: the calls are worth more."""
        if self._broken:
            return
        try:
            self._append(f"{line}\n".encode(errors="replace"))
        except OSError as error:
            self._broken = True
            words = "%s cannot be written, so nothing more is recorded: %s"
            self._logger.error(words, self._path, error)  # noqa: TRY400 - of use without the stack

    def close(self) -> None:
        """Close the file. A line that is written later opens it again."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _append(self, data: bytes) -> None:
        file = self._file or self._open()
        size = file.tell()
        if size and size + len(data) > self._most_bytes:
            self.close()
            os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - like `os.open` below
            file = self._open()
        file.write(data)

    def _open(self) -> FileIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._path, flags, 0o600)
        self._file = file = os.fdopen(descriptor, "ab", buffering=0)
        return file
