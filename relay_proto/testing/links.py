"""Links: byte streams between a client and the exchange, and how they fail.

A link delivers bytes in order. Its style and the faults decide the rest: when bytes
arrive, in which pieces, how many of them, and whether either side learns of the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias

from .tap import Frame, Tap, unmasked_frame

Written: TypeAlias = tuple[Frame, bytes]
"""A frame, and its bytes on the wire."""
Rewrite: TypeAlias = Callable[[list[Written]], list[Written]]


class Clock(Protocol):
    """Virtual time."""

    @property
    def now(self) -> float:
        """The time in seconds."""
        ...

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Call `action` at `when`."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a link carries bytes as long as there is no fault. Times are in seconds."""

    latency: float = 0.05
    jitter: float = 0.0
    largest: int = 1 << 20
    """The largest piece, in bytes. A larger write arrives in pieces of random sizes."""
    quantum: float = 0.0
    """Pieces arrive together, at multiples of this time."""
    close_delay: float = 0.0
    """How much later than the last byte the end arrives."""
    stale: bool = False
    """Whether a client still gets input from a stream that it has closed."""


def draw_style(random: Random) -> Style:
    """Return a random style without faults."""
    return Style(
        latency=random.choice((0.001, 0.02, 0.08, 0.3)),
        jitter=random.choice((0.0, 0.0, 0.05, 0.5)),
        largest=random.choice((1 << 20, 1 << 20, 1400, 200, 60)),
        quantum=random.choice((0.0, 0.0, 0.01, 0.25)),
        close_delay=random.choice((0.0, 0.0, 0.5, 6.0)),
        stale=random.random() < 0.5,
    )


