"""Handles: calls, actions and messages, as far as nothing in them has to wait.

The handles of both adapters derive from these, and add how they wait. A handle is
made when it is needed first, and is then its record's for good.
"""

# A record is bound to a handle from outside of it: another way to construct one.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import abc
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeAlias, TypeVar, cast

from ..api.parameters import checked, checked_with
from ..api.views import ActionView, CallView, MessageView
from ..client_interface import ClientInterface
from ..display import shown_id
from ..errors import CallEndedError, MessageFailedError
from ..pending import Pending
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc.action_kinds import ActionKind, custom_kind
from ..rpc.event_base import RelayEvent
from ..rpc.events import CallStateEvent, MessageStateEvent
from ..rpc.frames import JSONObject
from ..transitions import MessageState, SessionState
from ..values.checks import instance, like
from ..values.literals import CallStateText, Direction
from .call_log import CallLog
from .contexts import in_context
from .guard import Predicate
from .hearing import Hearing

R = TypeVar("R")
D = TypeVar("D", bound=Callable[[MessageStateEvent], Any])
Function: TypeAlias = Callable[[Any], Any]
"""A function of the application's."""


class Engine(Protocol):
    """What handles need of the engine that carries out their commands."""

    @property
    def core(self) -> ClientInterface:
        """The core whose records these are the handles of."""
        ...

    @property
    def lock(self) -> AbstractContextManager[object]:
        """For what several threads may change."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the program still wants it."""
        ...

    def check_belongs_here(self) -> None:
        """Refuse to be used from elsewhere than where it was started.

        All that sends, waits or registers something asks this first.

        Raises:
            LocalProtocolError: this is another event loop, thread or process.
        """

    def ask(self, function: Callable[[], R], /) -> R:
        """Call a function where the core is, and return what it returns."""
        ...

    def tell(self, function: Callable[..., object], /, *args: Any) -> None:
        """Call a command of the core; nobody waits for what comes of it."""
        ...


class ListenerBase(abc.ABC):
    """One function that hears events, one after another."""

    __slots__ = ("_given_name", "call_id", "event_type", "handler")

    def __init__(self, name: str, handler: Function, event_type: str = "") -> None:
        """`event_type` is for those who keep listeners of several."""
        self.event_type = event_type
        self.handler = in_context(handler)
        self._given_name = name
        self.call_id = ""
        """Of the call whose events it hears, if they are those of one call."""

    @property
    def name(self) -> str:
        """Its name in the log. That of a call's listener is made only when it is asked for."""
        if not self._given_name:
            self._given_name = f"listener of {self.event_type} on call {shown_id(self.call_id)}"
        return self._given_name

    @abc.abstractmethod
    def deliver(self, event: Any) -> None:
        """Let the function hear `event`, now or after the earlier ones."""


class Expects(Protocol):
    """What waits for one event of a call."""

    def _consider(self, event: RelayEvent) -> None: ...
    def _fail(self, error: CallEndedError) -> None: ...


E = TypeVar("E", bound=Engine)


class Owner(Protocol):
    """What a call needs of its client."""

    def _engine_before_start(self) -> Any: ...

    project: str


K = TypeVar("K", bound=Owner)


