"""The errors of this library, in one tree.

::

    RelayError                  the server refused a request; also the base of the others
    ├─ LocalProtocolError       this library is used in a way that it does not allow
    ├─ RemoteProtocolError      the server broke the protocol, or refused the WebSocket
    ├─ AuthenticationError      the server refused the credentials
    ├─ ConnectFailedError       no session could be opened (also a ConnectionError)
    │  └─ ConnectTimeoutError   … in the time that was given (also a TimeoutError)
    ├─ ConnectionLostError      the connection was lost before the answer came (also a
    │                           ConnectionError)
    ├─ RequestTimeoutError      a request got no answer, or was not sent, in time (also a
    │                           TimeoutError)
    ├─ RequestQueueFullError    too many requests are waiting already
    ├─ DialFailedError          the server could not connect the dial
    ├─ DialTimeoutError         nobody answered the dial in time (also a TimeoutError)
    ├─ BridgeFailedError        a call could not be connected to another party
    ├─ MessageFailedError       a text message was not delivered
    ├─ CallEndedError           the call ended before what the program waits for
    ├─ DownloadError            a recording or a fax could not be downloaded
    └─ ClientClosedError        the client is disconnected

    UnknownNameWarning          the program uses a name that only the server may know

Every error has a ``code`` and a ``message``. Facts that a program may want to
branch on are attributes: there is no need to parse the text.

Public: for applications, which import the classes from `relay_anyio` or
`relay_sync`, and for authors of adapters.
"""

from __future__ import annotations

from typing import Any, cast

from .display import shown_id, shown_word
from .values.checks import UnknownNameWarning as UnknownNameWarning  # noqa: PLC0414 - is one of them
from .values.literals import EndReasonText

NO_CODE = -1
"""The code of the errors that do not come from the server."""

GONE_CODES = frozenset({404, 410})
"""The codes by which the server says that a call, or an operation on it, is over."""


class RelayError(Exception):
    """The server refused a request. Also the base class of all other errors here.

    Any request can raise it. `code` is the server's number for the refusal, such as
    402 (payment required) or 409 (conflict); it is -1 if the error does not come from
    the server. `message` is text for people, in the server's own words. To react to
    certain refusals, compare `code`.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"RELAY error {self.code}: {self.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The subclasses build their message from other arguments. Exception would pickle
        # `args`, which do not fit their __init__: copy() and task queues would fail.
        return _restore, (type(self), dict(self.__dict__))


class _LocalError(RelayError):
    """An error that does not come from the server: `str()` shows the message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(NO_CODE, message)

    def __str__(self) -> str:
        return self.message


class LocalProtocolError(_LocalError):
    """The program uses this library in a way that it does not allow.

    Raised at once, and nothing is sent. It is a bug in the calling code: the message
    names the call to change. There is no use in catching it.
    """


class RemoteProtocolError(_LocalError):
    """The server broke the protocol, or refused to open the WebSocket.

    ``connect()`` raises it. If a session is up, nothing is raised: the violation is the
    `error` of `Disconnected`, and the client reconnects by itself. `Message.wait` raises
    it if the server gave a sent message no id. `status` is the HTTP status with which
    the server refused the WebSocket, and 0 in all other cases. Check that the host is a
    RELAY host; with a status of 500 or more, try again later. `retry_after` is for how many
    seconds the server wants to be left alone, if it said so with a status of 429 or 503.
    """

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class AuthenticationError(RelayError):
    """The server refused the credentials. `message` has the server's own words.

    ``connect()`` raises it at the first refusal. ``run()``, and a client that reconnects,
    give up after `Limits.auth_attempts` refusals in a row: then whatever waits raises
    it. `host` is the server, and `origin` says where the credentials came from: the
    names of arguments and variables, never values. Trying again with the same credentials
    is useless: check project and token (or the JWT), and whether the host belongs to them.
    """

    def __init__(self, code: int, message: str, *, host: str = "", origin: str = "") -> None:
        super().__init__(code, message)
        self.host = host
        self.origin = origin

    def __str__(self) -> str:
        where = f" (host {self.host}, with {self.origin})" if self.origin else ""
        return f"{super().__str__()}{where}"


