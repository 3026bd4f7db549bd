"""What the client's own thread has read takes effect before what other threads ask of it later."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from relay_sync import Call, RelayClient, RelayError, SessionState
from tests.adapters.peers import GONE, Peer, serving
from tests.adapters.support import PATIENCE, PROJECT, QUICK, TOKEN, Certificates

pytestmark = pytest.mark.anyio

BUSY: Final = "office.busy"
"""When the client sends this request, its own thread is busy for a while."""
WAITS: Final = ("get", "acquire", "join")
"""A thread that calls one of these has asked, and waits."""


@pytest.fixture
def runtime() -> str:
    return "threads"


class Watch(logging.Handler):
    """Looks at the client when it tells of a call, and holds its thread up when that is busy."""

    def __init__(self, client: RelayClient) -> None:
        super().__init__()
        self._client = client
        self.states: list[SessionState] = []
        self.holds, self.go_on = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("event <CallReceiveEvent"):
            self.states.append(self._client.state)
        elif record.getMessage().startswith(">") and BUSY in record.getMessage():
            self.holds.set()
            assert self.go_on.wait(PATIENCE)


class Office:
    """A client whose own thread is held up, while a call is offered to it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.taken: list[str] = []
        self._offer, self._offered = anyio.Event(), anyio.Event()

    async def serve(self, peer: Peer) -> None:
        await peer.welcome()
        await self._offer.wait()
        await peer.offer_call()
        self._offered.set()
        with suppress(*GONE):
            while True:
                frame = await peer.receive()
                if "method" in frame:
                    self.asked.append(frame["method"])
                    await peer.reply(frame)
                if frame.get("method") == "calling.end":
                    await peer.call_state("ended")

    def handle(self, call: Call) -> None:
        self.taken.append(call.state)
        call.answer()
        call.hangup()

    @asynccontextmanager
    async def opened(self, host: str) -> AsyncGenerator[None]:
        """Make the client; it is disconnected at the end."""
        self.client = RelayClient(
            project=PROJECT, token=TOKEN, host=host, contexts=["office"], timing=QUICK
        )
        self.client.on_call(self.handle)
        self.watch = Watch(self.client)
        logger = logging.getLogger("relay_sync")
        logger.addHandler(self.watch)
        try:
            yield
        finally:
            self.watch.go_on.set()
            await anyio.to_thread.run_sync(self.client.disconnect)
            logger.removeHandler(self.watch)

    async def ask_while_a_call_waits(self, function: Callable[[], object]) -> None:
        """Call `function` when a call waits in the socket, and is not read before that."""
        await anyio.to_thread.run_sync(self.client.connect)
        waits = threading.Event()

        def watch(_frame: object, event: str, called: Any) -> None:
            if event == "c_call" and called.__name__ in WAITS and type(called.__self__) is not dict:
                waits.set()

        def be_busy() -> None:
            with suppress(RelayError):  # the client may leave before the answer comes
                self.client.execute(BUSY, {})

        def ask() -> None:
            sys.setprofile(watch)
            try:
                function()
            finally:
                sys.setprofile(None)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, be_busy)
            assert await anyio.to_thread.run_sync(self.watch.holds.wait, PATIENCE)
            self._offer.set()
            await self._offered.wait()
            tasks.start_soon(anyio.to_thread.run_sync, ask)
            assert await anyio.to_thread.run_sync(waits.wait, PATIENCE), "it has not asked"
            self.watch.go_on.set()


@asynccontextmanager
async def open_office(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[Office]:
    office = Office()
    with caplog.at_level(logging.DEBUG, "relay_sync"):
        async with (
            serving(certificates.server_context(), office.serve) as host,
            office.opened(host),
        ):
            yield office


async def test_a_call_that_has_come_before_drain_is_handled(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[int] = []
    async with open_office(certificates, caplog) as office:
        await office.ask_while_a_call_waits(lambda: left.append(office.client.drain()))
    assert office.taken == ["created"]
    assert left == [0]
    assert {"calling.answer", "calling.end", "signalwire.unreceive"} <= {*office.asked}


async def test_a_call_that_has_come_before_disconnect_is_told_before(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_office(certificates, caplog) as office:
        await office.ask_while_a_call_waits(office.client.disconnect)
    assert office.watch.states == [SessionState.READY]
