"""Commands: one function for each verb. It returns a `Command`.

A command is a value. It says what to ask the server, and what the answer means; it does
not say how or when to send it. The signature and the docstring of a function here are
those of the method of the same name in `relay_anyio` and `relay_sync`.

The functions check their arguments, and raise `TypeError` or `ValueError` with the name
of the argument. An optional argument that is not given is not sent. If a verb takes
further keyword arguments, they are sent as they are.

Public: for authors of adapters, as `relay_proto.commands`.

Source: docs/protocol.md, sections 9, 11, 13, 14.2, 14.6, 15 and 16.
"""

# Without `from __future__ import annotations`: the methods have the annotations of these
# functions, and they must be types there, not texts.

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, Unpack

import msgspec

from ..config import Contexts
from ..display import shown_id
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc import action_kinds as actions
from ..rpc.action_kinds import ActionKind
from ..rpc.event_base import RelayEvent, UnknownEvent
from ..rpc.events import (
    CallStateEvent,
    CollectEvent,
    DetectEvent,
    FaxEvent,
    MessageStateEvent,
    PayEvent,
    PlayEvent,
    RecordEvent,
    StreamEvent,
    TapEvent,
    TranscribeEvent,
)
from ..rpc.frames import JSONObject
from ..values.literals import HangupReason
from . import builders, shapes
from .parameters import checked

R = TypeVar("R")

E = TypeVar("E", bound=RelayEvent)
OnCompleted: TypeAlias = Callable[[E | CallStateEvent], Any]
"""A function that is called once, with the last event of an action, or of its call.

It may be a coroutine function in `relay_anyio`."""


class _Marker(enum.Enum):
    NEW_ID = "a fresh id"
    DEFAULT_CONTEXT = "the context of the session"


NEW_ID: Final = _Marker.NEW_ID
"""Stands for a new id, which the core makes."""
DEFAULT_CONTEXT: Final = _Marker.DEFAULT_CONTEXT
"""Stands for the protocol string of the session, which is known when the request is sent."""


class Purpose(enum.Enum):
    """What a command is for. This decides what its answer changes."""

    REQUEST = "request"
    """Any method, by its name. Every refusal of the server is an error."""
    VERB = "verb"
    """A method of a call. If the call is gone, the result is ``{}``."""
    JOIN = "join"
    """A method of a call and another one. If one of them is gone, that is an error."""
    START = "start"
    """A method of a call that starts an action."""
    CONTROL = "control"
    """A method of an action. If the action or its call is gone, the result is ``{}``."""
    DIAL = "dial"
    SEND_MESSAGE = "send message"
    RECEIVE = "receive"
    UNRECEIVE = "unreceive"


# What most commands are for. Before Python 3.12, a member costs ten times as much to look up.
_REQUEST: Final = Purpose.REQUEST
_VERB: Final = Purpose.VERB
_START: Final = Purpose.START
_CONTROL: Final = Purpose.CONTROL


class Command(msgspec.Struct, Generic[R], frozen=True):
    """What to ask the server. `R` is the type of the result."""

    method: str
    params: JSONObject
    purpose: Purpose
    timeout: float | None = None
    """Seconds for the reply, or for somebody to answer a dial. None means the default."""
    kind: ActionKind | None = None
    """The kind of action that it starts, if any."""
    ends_call: bool = False
    """Whether the answer that the call is gone means that the call has ended."""
    callback: object = None
    """A function for the adapter to call when the action or message is done."""
    patient: bool = False
    """Whether it waits for a session in any case: nobody would hear that it has failed."""
    stops_unwanted: bool = False
    """Whether the action is stopped if nobody waits any more for the answer to its start."""

    def __repr__(self) -> str:
        return f"<Command {shown_id(self.method)}>"  # parameters may be personal

    def as_patient(self) -> "Command[R]":
        """Return a command like this for which nobody waits, such as one that tidies up.

        Without a session it waits for the next one: even if requests fail at once, and even
        if the queue is full.
        """
        return msgspec.structs.replace(self, patient=True)

    def as_stopping_unwanted(self) -> "Command[R]":
        """Return a command like this, whose action is stopped if whoever starts it is cancelled.

        The program has no handle of such an action, so nobody else would stop it.
        """
        return msgspec.structs.replace(self, stops_unwanted=True)


# Requests of the client


@checked
def execute(
    method: str, params: Mapping[str, Any], *, timeout: float | None = None
) -> Command[JSONObject]:
    """Send any method of the protocol, and return its result.

    The verbs of a call return ``{}`` if the call is gone. This raises a `RelayError`
    instead, for every code that is not 2xx.

    Args:
        method: the name of the method, such as ``calling.play``.
        params: its parameters, sent as they are.
        timeout: seconds for the answer, counted from when the request is sent; without
            it, `Timing.request_timeout`.

    Raises:
        RelayError: the server refuses the request. `code` says why.
        RequestTimeoutError: there is no answer in time, or no session to send it.
        ConnectionLostError: the connection is lost before the answer comes.
        RequestQueueFullError: too many requests are waiting.
        ClientClosedError: the client is disconnected.
        ValueError, TypeError: an argument is wrong, or is not JSON.
    """
    assert isinstance(params, dict), "the check has made a copy"
    return Command(method, params, _REQUEST, timeout)


@checked
def receive(contexts: Contexts) -> Command[JSONObject]:
    """Subscribe to more contexts. A reconnect subscribes to them again."""
    return Command("signalwire.receive", {"contexts": list(contexts)}, Purpose.RECEIVE)


@checked
def unreceive(contexts: Contexts) -> Command[JSONObject]:
    """Unsubscribe from contexts."""
    return Command("signalwire.unreceive", {"contexts": list(contexts)}, Purpose.UNRECEIVE)


