"""Handlers: what each route of the API does."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Annotated, Final, TypeAlias

import msgspec

from relay_proto.exchange import (
    Answer,
    Caller,
    Decline,
    HangUp,
    ScenarioError,
    TextMessage,
    read_script,
)
from relay_proto.exchange import Press as PressKeys
from relay_proto.exchange import Say as SayWords

from .asked import Asked, Query
from .errors import LabError
from .shapes import (
    Call,
    Calls,
    Event,
    Events,
    Frames,
    NewCall,
    NewPhone,
    NewText,
    Nothing,
    Phone,
    Phones,
    Press,
    Programs,
    Say,
    State,
    Text,
    Texts,
)
from .stream import Reader, Stream

PATIENT: Final = 3600.0
"""Seconds that a person waits for an answer who does what they are told."""

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Limit: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class Since(Query, frozen=True, kw_only=True):
    """From where on."""

    after: Positive = 0
    """Only what has a larger id than this."""
    limit: Limit = 1000
    """How many, at most, the oldest ones first."""


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

    events = (lab.event(number, happened) for number, happened in lab.events.after(query.after))
    found = list(islice(filter(fits, events), query.limit))
    last_id = found[-1].id if len(found) == query.limit else lab.hub.last_id
    return Events(events=found, last_id=last_id, forgotten=lab.events.forgotten)


def get_frames(asked: Asked[FramesQuery, None]) -> Frames:
    """Return the frames between the lab and the programs, the oldest ones first."""
    lab, query = asked.lab, asked.query
    frames = (
        lab.frame(number, kept)
        for number, kept in lab.frames.after(query.after)
        if query.call in ("", kept.facts.call) and query.program in ("", lab.program_of(kept))
    )
    found = list(islice(frames, query.limit))
    last_id = found[-1].id if len(found) == query.limit else lab.hub.last_id
    return Frames(frames=found, last_id=last_id, forgotten=lab.frames.forgotten)


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
        script = read_script(body.script, lab.about.speed)
    except ScenarioError as error:
        raise LabError(400, str(error), "body.script") from None
    patience = body.patience
    if patience is None:
        patience = PATIENT if body.live else Caller("").patience / lab.about.speed
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


# The stream


def get_stream(asked: Asked[StreamQuery, None]) -> Stream:
    """Send everything that happens from now on, as server-sent events."""
    lab, query = asked.lab, asked.query
    if not lab.hub.has_room():
        raise LabError(503, "too many readers have this stream open: close some of them")
    reader = Reader(frames=query.frames)
    return Stream(lab.hub, reader, partial(lab.catch_up, reader, query.after))
