"""Shapes: what the API takes and returns, as JSON. Times are in seconds, `at` since 1970.

The OpenAPI document is made of them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from relay_proto.exchange import BehaviourEntry, LaterEntry, ScriptEntry

Number: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        description="a telephone number such as +15550001111, or another address",
        examples=["+15550001111"],
    ),
]
Digits: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9*#A-D]+$", max_length=100, description="keys", examples=["1", "12#"]
    ),
]
Words: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
Url: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Act: TypeAlias = Literal["answer", "decline", "press", "say", "hangup"]
Direction: TypeAlias = Literal["inbound", "outbound"]


class Shape(msgspec.Struct, kw_only=True):
    """What the lab returns."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the lab takes. Unknown keys are refused."""


# What the lab returns


class Event(Shape, kw_only=True):
    """One thing that happened. `text` is a sentence without its subject, which is `who`."""

    id: int
    at: float
    call: str
    who: Literal["caller", "program", "exchange"]
    what: str
    details: dict[str, str]
    text: str


class Action(Shape, kw_only=True):
    """Something that a program does on a call, such as `play`. Its id is the control id."""

    id: str
    verb: str
    started_at: float
    ended_at: float | None = None
    outcome: str = ""
    words: str = ""
    """What is played, or what was collected."""
    url: str = ""
    """Where its recording or its fax is."""


class Heard(Shape, kw_only=True):
    """What the person at the far end hears."""

    at: float
    text: str
    seconds: float


class Call(Shape, kw_only=True):
    """One call, as the lab sees it. `can` is what its person can do now."""

    id: str
    from_: str = msgspec.field(name="from")
    to: str
    direction: Direction
    """Seen from the program: `inbound` calls come to it, `outbound` calls it has dialed."""
    state: Literal["ringing", "answered", "ended"] = "ringing"
    phone: str | None = None
    """The number of the softphone that has the call."""
    program: str | None = None
    live: bool = False
    """Whether its person does only what they are told."""
    context: str = ""
    started_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    peer: str | None = None
    """The id of the call that it is connected to, or for which it was dialed."""
    actions: list[Action] = []
    hears: list[Heard] = []
    can: list[Act] = []
    events: list[Event] | msgspec.UnsetType = msgspec.UNSET


class Phone(Shape, kw_only=True):
    """A softphone: what programs dial rings here, until it is answered by hand."""

    number: str
    name: str = ""
    ringing: list[str] = []
    """The ids of the calls that ring."""
    calls: list[str] = []
    """The ids of all calls of this phone that are up, ringing ones too."""
    removed: bool = False
    """Whether it is in no list any more."""


class Text(Shape, kw_only=True):
    """A text message. The direction is that of a call."""

    id: str
    at: float
    from_: str = msgspec.field(name="from")
    to: str
    body: str
    media: list[str] = []
    state: str = ""
    direction: Direction


class ProgramState(Shape, kw_only=True):
    """A program that has a session, connected or not."""

    id: str
    agent: str = ""
    """What it calls itself: the name and the version of its SDK."""
    contexts: list[str] = []
    connected: bool = True
    since: float
    last_ping_at: float | None = None
    latency: float | None = None
    """The seconds that it took for its last answer to a ping or an event."""
    session: str = ""
    calls: int = 0
    """The number of its calls that are up."""
    acknowledges: bool = True
    """Whether it acknowledges events. Those of SDKs that do not are sent once."""
    gone: bool = False
    """Whether its session is forgotten: then it is in no list any more."""


class NumberState(Shape, kw_only=True):
    """A number that behaves in some way."""

    number: str
    does: str
    words: str
    """What it does, in words."""
    texts: Literal["delivered", "undelivered"] = "delivered"
    context: str | None = None
    """The context of programs that serve the number; `*` is any."""
    builtin: bool
    """Whether it was there at the start."""
    removed: bool = False
    """Whether it is in no list any more."""


class Frame(Shape, kw_only=True):
    """A frame between the lab and a program. `body` is JSON, with credentials masked."""

    id: int
    at: float
    program: str | None
    direction: Literal["in", "out"]
    """`in` comes from the program."""
    kind: Literal["request", "response", "error", "event", "acknowledgement", "ping", "malformed"]
    method: str
    """The method, or the type of the event. For a response, that of its request."""
    call: str
    bytes: int
    body: str


class Faults(Shape, kw_only=True):
    """What is out of order now."""

    upgrades_refused: bool = False
    silent: bool = False
    delay: float = 0.0
    """How late everything arrives, in seconds."""


