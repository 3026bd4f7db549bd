"""Session events: what a session tells whoever owns it."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..errors import RelayError
from ..rpc.frames import ErrorFrame, EventFrame, ReplyFrame, RequestFrame


class SessionReady(msgspec.Struct, frozen=True):
    """Requests may be written from now on. `resumed`: it is the session from before."""

    resumed: bool


class SessionLost(msgspec.Struct, frozen=True):
    """What was written will not be answered any more; another attempt follows."""

    error: RelayError


class SessionOver(msgspec.Struct, frozen=True):
    """There is no session, and no attempt follows. Call `Session.conclude` at the end."""

    error: RelayError


Unusual: TypeAlias = ErrorFrame | RequestFrame | SessionReady | SessionLost | SessionOver
"""Refusals, requests that are not about the session, and what the session has become."""

SessionEvent: TypeAlias = EventFrame | ReplyFrame | Unusual
"""What a session tells whoever owns it."""
