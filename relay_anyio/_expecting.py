"""Expecting: how a program waits for an event of a call.

The overloads tell a type checker which class of event comes for which type.
"""

# An expectation belongs to its call.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, Literal, TypeVar, cast, overload

import anyio

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
        self._outcome: RelayEvent | BaseException | None = None
        self._known = anyio.Event()

    @checked
    async def wait(self, timeout: float | None = None) -> E:
        """Wait for the event. Raises as `Call.wait_for`."""
        self._engine.check_belongs_here()
        await self._engine.wait_at_most(timeout, self._known.wait)
        if not self._known.is_set():
            raise timed_out(timeout, self, "to come true")
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None, "the outcome is set before the event"
        return cast("E", self._outcome)  # its type is the one that was asked for

    def _consider(self, event: RelayEvent) -> None:
        if event.event_type == self._event_type:
            self._settle(judge(self._predicate, event))

    def _fail(self, error: CallEndedError) -> None:
        self._settle(error)

    def _settle(self, outcome: RelayEvent | BaseException | None) -> None:
        if self._outcome is None and outcome is not None:
            self._outcome = outcome
            self._known.set()


class ExpectingCall(CallBase[Engine, K]):
    """A call that can be asked for an event to come."""

    __slots__ = ()

    # overloads of expect: written by `python -m tests.overloads`

    @overload
    def expect(
        self,
        event_type: Literal["calling.call.ai"],
        predicate: Callable[[UnknownEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[UnknownEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.collect"],
        predicate: Callable[[CollectEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[CollectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.connect"],
        predicate: Callable[[ConnectEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[ConnectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.denoise"],
        predicate: Callable[[DenoiseEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[DenoiseEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.detect"],
        predicate: Callable[[DetectEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[DetectEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.dial"],
        predicate: Callable[[DialEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[DialEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.echo"],
        predicate: Callable[[EchoEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[EchoEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.fax"],
        predicate: Callable[[FaxEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[FaxEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.hold"],
        predicate: Callable[[HoldEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[HoldEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.pay"],
        predicate: Callable[[PayEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[PayEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.play"],
        predicate: Callable[[PlayEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[PlayEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.queue"],
        predicate: Callable[[QueueEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[QueueEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.receive"],
        predicate: Callable[[CallReceiveEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[CallReceiveEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.record"],
        predicate: Callable[[RecordEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[RecordEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.refer"],
        predicate: Callable[[ReferEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[ReferEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.send_digits"],
        predicate: Callable[[SendDigitsEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[SendDigitsEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.state"],
        predicate: Callable[[CallStateEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[CallStateEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.stream"],
        predicate: Callable[[StreamEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[StreamEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.tap"],
        predicate: Callable[[TapEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[TapEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.call.transcribe"],
        predicate: Callable[[TranscribeEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[TranscribeEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.conference"],
        predicate: Callable[[ConferenceEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[ConferenceEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["calling.error"],
        predicate: Callable[[CallingErrorEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[CallingErrorEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["messaging.receive"],
        predicate: Callable[[MessageReceiveEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[MessageReceiveEvent]]: ...
    @overload
    def expect(
        self,
        event_type: Literal["messaging.state"],
        predicate: Callable[[MessageStateEvent], bool] | None = None,
    ) -> AbstractAsyncContextManager[Expectation[MessageStateEvent]]: ...

    # end of overloads of expect
    @checked
    def expect(
        self, event_type: str, predicate: Callable[[Any], bool] | None = None
    ) -> AbstractAsyncContextManager[Expectation[Any]]:
        """Listen from now on for one event, which may overtake the answer to a request.

        Subscribe, ask, then wait::

            async with call.expect("calling.call.play") as playing:
                await call.play(...)
                await playing.wait(timeout=5)

        Args:
            event_type: such as ``calling.call.play``, or `EVENT_CALL_PLAY`.
            predicate: a function that takes an event, and says whether it is the one.
        """
        return self._expecting(event_type, predicate)

    # overloads of wait_for: written by `python -m tests.overloads`

    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.ai"],
        predicate: Callable[[UnknownEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> UnknownEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.collect"],
        predicate: Callable[[CollectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CollectEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.connect"],
        predicate: Callable[[ConnectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ConnectEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.denoise"],
        predicate: Callable[[DenoiseEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DenoiseEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.detect"],
        predicate: Callable[[DetectEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DetectEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.dial"],
        predicate: Callable[[DialEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> DialEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.echo"],
        predicate: Callable[[EchoEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> EchoEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.fax"],
        predicate: Callable[[FaxEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> FaxEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.hold"],
        predicate: Callable[[HoldEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> HoldEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.pay"],
        predicate: Callable[[PayEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> PayEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.play"],
        predicate: Callable[[PlayEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> PlayEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.queue"],
        predicate: Callable[[QueueEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> QueueEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.receive"],
        predicate: Callable[[CallReceiveEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallReceiveEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.record"],
        predicate: Callable[[RecordEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> RecordEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.refer"],
        predicate: Callable[[ReferEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ReferEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.send_digits"],
        predicate: Callable[[SendDigitsEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> SendDigitsEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.state"],
        predicate: Callable[[CallStateEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallStateEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.stream"],
        predicate: Callable[[StreamEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> StreamEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.tap"],
        predicate: Callable[[TapEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> TapEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.call.transcribe"],
        predicate: Callable[[TranscribeEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> TranscribeEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.conference"],
        predicate: Callable[[ConferenceEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> ConferenceEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["calling.error"],
        predicate: Callable[[CallingErrorEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> CallingErrorEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["messaging.receive"],
        predicate: Callable[[MessageReceiveEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> MessageReceiveEvent: ...
    @overload
    async def wait_for(
        self,
        event_type: Literal["messaging.state"],
        predicate: Callable[[MessageStateEvent], bool] | None = None,
        timeout: float | None = None,
    ) -> MessageStateEvent: ...

    # end of overloads of wait_for
    @checked
    async def wait_for(
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
        async with self._expecting(event_type, predicate) as expectation:
            return await expectation.wait(timeout)

    @asynccontextmanager
    async def _expecting(
        self, event_type: str, predicate: Callable[[Any], bool] | None
    ) -> AsyncGenerator[Expectation[Any]]:
        expectation: Expectation[Any] = Expectation(self, event_type, predicate)
        self._expect(expectation)
        try:
            yield expectation
        finally:
            self._expect_no_longer(expectation)
