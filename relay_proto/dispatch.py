"""Dispatch: how a command becomes a request, and what its answer changes.

A command is checked, given an id and a subject, and written now or with the next
session. Whatever becomes of the request - an answer, a refusal, a timeout, the
loss of its session - takes effect on the subject and settles the `Pending`.

Source: docs/protocol.md, sections 8, 9, 13, 15 and 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from .api.commands import DEFAULT_CONTEXT, NEW_ID, Command, Purpose
from .calls.calls import PASSED_ON, Calls
from .calls.dials import Dials
from .calls.messages import Messages
from .config import ClientConfig
from .core import OutputQueue
from .errors import (
    GONE_CODES,
    ClientClosedError,
    ConnectionLostError,
    LocalProtocolError,
    RelayError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from .link.requests import Request, Requests, Subject, is_success, new_id
from .link.session import Session
from .outputs import Dropped, Ignored
from .pending import Pending
from .records import ActionRecord, CallRecord, DialRecord, Leg, MessageRecord
from .rpc.action_kinds import AI
from .rpc.event_base import RelayEvent
from .rpc.frames import (
    ErrorFrame,
    JSONObject,
    ReplyFrame,
    decode_any,
    encode_request,
    is_object,
    result_code,
)
from .timers import Deadlines
from .transitions import ActionInput, RequestState, SessionState

if TYPE_CHECKING:
    import random

R = TypeVar("R")

NO_CONTEXT: Final = "default"
"""The messaging context of a session that was given no protocol string."""

STOP_AI: Final = f"{AI.method}.stop"
"""Its reply completes the action, for no event may: docs/protocol.md, section 15."""

METHOD_PASS: Final = "calling.pass"

# What every request asks for. Before Python 3.12, a member costs ten times as much to look up.
_READY: Final = SessionState.READY
_OVER: Final = (SessionState.CLOSING, SessionState.CLOSED)
_REQUEST: Final = Purpose.REQUEST
_VERB: Final = Purpose.VERB
_START: Final = Purpose.START
_CONTROL: Final = Purpose.CONTROL
_CALL_SCOPED: Final = (_VERB, _START, _CONTROL, Purpose.END_LEG)


class Dispatch:
    """The requests of a client, from command to consequence."""

    def __init__(
        self,
        config: ClientConfig,
        random: random.Random,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        session: Session,
        calls: Calls,
        messages: Messages,
    ) -> None:
        self._timing = config.timing
        self._random = random
        self._out = out
        self._deadlines = deadlines
        self._session = session
        self._calls = calls
        self._messages = messages
        self._requests = Requests(deadlines, config.timing, config.limits)
        self.dials = Dials(out, deadlines, calls, config.limits, self._end_leg, session.masked)

    # Commands

    def execute(self, command: Command[R], now: float) -> Pending[R]:
        """Carry out a command of the client.

        Raises:
            ClientClosedError: the core is closed.
            RequestQueueFullError: too many requests are waiting.
            ValueError, TypeError: the parameters are not JSON, or a tag is in use.
        """
        self.check_open()
        pending: Pending[Any] = Pending()
        if command.purpose is _REQUEST:
            self._submit(command.method, command.params, command, None, pending, now)
            return pending
        match command.purpose:
            case Purpose.DIAL:
                self._execute_dial(command, pending, now)
            case Purpose.SEND_MESSAGE:
                message = _message(command)
                self._submit(command.method, command.params, command, message, pending, now)
            case Purpose.RECEIVE | Purpose.UNRECEIVE if not command.params["contexts"]:
                self._out.resolve(pending, {})
            case Purpose.RECEIVE | Purpose.UNRECEIVE:
                self._submit(command.method, command.params, command, None, pending, now)
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
        self.check_open()
        pending: Pending[Any] = Pending()
        purpose = command.purpose
        if isinstance(target, ActionRecord) and purpose is _CONTROL:
            self._execute_control(target, command, pending, now)
        elif isinstance(target, CallRecord) and purpose is _START:
            self._execute_start(target, command, pending, now)
        elif isinstance(target, CallRecord) and purpose is _VERB:
            if target.ended:
                self._out.resolve(pending, {})
            else:
                params = self._call_params(target, command.params)
                self._submit(command.method, params, command, target, pending, now)
        else:
            raise LocalProtocolError(f"{command.method} is no command of {target!r}")
        return pending

    def cancel(self, pending: Pending[Any], now: float) -> None:
        """Nobody waits for `pending` any more.

        A request that was not written never will be; a dial is given up and its
        legs are hung up. What the server may be doing already goes on.
        """
        source = pending.source
        error = LocalProtocolError("cancelled by the caller")
        match source:
            case Request(state=RequestState.QUEUED):
                self._requests.finish(source)
                self._failed(source, error, now)
            case Request(subject=DialRecord() as dial):
                self.dials.cancelled(dial, error, now)
            case _:
                pass

    # The session comes and goes

    def flush(self, now: float) -> None:
        """There is a session: write what has waited for it."""
        for request in self._requests.take_queued():
            if request.pending is not None and request.pending.settled:
                self._requests.finish(request)  # an event has decided a dial of this tag
            elif request.params.get("context") is DEFAULT_CONTEXT:
                self._write(request, self._encode(request), now)  # only now is it known
            else:
                self._write(request, request.frame, now)

    def lose_sent(self, error: RelayError, now: float) -> None:
        """The session is lost: what was written on it will not be answered."""
        reason = error.reason if isinstance(error, ConnectionLostError) else str(error)
        lost = ConnectionLostError(reason, maybe_delivered=True)
        for request in self._requests.lose_sent():
            if not self._goes_on(request):
                self._failed(request, lost, now)

    def lose_all(self, error: RelayError, now: float) -> None:
        """There will be no session any more: nothing is answered or written."""
        for request in self._requests.lose_sent():
            self._failed(request, error, now)
        for request in self._requests.lose_queued():
            self._failed(request, error, now)
        self.dials.fail_all(error, now)

    def _goes_on(self, request: Request) -> bool:
        """Whether what a request started survives the loss of its reply."""
        match request.subject:
            case DialRecord() as dial:
                return self.dials.is_acknowledged(dial)  # events will decide it
            case Leg():
                return True  # it is asked for again with the next session
            case _:
                return False

    # How requests leave

    def check_open(self) -> None:
        """See whether commands are still taken.

        Raises:
            ClientClosedError: the core is closed.
        """
        if self._session.state in _OVER:
            raise ClientClosedError

    def _execute_dial(self, command: Command[Any], pending: Pending[Any], now: float) -> None:
        tag = command.params["tag"]
        params = {**command.params, "tag": new_id(self._random) if tag is NEW_ID else tag}
        timeout = command.timeout
        if timeout is None:
            timeout = self._timing.dial_timeout
        request = self._new_request(command.method, params, command, None, pending)
        frame = self._checked(request)
        dial = request.subject = self.dials.begin(params["tag"], pending, timeout)
        assert dial is not None
        self._dispatch(request, frame, now)

    def _execute_control(
        self, action: ActionRecord, command: Command[Any], pending: Pending[Any], now: float
    ) -> None:
        if not action.running:
            self._out.resolve(pending, {})
            return
        prefix = action.kind.method if command.method.startswith(".") else ""
        params = {"control_id": action.control_id, **command.params}
        params = self._call_params(action.call, params)
        self._submit(prefix + command.method, params, command, action, pending, now)

    def _execute_start(
        self, call: CallRecord, command: Command[Any], pending: Pending[Any], now: float
    ) -> None:
        assert command.kind is not None, "a command that starts an action names its kind"
        params = self._call_params(call, command.params)
        control_id = params["control_id"]
        request = self._new_request(command.method, params, command, call, pending)
        frame = b"" if call.ended else self._checked(request)
        action = self._calls.start_action(call, command.kind, control_id, command.callback)
        if action.completed:
            self._out.resolve(pending, action)
            return
        request.subject = action
        self._dispatch(request, frame, now)

    def _call_params(self, call: CallRecord, params: JSONObject) -> JSONObject:
        result = {"node_id": call.node_id, "call_id": call.call_id, **params}
        if result.get("control_id") is NEW_ID:
            result["control_id"] = new_id(self._random)
        return result

    def _submit(
        self,
        method: str,
        params: JSONObject,
        command: Command[Any],
        subject: Subject,
        pending: Pending[Any],
        now: float,
    ) -> None:
        request = self._new_request(method, params, command, subject, pending)
        self._dispatch(request, self._checked(request), now)

    def _new_request(
        self,
        method: str,
        params: JSONObject,
        command: Command[Any],
        subject: Subject,
        pending: Pending[Any],
    ) -> Request:
        timeout = self._timing.request_timeout
        if command.timeout is not None and command.purpose is _REQUEST:
            timeout = command.timeout
        request = Request(
            new_id(self._random),
            method,
            params,
            purpose=command.purpose,
            subject=subject,
            pending=pending,
            timeout=timeout,
            ends_call=command.ends_call,
        )
        pending.source = request
        return request

    def _checked(self, request: Request) -> bytes:
        """The frame, if there is room for the request and JSON for its parameters."""
        writable = self._session.state is _READY
        self._requests.check_room(request.method, writable=writable)
        return self._encode(request)

    def _encode(self, request: Request) -> bytes:
        params = request.params
        if params.get("context") is DEFAULT_CONTEXT:
            params = {**params, "context": self._session.protocol or NO_CONTEXT}
        return encode_request(request.id, request.method, params)

    def _dispatch(self, request: Request, frame: bytes, now: float) -> None:
        if self._session.state is _READY:
            self._write(request, frame, now)
        else:
            self._requests.enqueue(request, frame, now)

    def _write(self, request: Request, frame: bytes, now: float) -> None:
        self._requests.written(request, now)
        if isinstance(request.subject, DialRecord):
            self._deadlines.set(request.subject, now + request.subject.timeout)
        self._session.send(frame)

    def request_own(self, method: str, params: JSONObject, now: float) -> None:
        """A request of the core's own, whose answer changes nothing."""
        request = Request(
            new_id(self._random),
            method,
            params,
            purpose=Purpose.REQUEST,
            subject=None,
            pending=None,
            timeout=self._timing.request_timeout,
        )
        try:
            self._dispatch(request, self._checked(request), now)
        except RequestQueueFullError as error:
            self._out.push(Dropped(str(error)))

    def _end_leg(self, leg: Leg, now: float) -> None:
        if self._session.state is not SessionState.READY:
            return  # end_doomed() asks as soon as there is a session
        request = Request(
            new_id(self._random),
            "calling.end",
            {"node_id": leg.node_id, "call_id": leg.call_id, "reason": leg.reason},
            purpose=Purpose.END_LEG,
            subject=leg,
            pending=None,
            timeout=self._timing.request_timeout,
            ends_call=True,
        )
        self._write(request, self._encode(request), now)

    # What becomes of requests

    def expired(self, request: Request, now: float) -> None:
        """A request was not written, or not answered, in time."""
        sent = request.state is RequestState.SENT
        seconds = request.timeout if sent else self._timing.queue_timeout
        self._requests.finish(request)
        if sent and isinstance(request.subject, DialRecord) and self._goes_on(request):
            return  # its events have come: only the reply is missing
        self._failed(request, RequestTimeoutError(request.method, seconds, sent=sent), now)
        if sent:
            self._session.probe(now)

    def reply_received(self, frame: ReplyFrame | ErrorFrame, now: float) -> None:
        """The server answers a request; an answer to none is ignored."""
        request = self._requests.answered(frame.id)
        if request is None:
            self._out.push(Ignored("a reply to a request that is not waiting"))
            return
        if not isinstance(frame, ReplyFrame):
            error = RelayError(frame.code, self._session.masked(frame.message))
            self._refused(request, error, now)
            return
        value = decode_any(frame.result)
        result: JSONObject = value if is_object(value) else {"raw": value}
        code = result.get("code")
        if code is None or is_success(code):
            self._succeeded(request, result, now)
            return
        message = result.get("message")
        words = message if isinstance(message, str) else "the server gave no reason"
        self._refused(request, RelayError(result_code(code), self._session.masked(words)), now)

    def _succeeded(self, request: Request, result: JSONObject, now: float) -> None:
        outcome: object = result
        match request.subject:
            case None | CallRecord():
                self._subscribed(request)
            case ActionRecord() as action:
                if request.purpose is _START:
                    action.happened(ActionInput.ACCEPTED)
                    outcome = action
                elif request.method == STOP_AI:
                    self._calls.complete(action, RelayEvent())
            case DialRecord() as dial:
                self.dials.acknowledged(dial)
                return  # an event will settle it
            case MessageRecord() as message:
                message_id = result.get("message_id")
                self._messages.accepted(message, message_id if isinstance(message_id, str) else "")
                outcome = message
            case _:
                self.dials.leg_ended(request.subject)
        if request.pending is not None:
            self._out.resolve(request.pending, outcome)
        if request.method == METHOD_PASS and isinstance(request.subject, CallRecord):
            # Whoever has the call now is told of it, and not this client any more.
            self._calls.end_locally(request.subject, now, PASSED_ON)

    def _subscribed(self, request: Request) -> None:
        if request.purpose is _REQUEST or request.purpose is _VERB:
            return  # as nearly all that have no subject but a call
        contexts = self._session.contexts
        if request.purpose is Purpose.RECEIVE:
            contexts.update(dict.fromkeys(request.params["contexts"]))
        else:
            for context in request.params["contexts"]:
                contexts.pop(context, None)

    def _refused(self, request: Request, error: RelayError, now: float) -> None:
        if error.code in GONE_CODES and request.purpose in _CALL_SCOPED:
            self._gone(request, now)
        elif isinstance(request.subject, Leg):
            self.dials.leg_refused(request.subject, error)
        else:
            self._failed(request, error, now)

    def _gone(self, request: Request, now: float) -> None:
        """The call, or the operation, is over: that is an answer, not an error."""
        outcome: object = {}
        call: CallRecord | None
        subject = request.subject
        if isinstance(subject, ActionRecord):
            call = subject.call
            if request.purpose is Purpose.START:
                self._calls.complete(subject, RelayEvent())
                outcome = subject
        elif isinstance(subject, Leg):
            call = self._calls.get(subject.call_id)
            self.dials.leg_ended(subject)
        else:
            assert isinstance(subject, CallRecord), f"{request!r} is not about a call"
            call = subject
        if request.pending is not None:
            self._out.resolve(request.pending, outcome)
        if call is not None and request.ends_call:
            self._calls.end_locally(call, now)

    def _failed(self, request: Request, error: RelayError, now: float) -> None:
        match request.subject:
            case ActionRecord() as action:
                if request.purpose is Purpose.START:
                    self._calls.fail(action, error)
            case DialRecord() as dial:
                self.dials.failed(dial, error, now)
                return
            case MessageRecord() as message:
                self._out.fail(message.done, error)
            case Leg() as leg:
                self.dials.leg_unanswered(leg, error, now)
            case _:
                pass
        if request.pending is not None:
            self._out.fail(request.pending, error)


def _message(command: Command[Any]) -> MessageRecord:
    params = command.params
    return MessageRecord(
        context="" if params["context"] is DEFAULT_CONTEXT else params["context"],
        direction="outbound",
        from_number=params["from_number"],
        to_number=params["to_number"],
        body=params.get("body", ""),
        media=params.get("media"),
        tags=params.get("tags"),
        callback=command.callback,
    )
