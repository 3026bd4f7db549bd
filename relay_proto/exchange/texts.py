"""Text messages: those that programs send, and those that people send to them.

Source: docs/protocol.md, section 16.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from ..constants import (
    EVENT_MESSAGING_RECEIVE,
    EVENT_MESSAGING_STATE,
    MESSAGE_STATE_DELIVERED,
    MESSAGE_STATE_INITIATED,
    MESSAGE_STATE_QUEUED,
    MESSAGE_STATE_RECEIVED,
    MESSAGE_STATE_SENT,
    MESSAGE_STATE_UNDELIVERED,
)
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS, JSONObject
from .happened import What, Who
from .legs import INBOUND, OUTBOUND
from .requests import Request, Verb, verb
from .shapes import Name, Text
from .switch import FULL, Switch

SEGMENT: Final = 160
"""Characters in one segment, for any alphabet, because nothing is billed."""

DELIVERED: Final = (
    MESSAGE_STATE_QUEUED,
    MESSAGE_STATE_INITIATED,
    MESSAGE_STATE_SENT,
    MESSAGE_STATE_DELIVERED,
)
UNDELIVERED: Final = (*DELIVERED[:-1], MESSAGE_STATE_UNDELIVERED)


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A text message that somebody sends."""

    from_number: str
    to_number: str
    body: str = ""
    media: tuple[str, ...] = ()


class SendParams(msgspec.Struct, frozen=True, kw_only=True):
    """``messaging.send``."""

    to_number: Name
    from_number: Name
    context: str = ""
    """Who gets the reports: those who serve it, or whose protocol it is. Some SDKs name none."""
    body: str = ""
    media: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    region: Text = None


class Outgoing:
    """A text message of a program, and the states it goes through."""

    def __init__(self, request: Request, params: SendParams) -> None:
        self._switch = request.switch
        self._network = request.network
        self._sender = request.session
        self._context = params.context
        self.message_id = request.network.new_id()
        self._text = TextMessage(params.from_number, params.to_number, params.body, params.media)
        self._shown: JSONObject = {
            "message_id": self.message_id,
            "context": params.context,
            "direction": OUTBOUND,
            "from_number": params.from_number,
            "to_number": params.to_number,
            "body": params.body,
            "media": params.media,
            "segments": _segments(params.body),
            "tags": params.tags,
        }
        lost = params.to_number in request.network.config.undeliverable
        self._states = deque(UNDELIVERED if lost else DELIVERED)

    def advance(self, now: float) -> None:
        """Move to the next state, and tell the program."""
        state = self._states.popleft()
        self._network.note(
            now, "", Who.EXCHANGE, What.TEXT_MOVED, text_id=self.message_id, state=state
        )
        params = {**self._shown, "message_state": state}
        if state == MESSAGE_STATE_UNDELIVERED:
            params["reason"] = "the number cannot be reached"
        reported_to = self._switch.sessions.for_reports(self._context, self._sender)
        reported_to.tell(EVENT_MESSAGING_STATE, params, now)
        context = self._network.config.numbers.get(self._text.to_number)
        if state == MESSAGE_STATE_DELIVERED and context is not None:
            _deliver(self._switch, self._text, self._network.new_id(), context, now)
        if self._states:
            self._network.at(now + self._network.config.timing.text_step, self.advance)
        else:
            self._switch.texts -= 1


def send(request: Request, params: SendParams) -> None:
    """``messaging.send``."""
    if not params.body and not params.media:
        raise RelayError(INVALID_PARAMS, "Invalid params: body or media is required")
    if request.switch.texts >= request.network.config.limits.texts:
        raise RelayError(FULL, "too many messages")
    request.switch.texts += 1
    outgoing = Outgoing(request, params)
    request.accept("Message accepted", message_id=outgoing.message_id)
    request.network.note(
        request.now,
        "",
        Who.PROGRAM,
        What.SENT_TEXT,
        text_id=outgoing.message_id,
        number=params.from_number,
        to=params.to_number,
        text=params.body,
        **_noted_media(params.media),
    )
    outgoing.advance(request.now)


def receive_text(switch: Switch, text: TextMessage, context: str, now: float) -> str:
    """Deliver a text message to a session that serves `context`; return its id."""
    network = switch.network
    message_id = network.new_id()
    network.note(
        now,
        "",
        Who.CALLER,
        What.SENT_TEXT,
        text_id=message_id,
        number=text.from_number,
        to=text.to_number,
        text=text.body,
        **_noted_media(text.media),
    )
    _deliver(switch, text, message_id, context, now)
    return message_id


def _deliver(switch: Switch, text: TextMessage, message_id: str, context: str, now: float) -> None:
    network = switch.network
    session = switch.sessions.take_turn(context)
    state = MESSAGE_STATE_UNDELIVERED if session is None else MESSAGE_STATE_RECEIVED
    network.note(now, "", Who.EXCHANGE, What.TEXT_MOVED, text_id=message_id, state=state)
    if session is None:
        reason = switch.sessions.why_nobody(context)
        network.note(now, "", Who.EXCHANGE, What.UNSERVED, reason=reason)
    else:
        params: JSONObject = {
            "message_id": message_id,
            "context": session.context_for(context),
            "direction": INBOUND,
            "from_number": text.from_number,
            "to_number": text.to_number,
            "body": text.body,
            "media": text.media,
            "segments": _segments(text.body),
            "tags": [],
            "message_state": state,
        }
        session.tell(EVENT_MESSAGING_RECEIVE, params, now)


def _noted_media(media: tuple[str, ...]) -> dict[str, str]:
    return {"media": " ".join(media)} if media else {}


def _segments(body: str) -> int:
    return max(1, -(-len(body) // SEGMENT))


VERBS: Final[Mapping[str, Verb]] = {"messaging.send": verb(SendParams, send)}
