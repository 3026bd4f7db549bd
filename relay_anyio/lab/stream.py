"""Streams: what happens, for readers that may be slow, as server-sent events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Literal, TypeAlias

import anyio
import msgspec

Kind: TypeAlias = Literal[
    "happened", "call", "phone", "text", "program", "number", "faults", "frame", "dropped", "reset"
]
Encode: TypeAlias = Callable[[], bytes]
"""Makes the JSON of an entry, when somebody reads it."""

MOST_WAITING: Final = 2000
"""Entries that wait for one reader. When there are more, they are dropped, and counted."""
MOST_READERS: Final = 100
MOST_AT_ONCE: Final = 200
"""Entries in one write."""
KEPT_OPEN: Final = 15.0
"""Seconds until a stream in which nothing happens has a comment."""
OPENING: Final = b": the stream of the lab goes on from what GET /api/state returns\n\n"
COMMENT: Final = b": nothing has happened\n\n"


class Reader:
    """What waits for one reader.

    Of a call, or whatever else has a state, only the newest state waits.
    """

    def __init__(self, *, frames: bool) -> None:
        self.frames = frames
        self.closed = False
        self._waiting: dict[Hashable, tuple[int, Kind, Encode]] = {}
        self._dropped = 0
        self._wake = anyio.Event()

    def add(self, number: int, kind: Kind, key: Hashable, encode: Encode) -> int:
        """Add an entry, in place of an older one with this key; return how many were dropped."""
        dropped = 0
        self._waiting.pop(key, None)
        if len(self._waiting) >= MOST_WAITING:
            dropped = len(self._waiting)
            self._dropped += dropped
            self._waiting.clear()
        self._waiting[key] = (number, kind, encode)
        self._wake.set()
        return dropped

    def miss(self, count: int) -> None:
        """Let the reader know that entries were forgotten before it came."""
        self._dropped += count
        self._wake.set()

    def close(self) -> None:
        """End the stream."""
        self.closed = True
        self._wake.set()

    async def wait(self) -> None:
        """Wait until something is there."""
        await self._wake.wait()

    def take(self) -> bytes:
        """Return the oldest entries as server-sent events."""
        parts: list[bytes] = []
        if self._dropped:
            first = next(iter(self._waiting.values()), (0,))[0]
            parts.append(_event(first, "dropped", msgspec.json.encode({"dropped": self._dropped})))
            self._dropped = 0
        for key in list(self._waiting)[:MOST_AT_ONCE]:
            number, kind, encode = self._waiting.pop(key)
            parts.append(_event(number, kind, encode()))
        if not self._waiting:
            self._wake = anyio.Event()
        return b"".join(parts)


class Hub:
    """Numbers everything that happens, and hands it to all readers."""

    def __init__(self) -> None:
        self.last_id = 0
        self.dropped = 0
        """Entries that were dropped because a reader was too slow."""
        self._readers: set[Reader] = set()

    def new_id(self) -> int:
        """Return a new id."""
        self.last_id += 1
        return self.last_id

    def publish(self, kind: Kind, key: Hashable, encode: Encode) -> None:
        """Hand the new state of what `key` names to all readers."""
        self.hand_out(self.new_id(), kind, (kind, key), encode)

    def hand_out(self, number: int, kind: Kind, key: Hashable, encode: Encode) -> None:
        """Hand an entry that has its id to all readers."""
        for reader in self._readers:
            if reader.frames or kind != "frame":
                self.dropped += reader.add(number, kind, key, encode)

    def has_room(self) -> bool:
        """Whether one more reader may come."""
        return len(self._readers) < MOST_READERS

    def close(self) -> None:
        """End all streams."""
        for reader in self._readers:
            reader.close()

    def enter(self, reader: Reader) -> None:
        """Let a reader get everything from now on."""
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        """Let a reader go."""
        self._readers.discard(reader)


def _event(number: int, kind: Kind, data: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, kind.encode(), data)


class Stream:
    """The stream of one reader. `catch_up` hands it what it has missed."""

    def __init__(self, hub: Hub, reader: Reader, catch_up: Callable[[], None]) -> None:
        self._hub = hub
        self._reader = reader
        self._catch_up = catch_up

    async def send_all(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send everything that happens, until the lab closes."""
        hub, reader = self._hub, self._reader
        self._catch_up()
        hub.enter(reader)
        try:
            await send(OPENING)
            while not reader.closed:
                with anyio.move_on_after(KEPT_OPEN) as quiet:
                    await reader.wait()
                await send(COMMENT if quiet.cancelled_caught else reader.take())
        finally:
            hub.leave(reader)
