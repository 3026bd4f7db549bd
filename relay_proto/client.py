"""`ClientCore`: the client's protocol, from commands and bytes to events.

It joins the session with the tables of requests, calls, dials and messages: every
frame takes effect here, completely, before the next one is looked at.

Source: docs/protocol.md, sections 8 to 16 and 20.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, assert_never

from .api.commands import Command
from .calls.calls import Calls
from .calls.messages import EarlyReports, Messages
from .config import ClientConfig
from .constants import (
    CALL_STATE_ENDED,
    METHOD_SIGNALWIRE_EVENT,
    METHOD_SIGNALWIRE_UNRECEIVE,
)
from .core import Core, OutputQueue
from .dispatch import Dispatch
from .errors import (
    ClientClosedError,
    ConnectionLostError,
    RelayError,
)
from .link.requests import Request
from .link.session import Session
from .outputs import (
    CallOffered,
    EventReceived,
    Ignored,
    OfferRefused,
    Output,
    PeerViolation,
)
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
from .timers import Deadlines, Timer
from .transitions import ActionInput, CallState, SessionState
from .wire.websocket import Wire

if TYPE_CHECKING:
    import random

R = TypeVar("R")


Due: TypeAlias = Timer | Request | DialRecord | ActionRecord | EarlyReports
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
"""Looked up at once: most events are none of these, and are spared the questions."""


class ClientCore(Core[Output]):
    """A RELAY client without its sockets.

    `accepting_calls` says whether the application takes calls, and
    `accepted_contexts` of which contexts (None: of all). Calls that are offered to
    one that does not take them are passed back to routing.
    """

    def __init__(
        self,
        config: ClientConfig,
        random: random.Random,
        *,
        make_wire: Callable[..., Wire] = Wire,
    ) -> None:
        """`make_wire` is for those who want to listen to the wire, or to play its part."""
        self.config = config
        self.accepting_calls = False
        self.accepted_contexts: frozenset[str] | None = None
        self._out = OutputQueue()
        self._deadlines: Deadlines[Any] = Deadlines()
        timing, limits = config.timing, config.limits
        self._session = Session(config, random, self._out, self._deadlines, self, make_wire)
        self._calls = Calls(self._out, self._deadlines, timing)
        self._messages = Messages(self._out, self._deadlines, timing, limits)
        self._dispatch = Dispatch(
            config,
            random,
            self._out,
            self._deadlines,
            self._session,
            self._calls,
            self._messages,
        )
        self._heard: set[bytes] = set()
        self._heard_last: deque[bytes] = deque()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._most_heard = limits.event_ids

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
        return tuple(self._session.contexts)

    @property
    def active_calls(self) -> int:
        """How many calls are up."""
        return len(self._calls)

    # Commands

    def start(self, now: float, *, retry: bool = False) -> Pending[None]:
        """Connect. The `Pending` settles with the first session, or why there is none.

        With `retry`, failed attempts are repeated until the credentials have been
        refused too often; without, the first failure is the end of it, and
        `start` may be called again.

        Raises:
            LocalProtocolError: it was started already.
        """
        return self._session.start(now, retry=retry)

    def close(self, now: float) -> None:
        """End the session for good: everything pending fails, calls are concluded."""
        if self.state not in (SessionState.CLOSING, SessionState.CLOSED):
            self._dispatch.dials.fail_all(ClientClosedError(), now)  # hangs up while it still can
        self._session.close(now)

    def drain(self, now: float) -> None:
        """Take no more calls: unsubscribe, and pass back what is offered all the same."""
        self.accepting_calls = False
        contexts = list(self._session.contexts)
        self._session.contexts.clear()
        if contexts and self.state is SessionState.READY:
            self._dispatch.request_own(METHOD_SIGNALWIRE_UNRECEIVE, {"contexts": contexts}, now)

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """Carry out a command of the client. Raises as `Dispatch.execute`."""
        return self._dispatch.execute(command, now)

    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """Carry out a command of a call or an action. Raises as `Dispatch.execute_on`."""
        return self._dispatch.execute_on(target, command, now)

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """Nobody waits for `pending` any more: see `Dispatch.cancel`."""
        self._dispatch.cancel(pending, now)

    def wait_for(self, call: CallRecord, state: CallState, now: float) -> Pending[RelayEvent]:
        """The event that brings `call` to `state`, or past it."""
        del now  # it has no deadline: the caller's patience is the caller's affair
        return self._calls.wait_for(call, state.value)

    def adopt(self, call: CallRecord) -> CallRecord:
        """Follow a call that the application knows from elsewhere.

        Raises:
            ClientClosedError: the core is closed; nothing would be heard of the call.
        """
        self._dispatch.check_open()
        known = self._calls.get(call.call_id)
        if known is None:
            self._calls.add(call)
        return known or call

    def attach(self, call: CallRecord, kind: ActionKind, control_id: str) -> ActionRecord:
        """Follow an operation that the application knows from elsewhere.

        Raises:
            ClientClosedError: the core is closed; nothing would be heard of it.
        """
        self._dispatch.check_open()
        known = call.actions.get(control_id)
        if known is not None:
            return known
        action = self._calls.start_action(call, kind, control_id, None)
        action.happened(ActionInput.ACCEPTED)
        return action

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """The byte stream that `OpenTransport` asked for is open."""
        del now  # the time to connect runs on until the upgrade is done
        self._session.transport_opened(transport)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes arrived on a transport."""
        self._session.receive_data(transport, data, now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """A transport could not be opened, has ended or broke; `reason` is for people."""
        self._session.transport_closed(transport, now, reason)

    def handle_timer(self, now: float) -> None:
        """Do what is due. Source: rule 5 of the contract."""
        due: Due | None
        while (due := self._deadlines.pop_due(now)) is not None:
            match due:
                case Timer():
                    self._session.handle_timer(due, now)
                case Request():
                    self._dispatch.expired(due, now)
                case DialRecord():
                    self._dispatch.dials.timed_out(due, now)
                case ActionRecord():
                    self._calls.complete_lingering(due)
                case EarlyReports():
                    self._messages.forget_early(due)
                case _:
                    assert_never(due)

    def deadline(self) -> float | None:
        """When `handle_timer` is due next."""
        return self._deadlines.next()

    def next_output(self) -> Output | None:
        """The next output, in order."""
        return self._out.next()

    # What the session tells

    def session_ready(self, *, resumed: bool, now: float) -> None:
        """Write what has waited; a session that is not the old one has lost its calls."""
        self._dispatch.dials.end_doomed(now)
        if not resumed:
            self._heard.clear()
            self._heard_last.clear()
            lost = ConnectionLostError("the session could not be resumed", maybe_delivered=True)
            self._dispatch.dials.fail_acknowledged(lost, now)
            self._calls.end_all(now)
        self._dispatch.flush(now)

    def session_lost(self, error: RelayError, now: float) -> None:
        """Requests that were written have lost their answers."""
        self._dispatch.lose_sent(error, now)

    def session_over(self, error: RelayError, now: float) -> None:
        """There will be no more answers and no more events."""
        self._dispatch.lose_all(error, now)
        self._calls.end_all(now)
        self._messages.fail_all(error)
        self._deadlines.clear_all()

    def event_received(self, frame: EventFrame, now: float) -> None:
        """An event: acknowledged, and passed on unless it came before."""
        if self._is_news(frame.id):
            self._route(event_of(frame), now)

    def answer_received(self, frame: ReplyFrame | ErrorFrame, now: float) -> None:
        """A reply or a refusal."""
        self._dispatch.reply_received(frame, now)

    def request_received(self, frame: RequestFrame, now: float) -> None:
        """An unusual event, or another request of the server's."""
        if frame.method == METHOD_SIGNALWIRE_EVENT:
            if self._is_news(frame.id):
                event = decode_event(frame.params)
                if event is None:
                    self._out.push(PeerViolation("an event without a type"))
                else:
                    self._route(event, now)
        else:
            self._out.push(PeerViolation("a request with an unknown method"))
            self._session.send(encode_error(frame.id, METHOD_NOT_FOUND, "Method not found"))

    # Events

    def _is_news(self, identity: bytes) -> bool:
        """Acknowledge an event; whether it has not come before, as far as is remembered."""
        heard, last = self._heard, self._heard_last
        self._session.send(encode_acknowledgement(identity))
        if identity in heard:
            self._out.push(Ignored("an event that came before"))
            return False
        if len(last) == self._most_heard:
            heard.remove(last.popleft())
        heard.add(identity)
        last.append(identity)
        return True

    def _route(self, event: RelayEvent, now: float) -> None:
        if type(event) in _NOT_OF_A_CALL_ALONE and self._take_event(event, now):
            return
        if not self._calls.receive(event, now):
            self._out.push(EventReceived(event))

    def _take_event(self, event: RelayEvent, now: float) -> bool:
        """Take an event that is about more than one call; False if the call has its share."""
        match event:
            case AuthorizationStateEvent():
                self._session.authorization_state = event.authorization_state
            case MessageReceiveEvent():
                self._messages.receive(event)
            case MessageStateEvent():
                self._messages.receive_state(event, now)
            case CallReceiveEvent():
                self._offered(event, now)
            case DialEvent():
                self._dispatch.dials.receive(event, now)
            case _:
                assert isinstance(event, CallStateEvent), f"no way for {event!r}"
                self._dispatch.dials.receive_state(event, now)
                if event.call_state == CALL_STATE_ENDED:
                    self._remember_ended(event.call_id)
                return False
        return True

    def _remember_ended(self, call_id: str) -> None:
        """Its offer may be redelivered behind its end: nothing would end the call again."""
        self._over[call_id] = None
        if len(self._over) > self._most_heard:
            self._over.popitem(last=False)

    def _offered(self, event: CallReceiveEvent, now: float) -> None:
        if not event.call_id or event.call_state == CALL_STATE_ENDED:
            self._out.push(PeerViolation("a call without an id, or an ended one, was offered"))
            return
        if event.call_id in self._over:
            self._out.push(Ignored("an offer that came behind the end of its call"))
            return
        known = self._calls.get(event.call_id)
        if known is not None:
            self._calls.update(known, event, event.call_state)
            self._out.push(EventReceived(event, known))
            return
        reason = self._unwelcome(event)
        if reason:
            self._out.push(OfferRefused(event.call_id, reason))
            params = {"node_id": event.node_id, "call_id": event.call_id}
            self._dispatch.request_own("calling.pass", params, now)
            return
        call = CallRecord(
            event.call_id,
            event.node_id,
            project_id=event.project_id,
            context=event.context,
            tag=event.tag,
            direction=event.direction or "inbound",
            device=event.device,
            state=event.call_state or CallState.CREATED.value,
            segment_id=event.segment_id,
        )
        self._calls.add(call)
        self._out.push(EventReceived(event, call))
        self._out.push(CallOffered(call))

    def _unwelcome(self, event: CallReceiveEvent) -> str:
        """Why an offered call is not taken; ``""`` if it is."""
        limit = self.config.limits.active_calls
        if not self.accepting_calls:
            return "this client takes no calls: it has no handler for them, or is draining"
        if self.accepted_contexts is not None and event.context not in self.accepted_contexts:
            return f"this client has no handler for calls of context {event.context!r}"
        return f"{limit} calls are active already" if len(self._calls) >= limit else ""