class Pipe:
    """One direction of a link."""

    def __init__(
        self,
        clock: Clock,
        style: Style,
        random: Random,
        deliver: Callable[[bytes], None],
        end: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._style = style
        self._random = random
        self._deliver = deliver
        self._end = end
        self._queue: deque[tuple[float, bytes | str]] = deque()
        self._latest = 0.0
        self._held_until = 0.0
        self._armed = False
        self._silent = False
        self._ended = False
        self.close_delay = style.close_delay
        """How much later than the last byte the end arrives."""
        self.fuse: tuple[int, Callable[[], None]] | None = None
        """A number of bytes, at least 1, and what to call when they have arrived."""

    def write(self, data: bytes) -> None:
        """Carry `data` after everything that is still on its way."""
        if self._silent or self._ended:
            return
        start = 0
        while start < len(data):
            size = self._style.largest
            if size < len(data):
                size = self._random.randint(1, size)
            self._push(data[start : start + size])
            start += size

    def end(self, reason: str) -> None:
        """End the stream after everything that is still on its way."""
        if not self._ended:
            self._push(reason, self.close_delay)
            self._ended = True

    def break_off(self, reason: str, delay: float = 0.0) -> None:
        """Deliver a random part of what is still on its way, then end the stream."""
        rest = b"".join(item for _, item in self._queue if isinstance(item, bytes))
        self._queue.clear()
        self._ended = False
        self.write(rest[: self._random.randint(0, len(rest))])
        self._push(reason, delay)
        self._ended = True

    def hold(self, seconds: float) -> None:
        """Deliver nothing for some seconds, then everything."""
        self._held_until = max(self._held_until, self._clock.now + seconds)

    def silence(self) -> None:
        """Deliver nothing more, not even the end."""
        self._silent = True
        self._queue.clear()

    def _push(self, item: bytes | str, delay: float = 0.0) -> None:
        style = self._style
        at = self._clock.now + style.latency + delay
        if style.jitter:
            at += self._random.uniform(0.0, style.jitter)
        if style.quantum:
            at = (at // style.quantum + 1.0) * style.quantum
        self._latest = at = max(at, self._latest)
        self._queue.append((at, item))
        self._arm()

    def _arm(self) -> None:
        if self._queue and not self._armed:
            self._armed = True
            self._clock.at(max(self._queue[0][0], self._held_until), self._flow)

    def _flow(self) -> None:
        self._armed = False
        now = self._clock.now
        data, reason = bytearray(), ""
        while self._queue and self._queue[0][0] <= now >= self._held_until and not reason:
            item = self._queue.popleft()[1]
            if isinstance(item, bytes):
                data += item
            else:
                reason = item
        if data:
            self._pass_on(bytes(data))
        if reason and not self._silent:
            self._end(reason)
        self._arm()

    def _pass_on(self, data: bytes) -> None:
        if self.fuse is not None:
            left, blow = self.fuse
            if len(data) >= left:
                self.fuse = None
                self._queue.clear()
                self._deliver(data[:left])
                blow()
                return
            self.fuse = (left - len(data), blow)
        self._deliver(data)


class LinkOwner(Protocol):
    """The client's side of a link."""

    def link_opened(self, link: Link) -> None:
        """The byte stream is open."""

    def link_data(self, link: Link, data: bytes) -> None:
        """Bytes arrived from the exchange."""

    def link_closed(self, link: Link, reason: str) -> None:
        """The byte stream is gone, or could not be opened."""


class FarSide(Protocol):
    """The exchange's side of all links."""

    def accept(self, link: Link) -> None:
        """A client has opened a byte stream."""

    def take(self, link: Link, data: bytes) -> None:
        """Bytes arrived from a client."""

    def lose(self, link: Link, reason: str) -> None:
        """The byte stream of a client is gone."""


class Link:
    """One byte stream. `transport` is the client's number for it, `number` the exchange's."""

    def __init__(
        self,
        clock: Clock,
        style: Style,
        random: Random,
        owner: LinkOwner,
        far: FarSide,
        *,
        transport: int,
        number: int,
    ) -> None:
        self._clock = clock
        self._style = style
        self._owner = owner
        self._far = far
        self._accepted = False
        self._broken = False
        self.transport = transport
        self.number = number
        self.given_up = False
        self.over = False
        """Whether the client has been told that the stream is gone."""
        self.up = Pipe(clock, style, random, self._arrive_up, self._end_up)
        self.down = Pipe(clock, style, random, self._arrive_down, self._end_down)
        self.withholds: Callable[[Frame], bool] | None = None
        """Whether to drop a frame that the exchange sends."""
        self.rewrite: Rewrite | None = None
        """Changes the frames of each write of the exchange."""
        self._sent_down = Tap()

    def open(self) -> None:
        """Open the byte stream."""
        self._clock.at(self._clock.now + self._style.latency, self._accept)
        self._clock.at(self._clock.now + 2 * self._style.latency, self._opened)

    def refuse(self, reason: str) -> None:
        """Let the attempt to open the byte stream fail."""
        self._clock.at(self._clock.now + self._style.latency, lambda: self._end_down(reason))

    def write_down(self, data: bytes) -> None:
        """Carry bytes that the exchange sends."""
        if self.withholds is None and self.rewrite is None:
            self._sent_down.skip(data)
        else:
            written = self._sent_down.split(data)
            if self.withholds is not None:
                written = [one for one in written if not self.withholds(one[0])]
            if self.rewrite is not None:
                written = self.rewrite(written)
            if self._sent_down.upgraded:
                data = b"".join(raw for _, raw in written)
        self.down.write(data)

    def inject(self, text: bytes) -> bool:
        """Add a message that the exchange did not send; return False before the upgrade."""
        if self._sent_down.upgraded:
            self.down.write(unmasked_frame(text))
        return self._sent_down.upgraded

    def leave_down(self, *, flush: bool) -> None:
        """Close the link from the client's side."""
        self.given_up = True
        if self._accepted:
            self._leave(self.up, "the client closed it", flush=flush)

    def leave_up(self, *, flush: bool) -> None:
        """Close the link from the exchange's side."""
        self._leave(self.down, "the server closed it", flush=flush)

    def cut(self, reason: str = "cut", *, up_delay: float = 0.0, down_delay: float = 0.0) -> None:
        """Break the link, with bytes on their way. Each side may learn of it late."""
        self._broken = True
        self.up.break_off(reason, up_delay)
        self.down.break_off(reason, down_delay)

    def close_slowly(self, seconds: float) -> None:
        """Let each side learn late that the other has closed the link."""
        self.up.close_delay = self.down.close_delay = seconds

    def vanish(self) -> None:
        """Break the link at once for the client: what is on its way never arrives."""
        self._broken = True
        self.down.silence()
        self.up.break_off("cut")
        self._end_down("cut")

    @property
    def alive(self) -> bool:
        """Whether the link is open or opening, as far as the client knows."""
        return not (self.over or self.given_up)

    def _leave(self, pipe: Pipe, reason: str, *, flush: bool) -> None:
        if flush:
            pipe.end(reason)
        else:
            pipe.break_off(reason)

    def _accept(self) -> None:
        if not self.given_up and not self._broken:
            self._accepted = True
            self._far.accept(self)

    def _opened(self) -> None:
        if self._accepted and not self._ignored():
            self._owner.link_opened(self)

    def _arrive_up(self, data: bytes) -> None:
        self._far.take(self, data)

    def _end_up(self, reason: str) -> None:
        self._far.lose(self, reason)

    def _arrive_down(self, data: bytes) -> None:
        if not self._ignored():
            self._owner.link_data(self, data)

    def _end_down(self, reason: str) -> None:
        if not self._ignored():
            self.over = True
            self._owner.link_closed(self, reason)

    def _ignored(self) -> bool:
        return self.over or (self.given_up and not self._style.stale)
