"""`ClientInterface`: what an adapter needs of a client's core.

Public: for authors of adapters.
"""

from __future__ import annotations

import abc
from typing import Any, Protocol, TypeVar

from .api.commands import Command
from .config import ClientConfig, Contexts, Credentials
from .core import Core
from .outputs import Output
from .pending import Pending
from .records import ActionRecord, CallRecord
from .rpc.action_kinds import ActionKind
from .rpc.events import CallStateEvent
from .rpc.masking import Scrubber
from .transitions import CallState, SessionState

R = TypeVar("R")


class ClientInterface(Core[Output], Protocol):
    """The inputs, commands, outputs and properties of a client's core.

    `ClientCore` has it, and says what each member does. So has whatever wraps a
    `ClientCore`: an adapter takes either.
    """

    @property
    @abc.abstractmethod
    def config(self) -> ClientConfig:
        """What the core was made with."""

    @property
    @abc.abstractmethod
    def scrubber(self) -> Scrubber:
        """Masks what errors, logs and recordings show of this client."""

    @property
    @abc.abstractmethod
    def state(self) -> SessionState:
        """Where the client stands with the server."""

    @property
    @abc.abstractmethod
    def protocol(self) -> str:
        """The protocol string of the session, or ``""``."""

    @property
    @abc.abstractmethod
    def contexts(self) -> tuple[str, ...]:
        """The contexts that are subscribed to."""

    @property
    @abc.abstractmethod
    def active_calls(self) -> int:
        """How many calls are up."""

    @property
    @abc.abstractmethod
    def queued_requests(self) -> int:
        """How many requests wait for a session, or for their turn."""

    @property
    @abc.abstractmethod
    def draining(self) -> bool:
        """Whether it takes no more calls, because of `drain`."""

    @property
    @abc.abstractmethod
    def live_calls(self) -> tuple[CallRecord, ...]:
        """The calls that are up."""

    @property
    @abc.abstractmethod
    def accepting_calls(self) -> bool:
        """Whether the application takes calls; to be set by the adapter."""

    @accepting_calls.setter
    @abc.abstractmethod
    def accepting_calls(self, accepting: bool) -> None: ...

    @property
    @abc.abstractmethod
    def accepted_contexts(self) -> frozenset[str] | None:
        """The contexts of which it takes them, None for all; to be set by the adapter."""

    @accepted_contexts.setter
    @abc.abstractmethod
    def accepted_contexts(self, contexts: frozenset[str] | None) -> None: ...

    @property
    @abc.abstractmethod
    def accepting_texts(self) -> bool:
        """Whether the application takes text messages; to be set by the adapter."""

    @accepting_texts.setter
    @abc.abstractmethod
    def accepting_texts(self, accepting: bool) -> None: ...

    @abc.abstractmethod
    def start(self, now: float, *, retry: bool = False) -> Pending[None]:
        """Connect."""

    @abc.abstractmethod
    def use_credentials(self, transport: int, credentials: Credentials, now: float) -> None:
        """Authenticate with these on the transport that opens."""

    @abc.abstractmethod
    def use_contexts(self, contexts: Contexts, now: float) -> None:
        """Subscribe to these contexts from the next session on."""

    @abc.abstractmethod
    def close(self, now: float) -> None:
        """End the session for good."""

    @abc.abstractmethod
    def drain(self, now: float) -> None:
        """Take no more calls."""

    @abc.abstractmethod
    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """Carry out a command of the client."""

    @abc.abstractmethod
    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """Carry out a command of a call or an action."""

    @abc.abstractmethod
    def cancel(self, pending: Pending[Any], now: float) -> None:
        """Take a command back: nobody waits for it any more."""

    @abc.abstractmethod
    def wait_for(self, call: CallRecord, state: CallState, now: float) -> Pending[CallStateEvent]:
        """Wait for a state of a call."""

    @abc.abstractmethod
    def wait_ready(self, now: float) -> Pending[None]:
        """Wait for a session."""

    @abc.abstractmethod
    def hang_up(self, call: CallRecord, now: float) -> None:
        """Hang up a call, in this session or the next one."""

    @abc.abstractmethod
    def pass_back(self, call: CallRecord, now: float) -> None:
        """Pass a call back to the service, in this session or the next one."""

    @abc.abstractmethod
    def adopt(self, call: CallRecord) -> CallRecord:
        """Follow a call that the application knows from elsewhere."""

    @abc.abstractmethod
    def attach(self, call: CallRecord, kind: ActionKind, control_id: str) -> ActionRecord:
        """Follow an operation that the application knows from elsewhere."""
