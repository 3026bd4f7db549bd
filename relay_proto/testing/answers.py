"""Answers: an answer that reaches a core before its deadline is judged is in time.

A program may stand still for a while. Then answers wait for it, and deadlines pass. It
reads the answers first, so none of the requests and dials that they belong to has timed out.
"""

from __future__ import annotations

from typing import Any, Final

from ..errors import DialTimeoutError, RequestTimeoutError
from ..pending import Pending
from .checks import That
from .tap import Frame

CHECK: Final = "an answer that waited is not too late"
DIAL_ANSWERED: Final = b'"dial_state":"answered"'
Expected = tuple[Pending[Any], type[Exception]]
"""What somebody waits for, and the error with which the wait ends without an answer."""


class Answers:
    """The answers that the program of one core waits for."""

    def __init__(self, that: That) -> None:
        self._that = that
        self._by_id: dict[bytes, Expected] = {}
        self._by_tag: dict[str, Expected] = {}
        self._had: set[Expected] = set()
        """What has an answer, whether the core knows it or not."""
        self._sleeps = 0
        self._timed_out: dict[Expected, int] = {}
        """What has timed out, and how often the program had stood still until then."""

    def expect(self, frame: Frame, pending: Pending[Any]) -> None:
        """A request is sent, and the program waits for `pending`."""
        self._by_id[frame.id] = pending, RequestTimeoutError
        if frame.method == "calling.dial":
            self._by_tag[str(frame.body["tag"])] = pending, DialTimeoutError

    def slept(self) -> None:
        """The program stands still for a while."""
        self._sleeps += 1

    def arrived(self, frame: Frame, *, waited: bool) -> None:
        """A frame reaches the core. It may have `waited` while the program stood still."""
        expected = None
        if not frame.is_request:
            expected = self._by_id.get(frame.id)
        elif DIAL_ANSWERED in frame.text:
            expected = self._by_tag.get(str(frame.body.get("tag")))
        if expected is None:
            return
        if waited:
            in_time = self._timed_out.get(expected) != self._sleeps
            self._that(in_time, CHECK, frame)
        self._had.add(expected)

    def settled(self, pending: Pending[Any]) -> None:
        """A wait has ended."""
        error = pending.error
        if isinstance(error, (RequestTimeoutError, DialTimeoutError)):
            expected = pending, type(error)
            self._that(expected not in self._had, CHECK, error)
            self._timed_out[expected] = self._sleeps
