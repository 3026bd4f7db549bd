"""Parameters: one table with the check of each parameter of the public functions.

A parameter means the same wherever its name occurs; where it does not, the table of that
function says so. A function with a parameter that no table knows cannot be imported.
What the specification lists for good is refused if it is not in the list; a list that
may grow on the server, such as that of codecs, makes a warning.

Public: for authors of adapters.

Source: docs/protocol.md, sections 9 to 17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar

from ..config import ARGUMENTS, check_contexts
from ..values import checks as c
from ..values.checks import Check, Table
from . import arguments as a
from . import forms as s

P = ParamSpec("P")
R = TypeVar("R")


def _names(check: Check, names: str) -> Table:
    return dict.fromkeys(names.split(), check)


ON_ERROR: Final = ("hangup", "leave")


def on_error(argument: str, value: object) -> object:
    """Check what becomes of a call whose handler fails."""
    if not callable(value) and value not in ON_ERROR:
        raise ValueError(
            f"{argument} must be 'hangup', 'leave' or a function, not {c.shown(argument, value)}"
        )
    return value


PARAMETERS: Final[Table] = {
    **ARGUMENTS,
    **_names(
        c.text,
        """control_id method conference_id name queue_name document url bind_method
        payment_connector_url call_id node_id method_prefix message_id text
        """,
    ),
    **_names(
        c.any_text,
        """tag body region realm identity header_info description message_text agent voice language
        status_url wait_url coach status_callback recording_status_callback queue_id
        status_callback_event recording_status_callback_event currency valid_card_types
        codec authorization_bearer_token post_prompt_url post_prompt_auth_user
        post_prompt_auth_password context project_id direction state segment_id from_number
        to_number reason
        """,
    ),
    **_names(
        a.as_text,
        "max_attempts security_code postal_code min_postal_code_length charge_amount",
    ),
    **_names(c.texts, "tags hints terminal_states"),
    **_names(c.json_object, "params bind_params reset global_data post_prompt SWAIG ai_params"),
    **_names(c.json_object, "custom_parameters device"),
    **_names(c.each(c.json_object), "pronounce languages parameters prompts"),
    **_names(
        c.seconds,
        """timeout dial_timeout initial_timeout digit_timeout end_silence_timeout speech_timeout
        machine_ready_timeout machine_voice_threshold quiet_time
        """,
    ),
    **_names(
        c.flag,
        """muted start_on_enter end_on_exit partial_results continuous send_start_of_input
        start_input_timers detect_interruptions detect_message_end webrtc_media hang_up
        cancel_on_end retry fax
        """,
    ),
    **_names(c.whole(0), "loop max_participants max_duration max_triggers segments"),
    **_names(c.whole(1), "max_connections max_bytes attempts max machine_words_threshold"),
    **_names(c.number(0), "max_price_per_minute"),
    **_names(c.callback, "on_completed handler predicate progress"),
    **_names(s.http_method, "status_url_method status_callback_method"),
    **_names(s.http_method, "recording_status_callback_method"),
    **_names(
        c.known({"relay", "cxml", "laml"}),
        "status_callback_event_type recording_status_callback_event_type",
    ),
    "also_to": a.also_to,
    "audio": a.record_audio,
    "backend": a.backend,
    "beep": c.one_of({"true", "false", "onEnter", "onExit"}),
    "behavior": c.one_of({"skip", "silence", ""}),
    "codecs": s.codecs,
    "collect": a.collect,
    "contexts": check_contexts,
    "detect": a.detector,
    "devices": a.device_plan,
    "duration": c.positive,
    "event_type": a.event_type,
    "terminal_event": a.event_type,
    "gender": s.gender,
    "input_method": c.known({"dtmf"}),
    "media": a.media_items,
    "on_error": on_error,
    "payment_method": c.known({"credit-card"}),
    "record": c.one_of({"record-from-start", "do-not-record"}),
    "ringback": a.media_items,
    "role": c.one_of({"user", "system", "assistant"}),
    "speech": s.speech_object,
    "stream_obj": a.stream,
    "tap": a.tap,
    "token_type": c.one_of({"one-time", "reusable"}),
    "tone": s.tone,
    "track": c.known(
        {"inbound_track", "outbound_track", "both_tracks", "inbound", "outbound", "both"}
    ),
    "trim": c.one_of({"trim-silence", "do-not-trim"}),
    "volume": a.volume_db,
}
"""What most parameters are. None passes where it is the default."""

_PHONE: Final[Table] = {
    "to_number": a.e164,
    "from_number": a.e164,
    "timeout": c.whole(1),
    "max_duration": c.whole(1),
}
_SIP: Final[Table] = {
    "to": a.sip_uri,
    "from_": a.sip_uri,
    "timeout": c.whole(1),
    "max_duration": c.whole(1),
    "headers": a.headers,
}
_DEVICE: Final[Table] = {
    **_names(c.text, "call_state_url confirm from_name username password"),
    "call_state_events": s.reported_states,
}
_SPOKEN: Final[Table] = _names(c.text, "language voice")

_WAITS: Final = """
    wait wait_delivered wait_for wait_for_answered wait_for_disconnected wait_for_ended
    wait_for_ending wait_for_ringing wait_outcome wait_ready
