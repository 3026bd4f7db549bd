"""A function of the program's that cancels the task in which it runs ends no task of the client's.

Plain listeners, predicates and handlers of the log run in tasks of the client. Only asyncio lets
anybody cancel a task from outside.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from relay_anyio import ConnectionLostError, RelayClient
from relay_proto.exchange import What
from tests.adapters.support import (
    ANSWERING,
    LONG,
    QUICK,
    Certificates,
    World,
    no_client_task_is_left,
    phone,
)

pytestmark = pytest.mark.anyio

PLAY: Final = "calling.call.play"
PROBING: Final = replace(QUICK, ping_interval=0.05)
"""So that its timer has something to do."""


@pytest.fixture(params=["asyncio", "uvloop"])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return str(request.param)


@pytest.fixture
def anyio_backend(runtime: str) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": runtime == "uvloop"}


class Cancels(logging.Handler):
    """Cancels the task in which it is called, if that is one of a client's."""

    def __init__(self, *, soon: bool) -> None:
        super().__init__()
        self._soon = soon
        self.cancelled: set[str] = set()

    def __call__(self, item: object = None) -> bool:
        task = asyncio.current_task()
        assert task is not None, "all functions of the program run in a task"
        name = task.get_name()
        if name.startswith("relay_anyio."):
            self.cancelled.add(name.rpartition(".")[2])
            if self._soon:
                asyncio.get_running_loop().call_soon(task.cancel)
            else:
                task.cancel()
                task.cancel()
        return True

    def emit(self, record: logging.LogRecord) -> None:
        self(record)


@contextmanager
def hearing_the_log(handler: logging.Handler) -> Generator[None]:
    logger = logging.getLogger("relay_anyio")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    logger.setLevel(level)


def stream_of_anyio(certificates: Certificates) -> Callable[[str, int], Any]:
    context = ssl.create_default_context(cafile=str(certificates.ca_file))

    async def connect(host: str, port: int) -> ByteStream:
        return await anyio.connect_tcp(host, port, tls=True, ssl_context=context)

    return connect


@pytest.mark.parametrize(("foreign", "soon"), [(False, False), (False, True), (True, False)])
async def test_a_task_of_the_client_that_a_function_cancels_goes_on(
    world: World, certificates: Certificates, *, soon: bool, foreign: bool
) -> None:
    function = Cancels(soon=soon)
    arguments = {"connector": stream_of_anyio(certificates)} if foreign else {}
    client = world.client(timing=PROBING, **arguments)
    client.on_event(function)
    with hearing_the_log(function):
        async with client:
            call = await client.dial([[phone(ANSWERING)]])
            call.on("calling.call.state", function)
            async with call.expect(PLAY, function) as expected:
                playing = await call.play(LONG, on_completed=function)
                await expected.wait()
            await playing.stop()
            await playing.wait()
            async with anyio.create_task_group() as tasks:
                for _ in range(20):  # their answers come together, and what they ask next leaves so
                    tasks.start_soon(ping_often, client)
            while "_run_timer" not in function.cancelled:
                await anyio.lowlevel.checkpoint()
            assert len(world.exchange.transports) == 1
            world.cut()
            await world.until(What.SESSION_RESUMED)
            assert (await client.execute("signalwire.ping", {})) is not None
            world.forget_sessions()
            await call.wait_for_ended()
            assert (await client.execute("signalwire.ping", {})) is not None
        await no_client_task_is_left()
    assert len(world.exchange.transports) == 3
    assert function.cancelled == {"read", "_run_timer", "run_transport"}


async def ping_often(client: RelayClient) -> None:
    for _ in range(5):
        assert (await client.execute("signalwire.ping", {})) is not None


class Armed(ByteStream):
    """A stream of the program's, whose next call of one method calls a function first."""

    def __init__(self, stream: ByteStream, armed: set[str], function: Callable[[], object]) -> None:
        self._stream = stream
        self._armed = armed
        self._function = function

    def _call_in(self, method: str) -> None:
        if method in self._armed:
            self._armed.clear()
            self._function()

    async def send(self, item: bytes) -> None:
        self._call_in("send")
        await self._stream.send(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        self._call_in("aclose")
        await self._stream.aclose()


@pytest.fixture
def armed() -> set[str]:
    return set()


@pytest.fixture
def function() -> Cancels:
    return Cancels(soon=False)


@pytest.fixture
def client(
    world: World, certificates: Certificates, armed: set[str], function: Cancels
) -> RelayClient:
    open_stream = stream_of_anyio(certificates)

    async def connect(host: str, port: int) -> ByteStream:
        return Armed(await open_stream(host, port), armed, function)

    return world.client(connector=connect)


async def test_a_stream_whose_send_is_cancelled_ends_alone(
    world: World, client: RelayClient, armed: set[str], function: Cancels
) -> None:
    """Nobody knows how much has left: so the session goes on with another stream."""
    async with client:
        armed.add("send")
        with pytest.raises(ConnectionLostError, match="was cancelled, and not by the client"):
            await client.execute("signalwire.ping", {})
        await world.until(What.SESSION_RESUMED)
        assert (await client.execute("signalwire.ping", {})) is not None
    assert function.cancelled == {"run_transport"}


async def test_a_stream_whose_close_is_cancelled_ends_alone(
    world: World,
    client: RelayClient,
    armed: set[str],
    function: Cancels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with client:
        armed.add("aclose")
        world.cut()
        await world.until(What.SESSION_RESUMED)
        assert (await client.execute("signalwire.ping", {})) is not None
    assert function.cancelled == {"run_transport"}
    (lost,) = (text for text in caplog.messages if text.startswith("lost the connection"))
    assert "cancelled" not in lost, "it was over before that"
