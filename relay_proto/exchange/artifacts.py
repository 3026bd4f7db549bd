"""`Artifact`: an operation that leaves something behind, such as a file.

It has a last event of its own, which says what there is now. When the call ends
under it, that event comes a little later than the end.

Source: docs/protocol.md, section 14.4.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Final

from ..rpc.frames import JSONObject
from .happened import What, Who
from .legs import Leg, Listener

FILES: Final = "https://files.example.com"
"""Where everything is that was made here; nothing can be fetched from it."""


class Artifact(Listener):
    """An operation that makes a file of `suffix`, and tells of it at the end."""

    event_type: ClassVar[str]
    activity: ClassVar[str]
    """What it is called where people are told of it."""

    def __init__(self, leg: Leg, control_id: str, *, suffix: str) -> None:
        super().__init__(leg, control_id)
        self.file_id = leg.network.new_id()
        self.url = f"{FILES}/{self.file_id}.{suffix}"
        self._last: JSONObject = {}

    @abc.abstractmethod
    def close(self, outcome: str, now: float) -> JSONObject:
        """Strike everything from the agenda; returns what the last event says."""

    def tell(self, params: JSONObject, now: float) -> None:
        """Tell the program about this operation."""
        self.leg.tell(self.event_type, now, control_id=self.control_id, **params)

    def note_start(self, now: float) -> None:
        """Report that it has begun."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=self.activity)

    def conclude(self, outcome: str, now: float) -> None:
        """It is over, and the call goes on."""
        self.leave()
        self.tell(self._close(outcome, now), now)

    def cancel(self, now: float) -> None:
        """The call is over: the last event follows."""
        self._last = self._close("", now)
        self.leg.network.at(now + self.leg.network.config.timing.storing, self._tell_last)

    def _close(self, outcome: str, now: float) -> JSONObject:
        last = self.close(outcome, now)
        shown = outcome or "the call is over"
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=self.activity, outcome=shown)
        return last

    def _tell_last(self, now: float) -> None:
        self.tell(self._last, now)
