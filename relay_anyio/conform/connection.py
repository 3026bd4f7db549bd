"""One connection of the client under test: every frame with its time, and what the service sends.

It is a `ServerCore` that decides nothing: what a request means, the `Stage` says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import anyio
from anyio.abc import ByteStream

from relay_proto.rpc.frames import JSONObject
from relay_proto.server import (
    ConnectionEnded,
    FramePassed,
    RequestReceived,
    ServerConfig,
    ServerCore,
    ServerOutput,
    ServerState,
)

from .._driver import Driver

FLUSH_TIMEOUT: Final = 3.0
MOST_UNSENT: Final = 16 * 1024 * 1024
TRANSPORT: Final = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that passed, and when."""

    at: float
    received: bool
    frame: JSONObject
    """What it holds; empty if it is no JSON object."""

    @property
    def method(self) -> str:
        """The method of a request; empty for an answer."""
        method = self.frame.get("method")
        return method if isinstance(method, str) else ""

    @property
    def id(self) -> object:
        """The id as it came."""
        return self.frame.get("id")

    @property
    def params(self) -> JSONObject:
        """The parameters of a request; empty if they are no object."""
        return as_object(self.frame.get("params"))

    @property
    def call(self) -> object:
        """The call that a request is about."""
        return self.params.get("call_id")

    @property
    def is_result(self) -> bool:
        """Whether it is an answer without an error."""
        return not self.method and "result" in self.frame and self.frame.get("error") is None


class Connection:
    """One connection, from the first byte to its end."""

    def __init__(
        self,
        config: ServerConfig,
        take: Callable[[Connection, RequestReceived], None],
        changed: Callable[[], None],
    ) -> None:
        self.core = ServerCore(TRANSPORT, config)
        self.opened_at = anyio.current_time()
        self.ended_at: float | None = None
        self.deaf = False
        """Whether nothing that the client sends arrives, and nothing is answered."""
        self.reason = ""
        """Why it has ended."""
        self.frames: list[Seen] = []
        self.mark = 0
        """How many frames had passed when the present check began."""
        self.ready = False
        """Whether ``signalwire.connect`` has been accepted here."""
        self.is_calm = False
        """Whether the client has asked for all that it asks for at the beginning."""
        self._take = take
        self._changed = changed
        self._driver: Driver[ServerOutput] = Driver(self.core, self._handle)

    async def run(self, stream: ByteStream) -> None:
        """Serve the stream until it ends."""
        transport = self._driver.new_transport(
            TRANSPORT, flush_timeout=FLUSH_TIMEOUT, most_unsent=MOST_UNSENT
        )

        async def opened() -> ByteStream:
            return _Hearing(stream, self)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._driver.run_timer)
            await self._driver.run_transport(TRANSPORT, transport, opened)
            tasks.cancel_scope.cancel()

    @property
    def is_open(self) -> bool:
        """Whether frames pass, or may soon."""
        return self.ended_at is None

    def received(self, method: str = "") -> Iterator[Seen]:
        """The frames of the client, or its requests of this method."""
        return (
            seen for seen in self.frames if seen.received and (not method or seen.method == method)
        )

    @property
    def fresh(self) -> list[Seen]:
        """The frames since the present check began."""
        return self.frames[self.mark :]

    def answers(self, identity: object) -> list[Seen]:
        """The answers of the client to the request of the service with this id."""
        return [
            seen
            for seen in self.received()
            if not seen.method and seen.id == identity and type(seen.id) is type(identity)
        ]

    # What the service does

    def send(self, *frames: JSONObject | bytes) -> None:
        """Send frames, or texts that are none, in one write."""
        for frame in frames:
            self.core.send_text(frame if isinstance(frame, bytes) else json.dumps(frame).encode())
        self._step()

    def reply(self, identity: bytes, result: object) -> None:
        """Answer a request. `identity` is raw, as it came."""
        self.core.reply(identity, result)
        self._step()

    def refuse(self, identity: bytes, code: int, message: str) -> None:
        """Refuse a request with an error."""
        self.core.refuse(identity, code, message)
        self._step()

    def say_goodbye(self, *, restart: bool, stay: bool = False) -> None:
        """Ask the client to leave; with `stay`, leave the closing to it."""
        self.core.say_goodbye(anyio.current_time(), restart=restart, stay=stay)
        self._step()

    def close(self) -> None:
        """Close with a closing handshake."""
        self.core.close(anyio.current_time())
        self._step()

    def cut(self) -> None:
        """End the connection without a word."""
        self.core.abort("cut")
        self._step()

    def _step(self) -> None:
        self._driver.step()

    def _handle(self, output: ServerOutput) -> None:
        match output:
            case FramePassed(data, received):
                self.frames.append(Seen(anyio.current_time(), received, decoded(data)))
                self._changed()
            case RequestReceived():
                self._take(self, output)
            case ConnectionEnded(reason):
                self.ended_at, self.reason = anyio.current_time(), reason
                self._changed()
            case _:
                pass  # what breaks the protocol is in `frames`

    @property
    def was_upgraded(self) -> bool:
        """Whether there was, or is, a WebSocket."""
        return bool(self.frames) or self.core.state is ServerState.OPEN


class _Hearing(ByteStream):
    """The stream of a connection, which may be deaf."""

    def __init__(self, stream: ByteStream, connection: Connection) -> None:
        self._stream = stream
        self._connection = connection

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        while True:
            data = await self._stream.receive(max_bytes)
            if not self._connection.deaf:
                return data

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


def as_object(value: object) -> JSONObject:
    """Return a value if it is an object, and otherwise an empty one."""
    return cast("JSONObject", value) if isinstance(value, dict) else {}


def decoded(text: bytes) -> JSONObject:
    """Return the object that is in a text, and an empty one if there is none."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return as_object(value)
