"""After a freeze: what waits in the socket is read before any deadline is judged, and a line
in the log says how long nothing has run."""

from __future__ import annotations

import re
import signal
import ssl
from collections.abc import Mapping
from typing import Any, Final

import anyio
import pytest
from anyio.abc import ByteStream, SocketStream
from anyio.streams.tls import TLSStream

from tests.adapters.peers import Frame, Peer, oblige, serving, serving_raw
from tests.adapters.programs import program
from tests.adapters.support import Certificates, World, port_of

pytestmark = pytest.mark.anyio

TIMEOUT: Final = 1.0

ASYNC: Final = """
import sys
import anyio
from relay_anyio import RelayClient

async def main():
    async with RelayClient() as client:
        print("the result is", await client.{verb})

anyio.run(main, backend=sys.argv[1])
"""

BLOCKING: Final = """
from relay_sync import RelayClient

with RelayClient() as client:
    print("the result is", client.{verb})
"""

JUMP: Final = """
# For all that runs here, time leaps, as it does for a process that was stopped.
import time
monotonic, counter, ahead = time.monotonic, time.perf_counter, 0.0
time.monotonic = lambda: monotonic() + ahead
time.perf_counter = lambda: counter() + ahead
"""

ASYNC_JUMPS: Final = f"""{JUMP}
import sys
import anyio
from relay_anyio import RelayClient

async def main():
    global ahead
    async with RelayClient() as client:
        for seconds in map(float, sys.argv[2:]):
            ahead += seconds
            await client.execute("signalwire.ping", {{}})
            await anyio.sleep(0.1)  # its timer, which was late, has its turn
            print("over:", seconds)

anyio.run(main, backend=sys.argv[1])
"""

BLOCKING_JUMPS: Final = f"""{JUMP}
import sys
from relay_sync import RelayClient

with RelayClient() as client:
    for seconds in map(float, sys.argv[2:]):
        ahead += seconds
        client.execute("signalwire.ping", {{}})
        client.execute("signalwire.ping", {{}})
        print("over:", seconds)
"""

TWO_ADDRESSES: Final = """
import socket

ports = (int(port) for port in sys.argv[2:])
tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
found = [(*tcp, ("127.0.0.1", port)) for port in ports]
socket.getaddrinfo = lambda *_, **__: [*found]
"""
ECHO: Final = 'execute("test.echo", {})'
TWO_ADDRESSES_IN_TASKS: Final = ASYNC.replace("import anyio\n", f"import anyio\n{TWO_ADDRESSES}", 1)
TWO_ADDRESSES_IN_THREADS: Final = f"import sys\n{TWO_ADDRESSES}{BLOCKING}"

EXECUTE: Final = f'execute("test.slow", {{}}, timeout={TIMEOUT})'
DIAL: Final = f'dial_phone("+15550002222", "+15550001111", dial_timeout={TIMEOUT})'


@pytest.fixture
def anyio_backend() -> str:
    """The test's own: the programs run on all runtimes."""
    return "asyncio"


@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
@pytest.mark.parametrize("verb", [EXECUTE, DIAL], ids=["request", "dial"])
async def test_what_waits_in_the_socket_is_read_before_deadlines_are_judged(
    world: World, certificates: Certificates, runtime: str, verb: str
) -> None:
    asked, frozen, answered = (anyio.Event() for _ in range(3))

    async def script(peer: Peer) -> None:
        await peer.welcome()
        request = await peer.request("test.slow" if verb is EXECUTE else "calling.dial")
        if verb is DIAL:
            await peer.reply(request)
        asked.set()
        await frozen.wait()
        if verb is DIAL:
            winner: Frame = {"call_id": "c-1", "node_id": "n-1"}
            tag = request["params"]["tag"]
            await peer.event("calling.call.dial", tag=tag, dial_state="answered", call=winner)
        else:
            await peer.reply(request, slow="answer")
        answered.set()
        await peer.gone()

    source = (BLOCKING if runtime == "threads" else ASYNC).replace("{verb}", verb)
    async with (
        serving(certificates.server_context(), script) as host,
        program(world, source, runtime, SIGNALWIRE_SPACE=host) as running,
    ):
        with anyio.fail_after(30):
            await asked.wait()
            running.send(signal.SIGSTOP)
            frozen.set()
            await answered.wait()
            await anyio.sleep(1.2 * TIMEOUT)  # nothing happens but that time passes
            running.send(signal.SIGCONT)
            await running.says("the result is")
            assert await running.end() == 0


@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
async def test_the_log_says_how_long_nothing_has_run(world: World, runtime: str) -> None:
    source = BLOCKING_JUMPS if runtime == "threads" else ASYNC_JUMPS
    async with program(world, source, runtime, "3", "80") as running:
        with anyio.fail_after(30):
            assert await running.end() == 0, running.errors
    lines = [line for line in running.errors.splitlines() if "has not run for" in line]
    assert len(lines) == 1, running.errors
    found = re.search(r"has not run for (\d+) s, or longer", lines[0])
    # The timer is late by less than the 80 s, because it was to sleep for a while anyway.
    assert found is not None
    assert 40 <= int(found[1]) <= 80


class HeldBack(ByteStream):
    """A connection on which the server does not answer the first bytes before it may."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self.asked, self.go_on, self.answered = (anyio.Event() for _ in range(3))

    async def send(self, item: bytes) -> None:
        self.asked.set()
        await self.go_on.wait()
        await self._stream.send(item)
        self.answered.set()

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return await self._stream.receive(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return self._stream.extra_attributes


class SlowServer:
    """Serves over TLS; its half of the handshake waits."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._met = anyio.Event()
        self._stream: HeldBack | None = None

    async def __call__(self, stream: SocketStream) -> None:
        self._stream = HeldBack(stream)
        self._met.set()
        secured = await TLSStream.wrap(
            self._stream, server_side=True, ssl_context=self._tls, standard_compatible=False
        )
        peer = Peer(secured)
        await peer.welcome()
        await oblige(peer)

    async def asked(self) -> HeldBack:
        """Wait until a client has begun its handshake."""
        await self._met.wait()
        assert self._stream is not None
        await self._stream.asked.wait()
        return self._stream


@pytest.mark.parametrize("runtime", ["asyncio", "trio", "threads"])
async def test_two_addresses_that_have_answered_during_a_freeze_give_one_connection(
    world: World, certificates: Certificates, runtime: str
) -> None:
    """The first address is slow, so the second is tried beside it: both win at the same time."""
    tls = certificates.server_context()
    source = TWO_ADDRESSES_IN_THREADS if runtime == "threads" else TWO_ADDRESSES_IN_TASKS
    source = source.replace("{verb}", ECHO)
    source = source.replace("RelayClient()", "RelayClient(timing=Timing(connect_timeout=4.5))")
    source = source.replace("import RelayClient", "import RelayClient, Timing")
    first, second = SlowServer(tls), SlowServer(tls)
    async with serving_raw(first) as one, serving_raw(second) as other:
        ports = [str(port_of(host)) for host in (one, other)]
        async with program(world, source, runtime, *ports, SIGNALWIRE_SPACE=one) as running:
            with anyio.fail_after(30):
                streams = [await server.asked() for server in (first, second)]
                running.send(signal.SIGSTOP)
                for stream in streams:
                    stream.go_on.set()
                    await stream.answered.wait()
                running.send(signal.SIGCONT)
                await running.says("the result is")
                assert await running.end() == 0, running.errors
