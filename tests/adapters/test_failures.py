"""Whatever the application raises, of whatever class, ends that piece of it alone.

Every callback there is, is one row of a table; so is every way to fail.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

import anyio
import pytest
import trio
import trio.lowlevel

from relay_anyio import Call, RelayClient, RelayEvent, SessionState
from relay_proto.exchange import TextMessage, What
from tests.adapters.programs import program
from tests.adapters.service import Service, in_a_program
from tests.adapters.support import (
    ANSWERING,
    CALLER,
    LONG,
    OFFICE,
    Certificates,
    Heard,
    World,
    client_tasks,
    engine_of,
    open_world,
    phone,
    state_of,
)

pytestmark = pytest.mark.anyio

PLAY: Final = "calling.call.play"
SALES: Final = "+15550002001"
NUMBERS: Final = {OFFICE: "office", SALES: "sales"}


class Unheard(BaseException):
    """A class that nobody else knows."""


# Ways to fail


async def cancels_itself() -> None:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def gathers_a_cancelled_task() -> None:
    task = asyncio.ensure_future(asyncio.sleep(3600))
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.gather(task, asyncio.sleep(3600))


async def is_cancelled_from_outside() -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.sleep(3600)


def raises(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise type(error)(*error.args)

    fail.__name__ = type(error).__name__
    return fail


def raises_later(error: BaseException) -> Callable[[], Any]:
    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise type(error)(*error.args)

    fail.__name__ = f"{type(error).__name__} later"
    return fail


def raises_cancelled() -> None:
    raise asyncio.CancelledError


async def raises_a_kept_cancellation() -> None:
    kept: list[BaseException] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            kept.append(error)
            raise
    raise kept[0]


def fails_a_test() -> None:
    pytest.fail("in a handler")


ANYWHERE: Final = [
    make(error)
    for make in (raises, raises_later)
    for error in (
        ZeroDivisionError("by zero"),
        GeneratorExit(),
        Unheard("of"),
        BaseExceptionGroup("several", [Unheard("one"), ZeroDivisionError()]),
    )
] + [fails_a_test]
ASYNCIO: Final = [
    cancels_itself,
    gathers_a_cancelled_task,
    is_cancelled_from_outside,
    raises_cancelled,
]
TRIO: Final = [raises_a_kept_cancellation]
FAILURES: Final = (
    [(fail, ("asyncio", "trio", "threads")) for fail in ANYWHERE]
    + [(fail, ("asyncio",)) for fail in ASYNCIO]
    + [(fail, ("trio",)) for fail in TRIO]
)

# Callbacks

Provoke = Callable[[RelayClient, World, Callable[[Any], Any]], Awaitable[Any]]


async def on_call(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    client.on_call(function, contexts=["sales"])
    return world.place_call(to=SALES)


async def on_message(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    client.on_message(function)
    text = TextMessage(from_number=CALLER, to_number=OFFICE, body="Hello")
    return world.simulator.command(world.exchange.receive_text, text)


async def on_event(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    def hear(event: RelayEvent) -> Any:
        return function(event) if event.event_type == PLAY else None

    client.on_event(hear)
    return await play(client)


async def on(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    client.on(PLAY, function)
    return await play(client)


async def call_on(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    call = await client.dial([[phone(ANSWERING)]])
    call.on(PLAY, function)
    await call.play(LONG)
    return call.call_id


async def message_on(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    message = await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hello")
    message.on(function)
    return message.message_id


async def on_completed(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    call = await client.dial([[phone(ANSWERING)]])
    playing = await call.play(LONG, on_completed=function)
    await playing.stop()
    return call.call_id


async def on_disconnected(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    client.on_disconnected(function)
    world.cut()
    return ""


async def on_connected(client: RelayClient, world: World, function: Callable[[Any], Any]) -> str:
    client.on_connected(function)
    world.cut()
    return ""


async def play(client: RelayClient) -> str:
    call = await client.dial([[phone(ANSWERING)]])
    await call.play(LONG)
    return call.call_id


CALLBACKS: Final = [
    on_call,
    on_message,
    on_event,
    on,
    call_on,
    message_on,
    on_completed,
    on_disconnected,
    on_connected,
]


def named(value: Any) -> str | None:
    return value.__name__ if callable(value) else None


class Reports(logging.Handler):
    """What is logged of errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.raised: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.raised.append(record)


@pytest.fixture
def reports(package: str) -> Generator[list[logging.LogRecord]]:
    logger, handler = logging.getLogger(package), Reports()
    logger.addHandler(handler)
    yield handler.raised
    logger.removeHandler(handler)


