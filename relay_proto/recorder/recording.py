"""The flight recorder: what goes into a core and what comes out of it, as lines of JSON.

A recording begins with a line that says what the core was made of, its seed
included. Every further line is one input or command, the time it came with, and
the outputs that followed from it. Bytes are kept as what the WebSocket made of
them. All is masked as in a log: a recording holds no credential, and no number,
text or digit of anybody's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, assert_never, cast

from ..api.commands import DEFAULT_CONTEXT, NEW_ID, Command
from ..client import ClientCore
from ..config import ClientConfig
from ..outputs import (
    CallEnded,
    CallOffered,
    Closed,
    CloseTransport,
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    EventReceived,
    FrameTraced,
    Ignored,
    MessageChanged,
    MessageReceived,
    OfferRefused,
    OpenTransport,
    Output,
    PeerViolation,
    SendData,
    Settled,
)
from ..pending import Pending
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc import action_kinds as actions
from ..rpc.action_kinds import ActionKind
from ..rpc.event_base import RelayEvent
from ..rpc.frames import JSONObject, decode_any, encode_json
from ..rpc.masking import Scrubber
from ..transitions import CallState, SessionState
from ..wire.websocket import (
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Upgraded,
    UpgradeRequested,
    Wire,
    WireEvent,
    WireFailed,
)

if TYPE_CHECKING:
    import random

R = TypeVar("R")

VERSION: Final = 1
"""Of the format of a recording."""

Sink: TypeAlias = Callable[[str], None]
"""Takes one line, without its end. Must not raise."""

KINDS: Final[Mapping[str, ActionKind]] = {
    name: kind for name, kind in vars(actions).items() if isinstance(kind, ActionKind)
}
MARKERS: Final[Mapping[str, object]] = {"id": NEW_ID, "context": DEFAULT_CONTEXT}
CREDENTIALS: Final = ("project", "token", "jwt_token")
MARKED: Final = "$relay"
"""The key of an object that stands for one of the `MARKERS`."""


class Tap:
    """Makes wires, and listens to what they make of bytes."""

    def __init__(self) -> None:
        self.heard: list[WireEvent] = []

    def make(self, role: Role, *, host: str, max_message_bytes: int, random: random.Random) -> Wire:
        """A wire that is listened to."""
        del random  # of a kind that has seeds: masks come from the system, for nobody to foresee
        return _TappedWire(self.heard, role, host, max_message_bytes)


class RecordingCore(ClientCore):
    """A `ClientCore` that writes down all that happens to it.

    `random` is made of `seed`, which is recorded, too. Adapters use this in the place
    of a `ClientCore`, and need not know.
    """

    def __init__(
        self,
        config: ClientConfig,
        random: random.Random,
        sink: Sink,
        *,
        seed: int,
        on_closed: Callable[[], object] = lambda: None,
        tap: Tap | None = None,
    ) -> None:
        """`on_closed` is called behind each line of a closed core: there should be no more."""
        self._sink = sink
        self._on_closed = on_closed
        self._tap = tap or Tap()
        self._scrubber = Scrubber(config.credentials.secrets())
        self._showing_frames = config.trace_frames
        self._commands = 0
        self._recorded: deque[Output] = deque()
        self._accepts: tuple[bool, frozenset[str] | None] = (False, None)
        super().__init__(replace(config, trace_frames=True), random, make_wire=self._tap.make)
        self._write({"recording": VERSION, "seed": seed, "config": _config(config)})

    # Commands

    def start(self, now: float, *, retry: bool = False) -> Pending[None]:
        """See `ClientCore.start`."""
        line: JSONObject = {"do": "start", "retry": retry}
        return self._act(now, line, partial(super().start, now, retry=retry))

    def close(self, now: float) -> None:
        """See `ClientCore.close`."""
        self._act(now, {"do": "close"}, partial(super().close, now))

    def drain(self, now: float) -> None:
        """See `ClientCore.drain`."""
        self._act(now, {"do": "drain"}, partial(super().drain, now))

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """See `ClientCore.execute`."""
        line: JSONObject = {"do": "execute", "command": self._command(command)}
        return self._act(now, line, partial(super().execute, command, now))

    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """See `ClientCore.execute_on`."""
        on = (
            [target.call_id]
            if isinstance(target, CallRecord)
            else [target.call.call_id, target.control_id]
        )
        line: JSONObject = {"do": "execute", "on": on, "command": self._command(command)}
        return self._act(now, line, partial(super().execute_on, target, command, now))

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """See `ClientCore.cancel`."""
        line: JSONObject = {"do": "cancel", "what": pending.number}
        self._act(now, line, partial(super().cancel, pending, now))

    def wait_for(self, call: CallRecord, state: CallState, now: float) -> Pending[RelayEvent]:
        """See `ClientCore.wait_for`."""
        line: JSONObject = {"do": "wait_for", "on": [call.call_id], "state_wanted": state.value}
        return self._act(now, line, partial(super().wait_for, call, state, now))

    def adopt(self, call: CallRecord) -> CallRecord:
        """See `ClientCore.adopt`."""
        given = {name: getattr(call, name) for name in ADOPTED}
        line: JSONObject = {"do": "adopt", "call": self._scrubber.value(given)}
        return self._act(None, line, partial(super().adopt, call))

    def attach(self, call: CallRecord, kind: ActionKind, control_id: str) -> ActionRecord:
        """See `ClientCore.attach`."""
        line: JSONObject = {"do": "attach", "on": [call.call_id, control_id], "kind": _kind(kind)}
        return self._act(None, line, partial(super().attach, call, kind, control_id))

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """See `ClientCore.transport_opened`."""
        line: JSONObject = {"in": "opened", "transport": transport}
        self._act(now, line, partial(super().transport_opened, transport, now))

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """See `ClientCore.receive_data`."""
        line: JSONObject = {"in": "data", "transport": transport, "bytes": len(data)}
        self._act(now, line, partial(super().receive_data, transport, data, now))

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """See `ClientCore.transport_closed`."""
        masked = self._scrubber.text(reason)
        line: JSONObject = {"in": "closed", "transport": transport, "reason": masked}
        self._act(now, line, partial(super().transport_closed, transport, now, reason))

    def handle_timer(self, now: float) -> None:
        """See `ClientCore.handle_timer`."""
        self._act(now, {"in": "timer"}, partial(super().handle_timer, now))

    # Outputs

    def next_output(self) -> Output | None:
        """See `ClientCore.next_output`."""
        return self._recorded.popleft() if self._recorded else None

    # How it is written

    def _act(self, now: float | None, line: JSONObject, act: Callable[[], R]) -> R:
        self.note_acceptance()
        self._tap.heard.clear()
        try:
            result = act()
        except Exception as error:
            line["raises"] = type(error).__name__
            raise
        else:
            self._number(result, line)
            return result
        finally:
            if self._tap.heard:
                line["wire"] = [self._wire_event(event) for event in self._tap.heard]
            line["out"] = [self._take(output) for output in self._drain()]
            line["state"] = self.state.value
            if now is not None:
                line = {"at": now, **line}
            self._write(line)
            if self.state is SessionState.CLOSED:
                self._on_closed()

    def _number(self, result: object, line: JSONObject) -> None:
        if isinstance(result, Pending):
            self._commands += 1
            line["pending"] = result.number = self._commands

    def note_acceptance(self) -> None:
        """Write down which calls are taken, if that has changed.

        Adapters set these attributes as they like; they are noted before they can matter.
        """
        accepts = (self.accepting_calls, self.accepted_contexts)
        if accepts != self._accepts:
            self._accepts = accepts
            contexts = accepts[1]
            named = None if contexts is None else sorted(contexts)
            self._write({"do": "accept", "calls": accepts[0], "contexts": named})

    def _drain(self) -> list[Output]:
        outputs: list[Output] = []
        while (output := super().next_output()) is not None:
            outputs.append(output)
        return outputs

    def _take(self, output: Output) -> list[object]:
        """Keep an output for the adapter; how it is recorded."""
        if not isinstance(output, FrameTraced) or self._showing_frames:
            self._recorded.append(output)
        match output:
            case Settled(pending):
                return ["settled", pending.number, *self._outcome(pending)]
            case PeerViolation(text) | Ignored(text) | Dropped(text):
                return [_name(output), self._scrubber.text(text)]
            case Disconnected(error, delay):
                return ["disconnected", self._error(error), delay]
            case ConnectFailed(error, attempt, delay):
                return ["connect failed", self._error(error), attempt, delay]
            case Closed(error):
                return ["closed", self._error(error)]
            case (
                CallOffered()
                | CallEnded()
                | OfferRefused()
                | EventReceived()
                | MessageReceived()
                | MessageChanged()
            ):
                return _told(output)
            case OpenTransport() | SendData() | CloseTransport() | FrameTraced() | Connected():
                return _done(output)
            case _:
                assert_never(output)

    def _outcome(self, pending: Pending[Any]) -> list[object]:
        if pending.error is not None:
            return ["error", self._error(pending.error)]
        match pending.result():
            case CallRecord() as call:
                return ["call", call.call_id]
            case ActionRecord() as action:
                return ["action", action.control_id]
            case MessageRecord() as message:
                return ["message", message.message_id]
            case RelayEvent() as event:
                return ["event", event.event_type]
            case result:
                return ["result", self._scrubber.value(result)]

    def _error(self, error: BaseException | None) -> str | None:
        return (
            None if error is None else f"{type(error).__name__}: {self._scrubber.text(str(error))}"
        )

    def _command(self, command: Command[Any]) -> JSONObject:
        return {
            "method": command.method,
            "params": self._scrubber.value(_without_markers(command.params)),
            "purpose": command.purpose.value,
            "timeout": command.timeout,
            "kind": None if command.kind is None else _kind(command.kind),
            "ends_call": command.ends_call,
            "callback": command.callback is not None,
        }

    def _wire_event(self, event: WireEvent) -> list[object]:
        match event:
            case TextReceived(data) if decode_any(data) is None:
                return ["garbage", len(data)]
            case TextReceived(data):
                return ["text", self._scrubber.frame(data)]
            case BinaryIgnored(size):
                return ["binary", size]
            case BytesToSend(data):
                return ["answer", len(data)]
            case PeerClosed(code, reason):
                return ["closed", code, self._scrubber.text(reason)]
            case WireFailed(error):
                return ["failed", self._scrubber.text(str(error)), error.status]
            case Upgraded() | UpgradeRequested():
                return ["upgraded"]
            case _:
                assert_never(event)

    def _write(self, line: JSONObject) -> None:
        self._sink(encode_json(line).decode())


ADOPTED: Final = (
    "call_id",
    "node_id",
    "project_id",
    "context",
    "tag",
    "direction",
    "device",
    "state",
    "segment_id",
)
"""What a call that comes from elsewhere is known by."""


class _TappedWire(Wire):
    def __init__(
        self, heard: list[WireEvent], role: Role, host: str, max_message_bytes: int
    ) -> None:
        super().__init__(role, host=host, max_message_bytes=max_message_bytes)
        self._heard = heard

    def receive(self, data: bytes) -> list[WireEvent]:
        events = super().receive(data)
        self._heard.extend(events)
        return events


def _done(
    output: OpenTransport | SendData | CloseTransport | FrameTraced | Connected,
) -> list[object]:
    match output:
        case OpenTransport(number):
            return ["open", number]
        case SendData(number, _):
            return ["send", number]  # its frames are told one by one; their masks are chance
        case CloseTransport(number, flush):
            return ["close", number, flush]
        case FrameTraced(sent, text):
            return ["frame", ">" if sent else "<", text]
        case Connected(resumed):
            return ["connected", resumed]
        case _:
            assert_never(output)


def _told(
    output: CallOffered
    | CallEnded
    | OfferRefused
    | EventReceived
    | MessageReceived
    | MessageChanged,
) -> list[object]:
    match output:
        case CallOffered(call) | CallEnded(call):
            return [_name(output), call.call_id]
        case OfferRefused(call_id, reason):
            return ["offer refused", call_id, reason]
        case EventReceived(event, call):
            return ["event", event.event_type, None if call is None else call.call_id]
        case MessageReceived(message) | MessageChanged(message):
            return [_name(output), message.message_id, message.state]
        case _:
            assert_never(output)


def _name(output: Output) -> str:
    """``call offered`` for a `CallOffered`."""
    letters = (f" {x.lower()}" if x.isupper() else x for x in type(output).__name__)
    return "".join(letters).strip()


def _kind(kind: ActionKind) -> object:
    for name, known in KINDS.items():
        if known is kind:
            return name
    return {"event_type": kind.event_type, "states": list(kind.states)}


def _without_markers(value: object) -> object:
    """`value` as JSON; what stands for a value that the core will know is marked."""
    for name, marker in MARKERS.items():
        if value is marker:
            return {MARKED: name}
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {str(key): _without_markers(item) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [_without_markers(item) for item in cast("list[object]", value)]
    return value if value is None or isinstance(value, (str, int, float)) else repr(value)


def _config(config: ClientConfig) -> JSONObject:
    """All of it but the credentials: of these, which there are."""
    return {
        "credentials": [name for name in CREDENTIALS if getattr(config.credentials, name)],
        "host": config.host,
        "contexts": list(config.contexts),
        "agent": config.agent,
        "timing": asdict(config.timing),
        "limits": asdict(config.limits),
    }
