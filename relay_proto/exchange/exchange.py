"""`Exchange`: a telephone network made of state and time, behind many connections.

It is the server that clients connect to, and the world around them: people who call,
answer, listen, press keys and hang up. Tests drive it in virtual time. The simulator
drives it behind real sockets. In both cases it exchanges the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from ..constants import METHOD_SIGNALWIRE_CONNECT
from ..core import Core
from ..errors import RelayError
from ..outputs import CloseTransport, PeerViolation, SendData, Settled
from ..rpc.frames import METHOD_NOT_FOUND
from ..server import ConnectionEnded, FramePassed, RequestReceived, ServerCore
from ..values.chance import Chance
from . import blade, by_hand
from .blade import Blade, Reply
from .by_hand import Act, ActError, CallView, ProgramView
from .config import ExchangeConfig, ExchangeTiming
from .happened import FrameSeen, Happened, Heard, What, Who
from .network import Network
from .requests import Request, decode_params
from .routing import offer_again, place_call
from .script import Caller, Line
from .sessions import (
    AUTHENTICATION_FAILED,
    SERVER_ERROR,
    ConnectParams,
    Link,
    Session,
    Sessions,
)
from .sounds import FileMade
from .switch import NOT_FOUND, Switch
from .texts import TextMessage, receive_text
from .verbs import VERBS

ExchangeOutput: TypeAlias = SendData | CloseTransport | Happened | Heard | FileMade | FrameSeen

MOST_QUOTED: Final = 100
"""Characters of a refused method's name that the journal shows."""

_connect: Final = msgspec.json.Decoder(ConnectParams)