@checked
def dial(
    devices: Sequence[Sequence[shapes.Device]],
    *,
    tag: str | None = None,
    max_duration: int | None = None,
    dial_timeout: float | None = None,
    region: str | None = None,
    max_price_per_minute: float | None = None,
) -> Command[CallRecord]:
    """Place a call, and return it when somebody has answered.

    A dial that is cancelled, times out or fails leaves nobody ringing.

    Args:
        devices: a list of groups. The groups are tried one after another; the devices of
            a group ring together: ``[[a], [b, c]]`` tries `a`, then `b` and `c`. See
            `serial` and `parallel`. A device is a dict with ``type`` and ``params``; these
            are for ``phone`` (see `phone`): ``to_number`` and ``from_number`` in E.164 form,
            ``timeout`` (the most seconds that it rings), ``max_duration`` (the most seconds
            that the call lasts), ``call_state_url`` (a URL to which the server posts the
            states), ``call_state_events`` (which ones: ``created``, ``ringing``, ``answered``,
            ``ended``) and ``confirm`` (an SWML script that asks whether to accept the call).
            For ``sip`` (see `sip`): ``to`` and ``from`` (SIP URIs), ``from_name``, ``headers``
            (a list of dicts with ``name`` and ``value``), ``codecs``, ``webrtc_media``,
            ``username``, ``password``, and all options of ``phone``. For ``webrtc``: ``to``,
            ``from``, ``timeout`` and ``codecs``. For ``agora``: ``appid``, ``channel``, ``from``
            and ``to``.
        tag: a name for the dial, which its events repeat; without it, a new one.
        max_duration: sent as it is. Documentation of the service calls it minutes, so
            better use the `max_duration` of a device, which is in seconds.
        dial_timeout: seconds for somebody to answer, counted from when the dial is sent;
            without it, `Timing.dial_timeout`.
        region: a region of the service, sent as it is.
        max_price_per_minute: the highest price at which to call.

    Raises:
        DialFailedError: the server cannot connect any of the devices.
        DialTimeoutError: nobody answers in time.
        ValueError, TypeError: an argument is wrong, or the `tag` is in use.
        RelayError: as for `execute`.
    """
    params: JSONObject = {
        "tag": NEW_ID if tag is None else tag,
        "devices": devices,
        **_given(region=region, max_price_per_minute=max_price_per_minute),
    }
    if max_duration:
        params["max_duration"] = max_duration
    return Command("calling.dial", params, Purpose.DIAL, timeout=dial_timeout)


@checked
def dial_phone(
    to_number: str,
    from_number: str,
    *,
    timeout: int | None = None,
    dial_timeout: float | None = None,
) -> Command[CallRecord]:
    """Call one telephone number, and return the call when it is answered.

    Args:
        to_number: who is called, in E.164 form.
        from_number: a number of the project.
        timeout: seconds for which it may ring.
        dial_timeout: as for `dial`.

    Raises:
        DialFailedError, DialTimeoutError, ValueError, TypeError, RelayError: as for `dial`.
    """
    device = builders.phone(to_number, from_number, timeout=timeout)
    return dial([[device]], dial_timeout=dial_timeout)


@checked
def dial_sip(
    to: str,
    from_: str,
    *,
    timeout: int | None = None,
    headers: Mapping[str, str] | None = None,
    dial_timeout: float | None = None,
) -> Command[CallRecord]:
    """Call one SIP address, and return the call when it is answered.

    Args:
        to: who is called, such as ``sip:bob@example.com``.
        from_: who is calling.
        timeout: seconds for which it may ring.
        headers: SIP headers by name.
        dial_timeout: as for `dial`.

    Raises:
        DialFailedError, DialTimeoutError, ValueError, TypeError, RelayError: as for `dial`.
    """
    device = builders.sip(to, from_, timeout=timeout, headers=headers)
    return dial([[device]], dial_timeout=dial_timeout)


@checked
def send_message(
    *,
    to_number: str,
    from_number: str,
    context: str | None = None,
    body: str | None = None,
    media: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    region: str | None = None,
    on_completed: Callable[[MessageStateEvent], Any] | None = None,
) -> Command[MessageRecord]:
    """Send a text message: an SMS, or an MMS if there is `media`.

    The result is the message, when the server has accepted it. Its delivery takes longer:
    wait for it, or give `on_completed`.

    Args:
        to_number: who gets the message.
        from_number: a number of the project.
        context: the context to which the server reports the delivery; without it, that
            of this session.
        body: the text.
        media: URLs of pictures and the like.
        tags: labels of your own, which the events of the message repeat.
        region: a region of the service, sent as it is.
        on_completed: a function that is called once, with the event that ends the
            delivery.

    Raises:
        ValueError: there is neither a body nor media.
        RelayError: as for `execute`.
    """
    if not body and not media:
        raise ValueError("body and media are both empty: a message needs at least one of them")
    params: JSONObject = {
        "context": context or DEFAULT_CONTEXT,
        "to_number": to_number,
        "from_number": from_number,
    }
    if body:
        params["body"] = body
    if media:
        params["media"] = media
    if tags:
        params["tags"] = tags
    if region:
        params["region"] = region
    return Command(
        "messaging.send",
        params,
        Purpose.SEND_MESSAGE,
        callback=on_completed,
    )


# Verbs of a call


@checked
def answer(**kwargs: Unpack[shapes.AnswerOptions]) -> Command[JSONObject]:
    """Answer an inbound call. Answering twice does no harm.

    Further arguments go to the server, such as `max_duration` and `codecs`.
    """
    return _verb("calling.answer", {}, kwargs, ends_call=True)


@checked
def hangup(reason: HangupReason = "hangup") -> Command[JSONObject]:
    """End the call.

    `reason` is ``hangup``, ``cancel``, ``busy``, ``noAnswer``, ``decline`` or ``error``.
    """
    return _verb("calling.end", {"reason": reason}, ends_call=True)


@checked
def pass_() -> Command[JSONObject]:
    """Pass an offered call back to the server, so that another client may take it.

    For this client, the call is over: its `end_reason` is ``passed``.
    """
    return _verb("calling.pass", {}, ends_call=True)


