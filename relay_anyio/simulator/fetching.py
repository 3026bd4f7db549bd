"""Fetching: ordinary HTTP requests for files, on the port of the WebSocket.

The first bytes of a connection tell whether it asks for a file. Everything else goes to the
exchange, which wants a WebSocket.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, Final

import anyio
import anyio.to_thread
import h11
from anyio.abc import ByteStream

from relay_proto.display import one_line
from relay_proto.values.hosts import host_of

from .files import FOLDER, FileMissingError, Files, type_of

METHODS: Final = ("GET", "HEAD")
BEGINNINGS: Final = tuple(f"{method} {FOLDER}".encode() for method in METHODS)
MOST_HEAD_BYTES: Final = 16 * 1024
PIECE: Final = 64 * 1024


class _Unread(ByteStream):
    """A byte stream of which some bytes have been read already."""

    def __init__(self, stream: ByteStream, data: bytes) -> None:
        self._stream = stream
        self._data = data

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the byte stream."""
        return self._stream.extra_attributes  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what was read already, and then what arrives."""
        if self._data:
            data, self._data = self._data[:max_bytes], self._data[max_bytes:]
            return data
        return await self._stream.receive(max_bytes)

    async def send(self, item: bytes) -> None:
        """Send it."""
        await self._stream.send(item)

    async def send_eof(self) -> None:
        """Send the end of the stream."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the byte stream."""
        await self._stream.aclose()


class Fetching:
    """Answers requests for files that name the simulator by one of `hosts`."""

    def __init__(self, files: Files, hosts: Collection[str] | None = None) -> None:
        self._files = files
        self._hosts = hosts

    async def look(self, stream: ByteStream) -> tuple[ByteStream, bool]:
        """Read the first bytes. Return a stream that still has them, and if it wants a file.

        Raises:
            anyio.EndOfStream: the client has left.
        """
        data = b""
        while any(len(data) < len(one) and one.startswith(data) for one in BEGINNINGS):
            data += await stream.receive()
        return _Unread(stream, data), data.startswith(BEGINNINGS)

    async def serve(self, stream: ByteStream) -> None:
        """Answer one request, and close the stream."""
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
        async with stream:
            try:
                while (event := http.next_event()) is h11.NEED_DATA:
                    http.receive_data(await stream.receive())
            except h11.RemoteProtocolError as error:
                await self._refuse(http, stream, error.error_status_hint, str(error))
                return
            assert isinstance(event, h11.Request), "a request comes first"
            await self._answer(http, stream, event)

    async def _answer(self, http: h11.Connection, stream: ByteStream, asked: h11.Request) -> None:
        hosts = [value for name, value in asked.headers if name == b"host"]
        named = hosts[0].decode("latin-1") if hosts else ""
        if self._hosts is not None and host_of(named) not in self._hosts:
            words = f"Host {one_line(named)!r} is not allowed here"
            await self._refuse(http, stream, HTTPStatus.FORBIDDEN, words, asked)
            return
        target = asked.target.decode("latin-1").partition("?")[0]
        name = target.removeprefix(FOLDER)
        try:
            path = await self._files.path(name)
            file = path.open("rb")  # not in a thread, which could be left before it is closed
        except (FileMissingError, OSError) as error:
            await self._refuse(http, stream, HTTPStatus.NOT_FOUND, str(error), asked)
            return
        with file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            await self._begin(http, stream, HTTPStatus.OK, type_of(name), size)
            while asked.method == b"GET":
                data = await anyio.to_thread.run_sync(file.read, PIECE)
                if not data:
                    break
                await stream.send(http.send(h11.Data(data=data)) or b"")

    async def _refuse(
        self,
        http: h11.Connection,
        stream: ByteStream,
        status: int,
        words: str,
        asked: h11.Request | None = None,
    ) -> None:
        body = f"{words}\n".encode()
        await self._begin(http, stream, status, "text/plain; charset=utf-8", len(body))
        if asked is None or asked.method == b"GET":
            await stream.send(http.send(h11.Data(data=body)) or b"")

    async def _begin(
        self, http: h11.Connection, stream: ByteStream, status: int, kind: str, size: int
    ) -> None:
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(size)),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        await stream.send(http.send(h11.Response(status_code=status, headers=headers)) or b"")