class RecordingState(Shape, kw_only=True):
    """A recording that is shown in place of a lab."""

    name: str
    began_at: float
    """Its times have nothing to do with those of the day: only their differences count."""
    ended_at: float
    lines: int
    differences: int
    """Lines that the installed version would not write like that."""
    trouble: str = ""
    """Why the rest of it could not be read."""


class LabState(Shape, kw_only=True):
    """The lab itself."""

    version: str
    started_at: float
    now: float
    url: str
    space: str
    project: str
    speed: float = 1.0
    recording: RecordingState | None = None
    """What is shown in place of a lab, by `relay replay --open`."""


class State(Shape, kw_only=True):
    """Everything at once: what a page shows when it opens. The stream goes on from `last_id`."""

    lab: LabState
    setup: dict[str, list[str]]
    """Lines for a shell, by kind of SDK."""
    phones: list[Phone]
    calls: list[Call]
    texts: list[Text]
    programs: list[ProgramState]
    numbers: list[NumberState]
    faults: Faults
    last_id: int
    counts: dict[str, int]


class Events(Shape, kw_only=True):
    """What happened. `forgotten` is how many older events the lab has forgotten."""

    events: list[Event]
    last_id: int
    forgotten: int


class Frames(Shape, kw_only=True):
    """Frames. `forgotten` is how many older frames the lab has forgotten."""

    frames: list[Frame]
    last_id: int
    forgotten: int


class Calls(Shape, kw_only=True):
    """All calls that the lab remembers, the oldest one first."""

    calls: list[Call]


class Phones(Shape, kw_only=True):
    """All softphones."""

    phones: list[Phone]


class Texts(Shape, kw_only=True):
    """All text messages that the lab remembers, the oldest one first."""

    texts: list[Text]


class Programs(Shape, kw_only=True):
    """All programs."""

    programs: list[ProgramState]


class Numbers(Shape, kw_only=True):
    """All numbers that behave in some way. Any other number answers, and listens."""

    numbers: list[NumberState]


class ScenarioState(Shape, kw_only=True):
    """A scenario that is played: how many entries of each kind it has."""

    words: str
    running: bool = True
    """Whether something of it is still to come."""
    started_at: float
    speed: float = 1.0
    numbers: int = 0
    callers: int = 0
    texts: int = 0
    faults: int = 0


class Scenarios(Shape, kw_only=True):
    """The scenario that is played, if there is one."""

    scenarios: list[ScenarioState]


class Rehearsal(Shape, kw_only=True):
    """A module for pytest that does again what was done. `name` is that of its test."""

    name: str
    source: str


class Done(Shape, kw_only=True):
    """It is done, or begins now."""

    done: str


class Error(Shape, kw_only=True):
    """What was wrong, and what to do about it."""

    error: str
    where: str = ""


# What the lab takes


class Nothing(Body, frozen=True):
    """Nothing: an empty object."""


class NewCall(Body, frozen=True, kw_only=True):
    """A call from a person to a program.

    The person follows the script and then listens. With `live`, they do what they are told
    by `press`, `say` and `hangup`.
    """

    from_: Number = msgspec.field(name="from", default="+15550001111")
    to: Number = "+15550002222"
    context: Annotated[str, msgspec.Meta(max_length=200)] = ""
    script: ScriptEntry = []
    live: bool = False
    patience: Seconds | None = None
    """Seconds that they wait for an answer: 60, or an hour if they are live."""


class Press(Body, frozen=True, kw_only=True):
    """Keys to press."""

    digits: Digits
    interval: Seconds = 0.25


class Say(Body, frozen=True, kw_only=True):
    """Words to say."""

    text: Words


class NewPhone(Body, frozen=True, kw_only=True):
    """A softphone."""

    number: Number
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""


class NewText(Body, frozen=True, kw_only=True):
    """A text message from a person to a program."""

    from_: Number = msgspec.field(name="from", default="+15550001111")
    to: Number = "+15550002222"
    body: Annotated[str, msgspec.Meta(max_length=10_000)] = ""
    media: list[Url] = []
    context: Annotated[str, msgspec.Meta(max_length=200)] = ""


class NewNumber(BehaviourEntry, frozen=True, kw_only=True):
    """How a number behaves: an entry of `numbers` in a scenario, whole. See docs/simulator.md."""

    number: Number | None = None
    """The same as in the path."""
    in_turn: list[BehaviourEntry] | None = None
    over_time: list[LaterEntry] | None = None
    context: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    texts: Literal["delivered", "undelivered"] = "delivered"


class NewFault(Body, frozen=True, kw_only=True):
    """Something that goes wrong, as in a scenario."""

    do: Literal[
        "cut", "silence", "goodbye", "restart", "forget sessions", "refuse upgrades", "delay"
    ]
    lasts: Seconds | None = None
    by: Seconds | None = None