"""

OWN: Final[Mapping[str, Table]] = {
    **{name: {"timeout": c.seconds_left} for name in _WAITS.split()},
    # verbs
    "ai": {"prompt": c.json_object},
    "ai_hold": {"timeout": a.as_text, "prompt": c.any_text},
    "ai_unhold": {"prompt": c.any_text},
    "amazon_bedrock": {"prompt": c.anything},
    "bind_digit": {"digits": c.text},
    "collect": {"digits": s.digits_object},
    "detect_digit": {"digits": s.digits},
    "dial": {"tag": c.text},
    "dial_phone": _PHONE,
    "dial_sip": _SIP,
    "download": {"timeout": c.positive, "to": a.file_target, "url": c.any_text},
    "leave_message": {"message": a.message, "timeout": c.positive, "quiet_time": c.number(0)},
    "wait_for_beep": {"timeout": c.positive, "quiet_time": c.number(0)},
    "hangup": {"reason": c.one_of({"hangup", "cancel", "busy", "noAnswer", "decline", "error"})},
    "join_conference": {"region": c.known({"global", "us", "eu", "ch"})},
    "live_transcribe": {"action": a.live_action},
    "live_translate": {"action": a.live_action},
    "off": {"event_type": c.any_text},
    "pay": {"timeout": a.as_text},
    "play": {"direction": s.direction},
    "reply": {"media": c.texts},
    "play_ringtone": {"name": s.ringtone, "duration": c.seconds},
    "play_tts": _SPOKEN,
    "prompt_tts": _SPOKEN,
    "refer": {"device": a.refer_device},
    "send_digits": {"digits": a.dtmf},
    "send_message": {"to_number": c.text, "from_number": c.text, "media": c.texts},
    "stream": {"name": c.any_text},
    "tap": {"device": a.tap_device},
    "transfer": {"dest": a.destination},
    "user_event": {"event": c.anything},
    # builders
    "collecting": {"digits": s.digits_object},
    "digit_detector": {"digits": s.digits},
    "digits": {"terminators": s.digits},
    "parallel": {"devices": c.anything},
    "phone": {**_DEVICE, **_PHONE},
    "ringtone": {"name": s.ringtone, "duration": c.seconds},
    "serial": {"devices": c.anything},
    "playlist": {"media": a.media_items},
    "sip": {**_DEVICE, **_SIP},
    "speech": {"engine": s.engine, **_names(c.text, "language model")},
    "tts": _SPOKEN,
}
"""Parameters that are something else in one function."""

_LISTED: Final[Table] = {"async": c.flag, "swml": c.flag}
"""Parameters that the server lists for many methods."""
_REPORTED: Final[Table] = {"status_url": c.any_text}

FURTHER: Final[Mapping[str, Table]] = {
    "ai": {"params": c.json_object},
    "ai_hold": _LISTED,
    "ai_message": _LISTED,
    "ai_unhold": _LISTED,
    "amazon_bedrock": {"params": c.json_object, **_LISTED},
    "answer": {"max_duration": c.whole(0), "codecs": s.codecs},
    "bind_digit": {"params": c.json_object, "swml": c.flag},
    "clear_digit_bindings": {"swml": c.flag},
    "collect": {"continue": c.flag, **_REPORTED},
    "detect": _REPORTED,
    "echo": {"swml": c.flag},
    "join_conference": {"acl": c.any_text, "stream": a.stream, "swml": c.flag},
    "join_room": {"hagrid_json_api_url": c.any_text, "hagrid_node_id": c.any_text, "swml": c.flag},
    "leave_conference": {"async": c.flag},
    "leave_room": {"async": c.flag},
    "live_transcribe": _LISTED,
    "live_translate": _LISTED,
    "pay": {"input": c.known({"dtmf"}), "bank_account_type": c.anything},
    "play": {"play": a.media_items, **_REPORTED},
    "play_and_collect": {"play": a.media_items, **_REPORTED},
    "queue_enter": {"wait_url": c.any_text},
    "receive_fax": _REPORTED,
    "record": {"record": c.json_object, **_REPORTED},
    "send_fax": _REPORTED,
    "stream": _LISTED,
    "tap": _REPORTED,
}
"""What a verb takes beside the parameters of its signature. Others pass with a warning."""
FREE: Final = frozenset({"user_event"})
"""Functions whose further arguments are all the program's own."""
_OFTEN: Final = frozenset({"execute"})
"""Functions that programs call so often that it is worth to compile their checks at once."""

_INNER: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "record": {"audio": s.AUDIO.keys},
    "play_and_collect": {"collect": s.COLLECT.keys},
    "collect": {"digits": s.DIGITS.keys, "speech": s.SPEECH.keys},
}
"""Where a keyword may belong that is unknown where it stands."""
RESERVED: Final = frozenset({"node_id", "call_id"})
"""Parameters that say which call it is. A program cannot replace them."""


def _reserved(argument: str, _value: object) -> object:
    raise ValueError(f"{argument} cannot be given: the call has its own")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of `function` by the tables, whenever it is called.

    Raises:
        LookupError: a parameter is in no table.
    """
    name = function.__name__
    inner = [
        f"{parameter}[{key!r}]" for parameter, keys in _INNER.get(name, {}).items() for key in keys
    ]
    return c.checked(
        {**PARAMETERS, **OWN.get(name, {})},
        extra={**dict.fromkeys(RESERVED, _reserved), **FURTHER.get(name, {})},
        inner=inner,
        free=name in FREE,
        at_once=name in _OFTEN,
    )(function)


def checked_with(**own: Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check the arguments of a function by the tables, and by what it says of its own."""
    return c.checked({**PARAMETERS, **own})
