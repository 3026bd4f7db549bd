"""The errors of every layer, in one tree.

::

    RelayError                  code: int (the server's, else -1), message: str
    ├─ LocalProtocolError       misuse of this library; raised at once
    ├─ RemoteProtocolError      the peer broke the protocol; reported
    ├─ AuthenticationError      credentials refused; final
    ├─ ConnectFailedError       no session could be opened (also a ConnectionError)
    ├─ ConnectionLostError      the session ended under a request (also a ConnectionError)
    ├─ RequestTimeoutError      no reply in time, or never written (also a TimeoutError)
    ├─ RequestQueueFullError    too many requests wait for a session
    ├─ DialFailedError          the server said that the dial failed
    ├─ DialTimeoutError         nobody answered in time (also a TimeoutError)
    ├─ CallEndedError           waiting for what an ended call cannot produce
    └─ ClientClosedError        used after ``disconnect()``

A refusal by the server is a plain `RelayError` with the server's code and
words. What a program may want to branch on is an attribute, never only text.
"""

from __future__ import annotations

from typing import Any

NO_CODE = -1
"""The code of errors that the server did not number."""

GONE_CODES = frozenset({404, 410})
"""Codes by which the server says that a call, or an operation on it, is over."""


class RelayError(Exception):
    """A request was refused, or could not be carried out.

    `code` is the server's result or JSON-RPC code, or -1 where the error did not
    come from the server. `message` is for people.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"RELAY error {self.code}: {self.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The subclasses build their message from facts, so the arguments of
        # __init__ cannot be read back from `args`: errors would not survive
        # copy() or the pickle of a task queue.
        return _restore, (type(self), dict(self.__dict__))


class _LocalError(RelayError):
    """An error without a code of the server's: `str()` is the message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(NO_CODE, message)

    def __str__(self) -> str:
        return self.message


class LocalProtocolError(_LocalError):
    """The core or an adapter was misused: a bug in the caller. Raised at once."""


class RemoteProtocolError(_LocalError):
    """The peer broke the protocol. Ends the connection; is reported, not raised.

    `status` is the HTTP status of a refused upgrade, else 0.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class AuthenticationError(RelayError):
    """The server refused the credentials, in its own words. Trying again is useless."""


class ConnectFailedError(_LocalError, ConnectionError):
    """A session could not be opened: `reason` says what failed, `host` where.

    Raised by ``connect()``, which has then left nothing behind: check what the
    message names, then call ``connect()`` again.
    """

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"cannot connect to {host}: {reason}")
        self.host = host
        self.reason = reason


class ConnectionLostError(_LocalError, ConnectionError):
    """The session was lost before the answer came.

    `maybe_delivered` is true when the server may have seen, and carried out,
    the request: ask before repeating it. It is never sent again by the client.
    """

    def __init__(self, reason: str, *, maybe_delivered: bool) -> None:
        fate = "; the request may have been carried out" if maybe_delivered else ""
        super().__init__(f"connection lost: {reason}{fate}")
        self.reason = reason
        self.maybe_delivered = maybe_delivered


class RequestTimeoutError(_LocalError, TimeoutError):
    """No reply within the timeout, or no session to send the request on.

    `sent` says whether the request left. One that did may still be carried out.
    """

    def __init__(self, method: str, seconds: float, *, sent: bool) -> None:
        what = "no reply" if sent else "not sent, for want of a session,"
        super().__init__(f"{method}: {what} within {seconds:g} s")
        self.method = method
        self.seconds = seconds
        self.sent = sent


class RequestQueueFullError(_LocalError):
    """Too many requests wait for a session or an answer: wait for some, then repeat."""

    def __init__(self, method: str, limit: int) -> None:
        super().__init__(f"{method}: {limit} requests are waiting already")
        self.method = method
        self.limit = limit


class DialFailedError(_LocalError):
    """No leg of the dial could be connected. `tag` and `reason` are the server's."""

    def __init__(self, tag: str, reason: str) -> None:
        super().__init__(f"dial {tag} failed: {reason or 'the server gave no reason'}")
        self.tag = tag
        self.reason = reason


class DialTimeoutError(_LocalError, TimeoutError):
    """Nobody answered within the dial's timeout. Its legs have been hung up."""

    def __init__(self, tag: str, seconds: float) -> None:
        super().__init__(f"dial {tag}: no answer within {seconds:g} s")
        self.tag = tag
        self.seconds = seconds


class CallEndedError(RelayError):
    """The call ended before what was waited for. `end_reason` is the server's."""

    def __init__(self, call_id: str, end_reason: str) -> None:
        super().__init__(410, f"call {call_id} has ended ({end_reason or 'no reason given'})")
        self.call_id = call_id
        self.end_reason = end_reason


class ClientClosedError(_LocalError):
    """The client was disconnected: call ``connect()`` first."""

    def __init__(self, message: str = "the client is disconnected: call connect() first") -> None:
        super().__init__(message)


def _restore(kind: type[RelayError], attributes: dict[str, Any]) -> RelayError:
    error = kind.__new__(kind)
    error.__dict__.update(attributes)
    return error
