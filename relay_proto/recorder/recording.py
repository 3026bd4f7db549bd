"""The flight recorder: a client core that writes its inputs and outputs as lines of JSON.

The first line contains the configuration and the seed of the core. Each other line
contains one input or command, its time, and the outputs that followed from it. In
place of bytes it contains what the WebSocket made of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar

from ..client import ClientCore
from ..config import ClientConfig
from ..link.ids import MakeIds, combined_ids
from ..outputs import FrameTraced, Output
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.frames import JSONObject, encode_json
from ..transitions import SessionState
from ..values.chance import Chance
from ..wire.client_wire import ClientWire, MakeWire
from ..wire.reports import WireEvent
from ..wire.websocket import Role, Wire
from ..wrapped import WrappedCore
from .notation import (
    COMBINED_IDS,
    VERSION,
    Writer,
    config_as_json,
    credentials_as_json,
    kind_as_json,
)

P = ParamSpec("P")
R = TypeVar("R")

Sink: TypeAlias = Callable[[str], object]
"""Takes one line, without the line end."""

ENDS_THE_PROGRAM: Final = (KeyboardInterrupt, SystemExit)


class RecordingCore(WrappedCore):
    """A `ClientInterface` that wraps a `ClientCore`, and records what happens to it.

    Whether it accepts calls is recorded before the next line.
    An error in the recorder ends the recording, and nothing else.
    """

    def __init__(
        self,
        config: ClientConfig,
        random: Chance,
        sink: Sink,
        *,
        seed: int,
        on_failure: Callable[[BaseException], object],
        on_closed: Callable[[], object] = lambda: None,
        make_wire: MakeWire = Wire,
        make_ids: MakeIds = combined_ids,
    ) -> None:
        """`random` must be made of `seed`, which the recording contains.

        If the recorder fails, `on_failure` is called once with the error, and nothing more
        is recorded. `on_closed` is called after each line of a closed core, usually one.
        """
        self.config = config
        self._sink = sink
        self._on_failure = on_failure
        self._on_closed = on_closed
        self._make_wire = make_wire
        self._recording = True
        self._wire_events: list[WireEvent] = []
        self._outputs: deque[Output] = deque()
        self._accepts: tuple[bool, frozenset[str] | None, bool] = (False, None, True)
        traced = replace(config, trace_frames=True)
        core = ClientCore(traced, random, make_wire=self._make_tapped_wire, make_ids=make_ids)
        super().__init__(core)
        self._writer = Writer(self._core.scrubber)
        self._note(self._write_header, seed)

    def __repr__(self) -> str:
        return f"<RecordingCore of {self._core!r}>"

    # Commands and inputs: each with the beginning of its line

    @staticmethod
    def _recorded(
        method: Callable[Concatenate[ClientCore, P], R],
        describe: Callable[Concatenate[Writer, P], JSONObject],
    ) -> Callable[Concatenate[RecordingCore, P], R]:
        """Record `method`, and pass it on; `describe` turns its arguments into a line."""
        name = method.__name__

        @wraps(method)
        def recorded(self: RecordingCore, /, *args: P.args, **kwargs: P.kwargs) -> R:
            act: Callable[[], R] = partial(getattr(self._core, name), *args, **kwargs)
            return self._act(act, partial(describe, self._writer, *args, **kwargs))

        return recorded

    start = _recorded(
        ClientCore.start,
        lambda _, now, *, retry=False: _command(now, "start", retry=retry),
    )
    close = _recorded(ClientCore.close, lambda _, now: _command(now, "close"))
    drain = _recorded(ClientCore.drain, lambda _, now: _command(now, "drain"))
    use_credentials = _recorded(
        ClientCore.use_credentials,
        lambda _, transport, credentials, now: _command(
            now,
            "use_credentials",
            transport=transport,
            credentials=credentials_as_json(credentials),
        ),
    )
    use_contexts = _recorded(
        ClientCore.use_contexts,
        lambda writer, contexts, now: _command(
            now, "use_contexts", contexts=writer.contexts(contexts)
        ),
    )
    execute = _recorded(
        ClientCore.execute,
        lambda writer, command, now: _command(now, "execute", command=writer.command(command)),
    )
    execute_on = _recorded(
        ClientCore.execute_on,
        lambda writer, target, command, now: _command(
            now, "execute", on=_ids(writer, target), command=writer.command(command)
        ),
    )
    cancel = _recorded(
        ClientCore.cancel,
        lambda writer, pending, now: _command(now, "cancel", what=writer.number(pending)),
    )
    wait_for = _recorded(
        ClientCore.wait_for,
        lambda writer, call, state, now: _command(
            now, "wait_for", on=_ids(writer, call), state_wanted=state.value
        ),
    )
    wait_ready = _recorded(ClientCore.wait_ready, lambda _, now: _command(now, "wait_ready"))
    hang_up = _recorded(
        ClientCore.hang_up,
        lambda writer, call, now: _command(now, "hang_up", on=_ids(writer, call)),
    )
    pass_back = _recorded(
        ClientCore.pass_back,
        lambda writer, call, now: _command(now, "pass_back", on=_ids(writer, call)),
    )
    adopt = _recorded(
        ClientCore.adopt, lambda writer, call: {"do": "adopt", "call": writer.adopted(call)}
    )
    attach = _recorded(
        ClientCore.attach,
        lambda writer, call, kind, control_id: {
            "do": "attach",
            "on": writer.ids(call.call_id, control_id),
            "kind": kind_as_json(kind),
        },
    )
    transport_opened = _recorded(
        ClientCore.transport_opened,
        lambda _, transport, now: _input(now, "opened", transport=transport),
    )
    receive_data = _recorded(
        ClientCore.receive_data,
        lambda _, transport, data, now: _input(now, "data", transport=transport, bytes=len(data)),
    )
    transport_closed = _recorded(
        ClientCore.transport_closed,
        lambda writer, transport, now, reason: _input(
            now, "closed", transport=transport, reason=writer.text(reason)
        ),
    )
    handle_timer = _recorded(ClientCore.handle_timer, lambda _, now: _input(now, "timer"))

    # What is only passed on

    def deadline(self) -> float | None:
        """See `ClientCore.deadline`."""
        return self._core.deadline()

    # The recorder

    def next_output(self) -> Output | None:
        """See `ClientCore.next_output`."""
        return self._outputs.popleft() if self._outputs else None

    def masked_again(self, line: Mapping[str, Any]) -> JSONObject:
        """Return a line of another recording, with all masked in it that is masked today."""
        if "out" not in line:
            return dict(line)
        return {**line, "out": [self._writer.again(output) for output in line["out"]]}

    def note_acceptance(self) -> None:
        """Record which calls are accepted, if that has changed."""
        self._note(self._write_acceptance)

    def _act(self, act: Callable[[], R], describe: Callable[[], JSONObject]) -> R:
        line: JSONObject = {}
        self._note(self._begin, line, describe)
        try:
            result = act()
        except BaseException as error:
            line["raises"] = type(error).__name__
            self._end(line)
            raise
        self._end(line, result)
        return result

    def _begin(self, line: JSONObject, describe: Callable[[], JSONObject]) -> None:
        self._write_acceptance()
        line.update(describe())

    def _end(self, line: JSONObject, result: object = None) -> None:
        outputs: list[Output] = []
        while (output := self._core.next_output()) is not None:
            outputs.append(output)
            if self.config.trace_frames or not isinstance(output, FrameTraced):
                self._outputs.append(output)
        self._note(self._write_end, line, result, outputs)

    def _write_header(self, seed: int) -> None:
        config = config_as_json(self.config, self._writer)
        self._write({"recording": VERSION, "seed": seed, "ids": COMBINED_IDS, "config": config})

    def _write_end(self, line: JSONObject, result: object, outputs: list[Output]) -> None:
        writer, events = self._writer, self._wire_events
        if isinstance(result, Pending):
            number = writer.new_number(result)  # pyright: ignore[reportUnknownArgumentType]
            line["pending"] = number
        if events:
            line["wire"] = [writer.wire_event(event) for event in events]
            events.clear()
        line["out"] = [writer.output(output) for output in outputs]
        line["state"] = self.state.value
        self._write(line)
        if self.state is SessionState.CLOSED:
            self._on_closed()

    def _write_acceptance(self) -> None:
        calls, accepted, texts = accepts = (
            self.accepting_calls,
            self.accepted_contexts,
            self.accepting_texts,
        )
        if accepts != self._accepts:
            self._accepts = accepts
            contexts = None if accepted is None else self._writer.contexts(sorted(accepted))
            self._write({"do": "accept", "calls": calls, "contexts": contexts, "texts": texts})

    def _write(self, line: JSONObject) -> None:
        self._sink(encode_json(line).decode())

    def _note(self, function: Callable[..., object], *args: object) -> None:
        """Run a part of the recorder. If it fails, the recording is over."""
        if not self._recording:
            return
        try:
            function(*args)
        except BaseException as error:
            self._recording = False
            self._wire_events.clear()
            self._report(error)
            if isinstance(error, ENDS_THE_PROGRAM):
                raise

    def _report(self, failure: BaseException) -> None:
        try:
            self._on_failure(failure)
        except ENDS_THE_PROGRAM:
            raise
        except BaseException:  # noqa: BLE001, S110 - there is nobody else to tell
            pass

    def _make_tapped_wire(
        self,
        role: Role,
        *,
        host: str,
        max_message_bytes: int,
        random: Chance | None,
    ) -> ClientWire:
        del random  # it also makes ids, and a replay, which masks nothing, must make the same
        wire = self._make_wire(role, host=host, max_message_bytes=max_message_bytes, random=None)
        return _TappedWire(wire, partial(self._note, self._wire_events.append))


class _TappedWire:
    """A wire that also tells the recorder what it made of bytes."""

    def __init__(self, wire: ClientWire, tell: Callable[[WireEvent], object]) -> None:
        self.open, self.send_text, self.close = wire.open, wire.send_text, wire.close
        self._receive = wire.receive
        self._tell = tell

    def receive(self, data: bytes) -> Iterator[WireEvent]:
        for event in self._receive(data):
            self._tell(event)
            yield event


def _command(now: float, name: str, **facts: object) -> JSONObject:
    return {"at": now, "do": name, **facts}


def _input(now: float, name: str, **facts: object) -> JSONObject:
    return {"at": now, "in": name, **facts}


def _ids(writer: Writer, target: CallRecord | ActionRecord) -> list[str]:
    if isinstance(target, CallRecord):
        return writer.ids(target.call_id)
    return writer.ids(target.call.call_id, target.control_id)
