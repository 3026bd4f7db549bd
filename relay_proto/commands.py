"""Commands: one function per verb, from its public signature to a `Command`.

A command is a value. It says what to ask of the server, what the answer means,
and nothing about how or when it is sent. Arguments are checked here; an optional
argument that was not given is absent from the wire. Further keyword arguments,
where a verb takes them, go to the wire as they are.

Source: spec sections 9, 11, 13, 14.2, 15 and 16, and ``methods`` and ``api`` of
the machine-readable spec.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from . import actions, values
from .actions import ActionKind
from .calls import ActionRecord, CallRecord
from .config import check_contexts
from .event import RelayEvent
from .frames import JSONObject
from .messages import MessageRecord

R = TypeVar("R")

OnCompleted: TypeAlias = Callable[[RelayEvent], Any]
"""Called once with an action's or message's last event; may be a coroutine function."""


class _Marker(enum.Enum):
    NEW_ID = "a fresh id"
    DEFAULT_CONTEXT = "the context of the session"


NEW_ID: Final = _Marker.NEW_ID
"""Stands for an id that the core makes."""
DEFAULT_CONTEXT: Final = _Marker.DEFAULT_CONTEXT
"""Stands for the protocol string, known when the frame is written."""

RESERVED: Final = frozenset({"node_id", "call_id"})


class Purpose(enum.Enum):
    """What a command is for, and so what its answer changes."""

    REQUEST = "request"
    """A method by name: refusals are errors, whatever their code."""
    VERB = "verb"
    """A method of a call: a call that is gone answers ``{}``."""
    START = "start"
    """A method of a call that starts an action."""
    CONTROL = "control"
    """A method of an action."""
    DIAL = "dial"
    SEND_MESSAGE = "send message"
    RECEIVE = "receive"
    UNRECEIVE = "unreceive"
    END_LEG = "end leg"
    """The core's own: a leg that nobody wants must not go on ringing."""


@dataclass(frozen=True, slots=True)
class Command(Generic[R]):
    """What to ask of the server; `R` is what comes of it."""

    method: str
    params: JSONObject
    purpose: Purpose
    timeout: float | None = None
    """Seconds for the reply, or for a dial's answer; None for the configured time."""
    kind: ActionKind | None = None
    """The action that it starts."""
    ends_call: bool = False
    """An answer that the call is gone means that the call has ended."""
    callback: object = None
    """Opaque: an adapter calls it when the action or message is done."""


# Requests of the client


def execute(
    method: str, params: Mapping[str, Any], *, timeout: float | None = None
) -> Command[JSONObject]:
    """Send any method and return its result.

    `timeout` is the time for the reply in seconds, counted from the moment the
    request is written.
    """
    return Command(
        values.text("method", method),
        values.json_object("params", params),
        Purpose.REQUEST,
        timeout=values.seconds("timeout", timeout),
    )


def receive(contexts: Sequence[str]) -> Command[JSONObject]:
    """Subscribe to more contexts; they are kept over reconnects."""
    return Command(
        "signalwire.receive", {"contexts": list(check_contexts(contexts))}, Purpose.RECEIVE
    )


def unreceive(contexts: Sequence[str]) -> Command[JSONObject]:
    """Unsubscribe from contexts."""
    return Command(
        "signalwire.unreceive", {"contexts": list(check_contexts(contexts))}, Purpose.UNRECEIVE
    )


def dial(
    devices: Sequence[Sequence[Mapping[str, Any]]],
    *,
    tag: str | None = None,
    max_duration: int | None = None,
    dial_timeout: float | None = None,
    region: str | None = None,
    max_price_per_minute: float | None = None,
) -> Command[CallRecord]:
    """Call out: groups of devices in order, the devices of one group together.

    `dial_timeout` is in seconds, counted from the moment the dial is written. `max_duration`
    is sent as it is; documentation calls it minutes, so prefer the device's own
    `max_duration`, in seconds.
    """
    params: JSONObject = {
        "tag": NEW_ID if tag is None else values.text("tag", tag),
        "devices": values.device_plan("devices", devices),
        **_given(region=region, max_price_per_minute=max_price_per_minute),
    }
    if max_duration:
        params["max_duration"] = max_duration
    return Command(
        "calling.dial", params, Purpose.DIAL, timeout=values.seconds("dial_timeout", dial_timeout)
    )


