"""What is particular to the blocking client: threads, and who runs in which."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from relay_proto.api.shapes import Media
from relay_proto.exchange import TextMessage, What
from relay_sync import (
    Call,
    CallEndedError,
    ClientClosedError,
    DownloadError,
    InboundCalls,
    Limits,
    Message,
    RelayClient,
    RelayEvent,
    Timing,
    phone,
)
from tests.adapters.service import Service, in_a_program, take, threads_of_clients
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    OFFICE,
    PATIENCE,
    World,
)

pytestmark = pytest.mark.anyio

T = TypeVar("T")
LONG: Final[list[Media]] = [{"type": "silence", "params": {"duration": 3600}}]


@pytest.fixture
def runtime() -> str:
    return "threads"


# Handlers


async def test_disconnect_releases_the_handlers_and_leaves_no_thread(world: World) -> None:
    taken: queue.Queue[Call] = queue.Queue()
    released: queue.Queue[str] = queue.Queue()

    def handle(call: Call) -> None:
        call.answer()
        playing = call.play(LONG)
        taken.put(call)
        waits: tuple[Callable[[], object], ...] = (
            call.wait_for_ended,
            playing.wait,
            lambda: call.client.execute("test.echo", {}),
        )
        for wait in waits:
            try:
                wait()
            except ClientClosedError:
                released.put("closed")
            else:
                released.put(call.state)

    def body(service: Service) -> None:
        client = service.client()
        client.on_call(handle)
        with client:
            for _ in range(3):
                service.place_call()
            calls = [take(taken) for _ in range(3)]
        assert {call.end_reason for call in calls} == {"error"}
        assert threads_of_clients() == []
        told = sorted(released.get_nowait() for _ in range(released.qsize()))
        assert told.count("ended") >= 3
        assert "closed" in told

    await in_a_program(world, body)


async def test_a_client_that_nobody_connects_has_no_thread(tmp_path: Path) -> None:
    client = RelayClient(project="p", token="t", host="nowhere.test")
    call = Call(client, "call-1", "node-1", "p", OFFICE, state="answered")
    refused: tuple[Callable[[], object], ...] = (
        lambda: client.dial([[phone(CALLER, OFFICE)]]),
        lambda: client.send_message(from_number=OFFICE, to_number=CALLER, body="Hi"),
        lambda: client.receive(["sales"]),
        lambda: client.execute("test.echo", {}),
        client.wait_ready,
        lambda: call.play(LONG),
        call.disconnect,
    )
    for ask in refused:
        with pytest.raises(ClientClosedError):
            ask()
    with pytest.raises(TimeoutError):
        call.wait_for_ended(timeout=0)
    with pytest.raises(DownloadError):
        client.download("https://localhost:1/file", tmp_path / "file")
    client.disconnect()
    assert threads_of_clients() == []


async def test_a_disconnect_comes_before_a_start_or_ends_it() -> None:
    failures: list[BaseException] = []

    def serve(client: RelayClient) -> None:
        try:
            client.run()
        except BaseException as error:  # noqa: BLE001 - it is asserted
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(50):
            client = RelayClient(project="p", token="t", host="localhost:1")
            thread = threading.Thread(target=serve, args=(client,))
            thread.start()
            while thread.is_alive():
                client.disconnect()
                thread.join(0.0005)
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    assert not [name for name in threads_of_clients() if "I/O" in name]


async def test_threads_that_come_after_the_end_are_not_taken_for_the_io_thread(
    world: World,
) -> None:
    def body(service: Service) -> None:
        with service.client() as client:
            pass
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                client.execute("test.echo", {})
            except BaseException as error:  # noqa: BLE001 - it is asserted
                failures.append(error)

        for _ in range(50):  # the system gives the number of a thread again soon
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(PATIENCE)
        assert {type(error) for error in failures} == {ClientClosedError}

    await in_a_program(world, body)


async def test_who_pulls_calls_stops_even_if_the_client_connects_again_at_once(
    world: World,
) -> None:
    def body(service: Service) -> None:
        client = service.client()
        failures: list[BaseException] = []

        def pull(calls: InboundCalls) -> None:
            try:
                assert list(calls) == []
            except BaseException as error:  # noqa: BLE001 - it is asserted
                failures.append(error)

        client.connect()
        for _ in range(20):
            calls = client.calls()
            thread = threading.Thread(target=pull, args=(calls,))
            thread.start()
            while thread.is_alive() and not calls._waiting:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
                thread.join(0.001)
            client.disconnect()
            client.connect()
            thread.join(PATIENCE)
            assert not thread.is_alive()
        client.disconnect()
        assert failures == []

    await in_a_program(world, body)


async def test_a_handler_that_does_not_end_is_not_waited_for_for_ever(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    taken = threading.Event()
    over = threading.Event()

    def handle(call: Call) -> None:
        taken.set()
        over.wait(PATIENCE)

    def body(service: Service) -> None:
        timing = Timing(close_timeout=0.05)
        client = service.client(timing=timing)
        client.on_call(handle)
        with client:
            service.place_call()
            assert taken.wait(PATIENCE)
        assert "call handler 1 still runs" in caplog.text
        assert any("call handler" in name for name in threads_of_clients())
        over.set()

    await in_a_program(world, body)


async def test_a_handler_that_disconnects_goes_on_while_the_others_are_released(
    world: World,
) -> None:
    done: queue.Queue[BaseException | None] = queue.Queue()
    waiting = threading.Event()

    def handle(call: Call) -> None:
        if not waiting.is_set():
            waiting.set()
            call.wait_for_ended()
            return
        try:
            call.client.disconnect()
            with pytest.raises(ClientClosedError):
                call.answer()
        except BaseException as error:  # noqa: BLE001 - the test shall see it
            done.put(error)
        else:
            done.put(None)

    def body(service: Service) -> None:
        client = service.client()
        client.on_call(handle)
        client.connect()
        service.place_call()
        assert waiting.wait(PATIENCE)
        service.place_call()
        assert take(done) is None
        client.disconnect()
        assert threads_of_clients() == []

    await in_a_program(world, body)


async def test_two_handlers_that_disconnect_do_not_wait_for_each_other(world: World) -> None:
    together = threading.Barrier(2, timeout=PATIENCE)
    done: queue.Queue[float] = queue.Queue()

    def handle(call: Call) -> None:
        together.wait()
        started = time.monotonic()
        call.client.disconnect()
        done.put(time.monotonic() - started)

    def body(service: Service) -> None:
        timing = Timing(close_timeout=PATIENCE)
        client = service.client(timing=timing)
        client.on_call(handle)
        client.connect()
        service.place_call()
        service.place_call()
        assert max(take(done), take(done)) < PATIENCE

    await in_a_program(world, body)


async def test_cancel_on_end_ends_what_the_handler_waits_for(world: World) -> None:
    taken: queue.Queue[Call] = queue.Queue()
    told: queue.Queue[CallEndedError] = queue.Queue()

    def body(service: Service) -> None:
        client = service.client()
        other = threading.Event()

        @client.on_call(cancel_on_end=True)
        def handle(call: Call) -> None:
            taken.put(call)
            try:
                client.dial_phone("+15550003003", OFFICE)  # rings until somebody gives up
            except CallEndedError as error:
                told.put(error)
            try:
                client.receive(["sales"])
            except CallEndedError as error:
                told.put(error)
            other.set()

        with client:
            call_id = service.place_call()
            service.place_call()
            first = take(taken)
            service.until(What.RANG, times=2)
            first.hangup()
            ended = [take(told), take(told)]  # the wait of then, and the next one
            assert other.wait(PATIENCE)
            assert {error.call_id for error in ended} == {first.call_id}
            assert told.empty()  # the other call's handler goes on
            service.until(What.ENDED, reason="cancel")  # and nobody is left ringing
            assert call_id

    await in_a_program(world, body)


async def test_a_call_whose_thread_cannot_be_started_is_passed_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if "call handler" in self.name:
            raise RuntimeError("can't start new thread")
        start(self)

    def body(service: Service) -> None:
        taken: queue.Queue[Call] = queue.Queue()
        client = service.client()
        client.on_call(taken.put)
        with client:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                refused = service.place_call()
                assert service.until(What.PASSED).call_id == refused
            taken_later = service.place_call()
            assert take(taken).call_id == taken_later

    await in_a_program(world, body)


async def test_messages_beyond_the_limit_wait_for_a_handler(world: World) -> None:
    over = threading.Event()
    began: queue.Queue[str] = queue.Queue()
    at_once: list[int] = []
    running = threading.Semaphore(2)

    def handle(message: Message) -> None:
        at_once.append(running.acquire(blocking=False))
        began.put(message.body)
        over.wait(PATIENCE)
        running.release()

    def body(service: Service) -> None:
        client = service.client(limits=Limits(message_handlers=2))
        client.on_message(handle)
        exchange, simulator = world.exchange, world.simulator
        with client:
            for number in range(5):
                text = TextMessage(CALLER, OFFICE, str(number))
                service.do(partial(simulator.command, exchange.receive_text, text))
            first = {take(began), take(began)}
            over.set()
            assert first | {take(began) for _ in range(3)} == set("01234")
            assert all(at_once)

    await in_a_program(world, body)


async def test_coroutine_functions_are_refused_where_they_are_registered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def handle(item: Any) -> None:
        raise AssertionError("nobody can call this")

    def call_it(function: Callable[[Any], Any], item: Any) -> Any:
        return function(item)

    def body(service: Service) -> None:
        client = service.client()
        register: list[Callable[[Any], Any]] = [
            client.on_call,
            client.on_message,
            client.on_event,
            client.on_connected,
            client.on_disconnected,
            partial(client.on, "calling.call.play"),
        ]
        for method in register:
            with pytest.raises(TypeError, match=r"handle is a coroutine function: .*relay_anyio"):
                method(handle)
        client.on_call(partial(call_it, handle))  # this cannot be seen before it is called
        with client:
            call = client.dial_phone(ANSWERING, OFFICE)
            with pytest.raises(TypeError, match="coroutine function"):
                call.on("calling.call.play", handle)
            service.place_call()
            service.until(What.OFFERED)
        assert "returned a coroutine" in caplog.text

    await in_a_program(world, body)


# Listeners


async def test_the_listeners_of_a_call_hear_everything_in_order_and_not_in_the_io_thread(
    world: World,
) -> None:
    heard: list[tuple[str, str]] = []
    threads: set[str] = set()

    def listen(event: RelayEvent) -> None:
        threads.add(threading.current_thread().name)
        heard.append(
            (event.event_type, str(event.params.get("call_state", event.params.get("state"))))
        )

    def body(service: Service) -> None:
        with service.client() as client:
            call = client.dial_phone(ANSWERING, OFFICE)
            for event_type in ("calling.call.play", "calling.call.state"):
                call.on(event_type, listen)
            call.play([{"type": "silence", "params": {"duration": 0.01}}]).wait()
            call.hangup()
            call.wait_for_ended()
        assert heard == [
            ("calling.call.play", "playing"),
            ("calling.call.play", "finished"),
            ("calling.call.state", "ended"),
        ] or heard[-2:] == [("calling.call.state", "ending"), ("calling.call.state", "ended")]
        assert [event_type for event_type, _ in heard] == sorted(
            event_type for event_type, _ in heard
        )
        assert all("listener" in name for name in threads)

    await in_a_program(world, body)


async def test_a_stuck_listener_delays_neither_other_calls_nor_the_waits_of_its_own(
    world: World,
) -> None:
    over = threading.Event()
    heard: queue.Queue[str] = queue.Queue()

    def wait(event: RelayEvent) -> None:
        over.wait(PATIENCE)

    def hear(event: RelayEvent) -> None:
        heard.put(event.params["state"])

    def body(service: Service) -> None:
        with service.client() as client:
            stuck, other = (client.dial_phone(ANSWERING, OFFICE) for _ in range(2))
            stuck.on("calling.call.play", wait)
            other.on("calling.call.play", hear)
            silence: list[Media] = [{"type": "silence", "params": {"duration": 0.01}}]
            assert stuck.play(silence).wait(PATIENCE).params["state"] == "finished"
            other.play(silence).wait(PATIENCE)
            assert [take(heard), take(heard)] == ["playing", "finished"]
            over.set()

    await in_a_program(world, body)


async def test_a_listener_may_wait_for_what_only_later_events_bring(world: World) -> None:
    done: queue.Queue[str] = queue.Queue()

    def body(service: Service) -> None:
        with service.client() as client:
            call = client.dial_phone(ANSWERING, OFFICE)

            def react(event: RelayEvent) -> None:
                if event.params["state"] == "playing":
                    call.record({"beep": True})
                    call.hangup()
                    call.wait_for_ended(PATIENCE)
                    done.put(call.state)

            call.on("calling.call.play", react)
            call.play(LONG)
            assert take(done) == "ended"

    await in_a_program(world, body)
