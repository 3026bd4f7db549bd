"""Notation: how a recording describes inputs, commands and outputs as JSON, and reads them.

Everything is masked as in a log. A recording contains no credentials, and no
telephone numbers, texts or digits. To mask a recording again changes nothing in it, so
a replay can mask what its own core does, and compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final, assert_never, cast
from weakref import WeakKeyDictionary

from .. import outputs
from ..api.commands import DEFAULT_CONTEXT, NEW_ID, Command, Purpose
from ..config import ClientConfig, Credentials, Limits, Secret, Timing
from ..display import MASK
from ..errors import RemoteProtocolError
from ..outputs import Output
from ..pending import Pending
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc import action_kinds
from ..rpc.action_kinds import ActionKind, custom_kind
from ..rpc.event_base import RelayEvent
from ..rpc.frames import JSONObject, is_object
from ..rpc.masking import Scrubber
from ..wire import reports
from ..wire.reports import WireEvent

VERSION: Final = 1
"""The version of the format."""
COMBINED_IDS: Final = "combined"
"""What the first line says of the ids that the core makes. An older one says nothing of them."""

KINDS: Final[Mapping[str, ActionKind]] = {
    name: kind for name, kind in vars(action_kinds).items() if isinstance(kind, ActionKind)
}
MARKERS: Final[Mapping[str, object]] = {"id": NEW_ID, "context": DEFAULT_CONTEXT}
MARKED: Final = "$relay"
"""The key of an object that stands for one of the `MARKERS`."""
CREDENTIALS: Final = ("project", "token", "jwt_token")
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
"""The attributes that describe a call from elsewhere."""


class Writer:
    """Describes what happens to the core of one client, without that client's secrets.

    It numbers each `Pending` that a command returns. Later lines refer to the
    `Pending` by its number.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        # Weak, not until it settles: a command can still be cancelled after that.
        self._numbers: WeakKeyDictionary[Pending[Any], int] = WeakKeyDictionary()
        self._last_number = 0

    def text(self, text: str) -> str:
        """Mask free text."""
        return self._scrubber.words(text)

    def ids(self, *ids: str) -> list[str]:
        """Mask ids, if they are none."""
        return [self._scrubber.id(identity) for identity in ids]

    def new_number(self, pending: Pending[Any]) -> int:
        """Number what a command has returned; what is returned twice gets a new number."""
        self._last_number += 1
        self._numbers[pending] = self._last_number
        return self._last_number

    def number(self, pending: Pending[Any]) -> int:
        """Return the number of a `Pending`, or 0 if no command has returned it."""
        return self._numbers.get(pending, 0)

    def command(self, command: Command[Any]) -> JSONObject:
        """Describe a command, for `read_command`."""
        return {
            **self._value({"method": command.method, "params": _without_markers(command.params)}),
            "purpose": command.purpose.value,
            "timeout": command.timeout,
            "kind": None if command.kind is None else kind_as_json(command.kind),
            "ends_call": command.ends_call,
            "callback": command.callback is not None,
            "patient": command.patient,
            "stops_unwanted": command.stops_unwanted,
        }

    def adopted(self, call: CallRecord) -> object:
        """Describe a call from elsewhere, as the arguments of a `CallRecord`."""
        return self._value({name: getattr(call, name) for name in ADOPTED})

    def contexts(self, contexts: Iterable[str]) -> list[str]:
        """Describe the names of contexts."""
        return self.ids(*contexts)

    def again(self, output: list[Any]) -> list[object]:
        """Mask an output of a recording that was made when less was masked."""
        match output:
            case ["frame", sign, str(text)]:
                return ["frame", sign, self._scrubber.json(text.encode()) or text]
            case ["settled", number, "result", result]:
                return ["settled", number, "result", self._result(result)]
            case ["settled", number, "event", str(event_type)]:
                return ["settled", number, "event", self._word(event_type)]
            case ["settled", number, ("call" | "action" | "message") as kind, str(identity)]:
                return ["settled", number, kind, *self.ids(identity)]
            case ["event", str(event_type), call_id]:
                return ["event", self._word(event_type), self._id(call_id)]
            case [("message received" | "message changed") as name, str(identity), str(state)]:
                return [name, *self.ids(identity), self._word(state)]
            case [("call offered" | "call ended") as name, str(call_id)]:
                return [name, *self.ids(call_id)]
            case ["offer refused", str(call_id), str(reason)]:
                return ["offer refused", *self.ids(call_id), self.text(reason)]
            case _:
                name, *rest = output
                return [name, *(self.text(x) if isinstance(x, str) else x for x in rest)]

    def _id(self, identity: str | None) -> str | None:
        return None if identity is None else self._scrubber.id(identity)

    def _word(self, word: str) -> str:
        return self._scrubber.word(word)

    def _result(self, result: object) -> object:
        return self._value({"result": result})["result"]

    def _value(self, value: JSONObject) -> JSONObject:
        return cast("JSONObject", self._scrubber.value(value))

    def wire_event(self, event: WireEvent) -> list[object]:
        """Describe what the WebSocket made of bytes, for `read_wire_event`."""
        match event:
            case reports.TextReceived(data):
                shown = self._scrubber.json(data)
                return ["garbage", len(data)] if shown is None else ["text", shown]
            case reports.BinaryIgnored(size):
                return ["binary", size]
            case reports.BytesToSend(data):
                return ["answer", len(data)]
            case reports.PeerClosed(code, reason):
                return ["closed", code, self.text(reason)]
            case reports.WireFailed(error):
                wish = [] if error.retry_after is None else [error.retry_after]
                return ["failed", self.text(str(error)), error.status, *wish]
            case reports.Upgraded() | reports.UpgradeRequested():
                return ["upgraded"]
            case _:
                assert_never(event)

    def output(self, output: Output) -> list[object]:
        """Describe an output: its name, and what identifies its subject."""
        match output:
            case outputs.Settled(pending):
                return ["settled", self.number(pending), *self._outcome(pending)]
            case outputs.PeerViolation(text) | outputs.Ignored(text) | outputs.Dropped(text):
                return [_name(output), self.text(text)]
            case outputs.Disconnected(error, delay):
                return ["disconnected", self._error(error), delay]
            case outputs.ConnectFailed(error, attempt, delay):
                return ["connect failed", self._error(error), attempt, delay]
            case outputs.Closed(error):
                return ["closed", self._error(error)]
            case outputs.Connected(resumed):
                return ["connected", resumed]
            case outputs.FrameTraced(sent, text):
                return ["frame", ">" if sent else "<", text]
            case outputs.OpenTransport() | outputs.SendData() | outputs.CloseTransport():
                return _effect(output)
            case _:
                return self._event(output)

    def _outcome(self, pending: Pending[Any]) -> list[object]:
        if pending.error is not None:
            return ["error", self._error(pending.error)]
        match pending.result():
            case CallRecord() as call:
                return ["call", *self.ids(call.call_id)]
            case ActionRecord() as action:
                return ["action", *self.ids(action.control_id)]
            case MessageRecord() as message:
                return ["message", *self.ids(message.message_id)]
            case RelayEvent() as event:
                return ["event", self._word(event.event_type)]
            case result:
                return ["result", self._result(result)]

    def _event(self, output: outputs.CallEvent | outputs.MessageEvent) -> list[object]:
        match output:
            case outputs.CallOffered(call) | outputs.CallEnded(call):
                return [_name(output), *self.ids(call.call_id)]
            case outputs.OfferRefused(call_id, reason):
                return [_name(output), *self.ids(call_id), self.text(reason)]
            case outputs.EventReceived(event, call):
                about = None if call is None else self._id(call.call_id)
                return ["event", self._word(event.event_type), about]
            case outputs.MessageReceived(message) | outputs.MessageChanged(message):
                return [_name(output), *self.ids(message.message_id), self._word(message.state)]
            case _:
                assert_never(output)

    def _error(self, error: BaseException | None) -> str | None:
        return None if error is None else f"{type(error).__name__}: {self.text(str(error))}"