class CallBase(CallView, Hearing, Generic[E, K]):
    """A call: its record, and who hears of it."""

    # There may be many calls: what they all have is kept close together. A program may
    # still add what it likes.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_engine",
        "_expected",
        "_listeners",
        "_record",
        "client",
    )

    _logger: ClassVar[logging.Logger]
    """The logger of lines about calls: see `log`."""
    _unpulled = False
    """Whether it waits in a stream until it is pulled."""

    @checked_with(client=like("RelayClient", "_routes"))
    def __init__(
        self,
        client: K,
        call_id: str,
        node_id: str,
        project_id: str,
        context: str,
        *,
        tag: str = "",
        direction: Direction = "",
        device: JSONObject | None = None,
        state: CallStateText = "",
        segment_id: str = "",
    ) -> None:
        record = CallRecord(
            call_id,
            node_id,
            project_id=project_id,
            context=context,
            tag=tag,
            direction=direction,
            device=device,
            state=state,
            segment_id=segment_id,
        )
        engine: E = client._engine_before_start()
        self._bind(client, engine, engine.ask(partial(engine.core.adopt, record)))

    @classmethod
    def _of(cls, client: K, engine: E, record: CallRecord) -> Self:
        """The handle of a call that the core knows."""
        with engine.lock:
            if record.handle is None:
                call = cls.__new__(cls)
                call._bind(client, engine, record)
                record.handle = call
        handle = record.handle
        assert isinstance(handle, cls), "a record has one handle"
        return handle

    def _bind(self, client: K, engine: E, record: CallRecord) -> None:
        self.client = client
        self._engine = engine
        self._record = record
        # Tuples are replaced, and never changed: who reads them may be another thread.
        self._listeners: tuple[ListenerBase, ...] = ()
        self._expected: tuple[Expects, ...] = ()

    @property
    def project_id(self) -> str:
        """The id of the project that the call belongs to."""
        return self._record.project_id or self.client.project

    def _hear(self, event_type: str, handler: Function) -> None:
        self._engine.check_belongs_here()
        with self._engine.lock:
            listener = self._new_listener("", handler, event_type)
            listener.call_id = self.call_id
            self._listeners = (*self._listeners, listener)

    @cached_property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose lines say which call they are about.

        Each line has the fields ``call_id``, ``direction`` and ``number``, for a format such as
        ``%(call_id)s %(message)s``. The number is that of the other party. It is shortened,
        unless the client has `show_personal_data`. The logger is called ``relay_anyio.call`` or
        ``relay_sync.call``.
        """
        show_personal = self._engine.core.config.show_personal_data
        return CallLog(self._logger, self, show_personal=show_personal)

    @checked
    def off(self, event_type: str, handler: Function) -> None:
        """Stop calling `handler`, which you have given to `on`.

        If you have not, this does nothing.
        """
        with self._engine.lock:
            self._listeners = tuple(
                one
                for one in self._listeners
                if one.event_type != event_type or one.handler != handler
            )

    @abc.abstractmethod
    def _new_listener(self, name: str, handler: Function, event_type: str) -> ListenerBase:
        """Return a listener of the adapter's own kind, which calls `handler`."""

    def _attach(self, kind: ActionKind, control_id: str) -> ActionRecord:
        """The record of an operation that was started elsewhere."""
        return self._engine.ask(partial(self._engine.core.attach, self._record, kind, control_id))

    def _hang_up_at_exit(self) -> bool:
        """Hang up the call if it is up. Return whether the server will soon say that it ended."""
        engine = self._engine
        if self._record.ended or not engine.alive:
            return False
        engine.tell(engine.core.hang_up, self._record)
        return engine.core.state is SessionState.READY

    def _pass_back(self) -> None:
        """Pass the call back to the service, and do not wait for that."""
        if self._engine.alive:
            self._engine.tell(self._engine.core.pass_back, self._record)

    def _publish(self, event: RelayEvent) -> None:
        """Tell who listens."""
        for expectation in self._expected:
            expectation._consider(event)
        event_type = event.event_type
        # In a tuple, not by their types in a table: a call has few of them, and each table
        # is one more place to look, in memory that is cold when there are many calls.
        for listener in self._listeners:
            if listener.event_type == event_type:
                listener.deliver(event)

    def _end(self) -> None:
        """Nothing more will come: tell who expects something."""
        for expectation in self._expected:
            expectation._fail(CallEndedError(self.call_id, self.end_reason))

    def _expect(self, expectation: Expects) -> None:
        self._engine.check_belongs_here()
        with self._engine.lock:
            self._expected = (*self._expected, expectation)
        if self._record.ended:
            expectation._fail(CallEndedError(self.call_id, self.end_reason))

    def _expect_no_longer(self, expectation: Expects) -> None:
        with self._engine.lock:
            self._expected = tuple(one for one in self._expected if one is not expectation)


