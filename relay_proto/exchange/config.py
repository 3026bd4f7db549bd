"""What an exchange is told when it is made: accounts, numbers, lines, times, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ..server import ServerConfig
from .script import Answers, Behaviour, Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Credentials that are accepted: the project with its token, or one of the JWTs."""

    project: str
    token: str = field(default="", repr=False)
    jwt_tokens: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeTiming:
    """How long things take in this network, in seconds."""

    session_retention: float = 60.0
    """How long a session without a connection is kept."""
    ring_delay: float = 0.5
    """From a dial to the first ring."""
    ring_timeout: float = 30.0
    """How long a device without a ``timeout`` of its own rings."""
    reaction: float = 0.3
    """From what somebody hears to what they do about it."""
    audio: float = 5.0
    """An audio file: nobody fetches it to learn its length."""
    ringtone: float = 4.0
    """A ringtone without a ``duration``."""
    character: float = 0.07
    """One character of speech, synthetic or human."""
    digit: float = 0.25
    """One sent digit."""
    text_step: float = 0.5
    """From one state of a text message to the next."""
    detection: float = 1.0
    """From the first sound to knowing what makes it."""
    fax_page: float = 10.0
    """One page of a fax."""
    fax_patience: float = 30.0
    """How long a fax waits for another machine."""
    storing: float = 0.5
    """From the end of a call to the last word about what was recorded of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeLimits:
    """Every bound on what the programs behind an exchange can make grow."""

    connections: int = 1000
    sessions: int = 1000
    contexts: int = 100
    """Contexts of one session."""
    events: int = 1000
    """Unacknowledged events kept for one session; the oldest is given up first."""
    calls: int = 10_000
    ended_calls: int = 10_000
    """Calls remembered as over, to answer 410 and not 404."""
    operations: int = 100
    """Operations running on one call."""
    devices: int = 100
    """Devices in one dial."""
    heard: int = 100
    """Texts that somebody remembers to have heard."""
    texts: int = 10_000
    """Text messages on their way."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 1:
                raise ValueError(f"ExchangeLimits.{item.name} must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeConfig:
    """One telephone network."""

    accounts: tuple[Account, ...]
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Which context serves a number, for calls and texts to it."""
    lines: tuple[Line, ...] = ()
    default_line: Behaviour = field(default_factory=Answers)
    """What becomes of calls to any other number."""
    undeliverable: frozenset[str] = frozenset()
    """Numbers that no text message reaches."""
    node_id: str = "node-1"
    epoch: float = 0.0
    """Added to ``now`` for the timestamps in events."""
    server: ServerConfig = field(default_factory=ServerConfig)
    timing: ExchangeTiming = field(default_factory=ExchangeTiming)
    limits: ExchangeLimits = field(default_factory=ExchangeLimits)
