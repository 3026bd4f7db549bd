"""The file of the flight recorder: lines, bounded in size, for the owner's eyes alone.

One client writes to one file. Another one that is given the same name, in this process
or in another, takes a name with a number.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import FileIO
from typing import Final, TypeGuard

from ..values.checks import shown, text
from .logs import Log
from .private_files import Path, open_private

__all__ = ["Path", "RecordFile", "record_path"]

PROCESS: Final = "{pid}"
"""In the name of a file, the number of the process."""
MOST_FILES: Final = 100
"""Clients that may write to files of one name at the same time."""
FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND
HALF_LINES: Final = (b'{"recording":', b'{"at":', b'{"do":', b"\0")
"""How half a line begins: a recorder's own, and what a crash of the system leaves."""
LONGEST_BEGINNING: Final = max(map(len, HALF_LINES))
BLOCK: Final = 64 * 1024
"""Bytes that are read at once to find the last line end."""

CANNOT_WRITE: Final = (
    "%s cannot be written, so nothing more is recorded: %s. Calls are not affected. To record "
    "again, make room there or name another file, and connect again"
)
HAS_FAILED: Final = (
    "the recorder has failed, so nothing more is recorded in %s. Calls are not affected. "
    "This is a bug: please report it"
)
IN_USE: Final = "another client records to %s, so this one records to %s"


def record_path(argument: str, value: object) -> Path:
    """Check the name of a file: a text, or a path object."""
    if not _is_path(value):
        raise TypeError(f"{argument} must be the path of a file, not {shown(argument, value)}")
    text(argument, os.fspath(value))
    return value


def _is_path(value: object) -> TypeGuard[Path]:
    return isinstance(value, (str, os.PathLike))


class RecordFile:
    """At most two files: `path`, and what was in it before, with ``.1`` behind its name."""

    def __init__(self, path: Path, most_bytes: int, log: Log) -> None:
        """The file is opened with the first line; `log` is told of a failure."""
        self._process = os.getpid()
        self._wanted = os.fspath(path).replace(PROCESS, str(self._process))
        self._path = self._wanted
        self._most_bytes = most_bytes
        self._log = log
        self._file: FileIO | None = None

    def write(self, line: str) -> None:
        """Append a line. A process that was forked from the one of the file writes nothing.

        Raises:
            OSError: it cannot be written.
        """
        if os.getpid() != self._process:
            return
        data = f"{line}\n".encode(errors="replace")
        file = self._file or self._open()
        size = file.tell()
        if size and size + len(data) > self._most_bytes:
            # While it is locked: nobody else may begin to write to it in between.
            os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - like `os.open`
            self.close()
            file = self._open()
        written = file.write(data) or 0
        if written < len(data):
            # The system says nothing when there is room for a part of the line. Another
            # client must not write its first line behind half a line.
            with suppress(OSError):
                file.truncate(file.tell() - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)

    def close(self) -> None:
        """Close the file. A line that is written later opens it again.

        Raises:
            OSError: the system could not save what was written.
        """
        file, self._file = self._file, None
        if file is not None:
            if os.getpid() == self._process:
                # A child that was forked has the file, too, and so would keep the lock.
                _unlock(file.fileno())
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
        for number in range(1, MOST_FILES + 1):
            path = _numbered(self._wanted, number)
            descriptor = _open_alone(path)
            if descriptor is not None:
                if path not in (self._wanted, self._path):
                    self._log.warning(IN_USE, self._wanted, path)
                self._path = path
                self._file = file = os.fdopen(descriptor, "ab+", buffering=0)
                _end_last_line(file)
                return file
        raise OSError(errno.EBUSY, "too many clients record to it", self._wanted)


def _numbered(path: str, number: int) -> str:
    if number == 1:
        return path
    root, extension = os.path.splitext(path)  # noqa: PTH122
    return f"{root}-{number}{extension}"


def _open_alone(path: str) -> int | None:
    """Open a file to which nobody else writes; None if somebody does."""
    while True:
        descriptor = open_private(path, FLAGS)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor  # such as /dev/null
        if _is_locked_by_another(descriptor):
            os.close(descriptor)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH116
                return descriptor
        os.close(descriptor)  # it was renamed before it was locked, because it is full


def _end_last_line(file: FileIO) -> None:
    """Cut off a last line without an end, which a crash or a full disk has left.

    What is no line of a recorder was written by somebody else, and only gets a line end.
    """
    size = end = file.tell()
    while end:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        line_end = file.read(end - begin).rfind(b"\n")
        if line_end >= 0:
            end = begin + line_end + 1
            break
        end = begin
    if end < size:
        file.seek(end)
        begun = file.read(LONGEST_BEGINNING)
        if begun.startswith(HALF_LINES) or any(one.startswith(begun) for one in HALF_LINES):
            file.truncate(end)
        else:
            file.write(b"\n")
    file.seek(0, os.SEEK_END)


def _is_locked_by_another(descriptor: int) -> bool:
    """Lock a file, unless another client has.

    On Windows, and in a file system without locks, nobody has.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError) as error:
        return isinstance(error, BlockingIOError)
    return False


def _unlock(descriptor: int) -> None:
    with suppress(ImportError, OSError):
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_UN)
