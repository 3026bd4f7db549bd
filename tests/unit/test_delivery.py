"""Delivery, by the smallest adapter there can be: it runs everything where it stands."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import pytest

from relay_proto.adapter.delivery import Delivery, HandlerEnded, Hooks
from relay_proto.adapter.handles import (
    CallBase,
    ExpectationBase,
    Function,
    ListenerBase,
    MessageBase,
)
from relay_proto.adapter.streams import StreamBase
from relay_proto.api.routes import CallRoute, Routes
from relay_proto.errors import CallEndedError
from relay_proto.outputs import CallOffered, MessageReceived, Output, Settled
from relay_proto.pending import Pending
from relay_proto.records import CallRecord, MessageRecord
from relay_proto.rpc.events import parse_event
from relay_proto.transitions import SessionState
from tests.unit.client_peer import Peer

R = TypeVar("R")
EVENT = parse_event({"event_type": "messaging.receive", "params": {"message_id": "m-1"}})


class Engine:
    """Knows a core, and keeps what it is told."""

    def __init__(self) -> None:
        self.core = Peer().core
        self.alive = True
        self.lock = nullcontext()
        self.told: list[tuple[Any, ...]] = []

    def ask(self, function: Callable[[], R]) -> R:
        return function()

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        self.told.append(args)


class Client:
    state = SessionState.READY
    _failure = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _routes_changed(self, *, wait: bool = True) -> None: ...

    def _post(self, function: Callable[[], object]) -> None:
        function()


class Listener(ListenerBase):
    def deliver(self, event: Any) -> None:
        self.handler(event)


class Call(CallBase[Engine, Client]):
    def _new_listener(self, name: str, handler: Function, event_type: str) -> Listener:
        return Listener(name, handler, event_type)


class Message(MessageBase[Engine]):
    def _new_listener(self, name: str, handler: Function) -> Listener:
        return Listener(name, handler)


class Stream(StreamBase[Call]):
    woken = 0

    def _wake(self) -> None:
        self.woken += 1


class Task:
    cancel_on_end = False

    def cancel(self, error: CallEndedError) -> None: ...


class Refusing:
    """A runner that has nothing to run a function in."""

    def new_task(self, *, cancel_on_end: bool) -> Task:
        return Task()

    def is_own(self, task: Task) -> bool:
        return False

    def start_call(
        self, task: Task, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        return False

    def start_message(self, name: str, handler: Function, message: object) -> bool:
        return False

    def call_back(self, name: str, callback: Function, event: object) -> bool:
        return False

    def tell_hooks(self, name: str, hooks: Hooks, event: object) -> None: ...

    def new_listener(self, name: str, handler: Function) -> Listener:
        return Listener(name, handler)


class Scene:
    """A delivery by a runner that refuses everything."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.client = Client(self.engine)
        self.routes = Routes()
        self.let_out: list[BaseException] = []
        self.delivery = Delivery(
            self.engine,
            self.routes,
            Refusing(),
            logging.getLogger("relay_test"),
            call_of=self.call_of,
            message_of=lambda record: Message._of(self.engine, record),
            changed=lambda: None,
            connected=lambda: None,
            closed=lambda output: None,
            leaving=self.let_out.append,
        )

    def call_of(self, record: CallRecord) -> Call:
        return Call._of(self.client, self.engine, record)

    def publish(self, output: Output) -> None:
        self.delivery.publish(output)

    @property
    def passed_back(self) -> list[str]:
        return [target.call_id for target, _ in self.engine.told]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def record(call_id: str, state: str = "created") -> CallRecord:
    return CallRecord(call_id, "node-1", state=state)


def settled() -> Settled:
    pending: Pending[Any] = Pending(print)
    pending.resolve(EVENT)
    return Settled(pending)


def test_a_call_that_nothing_can_run_is_passed_back_and_forgotten(scene: Scene) -> None:
    scene.routes.add_call(CallRoute(print), None)
    scene.publish(CallOffered(record("c-1")))
    assert scene.passed_back == ["c-1"]
    assert scene.delivery.handlers == 0


def test_what_nothing_can_run_is_an_error_unless_the_client_is_leaving(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.publish(MessageReceived(MessageRecord(message_id="m-0"), EVENT))
    scene.routes.set_message(print)
    for scene.engine.alive in (True, False):
        scene.publish(MessageReceived(MessageRecord(message_id="m-1"), EVENT))
        scene.publish(settled())
    assert [one.getMessage() for one in caplog.records] == [
        "message m-0 came, and no on_message handler",
        "handler of message m-1: all handlers are busy, it is dropped",
        "on_completed: too many listeners run, <built-in function print> is dropped",
    ]


def test_nothing_is_passed_back_by_a_client_that_is_leaving(scene: Scene) -> None:
    scene.engine.alive = False
    scene.publish(CallOffered(record("c-1")))
    assert scene.passed_back == []


def test_a_stream_gives_back_what_it_cannot_keep(scene: Scene) -> None:
    stream = Stream(scene.client)
    scene.routes.add_call(stream._route, None)
    offer = stream._route.handler
    waiting, over = scene.call_of(record("c-1")), record("c-2")
    offer(waiting)
    offer(scene.call_of(over))
    over.state = "ended"
    stream.close()
    stream.close()
    assert (scene.passed_back, stream.woken) == (["c-1"], 3)
    offer(scene.call_of(record("c-3")))  # it was on its way
    assert scene.passed_back == ["c-1", "c-3"]
    del stream
    gc.collect()
    offer(scene.call_of(record("c-4")))
    assert scene.passed_back == ["c-1", "c-3", "c-4"]


def test_an_expectation_says_what_it_expects(scene: Scene) -> None:
    expectation = ExpectationBase(scene.call_of(record("c-1")), "calling.call.play", None)
    assert repr(expectation) == "<Expectation of calling.call.play on c-1>"


def test_nothing_is_heard_of_a_message_made_by_hand() -> None:
    with pytest.raises(ValueError, match="made by hand"):
        Message(message_id="m-1").on(print)
