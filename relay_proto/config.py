"""The configuration of a client: credentials, times, limits and the host.

A configuration checks its values when it is made, so no other module has to check
them again. `resolve_config` takes the environment as an argument: this package does
not read it.

Public: for authors of adapters. Applications import `Timing` and `Limits` from
`relay_anyio` or `relay_sync`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from .constants import AGENT_STRING
from .values.checks import (
    MAX_NUMBER,
    Table,
    any_text,
    checked,
    credential,
    flag,
    instance,
    is_collection,
    one_of,
    optional,
    shown,
    text,
)
from .values.hosts import DEFAULT_HOST, split_host, whole_host

DEFAULT_PORT: Final = 443
MIN_INTERVAL: Final = 0.001
"""The shortest time, in seconds, after which a timer may fire again: time must pass."""

ENV_PROJECT: Final = "SIGNALWIRE_PROJECT_ID"
ENV_TOKEN: Final = "SIGNALWIRE_API_TOKEN"  # the name of a variable, not a token
ENV_JWT: Final = "SIGNALWIRE_JWT_TOKEN"
ENV_HOST: Final = "SIGNALWIRE_SPACE"
ENV_CA_FILE: Final = "SIGNALWIRE_RELAY_CA_FILE"
ENV_MAX_CALLS: Final = "RELAY_MAX_ACTIVE_CALLS"
ENV_MAX_CONNECTIONS: Final = "RELAY_MAX_CONNECTIONS"
ENV_LOG_LEVEL: Final = "SIGNALWIRE_LOG_LEVEL"
ENV_RECORD: Final = "RELAY_RECORD"
ENV_SHOW_PERSONAL: Final = "RELAY_SHOW_PERSONAL_DATA"
YES: Final = frozenset({"1", "true", "yes", "on"})
"""The values of a variable that switch something on."""

WhileReconnecting: TypeAlias = Literal["queue", "fail"]

KNOWN_LATER: Final = "known later"
"""Stands for a credential while the configuration is checked."""
Provider: TypeAlias = Callable[[], Any]
"""Returns a token, or what is awaited for one. An adapter calls it."""


class Secret:
    """A text that must not be shown: `repr` and `str` are masked."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret('***')" if self._text else "Secret('')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def reveal(self) -> str:
        """Return the text itself. Use it for the connection only, never for a log."""
        return self._text


