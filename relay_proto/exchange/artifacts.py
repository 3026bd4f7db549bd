"""`Artifact`: an operation that makes a file, such as a recording.

Its last event describes the file, which is there at that moment. If the call ends first,
both come a little later than the end of the call.

Source: docs/protocol.md, section 14.4.
"""

from __future__ import annotations

import abc
from typing import ClassVar

from ..rpc.frames import JSONObject
from .happened import What, Who
from .legs import Leg, Listener
from .sounds import FileContent


class Artifact(Listener):
    """An operation that makes a file with a suffix, and describes it at the end."""

    event_type: ClassVar[str]
    activity: ClassVar[str]
    """The name of the operation in the journal."""

    def __init__(self, leg: Leg, control_id: str, *, suffix: str) -> None:
        super().__init__(leg, control_id)
        self.file_id = leg.network.new_id()
        self.file_name = f"{self.file_id}.{suffix}"
        host = "" if leg.session is None else leg.session.host
        self.url = leg.network.file_url(self.file_name, host)
        self._last: JSONObject = {}

    @abc.abstractmethod
    def close(self, outcome: str, now: float) -> JSONObject:
        """Cancel all deadlines; return the parameters of the last event."""

    @abc.abstractmethod
    def content(self) -> FileContent | None:
        """Return what is in the file, after `close`; None if there is no file."""

    def tell(self, params: JSONObject, now: float) -> None:
        """Tell the program about this operation."""
        self.leg.tell(self.event_type, now, control_id=self.control_id, **params)

    def note_start(self, now: float) -> None:
        """Note in the journal that the operation starts."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=self.activity)

    def conclude(self, outcome: str, now: float) -> None:
        """End the operation, while the call continues."""
        self.leave()
        self._last = self._close(outcome, now)
        self._tell_last(now)

    def cancel(self, now: float) -> None:
        """End with the call. The last event follows later."""
        self._last = self._close("", now)
        self.leg.network.at(now + self.leg.network.config.timing.storing, self._tell_last)

    def _close(self, outcome: str, now: float) -> JSONObject:
        last = self.close(outcome, now)
        shown = outcome or "the call is over"
        made = {} if self.content() is None else {"file": self.file_name}
        self.leg.note(
            Who.EXCHANGE, What.FINISHED, now, activity=self.activity, outcome=shown, **made
        )
        return last

    def _tell_last(self, now: float) -> None:
        content = self.content()
        if content is not None:
            self.leg.network.keep(self.file_name, content)
        self.tell(self._last, now)
