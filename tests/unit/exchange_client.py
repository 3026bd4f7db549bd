"""A small client that speaks real bytes to an exchange, in virtual time.

`World` has the exchange, the time and the clients. Bytes arrive at once. `Story` is a row
of a table of tests: what an answered call goes through, and what is told about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias, TypeVar

import pytest

from relay_proto.exchange import (
    Account,
    Caller,
    Exchange,
    ExchangeConfig,
    FileContent,
    FileMade,
    FrameSeen,
    Happened,
    Heard,
    Line,
    Step,
    What,
    Who,
)
from relay_proto.outputs import CloseTransport, SendData
from relay_proto.rpc.frames import is_object
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
F = TypeVar("F", bound=Callable[..., None])


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
        self.files: dict[str, FileContent] = {}
        self.seen: list[Heard | FrameSeen] = []
        """What comes as well if the exchange is observed."""
        self.told: list[str] = []
        """What callers do, and what programs are told: one line each, in order."""

    def open(self) -> Client:
        """A client with a byte stream and an upgrade, but no session yet."""
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
                case FileMade(name, content):
                    self.files[name] = content
                case Heard() | FrameSeen():
                    self.seen.append(output)
                case Happened():
                    self.happened.append(output)
                    if output.who is Who.CALLER:
                        self.told.append(sentence(output))
        deadline = self.exchange.deadline()
        if deadline is not None and deadline <= self.now:
            self.exchange.handle_timer(self.now)
            self.deliver()

    def pass_time(self, seconds: float) -> None:
        """Jump from deadline to deadline for some seconds."""
        until = self.now + seconds
        while (deadline := self.exchange.deadline()) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.exchange.handle_timer(self.now)
            after = self.exchange.deadline()
            assert after is None or after > self.now
            self.deliver()
        self.now = until

    def story(self, *kinds: What) -> list[str]:
        """What happened, as sentences: everything, or only these kinds."""
        return [sentence(one) for one in self.happened if not kinds or one.what in kinds]


def sentence(happened: Happened) -> str:
    return f"{happened.who} {happened.line[21:]}"


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
        """Authenticate; return the reply."""
        given: Object = {"version": VERSION, "agent": "test", "event_acks": True}
        given |= {"authentication": AUTHENTICATION, "contexts": list(contexts)} | params
        reply = self.ask("signalwire.connect", **given)
        self.protocol = reply.get("result", {}).get("protocol", "")
        return reply

    def ask(self, method: str, /, **params: Any) -> Object:
        """Send a request; return the frame of the reply."""
        identity = self.send(method, params)
        return next(frame for frame in self.frames if frame.get("id") == identity)

    def verb(self, method: str, call_id: str, /, **params: Any) -> Object:
        """Send a request about a call; return the result or the error."""
        return self.answer(f"calling.{method}", node_id="node-1", call_id=call_id, **params)

    def answer(self, method: str, /, **params: Any) -> Object:
        """Send a request; return the result or the error."""
        reply = self.ask(method, **params)
        answer: Object = reply["error"] if "error" in reply else reply["result"]
        return answer

    def codes(self, call_id: str, *methods: str, **params: Any) -> list[object]:
        """Send requests about a call; return the codes of the replies."""
        return [self.verb(method, call_id, **params)["code"] for method in methods]

    def send(self, method: str, params: Any) -> str:
        """Send a request with any parameters; return its id."""
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
        """Take bytes from the exchange, and acknowledge the events in them."""
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
            self.world.told.append(line_of(event["event_type"], event["params"]))
        if "method" in frame and self.acknowledges:
            self.send_frame({"jsonrpc": "2.0", "id": frame["id"], "result": {}})

    def lose(self, reason: str = "network down") -> None:
        """The byte stream breaks."""
        self.world.exchange.transport_closed(self.transport, self.world.now, reason)
        self.world.deliver()

    def events(self, event_type: str = "", /, **wanted: Any) -> list[Object]:
        """The inner parameters of all events of one type that have these values."""
        outer = [frame["params"] for frame in self.frames if frame.get("method") == EVENT]
        inner = [event["params"] for event in outer if event["event_type"].endswith(event_type)]
        return [event for event in inner if wanted.items() <= event.items()]

    def values(self, event_type: str, key: str, /, **wanted: Any) -> list[Any]:
        """The value of one key in all these events; None where it is absent."""
        return [event.get(key) for event in self.events(event_type, **wanted)]

    def event_ids(self) -> list[str]:
        """The ids of all events, in order."""
        return [frame["id"] for frame in self.frames if frame.get("method") == EVENT]

    def states(self, call_id: str) -> list[str]:
        """The states that a call went through."""
        return self.values("call.state", "call_state", call_id=call_id)

    def end_reason(self, **wanted: Any) -> str:
        """Why a call has ended: the only one, or the one with these values."""
        [reason] = self.values("call.state", "end_reason", call_state="ended", **wanted)
        return str(reason)


EVENT = "signalwire.event"


def answered_call(
    *script: Step, world: World | None = None, **caller: Any
) -> tuple[World, Client, str]:
    """A world with one more client and one more answered call."""
    world = world or World()
    client = world.connect("office")
    return world, client, another_call(world, client, *script, **caller)


def another_call(world: World, client: Client, *script: Step, **caller: Any) -> str:
    """One more answered call for a program."""
    call_id = world.place(*script, **caller)
    assert client.verb("answer", call_id) == {"code": "200", "message": "Answered"}
    return call_id


def dialed_call(world: World, client: Client, device: Object, seconds: float) -> str:
    """One more call for a program, dialed by it and answered within some seconds."""
    client.ask("calling.dial", tag="t", devices=[[device]])
    world.pass_time(seconds)
    [dialed] = client.events("call.dial", dial_state="answered")
    return str(dialed["call"]["call_id"])


# Tables


SHOWN: Mapping[str, tuple[str, ...]] = {
    "call.state": ("call_state", "end_reason"),
    "call.denoise": ("denoised",),
    "call.record": ("state", "duration"),
    "call.transcribe": ("state", "duration"),
    "call.collect": ("result", "final", "state"),
    "call.detect": ("detect",),
    "call.fax": ("fax",),
    "call.pay": ("for", "error_type", "state"),
    "call.refer": ("state", "sip_notify_response_code"),
    "call.connect": ("connect_state", "failed_reason"),
    "call.queue": ("status", "position", "size"),
    "call.live_transcribe": ("state", "text"),
    "call.live_translate": ("state", "text"),
    "conference": ("status",),
    "error": ("code",),
}
"""What a line shows of an event; of any other it shows the state."""
LEFT_OUT = {"document"}
"""Facts that a line does not show, because they are random."""


def line_of(event_type: str, params: Object) -> str:
    """An event as a line, such as "play finished" or "collect digit digits=12"."""
    name = event_type.removeprefix("calling.")
    keys = SHOWN.get(name, ("state",))
    facts = [_shown(key, params[key]) for key in keys if key in params]
    return " ".join((name.removeprefix("call."), *facts))


def _shown(key: str, value: object) -> str:
    if is_object(value):
        return _tagged(value)
    if isinstance(value, bool):
        return f"{key}={value}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _tagged(value: Object) -> str:
    inner: Object = value.get("params", {})
    facts = (f"{name}={inner[name]}" for name in inner if name not in LEFT_OUT)
    return " ".join((value["type"], *facts))


@dataclass(frozen=True)
class Ask:
    """A request about the call of a story, and the code of its reply."""

    method: str
    code: object
    params: Object


def ask(method: str, code: object = "200", /, **params: Any) -> Ask:
    """A request in a story. Its control id is "k" unless it says otherwise."""
    return Ask(method, code, {"control_id": "k"} | params)


Act: TypeAlias = "float | Ask | str"
ENDED = ("state ending hangup", "state ended hangup")
HANGS_UP = ("caller ends the call: hangup", *ENDED)


def ended(*lines: str) -> tuple[str, ...]:
    """The end of a call, with the last events of what ran on it."""
    ending, end = ENDED
    return (ending, *lines, end)


def hangs_up(*lines: str) -> tuple[str, ...]:
    """The caller hangs up, and the last events of what ran on the call."""
    return (HANGS_UP[0], *ended(*lines))


class Story:
    """A row of a table: what happens on one answered call.

    An act is a number of seconds that pass, or a request. The strings behind an act are
    what the caller does and the program is told because of it: no more and no less.
    `journal` is what the exchange has noted in the end, by kind.
    """

    def __init__(
        self,
        *acts: Act,
        script: tuple[Step, ...] = (),
        lines: Mapping[str, Any] | None = None,
        journal: Mapping[What, list[str]] | None = None,
        **caller: Any,
    ) -> None:
        self._acts = acts
        self._script = script
        self._lines = lines or {}
        self._journal = journal or {}
        self._caller = caller

    def check(self) -> None:
        world = World(with_lines(**self._lines))
        world, client, call_id = answered_call(*self._script, world=world, **self._caller)
        known, position = len(world.told), 0
        while position < len(self._acts):
            act = self._acts[position]
            position += 1
            expected: list[str] = []
            while position < len(self._acts) and isinstance(line := self._acts[position], str):
                expected.append(line)
                position += 1
            if isinstance(act, Ask):
                reply = client.verb(act.method, call_id, **act.params)
                assert reply["code"] == act.code, f"at {world.now:g} s: {act} {reply}"
            else:
                assert not isinstance(act, str), "a story begins with an act"
                world.pass_time(act)
            told, known = world.told[known:], len(world.told)
            assert told == expected, f"at {world.now:g} s, after {act}: {told}, not {expected}"
        for what, expected in self._journal.items():
            assert world.story(what) == expected, f"{world.story(what)}, not {expected}"


def stories(table: Mapping[str, Story]) -> Callable[[F], F]:
    """Run a test for each story of a table, under its name."""
    return pytest.mark.parametrize("story", list(table.values()), ids=list(table))


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
