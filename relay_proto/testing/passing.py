"""Passing back: the offers that a core does not take, until the server has heard of it."""

from __future__ import annotations

from .checks import That
from .tap import Frame

LEAVES = "a call that is passed back leaves"


class Passing:
    """The calls that one core has refused, and is to pass back."""

    def __init__(self, that: That) -> None:
        self._that = that
        self._refused: set[str] = set()
        """Those whose passing back was not answered yet."""
        self._owed: set[str] = set()
        """Those that have to be passed back now."""
        self._early: set[str] = set()
        """Calls that the core has passed back, and has not said so yet."""
        self._asked: dict[bytes, str] = {}
        """The calls to pass back, by the ids of the requests for that."""

    def refused(self, call_id: str) -> None:
        """The core says that it does not take a call."""
        self._refused.add(call_id)
        if call_id in self._early:
            self._early.discard(call_id)
        else:
            self._owed.add(call_id)

    def sent(self, frame: Frame) -> None:
        """The core passes a call back: one that it refused, or by the program's wish."""
        call_id = str(frame.body["call_id"])
        self._asked[frame.id] = call_id
        self._owed.discard(call_id)
        self._early |= {call_id} - self._refused

    def answered(self, frame: Frame) -> None:
        """The server has answered a request of the core's."""
        call_id = self._asked.pop(frame.id, None)
        if call_id is not None:
            self.over(call_id)

    def over(self, call_id: str) -> None:
        """A call has ended, is offered anew, or stays there, as the core says."""
        self._refused.discard(call_id)
        self._owed.discard(call_id)

    def connecting(self) -> None:
        """The core opens a connection. On the last one, some of its requests had no answer."""
        self._early.clear()
        self._asked.clear()

    def connected(self) -> None:
        """The core has a session, in which it has to ask again for what had no answer."""
        self._owed |= self._refused

    def check(self) -> None:
        """Check that the core has passed back each call that it does not take."""
        self._that(not self._owed, LEAVES, *self._owed)
