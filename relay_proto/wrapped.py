"""The base of cores that wrap another one: it shows what that one shows."""

from __future__ import annotations

from .client_interface import ClientInterface
from .records import CallRecord
from .rpc.masking import Scrubber
from .transitions import SessionState


class WrappedCore:
    """Shows the state of the core that it wraps. Commands and inputs are its subclasses'."""

    def __init__(self, core: ClientInterface) -> None:
        self._core = core

    @property
    def scrubber(self) -> Scrubber:
        """See `ClientCore.scrubber`."""
        return self._core.scrubber

    @property
    def state(self) -> SessionState:
        """See `ClientCore.state`."""
        return self._core.state

    @property
    def protocol(self) -> str:
        """See `ClientCore.protocol`."""
        return self._core.protocol

    @property
    def contexts(self) -> tuple[str, ...]:
        """See `ClientCore.contexts`."""
        return self._core.contexts

    @property
    def live_calls(self) -> tuple[CallRecord, ...]:
        """See `ClientCore.live_calls`."""
        return self._core.live_calls

    @property
    def active_calls(self) -> int:
        """See `ClientCore.active_calls`."""
        return self._core.active_calls

    @property
    def queued_requests(self) -> int:
        """See `ClientCore.queued_requests`."""
        return self._core.queued_requests

    @property
    def draining(self) -> bool:
        """See `ClientCore.draining`."""
        return self._core.draining

    @property
    def accepting_calls(self) -> bool:
        """See `ClientCore.accepting_calls`."""
        return self._core.accepting_calls

    @accepting_calls.setter
    def accepting_calls(self, accepting: bool) -> None:
        self._core.accepting_calls = accepting

    @property
    def accepted_contexts(self) -> frozenset[str] | None:
        """See `ClientCore.accepted_contexts`."""
        return self._core.accepted_contexts

    @accepted_contexts.setter
    def accepted_contexts(self, contexts: frozenset[str] | None) -> None:
        self._core.accepted_contexts = contexts

    @property
    def accepting_texts(self) -> bool:
        """See `ClientCore.accepting_texts`."""
        return self._core.accepting_texts

    @accepting_texts.setter
    def accepting_texts(self, accepting: bool) -> None:
        self._core.accepting_texts = accepting
