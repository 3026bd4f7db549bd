"""`Artifact`: an operation that makes a file, such as a recording.

Its last event describes the file. If the call ends first, that event comes a little
later than the end of the call.

Source: docs/protocol.md, section 14.4.
"""

from __future__ import annotations

import abc
from typing import ClassVar, Final

from ..rpc.frames import JSONObject
from .happened import What, Who
from .legs import Leg, Listener

FILES: Final = "https://files.example.com"
"""The address of all files. It does not exist, so nothing can be downloaded from it."""


class Artifact(Listener):
    """An operation that makes a file with a suffix, and describes it at the end."""

    event_type: ClassVar[str]
    activity: ClassVar[str]
    """The name of the operation in the journal."""

    def __init__(self, leg: Leg, control_id: str, *, suffix: str) -> None:
        super().__init__(leg, control_id)
        self.file_id = leg.network.new_id()
        self.url = f"{FILES}/{self.file_id}.{suffix}"
        self._last: JSONObject = {}

    @abc.abstractmethod
    def close(self, outcome: str, now: float) -> JSONObject:
        """Cancel all deadlines; return the parameters of the last event."""

    def tell(self, params: JSONObject, now: float) -> None:
        """Tell the program about this operation."""
        self.leg.tell(self.event_type, now, control_id=self.control_id, **params)

    def note_start(self, now: float) -> None:
        """Note in the journal that the operation starts."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=self.activity)

    def conclude(self, outcome: str, now: float) -> None:
        """End the operation, while the call continues."""
        self.leave()
        self.tell(self._close(outcome, now), now)

    def cancel(self, now: float) -> None:
        """End with the call. The last event follows later."""
        self._last = self._close("", now)
        self.leg.network.at(now + self.leg.network.config.timing.storing, self._tell_last)

    def _close(self, outcome: str, now: float) -> JSONObject:
        last = self.close(outcome, now)
        shown = outcome or "the call is over"
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=self.activity, outcome=shown)
        return last

    def _tell_last(self, now: float) -> None:
        self.tell(self._last, now)