class Exchange(Core[ExchangeOutput]):
    """A telephone network. The adapter that accepts byte streams numbers them.

    After one input, the `Happened` and `FileMade` outputs come first. Then all bytes for a
    transport follow in one `SendData`.
    """

    def __init__(self, config: ExchangeConfig, random: Chance) -> None:
        self._config = config
        # After a resume, all kept events are sent at once. Leave as much room for new ones.
        unacknowledged = max(config.server.unacknowledged, 2 * config.limits.events)
        self._server = replace(
            config.server, unacknowledged=unacknowledged, reports_frames=config.observed
        )
        self._outputs: deque[ExchangeOutput] = deque()
        self._network = Network(config, random, self._outputs.append)
        self._sessions = Sessions(self._network, self._forgotten, self._offer_again)
        self._switch = Switch(self._network, self._sessions)
        self._links: dict[int, Link] = {}
        self._blades: dict[Link, Blade] = {}
        """The translations for clients of version 2."""
        self._touched: dict[Link, None] = {}

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """A client has opened a byte stream; the number must not be in use."""
        if transport in self._links:
            return
        if len(self._links) >= self._config.limits.connections:
            self._outputs.append(CloseTransport(transport, flush=False))
            return
        link = Link(transport, ServerCore(transport, self._server), self._touch)
        self._links[transport] = link
        link.core.transport_opened(transport, now)
        self._settle(link, now)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes arrived from a client."""
        link = self._links.get(transport)
        if link is not None:
            link.core.receive_data(transport, data, now)
            self._settle(link, now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """A client's byte stream has ended or broken."""
        link = self._links.get(transport)
        if link is not None:
            link.core.transport_closed(transport, now, reason)
            self._settle(link, now)

    def handle_timer(self, now: float) -> None:
        """Do everything that is due."""
        while self._network.run(now):
            self._settle_touched(now)

    def deadline(self) -> float | None:
        """Return when something happens next, or None."""
        return self._network.deadline()

    def next_output(self) -> ExchangeOutput | None:
        """Return the next output, in order, or None."""
        return self._outputs.popleft() if self._outputs else None

    # The world around the programs

    def place_call(self, caller: Caller, *, to: str, now: float, context: str = "") -> str:
        """Let `caller` call the number `to`; return the id of the call.

        The call goes to a session that serves `context`. Without `context`,
        `ExchangeConfig.numbers` decides. If no session serves it, the call ends with
        ``not_found``.
        """
        serving = context or self._network.config.numbers.get(to, "")
        call_id = place_call(self._switch, caller, to, serving, now)
        self._settle_touched(now)
        return call_id

    def receive_text(self, text: TextMessage, now: float, *, context: str = "") -> str:
        """Let somebody send a text message to a number; return the id of the message.

        `context` decides who gets it, as in `place_call`.
        """
        serving = context or self._network.config.numbers.get(text.to_number, "")
        message_id = receive_text(self._switch, text, serving, now)
        self._settle_touched(now)
        return message_id

    def set_line(self, line: Line) -> None:
        """Change what happens when a program dials the address of `line`."""
        self._network.set_line(line)

    def remove_line(self, address: str) -> None:
        """Let an address behave as one without a line: a program or `default_line` answers."""
        self._network.remove_line(address)

    def change(
        self,
        *,
        numbers: Mapping[str, str] | None = None,
        undeliverable: frozenset[str] | None = None,
        timing: ExchangeTiming | None = None,
    ) -> None:
        """Change settings of `ExchangeConfig` from now on. None leaves one as it is."""
        given = {"numbers": numbers, "undeliverable": undeliverable, "timing": timing}
        changes: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        self._network.config = replace(self._network.config, **changes)

    # People who act by hand

    def act(self, call_id: str, act: Act, now: float) -> None:
        """Let the person at the far end of a call do something.

        They press digits and speak after what they are doing by hand. If they have a
        script, they forget the rest of it.

        Raises:
            ActError: they cannot do that now.
        """
        leg = self._switch.leg(call_id)
        if leg is None:
            raise ActError("there is no such call, or it has ended")
        by_hand.perform(leg, act, now)
        self._settle_touched(now)

    def end_all_calls(self, now: float) -> None:
        """Let everybody hang up. Sessions stay as they are."""
        by_hand.end_all(self._switch, now)
        self._settle_touched(now)

    def call(self, call_id: str) -> CallView | None:
        """Return a call as it is now; None if it has ended, or never was."""
        leg = self._switch.leg(call_id)
        return None if leg is None else by_hand.view_call(leg)

    def programs(self) -> tuple[ProgramView, ...]:
        """Return all sessions as they are now."""
        return tuple(by_hand.view_program(session) for session in self._sessions)

    # Faults

    def drop(self, transport: int, now: float) -> None:
        """Cut a connection without telling the client."""
        link = self._links.get(transport)
        if link is not None:
            link.abort("cut")
            self._settle_touched(now)

    def say_goodbye(self, transport: int, now: float, *, restart: bool, stay: bool = False) -> None:
        """Ask a client to reconnect, as before a deployment; see `ServerCore.say_goodbye`.

        With `restart`, its session and the calls of the session end.
        """
        link = self._links.get(transport)
        if link is not None:
            link.core.say_goodbye(now, restart=restart, stay=stay)
            if restart and link.session is not None:
                self._sessions.forget(link.session, now)
            self._settle(link, now)

    def forget_sessions(self, now: float) -> None:
        """Lose all sessions and connections, as in a crash."""
        self._sessions.forget_all(self._sessions, now)
        for link in tuple(self._links.values()):
            link.abort("the server restarts")
        self._settle_touched(now)

    def refuse_unknown_sessions(self, refuse: bool) -> None:
        """Refuse clients that want to resume an unknown session, or give them a new one.

        A new one is the default, so that clients without a second attempt can connect after
        a restart, too.
        """
        self._sessions.refuses_unknown = refuse

    def revoke(self, project: str, now: float) -> None:
        """Stop accepting the credentials of a project, and end its sessions."""
        self._sessions.revoke(project)
        revoked = [session for session in self._sessions if session.project == project]
        links = [session.link for session in revoked]
        self._sessions.forget_all(revoked, now)
        for link in links:
            if link is not None:
                link.close(now)
        self._settle_touched(now)

    def refuse_upgrades(self, status: int, reason: str = "") -> None:
        """Refuse new connections with an HTTP status; 0 accepts them again.

        Raises:
            ValueError: `status` is neither 0 nor between 400 and 599.
        """
        self._server = replace(self._server, refuse_status=status, refuse_reason=reason)

    # What connections report

    def _touch(self, link: Link) -> None:
        self._touched[link] = None

    def _settle(self, link: Link, now: float) -> None:
        self._touch(link)
        self._settle_touched(now)

    def _settle_touched(self, now: float) -> None:
        """Take the outputs of all touched connections until none is left."""
        while self._touched:
            link = next(iter(self._touched))
            del self._touched[link]
            while (output := link.core.next_output()) is not None:
                match output:
                    case SendData() | CloseTransport():
                        self._outputs.append(output)
                    case Settled():
                        link.settled(output)
                    case RequestReceived():
                        self._take_request(link, output, now)
                    case PeerViolation(reason):
                        self._network.note(now, "", Who.PROGRAM, What.VIOLATED, reason=reason)
                    case FramePassed(data, received):
                        session = "" if link.session is None else link.session.protocol
                        self._outputs.append(
                            FrameSeen(now, link.transport, session, received, data)
                        )
                    case ConnectionEnded():
                        self._lose(link, output, now)
                    case _:
                        assert_never(output)
            self._watch(link)

    def _watch(self, link: Link) -> None:
        deadline = link.core.deadline()
        if deadline is None:
            self._network.cancel(link.keep_time)
        else:
            self._network.at(deadline, link.keep_time)

    def _lose(self, link: Link, ended: ConnectionEnded, now: float) -> None:
        del self._links[link.transport]
        self._blades.pop(link, None)
        session = link.session
        if session is not None:
            link.session = None
            session.detach(now, left=ended.left)
            away = {"session": session.protocol, "reason": ended.reason}
            self._network.note(now, "", Who.PROGRAM, What.SESSION_AWAY, **away)

    # What programs ask

    def _take_request(self, link: Link, asked: RequestReceived, now: float) -> None:
        reply: Reply = partial(link.core.reply, asked.id)
        try:
            if asked.method.startswith(blade.PREFIX):
                wrapped = self._blade(link).take(asked, now)
                if wrapped is None:
                    return
                asked, reply = wrapped
            self._carry_out(link, asked, reply, now)
        except RelayError as refusal:
            self._network.note(
                now,
                "",
                Who.EXCHANGE,
                What.REFUSED,
                method=asked.method[:MOST_QUOTED],
                reason=refusal.message,
            )
            if refusal.code > 0:
                reply({"code": str(refusal.code), "message": refusal.message})
            else:
                link.core.refuse(asked.id, refusal.code, refusal.message)

    def _blade(self, link: Link) -> Blade:
        if link not in self._blades:
            self._blades[link] = Blade(link, self._sessions, self._config.node_id)
        return self._blades[link]

    def _carry_out(self, link: Link, asked: RequestReceived, reply: Reply, now: float) -> None:
        if asked.method == METHOD_SIGNALWIRE_CONNECT:
            self._connect(link, asked, now)
            return
        if link.lost_session:
            raise RelayError(NOT_FOUND, "the session has ended, and so have its calls")
        if link.session is None:
            raise RelayError(AUTHENTICATION_FAILED, "signalwire.connect must come first")
        verb = VERBS.get(asked.method)
        if verb is None:
            raise RelayError(METHOD_NOT_FOUND, "Method not found")
        verb(Request(link.session, self._switch, asked.params, now, reply, VERBS))

    def _connect(self, link: Link, asked: RequestReceived, now: float) -> None:
        if link.session is not None:
            raise RelayError(SERVER_ERROR, "this connection has a session already")
        params = decode_params(_connect, asked.params)
        session, restored = self._sessions.open(params, now)
        result = {
            "identity": session.identity,
            "protocol": session.protocol,
            "session_restored": restored,
            "authorization": self._sessions.authorize(params.authentication, now),
        }
        link.core.reply(asked.id, result)
        link.take_over(session, now)
        self._offer_again(now)

    def _forgotten(self, session: Session, now: float) -> None:
        self._offer_again(now)
        self._switch.abandon(session, now)

    def _offer_again(self, now: float) -> None:
        offer_again(self._switch, now)