@checked
def connect(
    devices: Sequence[Sequence[shapes.ConnectDevice]],
    *,
    ringback: Sequence[shapes.Media] | None = None,
    tag: str | None = None,
    max_duration: int | None = None,
    max_price_per_minute: float | None = None,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Bridge the call to another party.

    The result only says that the server tries. A ``calling.call.connect`` event with the
    `connect_state` ``connected`` or ``failed`` says how it went. `connect_and_wait` waits for
    it. If the other party hangs up, this call goes on: see `wait_for_disconnected`.

    Args:
        devices: whom to call, in groups: see `dial`, a method of the client. Three more
            types are allowed: ``call`` with ``node_id`` and ``call_id``, ``queue`` with
            ``queue_name``, ``queue_id`` and ``node_id``, and ``stream`` with ``url``, ``name``,
            ``codec``, ``status_url``, ``status_url_method``, ``realtime``,
            ``authorization_bearer_token`` and ``custom_parameters``: see `stream`.
        ringback: what the caller hears until somebody answers; media as for `play`.
        tag: a name for the new calls, which their events repeat.
        max_duration: sent as it is. Documentation of the service disagrees whether it is
            minutes or seconds, so better use the `max_duration` of a device: seconds.
        max_price_per_minute: the highest price at which to call.
        status_url: a URL to which the server also posts the events.
    """
    params: JSONObject = {"devices": devices}
    if ringback is not None:
        params["ringback"] = ringback
    params |= _given(
        tag=tag,
        max_duration=max_duration,
        max_price_per_minute=max_price_per_minute,
        status_url=status_url,
    )
    return _verb("calling.connect", params, kwargs, ends_call=True)


@checked
def disconnect() -> Command[JSONObject]:
    """End the bridge. Both calls go on."""
    return _verb("calling.disconnect", {})


@checked
def transfer(
    dest: str | Mapping[str, Any], **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Hand the call over to another application.

    `dest` is the URL of an SWML script, the script itself (as text or as a dict),
    ``context:<name>``, a telephone number or a SIP URI. It is sent as it is.
    """
    return _verb("calling.transfer", {"dest": dest}, kwargs, ends_call=True)


@checked
def send_digits(digits: str, *, control_id: str | None = None) -> Command[JSONObject]:
    """Send DTMF digits on the call.

    A ``calling.call.send_digits`` event says when all are sent.

    Args:
        digits: ``0-9``, ``*``, ``#`` and ``A-D``; ``w`` is a pause of 0.5 s, and ``W`` one of 1 s.
        control_id: an id of your own, which the event repeats; without it, a new one.
    """
    params = {"control_id": _control_id(control_id), "digits": digits}
    return _verb("calling.send_digits", params)


@checked
def denoise() -> Command[JSONObject]:
    """Switch noise reduction on."""
    return _verb("calling.denoise", {})


@checked
def denoise_stop() -> Command[JSONObject]:
    """Switch noise reduction off."""
    return _verb("calling.denoise.stop", {})


@checked
def hold() -> Command[JSONObject]:
    """Put the call on hold. The service documents this, but may not support it."""
    return _verb("calling.hold", {})


@checked
def unhold() -> Command[JSONObject]:
    """Take the call off hold. See `hold`."""
    return _verb("calling.unhold", {})


@checked
def echo(
    *,
    timeout: float | None = None,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Play back to the caller what the caller says.

    This goes on for `timeout` seconds; 0 means until the call ends. `status_url` is a URL
    to which the server also posts the events.
    """
    params = _given(timeout=timeout, status_url=status_url)
    return _verb("calling.echo", params, kwargs)


@checked
def refer(
    device: shapes.ReferDevice,
    *,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Ask the other side of a SIP call, by SIP REFER, to call somebody else.

    `device` is ``{"type": "sip", "params": {"to": "sip:bob@example.com"}}``, optionally with
    ``from``, ``username`` and ``password``. ``uri`` may stand for ``to``. A
    ``calling.call.refer`` event has the result. `status_url` is a URL to which the server
    also posts the events.
    """
    params = {"device": device, **_given(status_url=status_url)}
    return _verb("calling.refer", params, kwargs)


@checked
def bind_digit(
    digits: str,
    bind_method: str,
    *,
    bind_params: Mapping[str, Any] | None = None,
    realm: str | None = None,
    max_triggers: int | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Let the server run a method whenever the caller presses certain digits.

    Args:
        digits: the digits, such as ``*1``.
        bind_method: the method to run, such as ``calling.play``.
        bind_params: the parameters of that method.
        realm: a name for a group of bindings: see `clear_digit_bindings`.
        max_triggers: how often the binding works; 0 means without a limit.
    """
    params: JSONObject = {
        "digits": digits,
        "bind_method": bind_method,
        **_given(
            params=bind_params,
            realm=realm,
            max_triggers=max_triggers,
        ),
    }
    return _verb("calling.bind_digit", params, kwargs)


@checked
def clear_digit_bindings(
    *, realm: str | None = None, **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Remove the bindings of `bind_digit`: all of them, or those of one `realm`."""
    return _verb("calling.clear_digit_bindings", _given(realm=realm), kwargs)


@checked
def live_transcribe(
    action: shapes.LiveTranscribe | Literal["stop"], **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Start or stop a live transcription: the text comes while people speak.

    `action` is a dict with one of these keys. ``start`` is a dict with ``lang`` (such as
    ``en-US``), ``direction`` (a list of ``local-caller`` and ``remote-caller``), ``webhook`` (the
    URL that gets the text), ``live_events``, ``ai_summary``, ``speech_engine``,
    ``speech_timeout`` and ``vad_silence_ms`` (milliseconds) and ``vad_thresh``; only ``lang`` is
    needed. ``summarize`` is a dict with ``webhook`` and ``prompt``. ``stop`` is ``{}``.
    """
    return _verb("calling.live_transcribe", {"action": action}, kwargs)


@checked
def live_translate(
    action: shapes.LiveTranslate | Literal["stop"],
    *,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Start or stop a live translation: the text comes while people speak.

    `action` is a dict with one of these keys. ``start`` is a dict with ``from_lang`` and
    ``to_lang`` (such as ``en-US`` and ``es-ES``), ``direction`` (a list of ``local-caller`` and
    ``remote-caller``), ``from_voice``, ``to_voice``, ``webhook`` (the URL that gets the text) and
    ``live_events``; only the two languages are needed. ``inject`` is a dict with ``message`` and
    ``direction``. ``summarize`` is a dict with ``webhook`` and ``prompt``. ``stop`` is ``{}``.
    `status_url` is a URL to which the server also posts the events.
    """
    params = {"action": action, **_given(status_url=status_url)}
    return _verb("calling.live_translate", params, kwargs)


@checked
def join_conference(
    name: str,
    *,
    muted: bool | None = None,
    beep: str | None = None,
    start_on_enter: bool | None = None,
    end_on_exit: bool | None = None,
    wait_url: str | None = None,
    max_participants: int | None = None,
    record: str | None = None,
    region: str | None = None,
    trim: str | None = None,
    coach: str | None = None,
    status_callback: str | None = None,
    status_callback_event: str | None = None,
    status_callback_event_type: str | None = None,
    status_callback_method: str | None = None,
    recording_status_callback: str | None = None,
    recording_status_callback_event: str | None = None,
    recording_status_callback_event_type: str | None = None,
    recording_status_callback_method: str | None = None,
    stream_obj: shapes.StreamParams | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Join a conference. The first call that joins opens it.

    ``calling.conference`` events report what happens there.

    Args:
        name: the name of the conference.
        muted: whether the others cannot hear this call.
        beep: when to beep, as text: ``true``, ``false``, ``onEnter`` or ``onExit``.
        start_on_enter: whether the conference starts when this call joins.
        end_on_exit: whether the conference ends when this call leaves.
        wait_url: the URL of an audio file that plays until the conference starts.
        max_participants: the most calls that may join.
        record: ``record-from-start`` or ``do-not-record``.
        region: ``global``, ``us``, ``eu`` or ``ch``.
        trim: ``trim-silence`` or ``do-not-trim``, for the recording.
        coach: the `call_id` of a participant whom this call coaches.
        status_callback: a URL to which the server posts the events of the conference.
        status_callback_event: which ones, separated by spaces: ``start end join leave
            mute hold modify speaker announcement``.
        status_callback_event_type: ``relay``, ``cxml`` or ``laml``.
        status_callback_method: ``POST`` or ``GET``.
        recording_status_callback: a URL to which the server posts those of the recording.
        recording_status_callback_event: which ones: ``in-progress completed absent``.
        recording_status_callback_event_type: ``relay``, ``cxml`` or ``laml``.
        recording_status_callback_method: ``POST`` or ``GET``.
        stream_obj: streams the conference: a dict with ``url`` (which is needed), ``name``,
            ``codec``, ``status_url``, ``status_url_method``, ``realtime``,
            ``authorization_bearer_token`` and ``custom_parameters``: see `stream`.
    """
    stream = stream_obj
    params = _given(
        name=name,
        muted=muted,
        beep=beep,
        start_on_enter=start_on_enter,
        end_on_exit=end_on_exit,
        wait_url=wait_url,
        max_participants=max_participants,
        record=record,
        region=region,
        trim=trim,
        coach=coach,
        status_callback=status_callback,
        status_callback_event=status_callback_event,
        status_callback_event_type=status_callback_event_type,
        status_callback_method=status_callback_method,
        recording_status_callback=recording_status_callback,
        recording_status_callback_event=recording_status_callback_event,
        recording_status_callback_event_type=recording_status_callback_event_type,
        recording_status_callback_method=recording_status_callback_method,
        stream=stream,
    )
    return _verb("calling.join_conference", params, kwargs)


@checked
def leave_conference(
    conference_id: str, **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Leave a conference. Its `conference_id` is in the ``calling.conference`` events."""
    params = {"conference_id": conference_id}
    return _verb("calling.leave_conference", params, kwargs)


@checked
def join_room(
    name: str, *, status_url: str | None = None, **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Join the video room `name`.

    `status_url` is a URL to which the server also posts the events.
    """
    params = {"name": name, **_given(status_url=status_url)}
    return _verb("calling.join_room", params, kwargs)


@checked
def leave_room(**kwargs: Unpack[shapes.NothingMore]) -> Command[JSONObject]:
    """Leave the video room."""
    return _verb("calling.leave_room", {}, kwargs)


@checked
def queue_enter(
    queue_name: str,
    *,
    control_id: str | None = None,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.QueueOptions],
) -> Command[JSONObject]:
    """Put the call into a queue. The first call that enters opens it.

    ``calling.call.queue`` events report its place.

    Args:
        queue_name: the name of the queue.
        control_id: an id of your own, which these events repeat; without it, a new one.
        status_url: a URL to which the server also posts the events.
        kwargs: ``wait_url``, the URL of an audio file that plays while the call waits,
            such as an MP3 or a WAV.
    """
    params: JSONObject = {
        "control_id": _control_id(control_id),
        "queue_name": queue_name,
        **_given(status_url=status_url),
    }
    return _verb("calling.queue.enter", params, kwargs)


@checked
def queue_leave(
    queue_name: str,
    *,
    control_id: str | None = None,
    queue_id: str | None = None,
    status_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Take the call out of a queue.

    Args:
        queue_name: the name of the queue.
        control_id: an id of your own; it need not be that of `queue_enter`.
        queue_id: the `queue_id` of the call in its queue events.
        status_url: a URL to which the server also posts the events.
    """
    params: JSONObject = {
        "control_id": _control_id(control_id),
        "queue_name": queue_name,
        **_given(queue_id=queue_id, status_url=status_url),
    }
    return _verb("calling.queue.leave", params, kwargs)


@checked
def ai_message(
    *,
    message_text: str | None = None,
    role: str | None = None,
    reset: shapes.Reset | None = None,
    global_data: Mapping[str, Any] | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Add a message to the conversation of this call's AI.

    Args:
        message_text: the message.
        role: who says it: ``user``, ``system`` or ``assistant``.
        reset: starts the conversation anew: a dict with ``full_reset``, ``user_prompt`` and
            ``system_prompt``, all optional.
        global_data: data for the AI.
    """
    params = _given(message_text=message_text, role=role, reset=reset, global_data=global_data)
    return _verb("calling.ai_message", params, kwargs)


@checked
def ai_hold(
    *, timeout: str | None = None, prompt: str | None = None, **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Put the AI of this call on hold, for at most `timeout` seconds.

    `prompt` is what the AI says before. `timeout` may be text or a number.
    """
    params = _given(timeout=timeout, prompt=prompt)
    return _verb("calling.ai_hold", params, kwargs)


@checked
def ai_unhold(
    *, prompt: str | None = None, **kwargs: Unpack[shapes.NothingMore]
) -> Command[JSONObject]:
    """Take the AI of this call off hold. `prompt` is what it says then."""
    return _verb("calling.ai_unhold", _given(prompt=prompt), kwargs)


@checked
def amazon_bedrock(
    *,
    prompt: Any | None = None,
    SWAIG: Mapping[str, Any] | None = None,  # noqa: N803 - the wire's name
    ai_params: Mapping[str, Any] | None = None,
    global_data: Mapping[str, Any] | None = None,
    post_prompt: Mapping[str, Any] | None = None,
    post_prompt_url: str | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[JSONObject]:
    """Connect the call to an Amazon Bedrock agent.

    Args:
        prompt: as for `ai`.
        SWAIG: as for `ai`.
        ai_params: as for `ai`.
        global_data: as for `ai`.
        post_prompt: as for `ai`.
        post_prompt_url: as for `ai`.
    """
    params = _given(
        prompt=prompt,
        SWAIG=SWAIG,
        params=ai_params,
        global_data=global_data,
        post_prompt=post_prompt,
        post_prompt_url=post_prompt_url,
    )
    return _verb("calling.amazon_bedrock", params, kwargs)


@checked
def user_event(*, event: str | None = None, **kwargs: Any) -> Command[JSONObject]:
    """Raise an event of your own on the call.

    `event` is its name. Further arguments are sent with it.
    """
    return _verb("calling.user_event", _given(event=event), kwargs)


# Verbs that start an action


@checked
def play(
    media: Sequence[shapes.Media],
    *,
    volume: float | None = None,
    direction: shapes.Heard | None = None,
    loop: int | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[PlayEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Play media, one item after another.

    Args:
        media: a list of items, such as ``[{"type": "tts", "params": {"text": "Hello"}}]``.
            An item is a dict with ``type`` and ``params``; these are for ``tts``: ``text``,
            ``language`` (default ``en-US``), ``gender`` (``male`` or ``female``) and ``voice``. For
            ``audio``: ``url``. For ``silence``: ``duration`` (seconds). For ``ringtone``: ``name``
            (a country, such as ``us``) and ``duration`` (seconds). See `tts`, `audio`,
            `silence` and `ringtone`, the builders.
        volume: in dB, from -40 to 40.
        direction: ``listen``, ``speak`` or ``both``. With ``listen``, the server's default, the
            party of this call hears it.
        loop: how often to play it; 0 means until it is stopped.
        control_id: an id of your own for the action; without it, a new one.
        on_completed: a function that is called once, with the last event of the action.
        kwargs: ``status_url``, a URL to which the server also posts the events. Others are
            sent as they are.

    Raises:
        ValueError, TypeError: an argument is wrong, or the `control_id` is in use.
        RelayError: as for `RelayClient.execute`. All verbs raise these errors.
    """
    params: JSONObject = {
        "play": media,
        **_given(volume=volume, direction=direction, loop=loop),
    }
    return _start(actions.PLAY, control_id, params, kwargs, on_completed)


@checked
def play_and_collect(
    media: Sequence[shapes.Media],
    collect: shapes.Collect,
    *,
    volume: float | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[CollectEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Play media, and collect digits or speech meanwhile.

    The first digit or word stops the media. The action completes with the input, or when
    no input came in time.

    Args:
        media: as for `play`.
        collect: what to collect, such as
            ``{"digits": {"max": 4, "terminators": "#"}, "initial_timeout": 10.0}``. A dict
            with ``digits`` or ``speech`` or both, which are dicts as for `collect`, and
            optionally ``initial_timeout`` (seconds to wait for the first digit or word,
            default 4), ``partial_results``, ``continuous``, ``send_start_of_input`` and
            ``start_input_timers``, which are as for `collect`, too. See `collecting`.
        volume: in dB, from -40 to 40.
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    wanted = collect
    params: JSONObject = {
        "play": media,
        "collect": wanted,
        **_given(volume=volume),
    }
    continuous = wanted.get("continuous") is True
    kind = actions.PLAY_AND_COLLECT_CONTINUOUS if continuous else actions.PLAY_AND_COLLECT
    return _start(kind, control_id, params, kwargs, on_completed)


@checked
def collect(
    *,
    digits: shapes.Digits | None = None,
    speech: shapes.Speech | None = None,
    initial_timeout: float | None = None,
    partial_results: bool | None = None,
    continuous: bool | None = None,
    send_start_of_input: bool | None = None,
    start_input_timers: bool | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[CollectEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Collect digits or speech, without playing anything.

    Args:
        digits: a dict with ``max`` (how many digits), and optionally ``terminators``
            (digits that end the input, such as ``#``) and ``digit_timeout`` (seconds to wait
            for each further digit): see `digits`, the builder.
        speech: a dict with these keys, all optional: ``language`` (such as ``en-US``),
            ``end_silence_timeout`` (seconds of silence that end the input),
            ``speech_timeout`` (the most seconds that it may last), ``hints`` (words that are
            likely), ``model`` and ``engine`` (``Google``, ``Google.V2``, ``Deepgram``): see
            `speech`, the builder.
        initial_timeout: seconds to wait for the first digit or word; the server's default
            is 4.
        partial_results: whether to report speech before it is final.
        continuous: whether to go on after a result, until the action is stopped.
        send_start_of_input: whether to report the start of the input.
        start_input_timers: false holds `initial_timeout` back, until the program calls
            the method `start_input_timers` of the action.
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    if digits is None and speech is None:
        raise ValueError(builders.NOTHING_TO_COLLECT)
    params = _given(
        digits=digits,
        speech=speech,
        initial_timeout=initial_timeout,
        partial_results=partial_results,
        continuous=continuous,
        send_start_of_input=send_start_of_input,
        start_input_timers=start_input_timers,
    )
    kind = actions.COLLECT_CONTINUOUS if continuous else actions.COLLECT
    return _start(kind, control_id, params, kwargs, on_completed)


@checked
def play_tts(
    text: str,
    *,
    language: str | None = None,
    gender: Literal["male", "female"] | None = None,
    voice: str | None = None,
    volume: float | None = None,
    on_completed: OnCompleted[PlayEvent] | None = None,
) -> Command[ActionRecord]:
    """Say a text. See `play`.

    Args:
        text: what is said.
        language: a tag such as ``en-US``, which is the server's default.
        gender: ``male`` or ``female``.
        voice: the name of a voice of the service.
        volume: in dB, from -40 to 40.
        on_completed: as for `play`.
    """
    media = builders.tts(text, language=language, gender=gender, voice=voice)
    return play([media], volume=volume, on_completed=on_completed)


@checked
def play_audio(
    url: str, *, volume: float | None = None, on_completed: OnCompleted[PlayEvent] | None = None
) -> Command[ActionRecord]:
    """Play an audio file once. See `play`.

    To repeat it, use `play`: ``play([audio(url)], loop=0)`` goes on until it is stopped.

    Args:
        url: where the service fetches the file.
        volume: in dB, from -40 to 40.
        on_completed: as for `play`.
    """
    return play([builders.audio(url)], volume=volume, on_completed=on_completed)


@checked
def play_silence(
    duration: float, *, on_completed: OnCompleted[PlayEvent] | None = None
) -> Command[ActionRecord]:
    """Play silence for `duration` seconds. See `play`.

    Args:
        duration: seconds.
        on_completed: as for `play`.
    """
    return play([builders.silence(duration)], on_completed=on_completed)


@checked
def play_ringtone(
    name: str,
    *,
    duration: float | None = None,
    volume: float | None = None,
    on_completed: OnCompleted[PlayEvent] | None = None,
) -> Command[ActionRecord]:
    """Play the ringtone of a country. See `play`.

    Args:
        name: the country, as two letters such as ``us``.
        duration: seconds.
        volume: in dB, from -40 to 40.
        on_completed: as for `play`.
    """
    media = builders.ringtone(name, duration=duration)
    return play([media], volume=volume, on_completed=on_completed)


@checked
def prompt_tts(
    text: str,
    collect: shapes.Collect,
    *,
    language: str | None = None,
    gender: Literal["male", "female"] | None = None,
    voice: str | None = None,
    volume: float | None = None,
    on_completed: OnCompleted[CollectEvent] | None = None,
) -> Command[ActionRecord]:
    """Say a text, and collect digits or speech meanwhile. See `play_and_collect`.

    Args:
        text: what is said.
        collect: what to collect: as for `play_and_collect`.
        language: a tag such as ``en-US``, which is the server's default.
        gender: ``male`` or ``female``.
        voice: the name of a voice of the service.
        volume: in dB, from -40 to 40.
        on_completed: as for `play`.
    """
    media = builders.tts(text, language=language, gender=gender, voice=voice)
    return play_and_collect([media], collect, volume=volume, on_completed=on_completed)


@checked
def prompt_audio(
    url: str,
    collect: shapes.Collect,
    *,
    volume: float | None = None,
    on_completed: OnCompleted[CollectEvent] | None = None,
) -> Command[ActionRecord]:
    """Play an audio file, and collect digits or speech meanwhile. See `play_and_collect`.

    Args:
        url: where the service fetches the file.
        collect: what to collect: as for `play_and_collect`.
        volume: in dB, from -40 to 40.
        on_completed: as for `play`.
    """
    media = builders.audio(url)
    return play_and_collect([media], collect, volume=volume, on_completed=on_completed)


@checked
def record(
    audio: shapes.RecordAudio | None = None,
    *,
    control_id: str | None = None,
    on_completed: OnCompleted[RecordEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Record the call.

    The last event has the URL of the recording. It may arrive some seconds after the call
    has ended.

    Args:
        audio: how to record: a dict with these keys, all optional: ``format`` (``mp3``,
            ``wav``, ``mp4``), ``direction`` (``speak``, the default: what the party of this
            call says; ``listen``: what they hear; ``both``), ``stereo`` and ``beep``
            (booleans; no beep by default), ``initial_timeout`` and ``end_silence_timeout``
            (seconds of silence that end it), ``max_length`` (seconds; 0 means no limit),
            ``terminators`` (digits that end it) and ``input_sensitivity`` (0 to 100, default 44).
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    wanted: shapes.RecordAudio = {} if audio is None else audio
    return _start(actions.RECORD, control_id, {"record": {"audio": wanted}}, kwargs, on_completed)


@checked
def detect(
    detect: shapes.Detector,
    *,
    timeout: float | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[DetectEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Listen for an answering machine, a fax or digits.

    The action completes with the first thing that is heard.

    Args:
        detect: a dict with ``type`` and ``params``, all of which are optional. These are for
            ``machine``, in seconds: ``initial_timeout`` (default 4.5),
            ``end_silence_timeout`` (default 1), ``machine_ready_timeout`` and
            ``machine_voice_threshold`` (default 1.25); and ``machine_words_threshold`` (words,
            default 6), ``detect_interruptions`` (default False) and ``detect_message_end``. For
            ``fax``: ``tone`` (``CED`` or ``CNG``). For ``digit``: ``digits`` (default: any). See
            `machine_detector`, `fax_detector` and `digit_detector`.
        timeout: seconds to listen; the server's default is 30.
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    params = {
        "detect": detect,
        **_given(timeout=timeout),
    }
    return _start(actions.DETECT, control_id, params, kwargs, on_completed)


@checked
def detect_answering_machine(
    *,
    initial_timeout: float | None = None,
    end_silence_timeout: float | None = None,
    machine_voice_threshold: float | None = None,
    machine_words_threshold: int | None = None,
    detect_interruptions: bool | None = None,
    detect_message_end: bool | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted[DetectEvent] | None = None,
) -> Command[ActionRecord]:
    """Find out whether a person or an answering machine has answered. See `detect`.

    Args:
        initial_timeout: seconds to wait for a voice; the server's default is 4.5.
        end_silence_timeout: seconds of silence that end the listening; default 1.
        machine_voice_threshold: seconds of voice that mean a machine; default 1.25.
        machine_words_threshold: words that mean a machine; default 6.
        detect_interruptions: whether to report more after the first result.
        detect_message_end: whether to report the end of the machine's greeting.
        timeout: seconds to listen; the server's default is 30.
        on_completed: as for `play`.
    """
    wanted = builders.machine_detector(
        initial_timeout=initial_timeout,
        end_silence_timeout=end_silence_timeout,
        machine_voice_threshold=machine_voice_threshold,
        machine_words_threshold=machine_words_threshold,
        detect_interruptions=detect_interruptions,
        detect_message_end=detect_message_end,
    )
    return detect(wanted, timeout=timeout, on_completed=on_completed)


@checked
def detect_digit(
    *,
    digits: str | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted[DetectEvent] | None = None,
) -> Command[ActionRecord]:
    """Listen for certain digits. See `detect`.

    Args:
        digits: the digits to listen for, such as ``123``; without it, any.
        timeout: seconds to listen; the server's default is 30.
        on_completed: as for `play`.
    """
    return detect(builders.digit_detector(digits), timeout=timeout, on_completed=on_completed)


@checked
def detect_fax(
    *,
    tone: Literal["CED", "CNG"] | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted[DetectEvent] | None = None,
) -> Command[ActionRecord]:
    """Listen for a fax. See `detect`.

    Args:
        tone: ``CED``, the tone of a fax that is called, or ``CNG``, that of one that calls.
        timeout: seconds to listen; the server's default is 30.
        on_completed: as for `play`.
    """
    return detect(builders.fax_detector(tone), timeout=timeout, on_completed=on_completed)


@checked
def pay(
    payment_connector_url: str,
    *,
    control_id: str | None = None,
    input_method: str | None = None,
    status_url: str | None = None,
    payment_method: str | None = None,
    timeout: str | None = None,
    max_attempts: str | None = None,
    security_code: str | None = None,
    postal_code: str | None = None,
    min_postal_code_length: str | None = None,
    token_type: str | None = None,
    charge_amount: str | None = None,
    currency: str | None = None,
    language: str | None = None,
    voice: str | None = None,
    description: str | None = None,
    valid_card_types: str | None = None,
    parameters: Sequence[shapes.PayParameter] | None = None,
    prompts: Sequence[Mapping[str, Any]] | None = None,
    on_completed: OnCompleted[PayEvent] | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[ActionRecord]:
    """Collect a payment.

    The server wants most values as text. Numbers and booleans are allowed, too: they are
    sent as text.

    Args:
        payment_connector_url: the URL of the service that handles the payment.
        control_id: as for `play`.
        input_method: how to ask: ``dtmf``. It is ``input`` on the wire.
        status_url: a URL to which the server also posts the events.
        payment_method: ``credit-card``.
        timeout: seconds to wait for the next digit.
        max_attempts: how often to ask again.
        security_code: whether to ask for the security code of the card.
        postal_code: whether to ask for the postal code, or the postal code itself.
        min_postal_code_length: the fewest digits of a postal code.
        token_type: ``reusable`` or ``one-time``.
        charge_amount: how much to charge, without the currency.
        currency: such as ``usd``.
        language: a tag such as ``en-US``.
        voice: the voice that speaks.
        description: a text about the payment.
        valid_card_types: the types of card, such as ``visa mastercard``.
        parameters: more for the service: a list of ``{"name": …, "value": …}``.
        prompts: your own prompts.
        on_completed: as for `play`.
    """
    params = {
        "payment_connector_url": payment_connector_url,
        **_given(
            input=input_method,
            status_url=status_url,
            payment_method=payment_method,
            timeout=timeout,
            max_attempts=max_attempts,
            security_code=security_code,
            postal_code=postal_code,
            min_postal_code_length=min_postal_code_length,
            charge_amount=charge_amount,
            token_type=token_type,
            currency=currency,
            language=language,
            voice=voice,
            description=description,
            valid_card_types=valid_card_types,
            parameters=parameters,
            prompts=prompts,
        ),
    }
    return _start(actions.PAY, control_id, params, kwargs, on_completed)


@checked
def send_fax(
    document: str,
    *,
    identity: str | None = None,
    header_info: str | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[FaxEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Send a fax.

    Args:
        document: the URL of a PDF or TIFF file.
        identity: the number that the other side sees.
        header_info: a text for the top of each page; ``""`` leaves it away.
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    params = {
        "document": document,
        **_given(identity=identity, header_info=header_info),
    }
    return _start(actions.SEND_FAX, control_id, params, kwargs, on_completed)


@checked
def receive_fax(
    *,
    control_id: str | None = None,
    on_completed: OnCompleted[FaxEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Receive a fax. The last event has the URL of the document.

    `control_id`, `on_completed` and ``status_url`` are as for `play`.
    """
    return _start(actions.RECEIVE_FAX, control_id, {}, kwargs, on_completed)


@checked
def tap(
    tap: shapes.Tap | shapes.FlatTap,
    device: shapes.TapDevice,
    *,
    control_id: str | None = None,
    on_completed: OnCompleted[TapEvent] | None = None,
    **kwargs: Unpack[shapes.StatusOptions],
) -> Command[ActionRecord]:
    """Send a copy of the call's audio elsewhere.

    Args:
        tap: what to send: ``{"type": "audio", "params": {"direction": "both"}}``; other
            directions are ``listen`` and ``speak``.
        device: where to send it: a dict with ``type`` and ``params``. These are for ``rtp``:
            ``addr`` (an IPv4 address), ``port``, ``codec`` and ``ptime`` (milliseconds of audio
            in a packet). For ``ws``: ``uri`` (``wss://…``), ``codec`` and ``rate`` (samples in a
            second). ``codec``, ``ptime`` and ``rate`` are optional.
        control_id: as for `play`.
        on_completed: as for `play`.
        kwargs: ``status_url``, as for `play`.
    """
    params = {
        "tap": tap,
        "device": device,
    }
    return _start(actions.TAP, control_id, params, kwargs, on_completed)


@checked
def stream(
    url: str,
    *,
    name: str | None = None,
    codec: str | None = None,
    track: str | None = None,
    status_url: str | None = None,
    status_url_method: str | None = None,
    authorization_bearer_token: str | None = None,
    custom_parameters: Mapping[str, Any] | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted[StreamEvent] | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[ActionRecord]:
    """Stream the call's audio to a WebSocket.

    Args:
        url: a ``wss://`` URL.
        name: a name for the stream.
        codec: such as ``PCMU`` or ``OPUS``.
        track: ``inbound_track``, ``outbound_track`` or ``both_tracks``.
        status_url: a URL to which the server also posts the events.
        status_url_method: ``POST`` or ``GET``.
        authorization_bearer_token: a token for `url`. It is masked in logs.
        custom_parameters: data of your own for `url`.
        control_id: as for `play`.
        on_completed: as for `play`.
    """
    params = {
        "url": url,
        **_given(
            name=name,
            codec=codec,
            track=track,
            status_url=status_url,
            status_url_method=status_url_method,
            authorization_bearer_token=authorization_bearer_token,
            custom_parameters=custom_parameters,
        ),
    }
    return _start(actions.STREAM, control_id, params, kwargs, on_completed)


@checked
def transcribe(
    *,
    control_id: str | None = None,
    status_url: str | None = None,
    on_completed: OnCompleted[TranscribeEvent] | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[ActionRecord]:
    """Transcribe the call. The last event has the URL of the transcription.

    It may arrive some seconds after the call has ended. A call has at most one
    transcription.

    Args:
        control_id: as for `play`.
        status_url: a URL to which the server also posts the events.
        on_completed: as for `play`.
    """
    return _start(
        actions.TRANSCRIBE, control_id, _given(status_url=status_url), kwargs, on_completed
    )


@checked
def ai(
    *,
    control_id: str | None = None,
    agent: str | None = None,
    prompt: Mapping[str, Any] | None = None,
    post_prompt: Mapping[str, Any] | None = None,
    post_prompt_url: str | None = None,
    post_prompt_auth_user: str | None = None,
    post_prompt_auth_password: str | None = None,
    global_data: Mapping[str, Any] | None = None,
    pronounce: Sequence[Mapping[str, Any]] | None = None,
    hints: Sequence[str] | None = None,
    languages: Sequence[Mapping[str, Any]] | None = None,
    SWAIG: Mapping[str, Any] | None = None,  # noqa: N803 - the wire's name
    ai_params: Mapping[str, Any] | None = None,
    on_completed: OnCompleted[UnknownEvent] | None = None,
    **kwargs: Unpack[shapes.NothingMore],
) -> Command[ActionRecord]:
    """Let an AI talk to the caller, until it is stopped or the call ends.

    Args:
        control_id: as for `play`.
        agent: the id of a stored configuration.
        prompt: what the AI is to do: a dict, such as ``{"text": …}``.
        post_prompt: what it is to report after the conversation.
        post_prompt_url: the URL that gets this report.
        post_prompt_auth_user: a name for that URL.
        post_prompt_auth_password: a password for that URL. It is masked in logs.
        global_data: data for the AI.
        pronounce: how to pronounce certain words.
        hints: words that the caller is likely to say.
        languages: the languages that it speaks.
        SWAIG: the functions that it may call.
        ai_params: its settings; ``params`` on the wire.
        on_completed: as for `play`.
    """
    params = _given(
        agent=agent,
        prompt=prompt,
        post_prompt=post_prompt,
        post_prompt_url=post_prompt_url,
        post_prompt_auth_user=post_prompt_auth_user,
        post_prompt_auth_password=post_prompt_auth_password,
        global_data=global_data,
        pronounce=pronounce,
        hints=hints,
        languages=languages,
        SWAIG=SWAIG,
        params=ai_params,
    )
    return _start(actions.AI, control_id, params, kwargs, on_completed)


# Controls of an action. Where a name begins with a dot, the method of the action precedes it.


@checked
def stop() -> Command[JSONObject]:
    """Stop the action. If it is over already, the result is ``{}``."""
    return _control(".stop", {})


@checked
def pause(behavior: str | None = None) -> Command[JSONObject]:
    """Pause the action.

    `behavior` is for recordings: ``skip`` leaves the pause away, ``silence`` records silence.
    """
    return _control(".pause", {"behavior": behavior} if behavior else {})


@checked
def resume() -> Command[JSONObject]:
    """Resume the paused action."""
    return _control(".resume", {})


@checked
def volume(volume: float) -> Command[JSONObject]:
    """Change the volume to `volume`, in dB, from -40 to 40."""
    return _control(".volume", {"volume": volume})


@checked
def start_input_timers() -> Command[JSONObject]:
    """Start `initial_timeout` now, if ``start_input_timers=False`` held it back."""
    return _control("calling.collect.start_input_timers", {})


def _given(**params: Any) -> JSONObject:
    return {name: value for name, value in params.items() if value is not None}


def _control_id(control_id: str | None) -> object:
    return NEW_ID if control_id is None else control_id


def _verb(
    method: str,
    params: JSONObject,
    kwargs: Mapping[str, object] | None = None,
    *,
    ends_call: bool = False,
) -> Command[JSONObject]:
    return Command(method, {**params, **(kwargs or {})}, _VERB, ends_call=ends_call)


def _start(
    kind: ActionKind,
    control_id: str | None,
    params: JSONObject,
    kwargs: Mapping[str, object],
    on_completed: object,
) -> Command[ActionRecord]:
    return Command(
        kind.method,
        {"control_id": _control_id(control_id), **params, **kwargs},
        _START,
        kind=kind,
        ends_call=True,
        callback=on_completed,
    )


def _control(method: str, params: JSONObject) -> Command[JSONObject]:
    return Command(method, params, _CONTROL)
