"""wsproto, as far as `wire` uses it: loaded with the first connection, not with the package.

It brings h11 along and much of the standard library, which a program that is
only imported, by its tests or by a tool, does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "AcceptConnection",
    "BytesMessage",
    "CloseConnection",
    "CloseReason",
    "Connection",
    "ConnectionState",
    "ConnectionType",
    "Event",
    "H11Handshake",
    "MessageLimit",
    "Ping",
    "RejectConnection",
    "RejectData",
    "RemoteProtocolError",
    "Request",
    "TextMessage",
]

if TYPE_CHECKING:
    from wsproto.connection import Connection, ConnectionState, ConnectionType
    from wsproto.events import (
        AcceptConnection,
        BytesMessage,
        CloseConnection,
        Event,
        Ping,
        RejectConnection,
        RejectData,
        Request,
        TextMessage,
    )
    from wsproto.frame_protocol import CloseReason
    from wsproto.handshake import H11Handshake
    from wsproto.utilities import RemoteProtocolError

    from .size_limit import MessageLimit
else:

    def __getattr__(name: str) -> object:
        """Load it all: from then on these are names like any other."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from wsproto import (  # noqa: PLC0415 - this is what the module is for
            connection,
            events,
            frame_protocol,
            handshake,
            utilities,
        )

        from . import size_limit  # noqa: PLC0415 - it imports wsproto

        # Two threads may both come here: they would do the same.
        homes = (connection, events, frame_protocol, handshake, utilities, size_limit)
        for each in __all__:
            globals()[each] = next(vars(home)[each] for home in homes if each in vars(home))
        return globals()[name]