class Contexts(Protocol):
    """A list, tuple or set of contexts. A text is refused."""

    # A str is a Sequence[str], but its __contains__ takes only a str: so it does not fit here.
    def __contains__(self, item: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Project and token, or a JWT. If both are given, the JWT is used.

    Raises:
        ValueError: there is no JWT, and the project or the token is missing; or one of
            them is not valid Unicode.
    """

    project: Secret = Secret("")
    token: Secret = Secret("")
    jwt_token: Secret = Secret("")
    origins: Mapping[str, str] = field(default_factory=dict[str, str], compare=False, repr=False)
    """Where each comes from, such as the name of a variable, for the error of a refusal."""

    def __post_init__(self) -> None:
        for name in ("project", "token", "jwt_token"):
            instance(Secret)(name, getattr(self, name))
        if self.jwt_token:
            return
        for name, variable, value in (
            ("project", ENV_PROJECT, self.project),
            ("token", ENV_TOKEN, self.token),
        ):
            if not value:
                raise ValueError(
                    f"{name} is missing: pass {name}=... or set {variable} (or use a jwt_token)"
                )

    def authentication(self) -> dict[str, str]:
        """Return the ``authentication`` object of ``signalwire.connect``."""
        if self.jwt_token:
            return {"jwt_token": self.jwt_token.reveal()}
        return {"project": self.project.reveal(), "token": self.token.reveal()}

    def origin(self) -> str:
        """Return where those come from that are used: names, never values."""
        used = ("jwt_token",) if self.jwt_token else ("project", "token")
        return " and ".join(filter(None, (self.origins.get(name, name) for name in used)))

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must not appear in a log."""
        parts = (self.project, self.token, self.jwt_token)
        return tuple(part.reveal() for part in parts if part)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Timing:
    """All times of a client, in seconds.

    Raises:
        TypeError, ValueError: a time is not a number, is negative, or is too short.
    Source: docs/protocol.md, sections 4, 6 to 9, 13 and 14.
    """

    connect_timeout: float = 15.0
    """Time to connect: the socket, TLS and the WebSocket upgrade together."""
    request_timeout: float = 10.0
    """Time for the answer to a request, counted from when the request is sent."""
    queue_timeout: float = 60.0
    """Time that a request waits for a session before it fails without being sent."""
    pace_timeout: float = 300.0
    """Time that a dial or a text waits for its turn before it fails without being sent.

    See `Limits.dials_per_second`. It includes the time without a session.
    """
    dial_timeout: float = 120.0
    """Time for somebody to answer a dial, counted from when the dial is sent."""
    ping_interval: float = 30.0
    """Time between two pings of the client."""
    ping_watchdog: float = 15.0
    """Time for the server's next ping; if it is late, the client sends one of its own."""
    ping_timeout: float = 10.0
    """Time for the answer to a ping."""
    ping_retry_delay: float = 2.0
    """Delay before the ping after the first failed one; it doubles with each failure."""
    retry_min_delay: float = 1.0
    """Shortest delay before the client tries to connect again."""
    retry_max_delay: float = 30.0
    """Longest delay before the client tries to connect again."""
    goodbye_timeout: float = 5.0
    """Time for the server to close the connection after ``signalwire.disconnect``."""
    close_timeout: float = 3.0
    """Time that ``disconnect()`` waits for the server to close its side."""
    action_grace: float = 5.0
    """Time for the result of a recording or fax to arrive after its call has ended."""
    handler_grace: float = 5.0
    """Time after the connection in which calls and text messages wait for their first handler."""
    message_grace: float = 60.0
    """Time that a delivery report is kept if it arrives before its message has an id."""
    drain_timeout: float = 30.0
    """Time that ``run()`` gives calls to finish after SIGTERM."""

    def __repr__(self) -> str:
        return _differences(self)

    def __post_init__(self) -> None:
        _check_numbers(self, least=0.0)
        if self.retry_min_delay > self.retry_max_delay:
            raise ValueError(
                f"Timing.retry_min_delay ({self.retry_min_delay:g} s) must not be longer than "
                f"retry_max_delay ({self.retry_max_delay:g} s)"
            )
        for name in ("ping_interval", "retry_min_delay"):
            value = getattr(self, name)
            if value < MIN_INTERVAL:
                raise ValueError(
                    f"Timing.{name} must be at least {MIN_INTERVAL:g} s, not {value!r}"
                )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Limits:
    """All limits of a client: on what the server or the application can make grow.

    Raises:
        TypeError, ValueError: a limit is not a whole number, or is less than 1.
    """

    active_calls: int = 1000
    """Calls at the same time. Further calls are passed back to the service."""
    queued_requests: int = 500
    """Requests that may wait for a session, or for their turn."""
    queued_bytes: int = 16 * 1024 * 1024
    """Bytes of these requests."""
    pending_requests: int = 10_000
    """Requests that may wait for their answers."""
    message_bytes: int = 10 * 1024 * 1024
    """Bytes in one incoming WebSocket message. A longer one ends the connection."""
    kept_event_bytes: int = 64 * 1024
    """Bytes of an event whose contents the client keeps. Of a longer one it keeps the state."""
    event_ids: int = 1024
    """Ids of past events to remember, so that a repeated event is reported only once."""
    messages: int = 10_000
    """Sent text messages whose delivery the client follows."""
    early_messages: int = 1000
    """Text messages without an id yet for which delivery reports are kept."""
    early_bytes: int = 8 * 1024 * 1024
    """Bytes of these delivery reports."""
    early_arrivals: int = 100
    """Calls, and as many text messages, that may wait for their first handler."""
    dials: int = 1000
    """Dials that may be under way at the same time. More are refused."""
    dials_per_second: float | None = None
    """Dials that may be sent in a second. More wait for their turn. None: no limit."""
    dials_at_once: int | None = None
    """Dials that may be sent and not decided at the same time. More wait. None: no limit."""
    texts_per_second: float | None = None
    """Text messages that may be sent in a second. More wait for their turn. None: no limit."""
    actions_per_call: int = 1000
    """Actions that may run on one call at the same time."""
    contexts: int = 10_000
    """Contexts that the client may subscribe to."""
    tags: int = 1000
    """Finished dials to remember, so that a late answer to one of them is hung up."""
    listener_backlog: int = 1000
    """Events that may wait for one slow listener, and text messages that may wait for a handler.

    Further ones are lost to it.
    """
    backlog_bytes: int = 16 * 1024 * 1024
    """Bytes of the events, or text messages, that may wait in one such backlog."""
    message_handlers: int = 1000
    """Handlers of text messages that may run at the same time. Further messages wait."""
    recording_bytes: int = 64 * 1024 * 1024
    """Bytes in one file of the flight recorder, which keeps two files at most."""
    unsent_bytes: int = 64 * 1024 * 1024
    """Bytes that may wait for a server that does not read. More ends the connection."""
    auth_attempts: int = 3
    """Refusals of the credentials, in a row, after which the client gives up."""
    ping_failures: int = 3
    """Unanswered pings, in a row, after which the client gives up the connection."""

    def __repr__(self) -> str:
        return _differences(self)

    def __post_init__(self) -> None:
        _check_numbers(self, least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientConfig:
    """The whole configuration of one client.

    `host` is ``name``, ``name:port``, ``[::1]`` or ``[::1]:port``. `contexts` are the
    names of the contexts whose calls and messages the client receives. `agent` is the name by
    which the client introduces itself to the server.

    Raises:
        TypeError, ValueError: the host or a context is not valid.
    """

    credentials: Credentials | None
    """None if they are only known later: `ClientCore.use_credentials` gives them."""
    host: str = DEFAULT_HOST
    contexts: tuple[str, ...] = ()
    agent: str = AGENT_STRING
    timing: Timing = field(default_factory=Timing)
    limits: Limits = field(default_factory=Limits)
    trace_frames: bool = False
    """Whether to report every frame, masked, as a `FrameTraced` output."""
    while_reconnecting: WhileReconnecting = "queue"
    """What a request does without a session: wait for the next one, or fail at once."""
    show_personal_data: bool = False
    """Whether logs, errors and recordings show numbers, texts and digits. Never credentials."""

    def __post_init__(self) -> None:
        for item in fields(self):
            _FIELDS[item.name](item.name, getattr(self, item.name))
        split_host(self.host)

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must not appear in a log."""
        return () if self.credentials is None else self.credentials.secrets()


def _credential_or_function(name: str, value: object) -> object:
    return value if callable(value) else credential(name, value)


def given_credential(environ: Mapping[str, str], name: str, argument: object) -> Any:
    """Return a credential, or the function for it: the argument, else what the variable has."""
    checked = argument and _credential_or_function(name, argument)
    variable = VARIABLES[name]
    return checked or credential(variable, environ.get(variable, ""))


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {shown(name, value)}")
    return value


VARIABLES: Final[Mapping[str, str]] = {
    "project": ENV_PROJECT,
    "token": ENV_TOKEN,
    "jwt_token": ENV_JWT,
    "host": ENV_HOST,
}


def check_contexts(argument: str, contexts: object) -> tuple[str, ...]:
    """Return `contexts` as a tuple, each of them once.

    Raises:
        TypeError: `contexts` is not a list (or tuple, or set) of texts.
        ValueError: one of the texts is empty, or is not valid Unicode.
    """
    if not is_collection(contexts):
        raise TypeError(
            f"{argument} must be a list of str, like ['office'], not {shown(argument, contexts)}"
        )
    return tuple(dict.fromkeys(text(f"each of {argument}", context) for context in contexts))


_WAYS: Final = one_of(get_args(WhileReconnecting))
_FIELDS: Final[Table] = {
    "credentials": optional(instance(Credentials)),
    "host": any_text,
    "contexts": check_contexts,
    "agent": text,
    "timing": instance(Timing),
    "limits": instance(Limits),
    "trace_frames": flag,
    "while_reconnecting": _WAYS,
    "show_personal_data": flag,
}
ARGUMENTS: Final[Table] = {
    "environ": instance(Mapping),
    "project": credential,
    "token": _credential_or_function,
    "jwt_token": _credential_or_function,
    "host": any_text,
    "contexts": check_contexts,
    "max_active_calls": _whole_number,
    "timing": instance(Timing),
    "limits": instance(Limits),
    "while_reconnecting": _WAYS,
    "show_personal_data": flag,
}
"""The checks of the arguments of `resolve_config`, which are those of a client, too."""


@checked(ARGUMENTS)
def resolve_config(
    environ: Mapping[str, str],
    *,
    project: str | None = None,
    token: str | Provider | None = None,
    jwt_token: str | Provider | None = None,
    host: str | None = None,
    contexts: Contexts | None = None,
    max_active_calls: int | None = None,
    timing: Timing | None = None,
    limits: Limits | None = None,
    while_reconnecting: WhileReconnecting = "queue",
    show_personal_data: bool | None = None,
) -> ClientConfig:
    """Make a configuration from arguments, environment variables and defaults.

    An argument wins over a variable, and a variable over a default. An empty text counts
    as not given, and so does a variable that should be a number but is not.
    `max_active_calls` wins over ``limits.active_calls``, and `limits` over the variable.

    Args:
        environ: ``os.environ``, or a mapping like it.
        project: else ``SIGNALWIRE_PROJECT_ID``.
        token: else ``SIGNALWIRE_API_TOKEN``. It may be a function, which is not called here.
        jwt_token: else ``SIGNALWIRE_JWT_TOKEN``; replaces project and token. It may be a
            function, too. With a function, the configuration has no credentials.
        host: else ``SIGNALWIRE_SPACE``, else ``relay.signalwire.com``.
        contexts: the contexts to subscribe to; none by default.
        max_active_calls: else ``RELAY_MAX_ACTIVE_CALLS``, else 1000; at least 1.
        timing: all times; the defaults of `Timing` if not given.
        limits: all limits; the defaults of `Limits` if not given.
        while_reconnecting: ``"queue"``: a request waits for the next session, for
            ``timing.queue_timeout`` at most; ``"fail"``: it fails at once.
        show_personal_data: else whether ``RELAY_SHOW_PERSONAL_DATA`` is ``1``, ``true``,
            ``yes`` or ``on``.

    Raises:
        ValueError: credentials are missing, or a value is out of its range.
        TypeError: a value has the wrong type. The message names the argument.
    Source: docs/protocol.md, section 19.
    """
    parts = {
        name: given_credential(environ, name, argument)
        for name, argument in (("project", project), ("token", token), ("jwt_token", jwt_token))
    }
    origins = {
        name: f"the argument {name}" if argument else VARIABLES[name]
        for name, argument in (("project", project), ("token", token), ("jwt_token", jwt_token))
    }
    credentials = Credentials(
        **{name: Secret(KNOWN_LATER if callable(part) else part) for name, part in parts.items()},
        origins=origins,
    )
    named, found = ("host", host) if host else (ENV_HOST, environ.get(ENV_HOST, ""))
    return ClientConfig(
        credentials=None if callable(token) or callable(jwt_token) else credentials,
        host=whole_host(named, found) if found.strip() else DEFAULT_HOST,
        contexts=() if contexts is None else tuple(contexts),
        timing=timing or Timing(),
        limits=_resolve_limits(environ, max_active_calls, limits),
        while_reconnecting=while_reconnecting,
        show_personal_data=_resolve_flag(environ, show_personal_data, ENV_SHOW_PERSONAL),
    )


def positive_from(environ: Mapping[str, str], variable: str, default: int) -> int:
    """Return the whole number in a variable, at least 1; `default` if there is none."""
    try:
        return max(1, int(environ.get(variable) or default))
    except ValueError:
        return default


def _resolve_limits(
    environ: Mapping[str, str], max_active_calls: int | None, limits: Limits | None
) -> Limits:
    base = limits or Limits()
    if max_active_calls is None:
        if limits is not None:
            return limits
        active = positive_from(environ, ENV_MAX_CALLS, base.active_calls)
    else:
        active = max(1, max_active_calls)
    values = {item.name: getattr(base, item.name) for item in fields(base)}
    return Limits(**{**values, "active_calls": active})


def _resolve_flag(environ: Mapping[str, str], argument: bool | None, variable: str) -> bool:
    return environ.get(variable, "").strip().lower() in YES if argument is None else argument


def _differences(values: Timing | Limits) -> str:
    """A `repr` with what differs from the defaults."""
    found = {item.name: getattr(values, item.name) for item in fields(values)}
    changed = [
        f"{item.name}={found[item.name]!r}"
        for item in fields(values)
        if found[item.name] != item.default
    ]
    return f"{type(values).__name__}({', '.join(changed)})"


_RATES: Final = frozenset({"dials_per_second", "texts_per_second"})
"""The limits that need not be whole numbers."""
_SLOWEST: Final = 0.001
"""The lowest rate: one in 1000 seconds."""


def _check_numbers(values: Timing | Limits, *, least: float) -> None:
    for item in fields(values):
        value = getattr(values, item.name)
        if value is None and item.default is None:
            continue
        rate = item.name in _RATES
        whole = isinstance(values, Limits) and not rate
        types, kind = ((int,), "whole number") if whole else ((int, float), "number")
        lowest = _SLOWEST if rate else least
        name = f"{type(values).__name__}.{item.name}"
        if isinstance(value, bool) or not isinstance(value, types):
            raise TypeError(f"{name} must be a {kind}, not {value!r}")
        if not lowest <= value <= MAX_NUMBER:
            raise ValueError(f"{name} must be at least {lowest:g} and finite, not {value!r}")
