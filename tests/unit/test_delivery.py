"""Delivery, by the smallest adapter there can be: it runs everything where it stands."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import anyio
import pytest

from relay_anyio._tasks import CallTask
from relay_proto.adapter.backlog import Backlog, Bound
from relay_proto.adapter.delivery import Delivery
from relay_proto.adapter.handles import (
    CallBase,
    ExpectationBase,
    Function,
    ListenerBase,
    MessageBase,
)
from relay_proto.adapter.logs import TOO_MANY, Log
from relay_proto.adapter.observation import GuardedObservation
from relay_proto.adapter.running import HandlerEnded, Hooks
from relay_proto.adapter.shared_pace import SharedTurns
from relay_proto.adapter.streams import StreamBase
from relay_proto.adapter.turns import Turns
from relay_proto.api.routes import CallRoute, Routes
from relay_proto.errors import CallEndedError
from relay_proto.outputs import CallOffered, EventReceived, MessageReceived, Output, Settled
from relay_proto.pending import Pending
from relay_proto.records import CallRecord, MessageRecord
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import parse_event
from relay_proto.values.literals import CallStateText
from relay_sync._waiting import AppTask as ThreadTask
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

    def time(self) -> float:
        return 0.0

    def deadline_changed(self) -> None: ...

    def check_belongs_here(self) -> None: ...

    def ask(self, function: Callable[[], R]) -> R:
        return function()

    def tell(self, function: Callable[..., object], *args: Any) -> None:
        self.told.append(args)


class Client:
    project = "p-1"
    _current = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _engine_before_start(self) -> Engine:
        return self._engine

    def _check_belongs_here(self) -> None: ...

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
    began = False

    def give_back(self) -> bool:
        return not self.began

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

    def start_message(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> bool:
        return False

    def call_back(self, name: str, callback: Function, event: object) -> bool:
        return False

    def tell_hooks(self, name: str, hooks: Hooks, event: object) -> None: ...

    def new_listener(self, name: str, handler: Function) -> Listener:
        return Listener(name, handler)


class Slow(Refusing):
    """A runner whose handlers begin later, or have begun."""

    def __init__(self, *, began: bool) -> None:
        self.began = began

    def start_call(
        self, task: Task, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        task.began = self.began
        return True


class Scene:
    """A delivery, by a runner that refuses everything unless there is another one."""

    def __init__(
        self, observation: GuardedObservation | None = None, runner: Refusing | None = None
    ) -> None:
        self.engine = Engine()
        self.client = Client(self.engine)
        self.routes = Routes()
        self.let_out: list[BaseException] = []
        self.delivery = Delivery(
            self.engine,
            self.routes,
            runner or Refusing(),
            Log(logging.getLogger("relay_test")),
            call_of=self.call_of,
            message_of=lambda record: Message._of(self.engine, record),
            changed=lambda: None,
            connected=lambda: None,
            closed=lambda output: None,
            leaving=self.let_out.append,
            observation=observation,
            turns=SharedTurns(None, self.engine.core, Log(logging.getLogger("relay_test"))),
        )

    def call_of(self, record: CallRecord) -> Call:
        return Call._of(self.client, self.engine, record)

    def publish(self, output: Output) -> None:
        self.delivery.publish(output)

    @property
    def passed_back(self) -> list[str]:
        return [target.call_id for target, *_ in self.engine.told]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def record(call_id: str, state: CallStateText = "created") -> CallRecord:
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


@pytest.mark.parametrize("began", [False, True])
def test_a_call_whose_handler_has_not_begun_is_passed_back_at_the_end(began: bool) -> None:
    peer = Peer()
    peer.connect()
    scene = Scene(runner=Slow(began=began))
    scene.engine.core = peer.core
    scene.routes.add_call(CallRoute(print), None)
    scene.publish(CallOffered(peer.offer("c-1")))
    scene.delivery.close(peer.now)
    peer.pump()
    assert [frame["method"] for frame in peer.requests] == ([] if began else ["calling.pass"])


def ended(_failure: BaseException | None, *, began: bool = True) -> None:
    assert not began


def test_what_was_given_back_does_not_begin() -> None:
    ran: list[object] = []

    async def give_back() -> None:
        task = CallTask()
        task.prepare("handler", CallRoute(ran.append), "the call", ended)
        assert task.give_back()
        assert task.begin() is None

    anyio.run(give_back)
    assert ran == []
    late, early = ThreadTask(), ThreadTask()
    assert late.give_back()
    assert not late.begin()
    assert early.begin()
    assert not early.give_back()


class Pairs:
    """An observation that notes who enters and leaves."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, object]] = []

    def commanded(
        self, command: object, target: object, pending: Pending[Any], now: float
    ) -> None: ...
    def put_out(self, output: Output, now: float) -> None: ...
    def late(self, seconds: float) -> None: ...

    def enter(self, record: object, now: float) -> None:
        self.noted.append(("enter", record))

    def left(self, record: object, failure: BaseException | None, now: float) -> None:
        self.noted.append(("left", record))


