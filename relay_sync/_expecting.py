"""Expecting: how a program waits for an event of a call.

The overloads tell a type checker which class of event comes for which type.
"""

# An expectation belongs to its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, Literal, TypeVar, cast, overload

from relay_proto.adapter.backlog import weight
from relay_proto.adapter.guard import Predicate, judge
from relay_proto.adapter.handles import CallBase, ExpectationBase, Owner
from relay_proto.adapter.timeouts import timed_out
from relay_proto.api.parameters import checked
from relay_proto.errors import CallEndedError
from relay_proto.rpc.event_base import RelayEvent, UnknownEvent
from relay_proto.rpc.events import (
    CallingErrorEvent,
    CallReceiveEvent,
    CallStateEvent,
    CollectEvent,
    ConferenceEvent,
    ConnectEvent,
    DenoiseEvent,
    DetectEvent,
    DialEvent,
    EchoEvent,
    FaxEvent,
    HoldEvent,
    MessageReceiveEvent,
    MessageStateEvent,
    PayEvent,
    PlayEvent,
    QueueEvent,
    RecordEvent,
    ReferEvent,
    SendDigitsEvent,
    StreamEvent,
    TapEvent,
    TranscribeEvent,
)

from ._engine import Engine
from ._waiting import Mailbox

E = TypeVar("E", bound=RelayEvent)
K = TypeVar("K", bound=Owner)


