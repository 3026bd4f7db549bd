"""A fuzzed program, a fuzzed server and a fuzzed network for one `ClientCore`.

The fuzzer's bytes are steps: what the program asks, what the server says, what the
network and the clock do. The upgrade is answered as the client's key demands, so
that the fuzzer gets to what lies behind it; texts of the server's are built from
words that mean something, or are the fuzzer's own. `Watch` checks the contract.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from relay_proto.api import commands as c
from relay_proto.api.commands import Command
from relay_proto.api.shapes import Media
from relay_proto.errors import ClientClosedError, RequestQueueFullError
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc.events import EVENT_CLASS_MAP
from relay_proto.transitions import CallState, SessionState
from relay_proto.wire.websocket import Role
from tests.fuzz.source import Source
from tests.fuzz.watch import Watch, text_frame
from tests.fuzz.words import key, value
from tests.property.wires import frame
from tests.unit.client_peer import DEVICES

SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 31.0, 61.0, 121.0)
STEPS: Final = 24
"""So many at most are read from an input: a long input costs as much as ten short ones."""
TTS: Final[list[Media]] = [{"type": "tts", "params": {"text": "Hello"}}]
CALL_IDS: Final = ("c-1", "c-2", "c-3", "c-4", "c-5")
OVER: Final = frozenset({SessionState.CLOSING, SessionState.CLOSED})

COMMANDS: Final[tuple[Callable[[], Command[Any]], ...]] = (
    lambda: c.execute("calling.what", {}),
    lambda: c.execute("calling.what", {}, timeout=1.0),
    lambda: c.dial(DEVICES, tag="t-1"),
    lambda: c.dial(DEVICES, tag="t-2", dial_timeout=3.0),
    lambda: c.dial(DEVICES),
    lambda: c.send_message(to_number="+1", from_number="+2", body="Hi"),
    lambda: c.receive(["sales"]),
    lambda: c.unreceive(["sales", "office"]),
    lambda: c.receive([]),
)
VERBS: Final[tuple[Callable[[], Command[Any]], ...]] = (
    c.answer,
    c.hangup,
    c.pass_,
    c.disconnect,
    lambda: c.play(TTS, control_id="a-1"),
    lambda: c.record(control_id="a-2"),
    lambda: c.detect({"type": "machine", "params": {}}, control_id="a-3"),
    lambda: c.ai(control_id="a-1"),
    lambda: c.collect(digits={"max": 4}, control_id="a-2"),
    lambda: c.collect(digits={"max": 4}, continuous=True, control_id="a-3"),
    lambda: c.receive_fax(control_id="a-1"),
    lambda: c.play(TTS),
)
CONTROLS: Final[tuple[Callable[[], Command[Any]], ...]] = (
    c.stop,
    c.pause,
    c.resume,
    c.start_input_timers,
)
EVENT_TYPES: Final = (*sorted(EVENT_CLASS_MAP), "signalwire.authorization.state", "calling.new", "")
METHODS: Final = ("signalwire.ping", "signalwire.disconnect", "what", "signalwire.event")
CODES: Final[tuple[Any, ...]] = ("200", 200, "404", 410, "409", 500, -32002, -32003, 401, None, "")
FIRST: Final = (0x81, 0x89, 0x88, 0x82, 0x01, 0x80, 0x8A, 0xC1)


def run(data: bytes) -> None:
    """Run the steps; if the first byte says so, once more with every read in pieces."""
    source = Source(data)
    header = source.byte()
    twice = header & 3 == 1
    whole = _play(data, compares=twice)
    if twice:
        late = bool(header & 16)
        _same(whole, _play(data, compares=True, pieces=2 + (header >> 1) % 8, late=late))


def _play(data: bytes, *, compares: bool, pieces: int = 1, late: bool = False) -> Watch:
    source = Source(data)
    restricted = source.byte() >= 128
    watch = Watch(restricted=restricted, pieces=pieces, late=late, compares=compares)
    world = _World(watch, source)
    steps = 0
    while source and steps < STEPS:
        steps += 1
        world.step()
    watch.finish(polite=steps % 2 == 0)
    return watch


def _same(whole: Watch, pieces: Watch) -> None:
    """Rule 4: any split of the same bytes gives the same outputs."""
    assert whole.seen == pieces.seen, "a split changed the outputs"
    assert whole.written == pieces.written, "a split changed what was written"


class _World:
    """Everything around the client, with the fuzzer at the wheel."""

    def __init__(self, watch: Watch, source: Source) -> None:
        self._watch = watch
        self._core = watch.core
        self._source = source
        self._actions: list[ActionRecord] = []
        self._event_ids = itertools.count(1)
        self._steps: tuple[Callable[[], None], ...] = (
            self._reach_a_session,
            self._start,
            self._open,
            self._accept,
            self._tell,
            self._tell,
            self._tell,
            self._several,
            self._reply,
            self._reply,
            self._ask,
            self._text,
            self._frame,
            self._bytes,
            self._command,
            self._command,
            self._verb,
            self._verb,
            self._control,
            self._wait_for,
            self._cancel,
            self._tick,
            self._tick,
            self._to_deadline,
            self._cut,
            self._head,
            self._drain,
            self._another_transport,
            self._close,
        )

    def step(self) -> None:
        """One step of the program's, the server's, the network's or the clock's."""
        self._source.choice(self._steps)()

    # The program

    def _start(self) -> None:
        if self._core.state is SessionState.DISCONNECTED:
            self._watch.start(retry=self._source.below(2) == 1)

    def _command(self) -> None:
        command: Command[Any] = self._source.choice(COMMANDS)()
        self._order(lambda: self._core.execute(command, self._watch.now))

    def _verb(self) -> None:
        calls = self._calls()
        if not calls:
            return
        call = self._source.choice(calls)
        command: Command[Any] = self._source.choice(VERBS)()
        before = set(call.actions)
        self._order(lambda: self._core.execute_on(call, command, self._watch.now))
        for control_id in call.actions.keys() - before:
            action = call.actions[control_id]
            self._actions.append(action)
            self._watch.expect(action.done)

    def _control(self) -> None:
        if self._actions:
            action = self._source.choice(self._actions[-8:])
            command = self._source.choice(CONTROLS)()
            self._order(lambda: self._core.execute_on(action, command, self._watch.now))

    def _wait_for(self) -> None:
        calls = self._calls()
        # Behind the end it still answers, at once: every call has ended.
        if calls and self._core.state is not SessionState.CLOSED:
            call, state = self._source.choice(calls), self._source.choice([*CallState])
            self._watch.expect(self._core.wait_for(call, state, self._watch.now))
            self._watch.drain()

    def _cancel(self) -> None:
        handed_out = self._watch.handed_out
        if handed_out:
            self._core.cancel(self._source.choice(handed_out[-16:]), self._watch.now)
            self._watch.drain()

    def _drain(self) -> None:
        if self._source.below(2):
            self._core.drain(self._watch.now)
        self._core.accepting_calls = self._source.below(2) == 1
        self._watch.drain()

    def _close(self) -> None:
        if self._source.byte() > 200:  # most programs go on
            self._core.close(self._watch.now)
            self._watch.drain()

    def _calls(self) -> list[CallRecord]:
        return self._watch.calls[-8:]

    def _order(self, order: Callable[[], Any]) -> None:
        if self._core.state in OVER:
            return
        # Nobody has called start(); too many requests wait; a tag or a control id is in use.
        with suppress(ClientClosedError, RequestQueueFullError, ValueError):
            self._watch.expect(order())
        self._watch.drain()

    # The server

    def _reach_a_session(self) -> None:
        if self._core.state is SessionState.DISCONNECTED:
            self._watch.start(retry=True)
        self._open()
        self._accept()

    def _open(self) -> None:
        self._watch.open()

    def _accept(self) -> None:
        result: dict[str, Any] = {"protocol": "p_1"}
        number = self._source.byte()
        if number % 4:
            result["session_restored"] = number % 4 == 1
        accepted = _encoded({"id": self._watch.connect_id, "result": result})
        self._watch.raw(text_frame(accepted) + self._behind(number))

    def _tell(self) -> None:
        self._watch.text(self._event())

    def _several(self) -> None:
        number = self._source.byte()
        told = b"".join(text_frame(self._event()) for _ in range(number % 4))
        self._watch.raw(told + self._behind(number))

    def _behind(self, number: int) -> bytes:
        """What comes in the same read behind texts: now and then any frame, such as a close."""
        if number < 192:
            return b""
        return frame(Role.CLIENT, self._source.choice(FIRST), self._source.blob())

    def _event(self) -> bytes:
        event_type = self._source.choice(EVENT_TYPES)
        body: dict[str, Any] = {"call_id": self._source.choice(CALL_IDS)}
        for _ in range(self._source.below(6)):
            body[key(self._source)] = value(self._source, 2)
        number = next(self._event_ids)
        identity = f"e-{number - self._source.below(4) // 3}"  # now and then again
        params = {"event_type": event_type, "params": body}
        return _encoded({"id": identity, "method": "signalwire.event", "params": params})

    def _ask(self) -> None:
        params = {key(self._source): value(self._source, 2) for _ in range(self._source.below(3))}
        method = self._source.choice(METHODS)
        self._watch.text(
            _encoded({"id": value(self._source, 1), "method": method, "params": params})
        )

    def _reply(self) -> None:
        asked = self._watch.requests
        if not asked:
            return
        identity = asked.pop(self._source.below(min(len(asked), 16)))
        code = self._source.choice(CODES)
        answer: dict[str, Any] = {"code": code, "message": "so", "message_id": "m-1"}
        match self._source.below(4):
            case 0:
                frame = {"id": identity, "error": answer}
            case 1:
                frame = {"id": identity, "result": value(self._source, 2)}
            case _:
                frame = {"id": identity, "result": answer}
        self._watch.text(_encoded(frame))

    # The network, and time

    def _text(self) -> None:
        ids = [self._watch.connect_id, *self._watch.requests]
        text = self._source.blob()
        for number, identity in enumerate(ids[:3]):
            text = text.replace(b"$%d" % number, str(identity).encode())
        self._watch.text(text.decode(errors="replace").encode())

    def _frame(self) -> None:
        first = self._source.choice(FIRST)
        self._watch.raw(frame(Role.CLIENT, first, self._source.blob()))

    def _bytes(self) -> None:
        self._watch.raw(self._source.blob())

    def _head(self) -> None:
        self._watch.open(self._source.blob())

    def _tick(self) -> None:
        self._watch.advance(self._source.choice(SECONDS))

    def _to_deadline(self) -> None:
        self._watch.advance_to_deadline()

    def _cut(self) -> None:
        self._watch.cut("reset by peer")

    def _another_transport(self) -> None:
        self._watch.disturb(self._watch.transport + 1 + self._source.below(3))


def _encoded(frame: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **frame}).encode()
