"""What the client's own thread has read takes effect before what other threads ask of it later."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from relay_sync import Call, RelayClient, SessionState
from tests.adapters.peers import GONE, Peer, serving
from tests.adapters.support import PATIENCE, PROJECT, QUICK, TOKEN, Certificates, engine_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def runtime() -> str:
    return "threads"


class Watch(logging.Handler):
    """Looks at the client when it tells of a call."""

    def __init__(self, client: RelayClient) -> None:
        super().__init__()
        self._client = client
        self.states: list[SessionState] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("event <CallReceiveEvent"):
            self.states.append(self._client.state)


class Office:
    """A client whose own thread is held up, while a call is offered to it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.taken: list[str] = []
        self._offer, self._offered = anyio.Event(), anyio.Event()
        self._holds, self._go_on = threading.Event(), threading.Event()

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
            self._go_on.set()
            await anyio.to_thread.run_sync(self.client.disconnect)
            logger.removeHandler(self.watch)

    async def ask_while_a_call_waits(self, function: Callable[[], object]) -> None:
        """Call `function` when a call waits in the socket, and is not read before that."""
        await anyio.to_thread.run_sync(self.client.connect)
        engine = engine_of(self.client)
        engine.post(self._hold)
        assert await anyio.to_thread.run_sync(self._holds.wait, PATIENCE)
        self._offer.set()
        await self._offered.wait()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, function)
            while not engine._driver._reactor._posted:  # noqa: SLF001
                await anyio.lowlevel.checkpoint()
            self._go_on.set()

    def _hold(self) -> None:
        """In the client's own thread: be busy for a while."""
        self._holds.set()
        assert self._go_on.wait(PATIENCE)


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
