"""Sessions: the connected programs, their contexts, and their unacknowledged events.

A session outlives its connection for a while. Its events are kept in order meanwhile, and
are sent after the resume with the same ids.

Source: docs/protocol.md, sections 4, 8, 10 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from ..constants import EVENT_AUTHORIZATION_STATE, METHOD_SIGNALWIRE_EVENT
from ..errors import ConnectionLostError, RelayError
from ..outputs import Settled
from ..pending import Pending
from ..rpc.frames import INVALID_PARAMS, JSONObject
from ..server import ServerCore
from .config import ANY_CONTEXT, Account
from .happened import What, Who
from .jwt import expiry
from .network import Network
from .shapes import Name

AUTHENTICATION_FAILED: Final = -32002
RESUME_REFUSED: Final = -32003
SERVER_ERROR: Final = -32000
VERSIONS: Final = frozenset({2, 3, 4})
"""The major versions of the protocol that clients of the service ask for."""
MOST_NAMED: Final = 10
"""Contexts that the journal names when a call or a text finds no program."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The protocol version of a client."""

    major: int
    minor: int = 0
    revision: int = 0


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials: a project with its token, or a JWT."""

    project: str = ""
    token: str = ""
    jwt_token: str = ""


class ConnectParams(msgspec.Struct, frozen=True, kw_only=True):
    """``signalwire.connect``.

    A stale ``authorization_state`` is accepted, because the credentials decide. Only its
    type is checked. A client that does not ask for `event_acks` acknowledges no event.
    """

    version: Version
    authentication: Authentication
    agent: str = ""
    contexts: tuple[Name, ...] = ()
    protocol: str | None = None
    authorization_state: str | None = None
    event_acks: bool = False


def _as_event(event: JSONObject) -> tuple[str, JSONObject]:
    return METHOD_SIGNALWIRE_EVENT, event


class Link:
    """One connection: its `ServerCore`, and the session it has authenticated for."""

    def __init__(self, transport: int, core: ServerCore, touched: Callable[[Link], None]) -> None:
        self.transport = transport
        self.core = core
        self.session: Session | None = None
        self.lost_session = False
        """Whether the session has ended while the connection was still there."""
        self.notification = _as_event
        """How this client gets an event that it does not acknowledge: method and parameters."""
        self._touched = touched
        self._sent: dict[Pending[None], str] = {}

    def deliver(self, identity: str, event: JSONObject, *, acknowledged: bool) -> None:
        """Send an event of the session, which the client will acknowledge or not."""
        if acknowledged:
            self._sent[self.core.send_event(event, identity=identity)] = identity
        else:
            self.core.notify(*self.notification(event))
        self._touched(self)

    def take_over(self, session: Session, now: float) -> None:
        """Continue `session` on this connection, and close the one that it had."""
        displaced = session.link
        if displaced is not None and displaced is not self:
            displaced.session = None
            displaced.close(now)
        session.attach(self, now)

    def settled(self, output: Settled) -> None:
        """Take the outcome of an event: acknowledged, or lost with the connection."""
        identity = self._sent.pop(output.pending)
        if self.session is not None and not isinstance(output.pending.error, ConnectionLostError):
            self.session.acknowledged(identity)

    def keep_time(self, now: float) -> None:
        """Handle the deadline of the connection itself."""
        self.core.handle_timer(now)
        self._touched(self)

    def close(self, now: float) -> None:
        """Close the connection with a WebSocket close."""
        self.core.close(now)
        self._touched(self)

    def abort(self, reason: str) -> None:
        """Cut the connection without telling the client."""
        self.core.abort(reason)
        self._touched(self)


class Session:
    """The session of one program. It lasts from `Sessions.open` to `Sessions.forget`."""

    def __init__(self, sessions: Sessions, network: Network, project: str) -> None:
        self._sessions = sessions
        self._network = network
        self.project = project
        self.identity = f"{network.new_id()}@{network.config.node_id}"
        self.protocol = f"signalwire_{sessions.signature(project)}_{network.new_id()}_v2"
        self.contexts: dict[str, None] = {}
        self.host = ""
        """How the client has named the host of its latest connection."""
        self.link: Link | None = None
        self.jwt_expires_at: float | None = None
        """When the JWT of the connection expires; None if it never does."""
        self.acknowledges = True
        """Whether the client acknowledges events."""
        self.keeps_offers = True
        """Whether the calls that it has not answered stay with it."""
        self._kept: dict[str, JSONObject] = {}

    def tell(self, event_type: str, params: JSONObject, now: float) -> None:
        """Send an event, and keep it until it is acknowledged.

        For a client that does not acknowledge events, it is kept until it can be sent.
        """
        config = self._network.config
        event: JSONObject = {
            "event_type": event_type,
            "event_channel": self.protocol,
            "timestamp": config.epoch + now,
            "project_id": self.project,
            "params": params,
        }
        identity = self._network.new_id()  # random, as a client may know ids of older sessions
        if self.link is not None and not self.acknowledges:
            self.link.deliver(identity, event, acknowledged=False)
            return
        if len(self._kept) >= config.limits.events:
            del self._kept[next(iter(self._kept))]
        self._kept[identity] = event
        if self.link is not None:
            self.link.deliver(identity, event, acknowledged=True)

    def context_for(self, context: str) -> str:
        """Return the context in which this session gets what is for `context`."""
        return next(iter(self.contexts)) if context == ANY_CONTEXT else context

    def acknowledged(self, identity: str) -> None:
        """Forget an event that the program has acknowledged."""
        self._kept.pop(identity, None)

    def attach(self, link: Link, now: float) -> None:
        """Continue on `link`: repeat unacknowledged events, and send a new secret."""
        self.link, link.session = link, self
        link.lost_session = False
        self.host = link.core.host
        self.keeps_offers = True
        self._network.cancel(self.expire)
        self._network.cancel(self.give_up_offers)
        self.expire_jwt_at(self.jwt_expires_at)
        for identity, event in self._kept.items():
            link.deliver(identity, event, acknowledged=self.acknowledges)
        if not self.acknowledges:
            self._kept.clear()
        secret = f"{self._network.new_id()}:{self._network.new_id()}"
        self.tell(EVENT_AUTHORIZATION_STATE, {"authorization_state": secret}, now)

    def detach(self, now: float, *, left: bool = False) -> None:
        """Wait for a resume, because the connection is lost.

        A client that has `left` of its own accord gives up its offers at once.
        """
        timing = self._network.config.timing
        self.link = None
        self._network.cancel(self.end_connection)
        self._network.at(now + timing.session_retention, self.expire)
        self._network.at(now if left else now + timing.offer_retention, self.give_up_offers)

    def give_up_offers(self, now: float) -> None:
        """Let other sessions have the calls that this one has not answered."""
        self.keeps_offers = False
        self._sessions.offers_free(now)

    def expire_jwt_at(self, expires_at: float | None) -> None:
        """Close the connection at this time; None means never."""
        self.jwt_expires_at = expires_at
        if expires_at is None:
            self._network.cancel(self.end_connection)
        elif self.link is not None:  # else it counts from `attach` on
            self._network.at(expires_at, self.end_connection)

    def end_connection(self, now: float) -> None:
        """Close the connection, because its JWT has expired."""
        assert self.link is not None, "a session without a connection has nothing to close"
        self._network.note(now, "", Who.EXCHANGE, What.JWT_EXPIRED, session=self.protocol)
        self.link.close(now)

    def expire(self, now: float) -> None:
        """Forget the session, because no client has resumed it in time."""
        self._sessions.forget(self, now)


class Sessions:
    """All sessions, by protocol, and by context in the order of their turns."""

    def __init__(
        self,
        network: Network,
        forgotten: Callable[[Session, float], None],
        offers_free: Callable[[float], None],
    ) -> None:
        self._network = network
        self._forgotten = forgotten
        self.offers_free = offers_free
        """Is called when a session gives up its offers."""
        self._by_protocol: dict[str, Session] = {}
        self._by_context: dict[str, dict[Session, None]] = {}
        self._subscribed: dict[Session, None] = {}
        """The sessions that serve a context, in the order of their turns for `ANY_CONTEXT`."""
        self._revoked: set[str] = set()
        self._signatures: dict[str, str] = {}
        self.refuses_unknown = False
        """Whether to refuse a client that names an unknown session."""

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_protocol.values()))

    def open(self, params: ConnectParams, now: float) -> tuple[Session, bool]:
        """Return the session that `params` ask for, and whether it is an earlier one.

        A client that names a session which is not known gets a new one, unless unknown
        sessions are refused.

        Raises:
            RelayError: the session is refused. The code says why.
        """
        if params.version.major not in VERSIONS:
            raise RelayError(INVALID_PARAMS, "this version of the protocol is not supported")
        account, expires_at = self._authenticate(params.authentication, now)
        session = self._by_protocol.get(params.protocol or "")
        restored = session is not None and session.project == account.project
        if session is None or not restored:
            if params.protocol and self.refuses_unknown:
                raise RelayError(RESUME_REFUSED, "there is no such session to resume")
            if len(self._by_protocol) >= self._network.config.limits.sessions:
                raise RelayError(SERVER_ERROR, "too many sessions")
            session = Session(self, self._network, account.project)
        session.acknowledges = params.event_acks
        self.subscribe(session, params.contexts)
        session.jwt_expires_at = expires_at
        self._by_protocol[session.protocol] = session
        what = What.SESSION_RESUMED if restored else What.SESSION_STARTED
        self._network.note(now, "", Who.PROGRAM, what, session=session.protocol)
        return session, restored

    def has(self, session: Session) -> bool:
        """Whether `session` is still there."""
        return self._by_protocol.get(session.protocol) is session

    def new_id(self) -> str:
        """Return a new random id."""
        return self._network.new_id()

    def signature(self, project: str) -> str:
        """Return the part of `Session.protocol` that all sessions of a project have.

        By this, some clients check that they may resume a session.
        """
        if project not in self._signatures:
            self._signatures[project] = self._network.new_id()
        return self._signatures[project]

    def authorize(self, given: Authentication, now: float) -> JSONObject:
        """Return what a client learns about its account.

        Raises:
            RelayError: the credentials are refused.
        """
        account, expires_at = self._authenticate(given, now)
        authorization: JSONObject = {
            "type": "relay",
            "project": account.project,
            "project_id": account.project,
            "scopes": ["calling", "messaging", "tasking"],
            "signature": self.signature(account.project),
        }
        if expires_at is not None:
            authorization["expires_at"] = round(self._network.config.epoch + expires_at)
        return authorization

    def renew(self, session: Session, given: Authentication, now: float) -> JSONObject:
        """Go on with new credentials of the same project; return what `authorize` does.

        Raises:
            RelayError: the credentials are refused. The old ones count until they expire.
        """
        account, expires_at = self._authenticate(given, now)
        if account.project != session.project:
            raise RelayError(AUTHENTICATION_FAILED, "these credentials are of another project")
        session.expire_jwt_at(expires_at)
        return self.authorize(given, now)

    def subscribe(self, session: Session, contexts: Iterable[str]) -> None:
        """Let `session` serve `contexts` as well.

        Raises:
            RelayError: the session would have too many contexts.
        """
        wanted = dict.fromkeys([*session.contexts, *contexts])
        if len(wanted) > self._network.config.limits.contexts:
            raise RelayError(INVALID_PARAMS, "too many contexts")
        session.contexts = wanted
        for context in wanted:
            self._by_context.setdefault(context, {}).setdefault(session)
            self._subscribed.setdefault(session)

    def unsubscribe(self, session: Session, contexts: Iterable[str]) -> None:
        """Let `session` no longer serve `contexts`."""
        for context in contexts:
            if context in session.contexts:
                del session.contexts[context]
                serving = self._by_context[context]
                del serving[session]
                if not serving:
                    del self._by_context[context]
        if not session.contexts:
            self._subscribed.pop(session, None)

    def take_turn(self, context: str, without: Iterable[Session] = ()) -> Session | None:
        """Return the session whose turn it is. Connected sessions come before others."""
        serving = self._serving(context)
        willing = [session for session in serving if session not in without]
        connected = (session for session in willing if session.link is not None)
        chosen = next(connected, next(iter(willing), None))
        if chosen is not None:
            del serving[chosen]
            serving[chosen] = None
        return chosen

    def for_reports(self, context: str, sender: Session) -> Session:
        """Return who gets the reports about a text that `sender` has sent with `context`.

        A session whose protocol this is, or one that serves it: the sender, if it is one of
        them. If there is none, the sender gets them.
        """
        named = self._by_protocol.get(context)
        serving = self._by_context.get(context, {})
        fitting = [session for session in (named, *serving) if session is not None]
        ours = [session for session in fitting if session.project == sender.project]
        if sender in ours or not ours:
            return sender
        return next((session for session in ours if session.link is not None), ours[0])

    def is_anybody_there(self, context: str, without: Iterable[Session]) -> bool:
        """Whether a connected session serves `context`, apart from some."""
        return any(
            session.link is not None and session not in without
            for session in self._serving(context)
        )

    def is_served(self, context: str) -> bool:
        """Whether a session serves `context`, connected or not."""
        return context in self._by_context

    def why_nobody(self, context: str) -> str:
        """Return why `take_turn` has found no session, for the journal."""
        if not context:
            return "this number has no context"
        if self._serving(context):
            return f"all programs that serve {_named(context)} have passed it back"
        if not self._by_protocol:
            return "no program is connected"
        if not self._by_context:
            return "no program has subscribed to a context"
        named = ", ".join(islice(self._by_context, MOST_NAMED))
        more = len(self._by_context) - MOST_NAMED
        others = f", and {more} more" if more > 0 else ""
        return f"no program serves {_named(context)}; subscribed contexts: {named}{others}"

    def forget_all(self, sessions: Iterable[Session], now: float) -> None:
        """End sessions together, so that none of them gets the calls of another one."""
        ending = tuple(sessions)
        for session in ending:
            self.unsubscribe(session, tuple(session.contexts))
        for session in ending:
            self.forget(session, now)

    def forget(self, session: Session, now: float) -> None:
        """End a session and everything that belongs to it.

        The calls that it has not answered go to another session, if one is connected.
        """
        del self._by_protocol[session.protocol]
        self.unsubscribe(session, tuple(session.contexts))
        self._network.cancel(session.expire)
        self._network.cancel(session.give_up_offers)
        self._network.cancel(session.end_connection)
        session.keeps_offers = False
        if session.link is not None:
            session.link.session = None
            session.link.lost_session = True
            session.link = None
        self._network.note(now, "", Who.EXCHANGE, What.SESSION_FORGOTTEN, session=session.protocol)
        self._forgotten(session, now)

    def revoke(self, project: str) -> None:
        """Stop accepting the credentials of `project`."""
        self._revoked.add(project)

    def _serving(self, context: str) -> dict[Session, None]:
        if context == ANY_CONTEXT:
            return self._subscribed
        return self._by_context.get(context, {})

    def _authenticate(self, given: Authentication, now: float) -> tuple[Account, float | None]:
        """Return the account, and when the credentials expire; None if they never do."""
        for account in self._network.config.accounts:
            if account.project in self._revoked:
                continue
            if given.jwt_token:
                if given.jwt_token in account.jwt_tokens:
                    return account, None
                claimed = (
                    expiry(given.jwt_token, account.jwt_secret) if account.jwt_secret else None
                )
                if claimed is not None:
                    expires_at = claimed - self._network.config.epoch
                    if expires_at <= now:
                        raise RelayError(AUTHENTICATION_FAILED, "the JWT has expired")
                    return account, expires_at
            elif account.token and (given.project, given.token) == (account.project, account.token):
                return account, None
        raise RelayError(AUTHENTICATION_FAILED, "authentication failed")


def _named(context: str) -> str:
    return "any context" if context == ANY_CONTEXT else f"the context {context}"
