"""What several tasks ask for in one turn of the event loop leaves together, and in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
import pytest
from anyio.abc import ByteStream

from relay_anyio import ClientClosedError, ConnectionLostError, RelayClient
from relay_anyio._gathering import SEVERAL, Gathering
from relay_anyio.transport import Transport
from tests.adapters.peers import Peer, client_of, oblige, serving
from tests.adapters.support import Certificates

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("on threads, one thread writes what the others ask for"),
]

TASKS: Final = 20


class Tasks:
    """Tasks whose first requests are answered in one write, and what they do after that."""

    def __init__(self, then: Callable[[RelayClient, int], Awaitable[object]]) -> None:
        self._then = then
        self.ended = 0

    async def wake(self, peer: Peer) -> None:
        """Answer the first requests."""
        requests = [await peer.request("first") for _ in range(TASKS)]
        replies = [b'{"id":"%s","result":{}}' % one["id"].encode() for one in requests]
        await peer.send_bytes(b"".join(map(peer.wire.send_text, replies)))

    async def run(self, client: RelayClient) -> None:
        """Wait until all have ended."""
        async with anyio.create_task_group() as tasks:
            for number in range(TASKS):
                tasks.start_soon(self._run, client, number)
        assert self.ended == TASKS

    async def _run(self, client: RelayClient, number: int) -> None:
        await client.execute("first", {})
        await self._then(client, number)
        self.ended += 1


@asynccontextmanager
async def connected(
    certificates: Certificates, *scripts: Callable[[Peer], Awaitable[None]]
) -> AsyncGenerator[RelayClient]:
    async with (
        serving(certificates.server_context(), *scripts) as host,
        client_of(host) as client,
    ):
        yield client


async def test_requests_leave_in_the_order_in_which_they_were_made(
    certificates: Certificates,
) -> None:
    made, received = list[int](), list[int]()

    async def again(client: RelayClient, number: int) -> None:
        made.append(number)
        assert await client.execute("second", {"number": number}) == {
            "code": "200",
            "message": "OK",
        }

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await tasks.wake(peer)
        await oblige(peer, lambda request: received.append(request[1]["number"]))

    tasks = Tasks(again)
    async with connected(certificates, script) as client:
        await tasks.run(client)
    assert received == made


async def test_who_is_cancelled_at_once_leaves_the_others_alone(certificates: Certificates) -> None:
    received: list[int] = []

    async def again(client: RelayClient, number: int) -> None:
        with anyio.CancelScope() as scope:
            if number % 2:
                scope.cancel()
            await client.execute("second", {"number": number})
        assert scope.cancelled_caught == bool(number % 2)

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await tasks.wake(peer)
        await oblige(peer, lambda request: received.append(request[1]["number"]))

    tasks = Tasks(again)
    async with connected(certificates, script) as client:
        await tasks.run(client)
        await client.execute("last", {"number": TASKS})
    assert {*received} >= {*range(0, TASKS, 2), TASKS}


@pytest.mark.parametrize("who", [0, TASKS // 2, TASKS - 1])
async def test_one_may_disconnect_while_the_others_ask(
    certificates: Certificates, who: int
) -> None:
    async def again(client: RelayClient, number: int) -> None:
        if number == who:
            await client.disconnect()
        else:
            with pytest.raises((ClientClosedError, ConnectionLostError)):
                await client.execute("second", {})

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await tasks.wake(peer)
        await peer.gone()

    tasks = Tasks(again)
    async with connected(certificates, script) as client:
        await tasks.run(client)


async def test_no_request_waits_for_the_writer_of_a_lost_connection(
    certificates: Certificates,
) -> None:
    """The end of the connection comes with the replies, and so before the writer's turn."""

    async def again(client: RelayClient, number: int) -> None:
        del number
        with suppress(ConnectionLostError):  # it had left for the writer
            await client.execute("second", {})

    async def cut(peer: Peer) -> None:
        await peer.welcome()
        await tasks.wake(peer)

    async def more(peer: Peer) -> None:
        await peer.welcome()
        await oblige(peer)

    tasks = Tasks(again)
    async with connected(certificates, cut, more) as client:
        await tasks.run(client)
        await client.execute("last", {})


class Slow(ByteStream):
    """A stream that takes bytes only when it may."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ready = anyio.Event()

    async def send(self, item: bytes) -> None:
        await self.ready.wait()
        self.sent.append(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        await anyio.sleep_forever()
        raise AssertionError(max_bytes)

    async def send_eof(self) -> None: ...
    async def aclose(self) -> None: ...


async def test_only_a_writer_that_waits_for_its_turn_will_perform_outputs() -> None:
    """One that waits for its socket may do so for long, and a disconnect must not wait for it."""
    steps, stream, inside = list[str](), Slow(), False

    def step() -> None:
        nonlocal inside
        steps.append("inside" if inside else "outside")
        if not inside:
            inside = True
            gathering.step_soon()
            inside = False

    def is_left_to_a_writer() -> bool:
        before = len(steps)
        gathering.step_soon()
        return len(steps) == before

    def gather() -> None:
        gathering.begin_step()
        for _ in range(SEVERAL):
            gathering.count_woken()

    async def connect() -> ByteStream:
        return stream

    async def run() -> None:
        assert await transport.run(connect, lambda: None, lambda _: None) == ""

    def wake_writers() -> None:
        transport.wake_writer()

    gathering = Gathering(wake_writers, step)
    transport = Transport(gathering, flush_timeout=20, most_unsent=1000)
    gather()
    assert (gathering.active, is_left_to_a_writer()) == (True, False)  # it is not open
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        assert not gathering.active
        gather()
        assert is_left_to_a_writer()
        await anyio.wait_all_tasks_blocked()
        transport.write(b"a")
        await anyio.wait_all_tasks_blocked()
        gather()
        assert (gathering.active, is_left_to_a_writer()) == (True, False)
        taken = len(steps)
        stream.ready.set()
        await anyio.wait_all_tasks_blocked()
        assert len(steps) > taken
        assert steps.count("inside") == steps.count("outside")  # nobody may wait for the next step
        transport.close(flush=True)
    assert stream.sent == [b"a"]
    assert not is_left_to_a_writer()
