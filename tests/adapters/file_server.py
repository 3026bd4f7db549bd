"""A server of files, for downloads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener, TLSStream

from tests.adapters.peers import GONE
from tests.adapters.support import Certificates

SOUND = bytes(range(256)) * 1000


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


WHOLE = answer("200 OK", "Content-Type: audio/mpeg", body=SOUND)


@dataclass
class FileServer:
    """A server of files. It says what it is told to, by path."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict[str, bytes])
    stalls: set[str] = field(default_factory=set[str])
    """The paths whose answer never ends."""
    aborts: set[str] = field(default_factory=set[str])
    """The paths after whose answer the connection is cut."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Each path, and the credentials that came with the request."""

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def url(self, path: str, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    async def serve(self, client: ByteStream) -> None:
        try:
            async with client:
                await self._answer(client)
        except GONE:
            pass  # clients leave as they like

    async def _answer(self, client: ByteStream) -> None:
        head = await BufferedByteReceiveStream(client).receive_until(b"\r\n\r\n", 65_536)
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        assert headers["accept-encoding"] == "identity"
        path = first.split(" ")[1]
        self.asked.append((path, headers.get("authorization", "")))
        await client.send(self.answers[path])
        if path in self.stalls:
            await anyio.sleep_forever()
        if path in self.aborts:
            assert isinstance(client, TLSStream)
            await client.transport_stream.aclose()


@asynccontextmanager
async def file_server(certificates: Certificates) -> AsyncGenerator[FileServer]:
    files = FileServer()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    files.port = listener.extra(SocketAttribute.local_port)
    context = certificates.server_context()
    secured = TLSListener(listener, context, standard_compatible=True)
    async with secured, anyio.create_task_group() as tasks:
        tasks.start_soon(secured.serve, files.serve)
        yield files
        tasks.cancel_scope.cancel()
