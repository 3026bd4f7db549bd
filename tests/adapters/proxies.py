"""Proxies as offices have them: HTTP with CONNECT, SOCKS5, with and without TLS and passwords.

They are real: they listen on this machine, and connect to whatever they are asked for.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener

from tests.adapters.peers import GONE

MAX_HEAD = 65_536


@dataclass
class OfficeProxy:
    """A proxy. It may be changed while it runs."""

    scheme: str = "http"
    user: str = ""
    password: str = ""
    answer: bytes = b""
    """What it says instead of connecting, if it is to say something else."""
    port: int = 0
    targets: list[str] = field(default_factory=list[str])
    """What it was asked for: ``host:port``."""

    @property
    def address(self) -> str:
        """Its URL without credentials."""
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def url(self) -> str:
        """Its URL."""
        if not self.user:
            return self.address
        return f"{self.scheme}://{self.user}:{self.password}@localhost:{self.port}"

    async def serve(self, client: ByteStream) -> None:
        """Serve one connection."""
        async with client:
            try:
                asked = self._socks if self.scheme.startswith("socks") else self._connect
                await asked(client)
            except (*GONE, OSError, anyio.IncompleteRead):
                pass  # clients leave as they like

    async def _connect(self, client: ByteStream) -> None:
        head = await BufferedByteReceiveStream(client).receive_until(b"\r\n\r\n", MAX_HEAD)
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split()
        assert method == "CONNECT"
        self.targets.append(target)
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.answer:
            await client.send(self.answer)
        elif self.user and f"Proxy-Authorization: Basic {credentials}" not in lines:
            await client.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        else:
            host, _, port = target.rpartition(":")
            async with await anyio.connect_tcp(host, int(port)) as server:
                await client.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
                await relay(client, server)

    async def _socks(self, client: ByteStream) -> None:
        reader = BufferedByteReceiveStream(client)
        _, count = await reader.receive_exactly(2)
        methods = await reader.receive_exactly(count)
        if self.user:
            if 2 not in methods:
                await client.send(b"\x05\xff")
                return
            await client.send(b"\x05\x02")
            user, password = [await self._text(reader, skip) for skip in (1, 0)]
            good = (user, password) == (self.user, self.password)
            await client.send(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        else:
            await client.send(b"\x05\x00")
        kind = (await reader.receive_exactly(4))[3]
        if kind == 3:
            host = await self._text(reader, 0)
        else:
            host = ".".join(map(str, await reader.receive_exactly(4)))
        port = int.from_bytes(await reader.receive_exactly(2), "big")
        self.targets.append(f"{host}:{port}")
        if self.answer:
            await client.send(self.answer)
            return
        async with await anyio.connect_tcp(host, port) as server:
            await client.send(b"\x05\x00\x00\x01" + bytes(6))
            await relay(client, server)

    async def _text(self, reader: BufferedByteReceiveStream, skip: int) -> str:
        await reader.receive_exactly(skip)
        size = (await reader.receive_exactly(1))[0]
        return (await reader.receive_exactly(size)).decode()


async def relay(client: ByteStream, server: ByteStream) -> None:
    """Carry bytes between two streams until one of them ends."""
    async with anyio.create_task_group() as tasks:

        async def carry(source: ByteStream, target: ByteStream) -> None:
            try:
                while True:
                    await target.send(await source.receive())
            except (*GONE, OSError):
                tasks.cancel_scope.cancel()

        tasks.start_soon(carry, client, server)
        tasks.start_soon(carry, server, client)


@asynccontextmanager
async def office_proxy(
    scheme: str = "http", *, tls: ssl.SSLContext | None = None, user: str = "", password: str = ""
) -> AsyncGenerator[OfficeProxy]:
    """Run a proxy; with `tls`, it speaks TLS itself."""
    tcp = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = tcp.extra(SocketAttribute.local_port)
    proxy = OfficeProxy(scheme, user, password, port=port)
    listener = tcp if tls is None else TLSListener(tcp, tls, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, proxy.serve)
        yield proxy
        tasks.cancel_scope.cancel()
