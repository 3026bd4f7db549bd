"""Commands: one function per verb, from its public signature to a `Command`.

A command is a value. It says what to ask of the server, what the answer means,
and nothing about how or when it is sent. Arguments are checked here; an optional
argument that was not given is absent from the wire. Further keyword arguments,
where a verb takes them, go to the wire as they are.

The annotations are no texts here, so that those of the methods are none either.

Source: docs/protocol.md, sections 9, 11, 13, 14.2, 14.6, 15 and 16.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from ..config import check_contexts
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc import action_kinds as actions
from ..rpc.action_kinds import ActionKind
from ..rpc.event_base import RelayEvent
from ..rpc.frames import JSONObject
from . import arguments as values
from . import builders

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


class Command(msgspec.Struct, Generic[R], frozen=True):
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


def denoise() -> Command[JSONObject]:
    """Switch noise reduction on."""
    return _verb("calling.denoise", {})


def denoise_stop() -> Command[JSONObject]:
    """Switch noise reduction off."""
    return _verb("calling.denoise.stop", {})


def hold() -> Command[JSONObject]:
    """Put the call on hold. Documented, but maybe not implemented by the service."""
    return _verb("calling.hold", {})


def unhold() -> Command[JSONObject]:
    """Take the call off hold. See `hold`."""
    return _verb("calling.unhold", {})


def echo(
    *, timeout: float | None = None, status_url: str | None = None, **kwargs: Any
) -> Command[JSONObject]:
    """Play back what is heard, for `timeout` seconds; 0 until the call ends."""
    params = _given(timeout=values.seconds("timeout", timeout), status_url=status_url)
    return _verb("calling.echo", params, kwargs)


def refer(
    device: Mapping[str, Any], *, status_url: str | None = None, **kwargs: Any
) -> Command[JSONObject]:
    """Ask the other side, by SIP REFER, to call ``device["params"]["to"]`` instead."""
    params = {"device": values.refer_device("device", device), **_given(status_url=status_url)}
    return _verb("calling.refer", params, kwargs)


def bind_digit(
    digits: str,
    bind_method: str,
    *,
    bind_params: Mapping[str, Any] | None = None,
    realm: str | None = None,
    max_triggers: int | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Let the server run a method, such as ``calling.play``, whenever digits are pressed.

    `max_triggers` is how often at most, 0 without a limit.
    """
    params: JSONObject = {
        "digits": values.text("digits", digits),
        "bind_method": values.text("bind_method", bind_method),
        **_given(
            params=None if bind_params is None else values.json_object("bind_params", bind_params),
            realm=realm,
            max_triggers=max_triggers,
        ),
    }
    return _verb("calling.bind_digit", params, kwargs)


def clear_digit_bindings(*, realm: str | None = None, **kwargs: Any) -> Command[JSONObject]:
    """Undo `bind_digit`: all bindings, or those of one realm."""
    return _verb("calling.clear_digit_bindings", _given(realm=realm), kwargs)


def live_transcribe(action: Mapping[str, Any] | str, **kwargs: Any) -> Command[JSONObject]:
    """Transcribe what is said while it is said: ``{"start": {...}}``, ``{"stop": {}}``, …."""
    return _verb("calling.live_transcribe", {"action": values.live_action(action)}, kwargs)


def live_translate(
    action: Mapping[str, Any] | str, *, status_url: str | None = None, **kwargs: Any
) -> Command[JSONObject]:
    """Translate what is said while it is said: as `live_transcribe`, and ``inject``."""
    params = {"action": values.live_action(action), **_given(status_url=status_url)}
    return _verb("calling.live_translate", params, kwargs)


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
    stream_obj: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Join a conference, which the first to join opens.

    `beep` is text: ``true``, ``false``, ``onEnter`` or ``onExit``. `coach` is the id of
    the call that is to be coached. `stream_obj` has the keys of a ``stream`` device.
    """
    stream = None if stream_obj is None else values.json_object("stream_obj", stream_obj)
    params = _given(
        name=values.text("name", name),
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


def leave_conference(conference_id: str, **kwargs: Any) -> Command[JSONObject]:
    """Leave a conference; its id is in the ``calling.conference`` events."""
    params = {"conference_id": values.text("conference_id", conference_id)}
    return _verb("calling.leave_conference", params, kwargs)


def join_room(name: str, *, status_url: str | None = None, **kwargs: Any) -> Command[JSONObject]:
    """Join a video room."""
    params = {"name": values.text("name", name), **_given(status_url=status_url)}
    return _verb("calling.join_room", params, kwargs)


def leave_room(**kwargs: Any) -> Command[JSONObject]:
    """Leave the video room."""
    return _verb("calling.leave_room", {}, kwargs)


def queue_enter(
    queue_name: str,
    *,
    control_id: str | None = None,
    status_url: str | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Put the call into a queue, which the first to enter opens."""
    params: JSONObject = {
        "control_id": _control_id(control_id),
        "queue_name": values.text("queue_name", queue_name),
        **_given(status_url=status_url),
    }
    return _verb("calling.queue.enter", params, kwargs)


