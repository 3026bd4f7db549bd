"""Results: what the last event of an action says, as typed properties.

Mixed into the handles of both adapters. Before the end, and where the operation
came to nothing, each property has its empty value.

Source: docs/protocol.md, sections 15.1 and 18.
"""

from __future__ import annotations

from ..rpc.event_base import RelayEvent
from ..rpc.events import CollectEvent, DetectEvent, FaxEvent, RecordEvent, TranscribeEvent
from .outcomes import Outcome, outcome_of


class Results:
    """What every handle can say about its end."""

    @property
    def result(self) -> RelayEvent | None:
        """The last event of the operation, or of its call; None while it runs."""
        raise AssertionError("the handle of each adapter has it")

    @property
    def outcome(self) -> Outcome | None:
        """How the operation ended, as a value to match; None while it runs."""
        event = self.result
        return None if event is None else outcome_of(event)


class CollectResults(Results):
    """What was entered or said."""

    @property
    def digits(self) -> str:
        """The digits entered."""
        event = self.result
        return event.digits if isinstance(event, CollectEvent) else ""

    @property
    def terminator(self) -> str:
        """The digit that ended the input."""
        event = self.result
        return event.terminator if isinstance(event, CollectEvent) else ""

    @property
    def speech(self) -> str:
        """What was said."""
        event = self.result
        return event.text if isinstance(event, CollectEvent) else ""

    @property
    def confidence(self) -> float:
        """How sure the recogniser is of it."""
        event = self.result
        return event.confidence if isinstance(event, CollectEvent) else 0.0


class DetectResults(Results):
    """What was heard."""

    @property
    def verdict(self) -> str:
        """``HUMAN``, ``MACHINE``, ``UNKNOWN``, ``CED``, ``CNG``, a digit, or ``""``."""
        event = self.result
        return event.event if isinstance(event, DetectEvent) else ""

    @property
    def human(self) -> bool:
        """Whether a person has answered."""
        return self.verdict == "HUMAN"


class RecordResults(Results):
    """What was recorded."""

    @property
    def url(self) -> str:
        """Where the recording is."""
        event = self.result
        return event.url if isinstance(event, (RecordEvent, TranscribeEvent)) else ""

    @property
    def duration(self) -> float:
        """How long it is, in seconds."""
        event = self.result
        return event.duration if isinstance(event, (RecordEvent, TranscribeEvent)) else 0.0

    @property
    def size(self) -> int:
        """How large it is, in bytes."""
        event = self.result
        return event.size if isinstance(event, (RecordEvent, TranscribeEvent)) else 0


class FaxResults(Results):
    """What was faxed."""

    @property
    def document(self) -> str:
        """Where the document is."""
        event = self.result
        return event.document if isinstance(event, FaxEvent) else ""

    @property
    def pages(self) -> int:
        """How many pages it has."""
        event = self.result
        return event.pages if isinstance(event, FaxEvent) else 0

    @property
    def success(self) -> bool:
        """Whether it came through."""
        event = self.result
        return event.success if isinstance(event, FaxEvent) else False
