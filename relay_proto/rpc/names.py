"""Names: which fields of a frame may be shown, and which hold credentials.

The patterns for credentials are searched in a name whatever its spelling: `plain`
makes ``web_hook_auth_password``, ``webHookAuthPassword`` and ``Web-Hook-Auth-Password``
the same. The list of what may be shown has names that the protocol uses.

Source: docs/protocol.md, section 20.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple


class Kind(enum.Enum):
    """What the values of a name are, if they may be shown."""

    ID = "id"
    """An id, shown as it is."""
    WORD = "word"
    """One of the words of the protocol, such as a state."""
    NUMBER = "number"
    """A quantity or a code."""
    TIME = "time"
    """A point in time."""
    MESSAGE = "message"
    """The server's words for people."""
    URL = "url"
    """An address, of which the host is shown."""
    PART = "part"
    """Objects and lists, which are shown by the names in them."""


_IDS: Final = """
    id call_id node_id control_id tag message_id segment_id conference_id queue_id recording_id
    context contexts protocol event_channel hagrid_node_id call_id_ending_conf jsonrpc agent
""".split()
_WORDS: Final = """
    method event_type state call_state dial_state connect_state message_state direction type event
    status end_reason for codec codecs format track language gender tone phase behavior
    pause_behavior error_type level status_url_method status_callback_event
    status_callback_method recording_status_callback_event recording_status_callback_method
    bind_method source $relay
""".split()
_NUMBERS: Final = """
    code duration timeout size segments position avg_time volume loop major minor revision ptime
    rate pages confidence max max_duration max_attempts max_triggers max_participants
    initial_timeout digit_timeout end_silence_timeout speech_timeout initial_silence_timeout
    machine_voice_threshold machine_words_threshold end_silence_ms recording_duration
    recording_file_size sip_refer_response_code sip_notify_response_code max_price_per_minute
""".split()
_TIMES: Final = "timestamp start_time end_time enqueue_ts dequeue_ts leave_ts".split()
_MESSAGES: Final = "message reason failed_reason reason_ended".split()
_URLS: Final = """
    url uri status_url wait_url post_prompt_url recording_url status_callback
    recording_status_callback call_state_url media document hagrid_json_api_url
""".split()
_PARTS: Final = """
    params result error version device devices call peer play record audio detect fax tap collect
    digits speech stream ringback refer authentication
""".split()

_CREDENTIAL: Final = re.compile(
    "passw|passphrase|passcode|pwd|secret|token|key|auth|signature|credential|jwt|bearer|cookie"
    "|card|payment|cvv|cvc|securitycode|expirationdate|iban|accountnumber|routingnumber"
    "|^sig$|^otp$|^pin$|pin(?:code|number)|^ssn$|^project$|^projectid$"
)
NAME: Final = re.compile(r"[A-Za-z_$@][A-Za-z0-9_.$-]{0,63}")
"""What a name looks like. Other keys of an object may hold anything."""
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]")


def plain(name: str) -> str:
    """Return a name in small letters and digits, without what separates its words."""
    return _NOT_PLAIN.sub("", name.lower())


_SPELLED: Final[Mapping[str, Kind]] = {
    name: kind
    for kind, names in (
        (Kind.ID, _IDS),
        (Kind.WORD, _WORDS),
        (Kind.NUMBER, _NUMBERS),
        (Kind.TIME, _TIMES),
        (Kind.MESSAGE, _MESSAGES),
        (Kind.URL, _URLS),
        (Kind.PART, _PARTS),
    )
    for name in names
}
_KINDS: Final[Mapping[str, Kind]] = {plain(name): kind for name, kind in _SPELLED.items()}
KNOWN_NAMES: Final = tuple(sorted(_SPELLED))
"""The names that have a kind, as the protocol spells them."""


class Known(NamedTuple):
    """What is known of a field from its name alone."""

    plain: str
    kind: Kind | None
    credential: bool


@lru_cache(maxsize=1024)
def known(name: str) -> Known:
    """Return what is known of a field of this name."""
    simple = plain(name)
    return Known(simple, kind_of(simple) if NAME.fullmatch(name) else None, is_credential(simple))


def kind_of(name: str) -> Kind | None:
    """Return what the values of a `plain` name are; None if they may not be shown.

    The field ``message`` may be shown only beside a code: it has the server's words then.
    """
    return _KINDS.get(name)


def is_credential(name: str) -> bool:
    """Return whether a field of this `plain` name may hold a credential."""
    return _CREDENTIAL.search(name) is not None
