"""Expecting: how a program waits for an event of a call.

The overloads tell a type checker which class of event comes for which type.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, TypeVar, overload

from relay_proto.adapter.handles import CallBase, Owner
from relay_proto.api.parameters import checked
from relay_proto.rpc.event_base import UnknownEvent
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
from ._expectation import Expectation

K = TypeVar("K", bound=Owner)


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
