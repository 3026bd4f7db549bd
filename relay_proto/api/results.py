"""Results: typed properties for what the last event of an action says.

The actions of both adapters inherit them. While an action runs, and if it has no such
result, a property has its empty value: ``""``, 0 or False.

Public: for authors of adapters.

Source: docs/protocol.md, sections 15.1 and 18.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from ..rpc.event_base import RelayEvent
from ..rpc.events import (
    CallStateEvent,
    CollectEvent,
    DetectEvent,
    FaxEvent,
    RecordEvent,
    TranscribeEvent,
)
from ..values.literals import Verdict
from .outcomes import Outcome, outcome_of

E = TypeVar("E", bound=RelayEvent)
R = TypeVar("R", RecordEvent, TranscribeEvent)


class Results(Generic[E]):
    """The properties that all actions have."""

    @property
    def result(self) -> E | CallStateEvent | None:
        """The last event of the action, or of its call. None while the action runs."""
        raise AssertionError("a subclass must define this property")

    @property
    def outcome(self) -> Outcome[E] | None:
        """How the action ended, as a value for ``match``. None while it runs."""
        event = self.result
        return None if event is None else outcome_of(event)


class CollectResults(Results[CollectEvent]):
    """The input of a caller."""

    @property
    def digits(self) -> str:
        """The digits that the caller has entered, without the terminator."""
        event = self.result
        return event.digits if isinstance(event, CollectEvent) else ""

    @property
    def terminator(self) -> str:
        """The digit that has ended the input, such as ``#``."""
        event = self.result
        return event.terminator if isinstance(event, CollectEvent) else ""

    @property
    def speech(self) -> str:
        """What the caller has said."""
        event = self.result
        return event.text if isinstance(event, CollectEvent) else ""

    @property
    def confidence(self) -> float:
        """How sure the speech recognition is of `speech`."""
        event = self.result
        return event.confidence if isinstance(event, CollectEvent) else 0.0


class DetectResults(Results[DetectEvent]):
    """What a detector has heard."""

    @property
    def verdict(self) -> Verdict:
        """``HUMAN``, ``MACHINE``, ``UNKNOWN``, ``CED``, ``CNG``, a digit, …, or ``""``."""
        event = self.result
        return event.event if isinstance(event, DetectEvent) else ""

    @property
    def human(self) -> bool:
        """Whether a person has answered."""
        return self.verdict == "HUMAN"


class RecordResults(Results[R]):
    """A recording or a transcription."""

    @property
    def url(self) -> str:
        """The URL of the recording.

        There may be one although nobody has spoken: look at the `state` of `result`, too.
        """
        event = self.result
        return event.url if isinstance(event, (RecordEvent, TranscribeEvent)) else ""

    @property
    def _file_url(self) -> str:
        """What `download` fetches."""
        return self.url

    @property
    def duration(self) -> float:
        """The length of the recording, in seconds."""
        event = self.result
        return event.duration if isinstance(event, (RecordEvent, TranscribeEvent)) else 0.0

    @property
    def size(self) -> int:
        """The size of the recording, in bytes."""
        event = self.result
        return event.size if isinstance(event, (RecordEvent, TranscribeEvent)) else 0


class FaxResults(Results[FaxEvent]):
    """A fax."""

    @property
    def document(self) -> str:
        """The URL of the document."""
        event = self.result
        return event.document if isinstance(event, FaxEvent) else ""

    @property
    def _file_url(self) -> str:
        """What `download` fetches."""
        return self.document

    @property
    def pages(self) -> int:
        """The number of pages."""
        event = self.result
        return event.pages if isinstance(event, FaxEvent) else 0

    @property
    def success(self) -> bool:
        """Whether the whole fax was transmitted."""
        event = self.result
        return event.success if isinstance(event, FaxEvent) else False
