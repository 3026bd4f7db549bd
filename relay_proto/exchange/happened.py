"""`Happened`: the journal of an exchange, as sentences.

The events on the wire are for programs. The journal is for people, and for tests that
compare conversations. It says who did what, when, and on which call.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class Who(enum.StrEnum):
    """Who acted."""

    CALLER = "caller"
    """The person at the far end, whichever side placed the call."""
    PROGRAM = "program"
    EXCHANGE = "exchange"


class What(enum.StrEnum):
    """What was done. `Happened.details` has the values for the sentence."""

    CALLED = "called"
    OFFERED = "offered"
    UNSERVED = "unserved"
    PASSED = "passed"
    WITHDRAWN = "withdrawn"
    ANSWERED = "answered"
    DIALED = "dialed"
    RANG = "rang"
    PLAYED = "played"
    PLAY_ENDED = "play ended"
    PAUSED = "paused"
    RESUMED = "resumed"
    LISTENED = "listened"
    COLLECTED = "collected"
    HEARD_NOTHING = "heard nothing"
    PRESSED = "pressed"
    SAID = "said"
    BEEPED = "beeped"
    MISSED = "missed"
    SENT_DIGITS = "sent digits"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CONNECT_FAILED = "connect failed"
    DIAL_FAILED = "dial failed"
    TRANSFERRED = "transferred"
    STARTED = "started"
    FINISHED = "finished"
    DETECTED = "detected"
    SWITCHED = "switched"
    ENTERED = "entered"
    LEFT = "left"
    SENT_EVENT = "sent event"
    ENDED = "ended"
    SENT_TEXT = "sent text"
    TEXT_MOVED = "text moved"
    SESSION_STARTED = "session started"
    SESSION_RESUMED = "session resumed"
    SESSION_AWAY = "session away"
    JWT_EXPIRED = "JWT expired"
    SESSION_FORGOTTEN = "session forgotten"
    CONVERTED = "converted"
    TOLERATED = "tolerated"
    REFUSED = "refused"
    FAULTED = "faulted"
    VIOLATED = "violated"


SENTENCES: Final[Mapping[What, str]] = {
    What.CALLED: "calls {to} from {number}",
    What.OFFERED: "offers the call to the context {context}",
    What.UNSERVED: "reaches no program: {reason}",
    What.PASSED: "passes the call back, for another program to take",
    What.WITHDRAWN: "takes the call back from a program that is gone",
    What.ANSWERED: "answers",
    What.DIALED: "dials {to}",
    What.RANG: "rings {to}",
    What.PLAYED: "plays {text}",
    What.PLAY_ENDED: "{outcome} playing{why}",
    What.PAUSED: "pauses playing",
    What.RESUMED: "resumes playing",
    What.LISTENED: "waits for {input}",
    What.COLLECTED: "receives {input}: {value}",
    What.HEARD_NOTHING: "receives no input in time",
    What.PRESSED: "presses {digit}",
    What.SAID: "says “{text}”",
    What.BEEPED: "beeps",
    What.MISSED: "does not hear “{text}” in time",
    What.SENT_DIGITS: "sends the digits {digits}",
    What.CONNECTED: "connects the call to {to}",
    What.DISCONNECTED: "ends the connection to {to}",
    What.CONNECT_FAILED: "cannot connect the call: {reason}",
    What.DIAL_FAILED: "ends the dial, because nobody has answered: {reason}",
    What.TRANSFERRED: "transfers the call to {to}",
    What.STARTED: "starts {activity}",
    What.FINISHED: "ends {activity}: {outcome}",
    What.DETECTED: "detects {kind}: {event}",
    What.SWITCHED: "switches {feature} {state}",
    What.ENTERED: "adds the call to {place}",
    What.LEFT: "removes the call from {place}",
    What.SENT_EVENT: "sends a custom event",
    What.ENDED: "ends the call: {reason}",
    What.SENT_TEXT: "sends a text from {number} to {to}: “{text}”",
    What.TEXT_MOVED: "marks text {text_id} as {state}",
    What.SESSION_STARTED: "starts session {session}",
    What.SESSION_RESUMED: "resumes session {session}",
    What.SESSION_AWAY: "is no longer connected to session {session}: {reason}",
    What.JWT_EXPIRED: "closes the connection of session {session}: the JWT has expired",
    What.SESSION_FORGOTTEN: "forgets session {session}",
    What.CONVERTED: "has no encoder for {wanted}: the recording becomes a {format} file",
    What.TOLERATED: "accepts “{given}” in place of “{usual}”; the service may not",
    What.REFUSED: "refuses {method}: {reason}",
    What.FAULTED: "simulates a fault: {fault}",
    What.VIOLATED: "breaks the protocol: {reason}",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """The person at the far end of a call begins to hear `text`, which takes `seconds`."""

    at: float
    call_id: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A frame that a program has sent, or gets, as the bytes of its JSON.

    `session` is empty until the program has authenticated.
    """

    at: float
    transport: int
    session: str
    received: bool
    """Whether it came from the program."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened. `call_id` is empty if it is not about a call."""

    at: float
    call_id: str
    who: Who
    what: What
    details: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def sentence(self) -> str:
        """What was done, without who did it."""
        return SENTENCES[self.what].format_map(self.details)

    @property
    def text(self) -> str:
        """What happened, as a sentence."""
        return f"{self.who.value:<8}  {self.sentence}"

    @property
    def line(self) -> str:
        """What happened, as a sentence with the time before it."""
        return f"{self.at:9.2f}  {self.text}"