@pytest.mark.parametrize(("fail", "runtimes"), FAILURES, ids=named)
@pytest.mark.parametrize("provoke", CALLBACKS, ids=named)
async def test_a_callback_that_fails_fails_alone_and_is_reported_once(
    certificates: Certificates,
    reports: list[logging.LogRecord],
    runtime: str,
    provoke: Provoke,
    fail: Callable[[], Any],
    runtimes: tuple[str, ...],
) -> None:
    if runtime not in runtimes:
        pytest.skip(f"{fail.__name__} is for {runtimes}")
    calls: Heard[object] = Heard()
    async with open_world(certificates, numbers=NUMBERS) as world:
        client = world.client(contexts=["office", "sales"])

        def function(item: object) -> Any:
            calls(item)
            return fail() if len(calls.all) == 1 else None

        async with client:
            about = await provoke(client, world, function)
            await calls.next()
            while not reports:
                await anyio.lowlevel.checkpoint()
            if provoke in (on_event, on):
                await play(client)
                await calls.next()  # it hears on
            await until_ready(client)
            assert (await client.execute("signalwire.ping", {})) is not None
            while engine_of(client).delivery.handlers:  # its thread reports before it ends
                await anyio.lowlevel.checkpoint()
        assert len(reports) == 1, [one.getMessage() for one in reports]
        assert " failed on " in reports[0].getMessage()
        assert about in reports[0].getMessage()
        assert client_tasks() == []


async def until_ready(client: RelayClient) -> None:
    while state_of(client) is not SessionState.READY:
        await anyio.lowlevel.checkpoint()


# Predicates run for whoever waits: what they raise is raised there


@pytest.mark.parametrize(
    ("fail", "runtimes"),
    [
        row
        for row in FAILURES
        if "later" not in row[0].__name__
        and row[0]
        not in (
            cancels_itself,
            gathers_a_cancelled_task,
            is_cancelled_from_outside,
            raises_a_kept_cancellation,
        )
    ],
    ids=named,
)
async def test_what_a_predicate_raises_is_raised_where_it_is_waited_for(
    world: World,
    reports: list[logging.LogRecord],
    runtime: str,
    fail: Callable[[], Any],
    runtimes: tuple[str, ...],
) -> None:
    if runtime not in runtimes:
        pytest.skip(f"{fail.__name__} is for {runtimes}")

    def predicate(event: RelayEvent) -> bool:
        fail()
        return True

    def body(service: Service) -> None:
        with service.client() as client:
            call = client.dial([[phone(ANSWERING)]])
            with call.expect(PLAY, predicate) as playing:
                call.play(LONG)
                with pytest.raises(BaseException) as raised:  # noqa: PT011 - of whatever class
                    playing.wait()
            assert not isinstance(raised.value, TimeoutError)
            assert client.execute("signalwire.ping", {}) is not None

    if runtime == "threads":  # event loops cannot carry all of these from a thread
        await in_a_program(world, body)
        return
    async with world.client() as client:
        call = await client.dial([[phone(ANSWERING)]])
        async with call.expect(PLAY, predicate) as playing:
            await call.play(LONG)
            with pytest.raises(BaseException) as raised:  # noqa: PT011 - of whatever class
                await playing.wait()
        assert not isinstance(raised.value, TimeoutError)
        assert await client.execute("signalwire.ping", {}) is not None
    assert reports == []


async def test_a_task_that_is_cancelled_before_it_begins_is_reported(
    world: World, runtime: str, caplog: pytest.LogCaptureFixture
) -> None:
    if runtime != "asyncio":
        pytest.skip("only asyncio can cancel a task from outside")
    taken: Heard[Call] = Heard()
    client = world.client()

    async def take(call: Call) -> None:
        taken(call)

    def cancel_new_tasks(event: RelayEvent) -> None:
        asyncio.get_running_loop().call_soon(cancel)

    def cancel() -> None:
        for task in asyncio.all_tasks():
            if task.get_name().startswith("handler of call"):
                task.cancel()

    client.on_call(take)
    async with client:
        client.on("calling.call.receive", cancel_new_tasks)
        first = world.place_call()
        while "was cancelled before it began" not in caplog.text:
            await anyio.lowlevel.checkpoint()
        assert first in caplog.text
        client.off("calling.call.receive", cancel_new_tasks)
        second = world.place_call()
        assert (await taken.next()).call_id == second


# What ends the program


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_what_ends_the_program_comes_out_of_the_block(
    world: World, runtime: str, ending: BaseException
) -> None:
    def end(call: object) -> None:
        raise ending

    def take(call: object) -> None: ...

    def body(service: Service) -> None:
        client = service.client()
        client.on_call(end)

        def serve() -> None:
            with client:
                service.place_call()
                for _ in client.calls(contexts=["sales"]):
                    pass  # there is none, and the client ends

        with pytest.raises(type(ending)) as raised:
            serve()
        assert raised.value is ending
        client.on_call(take)  # the caller who still waits
        with client:  # it may be used again
            pass

    if runtime == "threads":
        await in_a_program(world, body)
        return
    client = world.client()
    client.on_call(end)

    async def serve() -> None:
        async with client:
            world.place_call()
            await anyio.sleep_forever()

    with pytest.raises(type(ending)) as raised:
        await serve()
    assert raised.value is ending
    assert state_of(client) is SessionState.CLOSED
    client.on_call(take)
    async with client:
        pass


