"""A small client that speaks real bytes to an exchange, and a clock that jumps.

`World` holds the exchange, the time and the clients; bytes travel at once.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from relay_proto.exchange import (
    Account,
    Caller,
    Exchange,
    ExchangeConfig,
    Happened,
    Line,
    Step,
    What,
)
from relay_proto.outputs import CloseTransport, SendData
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Upgraded,
    Wire,
    WireFailed,
)
from tests.spec.event_bodies import violations

PROJECT = "project-1"
TOKEN = "token-1"
JWT = "jwt-1"
OFFICE = "+15550002222"
CALLER = "+15550001111"
AUTHENTICATION = {"project": PROJECT, "token": TOKEN}
VERSION = {"major": 2, "minor": 0, "revision": 0}

Object = dict[str, Any]


def make_config(**changes: Any) -> ExchangeConfig:
    given: Object = {
        "accounts": (
            Account(project=PROJECT, token=TOKEN, jwt_tokens=(JWT,)),
            Account(project="project-2", token="token-2"),
        ),
        "numbers": {OFFICE: "office"},
    }
    return ExchangeConfig(**(given | changes))


class World:
    """An exchange in virtual time."""

    def __init__(self, config: ExchangeConfig | None = None, *, seed: int = 1) -> None:
        self.exchange = Exchange(config or make_config(), Random(seed))
        self.now = 0.0
        self.clients: dict[int, Client] = {}
        self.happened: list[Happened] = []

    def open(self) -> Client:
        """A client with a byte stream and an upgrade, and no session yet."""
        client = Client(self, len(self.clients) + 1)
        self.clients[client.transport] = client
        self.exchange.transport_opened(client.transport, self.now)
        client.write(client.wire.open())
        return client

    def connect(self, *contexts: str, **params: Any) -> Client:
        """A client with a session."""
        client = self.open()
        client.connect(*contexts, **params)
        return client

    def place(self, *script: Step, to: str = OFFICE, context: str = "", **caller: Any) -> str:
        """Let somebody call."""
        person = Caller(CALLER, script, **caller)
        call_id = self.exchange.place_call(person, to=to, now=self.now, context=context)
        self.deliver()
        return call_id

    def deliver(self) -> None:
        """Perform all outputs."""
        while (output := self.exchange.next_output()) is not None:
            match output:
                case SendData(transport, data):
                    self.clients[transport].read(data)
                case CloseTransport(transport):
                    self.clients[transport].closed = True
                case Happened():
                    self.happened.append(output)
        deadline = self.exchange.deadline()
        if deadline is not None and deadline <= self.now:
            self.exchange.handle_timer(self.now)
            self.deliver()

    def pass_time(self, seconds: float) -> None:
        """Jump from deadline to deadline for so many seconds."""
        until = self.now + seconds
        while (deadline := self.exchange.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.exchange.handle_timer(self.now)
            after = self.exchange.deadline()
            assert after is None or after > self.now
            self.deliver()
        self.now = until

    def story(self, *kinds: What) -> list[str]:
        """What happened, as sentences: all of it, or only of these kinds."""
        return [
            f"{happened.who} {happened.line[21:]}"
            for happened in self.happened
            if not kinds or happened.what in kinds
        ]


class Client:
    """One connection, from the program's side."""

    def __init__(self, world: World, transport: int) -> None:
        self.world = world
        self.transport = transport
        self.wire = Wire(Role.CLIENT, host="sim.test")
        self.upgraded = False
        self.closed = False
        self.close_code = 0
        self.failure = ""
        self.acknowledges = True
        self.frames: list[Object] = []
        self.sent = bytearray()
        self.protocol = ""
        self._count = 0

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._count

    def connect(self, *contexts: str, **params: Any) -> Object:
        """Authenticate; returns the reply."""
        given: Object = {"version": VERSION, "agent": "test", "event_acks": True}
        given |= {"authentication": AUTHENTICATION, "contexts": list(contexts)} | params
        reply = self.ask("signalwire.connect", **given)
        self.protocol = reply.get("result", {}).get("protocol", "")
        return reply

    def ask(self, method: str, /, **params: Any) -> Object:
        """Send a request; returns the frame of the reply."""
        identity = self.send(method, params)
        return next(frame for frame in self.frames if frame.get("id") == identity)

    def verb(self, method: str, call_id: str, /, **params: Any) -> Object:
        """Send a request about a call; returns the result, or the error."""
        reply = self.ask(f"calling.{method}", node_id="node-1", call_id=call_id, **params)
        answer: Object = reply["error"] if "error" in reply else reply["result"]
        return answer

    def send(self, method: str, params: Any) -> str:
        """Send a request, whatever its parameters; returns its id."""
        self._count += 1
        identity = f"c{self.transport}-{self._count}"
        self.send_frame({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        return identity

    def send_frame(self, frame: object) -> None:
        """Send any JSON."""
        self.write(self.wire.send_text(json.dumps(frame).encode()))

    def write(self, data: bytes) -> None:
        """Send any bytes."""
        self.sent += data
        self.world.exchange.receive_data(self.transport, data, self.world.now)
        self.world.deliver()

    def read(self, data: bytes) -> None:
        """Take bytes of the exchange, and acknowledge what wants it."""
        for event in self.wire.receive(data):
            match event:
                case TextReceived(text):
                    self._take(json.loads(text))
                case BytesToSend(answer):
                    self.write(answer)
                case Upgraded():
                    self.upgraded = True
                case PeerClosed(code):
                    self.close_code = code
                case WireFailed(error):
                    self.failure = str(error)
                case _:
                    raise AssertionError(event)

    def _take(self, frame: Object) -> None:
        self.frames.append(frame)
        if frame.get("method") == EVENT:
            event = frame["params"]
            assert violations(event["event_type"], event["params"]) == []
        if "method" in frame and self.acknowledges:
            self.send_frame({"jsonrpc": "2.0", "id": frame["id"], "result": {}})

    def lose(self, reason: str = "network down") -> None:
        """The byte stream breaks."""
        self.world.exchange.transport_closed(self.transport, self.world.now, reason)
        self.world.deliver()

    def events(self, event_type: str = "", /, **wanted: Any) -> list[Object]:
        """The inner parameters of the events, of one type, with these values."""
        outer = [frame["params"] for frame in self.frames if frame.get("method") == EVENT]
        inner = [event["params"] for event in outer if event["event_type"].endswith(event_type)]
        return [event for event in inner if wanted.items() <= event.items()]

    def event_ids(self) -> list[str]:
        """The ids of all events, in order."""
        return [frame["id"] for frame in self.frames if frame.get("method") == EVENT]

    def states(self, call_id: str) -> list[str]:
        """The states that a call went through."""
        return [event["call_state"] for event in self.events("call.state", call_id=call_id)]


EVENT = "signalwire.event"


def answered_call(
    *script: Step, world: World | None = None, **caller: Any
) -> tuple[World, Client, str]:
    """A world with one more client and one more answered call."""
    world = world or World()
    client = world.connect("office")
    call_id = world.place(*script, **caller)
    client.verb("answer", call_id)
    return world, client, call_id


def tts(text: str) -> Object:
    """A media item."""
    return {"type": "tts", "params": {"text": text}}


def phone(number: str, **params: Any) -> Object:
    """A device."""
    return {"type": "phone", "params": {"to_number": number, "from_number": OFFICE, **params}}


def with_lines(**lines: Any) -> ExchangeConfig:
    """A configuration in which each of these lines behaves as given."""
    named = tuple(Line(name, behaviour) for name, behaviour in lines.items())
    return make_config(lines=named)