class ExpectationBase:
    """One event to come on a call."""

    def __init__(
        self, call: CallBase[Any, Any], event_type: str, predicate: Predicate | None
    ) -> None:
        self._call_id = call.call_id
        self._event_type = event_type
        self._predicate = None if predicate is None else in_context(predicate)

    def __repr__(self) -> str:
        return f"<Expectation of {self._event_type} on {shown_id(self._call_id)}>"


C = TypeVar("C", bound=CallBase[Any, Any])
a_call: Final = instance(CallBase, "Call")
"""The check of a call."""
V = TypeVar("V", bound=RelayEvent)


class ActionBase(ActionView[V], Generic[V, C]):
    """An operation on a call."""

    @checked_with(call=a_call)
    def __init__(
        self, call: C, control_id: str, terminal_event: str, terminal_states: tuple[str, ...]
    ) -> None:
        kind = custom_kind(terminal_event, tuple(terminal_states))
        self._bind(call, call._attach(kind, control_id))

    @classmethod
    def _of(cls, call: C, record: ActionRecord) -> Self:
        """The handle of an action that the core knows."""
        handle = cls.__new__(cls)
        handle._bind(call, record)
        return handle

    def _follow(self, call: C, kind: ActionKind, control_id: str) -> None:
        """Be the handle of an operation that was started elsewhere."""
        self._bind(call, call._attach(kind, control_id))

    def _bind(self, call: C, record: ActionRecord) -> None:
        self.call = call
        self._record = record

    @property
    def _done(self) -> Pending[V | CallStateEvent]:
        """What settles with its last event, or with that of its call."""
        return cast("Pending[V | CallStateEvent]", self._record.done)


class MessageBase(MessageView, abc.ABC, Generic[E]):
    """A text message, and who hears of its delivery."""

    _engine: E | None = None
    _listeners: tuple[ListenerBase, ...] = ()

    @classmethod
    def _of(cls, engine: E, record: MessageRecord) -> Self:
        """The handle of a message that the core knows."""
        with engine.lock:
            if record.handle is None:
                message = cls()
                message._record = record
                message._engine = engine
                record.handle = message
        handle = record.handle
        assert isinstance(handle, cls), "a record has one handle"
        return handle

    @checked
    def on(self, handler: D) -> D:
        """Call `handler` with a `MessageStateEvent` for each change of the delivery, in order."""
        engine = self._require_engine()
        engine.check_belongs_here()
        with engine.lock:
            listener = self._new_listener(
                f"listener of message {shown_id(self.message_id)}", handler
            )
            self._listeners = (*self._listeners, listener)
        return handler

    @abc.abstractmethod
    def _new_listener(self, name: str, handler: Function) -> ListenerBase:
        """Return a listener of the adapter's own kind, which calls `handler`."""

    def _publish(self, event: RelayEvent) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener.deliver(event)

    def _delivered(self, event: RelayEvent) -> MessageStateEvent:
        """Return the last event of a delivery, or raise what it says."""
        assert isinstance(event, MessageStateEvent), "only such an event ends a delivery"
        if event.message_state != MessageState.DELIVERED.value:
            reason = self._require_engine().core.scrubber.words(event.reason)
            raise MessageFailedError(self.message_id, event.message_state, reason)
        return event

    def _require_engine_to_reply(self) -> E:
        if self.direction != "inbound":
            raise ValueError("reply() is for a message that was received, and this one was sent")
        return self._require_engine()

    def _require_engine_to_wait(self) -> E:
        if self.direction == "inbound":
            raise ValueError("this message was received, so there is no delivery to wait for")
        return self._require_engine()

    def _require_engine(self) -> E:
        if self._engine is None:
            raise ValueError(
                "this Message was not made by a client, so it has no delivery and no events"
            )
        return self._engine