class ConnectFailedError(_LocalError, ConnectionError):
    """No session could be opened. `host` says where, and `reason` says what failed.

    ``connect()`` raises it, and leaves nothing behind: correct what the message names,
    then call ``connect()`` again. ``run()`` and ``connect(retry=True)`` do not raise it, but
    try again.
    """

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"cannot connect to {host}: {reason}")
        self.host = host
        self.reason = reason


class ConnectTimeoutError(ConnectFailedError, TimeoutError):
    """No session could be opened in the time that was given: `seconds`.

    ``connect(timeout=...)`` raises it, and leaves nothing behind. `reason` has what the last
    attempt says, if one has failed.
    """

    def __init__(self, host: str, seconds: float, last_failure: RelayError | None) -> None:
        last = ""
        if last_failure is not None:
            words = (
                last_failure.reason
                if isinstance(last_failure, ConnectFailedError)
                else str(last_failure)
            )
            last = f"; the last attempt: {words}"
        super().__init__(host, f"no session within {seconds:g} s{last}")
        self.seconds = seconds


class ConnectionLostError(_LocalError, ConnectionError):
    """The connection was lost before the answer came. `reason` says how.

    Requests and dials raise it. The client reconnects by itself, but never repeats a
    request that may have been sent. If `maybe_delivered` is true, the server may have
    carried out the request: find out before you repeat it.
    """

    def __init__(self, reason: str, *, maybe_delivered: bool) -> None:
        advice = "; the server may have carried out the request: check before you repeat it"
        super().__init__(f"connection lost: {reason}{advice if maybe_delivered else ''}")
        self.reason = reason
        self.maybe_delivered = maybe_delivered


class RequestTimeoutError(_LocalError, TimeoutError):
    """A request got no answer in time, or could not even be sent in time.

    `method` names the request, `seconds` is the time that it had, and `sent` says
    whether it was sent. If it was, the server may still carry it out: find out before
    you repeat it. If it was not, the server has never seen it: there was no session for
    `Timing.queue_timeout`, or its turn did not come within `Timing.pace_timeout`. Then
    repeat it later.
    """

    def __init__(
        self, method: str, seconds: float, *, sent: bool, paced: bool = False, away: str = ""
    ) -> None:
        why = "its turn did not come" if paced else "there was no session"
        why += f": the shared pace cannot be reached ({away})" if away else ""
        fate = (
            f"no answer within {seconds:g} s; the server may still carry it out"
            if sent
            else f"not sent within {seconds:g} s, because {why}"
        )
        super().__init__(f"{shown_id(method)}: {fate}")
        self.method = method
        self.seconds = seconds
        self.sent = sent


class RequestQueueFullError(_LocalError):
    """Too many requests are waiting, for a session or for their answers.

    Raised at once, and the request is not sent. `limit` is the number that was reached,
    and `name` the attribute of `Limits` that it comes from: ``queued_requests`` or
    ``queued_bytes`` without a session, ``pending_requests`` with one, ``dials``,
    ``actions_per_call`` or ``contexts``. Wait until some of them are done, then repeat the request.
    """

    def __init__(self, method: str, limit: int, name: str = "queued_requests") -> None:
        super().__init__(
            f"{shown_id(method)}: not sent, because the limit of {limit} "
            f"{name.replace('_', ' ')} is reached; wait until some are done, or raise Limits.{name}"
        )
        self.method = method
        self.limit = limit
        self.name = name


class DownloadError(_LocalError):
    """A recording or a fax could not be downloaded. No file is left behind.

    ``download()`` raises it. `host` is where it was to come from, and `reason` says what
    failed. `status` is the HTTP status of the server, and 0 if there was none. With a
    status of 404, it may not be stored yet: try again some seconds later.
    """

    def __init__(self, host: str, reason: str, *, status: int = 0) -> None:
        super().__init__(f"cannot download the file{host and f' from {host}'}: {reason}")
        self.host = host
        self.reason = reason
        self.status = status