class Expectation(ExpectationBase, Generic[E]):
    """One event to come: see `Call.expect`."""

    def __init__(
        self,
        call: CallBase[Engine, Any],
        event_type: str,
        predicate: Callable[[E], bool] | None,
    ) -> None:
        super().__init__(call, event_type, cast("Predicate | None", predicate))
        self._engine = call._engine
        self._mail: Mailbox[RelayEvent | BaseException] = Mailbox()
        self._lock = threading.Lock()
        self._unread_bytes = 0  # of what is in the mail
        self._outcome: RelayEvent | BaseException | None = None

    @checked
    def wait(self, timeout: float | None = None) -> E:
        """Wait for the event. Raises as `Call.wait_for`."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while (outcome := self._outcome) is None:
            left = None if ends_at is None else ends_at - time.monotonic()
            try:
                found = self._engine.await_mail(self._mail, left)
            except TimeoutError:
                raise timed_out(timeout, self, "to come true") from None
            with self._lock:
                self._unread_bytes -= weight(found)
            # Judged here: the predicate runs in the thread that waits.
            judged = found if isinstance(found, BaseException) else judge(self._predicate, found)
            if judged is not None:
                self._settle(judged)
        if isinstance(outcome, BaseException):
            raise outcome.with_traceback(None)
        return cast("E", outcome)  # its type is the one that was asked for

    def _consider(self, event: RelayEvent) -> None:
        if event.event_type != self._event_type or self._outcome is not None:
            return
        bound, size = self._engine.backlog, weight(event)
        with self._lock:
            count, unread = len(self._mail), self._unread_bytes
            fits = count < bound.items and unread + size <= bound.bytes
            if fits:
                self._put(event)
        if not fits:
            self._engine.delivery.lines.event_dropped(repr(self), count, unread, event)

    def _fail(self, error: CallEndedError) -> None:
        with self._lock:
            self._put(error)

    def _settle(self, outcome: RelayEvent | BaseException) -> None:
        with self._lock:
            if self._outcome is None:
                self._outcome = outcome
            self._put(self._outcome)  # for other threads that wait

    def _put(self, item: RelayEvent | BaseException) -> None:
        """With the lock held."""
        self._unread_bytes += weight(item)
        self._mail.put(item)


class ExpectingCall(CallBase[Engine, K]):
    """A call that can be asked for an event to come."""

    __slots__ = ()

    # overloads of expect: written by `python -m tests.overloads`

    @overload
    def expect(
        self,
        event_type: Literal["calling.call.ai"],
        predicate: Callable[[UnknownEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[UnknownEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.collect"],
        predicate: Callable[[CollectEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[CollectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.connect"],
        predicate: Callable[[ConnectEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[ConnectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.denoise"],
        predicate: Callable[[DenoiseEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[DenoiseEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.detect"],
        predicate: Callable[[DetectEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[DetectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.dial"],
        predicate: Callable[[DialEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[DialEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.echo"],
        predicate: Callable[[EchoEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[EchoEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.fax"],
        predicate: Callable[[FaxEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[FaxEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.hold"],
        predicate: Callable[[HoldEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[HoldEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.pay"],
        predicate: Callable[[PayEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[PayEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.play"],
        predicate: Callable[[PlayEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[PlayEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.queue"],
        predicate: Callable[[QueueEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[QueueEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.receive"],
        predicate: Callable[[CallReceiveEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[CallReceiveEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.record"],
        predicate: Callable[[RecordEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[RecordEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.refer"],
        predicate: Callable[[ReferEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[ReferEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.send_digits"],
        predicate: Callable[[SendDigitsEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[SendDigitsEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.state"],
        predicate: Callable[[CallStateEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[CallStateEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.stream"],
        predicate: Callable[[StreamEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[StreamEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.tap"],
        predicate: Callable[[TapEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[TapEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.transcribe"],
        predicate: Callable[[TranscribeEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[TranscribeEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.conference"],
        predicate: Callable[[ConferenceEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[ConferenceEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.error"],
        predicate: Callable[[CallingErrorEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[CallingErrorEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["messaging.receive"],
        predicate: Callable[[MessageReceiveEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[MessageReceiveEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["messaging.state"],
        predicate: Callable[[MessageStateEvent], bool] | None = None,
    ) -> AbstractContextManager[Expectation[MessageStateEvent]]: ...

    # end of overloads of expect
    @checked
    def expect(
        self, event_type: str, predicate: Callable[[Any], bool] | None = None
    ) -> AbstractContextManager[Expectation[Any]]:
        """Listen from now on for one event, which may overtake the answer to a request.

        Subscribe, ask, then wait::

            with call.expect("calling.call.play") as playing:
                call.play(...)
                playing.wait(timeout=5)

        Args:
            event_type: such as ``calling.call.play``, or `EVENT_CALL_PLAY`.
            predicate: a function that takes an event, and says whether it is the one.
        """
        return self._expecting(event_type, predicate)

    # overloads of wait_for: written by `python -m tests.overloads`

    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.ai"],
        predicate: Callable[[UnknownEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> UnknownEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.collect"],
        predicate: Callable[[CollectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CollectEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.connect"],
        predicate: Callable[[ConnectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ConnectEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.denoise"],
        predicate: Callable[[DenoiseEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DenoiseEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.detect"],
        predicate: Callable[[DetectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DetectEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.dial"],
        predicate: Callable[[DialEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DialEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.echo"],
        predicate: Callable[[EchoEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> EchoEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.fax"],
        predicate: Callable[[FaxEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> FaxEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.hold"],
        predicate: Callable[[HoldEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> HoldEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.pay"],
        predicate: Callable[[PayEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> PayEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.play"],
        predicate: Callable[[PlayEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> PlayEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.queue"],
        predicate: Callable[[QueueEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> QueueEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.receive"],
        predicate: Callable[[CallReceiveEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallReceiveEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.record"],
        predicate: Callable[[RecordEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> RecordEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.refer"],
        predicate: Callable[[ReferEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ReferEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.send_digits"],
        predicate: Callable[[SendDigitsEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> SendDigitsEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.state"],
        predicate: Callable[[CallStateEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallStateEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.stream"],
        predicate: Callable[[StreamEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> StreamEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.tap"],
        predicate: Callable[[TapEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> TapEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.call.transcribe"],
        predicate: Callable[[TranscribeEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> TranscribeEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.conference"],
        predicate: Callable[[ConferenceEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ConferenceEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["calling.error"],
        predicate: Callable[[CallingErrorEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallingErrorEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["messaging.receive"],
        predicate: Callable[[MessageReceiveEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> MessageReceiveEvent: ...
    @overload
    def wait_for(
        self,
        event_type: Literal["messaging.state"],
        predicate: Callable[[MessageStateEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> MessageStateEvent: ...

    # end of overloads of wait_for
    @checked
    def wait_for(
        self,
        event_type: str,
        predicate: Callable[[Any], bool] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Wait for the next event of a type for which `predicate` is true.

        Args:
            event_type: such as ``calling.call.play``, or `EVENT_CALL_PLAY`.
            predicate: a function that takes an event, and says whether it is the one; without
                it, the next event of the type is the one.
            timeout: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: it did not come in `timeout` seconds.
            CallEndedError: the call ended first.
        """
        with self._expecting(event_type, predicate) as expectation:
            return expectation.wait(timeout)

    @contextmanager
    def _expecting(
        self, event_type: str, predicate: Callable[[Any], bool] | None
    ) -> Generator[Expectation[Any]]:
        expectation: Expectation[Any] = Expectation(self, event_type, predicate)
        self._expect(expectation)
        try:
            yield expectation
        finally:
            self._expect_no_longer(expectation)
