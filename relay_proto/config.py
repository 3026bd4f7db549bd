"""Configuration as values: credentials, times, limits, and where to connect.

Everything is checked here, when it is made, so that no other module has to.
The environment is an argument: this package reads none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, TypeGuard

from ._version import __version__
from .frozen import Frozen

DEFAULT_HOST: Final = "relay.signalwire.com"
DEFAULT_PORT: Final = 443
AGENT: Final = f"relay-proto/{__version__}"
FORBIDDEN_IN_HOST: Final = frozenset("@/?#\r\n \t\\")

GREATEST: Final = 1e308
"""Ints beyond what a float can hold cannot be added to a time."""
SHORTEST_INTERVAL: Final = 0.001
"""A timer that repeats must let time pass."""

ENV_PROJECT: Final = "SIGNALWIRE_PROJECT_ID"
ENV_TOKEN: Final = "SIGNALWIRE_API_TOKEN"  # the name of a variable, not a token
ENV_JWT: Final = "SIGNALWIRE_JWT_TOKEN"
ENV_HOST: Final = "SIGNALWIRE_SPACE"
ENV_CA_FILE: Final = "SIGNALWIRE_RELAY_CA_FILE"
ENV_MAX_CALLS: Final = "RELAY_MAX_ACTIVE_CALLS"
ENV_MAX_CONNECTIONS: Final = "RELAY_MAX_CONNECTIONS"
ENV_LOG_LEVEL: Final = "SIGNALWIRE_LOG_LEVEL"
ENV_RECORD: Final = "RELAY_RECORD"


class Secret:
    """A text that does not show itself: `repr` and `str` are masked."""

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
        """The text itself: for the wire only."""
        return self._text


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Credentials(Frozen):
    """Project and token, or a JWT; the JWT wins when both are there."""

    project: Secret = Secret("")
    token: Secret = Secret("")
    jwt_token: Secret = Secret("")

    def __post_init__(self) -> None:
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
        """The ``authentication`` object of ``signalwire.connect``."""
        if self.jwt_token:
            return {"jwt_token": self.jwt_token.reveal()}
        return {"project": self.project.reveal(), "token": self.token.reveal()}

    def secrets(self) -> tuple[str, ...]:
        """The texts that must not appear in a log."""
        parts = (self.project, self.token, self.jwt_token)
        return tuple(part.reveal() for part in parts if part)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Timing(Frozen):
    """Every time the client measures, in seconds.

    Source: docs/protocol.md, sections 4, 6 to 9, 13 and 14.
    """

    connect_timeout: float = 15.0
    """Opening the socket, TLS and the upgrade, together."""
    request_timeout: float = 10.0
    """A reply, counted from the moment its request was written."""
    queue_timeout: float = 60.0
    """A request's wait for a session to be written on."""
    dial_timeout: float = 120.0
    """An answer to a dial, counted from the moment it was written."""
    ping_interval: float = 30.0
    ping_watchdog: float = 15.0
    """Silence after a ping of the server's that makes the client probe."""
    ping_timeout: float = 10.0
    ping_retry_delay: float = 2.0
    """The delay after the first failed ping; it doubles with each further one."""
    retry_min_delay: float = 1.0
    retry_max_delay: float = 30.0
    goodbye_timeout: float = 5.0
    """How long the server may take to close after ``signalwire.disconnect``."""
    close_timeout: float = 3.0
    """How long ``disconnect()`` waits for the server's side of the close."""
    action_grace: float = 5.0
    """How long a recording or fax may report its result after its call ended."""
    message_grace: float = 60.0
    """How long a delivery report may come before the reply that names it."""
    drain_timeout: float = 30.0
    """How long ``run()`` lets calls finish after SIGTERM."""

    def __post_init__(self) -> None:
        _check_numbers(self, least=0.0)
        if self.retry_min_delay > self.retry_max_delay:
            raise ValueError("retry_min_delay must not exceed retry_max_delay")
        for name in ("ping_interval", "retry_min_delay"):
            if getattr(self, name) < SHORTEST_INTERVAL:
                raise ValueError(f"Timing.{name} must be at least {SHORTEST_INTERVAL:g} s")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Limits(Frozen):
    """Every bound on what the peer or the application can make grow."""

    active_calls: int = 1000
    """Calls at a time; offers beyond it are passed back to routing."""
    queued_requests: int = 500
    """Requests that may wait for a session."""
    pending_requests: int = 10_000
    """Requests that may wait for a reply."""
    message_bytes: int = 10 * 1024 * 1024
    """One incoming WebSocket message."""
    event_ids: int = 1024
    """Event ids remembered, to hear a redelivered event only once."""
    messages: int = 10_000
    """Sent messages whose delivery is being followed."""
    early_messages: int = 1000
    """Delivery reports kept for messages not known yet."""
    tags: int = 1000
    """Finished dials whose late legs are still hung up."""
    listener_backlog: int = 1000
    """Events that may wait for one slow listener."""
    recording_bytes: int = 64 * 1024 * 1024
    """One file of a recording; there are two at most."""
    unsent_bytes: int = 64 * 1024 * 1024
    """Bytes that a peer which does not read may leave unsent."""
    auth_attempts: int = 3
    """Refusals of the credentials, in a row, before giving up."""
    ping_failures: int = 3
    """Unanswered pings, in a row, before the connection is given up."""

    def __post_init__(self) -> None:
        _check_numbers(self, least=1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ClientConfig(Frozen):
    """What one client is: who, where, for what, how fast and how much."""

    credentials: Credentials
    host: str = DEFAULT_HOST
    contexts: tuple[str, ...] = ()
    agent: str = AGENT
    timing: Timing = field(default_factory=Timing)
    limits: Limits = field(default_factory=Limits)
    trace_frames: bool = False
    """Report every frame, masked, as a `FrameTraced` output."""

    def __post_init__(self) -> None:
        split_host(self.host)
        check_contexts(self.contexts)


def resolve_config(
    environ: Mapping[str, str],
    *,
    project: str | None = None,
    token: str | None = None,
    jwt_token: str | None = None,
    host: str | None = None,
    contexts: Sequence[str] | None = None,
    max_active_calls: int | None = None,
    timing: Timing | None = None,
    limits: Limits | None = None,
) -> ClientConfig:
    """Merge arguments, `environ` and defaults, in this order, and check them.

    An empty text counts as absent, and so does a variable that is not a number.
    `max_active_calls` beats `limits`, and `limits` beats the environment.

    Raises:
        ValueError: credentials are missing, or a value is out of its range.
        TypeError: a value has the wrong type; the message names it.
    Source: docs/protocol.md, section 19.
    """

    def text(name: str, argument: object, variable: str) -> str:
        if argument is not None and not isinstance(argument, str):
            raise TypeError(f"{name} must be a str, not {type(argument).__name__}")
        return argument or environ.get(variable, "")

    credentials = Credentials(
        Secret(text("project", project, ENV_PROJECT)),
        Secret(text("token", token, ENV_TOKEN)),
        Secret(text("jwt_token", jwt_token, ENV_JWT)),
    )
    return ClientConfig(
        credentials=credentials,
        host=text("host", host, ENV_HOST) or DEFAULT_HOST,
        contexts=check_contexts(() if contexts is None else contexts),
        timing=timing or Timing(),
        limits=_resolve_limits(environ, max_active_calls, limits),
    )


def split_host(host: str) -> tuple[str, int]:
    """Split ``name``, ``name:port``, ``[::1]`` or ``[::1]:port``.

    Raises:
        ValueError: it is empty, a URL, or its port is not one.
    """
    bad = sorted(FORBIDDEN_IN_HOST.intersection(host))
    if not host or bad or not host.isprintable():
        found = f"it contains {bad[0]!r}" if bad else "it is empty or not printable"
        raise ValueError(
            f"host must be a name like {DEFAULT_HOST} or name:port, got {host!r}: {found}"
        )
    if not host.isascii():
        raise ValueError(f"host {host!r}: write an international name in its xn-- form")
    name, _, port = host.rpartition(":") if ":" in host.rpartition("]")[2] else (host, "", "443")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif ":" in name:
        raise ValueError(f"host {host!r}: write an IPv6 address in brackets, like [::1]:8443")
    if not name:
        raise ValueError(f"host {host!r}: there is no name before the port")
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise ValueError(f"host {host!r}: the port must be a number from 1 to 65535")
    return name, int(port)


def check_contexts(contexts: object) -> tuple[str, ...]:
    """Return `contexts` as a tuple.

    Raises:
        TypeError: it is not a list (or tuple, or set) of texts.
        ValueError: one of them is empty.
    """
    if not _is_collection(contexts):
        raise TypeError(f"contexts must be a list of str, like ['office'], not {contexts!r}")
    result: list[str] = []
    for context in contexts:
        if not isinstance(context, str):
            raise TypeError(f"contexts must be a list of str; it holds {context!r}")
        if not context:
            raise ValueError("contexts must not hold an empty text")
        result.append(context)
    return tuple(dict.fromkeys(result))


def _is_collection(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, (list, tuple, set, frozenset))


def positive_from(environ: Mapping[str, str], variable: str, default: int) -> int:
    """The whole number in a variable, at least 1; what is not one is `default`."""
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
        if type(max_active_calls) is not int:
            raise TypeError(f"max_active_calls must be an int, not {max_active_calls!r}")
        active = max(1, max_active_calls)
    values = {item.name: getattr(base, item.name) for item in fields(base)}
    return Limits(**{**values, "active_calls": active})


def _check_numbers(values: Timing | Limits, *, least: float) -> None:
    wanted = (int,) if isinstance(values, Limits) else (int, float)
    for item in fields(values):
        value = getattr(values, item.name)
        name = f"{type(values).__name__}.{item.name}"
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise TypeError(f"{name} must be a number, not {value!r}")
        if not least <= value <= GREATEST:
            raise ValueError(f"{name} must be finite and at least {least:g}, not {value!r}")
