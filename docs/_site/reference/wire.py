"""What goes over the wire for a verb: an example is run, and its frames are read.

The client is the real one of `relay_anyio`, the server is the exchange of the simulator, and
the time is virtual. So a page shows what is sent, and cannot show anything else.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import textwrap
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

import anyio

from relay_anyio import Call, RelayClient
from relay_anyio.testing import (
    Behaviour,
    Caller,
    Human,
    Nature,
    Stage,
    Step,
    UnansweredWarning,
    rehearse,
)

ACCOUNT: Final = "rehearsed"
CALLER, OFFICE = "+15551230001", "+15551230000"
AFTERWARDS: Final = 3.0
"""Virtual seconds in which events may follow."""
MOST_EVENTS: Final = 6
WIDTH: Final = 44
"""Characters in a line of JSON, which a telephone can show."""
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MASKED: Final = re.compile(r"\*\*\*\(\d+\)")
"""What stands in the log for a part of a URL that may be a secret."""
LEFT_OUT: Final = frozenset({"project_id", "event_channel", "segment_id", "space_id"})
"""Keys of events that are the same for all of them."""

PERSON: Final = Human()

Answer: TypeAlias = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """A program of some lines that uses a verb, and who is at the other end."""

    name: str
    """The verb, such as ``Call.play``."""
    program: Callable[..., Awaitable[Any]]
    before: Answer | None
    """What has happened before. What it returns is the second argument of the program."""
    script: tuple[Step, ...]
    nature: Nature
    lines: Mapping[str, Behaviour]

    @property
    def code(self) -> str:
        """The lines of the program."""
        source = inspect.getsource(self.program)
        _, _, body = source.partition(") -> None:\n")
        return textwrap.dedent(body).strip()


EXAMPLES: Final[dict[str, Example]] = {}


def shows(
    name: str,
    *,
    before: Answer | None = None,
    script: tuple[Step, ...] = (),
    nature: Nature = PERSON,
    lines: Mapping[str, Behaviour] | None = None,
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
    """Declare an example. It takes the call, or the client if the verb is the client's."""

    def declare(program: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        EXAMPLES[name] = Example(name, program, before, script, nature, lines or {})
        return program

    return declare


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `after` is how many seconds have passed since the first one."""

    sent: bool
    after: float
    body: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The method, the type of the event, or ``""`` for an answer."""
        method = str(self.body.get("method", ""))
        return self.body["params"]["event_type"] if method == "signalwire.event" else method

    @property
    def content(self) -> object:
        """The parameters, the body of the event, or the result."""
        if "method" not in self.body:
            return self.body.get("result", self.body.get("error"))
        params = self.body["params"]
        return params["params"] if self.body["method"] == "signalwire.event" else params


class _Tap(logging.Handler):
    """Reads the frames that a client writes to its log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.frames: list[Frame] = []
        self.began: float | None = None
        self._ids: dict[str, str] = {}
        self._kinds: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line of the log."""
        text = record.getMessage()
        if text[:2] in {"> ", "< "}:
            body = self._with_names(json.loads(text[2:]), "id")
            if self.began is not None and not _is_upkeep(body):
                after = anyio.current_time() - self.began
                self.frames.append(Frame(text[0] == ">", after, body))

    def _with_names(self, value: Any, key: str) -> Any:
        """A value with ids that a reader can tell from each other: ``call-1``."""
        match value:
            case dict():
                items = cast("dict[str, Any]", value).items()
                return {k: self._with_names(v, k) for k, v in items if k not in LEFT_OUT}
            case list():
                return [self._with_names(each, key) for each in value]  # pyright: ignore[reportUnknownVariableType]
            case str() if UUID.fullmatch(value):
                return self._readable(value, key.removesuffix("_id"))
            case str():
                value = MASKED.sub("…", value)
                return UUID.sub(lambda found: self._readable(found[0], key), value)
            case _:
                return value

    def _readable(self, value: str, kind: str) -> str:
        if value not in self._ids:
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
            self._ids[value] = f"{kind}-{self._kinds[kind]}"
        return self._ids[value]


def _is_upkeep(body: Mapping[str, Any]) -> bool:
    """Whether it acknowledges an event, or is a ping or the answer to one."""
    result = body.get("result", {"code"})
    return body.get("method") == "signalwire.ping" or not result or set(result) == {"timestamp"}


def frames_of(example: Example) -> list[Frame]:
    """Run an example, and return the frames that were sent and received."""
    tap = _Tap()
    client = RelayClient(
        project=ACCOUNT, token=ACCOUNT, contexts=["office"], show_personal_data=True
    )
    of_a_call = not example.name.startswith(("RelayClient.", "Message."))

    @client.on_call
    async def answer(call: Call) -> None:
        arguments = [call] if example.before is None else [call, await example.before(call)]
        await _watched(tap, example.program(*arguments))
        if call.is_active:
            await call.hangup()

    async def scene(stage: Stage) -> None:
        if of_a_call:
            caller = Caller(CALLER, example.script, nature=example.nature)
            await stage.over(stage.call(caller))
        else:
            await _watched(tap, example.program(stage.client))

    log = logging.getLogger("relay_anyio")
    level, propagate = log.level, log.propagate
    log.addHandler(tap)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            # A program that passes its call back leaves nobody to answer it.
            warnings.simplefilter("ignore", UnansweredWarning)
            rehearse(client, scene, lines=dict(example.lines))
    finally:
        log.removeHandler(tap)
        log.setLevel(level)
        log.propagate = propagate
    return tap.frames


async def _watched(tap: _Tap, program: Awaitable[Any]) -> None:
    tap.began = anyio.current_time()
    await program
    await anyio.sleep(AFTERWARDS)
    tap.began = None


def transcript(example: Example, event_link: Callable[[str], str]) -> str:
    """What goes over the wire, as Markdown."""
    frames = frames_of(example)
    lines: list[str] = []
    requests = {frame.body["id"]: frame.title for frame in frames if frame.sent}
    events = 0
    for frame in frames:
        events += bool(frame.title and not frame.sent)
        if frame.title and not frame.sent and events > MOST_EVENTS:
            continue
        when = f", after {frame.after:.2f} s" if frame.after else ""
        if frame.sent:
            lines.append(f"**Your program sends** `{frame.title}`{when}:")
        elif frame.title:
            lines.append(f"**Event** {event_link(frame.title)}{when}:")
        else:
            of = requests.get(frame.body["id"], "")
            refused = "error" in frame.body
            lines.append(f"**The server {'refuses' if refused else 'answers'}** `{of}`{when}:")
        lines += ["", "```json", json_text(frame.content), "```", ""]
    if events > MOST_EVENTS:
        lines += [f"{events - MOST_EVENTS} more events follow.", ""]
    return "\n".join(lines)


def json_text(value: object) -> str:
    """JSON on one line where it is short, and on several where it is long."""
    return _json_lines(value, "")


def _json_lines(value: object, indent: str) -> str:
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(short) <= WIDTH:
        return short
    deeper = indent + "  "
    match value:
        case dict():
            parts = [
                f"{deeper}{json.dumps(k)}: {_json_lines(v, deeper)}"
                for k, v in cast("dict[str, object]", value).items()
            ]
            return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
        case list():
            parts = [deeper + _json_lines(v, deeper) for v in cast("list[object]", value)]
            return "[\n" + ",\n".join(parts) + f"\n{indent}]"
        case _:
            return short
