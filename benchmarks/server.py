"""The server of all benchmarks: raw frames over TLS, in its own process.

It knows just enough of RELAY to accept a client. The script tells it what to do by
methods that begin with ``bench.``. It encodes large numbers of frames before it sends the
first of them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import importlib
import json
import re
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import trustme

from benchmarks import traffic

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY: Final = re.compile(rb"(?i)\r\nSec-WebSocket-Key: *([^\r]+)\r\n")
ID: Final = re.compile(rb'"id": ?"([^"]+)"')
METHOD: Final = re.compile(rb'"method": ?"([^"]+)"')
CLOSE: Final = 8
READ_SIZE: Final = 65_536


class Peer(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.secured = False
        self.upgraded = False
        self.unread: bytes = b""
        self.numbers = 0
        self.waiting: deque[bytes] = deque()
        self.in_flight = 0
        self.window = 0
        self.chunk = 1
        self.sent_at: list[int] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.methods: dict[bytes, Callable[[bytes, dict[str, Any]], None]] = {
            b"signalwire.connect": self.connect,
            b"bench.offer": self.offer,
            b"bench.stream": self.stream,
            b"bench.crowd": self.crowd,
            b"bench.sent": self.sent,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(
            "asyncio.Transport", transport
        )  # uvloop's transport has no such base class
        self.transport.set_write_buffer_limits(high=1 << 24)

    def connection_lost(self, exc: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    # Bytes

    def data_received(self, data: bytes) -> None:
        self.incoming.write(data)
        try:
            if not self.secured:
                self.tls.do_handshake()
                self.secured = True
            while record := self.tls.read(READ_SIZE):
                self.unread += record
        except ssl.SSLWantReadError:
            self.take(self.unread)
        except ssl.SSLError:
            self.transport.close()  # the client has closed TLS, or does not speak it
        else:
            self.transport.close()
        self.flush()

    def write(self, data: bytes) -> None:
        """Encrypt `data`, in one TLS record if it fits. `flush` sends it."""
        self.tls.write(data)

    def flush(self) -> None:
        """Send everything in one write, so that the server takes little CPU."""
        if self.outgoing.pending:
            self.transport.write(self.outgoing.read())

    def take(self, data: bytes) -> None:
        if not self.upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.unread = data
                return
            self.upgrade(data[: end + 4])
            data = data[end + 4 :]
        position = 0
        while (end := self.take_frame(data, position)) > position:
            position = end
        self.unread = data[position:]
        self.push()

    def upgrade(self, head: bytes) -> None:
        key = KEY.search(head)
        assert key is not None, "a client sends a key"
        token = base64.b64encode(hashlib.sha1(key[1].strip() + GUID).digest())
        self.upgraded = True
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
        )

    def take_frame(self, data: bytes, start: int) -> int:
        """Take the frame at `start`; return where the next one begins."""
        if len(data) < start + 6:
            return start
        size, body = data[start + 1] & 0x7F, start + 6
        if size == 126:
            size, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 8
        elif size == 127:
            size, body = int.from_bytes(data[start + 2 : start + 10], "big"), start + 14
        if len(data) < body + size:
            return start
        if data[start] & 15 == CLOSE:
            self.transport.close()
            return start
        mask = data[body - 4 : body] * (size // 4 + 1)
        masked = int.from_bytes(data[body : body + size], "little")
        plain = masked ^ int.from_bytes(mask[:size], "little")
        self.take_message(plain.to_bytes(size, "little"))
        return body + size

    def take_message(self, message: bytes) -> None:
        method = METHOD.search(message)
        if method is None:
            self.in_flight -= 1
            return
        identity = ID.search(message)
        assert identity is not None, "a request has an id"
        known = self.methods.get(method[1])
        if known is None:
            result = {"code": "200", "message": "OK", "node_id": traffic.NODE}
            self.write(traffic.reply(identity[1], result))
        else:
            known(identity[1], json.loads(message)["params"])

    # Methods

    def connect(self, identity: bytes, params: dict[str, Any]) -> None:
        result = {"protocol": "signalwire_bench", "identity": "bench"}
        self.write(traffic.reply(identity, result))

    def offer(self, identity: bytes, params: dict[str, Any]) -> None:
        """Offer calls, numbered from `first`."""
        first = params["first"]
        frames = [traffic.offer(self.take_number(), first + n) for n in range(params["count"])]
        self.start(identity, frames, window=64, chunk=16)

    def stream(self, identity: bytes, params: dict[str, Any]) -> None:
        """Send events, `chunk` of them in one write, with at most `window` unacknowledged."""
        frames = self.take_plays(params["count"], params["calls"])
        self.start(identity, frames, window=params["window"], chunk=params["chunk"])

    def crowd(self, identity: bytes, params: dict[str, Any]) -> None:
        """Send events of many calls at a rate. Remember when extra events of call 0 are sent."""
        seconds, rate, calls = params["seconds"], params["rate"], params["calls"]
        observed = [traffic.play(self.take_number(), 0) for _ in range(params["observed"])]
        others = deque(self.take_plays(int(seconds * rate), calls))
        self.in_flight, self.window = 0, 0
        self.write(traffic.reply(identity, {"code": "200"}))
        task = asyncio.get_running_loop().create_task(self.pace(observed, others, seconds))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def sent(self, identity: bytes, params: dict[str, Any]) -> None:
        times = self.sent_at
        self.write(traffic.reply(identity, {"code": "200", "times": times}))

    # Sending

    def take_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def take_plays(self, count: int, calls: int) -> list[bytes]:
        first = self.numbers + 1
        self.numbers += count
        return traffic.plays(first, count, calls)

    def start(self, identity: bytes, frames: list[bytes], *, window: int, chunk: int) -> None:
        self.write(traffic.reply(identity, {"code": "200"}))
        self.in_flight, self.window, self.chunk = 0, window, chunk
        self.waiting.extend(frames)

    def push(self) -> None:
        """Send as many chunks as the window allows. Only the last may be a partial one."""
        waiting = self.waiting
        while waiting and self.in_flight + min(self.chunk, len(waiting)) <= self.window:
            chunk = [waiting.popleft() for _ in range(min(self.chunk, len(waiting)))]
            self.in_flight += len(chunk)
            self.write(b"".join(chunk))

    async def pace(self, observed: list[bytes], others: deque[bytes], seconds: float) -> None:
        begin, total, done = time.monotonic(), len(others), 0
        self.sent_at = []
        for number, frame in enumerate(observed, 1):
            await asyncio.sleep(begin + number * seconds / len(observed) - time.monotonic())
            due = number * total // len(observed)
            while done < due:
                self.write(others.popleft())
                done += 1
            self.sent_at.append(time.monotonic_ns())
            self.write(frame)
            self.flush()


async def serve(directory: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("localhost")
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Peer(context), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop: Any = importlib.import_module("uvloop")
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(Path(sys.argv[1])))