def send_message(
    *,
    to_number: str,
    from_number: str,
    context: str | None = None,
    body: str | None = None,
    media: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    region: str | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[MessageRecord]:
    """Send an SMS, or an MMS when there is `media` (URLs).

    Raises:
        ValueError: there is neither a body nor media.
    """
    if not body and not media:
        raise ValueError("body and media are both empty: a message needs at least one of them")
    params: JSONObject = {
        "context": context or DEFAULT_CONTEXT,
        "to_number": values.text("to_number", to_number),
        "from_number": values.text("from_number", from_number),
    }
    if body:
        params["body"] = values.text("body", body)
    if media:
        params["media"] = values.texts("media", media)
    if tags:
        params["tags"] = values.texts("tags", tags)
    if region:
        params["region"] = values.text("region", region)
    return Command(
        "messaging.send",
        params,
        Purpose.SEND_MESSAGE,
        callback=values.callback("on_completed", on_completed),
    )


# Verbs of a call


def answer(**kwargs: Any) -> Command[JSONObject]:
    """Answer an inbound call. An answered call may be answered again."""
    return _verb("calling.answer", {}, kwargs, ends_call=True)


def hangup(reason: str = "hangup") -> Command[JSONObject]:
    """End the call: ``hangup``, ``cancel``, ``busy``, ``noAnswer``, ``decline``, ``error``."""
    return _verb("calling.end", {"reason": reason}, ends_call=True)


def pass_() -> Command[JSONObject]:
    """Give an offered call back to routing, so that another client may take it."""
    return _verb("calling.pass", {}, ends_call=True)


def connect(
    devices: Sequence[Sequence[Mapping[str, Any]]],
    *,
    ringback: Sequence[Mapping[str, Any]] | None = None,
    tag: str | None = None,
    max_duration: int | None = None,
    max_price_per_minute: float | None = None,
    status_url: str | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Bridge the call to another party.

    The result only means that the server tries: wait for a ``calling.call.connect``
    event with state ``connected`` or ``failed``. `max_duration` is sent as it is.
    """
    params: JSONObject = {"devices": values.device_plan("devices", devices)}
    if ringback is not None:
        params["ringback"] = values.media_items("ringback", ringback)
    params |= _given(
        tag=tag,
        max_duration=max_duration,
        max_price_per_minute=max_price_per_minute,
        status_url=status_url,
    )
    return _verb("calling.connect", params, kwargs, ends_call=True)


def disconnect() -> Command[JSONObject]:
    """Break the bridge; both parties stay on the line."""
    return _verb("calling.disconnect", {})


def transfer(dest: str, **kwargs: Any) -> Command[JSONObject]:
    """Hand the call to another application.

    `dest` is passed on as it is: a SWML URL, inline SWML (text or dict),
    ``context:<name>``, a number or a SIP URI.
    """
    return _verb("calling.transfer", {"dest": dest}, kwargs, ends_call=True)


def send_digits(digits: str, *, control_id: str | None = None) -> Command[JSONObject]:
    """Send DTMF digits on the call: ``0-9 * # A-D``; ``w`` waits 0.5 s, ``W`` 1 s."""
    params = {"control_id": _control_id(control_id), "digits": values.dtmf("digits", digits)}
    return _verb("calling.send_digits", params)


# Verbs that start an action


def play(
    media: Sequence[Mapping[str, Any]],
    *,
    volume: float | None = None,
    direction: str | None = None,
    loop: int | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Play media items one after another.

    `volume` is in dB, -40 to 40; `loop` is how often, 0 for ever.
    """
    params: JSONObject = {
        "play": values.media_items("media", media),
        **_given(volume=_volume(volume), direction=direction, loop=loop),
    }
    return _start(actions.PLAY, control_id, params, kwargs, on_completed)


def play_and_collect(
    media: Sequence[Mapping[str, Any]],
    collect: Mapping[str, Any],
    *,
    volume: float | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Play media items while collecting digits or speech.

    `collect` is an object with ``digits`` and/or ``speech`` and times in seconds.
    """
    wanted = values.json_object("collect", collect)
    params: JSONObject = {
        "play": values.media_items("media", media),
        "collect": wanted,
        **_given(volume=_volume(volume)),
    }
    continuous = wanted.get("continuous") is True
    kind = actions.PLAY_AND_COLLECT_CONTINUOUS if continuous else actions.PLAY_AND_COLLECT
    return _start(kind, control_id, params, kwargs, on_completed)


def collect(
    *,
    digits: Mapping[str, Any] | None = None,
    speech: Mapping[str, Any] | None = None,
    initial_timeout: float | None = None,
    partial_results: bool | None = None,
    continuous: bool | None = None,
    send_start_of_input: bool | None = None,
    start_input_timers: bool | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Collect digits and/or speech without a prompt. Times are in seconds."""
    params = _given(
        digits=None if digits is None else values.json_object("digits", digits),
        speech=None if speech is None else values.json_object("speech", speech),
        initial_timeout=values.seconds("initial_timeout", initial_timeout),
        partial_results=partial_results,
        continuous=continuous,
        send_start_of_input=send_start_of_input,
        start_input_timers=start_input_timers,
    )
    kind = actions.COLLECT_CONTINUOUS if continuous else actions.COLLECT
    return _start(kind, control_id, params, kwargs, on_completed)


# Controls of an action; the action's own method comes before the dot


def stop() -> Command[JSONObject]:
    """Stop the action. One that is done already answers ``{}``."""
    return _control(".stop", {})


def pause(behavior: str | None = None) -> Command[JSONObject]:
    """Pause the action; `behavior` is for recordings: ``skip`` or ``silence``."""
    return _control(".pause", {"behavior": behavior} if behavior else {})


def resume() -> Command[JSONObject]:
    """Resume a paused action."""
    return _control(".resume", {})


def volume(volume: float) -> Command[JSONObject]:
    """Change the volume, in dB, -40 to 40."""
    return _control(".volume", {"volume": values.volume_db("volume", volume)})


def start_input_timers() -> Command[JSONObject]:
    """Start the initial timeout, if it was held back."""
    return _control("calling.collect.start_input_timers", {})


def _given(**params: Any) -> JSONObject:
    return {name: value for name, value in params.items() if value is not None}


def _volume(volume: float | None) -> float | None:
    return None if volume is None else values.volume_db("volume", volume)


def _extra(kwargs: JSONObject) -> JSONObject:
    taken = sorted(RESERVED.intersection(kwargs))
    if taken:
        raise ValueError(f"{taken[0]} is the call's own and cannot be passed")
    return kwargs


def _control_id(control_id: str | None) -> object:
    return NEW_ID if control_id is None else values.text("control_id", control_id)


def _verb(
    method: str, params: JSONObject, kwargs: JSONObject | None = None, *, ends_call: bool = False
) -> Command[JSONObject]:
    return Command(method, {**params, **_extra(kwargs or {})}, Purpose.VERB, ends_call=ends_call)


def _start(
    kind: ActionKind,
    control_id: str | None,
    params: JSONObject,
    kwargs: JSONObject,
    on_completed: OnCompleted | None,
) -> Command[ActionRecord]:
    return Command(
        kind.method,
        {"control_id": _control_id(control_id), **params, **_extra(kwargs)},
        Purpose.START,
        kind=kind,
        ends_call=True,
        callback=values.callback("on_completed", on_completed),
    )


def _control(method: str, params: JSONObject) -> Command[JSONObject]:
    return Command(method, params, Purpose.CONTROL)
