"""The configuration of an exchange: accounts, numbers, lines, times, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from ..server import ServerConfig
from .script import Answers, Behaviour, Line

ANY_CONTEXT: Final = "*"
"""Stands for any context that a program has subscribed to: see `ExchangeConfig.numbers`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Credentials that the exchange accepts: a project with its token, or a JWT."""

    project: str
    token: str = field(default="", repr=False)
    jwt_tokens: tuple[str, ...] = field(default=(), repr=False)
    """JWTs that are accepted for ever, whatever they say."""
    jwt_secret: str = field(default="", repr=False)
    """The secret of JWTs that expire; empty accepts none.

    A JWT with a claim ``exp``, signed with this secret (HS256), is accepted until then.
    At that moment the connection is closed. The session can be resumed with a new JWT.
    `make_jwt` makes one.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeTiming:
    """How long things take in this network, in seconds."""

    session_retention: float = 60.0
    """How long a session is kept without a connection."""
    offer_retention: float = 5.0
    """How long a session without a connection keeps the calls that it has not answered.

    After that, they are offered to another session of the context that is connected. A
    client that closes its connection itself keeps them no longer than until then.
    """
    ring_delay: float = 0.5
    """The time from a dial to the first ring."""
    ring_timeout: float = 30.0
    """How long a device rings that has no ``timeout`` of its own."""
    reaction: float = 0.3
    """The time from what somebody hears to their next step."""
    audio: float = 5.0
    """The length of each audio file. Files are not downloaded."""
    ringtone: float = 4.0
    """The length of a ringtone without a ``duration``."""
    character: float = 0.07
    """The time to speak one character, for people and for text to speech."""
    digit: float = 0.25
    """The time to send one digit."""
    text_step: float = 0.5
    """The time between two states of a text message."""
    detection: float = 1.0
    """The time that a detector needs for its first result."""
    fax_page: float = 10.0
    """The time to send one page of a fax."""
    fax_patience: float = 30.0
    """How long a fax waits for another fax machine."""
    storing: float = 0.5
    """The time from the end of a call to the last event about a file made of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeLimits:
    """Limits for everything that programs can make grow."""

    connections: int = 1000
    sessions: int = 1000
    contexts: int = 100
    """Contexts of one session."""
    events: int = 1000
    """Unacknowledged events kept for one session. When it is full, the oldest is dropped."""
    calls: int = 10_000
    ended_calls: int = 10_000
    """Ended calls that are remembered, to answer 410 instead of 404."""
    operations: int = 100
    """Operations running on one call."""
    devices: int = 100
    """Devices in one dial."""
    heard: int = 100
    """Texts that one person remembers after hearing them."""
    sounds: int = 1000
    """Sounds that one recording keeps. What is heard later is silence in its file."""
    texts: int = 10_000
    """Text messages that are not delivered yet."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 1:
                raise ValueError(f"ExchangeLimits.{item.name} must be at least 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeConfig:
    """One telephone network."""

    accounts: tuple[Account, ...]
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The context that gets the calls and texts to a number, by number.

    With `ANY_CONTEXT`, the program whose turn it is gets them, in the first of its contexts.
    """
    lines: tuple[Line, ...] = ()
    default_line: Behaviour = field(default_factory=Answers)
    """What happens when a program dials any other address."""
    undeliverable: frozenset[str] = frozenset()
    """Numbers to which no text message can be delivered."""
    observed: bool = False
    """Whether `FrameSeen` and `Heard` outputs come as well, for a page that shows them."""
    files: str = "https://files.example.com"
    """Where the files are that programs get URLs of; ``{host}`` stands for the name and the
    port by which the program is connected. `FileMade` says what is in them.
    """
    audio_formats: frozenset[str] = frozenset({"mp3", "mp4", "wav"})
    """The formats of recordings. One in another format becomes a WAV file."""
    node_id: str = "node-1"
    epoch: float = 0.0
    """Added to ``now`` for the timestamps in events."""
    server: ServerConfig = field(default_factory=ServerConfig)
    timing: ExchangeTiming = field(default_factory=ExchangeTiming)
    limits: ExchangeLimits = field(default_factory=ExchangeLimits)
