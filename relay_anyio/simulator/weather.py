"""Bad weather: byte streams that fall silent, or are late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream


class Weather:
    """How late everything is, and until when."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._until = 0.0
        self._over = anyio.Event()

    def delay(self, by: float, lasts: float) -> None:
        """Let everything be late by some seconds, for some seconds."""
        self._delay, self._until = by, anyio.current_time() + lasts

    def clear(self) -> None:
        """Let nothing be late any more, and let what waits go on."""
        self._delay = 0.0
        self._over.set()
        self._over = anyio.Event()

    @property
    def late(self) -> float:
        """How late everything is that comes now, in seconds."""
        return self._delay if anyio.current_time() < self._until else 0.0

    async def wait(self) -> None:
        """Wait as long as something is late that comes now."""
        if self._delay and (late := self.late):
            with anyio.move_on_after(late):
                await self._over.wait()


class WeatheredStream(ByteStream):
    """A byte stream in this weather. Once it is `silent`, nothing arrives any more."""

    def __init__(self, stream: ByteStream, weather: Weather) -> None:
        self._stream = stream
        self._weather = weather
        self.silent = False

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """Those of the byte stream."""
        return self._stream.extra_attributes  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what arrives, or wait for ever."""
        while True:
            data = await self._stream.receive(max_bytes)
            if not self.silent:
                await self._weather.wait()
                return data

    async def send(self, item: bytes) -> None:
        """Send it, or lose it."""
        if not self.silent:
            await self._weather.wait()
            await self._stream.send(item)

    async def send_eof(self) -> None:
        """Send the end of the stream."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the byte stream."""
        await self._stream.aclose()