def test_an_observer_hears_the_end_of_what_nothing_can_run() -> None:
    pairs = Pairs()
    scene = Scene(GuardedObservation(pairs))
    call, message = record("c-1"), MessageRecord(message_id="m-1")
    scene.routes.add_call(CallRoute(print), None)
    scene.routes.set_message(print)
    scene.publish(CallOffered(call))
    scene.publish(MessageReceived(message, EVENT))
    assert pairs.noted == [(what, who) for who in (call, message) for what in ("enter", "left")]


def test_what_nothing_can_run_is_an_error_unless_the_client_is_leaving(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.publish(MessageReceived(MessageRecord(message_id="m-0"), EVENT))
    scene.routes.set_message(print)
    for scene.engine.alive in (True, False):
        scene.publish(MessageReceived(MessageRecord(message_id="m-1"), EVENT))
        scene.publish(settled())
    assert [one.getMessage() for one in caplog.records] == [
        "message m-0 is ignored, because there is no handler: use @client.on_message",
        "handler of message m-1 cannot be started: the message is dropped",
        f"on_completed: <built-in function print> is not called, because {TOO_MANY}",
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
    with pytest.raises(ValueError, match="not made by a client"):
        Message(message_id="m-1").on(print)


def test_a_listener_that_was_taken_away_is_forgotten_when_the_next_one_comes(scene: Scene) -> None:
    def heard(event: RelayEvent) -> None:
        """Do nothing."""

    forgotten = weakref.ref(heard)
    scene.routes.add_event(EVENT.event_type, heard)
    scene.delivery.event_received(EventReceived(EVENT))
    scene.routes.remove_event(EVENT.event_type, heard)
    del heard
    scene.routes.add_event(EVENT.event_type, print)
    scene.delivery.event_received(EventReceived(EVENT))
    gc.collect()
    assert forgotten() is None


class Held(Turns[int]):
    """Turns whose items begin, and end when the test says so."""

    def __init__(self, most: int, *, items: int = 100, bytes: int = 100) -> None:  # noqa: A002
        self.begun: list[int] = []
        self.at_once = False
        self.refuses = False
        super().__init__(most, Bound(items, bytes), self.start)

    def start(self, item: int) -> bool:
        if self.refuses:
            return False
        self.begun.append(item)
        if self.at_once:
            self.done()
        return True


def test_items_that_find_no_turn_wait_in_order() -> None:
    turns = Held(2, items=3)
    assert [turns.add(number, 1) for number in range(6)] == [True] * 5 + [False]
    assert (turns.begun, len(turns)) == ([0, 1], 3)
    turns.done()
    turns.done()
    assert (turns.begun, turns.clear()) == ([0, 1, 2, 3], 1)
    turns.done()
    assert turns.begun == [0, 1, 2, 3]


def test_items_that_wait_are_bounded_in_bytes() -> None:
    turns = Held(1, bytes=10)
    assert turns.add(0, 1000), "it does not wait"
    assert [turns.add(number, 6) for number in (1, 2)] == [True, False]
    turns.done()
    assert turns.add(3, 6)


def test_many_items_that_end_as_soon_as_they_begin_need_no_deep_stack() -> None:
    turns = Held(1, items=10_000, bytes=10_000)
    for number in range(5000):
        turns.add(number, 1)
    turns.at_once = True
    turns.done()
    assert turns.begun == list(range(5000))


def test_an_item_that_cannot_begin_does_not_keep_its_turn() -> None:
    turns = Held(1)
    turns.refuses = True
    assert turns.add(0, 1)
    turns.refuses = False
    assert turns.add(1, 1)
    assert turns.begun == [1]


def test_an_item_is_taken_out_of_a_backlog_by_identity() -> None:
    backlog: Backlog[object] = Backlog(Bound(2, 100))
    one, other = object(), object()
    assert not backlog.remove(one)
    backlog.put(one, 40)
    assert not backlog.remove(other)
    assert backlog.remove(one)
    assert (len(backlog), backlog.bytes) == (0, 0)
