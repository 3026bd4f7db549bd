"""Ctrl+C gets through every wait of the blocking client, and leaves nothing behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketStream

from relay_proto.exchange import What
from relay_sync import RelayClient
from tests.adapters.peers import serving_raw
from tests.adapters.programs import program
from tests.adapters.support import OFFICE, PATIENCE, PROJECT, QUICK, SILENT, TOKEN, World

pytestmark = pytest.mark.anyio

PROGRAM = """
import threading
from relay_sync import RelayClient, Timing

timing = Timing(retry_min_delay=0.01, retry_max_delay=0.05)
client = RelayClient(contexts=["office"], timing=timing)
LONG = [{{"type": "silence", "params": {{"duration": 3600}}}}]
calls = client.calls()
lost = threading.Event()
client.on_disconnected(lambda event: lost.set())

def answered():
    call = next(calls)
    call.answer()
    return call

def wait():
    {statement}

try:
    with client:
        print("connected")
        wait()
except KeyboardInterrupt:
    print("interrupted")
print("left", client.state.value)
"""

WAITS = {
    "calls": 'print("waiting"); next(calls)',
    "action.wait": 'action = answered().play(LONG); print("waiting"); action.wait()',
    "wait_for_ended": 'call = answered(); print("waiting"); call.wait_for_ended()',
    "wait_for": 'call = answered(); print("waiting"); call.wait_for("calling.call.tap")',
    "drain": 'call = answered(); print("waiting"); client.drain()',
    "dial": f'print("waiting"); client.dial_phone("{SILENT}", "{OFFICE}")',
}


@pytest.fixture
def runtime() -> str:
    return "threads"


@pytest.mark.parametrize("name", WAITS)
async def test_a_wait_is_interrupted_and_the_client_leaves(world: World, name: str) -> None:
    source, dialled = PROGRAM.format(statement=WAITS[name]), ""
    async with program(world, source) as running:
        await running.says("connected")
        if name != "calls":
            world.place_call()
        await running.says("waiting")
        if name == "dial":
            dialled = (await world.until(What.RANG)).call_id
        running.send(signal.SIGINT)
        assert await running.end() == 0
        assert running.output.endswith("interrupted\nleft closed\n")
        assert running.errors == ""
        await world.until(What.SESSION_AWAY)
    if name == "dial":  # and nobody is left ringing
        assert len(world.all(What.ENDED, call_id=dialled)) == 1


ELSEWHERE = """
import signal, sys, threading, time
from relay_sync import RelayClient

client = RelayClient(contexts=["office"])

def send():
    main = threading.main_thread().ident
    while not sys._current_frames()[main].f_globals["__name__"].startswith("relay_sync"):
        time.sleep(0.001)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

def send_soon(*_event):
    threading.Thread(target=send).start()

try:
    {statement}
except KeyboardInterrupt:
    print("interrupted")
print("left", client.state.value)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no thread can be chosen")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param("client.on_connected(send_soon); client.run()", "left closed\n", id="run"),
        pytest.param(
            "with client: send_soon(); next(client.calls())",
            "interrupted\nleft closed\n",
            id="a wait",
        ),
    ],
)
async def test_a_signal_that_another_thread_gets_is_heard(
    world: World, statement: str, said: str
) -> None:
    async with program(world, ELSEWHERE.format(statement=statement)) as running:
        assert await running.end() == 0
        assert running.output == said


async def test_a_request_that_waits_for_a_session_is_interrupted(world: World) -> None:
    statement = 'lost.wait(); print("waiting"); client.execute("test.echo", {})'
    async with program(world, PROGRAM.format(statement=statement)) as running:
        await running.says("connected")
        world.exchange.refuse_upgrades(503)
        world.cut()
        await running.says("waiting")
        running.send(signal.SIGINT)
        assert await running.end() == 0
        assert running.output.endswith("interrupted\nleft closed\n")


async def test_connect_is_interrupted(world: World) -> None:
    reached = anyio.Event()

    async def silent(stream: SocketStream) -> None:
        await stream.receive()
        reached.set()
        await anyio.sleep_forever()

    async with serving_raw(silent) as host:
        source = PROGRAM.format(statement="pass")
        async with program(world, source, SIGNALWIRE_SPACE=host) as running:
            await reached.wait()
            running.send(signal.SIGINT)
            assert await running.end() == 0
            assert running.output == "interrupted\nleft disconnected\n"
            assert running.errors == ""


async def test_a_program_that_does_not_catch_it_ends_with_it(world: World) -> None:
    source = PROGRAM.replace("except KeyboardInterrupt", "except ZeroDivisionError")
    statement = WAITS["action.wait"]
    async with program(world, source.format(statement=statement)) as running:
        await running.says("connected")
        world.place_call()
        await running.says("waiting")
        running.send(signal.SIGINT)
        assert await running.end() == -signal.SIGINT
        assert running.errors.rstrip().endswith("KeyboardInterrupt")
        await world.until(What.SESSION_AWAY)


async def test_a_client_whose_start_was_interrupted_can_be_used(world: World) -> None:
    """`Thread.start` waits for the new thread, which then runs for nobody."""
    client = RelayClient(project=PROJECT, token=TOKEN, host=world.host, timing=QUICK)

    def interrupt(frame: FrameType, event: str, _argument: object) -> Any:
        starts = frame.f_back is not None and frame.f_back.f_code is threading.Thread.start.__code__
        if not starts or frame.f_code is not threading.Event.wait.__code__:
            return None
        if event == "return":
            wait_until(lambda: any(rests(thread) for thread in io_threads(client)))
            raise KeyboardInterrupt
        return interrupt

    def use() -> None:
        tracing = sys.gettrace()
        sys.settrace(interrupt)
        try:
            with pytest.raises(KeyboardInterrupt):
                client.connect()
        finally:
            sys.settrace(tracing)
        wait_until(lambda: not io_threads(client))
        with client:
            assert client.execute("signalwire.ping", {})
            assert len(io_threads(client)) == 1
        assert io_threads(client) == []

    await anyio.to_thread.run_sync(use)


def io_threads(client: RelayClient) -> list[threading.Thread]:
    name = f"relay_sync I/O of {client.host}"
    return [thread for thread in threading.enumerate() if thread.name == name]


def rests(thread: threading.Thread) -> bool:
    """Whether it waits: in its selector, or for the lock of who starts it."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return frame is not None and frame.f_code.co_name in ("select", "_run")


def wait_until(happened: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends_at