def _effect(output: outputs.Effect) -> list[object]:
    match output:
        case outputs.OpenTransport(number):
            return ["open", number]
        case outputs.SendData(number, _):
            return ["send", number]  # not the data: frames are traced, and masks are random
        case outputs.CloseTransport(number, flush):
            return ["close", number, flush]
        case _:
            assert_never(output)


def _name(output: Output) -> str:
    """``call offered`` for a `CallOffered`."""
    letters = (f" {x.lower()}" if x.isupper() else x for x in type(output).__name__)
    return "".join(letters).strip()


def read_wire_event(written: list[Any]) -> WireEvent:
    """Read what `Writer.wire_event` has described.

    Raises:
        ValueError: it is something else.
    """
    match written:
        case ["text", str(text)]:
            return reports.TextReceived(text.encode())
        case ["garbage", int(size)]:
            return reports.TextReceived(b"?" * size)
        case ["binary", int(size)]:
            return reports.BinaryIgnored(size)
        case ["answer", int(size)]:
            return reports.BytesToSend(bytes(size))
        case ["closed", int(code), str(reason)]:
            return reports.PeerClosed(code, reason)
        case ["failed", str(reason), int(status), *wish]:
            retry_after = wish[0] if wish else None
            failure = RemoteProtocolError(reason, status=status, retry_after=retry_after)
            return reports.WireFailed(failure)
        case ["upgraded"]:
            return reports.Upgraded()
        case _:
            raise ValueError(f"unknown wire event {written!r}")