def queue_leave(
    queue_name: str,
    *,
    control_id: str | None = None,
    queue_id: str | None = None,
    status_url: str | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Take the call out of a queue."""
    params: JSONObject = {
        "control_id": _control_id(control_id),
        "queue_name": values.text("queue_name", queue_name),
        **_given(queue_id=queue_id, status_url=status_url),
    }
    return _verb("calling.queue.leave", params, kwargs)


def ai_message(
    *,
    message_text: str | None = None,
    role: str | None = None,
    reset: Mapping[str, Any] | None = None,
    global_data: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Say something to the AI of this call, as ``user``, ``system`` or ``assistant``."""
    params = _given(message_text=message_text, role=role, reset=reset, global_data=global_data)
    return _verb("calling.ai_message", params, kwargs)


def ai_hold(
    *, timeout: str | None = None, prompt: str | None = None, **kwargs: Any
) -> Command[JSONObject]:
    """Let the AI of this call wait, for `timeout` seconds at most (sent as text)."""
    params = _given(timeout=values.as_text("timeout", timeout), prompt=prompt)
    return _verb("calling.ai_hold", params, kwargs)


def ai_unhold(*, prompt: str | None = None, **kwargs: Any) -> Command[JSONObject]:
    """Let the AI of this call go on."""
    return _verb("calling.ai_unhold", _given(prompt=prompt), kwargs)


def amazon_bedrock(
    *,
    prompt: Any | None = None,
    SWAIG: Mapping[str, Any] | None = None,  # noqa: N803 - the wire's name
    ai_params: Mapping[str, Any] | None = None,
    global_data: Mapping[str, Any] | None = None,
    post_prompt: Mapping[str, Any] | None = None,
    post_prompt_url: str | None = None,
    **kwargs: Any,
) -> Command[JSONObject]:
    """Connect the call to an Amazon Bedrock agent. `ai_params` are sent as ``params``."""
    params = _given(
        prompt=prompt,
        SWAIG=SWAIG,
        params=ai_params,
        global_data=global_data,
        post_prompt=post_prompt,
        post_prompt_url=post_prompt_url,
    )
    return _verb("calling.amazon_bedrock", params, kwargs)


def user_event(*, event: str | None = None, **kwargs: Any) -> Command[JSONObject]:
    """Send an event of your own; further arguments go along beside it."""
    return _verb("calling.user_event", _given(event=event), kwargs)


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


def play_tts(
    text: str,
    *,
    language: str | None = None,
    gender: str | None = None,
    voice: str | None = None,
    volume: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Say a text. `language` is a tag like ``en-US``; `volume` is in dB."""
    media = builders.tts(text, language=language, gender=gender, voice=voice)
    return play([media], volume=volume, on_completed=on_completed)


def play_audio(
    url: str, *, volume: float | None = None, on_completed: OnCompleted | None = None
) -> Command[ActionRecord]:
    """Play the audio file at a URL. `volume` is in dB."""
    return play([builders.audio(url)], volume=volume, on_completed=on_completed)


def play_silence(
    duration: float, *, on_completed: OnCompleted | None = None
) -> Command[ActionRecord]:
    """Play nothing for `duration` seconds."""
    return play([builders.silence(duration)], on_completed=on_completed)


def play_ringtone(
    name: str,
    *,
    duration: float | None = None,
    volume: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Play the ringtone of a country, such as ``us``, for `duration` seconds."""
    media = builders.ringtone(name, duration=duration)
    return play([media], volume=volume, on_completed=on_completed)


def prompt_tts(
    text: str,
    collect: Mapping[str, Any],
    *,
    language: str | None = None,
    gender: str | None = None,
    voice: str | None = None,
    volume: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Say a text while collecting digits or speech. See `play_and_collect`."""
    media = builders.tts(text, language=language, gender=gender, voice=voice)
    return play_and_collect([media], collect, volume=volume, on_completed=on_completed)


def prompt_audio(
    url: str,
    collect: Mapping[str, Any],
    *,
    volume: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Play the audio file at a URL while collecting. See `play_and_collect`."""
    media = builders.audio(url)
    return play_and_collect([media], collect, volume=volume, on_completed=on_completed)


def record(
    audio: Mapping[str, Any] | None = None,
    *,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Record the call. `audio` says how: ``format``, ``direction``, ``stereo``, ``beep``, ….

    Its last event may come some seconds after the call has ended; it has the URL.
    """
    wanted = {} if audio is None else values.json_object("audio", audio)
    return _start(actions.RECORD, control_id, {"record": {"audio": wanted}}, kwargs, on_completed)


def detect(
    detect: Mapping[str, Any],
    *,
    timeout: float | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Find out who is there: ``{"type": "machine", "params": {...}}``, ``fax`` or ``digit``.

    Completes with the first thing heard; `timeout` is in seconds.
    """
    params = {
        "detect": values.typed_object("detect", detect),
        **_given(timeout=values.seconds("timeout", timeout)),
    }
    return _start(actions.DETECT, control_id, params, kwargs, on_completed)


def detect_answering_machine(
    *,
    initial_timeout: float | None = None,
    end_silence_timeout: float | None = None,
    machine_voice_threshold: float | None = None,
    machine_words_threshold: int | None = None,
    detect_interruptions: bool | None = None,
    detect_message_end: bool | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Find out whether a person or a machine has answered. Times are in seconds."""
    wanted = builders.machine_detector(
        initial_timeout=initial_timeout,
        end_silence_timeout=end_silence_timeout,
        machine_voice_threshold=machine_voice_threshold,
        machine_words_threshold=machine_words_threshold,
        detect_interruptions=detect_interruptions,
        detect_message_end=detect_message_end,
    )
    return detect(wanted, timeout=timeout, on_completed=on_completed)


def detect_digit(
    *,
    digits: str | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Listen for digits; without `digits`, for any."""
    return detect(builders.digit_detector(digits), timeout=timeout, on_completed=on_completed)


def detect_fax(
    *,
    tone: str | None = None,
    timeout: float | None = None,
    on_completed: OnCompleted | None = None,
) -> Command[ActionRecord]:
    """Listen for a fax: the tone ``CED`` of the called, or ``CNG`` of the calling side."""
    return detect(builders.fax_detector(tone), timeout=timeout, on_completed=on_completed)


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
    parameters: Sequence[Mapping[str, Any]] | None = None,
    prompts: Sequence[Mapping[str, Any]] | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Collect a payment. The server wants text: numbers and booleans are sent as such."""
    texts = {
        "timeout": timeout,
        "max_attempts": max_attempts,
        "security_code": security_code,
        "postal_code": postal_code,
        "min_postal_code_length": min_postal_code_length,
        "charge_amount": charge_amount,
    }
    params = {
        "payment_connector_url": values.text("payment_connector_url", payment_connector_url),
        **_given(
            input=input_method,
            status_url=status_url,
            payment_method=payment_method,
            **{name: values.as_text(name, value) for name, value in texts.items()},
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


def send_fax(
    document: str,
    *,
    identity: str | None = None,
    header_info: str | None = None,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Send the document (PDF or TIFF) at a URL as a fax."""
    params = {
        "document": values.text("document", document),
        **_given(identity=identity, header_info=header_info),
    }
    return _start(actions.SEND_FAX, control_id, params, kwargs, on_completed)


def receive_fax(
    *, control_id: str | None = None, on_completed: OnCompleted | None = None, **kwargs: Any
) -> Command[ActionRecord]:
    """Receive a fax; the last event has the document's URL."""
    return _start(actions.RECEIVE_FAX, control_id, {}, kwargs, on_completed)


def tap(
    tap: Mapping[str, Any],
    device: Mapping[str, Any],
    *,
    control_id: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Send the call's audio to an ``rtp`` or ``ws`` device as well."""
    params = {
        "tap": values.typed_object("tap", tap),
        "device": values.typed_object("device", device),
    }
    return _start(actions.TAP, control_id, params, kwargs, on_completed)


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
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Stream the call's audio to a ``wss://`` URL.

    `track` is ``inbound_track``, ``outbound_track`` or ``both_tracks``.
    """
    params = {
        "url": values.text("url", url),
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


def transcribe(
    *,
    control_id: str | None = None,
    status_url: str | None = None,
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Transcribe the call; the last event, which may come after its end, has the URL."""
    return _start(
        actions.TRANSCRIBE, control_id, _given(status_url=status_url), kwargs, on_completed
    )


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
    on_completed: OnCompleted | None = None,
    **kwargs: Any,
) -> Command[ActionRecord]:
    """Let an AI talk to the caller. `ai_params` are sent as ``params``.

    It ends when it is stopped, or when the call ends.
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
