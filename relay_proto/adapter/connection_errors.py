"""The words for what goes wrong with a connection."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from itertools import islice
from typing import Final, cast

from ..variables import ENV_CA_FILE

MOST_CAUSES: Final = 100
"""Of these one is named; more are not looked at."""


UNTRUSTED: Final = (18, 19, 20, 21, 27)
"""Certificates of nobody that is trusted, as OpenSSL numbers them: see ``x509_vfy.h``."""


class ToldError(OSError):
    """A failure that is told in words already: they are for people, and name no secrets."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def describe(error: BaseException, *, ends: tuple[type[BaseException], ...] = ()) -> str:
    """Say in words which of the usual things it was; `ends` are the errors at the end of a stream.

    An error that is not one of them speaks for itself, in the words of its first cause.
    Nothing that it does makes this raise.
    """
    causes = list(islice(_causes(error), MOST_CAUSES))
    for cause in causes:
        if isinstance(cause, ends):
            return "the server closed the connection"
        match cause:
            case ToldError():
                return cause.words
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return "the server closed the connection"
            case socket.gaierror():
                return f"the name could not be resolved ({cause.strerror})"
            case ssl.SSLCertVerificationError():
                return f"the server's certificate was refused ({_refusal(cause)})"
            case ssl.SSLError():
                return f"TLS failed ({getattr(cause, 'reason', None) or cause})"
            case ConnectionRefusedError():
                return "nothing is listening there (connection refused)"
            case ConnectionResetError() | BrokenPipeError():
                return "the connection was reset"
            case _:
                pass
    told = (_words(cause) for cause in reversed(causes))
    return next((words for words in told if words), type(error).__name__)


def _refusal(error: ssl.SSLCertVerificationError) -> str:
    """Say why a certificate was refused."""
    # One that a connector raises by itself does not have these attributes.
    why = str(getattr(error, "verify_message", error))
    if getattr(error, "verify_code", None) in UNTRUSTED:
        return f"{why}; {ENV_CA_FILE} can name the authority to trust"
    return why


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it is a class of the application's
        return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and whatever it was raised from."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in cast("BaseExceptionGroup[BaseException]", error).exceptions:
                yield from _causes(member)
        error = error.__cause__
