"""Links in memory: connections between a client and an exchange, which a test can break."""

from __future__ import annotations

import math

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream


class Link:
    """A connection in memory: both ends of a byte stream."""

    def __init__(self) -> None:
        self.silent = False
        up, taken = anyio.create_memory_object_stream[bytes](math.inf)
        down, read = anyio.create_memory_object_stream[bytes](math.inf)
        self.near = _End(self, up, read)
        self.far = _End(self, down, taken)

    async def accept(self) -> ByteStream:
        """Return the exchange's end."""
        return self.far

    def cut(self) -> None:
        """Break the connection. Both ends notice."""
        self.near.hang_up()
        self.far.hang_up()

    def close(self) -> None:
        """Release both ends."""
        self.near.close()
        self.far.close()


class _End(ByteStream):
    """One end of a link."""

    def __init__(
        self,
        link: Link,
        send: MemoryObjectSendStream[bytes],
        receive: MemoryObjectReceiveStream[bytes],
    ) -> None:
        self._link = link
        self._send = send
        self._receive = receive
        self._rest = b""

    async def send(self, item: bytes) -> None:
        if self._link.silent:
            await anyio.lowlevel.checkpoint()
        else:
            await self._send.send(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        data = self._rest or await self._receive.receive()
        self._rest = data[max_bytes:]
        return data[:max_bytes]

    async def send_eof(self) -> None:
        self.hang_up()

    async def aclose(self) -> None:
        self.close()

    def hang_up(self) -> None:
        """Stop sending. The other end reads the end of the stream."""
        self._send.close()

    def close(self) -> None:
        """Stop sending and receiving."""
        self._send.close()
        self._receive.close()
