"""A stage: the service for one client under test, which behaves unless a check wants otherwise."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import anyio
from anyio.abc import ByteStream, TaskGroup

from relay_proto.constants import (
    METHOD_SIGNALWIRE_CONNECT,
    METHOD_SIGNALWIRE_EVENT,
    METHOD_SIGNALWIRE_PING,
    METHOD_SIGNALWIRE_RECEIVE,
)
from relay_proto.rpc.frames import JSONObject
from relay_proto.server import RequestReceived, ServerConfig

from .bodies import (
    CALLER,
    CONTEXT,
    NODE,
    OUR_NUMBER,
    PROJECT,
    SIGNATURE,
    call_body,
    leg_body,
    request_frame,
)
from .connection import Connection, Seen, decoded
from .hopes import Hopes

T = TypeVar("T")


PATIENCE: Final = 10.0
"""Seconds for what a client does at once, on a machine that has other work, too."""
RETURN_PATIENCE: Final = 30.0
"""Seconds until a client is back that has lost a good connection."""
CALM: Final = 1.0
"""Seconds without a request after which a client that has connected asks for nothing more."""
EVENT_DELAY: Final = 0.1
"""Seconds from an answer of the service to its events, where nothing else is said."""

QUIET: Final = ServerConfig(ping_interval=0, reports_frames=True, answers_pings=False)

Answer: TypeAlias = Callable[[Connection, RequestReceived, JSONObject], None]
"""What the service does with a request: the connection, the request, its parameters."""


class BrokenError(Exception):
    """The client does not keep to the rule; says what was seen."""


class HangsError(Exception):
    """The client does nothing where it has to do something; says what."""


class EndedError(Exception):
    """The client has ended by itself; says how."""


class NotTriedError(Exception):
    """The check could not be tried; says why."""


class Client(Protocol):
    """The client under test, while it runs."""

    @property
    def code(self) -> int | None:
        """The exit code, once it has ended."""
        ...

    def terminate(self) -> None:
        """Ask it to stop, as SIGTERM does."""

    def last_words(self) -> Sequence[str]:
        """The last lines of what it has printed."""
        ...


Accept: TypeAlias = Callable[[ByteStream], Coroutine[Any, Any, None]]
Start: TypeAlias = Callable[[Accept, Callable[[], None]], AbstractAsyncContextManager[Client]]
"""Starts a client. It connects to `Accept`, and the second function hears that it has ended."""


class Stage:
    """The service as one client sees it, and all that the client has done."""

    def __init__(self, tasks: TaskGroup, hopes: Hopes) -> None:
        self.tasks = tasks
        self._hopes = hopes
        self.client: Client | None = None
        self.config = QUIET
        """The configuration of connections from now on."""
        self.connections: list[Connection] = []
        self.may_end = False
        """Whether the check goes on when the client has ended."""
        self.answers: dict[str, Answer] = dict(ANSWERS)
        """What the service does with each method."""
        self.restores = True
        """Whether sessions can be resumed."""
        self.states: list[str] = []
        """The authorization states that were sent."""
        self.protocols: list[str] = []
        """The sessions that there were."""
        self.legs: list[str] = []
        """The calls by which dials were answered."""
        self._subscribed = False
        self._changed = anyio.Event()
        self._count = itertools.count(1)

    def begin(self) -> None:
        """Behave again, and forget what was seen: another check begins."""
        self.config, self.restores, self.may_end = QUIET, True, False
        self.answers = dict(ANSWERS)
        for connection in self.connections:
            connection.mark = len(connection.frames)

    async def accept(self, stream: ByteStream) -> None:
        """Serve one connection until it ends."""
        connection = Connection(self.config, self._take, self.changed)
        self.connections.append(connection)
        self.changed()
        await connection.run(stream)

    def changed(self) -> None:
        """Wake whoever waits."""
        self._changed.set()
        self._changed = anyio.Event()

    # Waiting

    async def until(self, look: Callable[[], T | None], within: float, wanted: str) -> T:
        """Wait until `look` returns something, and return it.

        Raises:
            BrokenError: it did not in time. `wanted` says what is missing.
            EndedError: the client has ended.
        """
        with anyio.move_on_after(within):
            while True:
                found = look()
                if found is not None:
                    return found
                self.check_client()
                await self._changed.wait()
        raise BrokenError(f"{wanted} within {within:g} s")

    def check_client(self) -> None:
        """Check that the client runs.

        Raises:
            EndedError: it has ended, and should not.
        """
        if self.client is not None and self.client.code is not None and not self.may_end:
            words = "; ".join(self.client.last_words()[-2:])
            raise EndedError(f"it ended with code {self.client.code}{words and f': {words}'}")

    async def pause(self, seconds: float) -> None:
        """Wait, whatever the client does, as long as it runs."""
        await anyio.sleep(seconds)
        self.check_client()

    async def connected(self) -> None:
        """Wait until the client has connected; if it never does, its check says so."""
        hope = self._hopes.connection
        try:
            await self.until(lambda: self.connections or None, hope.patience, "")
        except BrokenError:
            hope.note(came=False)
        except EndedError:
            pass
        else:
            hope.note(came=True)

    async def session(self) -> Connection:
        """Wait until the client is connected and serves the context; return the connection.

        Raises:
            HangsError: it never does.
        """
        hope = self._hopes.session
        wanted = "as with the clients before, " * hope.is_lost + "no session with the context"
        try:
            connection = await self.until(self._served, hope.patience, wanted)
        except BrokenError as error:
            hope.note(came=False)
            raise HangsError(str(error)) from None
        hope.note(came=True)
        await self.calm(connection)
        return connection

    def _served(self) -> Connection | None:
        latest = self.connections[-1] if self.connections else None
        fits = latest is not None and latest.ready and latest.is_open and self._subscribed
        return latest if fits else None

    async def calm(self, connection: Connection) -> None:
        """Wait until a client that has just connected asks for nothing more.

        Some ask for contexts with several requests, each behind the reply to the one before.
        """
        while not connection.is_calm:
            before = len(list(connection.received()))
            await self.pause(CALM)
            connection.is_calm = len(list(connection.received())) == before

    async def after(self, connection: Connection, within: float = RETURN_PATIENCE) -> Connection:
        """Wait for the session after the one on `connection`; return its connection."""

        def look() -> Connection | None:
            later = self.connections[self.connections.index(connection) + 1 :]
            return next((one for one in later if one.ready), None)

        return await self.until(look, within, "it did not come back with a session")

    async def request(
        self, method: str, *, call: str = "", times: int = 1, within: float = PATIENCE
    ) -> Seen:
        """Wait for a request of the client, on any connection."""
        about = f" for call {call}" if call else ""
        return await self.until(
            lambda: next(iter(self.requests(method, call)[times - 1 :]), None),
            within,
            f"no {method}{about}" if times == 1 else f"no {method}{about} number {times}",
        )

    def requests(self, method: str, call: str = "") -> list[Seen]:
        """The requests of the client since the check began: of this method, for this call."""
        return [
            seen
            for connection in self.connections
            for seen in connection.fresh
            if seen.received and seen.method == method and (not call or seen.call == call)
        ]

    async def acknowledged(
        self, connection: Connection, identity: object, within: float = PATIENCE
    ) -> Seen:
        """Wait for the acknowledgement of an event; it has to be a result."""
        answer = await self.until(
            lambda: next(iter(connection.answers(identity)), None),
            within,
            f"no answer to the event {json.dumps(identity)}",
        )
        if not answer.is_result:
            raise BrokenError(f"event {json.dumps(identity)} was answered with an error")
        return answer

    async def alive(self, connection: Connection) -> None:
        """Check that the client is still on a connection, and acknowledges events there."""
        identity = self.new_id("alive")
        self.event(connection, "conform.alive", {}, identity=identity)

        def look() -> bool | None:
            return True if connection.answers(identity) or not connection.is_open else None

        await self.until(look, PATIENCE, "nothing was acknowledged any more")
        if not connection.answers(identity):
            await self.pause(CALM)  # the whole client may have ended
            raise BrokenError(f"it left the connection: {connection.reason}")

    # What the service sends

    def new_id(self, word: str = "e") -> str:
        """Return a new id."""
        return f"{word}-{next(self._count)}"

    def event(
        self,
        connection: Connection,
        event_type: str,
        body: JSONObject,
        *,
        identity: object = None,
    ) -> object:
        """Send one event, and return its id."""
        frame = self.frame(event_type, body, identity=identity)
        connection.send(frame)
        return frame["id"]

    def frame(self, event_type: str, body: JSONObject, *, identity: object = None) -> JSONObject:
        """Return the frame of an event."""
        params = {
            "event_type": event_type,
            "event_channel": self.protocols[-1] if self.protocols else "",
            "timestamp": 1_700_000_000.0 + anyio.current_time(),
            "project_id": PROJECT,
            "params": body,
        }
        identity = self.new_id() if identity is None else identity
        return request_frame(identity, METHOD_SIGNALWIRE_EVENT, params)

    def offer(
        self, connection: Connection, *, call: str = "", identity: object = None
    ) -> tuple[str, object]:
        """Offer a call; return the ids of the call and of the event."""
        call = call or self.new_id("call")
        body = {**call_body(call, "created"), "context": CONTEXT}
        return call, self.event(connection, "calling.call.receive", body, identity=identity)

    def end(self, connection: Connection, call: str) -> None:
        """Let the caller hang up."""
        body = {**call_body(call, "ended"), "end_reason": "hangup"}
        self.event(connection, "calling.call.state", body)

    def text(self, connection: Connection) -> None:
        """Let a text come in: the client dials then."""
        body: JSONObject = {
            "message_id": self.new_id("text"),
            "context": CONTEXT,
            "direction": "inbound",
            "from_number": CALLER,
            "to_number": OUR_NUMBER,
            "body": "dial",
            "media": [],
            "segments": 1,
            "message_state": "received",
            "tags": [],
        }
        self.event(connection, "messaging.receive", body)

    async def answered(self, connection: Connection) -> str:
        """Offer a call, and wait until the client plays its prompt; return the call's id."""
        call, _ = self.offer(connection)
        await self.request("calling.play", call=call)
        return call

    async def served(self, connection: Connection) -> str:
        """Offer a call, and wait until the client has done everything; return the call's id."""
        call, _ = self.offer(connection)
        await self.request("calling.end", call=call)
        return call

    # What the service does with requests

    def _take(self, connection: Connection, request: RequestReceived) -> None:
        params = decoded(bytes(request.params))
        answer = self.answers.get(request.method)
        if request.method == METHOD_SIGNALWIRE_CONNECT:
            self._subscribe(params)
            (answer or self.accept_session)(connection, request, params)
        elif answer is not None:
            answer(connection, request, params)
        else:
            if request.method == METHOD_SIGNALWIRE_RECEIVE:
                self._subscribe(params)
            connection.reply(request.id, {"code": "200", "message": "OK"})
            self.changed()
            self.follow_up(connection, request.method, params)

    def _subscribe(self, params: JSONObject) -> None:
        contexts = params.get("contexts")
        self._subscribed = self._subscribed or (isinstance(contexts, list) and CONTEXT in contexts)

    def accept_session(
        self, connection: Connection, request: RequestReceived, params: JSONObject
    ) -> None:
        """Accept a session: go on with the one that the client names, or begin one."""
        named = params.get("protocol")
        restored = self.restores and named in self.protocols
        protocol = str(named) if restored else f"signalwire_{SIGNATURE}_{self.new_id('s')}_v2"
        if not restored:
            self.protocols.append(protocol)
        result = {
            "identity": f"{self.new_id('client')}@{NODE}",
            "protocol": protocol,
            "session_restored": restored,
            "authorization": {"type": "relay", "project": PROJECT, "signature": SIGNATURE},
        }
        connection.reply(request.id, result)
        connection.ready = True
        state = f"{self.new_id('state')}:{self.new_id('tag')}"
        self.states.append(state)
        body = {"authorization_state": state}
        self.event(connection, "signalwire.authorization.state", body)
        self.changed()

    def follow_up(self, connection: Connection, method: str, params: JSONObject) -> None:
        """Send the events that follow a request, a moment later."""
        frames = list(self.events_of(method, params))
        if frames:
            self.tasks.start_soon(_send_later, connection, frames)

    def later(self, delay: float, act: Callable[[], object]) -> None:
        """Do something after a while, whatever the check does meanwhile."""

        async def wait() -> None:
            await anyio.sleep(delay)
            act()

        self.tasks.start_soon(wait)

    def events_of(self, method: str, params: JSONObject) -> Iterator[JSONObject]:
        """The events that follow a request that was accepted."""
        call = str(params.get("call_id", ""))
        action = {"call_id": call, "node_id": NODE, "control_id": params.get("control_id")}
        match method:
            case "calling.answer":
                yield self.frame("calling.call.state", call_body(call, "answered"))
            case "calling.end":
                body = {**call_body(call, "ended"), "end_reason": "hangup"}
                yield self.frame("calling.call.state", body)
            case "calling.play":
                for state in ("playing", "finished"):
                    yield self.frame("calling.call.play", {**action, "state": state})
            case "calling.record":
                yield self.frame("calling.call.record", {**action, "state": "recording"})
                record = {"url": "https://example.com/r.mp3", "duration": 1.5, "size": 2048}
                yield self.frame("calling.call.record", {**action, "state": "finished", **record})
            case "calling.dial":
                yield from self.dial_events(params)
            case _:
                pass

    def dial_events(self, params: JSONObject) -> Iterator[JSONObject]:
        """The events of a dial that somebody answers."""
        tag, call = params.get("tag"), self.new_id("leg")
        self.legs.append(call)
        for state in ("created", "ringing", "answered"):
            yield self.frame("calling.call.state", leg_body(call, tag, state))
        leg = {key: value for key, value in leg_body(call, tag, "").items() if key != "call_state"}
        winner = {**leg, "dial_winner": True}
        body = {"node_id": NODE, "tag": tag, "dial_state": "answered", "call": winner}
        yield self.frame("calling.call.dial", body)


def _ping(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
    connection.reply(request.id, {"timestamp": params.get("timestamp", 0)})


def never(connection: Connection, request: RequestReceived, params: JSONObject) -> None:
    """Leave a request without an answer."""
    del connection, request, params


ANSWERS: Final[Mapping[str, Answer]] = {METHOD_SIGNALWIRE_PING: _ping}


async def _send_later(connection: Connection, frames: list[JSONObject]) -> None:
    for frame in frames:
        await anyio.sleep(EVENT_DELAY)
        connection.send(frame)


@asynccontextmanager
async def open_stage(start: Start, hopes: Hopes) -> AsyncGenerator[Stage]:
    """Run a client and its stage until the block ends."""
    async with anyio.create_task_group() as tasks:
        stage = Stage(tasks, hopes)
        ended: Callable[[], None] = partial(Stage.changed, stage)
        async with start(stage.accept, ended) as client:
            stage.client = client
            yield stage
            tasks.cancel_scope.cancel()
