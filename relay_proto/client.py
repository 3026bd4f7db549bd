"""`ClientCore`: the client's protocol, from commands and bytes to events.

It joins the session with the tables of requests, calls, dials and messages. Each
frame takes full effect before the next one is read.

Source: docs/protocol.md, sections 8 to 16 and 20.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, TypeVar, assert_never

from . import constants as c
from .api.commands import Command
from .calls.calls import Calls
from .calls.dials import Dials
from .calls.early import Early
from .calls.farewells import Farewells
from .calls.messages import EarlyReports, Messages
from .calls.offers import Offers, Waiting
from .calls.recent import Recent
from .config import ClientConfig, Contexts, Credentials
from .core import Core, OutputQueue
from .dispatch import Dispatch
from .errors import ClientClosedError, ConnectionLostError
from .link.ids import MakeIds, combined_ids
from .link.pace import Pace
from .link.requests import Request, Requests
from .link.session import Session
from .link.session_events import SessionLost, SessionOver, SessionReady, Unusual
from .outputs import EventReceived, Ignored, MessageReceived, Output, PeerViolation
from .pending import Pending
from .records import ActionRecord, CallRecord, DialRecord
from .rpc.action_kinds import ActionKind
from .rpc.event_base import RelayEvent
from .rpc.events import (
    AuthorizationStateEvent,
    CallReceiveEvent,
    CallStateEvent,
    DialEvent,
    MessageReceiveEvent,
    MessageStateEvent,
    decode_event,
    event_of,
)
from .rpc.frames import (
    METHOD_NOT_FOUND,
    ErrorFrame,
    EventFrame,
    ReplyFrame,
    RequestFrame,
    encode_acknowledgement,
    encode_error,
)
from .rpc.masking import Scrubber
from .timers import Deadlines, Timer
from .transitions import ActionInput, CallState, SessionState
from .values.chance import Chance
from .wire.client_wire import MakeWire
from .wire.websocket import Wire

R = TypeVar("R")


Due: TypeAlias = (
    Timer
    | Request
    | Requests
    | Pace[Request]
    | DialRecord
    | ActionRecord
    | EarlyReports
    | Early[Waiting]
    | Early[MessageReceived]
)
"""What has a deadline."""


_NOT_OF_A_CALL_ALONE: Final[frozenset[type[RelayEvent]]] = frozenset(
    {
        AuthorizationStateEvent,
        CallReceiveEvent,
        CallStateEvent,
        DialEvent,
        MessageReceiveEvent,
        MessageStateEvent,
    }
)
"""Events that concern more than their call. Most events do not, and skip these checks."""


class ClientCore(Core[Output]):
    """A RELAY client without its sockets."""

    def __init__(
        self,
        config: ClientConfig,
        random: Chance,
        *,
        make_wire: MakeWire = Wire,
        make_ids: MakeIds = combined_ids,
    ) -> None:
        """`make_wire` makes the WebSocket of each transport, `make_ids` the ids of requests.

        The flight recorder gives its own.
        """
        self.config = config
        timing, limits = config.timing, config.limits
        scrubber = Scrubber(config.secrets(), show_personal=config.show_personal_data)
        self.scrubber: Final = scrubber
        """Masks what logs and recordings show of this client."""
        out = self._out = OutputQueue()
        deadlines = self._deadlines = Deadlines[Any]()
        ids = make_ids(random)
        self._session = Session(config, random, out, deadlines, scrubber, ids, make_wire)
        self._calls = Calls(out, deadlines, timing, limits)
        self._offers = Offers(out, deadlines, self._calls, timing, limits)
        self._farewells = Farewells(out, limits)
        self._dials = Dials(out, deadlines, self._calls, self._farewells, limits, scrubber)
        self._messages = Messages(out, deadlines, timing, limits)
        self._dispatch = Dispatch(
            config,
            ids,
            out,
            deadlines,
            scrubber,
            self._session,
            self._calls,
            self._messages,
            self._dials,
            self._farewells,
        )
        self._seen_event_ids: Recent[bytes] = Recent(limits.event_ids)
        self._draining = False
        self._next_session: Pending[None] | None = None

    def __repr__(self) -> str:
        return f"<ClientCore {self.config.host} {self.state.value}>"

    @property
    def state(self) -> SessionState:
        """Where the client stands with the server."""
        return self._session.state

    @property
    def protocol(self) -> str:
        """The protocol string of the session, or ``""``."""
        return self._session.protocol

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts subscribed to now; a reconnect asks for the same."""
        return self._session.login.contexts

    @property
    def accepting_calls(self) -> bool:
        """Whether the application takes calls. If not, offered calls go back to the service.

        A client that has connected without a handler first keeps them, for
        ``Timing.handler_grace``. When this changes, they come with the next `handle_timer`,
        which is due.
        """
        return self._offers.accepting

    @accepting_calls.setter
    def accepting_calls(self, accepting: bool) -> None:
        self._offers.accepting = accepting

    @property
    def accepted_contexts(self) -> frozenset[str] | None:
        """The contexts whose calls the application takes; None for all."""
        return self._offers.contexts

    @accepted_contexts.setter
    def accepted_contexts(self, contexts: frozenset[str] | None) -> None:
        self._offers.contexts = contexts

    @property
    def accepting_texts(self) -> bool:
        """Whether the application takes text messages.

        If not, a client that has just connected keeps them, as it does with calls.
        """
        return self._messages.accepting

    @accepting_texts.setter
    def accepting_texts(self, accepting: bool) -> None:
        self._messages.accepting = accepting

    @property
    def live_calls(self) -> tuple[CallRecord, ...]:
        """The calls that are up."""
        return tuple(self._calls)

    @property
    def active_calls(self) -> int:
        """The number of active calls."""
        return len(self._calls)

    @property
    def queued_requests(self) -> int:
        """How many requests wait for a session, or for their turn."""
        return self._dispatch.queued_requests

    @property
    def draining(self) -> bool:
        """Whether it takes no more calls, because of `drain`."""
        return self._draining

    # Commands

    def start(self, now: float, *, retry: bool = False) -> Pending[None]:
        """Connect. The `Pending` settles with the first session, or with an error.

        With `retry`, the core tries again after a failed attempt, until the server
        has refused the credentials too often. Without it, the first failure ends the
        attempt, and `start` may be called again.

        Raises:
            LocalProtocolError: the core has been started already.
        """
        return self._session.start(now, retry=retry)

    def use_credentials(self, transport: int, credentials: Credentials, now: float) -> None:
        """Authenticate with these on the transport that `OpenTransport` asked for.

        They count for this transport only, in place of those of the configuration. If the
        configuration has none, this has to come before each `transport_opened`.
        """
        del now  # credentials have no time of their own
        self._session.use_credentials(transport, credentials)

    def use_contexts(self, contexts: Contexts, now: float) -> None:
        """Subscribe to these contexts, and to no others, from the next session on."""
        del now  # nothing is sent
        self._session.login.use_contexts(contexts)

    def close(self, now: float) -> None:
        """End the session for good. Whatever is pending fails, and all calls end locally."""
        if self.state not in (SessionState.CLOSING, SessionState.CLOSED):
            self._dispatch.pass_back(self._offers.close(now), now)  # now: it needs a session
            self._dispatch.pass_back(self._out.unheard_offers(), now)
            self._dispatch.say_farewell(self._dials.fail_all(ClientClosedError()), now)
        over = self._session.close()
        if over is not None:
            self._end(over, now)

    def drain(self, now: float) -> None:
        """Take no more calls: unsubscribe from all contexts, and pass further offers back."""
        self._draining = True
        self._dispatch.pass_back(self._offers.close(now), now)
        contexts = list(self._session.login.contexts)
        self._session.login.unsubscribe(contexts)
        if contexts and self.state is SessionState.READY:
            self._dispatch.request_own(c.METHOD_SIGNALWIRE_UNRECEIVE, {"contexts": contexts}, now)

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """Carry out a command of the client. Raises as `Dispatch.execute`."""
        return self._dispatch.execute(command, now)

    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """Carry out a command of a call or an action. Raises as `Dispatch.execute_on`."""
        return self._dispatch.execute_on(target, command, now)

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """Give up a command that nobody waits for any more. See `Dispatch.cancel`."""
        self._dispatch.cancel(pending, now)
        if self._dispatch.pacing:
            self._dispatch.release(now)

    def wait_for(self, call: CallRecord, state: CallState, now: float) -> Pending[CallStateEvent]:
        """Wait for the event that brings `call` to `state`, or past it."""
        del now  # it has no deadline: the adapter limits how long a program waits
        return self._calls.wait_for(call, state.value)

    def wait_ready(self, now: float) -> Pending[None]:
        """Wait for a session: now if there is one, else with the next one.

        Raises:
            ClientClosedError: the core is not started, or is closed.
        """
        del now  # it has no deadline, as `wait_for`
        self._dispatch.check_started()
        if self.state is SessionState.READY:
            ready: Pending[None] = Pending()
            self._out.resolve(ready, None)
            return ready
        self._next_session = self._next_session or Pending()  # all who wait share it
        return self._next_session

    def hang_up(self, call: CallRecord, now: float) -> None:
        """Hang up a call, and see to it that the server does so.

        Without a session, and if no answer comes, the next session asks again. Does nothing
        if the call is over.
        """
        self._dispatch.hang_up(call, now)

    def pass_back(self, call: CallRecord, now: float) -> None:
        """Pass a call back to the service, and see to it that the service takes it.

        As with `hang_up`. When it has, the call ends here.
        """
        self._dispatch.pass_back([] if call.ended else [call], now)

    def adopt(self, call: CallRecord) -> CallRecord:
        """Follow a call that the application knows from elsewhere.

        Raises:
            ClientClosedError: the core is closed, so no event of the call would come.
        """
        self._dispatch.check_open()
        known = self._calls.get(call.call_id)
        if known is None:
            self._calls.add(call)
        return known or call

    def attach(self, call: CallRecord, kind: ActionKind, control_id: str) -> ActionRecord:
        """Follow an operation that the application knows from elsewhere.

        Raises:
            ClientClosedError: the core is closed, so no event of the operation would come.
        """
        self._dispatch.check_open()
        known = call.actions.get(control_id)
        if known is not None:
            return known
        action = self._calls.new_action(call, kind, control_id)
        self._calls.begin(action)
        action.happened(ActionInput.ACCEPTED)
        return action

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """The byte stream that `OpenTransport` asked for is open."""
        del now  # the time-out to connect also covers the upgrade
        self._session.transport_opened(transport)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes arrived on a transport."""
        pacing = self._dispatch.pacing  # only commands make requests wait, and none comes meanwhile
        for happened in self._session.receive_data(transport, data, now):
            if type(happened) is EventFrame:  # as nearly always
                self._receive_event(happened, now)
            elif type(happened) is ReplyFrame:
                self._dispatch.answered(happened, now)
            else:
                self._follow(happened, now)
            if pacing:
                self._dispatch.release(now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """A transport could not be opened, has ended or broke. `reason` is for people."""
        self._follow(self._session.transport_closed(transport, now, reason), now)

    def handle_timer(self, now: float) -> None:
        """Do what is due. Source: rule 5 of the contract."""
        due: Due | None
        while (due := self._deadlines.pop_due(now)) is not None:
            match due:
                case Timer():
                    self._follow(self._session.handle_timer(due, now), now)
                case Request() | Requests():
                    self._expire(due, now)
                case DialRecord():
                    self._dispatch.say_farewell(self._dials.timed_out(due), now)
                case ActionRecord():
                    self._calls.complete_lingering(due)
                case EarlyReports():
                    self._messages.forget_early(due)
                case Early():
                    self._messages.take_early(now)
                    self._dispatch.pass_back(self._offers.take_early(now), now)
                case Pace():
                    pass  # see below
                case _:
                    assert_never(due)
        if self._dispatch.pacing:
            self._dispatch.release(now)

    def _expire(self, due: Request | Requests, now: float) -> None:
        overdue = due if isinstance(due, Request) else due.first_overdue(now)
        if overdue is not None:
            self._dispatch.expired(overdue, now)

    def deadline(self) -> float | None:
        """When `handle_timer` is due next."""
        return self._deadlines.next()

    def next_output(self) -> Output | None:
        """The next output, in order."""
        return self._out.next()

    # What the session tells

    def _follow(self, happened: Unusual | None, now: float) -> None:
        """Let calls and requests follow what happened to the session."""
        match happened:
            case None:
                pass
            case ErrorFrame():
                self._dispatch.answered(happened, now)
            case RequestFrame():
                self._receive_request(happened, now)
            case SessionReady(resumed):
                self._begin(now, resumed=resumed)
            case SessionLost(error):
                self._dispatch.lose_sent(error, now)
            case SessionOver():
                self._end(happened, now)
            case _:
                assert_never(happened)

    def _begin(self, now: float, *, resumed: bool) -> None:
        """Write the queued requests. A new session means that the old one's calls are lost."""
        legs = [*self._farewells.begin()]
        if not resumed:
            self._seen_event_ids.clear()
            lost = ConnectionLostError("the session could not be resumed", maybe_delivered=True)
            legs += self._dials.fail_acknowledged(lost)
            self._calls.end_all(now)
        self._offers.begin(now, resumed=resumed)
        self._messages.begin(now, self._session.protocol)
        self._dispatch.say_farewell(legs, now)
        self._dispatch.flush(now)
        if self._next_session is not None:
            self._out.resolve(self._next_session, None)
            self._next_session = None

    def _end(self, over: SessionOver, now: float) -> None:
        """End everything: no more answers and no more events will come."""
        self._dispatch.lose_all(over.error, now)
        if self._next_session is not None:
            self._out.fail(self._next_session, over.error)
            self._next_session = None
        self._dials.fail_all(over.error)
        self._offers.end()
        self._calls.end_all(now)
        self._messages.fail_all(over.error)
        self._deadlines.clear_all()
        self._session.conclude(over, now)

    def _receive_request(self, frame: RequestFrame, now: float) -> None:
        """Take an unusual event, or refuse a method that a client does not have."""
        if frame.method != c.METHOD_SIGNALWIRE_EVENT:
            self._out.push(PeerViolation("a request with an unknown method"))
            self._session.send(encode_error(frame.id, METHOD_NOT_FOUND, "Method not found"))
        elif self._acknowledge(frame.id):
            event = decode_event(frame.params)
            if event is None:
                self._out.push(PeerViolation("an event without a type"))
            else:
                self._route(event, now)

    # Events

    def _receive_event(self, frame: EventFrame, now: float) -> None:
        if self._acknowledge(frame.id):
            self._route(event_of(frame), now)

    def _acknowledge(self, event_id: bytes) -> bool:
        """Acknowledge an event. False if it is a repetition, as far as the core remembers."""
        self._session.send(encode_acknowledgement(event_id))
        if self._seen_event_ids.add(event_id):
            return True
        self._out.push(Ignored("an event that came before"))
        return False

    def _route(self, event: RelayEvent, now: float) -> None:
        if type(event) in _NOT_OF_A_CALL_ALONE and self._take_event(event, now):
            return
        if not self._calls.receive(event, now):
            self._out.push(EventReceived(event))

    def _take_event(self, event: RelayEvent, now: float) -> bool:
        """Take an event that concerns more than its call. False if the call needs it, too."""
        match event:
            case AuthorizationStateEvent():
                if self._calls.keeps(event):
                    self._session.remember(event.authorization_state)
                else:
                    self._out.push(PeerViolation("an authorization state that is too long"))
            case MessageReceiveEvent():
                self._messages.receive(event, now)
            case MessageStateEvent():
                self._messages.receive_state(event, now)
            case CallReceiveEvent():
                self._farewells.offered_again(event.call_id)
                self._dispatch.pass_back(self._offers.receive(event, now), now)
            case DialEvent():
                self._dispatch.receive_dial(event, now)
            case _:
                assert isinstance(event, CallStateEvent), f"no way for {event!r}"
                self._dispatch.say_farewell(self._dials.receive_state(event), now)
                self._offers.state_changed(event)
                return False
        return True
