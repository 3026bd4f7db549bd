"""The configuration of a client, and how it is made from arguments and environment.

A configuration checks its values when it is made, so no other module has to check
them again. `resolve_config` takes the environment as an argument: this package does
not read it. Times and limits are in `bounds`, the names of variables in `variables`.

Public: for authors of adapters. Applications import `Timing` and `Limits` from
`relay_anyio` or `relay_sync`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, Protocol, TypeAlias, get_args

from .bounds import Limits, Timing
from .constants import AGENT_STRING
from .values.checks import (
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
from .values.hosts import DEFAULT_HOST, DEFAULT_PORT, split_host, whole_host
from .variables import (
    ENV_CA_FILE,
    ENV_HOST,
    ENV_JWT,
    ENV_LOG_LEVEL,
    ENV_MAX_CALLS,
    ENV_MAX_CONNECTIONS,
    ENV_PROJECT,
    ENV_RECORD,
    ENV_SHOW_PERSONAL,
    ENV_TOKEN,
    is_on,
    positive_from,
)

__all__ = [
    "ARGUMENTS",
    "DEFAULT_PORT",
    "ENV_CA_FILE",
    "ENV_HOST",
    "ENV_JWT",
    "ENV_LOG_LEVEL",
    "ENV_MAX_CALLS",
    "ENV_MAX_CONNECTIONS",
    "ENV_PROJECT",
    "ENV_RECORD",
    "ENV_SHOW_PERSONAL",
    "ENV_TOKEN",
    "ClientConfig",
    "Contexts",
    "Credentials",
    "Limits",
    "Provider",
    "Secret",
    "Timing",
    "WhileReconnecting",
    "check_contexts",
    "given_credential",
    "positive_from",
    "resolve_config",
]

WhileReconnecting: TypeAlias = Literal["queue", "fail"]

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


# How a configuration is made from arguments and environment

_CREDENTIALS: Final[Mapping[str, str]] = {
    "project": ENV_PROJECT,
    "token": ENV_TOKEN,
    "jwt_token": ENV_JWT,
}
"""The arguments that are credentials, and their variables."""
_KNOWN_LATER: Final = "known later"
"""Stands for a credential that a function gives, while the other ones are checked."""


def _credential_or_function(name: str, value: object) -> object:
    return value if callable(value) else credential(name, value)


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {shown(name, value)}")
    return value


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


def given_credential(environ: Mapping[str, str], name: str, argument: object) -> Any:
    """Return a credential, or the function for it: the argument, else what the variable has."""
    checked = argument and _credential_or_function(name, argument)
    variable = _CREDENTIALS[name]
    return checked or credential(variable, environ.get(variable, ""))


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
    arguments = {"project": project, "token": token, "jwt_token": jwt_token}
    parts = {name: given_credential(environ, name, given) for name, given in arguments.items()}
    credentials = Credentials(
        **{name: Secret(_KNOWN_LATER if callable(part) else part) for name, part in parts.items()},
        origins={
            name: f"the argument {name}" if given else _CREDENTIALS[name]
            for name, given in arguments.items()
        },
    )
    named, found = ("host", host) if host else (ENV_HOST, environ.get(ENV_HOST, ""))
    return ClientConfig(
        credentials=None if callable(token) or callable(jwt_token) else credentials,
        host=whole_host(named, found) if found.strip() else DEFAULT_HOST,
        contexts=() if contexts is None else tuple(contexts),
        timing=timing or Timing(),
        limits=_resolve_limits(environ, max_active_calls, limits),
        while_reconnecting=while_reconnecting,
        show_personal_data=(
            is_on(environ, ENV_SHOW_PERSONAL) if show_personal_data is None else show_personal_data
        ),
    )


def _resolve_limits(
    environ: Mapping[str, str], max_active_calls: int | None, limits: Limits | None
) -> Limits:
    if max_active_calls is not None:
        return replace(limits or Limits(), active_calls=max(1, max_active_calls))
    if limits is not None:
        return limits
    active_calls = positive_from(environ, ENV_MAX_CALLS, Limits().active_calls)
    return Limits(active_calls=active_calls)
