"""`VERBS`: every method that a session may call. To add one, add it to a table.

Source: docs/protocol.md, sections 9 to 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..constants import METHOD_SIGNALWIRE_RECEIVE, METHOD_SIGNALWIRE_UNRECEIVE
from . import (
    agents,
    binding,
    bridging,
    collecting,
    conferencing,
    copying,
    detecting,
    dialing,
    digits,
    faxing,
    features,
    interpreting,
    legacy,
    paying,
    playing,
    queues,
    recording,
    referring,
    routing,
    texts,
)
from .requests import Request, Verb, verb
from .sessions import Authentication
from .shapes import Name


class ContextParams(msgspec.Struct, frozen=True, kw_only=True):
    """``signalwire.receive`` and ``signalwire.unreceive``."""

    contexts: list[Name]


def receive(request: Request, params: ContextParams) -> None:
    """``signalwire.receive``: serve more contexts."""
    routing.serve(request, params.contexts)


def unreceive(request: Request, params: ContextParams) -> None:
    """``signalwire.unreceive``: serve fewer contexts."""
    request.switch.sessions.unsubscribe(request.session, params.contexts)
    request.accept("Unreceiving events")


class ReauthenticateParams(msgspec.Struct, frozen=True, kw_only=True):
    """``signalwire.reauthenticate``."""

    authentication: Authentication


class ChannelParams(msgspec.Struct, frozen=True, kw_only=True):
    """``signalwire.subscribe`` and ``signalwire.unsubscribe``."""

    event_channel: Name
    events: list[Name]


def reauthenticate(request: Request, params: ReauthenticateParams) -> None:
    """``signalwire.reauthenticate``: go on with a new JWT, before the old one expires."""
    sessions = request.switch.sessions
    authorization = sessions.renew(request.session, params.authentication, request.now)
    request.reply({"authorization": authorization})


def subscribe(request: Request, params: ChannelParams) -> None:  # noqa: ARG001
    """``signalwire.subscribe`` and its opposite; a session gets all its events anyway."""
    request.accept("OK")


VERBS: Final[Mapping[str, Verb]] = {
    "signalwire.reauthenticate": verb(ReauthenticateParams, reauthenticate),
    "signalwire.subscribe": verb(ChannelParams, subscribe),
    "signalwire.unsubscribe": verb(ChannelParams, subscribe),
    METHOD_SIGNALWIRE_RECEIVE: verb(ContextParams, receive),
    METHOD_SIGNALWIRE_UNRECEIVE: verb(ContextParams, unreceive),
    **routing.VERBS,
    **playing.VERBS,
    **collecting.VERBS,
    **digits.VERBS,
    **dialing.VERBS,
    **bridging.VERBS,
    **recording.VERBS,
    **detecting.VERBS,
    **features.VERBS,
    **referring.VERBS,
    **copying.VERBS,
    **faxing.VERBS,
    **conferencing.VERBS,
    **queues.VERBS,
    **agents.VERBS,
    **paying.VERBS,
    **binding.VERBS,
    **interpreting.VERBS,
    **legacy.VERBS,
    **texts.VERBS,
}
