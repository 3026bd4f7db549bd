"""Dispatch: how a command becomes a request, and how its answer finds its subject.

A command is checked, given an id and a subject, and written now or with the next
session. Whatever becomes of the request - an answer, a refusal, a timeout, the
loss of its session - is the subject's to act on: see ``calls.subjects``.

Source: docs/protocol.md, sections 8, 9, 13, 15 and 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from .api.commands import DEFAULT_CONTEXT, NEW_ID, Command, Purpose
from .api.parties import who_begins
from .calls.calls import Calls
from .calls.dials import Dials
from .calls.farewells import METHOD_END, METHOD_PASS, Farewells, Legs, last_request
from .calls.messages import NO_CONTEXT, Messages, outbound_message
from .calls.subjects import (
    ActionVerb,
    Dial,
    Farewell,
    FinalControl,
    HangUp,
    Method,
    MethodOfCall,
    OwnRequest,
    OwnStart,
    OwnStop,
    Pass,
    Start,
    Subscription,
    Text,
    Verb,
)
from .config import ClientConfig
from .core import OutputQueue
from .errors import (
    ClientClosedError,
    ConnectionLostError,
    LocalProtocolError,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from .link.pace import Pace
from .link.requests import Request, Requests, Subject, is_success
from .link.session import OVER, Session
from .outputs import Ignored
from .pending import RESULT, Pending
from .records import ActionRecord, CallRecord
from .rpc.action_kinds import AI
from .rpc.events import CallReceiveEvent, DialEvent
from .rpc.frames import (
    ErrorFrame,
    JSONObject,
    ReplyFrame,
    decode_any,
    encode_request,
    is_object,
    result_code,
)
from .rpc.masking import Scrubber
from .timers import Deadlines
from .transitions import RequestState, SessionState

R = TypeVar("R")

NO_SESSION_TO_COME: Final = frozenset({SessionState.DISCONNECTED, *OVER})
"""Commands are refused at once: nobody has called ``connect()``, or it is over."""
NO_SESSION_NOW: Final = "there is no session now, so nothing was sent; call wait_ready() first"
"""Why requests fail if the configuration says that they do not wait for a session."""

_VERBS: Final[dict[str, type[Verb]]] = {METHOD_END: HangUp, METHOD_PASS: Pass}
METHOD_STOP_AI: Final = f"{AI.method}.stop"
"""Its reply completes the action, because no event will: docs/protocol.md, section 15."""

# What every request asks for. Before Python 3.12, a member costs ten times as much to look up.
_READY: Final = SessionState.READY
_REQUEST: Final = Purpose.REQUEST
_VERB: Final = Purpose.VERB
_JOIN: Final = Purpose.JOIN
_START: Final = Purpose.START
_CONTROL: Final = Purpose.CONTROL


class Dispatch:
    """The requests of a client, from command to consequence."""

    def __init__(
        self,
        config: ClientConfig,
        ids: Iterator[str],
        out: OutputQueue,
        deadlines: Deadlines[Any],
        scrubber: Scrubber,
        session: Session,
        calls: Calls,
        messages: Messages,
        dials: Dials,
        farewells: Farewells,
    ) -> None:
        self._timing = config.timing
        limits = self._limits = config.limits
        self._fails_fast = config.while_reconnecting == "fail"
        self._ids = ids
        self._out = out
        self._scrubber = scrubber
        self._session = session
        self._calls = calls
        self._messages = messages
        self._dials = dials
        self._farewells = farewells
        self._deadlines = deadlines
        self._requests = Requests(deadlines, config.timing, config.limits)
        self._dial_pace: Pace[Request] = Pace(limits.dials_per_second, limits.dials_at_once)
        self._text_pace: Pace[Request] = Pace(limits.texts_per_second)
        self.pacing = False
        """Whether requests may wait for their turn, so that `release` has to be called."""

    @property
    def queued_requests(self) -> int:
        """How many requests are not written yet."""
        return self._requests.queued

    # Commands

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """Carry out a command of the client.

        Raises:
            ClientClosedError: the core is not started, or is closed.
            ConnectionLostError: there is no session, and the configuration says that
                requests do not wait for one.
            RequestQueueFullError: too many requests are waiting.
            ValueError, TypeError: the parameters are not JSON, or a tag is in use.
        """
        if self._session.state is not _READY:
            self.check_started()
        pending: Pending[Any] = Pending()
        params = command.params
        if command.purpose is _REQUEST:
            subject = Method(self._out, pending)
            request = self._new_request(command.method, params, subject, pending, command.timeout)
            self._write_or_queue(request, now)
            return pending
        match command.purpose:
            case Purpose.DIAL:
                self._execute_dial(command, pending, now)
            case Purpose.SEND_MESSAGE:
                context = "" if params["context"] is DEFAULT_CONTEXT else params["context"]
                message = outbound_message(params, context, command.callback)
                text = Text(self._out, pending, self._messages, message)
                pace = self._text_pace
                request = self._new_request(command.method, params, text, pending, pace=pace)
                self._write_in_turn(request, pace, message.context, now)
            case Purpose.RECEIVE:
                self._check_contexts(command)
                self._change_contexts(command, self._session.login.subscribe, pending, now)
            case Purpose.UNRECEIVE:
                self._change_contexts(command, self._session.login.unsubscribe, pending, now)
            case _:
                raise LocalProtocolError(f"{command.method} needs a call: use execute_on()")
        return pending

    def execute_on(
        self, target: CallRecord | ActionRecord, command: Command[R], now: float
    ) -> Pending[R]:
        """Carry out a command of a call, or of an action.

        Where the call or the action is over, nothing is sent: the result is ``{}``,
        or an action that is done.

        Raises: as `execute`; and ValueError if a control id is in use.
        """
        if self._session.state is not _READY:
            self.check_started()
        pending: Pending[Any] = Pending()
        purpose = command.purpose
        if isinstance(target, CallRecord) and (purpose is _VERB or purpose is _JOIN):
            self._execute_verb(target, command, pending, now)
        elif isinstance(target, CallRecord) and purpose is _START:
            self._execute_start(target, command, pending, now)
        elif isinstance(target, ActionRecord) and purpose is _CONTROL:
            self._execute_control(target, command, pending, now)
        else:
            words = "give execute_on() the call or the action that it is for"
            raise LocalProtocolError(f"{command.method} is no command of {target!r}: {words}")
        return pending

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """Give up a command that nobody waits for any more.

        A request that has not been written is never sent. A dial is given up, and its
        legs are hung up. An action that `stops_unwanted` is stopped. Whatever else the server
        is doing already goes on.
        """
        request = pending.source
        if request is RESULT:
            result: CallRecord | ActionRecord = pending.result()
            if isinstance(result, CallRecord):
                self.hang_up(result, now)
            else:
                self._stop(result, now)
        elif isinstance(request, Request):
            error = LocalProtocolError("cancelled by the caller")
            if request.state is RequestState.QUEUED:
                self._requests.finish(request)
                self.say_farewell(request.subject.lost(error, now), now)
            self.say_farewell(request.subject.abandoned(error, now), now)
            if (action := request.subject.unwanted_action()) is not None:
                self._stop(action, now)

    # The session comes and goes

    def flush(self, now: float) -> None:
        """Write the requests that have waited for a session."""
        for request in self._requests.take_queued():
            if not request.subject.settle_if_needless():
                self._write_queued(request, now)
        self.release(now)

    def release(self, now: float) -> None:
        """Write the requests whose turn it is."""
        if self._session.state is not _READY:
            return
        for pace in (self._dial_pace, self._text_pace):
            while (request := pace.take(self._under_way(pace), now)) is not None:
                self._requests.take(request)
                self._write_queued(request, now)
                pace.begun(now)
            due = pace.due(self._under_way(pace))
            if due is None:
                self._deadlines.clear(pace)
            else:
                self._deadlines.set(pace, due)
        self.pacing = bool(self._dial_pace or self._text_pace)

    def _under_way(self, pace: Pace[Request]) -> int:
        return self._dials.under_way if pace is self._dial_pace else 0

    def _write_queued(self, request: Request, now: float) -> None:
        if request.params is not None:
            params = self._with_context(request.params)
            request.frame = encode_request(request.id, request.method, params)
        self._write(request, now)

    def lose_sent(self, error: RelayError, now: float) -> None:
        """Settle what was written on a session that is lost: no answer will come."""
        reason = error.reason if isinstance(error, ConnectionLostError) else str(error)
        lost = ConnectionLostError(reason, maybe_delivered=True)
        for request in self._requests.lose_sent():
            request.subject.lost(lost, now)  # legs that it leaves wait for the next session

    def lose_all(self, error: RelayError, now: float) -> None:
        """Settle every request: there will be no session any more."""
        for request in (*self._requests.lose_sent(), *self._requests.lose_queued()):
            request.subject.lost(error, now)  # without a session, no leg can be hung up

    # How requests leave

    def check_open(self) -> None:
        """Check that the core still takes commands.

        Raises:
            ClientClosedError: the core is closed.
        """
        if self._session.state in OVER:
            raise ClientClosedError

    def check_started(self) -> None:
        """Check that there is a session, or that there may be one.

        Raises:
            ClientClosedError: the core is not started, or is closed.
        """
        if self._session.state in NO_SESSION_TO_COME:
            raise ClientClosedError

    def request_own(self, method: str, params: JSONObject, now: float) -> None:
        """Make a request whose answer changes nothing. There has to be a session."""
        self._write(self._request(method, params, OwnRequest()), now)

    def _stop(self, action: ActionRecord, now: float) -> None:
        """Stop an action that nobody else will stop."""
        if action.running:
            params = self._call_params(action.call, {"control_id": action.control_id})
            subject = OwnStop(action)
            self._write_or_queue(self._request(f"{action.kind.method}.stop", params, subject), now)

    def hang_up(self, call: CallRecord, now: float) -> None:
        """End a call, until the server has answered. Does nothing if it is over."""
        self.say_farewell(self._farewells.hang_up(call), now)

    def pass_back(self, calls: Iterable[CallRecord | CallReceiveEvent], now: float) -> None:
        """Pass calls back to the service, until it has answered."""
        self.say_farewell(self._farewells.pass_back(calls), now)

    def say_farewell(self, legs: Legs, now: float) -> None:
        """Hang up, or pass back, what nobody wants. Without a session, it waits for the next one.

        It is written even if the program has filled the table of requests.
        """
        if self._session.state is not _READY:
            return
        for leg in legs:
            method, params = last_request(leg)
            subject = Farewell(self._calls, self._farewells, leg)
            self._write(self._request(method, params, subject), now)

    def _execute_dial(self, command: Command[Any], pending: Pending[Any], now: float) -> None:
        tag = command.params["tag"]
        params = {**command.params, "tag": next(self._ids) if tag is NEW_ID else tag}
        timeout = self._timing.dial_timeout if command.timeout is None else command.timeout
        dial = self._dials.new(params["tag"], pending, timeout)
        subject = Dial(self._out, pending, self._dials, dial)
        pace, party = self._dial_pace, who_begins(params)
        request = self._new_request(command.method, params, subject, pending, pace=pace)
        self._dials.begin(dial)
        self._write_in_turn(request, pace, party, now)

    def _check_contexts(self, command: Command[Any]) -> None:
        wanted = {*self._session.login.contexts, *command.params["contexts"]}
        if len(wanted) > self._limits.contexts:
            raise RequestQueueFullError(command.method, self._limits.contexts, "contexts")

    def _change_contexts(
        self,
        command: Command[Any],
        change: Callable[[Iterable[str]], None],
        pending: Pending[Any],
        now: float,
    ) -> None:
        contexts = command.params["contexts"]
        if not contexts:
            self._out.resolve(pending, {})
            return
        subject = Subscription(self._out, pending, change, contexts)
        request = self._new_request(command.method, command.params, subject, pending)
        self._write_or_queue(request, now)

    def _execute_verb(
        self, call: CallRecord, command: Command[Any], pending: Pending[Any], now: float
    ) -> None:
        if call.ended:
            self._out.resolve(pending, {})
            return
        if command.purpose is _JOIN:
            subject = MethodOfCall(self._out, pending, call)
        else:
            subject_type = _VERBS.get(command.method, Verb)
            subject = subject_type(self._out, pending, call, self._calls, command.ends_call)
        params, patient = self._call_params(call, command.params), command.patient
        request = self._new_request(command.method, params, subject, pending, patient=patient)
        self._write_or_queue(request, now)

    def _execute_start(
        self, call: CallRecord, command: Command[Any], pending: Pending[Any], now: float
    ) -> None:
        assert command.kind is not None, "a command that starts an action names its kind"
        params = self._call_params(call, command.params)
        control_id = params["control_id"]
        action = self._calls.new_action(call, command.kind, control_id, command.callback)
        if call.ended:
            self._calls.begin(action)
            self._out.resolve(pending, action)
            return
        subject_type = OwnStart if command.stops_unwanted else Start
        ends_call = command.ends_call
        subject = subject_type(self._out, pending, call, self._calls, ends_call, action)
        request = self._new_request(command.method, params, subject, pending)
        self._calls.begin(action)
        self._write_or_queue(request, now)

    def _execute_control(
        self, action: ActionRecord, command: Command[Any], pending: Pending[Any], now: float
    ) -> None:
        if not action.running:
            self._out.resolve(pending, {})
            return
        prefix = action.kind.method if command.method.startswith(".") else ""
        method = prefix + command.method
        subject_type = FinalControl if method == METHOD_STOP_AI else ActionVerb
        subject = subject_type(self._out, pending, action.call, self._calls, False, action)
        params = {"control_id": action.control_id, **command.params}
        params, patient = self._call_params(action.call, params), command.patient
        request = self._new_request(method, params, subject, pending, patient=patient)
        self._write_or_queue(request, now)

    def _call_params(self, call: CallRecord, params: JSONObject) -> JSONObject:
        result = {"node_id": call.node_id, "call_id": call.call_id, **params}
        if result.get("control_id") is NEW_ID:
            result["control_id"] = next(self._ids)
        return result

    def _new_request(
        self,
        method: str,
        params: JSONObject,
        subject: Subject,
        pending: Pending[Any],
        timeout: float | None = None,
        *,
        patient: bool = False,
        pace: Pace[Request] | None = None,
    ) -> Request:
        """Make a request of the program's. Raises if it has no room, or is not JSON."""
        request = self._request(method, params, subject, timeout)
        if not patient:
            size, writable = len(request.frame), self._session.state is _READY
            if not writable and self._fails_fast:
                raise ConnectionLostError(NO_SESSION_NOW, maybe_delivered=False)
            now = writable and (pace is None or not pace.limited)
            self._requests.check_room(method, size, writable=now)
        pending.source = request
        return request

    def _request(
        self, method: str, params: JSONObject, subject: Subject, timeout: float | None = None
    ) -> Request:
        identity = next(self._ids)
        again = None
        if params.get("context") is DEFAULT_CONTEXT:
            again, params = params, self._with_context(params)
        if timeout is None:
            timeout = self._timing.request_timeout
        frame = encode_request(identity, method, params)
        return Request(identity, method, again, subject, timeout, frame)

    def _with_context(self, params: JSONObject) -> JSONObject:
        return {**params, "context": self._session.protocol or NO_CONTEXT}

    def _write_or_queue(self, request: Request, now: float) -> None:
        if self._session.state is _READY:
            self._write(request, now)
        else:
            self._requests.enqueue(request, now)

    def _write_in_turn(self, request: Request, pace: Pace[Request], party: str, now: float) -> None:
        if not pace.limited:
            self._write_or_queue(request, now)
            return
        request.pace = pace
        self._requests.enqueue(request, now)
        pace.wait(request, party)
        self.pacing = True
        self.release(now)

    def _write(self, request: Request, now: float) -> None:
        frame = request.frame
        self._requests.written(request, now)
        request.subject.written(now)
        self._session.send(frame)

    # What becomes of requests

    def receive_dial(self, event: DialEvent, now: float) -> None:
        """Apply a dial event. A dial that it decides before its turn leaves the queue at once."""
        request = self._dials.source_of(event.tag)
        self.say_farewell(self._dials.receive(event), now)
        self._requests.finish_if_needless(request)

    def expired(self, request: Request, now: float) -> None:
        """Settle a request that was not written, or not answered, in time."""
        sent = request.state is RequestState.SENT
        seconds = request.timeout if sent else self._requests.patience(request)
        self._requests.finish(request)
        paced = request.pace is not None
        error = RequestTimeoutError(request.method, seconds, sent=sent, paced=paced)
        self.say_farewell(request.subject.expired(error, now), now)
        if sent:
            self._session.probe(now)

    def answered(self, frame: ReplyFrame | ErrorFrame, now: float) -> None:
        """Hand the server's answer to the subject of its request."""
        request = self._requests.answered(frame.id)
        if request is None:
            self._out.push(Ignored("a reply to a request that is not waiting"))
            return
        subject = request.subject
        if type(frame) is ReplyFrame:
            value = decode_any(frame.result)
            result: JSONObject = value if is_object(value) else {"raw": value}
            code = result.get("code")
            if code == "200" or code is None or is_success(code):
                legs = subject.succeeded(result, now)
            else:
                message = result.get("message")
                words = message if isinstance(message, str) else "the server gave no reason"
                legs = self._refused(subject, result_code(code), words, now)
        else:
            legs = self._refused(subject, frame.code, frame.message, now)
        if legs:
            self.say_farewell(legs, now)

    def _refused(self, subject: Subject, code: int, message: str, now: float) -> Legs:
        return subject.refused(RelayError(code, self._scrubber.words(message)), now)
