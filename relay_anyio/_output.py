"""The output of the command ``relay``: on any terminal, into a pipe, or onto a full disk."""

from __future__ import annotations

import codecs
import errno
import io
import os
import socket
import sys
import tempfile
from contextlib import suppress
from typing import Final, TextIO, cast

PLAIN: Final = "relay_anyio.plain"
"""How what an encoding lacks is written: see `codecs.register_error`."""
SPELLED: Final = {
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
}


class OutputError(Exception):
    """The output cannot be written; the cause is an `OSError` or a `ValueError`."""


class CommandError(Exception):
    """What the command cannot do, in a sentence for whoever gave it, and its exit code."""

    def __init__(self, words: str, *, code: int = 1) -> None:
        super().__init__(words)
        self.code = code


def cannot_listen(what: str, host: str, error: OSError, option: str) -> OSError:
    """Return an error that says what to change: the host if that is wrong, or else the port."""
    why = error.strerror or error
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return OSError(
            f"{host!r} is no address of this machine ({why}): choose another with --host"
        )
    return OSError(f"{what} ({why}): choose another with {option}")


class _Output(io.TextIOBase):
    """Stdout, as it is when something is written. Nothing is written if there is none."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the terminal, or UTF-8 if it is not known."""
        return getattr(sys.stdout, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Whether a person reads it."""
        with suppress(AttributeError, ValueError):
            return sys.stdout.isatty()
        return False

    def write(self, text: str, /) -> int:
        """Write a text, with plain characters in place of those that the encoding lacks.

        Raises:
            OutputError: it cannot be written.
        """
        encoding = self.encoding
        shown = text.encode(encoding, PLAIN).decode(encoding)
        try:
            print(shown, end="")
        except (OSError, ValueError) as error:
            raise OutputError from error
        return len(text)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            print(end="", flush=True)
        except (OSError, ValueError) as error:
            raise OutputError from error


OUTPUT: Final = cast("TextIO", _Output())


def os_words(error: OSError) -> str:
    """Return what the system says, without its number: the file first, if it is about one."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def temporary_directory(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Make a directory that goes away at the end of its ``with`` block.

    Raises:
        CommandError: nothing can be written anywhere.
    """
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    except OSError as error:
        raise CommandError(
            f"there is no directory for temporary files ({error.strerror}): set TMPDIR to one "
            "that can be written to"
        ) from None


def forget_output() -> None:
    """Write nothing more: the interpreter would fail on what waits, at its end."""
    with suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _spell(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), "nothing is decoded with this"
    characters = error.object[error.start : error.end]
    return "".join(SPELLED.get(character, "?") for character in characters), error.end


codecs.register_error(PLAIN, _spell)