def read_command(written: Mapping[str, Any]) -> Command[Any]:
    """Read what `Writer.command` has described, but for the callback: the core only keeps it."""
    return Command(
        written["method"],
        _with_markers(written["params"]),
        Purpose(written["purpose"]),
        timeout=written["timeout"],
        kind=None if written["kind"] is None else read_kind(written["kind"]),
        ends_call=written["ends_call"],
        patient=written.get("patient", False),  # older recordings have neither
        stops_unwanted=written.get("stops_unwanted", False),
    )


def kind_as_json(kind: ActionKind) -> object:
    """Describe a kind of actions, for `read_kind`: one of ours by its name."""
    for name, known in KINDS.items():
        if known is kind:
            return name
    return {"event_type": kind.event_type, "states": list(kind.states)}


def read_kind(written: Any) -> ActionKind:
    """Read what `kind_as_json` has described."""
    if isinstance(written, str):
        return KINDS[written]
    return custom_kind(written["event_type"], tuple(written["states"]))


def config_as_json(config: ClientConfig, writer: Writer) -> JSONObject:
    """Describe a configuration, for `read_config`: of credentials only which there are."""
    return {
        "credentials": credentials_as_json(config.credentials),
        "host": config.host,
        "contexts": writer.contexts(config.contexts),
        "agent": config.agent,
        "show_personal_data": config.show_personal_data,
        "timing": asdict(config.timing),
        "limits": asdict(config.limits),
    }


def credentials_as_json(credentials: Credentials | None) -> JSONObject:
    """Describe credentials: only which there are, and where they come from."""
    if credentials is None:
        return {}
    return {
        name: credentials.origins.get(name, name)
        for name in CREDENTIALS
        if getattr(credentials, name)
    }


def read_credentials(written: JSONObject | list[str]) -> Credentials | None:
    """Read what `credentials_as_json` has described, with a mask for each.

    A recording of an earlier version has a list of those that there are.
    """
    if not written:
        return None
    absent = {name: Secret("") for name in CREDENTIALS}
    origins = written if isinstance(written, dict) else dict.fromkeys(written, "")
    return Credentials(**absent | {name: Secret(MASK) for name in written}, origins=origins)


def read_config(written: Mapping[str, Any]) -> ClientConfig:
    """Read what `config_as_json` has described, with a mask for each credential."""
    return ClientConfig(
        credentials=read_credentials(written["credentials"]),
        host=written["host"],
        contexts=tuple(written["contexts"]),
        agent=written["agent"],
        # In older recordings, nothing waited for a handler.
        timing=Timing(**{"handler_grace": 0.0, **written["timing"]}),
        limits=Limits(**written["limits"]),
        show_personal_data=written.get("show_personal_data", False),
    )


def _without_markers(value: object) -> object:
    """Return `value` as JSON, with objects in place of the `MARKERS`."""
    for name, marker in MARKERS.items():
        if value is marker:
            return {MARKED: name}
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {str(key): _without_markers(item) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [_without_markers(item) for item in cast("list[object]", value)]
    return value if value is None or isinstance(value, (str, int, float)) else repr(value)


def _with_markers(value: Any) -> Any:
    if is_object(value):
        name = value.get(MARKED)
        if isinstance(name, str) and name in MARKERS:  # or a program uses this key itself
            return MARKERS[name]
        return {key: _with_markers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_markers(item) for item in cast("list[object]", value)]
    return value
