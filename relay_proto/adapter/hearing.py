"""Hearing: how a function is registered for the events of one type.

Calls and clients have it in common. The overloads tell a type checker which class of
event comes for which type.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from ..api.parameters import checked
from ..rpc.event_base import UnknownEvent
from ..rpc.events import (
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

R = TypeVar("R")


class Hearing(abc.ABC):
    """What hears of events, and has functions that want to know."""

    __slots__ = ()

    # overloads of on: written by `python -m tests.overloads`

    @overload
    def on(
        self,
        event_type: Literal["calling.call.ai"],
        handler: Callable[[UnknownEvent], R],
    ) -> Callable[[UnknownEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.collect"],
        handler: Callable[[CollectEvent], R],
    ) -> Callable[[CollectEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.connect"],
        handler: Callable[[ConnectEvent], R],
    ) -> Callable[[ConnectEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.denoise"],
        handler: Callable[[DenoiseEvent], R],
    ) -> Callable[[DenoiseEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.detect"],
        handler: Callable[[DetectEvent], R],
    ) -> Callable[[DetectEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.dial"],
        handler: Callable[[DialEvent], R],
    ) -> Callable[[DialEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.echo"],
        handler: Callable[[EchoEvent], R],
    ) -> Callable[[EchoEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.fax"],
        handler: Callable[[FaxEvent], R],
    ) -> Callable[[FaxEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.hold"],
        handler: Callable[[HoldEvent], R],
    ) -> Callable[[HoldEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.pay"],
        handler: Callable[[PayEvent], R],
    ) -> Callable[[PayEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.play"],
        handler: Callable[[PlayEvent], R],
    ) -> Callable[[PlayEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.queue"],
        handler: Callable[[QueueEvent], R],
    ) -> Callable[[QueueEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.receive"],
        handler: Callable[[CallReceiveEvent], R],
    ) -> Callable[[CallReceiveEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.record"],
        handler: Callable[[RecordEvent], R],
    ) -> Callable[[RecordEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.refer"],
        handler: Callable[[ReferEvent], R],
    ) -> Callable[[ReferEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.send_digits"],
        handler: Callable[[SendDigitsEvent], R],
    ) -> Callable[[SendDigitsEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.state"],
        handler: Callable[[CallStateEvent], R],
    ) -> Callable[[CallStateEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.stream"],
        handler: Callable[[StreamEvent], R],
    ) -> Callable[[StreamEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.tap"],
        handler: Callable[[TapEvent], R],
    ) -> Callable[[TapEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.call.transcribe"],
        handler: Callable[[TranscribeEvent], R],
    ) -> Callable[[TranscribeEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.conference"],
        handler: Callable[[ConferenceEvent], R],
    ) -> Callable[[ConferenceEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["calling.error"],
        handler: Callable[[CallingErrorEvent], R],
    ) -> Callable[[CallingErrorEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["messaging.receive"],
        handler: Callable[[MessageReceiveEvent], R],
    ) -> Callable[[MessageReceiveEvent], R]: ...
    @overload
    def on(
        self,
        event_type: Literal["messaging.state"],
        handler: Callable[[MessageStateEvent], R],
    ) -> Callable[[MessageStateEvent], R]: ...

    # end of overloads of on
    @checked
    def on(self, event_type: str, handler: Callable[[Any], R]) -> Callable[[Any], R]:
        """Call `handler` for each event of one type, in order, and return it.

        On a call, these are the events of the call. On a client, these are the events of
        all calls and all messages, and those about neither.

        With `relay_anyio`, a coroutine function is awaited in a task of its own. With
        `relay_sync`, the listeners of one call run one after another, in a thread that is
        not the one that reads. Either way they may wait as long as they like, and what
        they raise is logged.

        Args:
            event_type: such as ``calling.call.play``, or `EVENT_CALL_PLAY`.
            handler: a function that takes the event: a `PlayEvent` for this type.
        """
        self._hear(event_type, handler)
        return handler

    @abc.abstractmethod
    def _hear(self, event_type: str, handler: Callable[[Any], Any]) -> None:
        """Call `handler` for each event of this type from now on."""
