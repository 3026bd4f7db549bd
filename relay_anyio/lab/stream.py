"""Streams: what happens, for readers that may be slow, as server-sent events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final, Literal, TypeAlias

import anyio
import msgspec

Kind: TypeAlias = Literal[
    "happened", "call", "phone", "text", "program", "number", "faults", "frame", "dropped", "reset"
]
Encode: TypeAlias = Callable[[], bytes]
"""Makes the JSON of an entry, when somebody reads it."""

MOST_LATEST: Final = 2000
"""Calls, texts and the like whose newest state a reader gets that comes a little later."""
MOST_WAITING: Final = 2000
"""Entries that wait for one reader. When there are more, they are dropped, and counted."""
MOST_READERS: Final = 100
MOST_AT_ONCE: Final = 200
"""Entries in one write."""
KEPT_OPEN: Final = 15.0
"""Seconds until a stream in which nothing happens has a comment."""
OPENING: Final = b": the stream of the lab goes on from what GET /api/state returns\n\n"
COMMENT: Final = b": nothing has happened\n\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream. A newer one with the same key takes its place."""

    number: int
    kind: Kind
    key: Hashable
    encode: Encode


class Reader:
    """What waits for one reader.

    Of a call, or whatever else has a state, only the newest state waits.
    """

    def __init__(self, *, frames: bool) -> None:
        self.frames = frames
        self.closed = False
        self._waiting: dict[Hashable, Entry] = {}
        self._dropped = 0
        self._wake = anyio.Event()

    def add(self, entry: Entry) -> int:
        """Add an entry, and return how many were dropped."""
        dropped = 0
        self._waiting.pop(entry.key, None)
        if len(self._waiting) >= MOST_WAITING:
            dropped = len(self._waiting)
            self._dropped += dropped
            self._waiting.clear()
        self._waiting[entry.key] = entry
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
            data = msgspec.json.encode({"dropped": self._dropped})
            parts.append(b"event: dropped\ndata: %s\n\n" % data)
            self._dropped = 0
        for key in list(islice(self._waiting, MOST_AT_ONCE)):
            entry = self._waiting.pop(key)
            form = b"id: %d\nevent: %s\ndata: %s\n\n"
            parts.append(form % (entry.number, entry.kind.encode(), entry.encode()))
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
        self._latest: dict[Hashable, Entry] = {}
        self._forgotten = 0
        """The id of the newest entry that is no longer in `_latest`."""

    def new_id(self) -> int:
        """Return a new id."""
        self.last_id += 1
        return self.last_id

    def publish(self, kind: Kind, key: Hashable, encode: Encode) -> None:
        """Hand the new state of what `key` names to all readers."""
        entry = Entry(self.new_id(), kind, (kind, key), encode)
        self._latest.pop(entry.key, None)
        self._latest[entry.key] = entry
        if len(self._latest) > MOST_LATEST:
            self._forgotten = self._latest.pop(next(iter(self._latest))).number
        self.hand_out(entry)

    def hand_out(self, entry: Entry) -> None:
        """Hand an entry that has its id to all readers."""
        for reader in self._readers:
            if reader.frames or entry.kind != "frame":
                self.dropped += reader.add(entry)

    def latest(self, after: int) -> list[Entry]:
        """Return the newest state of everything that has changed since this id."""
        newer = takewhile(lambda entry: entry.number > after, reversed(self._latest.values()))
        return list(newer)

    def misses(self, after: int) -> bool:
        """Whether something may have changed since this id of which `latest` has nothing."""
        return self._forgotten > after

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