@pytest.mark.async_only("on threads a block is of no task")
async def test_tasks_leave_their_own_blocks_in_any_order(world: World) -> None:
    client = world.client()
    first_is_in, second_is_in, first_has_left = anyio.Event(), anyio.Event(), anyio.Event()
    ended: list[SystemExit] = []

    @client.on_call
    def end(call: object) -> None:
        sys.exit(3)

    async def first() -> None:
        async with client:
            first_is_in.set()
            await second_is_in.wait()
        first_has_left.set()

    async def second() -> None:
        await first_is_in.wait()
        try:
            async with client:
                second_is_in.set()
                await first_has_left.wait()
                await client.connect()  # the first has disconnected
                world.place_call()
                await anyio.sleep_forever()
        except SystemExit as error:
            ended.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        tasks.start_soon(second)
    assert [error.code for error in ended] == [3]


async def test_without_a_block_it_comes_out_of_disconnect_on_trio(
    world: World, runtime: str
) -> None:
    if runtime != "trio":
        pytest.skip("on asyncio it comes out of the loop, and on threads see above")
    client = world.client()

    @client.on_call
    def end(call: object) -> None:
        sys.exit(3)

    await client.connect()
    world.place_call()
    while state_of(client) is not SessionState.CLOSED:
        await anyio.lowlevel.checkpoint()
    with pytest.raises(SystemExit):
        await client.disconnect()
    await client.disconnect()  # once


ENDING: Final = """
import logging, sys
import anyio, asyncio
from relay_anyio import RelayClient

logging.basicConfig(level=logging.INFO)
client = RelayClient(contexts=["office"])
{before}

async def ending(item):
    {ends}

def ending_at_once(item):
    {ends}

client.on_call(ending)
client.on("calling.call.receive", {listener})

async def main():
{body}

{start}
print("went on")
"""
BLOCKING_ENDING: Final = """
import logging, sys
from relay_sync import RelayClient

logging.basicConfig(level=logging.INFO)
client = RelayClient(contexts=["office"])

def ending(item):
    {ends}

client.on_call(ending)
{start}
print("went on")
"""
RUN: Final = "client.run(backend=sys.argv[1])"
IN_LOOP: Final = "anyio.run(main, backend=sys.argv[1])"
IN_BLOCK: Final = """
    try:
        async with client:
            await anyio.sleep_forever()
    except (SystemExit, KeyboardInterrupt) as error:
        print("came out of the block:", repr(error), client.state.value)
        raise
"""
CONNECTED: Final = """
    await client.connect()
    try:
        if sys.argv[1] == "trio":
            while client.state.value != "closed":
                await anyio.sleep(0.01)
        await anyio.sleep_forever() if sys.argv[1] == "asyncio" else None
    finally:
        await client.disconnect()
"""


@pytest.mark.parametrize("ends", ["sys.exit(3)", "raise KeyboardInterrupt"])
@pytest.mark.parametrize("way", ["run", "block", "connect"])
@pytest.mark.parametrize("listener", ["print", "ending_at_once"])
async def test_what_ends_the_program_comes_out_after_disconnecting(
    world: World, runtime: str, ends: str, way: str, listener: str
) -> None:
    if runtime == "threads":
        if listener != "print":
            pytest.skip("listeners and handlers run alike")
        start = {
            "run": "client.run()",
            "block": "with client:\n    for call in client.calls(contexts=['x']): pass",
            "connect": "client.connect()\nfor call in client.calls(contexts=['x']): pass\n"
            "client.disconnect()",
        }[way]
        source = BLOCKING_ENDING.format(ends=ends, start=start)
    else:
        source = ENDING.format(
            before="",
            ends=ends,
            listener=listener,
            start=RUN if way == "run" else IN_LOOP,
            body={"run": "    pass", "block": IN_BLOCK, "connect": CONNECTED}[way],
        )
    async with program(world, source, runtime) as running:
        await world.until(What.SESSION_STARTED)
        world.place_call()
        code = await running.end()
        said = running.output + running.errors
        assert "ends the program" in said
        assert "TrioInternalError" not in said
        assert "never retrieved" not in said, said
        assert "bug" not in said
        if ends.startswith("sys"):
            assert code == 3, said
            assert "Traceback" not in said
        elif way == "run":  # as Ctrl+C does
            assert code == 0, said
        else:
            assert said.rstrip().endswith("KeyboardInterrupt"), said
        if way == "block" and runtime != "threads":
            assert "came out of the block" in said
            assert any(f" {state}\n" in said for state in ("closed", "disconnected"))
        await world.until(What.SESSION_AWAY)