class DialFailedError(_LocalError):
    """The server could not connect any device of a dial.

    ``dial()`` and its variants raise it. `tag` names the dial; `reason` is the server's, such
    as ``busy``, ``noAnswer``, ``decline`` and ``not_found``, or ``""``. Some parts of the
    server spell them ``no_answer`` and ``declined``: `EndReason` knows both. Nobody is left
    ringing: dial again, or dial another device.
    """

    def __init__(self, tag: str, reason: str) -> None:
        super().__init__(f"dial {shown_id(tag)} failed: {reason or 'the server gave no reason'}")
        self.tag = tag
        self.reason: EndReasonText = cast("EndReasonText", reason)


class DialTimeoutError(_LocalError, TimeoutError):
    """Nobody answered a dial within its timeout, which is `seconds` long.

    ``dial()`` and its variants raise it. `tag` names the dial; `reason` is ``noAnswer``, so
    that a program can handle it together with a `DialFailedError`. The client hangs up
    everybody whom the dial has called, even those who answer later: dial again if you
    like.
    """

    def __init__(self, tag: str, seconds: float) -> None:
        super().__init__(f"dial {shown_id(tag)}: nobody answered within {seconds:g} s")
        self.tag = tag
        self.seconds = seconds
        self.reason: EndReasonText = "noAnswer"


class BridgeFailedError(_LocalError):
    """A call could not be connected to another party. `reason` is the server's, or ``""``.

    ``bridge()`` and ``connect_and_wait()`` raise it. Reasons are, for example, ``busy``,
    ``no_answer``, ``decline`` and ``not_found``; the same as those of a dial, but some are
    spelled in another way: `EndReason` knows both spellings. `call_id` names the call, which
    goes on: connect it to somebody else, say so, or hang up.
    """

    def __init__(self, call_id: str, reason: str) -> None:
        why = reason or "the server gave no reason"
        super().__init__(f"call {shown_id(call_id)} could not be connected: {why}")
        self.call_id = call_id
        self.reason = reason


class MessageFailedError(_LocalError):
    """A text message was not delivered. `reason` says why, in the server's words, or is ``""``.

    ``wait_delivered()`` raises it. `state` is ``undelivered`` or ``failed``. Whether it helps
    to send the message again depends on the reason.
    """

    def __init__(self, message_id: str, state: str, reason: str) -> None:
        why = reason or "the server gave no reason"
        super().__init__(
            f"message {shown_id(message_id)} was not delivered ({shown_word(state)}): {why}"
        )
        self.message_id = message_id
        self.state = state
        self.reason = reason


class CallEndedError(RelayError):
    """The call ended before what the program waits for could happen.

    ``wait_for()`` and ``expect()`` raise it, and so does everything that a handler with
    ``cancel_on_end=True`` of `relay_sync` waits for. `call_id` names the call;
    `end_reason` is the server's, or ``""``. Nothing more comes of this call: clean up,
    and return.
    """

    def __init__(self, call_id: str, end_reason: str) -> None:
        why = shown_word(end_reason) or "no reason given"
        super().__init__(410, f"call {shown_id(call_id)} has ended ({why})")
        self.call_id = call_id
        self.end_reason: EndReasonText = cast("EndReasonText", end_reason)


class ClientClosedError(_LocalError):
    """The client is disconnected.

    Requests raise it after ``disconnect()``, and so does whatever waits when
    ``disconnect()`` is called. Call ``connect()``, then ask again.
    """

    def __init__(self, message: str = "the client is disconnected: call connect() first") -> None:
        super().__init__(message)


def _restore(kind: type[RelayError], attributes: dict[str, Any]) -> RelayError:
    error = kind.__new__(kind)
    error.__dict__.update(attributes)
    return error
