"""Handlers: what each route of the API does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec

from relay_proto.exchange import (
    Answer,
    Caller,
    Decline,
    Fault,
    FaultEntry,
    HangUp,
    NumberEntry,
    Scenario,
    ScenarioError,
    TextMessage,
    Tree,
    build_scenario,
    read_script,
)
from relay_proto.exchange import Press as PressKeys
from relay_proto.exchange import Say as SayWords

from .asked import Asked, Query
from .errors import LabError
from .rehearsal import NothingToRehearseError
from .shapes import (
    Call,
    Calls,
    Done,
    Event,
    Events,
    Frames,
    NewCall,
    NewFault,
    NewNumber,
    NewPhone,
    NewText,
    Nothing,
    Numbers,
    NumberState,
    Phone,
    Phones,
    Press,
    Programs,
    Rehearsal,
    Say,
    Scenarios,
    ScenarioState,
    State,
    Text,
    Texts,
)
from .stream import Reader, Stream

T = TypeVar("T")

PATIENT: Final = 3600.0
"""Seconds that a person waits for an answer who does what they are told."""

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Limit: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class Since(Query, frozen=True, kw_only=True):
    """From where on."""

    after: Positive | None = None
    """Only what has a larger id than this, the oldest first. Without it, the newest."""
    limit: Limit = 1000
    """How many, at most."""


class EventsQuery(Since, frozen=True, kw_only=True):
    """Which events."""

    call: str = ""
    number: str = ""
    """Only those in whose details, or in whose call, this number is."""
    who: str = ""
    what: str = ""


class FramesQuery(Since, frozen=True, kw_only=True):
    """Which frames."""

    call: str = ""
    program: str = ""


class StreamQuery(Query, frozen=True, kw_only=True):
    """Which part of the stream."""

    after: Positive | None = None
    """Begin after this id. Without it, or the header Last-Event-ID, begin now."""
    frames: bool = False
    """Whether frames come as well."""


class RehearsalQuery(Query, frozen=True, kw_only=True):
    """Which part of what was done."""

    after: Positive = 0
    """Only what happened after this event."""
    call: str = ""
    """Only this call, with those that the program placed meanwhile."""
    client: str = ""
    """Where the test imports the program from, such as `app:client`."""
    threads: bool = False
    """Whether the program is on `relay_sync`."""


class CallQuery(Query, frozen=True, kw_only=True):
    """How much of a call."""

    events: bool = False
    """Whether what happened on it comes as well."""


# What is


def get_state(asked: Asked[Query, None]) -> State:
    """Return everything at once, for a page that opens."""
    return asked.lab.state()


def get_events(asked: Asked[EventsQuery, None]) -> Events:
    """Return what happened, the oldest events first."""
    lab, query = asked.lab, asked.query

    def fits(event: Event) -> bool:
        return (
            query.call in ("", event.call)
            and query.who in ("", event.who)
            and query.what in ("", event.what)
            and (not query.number or lab.concerns(event, query.number))
        )

    entries = lab.events.after(query.after or 0)
    events = filter(fits, (lab.event(*entry) for entry in entries))
    found, last_id = _part(((event.id, event) for event in events), query, lab.hub.last_id)
    return Events(events=found, last_id=last_id, forgotten=lab.events.forgotten)


def get_frames(asked: Asked[FramesQuery, None]) -> Frames:
    """Return the frames between the lab and the programs, the oldest ones first."""
    lab, query = asked.lab, asked.query
    kept = (
        (number, (number, one))
        for number, one in lab.frames.after(query.after or 0)
        if query.call in ("", one.facts.call) and query.program in ("", lab.program_of(one))
    )
    found, last_id = _part(kept, query, lab.hub.last_id)
    frames = [lab.frame(*one) for one in found]
    return Frames(frames=frames, last_id=last_id, forgotten=lab.frames.forgotten)


def _part(entries: Iterable[tuple[int, T]], query: Since, newest: int) -> tuple[list[T], int]:
    """Return the entries that are asked for, and the id after which the next ones come."""
    if query.after is None:
        return [entry for _, entry in deque(entries, maxlen=query.limit)], newest
    found = list(islice(entries, query.limit))
    last_id = found[-1][0] if len(found) == query.limit else newest
    return [entry for _, entry in found], last_id


def get_calls(asked: Asked[Query, None]) -> Calls:
    """Return all calls that the lab remembers."""
    return Calls(calls=list(asked.lab.calls))


def get_call(asked: Asked[CallQuery, None]) -> Call:
    """Return a call, with what happened on it if that is asked for."""
    lab = asked.lab
    call = lab.call(asked.path["id"])
    if not asked.query.events:
        return call
    events = [lab.event(*one) for one in lab.events.after(0) if one[1].call_id == call.id]
    return msgspec.structs.replace(call, events=events)


def get_phones(asked: Asked[Query, None]) -> Phones:
    """Return all softphones."""
    return Phones(phones=list(asked.lab.phones.values()))


def get_texts(asked: Asked[Query, None]) -> Texts:
    """Return all text messages that the lab remembers."""
    return Texts(texts=list(asked.lab.texts))


def get_programs(asked: Asked[Query, None]) -> Programs:
    """Return the programs that have a session."""
    return Programs(programs=list(asked.lab.programs))


# Calls


def place_call(asked: Asked[Query, NewCall]) -> Call:
    """Let somebody call a number. They follow a script, or are live."""
    lab = asked.lab
    body = asked.body
    if body.live and body.script:
        raise LabError(
            400, "a person has a script or is live, not both: leave out one", "body.live"
        )
    try:
        script = read_script(body.script, lab.player.speed)
    except ScenarioError as error:
        raise LabError(400, str(error), "body.script") from None
    patience = body.patience
    if patience is None:
        patience = PATIENT if body.live else Caller("").patience / lab.player.speed
    return lab.place_call(
        Caller(body.from_, script, patience), to=body.to, context=body.context, live=body.live
    )


def answer(asked: Asked[Query, Nothing]) -> Call:
    """Answer a call that rings, as the one who is called."""
    return asked.lab.act(asked.path["id"], Answer())


def decline(asked: Asked[Query, Nothing]) -> Call:
    """Decline a call that rings, as the one who is called."""
    return asked.lab.act(asked.path["id"], Decline())


def hang_up(asked: Asked[Query, Nothing]) -> Call:
    """Hang up, as the person on the call."""
    return asked.lab.act(asked.path["id"], HangUp())


def press(asked: Asked[Query, Press]) -> Call:
    """Press keys, as the person on the call."""
    body = asked.body
    return asked.lab.act(asked.path["id"], PressKeys(body.digits, body.interval))


def say(asked: Asked[Query, Say]) -> Call:
    """Say something, as the person on the call."""
    body = asked.body
    return asked.lab.act(asked.path["id"], SayWords(body.text))


# Phones and texts


def add_phone(asked: Asked[Query, NewPhone]) -> Phone:
    """Add a softphone: calls to its number ring until they are answered by hand."""
    body = asked.body
    return asked.lab.add_phone(body.number, body.name)


def remove_phone(asked: Asked[Query, Nothing]) -> Phone:
    """Remove a softphone. Its number behaves as it did at the start."""
    return asked.lab.remove_phone(asked.path["number"])


def send_text(asked: Asked[Query, NewText]) -> Text:
    """Let somebody send a text message to a number."""
    body = asked.body
    if not body.body and not body.media:
        raise LabError(400, "a text without a body and media is empty: give one of them", "body")
    message = TextMessage(body.from_, body.to, body.body, tuple(body.media))
    return asked.lab.send_text(message, context=body.context)


# Numbers


def get_numbers(asked: Asked[Query, None]) -> Numbers:
    """Return the numbers that behave in some way. All others answer, and listen."""
    return Numbers(numbers=list(asked.lab.numbers))


def put_number(asked: Asked[Query, NewNumber]) -> NumberState:
    """Let a number behave in some way from now on. What is not given is usual."""
    lab, number, body = asked.lab, asked.path["number"], asked.body
    if body.number not in (None, number):
        raise LabError(400, f"the path has the number {number}: leave out `number`", "body.number")
    if number in lab.phones:
        raise LabError(409, f"{number} is a phone: DELETE /api/phones/{number} first", "path")
    if not lab.numbers.has_room(number):
        raise LabError(409, "too many numbers are set: POST /api/reset takes them back")
    entry = msgspec.convert({**msgspec.to_builtins(body), "number": number}, NumberEntry)
    scenario = _scenario(Tree(speed=lab.player.speed, numbers=[entry]))
    lab.numbers.put(number, scenario, served=body.context is not None)
    return lab.number(number)


def put_back_number(asked: Asked[Query, None]) -> NumberState:
    """Let a number behave as it did before PUT."""
    lab, number = asked.lab, asked.path["number"]
    if not lab.numbers.put_back(number):
        raise LabError(404, f"nobody has set {number}: PUT /api/numbers/{number} does", "path")
    return lab.number(number)


# What goes wrong, and what runs


def do_fault(asked: Asked[Query, NewFault]) -> Done:
    """Let something go wrong, now."""
    body = asked.body
    entry = FaultEntry(do=body.do, lasts=body.lasts, by=body.by)
    fault = _scenario(Tree(faults=[entry])).schedule[0].what
    assert isinstance(fault, Fault), "the tree has nothing else"
    asked.lab.fail(fault)
    return Done(done=body.do)


def get_scenarios(asked: Asked[Query, None]) -> Scenarios:
    """Return the scenario that is played."""
    return Scenarios(scenarios=asked.lab.player.playing())


def play_scenario(asked: Asked[Query, Tree]) -> ScenarioState:
    """Play a whole scenario from now on, in place of the one that is played."""
    lab = asked.lab
    return lab.player.play(_scenario(asked.body), lab.now())


def stop_scenario(asked: Asked[Query, None]) -> ScenarioState:
    """Stop the scenario that is played, also the callers that relay sim begins with."""
    stopped = asked.lab.player.stop()
    if stopped is None:
        raise LabError(404, "no scenario is played: POST /api/scenarios plays one")
    return stopped


def reset(asked: Asked[Query, Nothing]) -> Done:
    """Hang up all calls, and forget everything that was done. Programs stay connected."""
    asked.lab.reset()
    return Done(done="reset")


def get_rehearsal(asked: Asked[RehearsalQuery, None]) -> Rehearsal:
    """Return what was just done as a test for pytest."""
    lab, query = asked.lab, asked.query
    try:
        found = lab.rehearsal(
            after=query.after, call=query.call, client=query.client, threads=query.threads
        )
    except NothingToRehearseError as error:
        raise LabError(409, str(error)) from None
    except ValueError as error:
        raise LabError(400, str(error), "query.client") from None
    return Rehearsal(name=found.name, source=found.source)


def _scenario(tree: Tree) -> Scenario:
    try:
        return build_scenario(tree)
    except ScenarioError as error:
        raise LabError(400, str(error), "body") from None


# The stream


def get_stream(asked: Asked[StreamQuery, None]) -> Stream:
    """Send everything that happens from now on, as server-sent events."""
    lab, query = asked.lab, asked.query
    if not lab.hub.has_room():
        raise LabError(503, "too many readers have this stream open: close some of them")
    reader = Reader(frames=query.frames)
    after = query.after if asked.last_event_id is None else asked.last_event_id
    return Stream(lab.hub, reader, partial(lab.catch_up, reader, after))
