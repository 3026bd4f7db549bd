"""Bounds: the values of an attribute of a metric are few, whatever a peer or a program sends."""

from __future__ import annotations

import re
import threading
from typing import Final, cast

from relay_proto.errors import RelayError

OTHER: Final = "_OTHER"
"""Stands for all values beyond the bound, as OpenTelemetry has it for methods of HTTP."""
MOST_VALUES: Final = 50
"""Different values of one attribute, in a process."""

_WORD: Final = re.compile(r"[A-Za-z_][\w.<>-]{0,63}", re.ASCII)
_CODE: Final = re.compile(r"[0-9]{3}|-32[0-9]{3}")
"""The codes of errors: those of HTTP, and those of JSON-RPC."""
_DIGIT: Final = re.compile(r"[0-9]")
MOST_DIGITS: Final = 4
"""More of them, wherever they stand in a word, may be a number of somebody."""


class Words:
    """The values that one attribute has had."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.RLock()  # garbage may end a client while it is held

    def bounded(self, value: str) -> str:
        """Return `value` if it is a word, and one of the first; `OTHER` if not.

        What looks like a telephone number is no word.
        """
        if value in self._known:
            return value
        with self._lock:
            if len(self._known) >= MOST_VALUES or not is_word(value):
                return OTHER
            self._known.add(value)
        return value


def is_word(value: str) -> bool:
    """Whether it is a word of the protocol or of a program: no text, and no number of anybody."""
    if _WORD.fullmatch(value):
        return len(_DIGIT.findall(value)) <= MOST_DIGITS
    return _CODE.fullmatch(value) is not None


def word(value: str) -> str:
    """Return `value` if it is a word, for a span."""
    return value if is_word(value) else OTHER


def error_type(error: BaseException) -> str:
    """What to call an error: the server's code, or the name of its class.

    A group of one, such as that of a task group, is called by what is in it.
    """
    error = _the_one(error)
    kind = type(error)
    if isinstance(error, RelayError) and kind is RelayError:
        return word(str(error.code))
    if kind.__module__ == "builtins" or isinstance(error, RelayError):
        return word(kind.__qualname__)
    return word(f"{kind.__module__}.{kind.__qualname__}")


def _the_one(error: BaseException) -> BaseException:
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    return _the_one(group.exceptions[0]) if len(group.exceptions) == 1 else group
