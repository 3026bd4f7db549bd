"""The dialect of RELAY version 2, translated to today's methods and events.

A client of version 2 authenticates with ``blade.connect``, asks for its protocol, and
subscribes to its events. After that it wraps each method in ``blade.execute``, and gets
each event as ``blade.broadcast``. It acknowledges no event.

Source: docs/protocol.md, section 14.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS, METHOD_NOT_FOUND, JSONObject
from ..server import RequestReceived
from .requests import decode_params
from .sessions import (
    AUTHENTICATION_FAILED,
    Authentication,
    ConnectParams,
    Link,
    Session,
    Sessions,
    Version,
)

PREFIX: Final = "blade."
SETUP_PROTOCOL: Final = "signalwire"
NOTIFICATIONS: Final = "notifications"
BROADCAST: Final = "blade.broadcast"
VERSION: Final = Version(major=2)

Reply: TypeAlias = Callable[[object], None]


class _Connect(msgspec.Struct, frozen=True, kw_only=True):
    authentication: Authentication


class _Execute(msgspec.Struct, frozen=True, kw_only=True):
    protocol: str
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Setup(msgspec.Struct, frozen=True, kw_only=True):
    protocol: str | None = None


class _Subscription(msgspec.Struct, frozen=True, kw_only=True):
    command: str
    protocol: str
    channels: tuple[str, ...] = ()


class _Reauthenticate(msgspec.Struct, frozen=True, kw_only=True):
    authentication: Authentication


_connect = msgspec.json.Decoder(_Connect)
_execute = msgspec.json.Decoder(_Execute)
_setup = msgspec.json.Decoder(_Setup)
_subscription = msgspec.json.Decoder(_Subscription)
_reauthenticate = msgspec.json.Decoder(_Reauthenticate)


class Blade:
    """One connection of a client of version 2."""

    def __init__(self, link: Link, sessions: Sessions, node_id: str) -> None:
        self._link = link
        self._sessions = sessions
        self._node_id = node_id
        self._authentication: Authentication | None = None
        self._set_up_session: Session | None = None
        link.notification = broadcast

    @property
    def _session(self) -> Session | None:
        """The session that was set up, unless it has ended meanwhile."""
        session = self._set_up_session
        return session if session is not None and self._sessions.has(session) else None

    def take(self, asked: RequestReceived, now: float) -> tuple[RequestReceived, Reply] | None:
        """Answer a request, or return the one that it wraps, and how to answer that.

        Raises:
            RelayError: the request is refused.
        """
        match asked.method:
            case "blade.connect":
                self._reply(asked, self._connect(asked, now))
            case "blade.reauthenticate":
                self._reply(asked, self._reauthenticate(asked, now))
            case "blade.ping":
                self._reply(asked, {"timestamp": now})
            case "blade.subscription":
                self._subscribe(asked, now)
            case "blade.execute":
                return self._unwrap(asked, now)
            case _:
                raise RelayError(METHOD_NOT_FOUND, "Method not found")
        return None

    def _connect(self, asked: RequestReceived, now: float) -> JSONObject:
        if self._authentication is not None:
            raise RelayError(INVALID_PARAMS, "this connection is authenticated already")
        given = decode_params(_connect, asked.params).authentication
        authorization = self._sessions.authorize(given, now)
        self._authentication = given
        return {
            "session_restored": False,
            "sessionid": self._sessions.new_id(),
            "nodeid": self._node_id,
            "master_nodeid": self._node_id,
            "protocols_uncertified": [SETUP_PROTOCOL],
            "authorization": authorization,
        }

    def _reauthenticate(self, asked: RequestReceived, now: float) -> JSONObject:
        params = decode_params(_reauthenticate, asked.params)
        session = self._session
        if session is None:
            raise RelayError(AUTHENTICATION_FAILED, "the protocol must be set up first")
        authorization = self._sessions.renew(session, params.authentication, now)
        return {"authorization": authorization}

    def _unwrap(self, asked: RequestReceived, now: float) -> tuple[RequestReceived, Reply] | None:
        params = decode_params(_execute, asked.params)

        def reply(result: object) -> None:
            wrapped = {
                "requester_nodeid": self._node_id,
                "responder_nodeid": self._node_id,
                "result": result,
            }
            self._link.core.reply(asked.id, wrapped)

        if (params.protocol, params.method) == (SETUP_PROTOCOL, "setup"):
            reply({"protocol": self._set_up(params.params, now)})
            return None
        session = self._session
        if session is None or params.protocol != session.protocol:
            raise RelayError(AUTHENTICATION_FAILED, "the protocol must be set up first")
        return RequestReceived(asked.id, params.method, params.params), reply

    def _set_up(self, raw: msgspec.Raw, now: float) -> str:
        if self._authentication is None:
            raise RelayError(AUTHENTICATION_FAILED, "blade.connect must come first")
        session = self._session
        if session is None:
            params = ConnectParams(
                version=VERSION,
                authentication=self._authentication,
                protocol=decode_params(_setup, raw).protocol,
            )
            session, _ = self._sessions.open(params, now)
            self._set_up_session = session
            if session.link is None:
                session.detach(now)  # until the client subscribes
        return session.protocol

    def _subscribe(self, asked: RequestReceived, now: float) -> None:
        params = decode_params(_subscription, asked.params)
        session = self._session
        if session is None or params.protocol != session.protocol:
            raise RelayError(AUTHENTICATION_FAILED, "the protocol must be set up first")
        if self._link.session not in {None, session}:
            raise RelayError(INVALID_PARAMS, "this connection has another session already")
        self._reply(
            asked,
            {
                "protocol": session.protocol,
                "command": params.command,
                "subscribe_channels": params.channels,
            },
        )
        if params.command == "add" and NOTIFICATIONS in params.channels:
            self._link.take_over(session, now)

    def _reply(self, asked: RequestReceived, result: object) -> None:
        self._link.core.reply(asked.id, result)


def broadcast(event: JSONObject) -> tuple[str, JSONObject]:
    """Return the method and the parameters with which a client of version 2 gets an event."""
    of_text = str(event["event_type"]).startswith("messaging.")
    params: JSONObject = {
        "broadcaster_nodeid": "",
        "protocol": event["event_channel"],
        "channel": NOTIFICATIONS,
        "event": "queuing.relay.messaging" if of_text else "queuing.relay.events",
        "params": {**event, "context": event["params"].get("context", "")} if of_text else event,
    }
    return BROADCAST, params
