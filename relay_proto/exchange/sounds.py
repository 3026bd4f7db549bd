"""Sounds: what is heard on a call, and a tape that keeps it for a file.

Nothing here is audio. A sound says who is heard, what, and when. Whoever drives the exchange
may make bytes of it: see `FileMade`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

SAMPLES_PER_SECOND: Final = 8000
WAV_HEADER: Final = 44
"""Bytes before the first sample of a WAV file."""
BYTES_PER_SAMPLE: Final = 2
BYTES_PER_SECOND: Final = {"mp3": 2_000, "mp4": 4_000}
"""How large compressed files are, about."""
LONGEST_TEXT: Final = 10_000
"""Characters of one sound that a tape keeps."""


class Side(enum.StrEnum):
    """Who is heard."""

    FAR = "far"
    """The person at the far end."""
    NEAR = "near"
    """Whatever the program lets the person hear."""


class SoundKind(enum.StrEnum):
    """What kind of sound it is."""

    SPEECH = "speech"
    KEYS = "keys"
    BEEP = "beep"
    FILE = "file"
    """A sound file, of which only the URL is known."""
    RINGING = "ringing"


class Sounding:
    """A sound on a call, which may end early: then `ends_at` is changed."""

    __slots__ = ("at", "ends_at", "kind", "side", "skipped", "text")

    def __init__(
        self,
        side: Side,
        kind: SoundKind,
        text: str,
        at: float,
        seconds: float,
        *,
        skipped: float = 0.0,
    ) -> None:
        self.side = side
        self.kind = kind
        self.text = text[:LONGEST_TEXT]
        self.at = at
        self.ends_at = at + seconds
        self.skipped = skipped

    def cut(self, now: float) -> None:
        """End now, if it has not ended yet."""
        self.ends_at = min(self.ends_at, now)


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound in a file. `at` is in seconds from the beginning of the file.

    The first `skipped` seconds of the whole sound are not in the file, and it may stop
    before its end.
    """

    side: Side
    kind: SoundKind
    text: str
    at: float
    seconds: float
    skipped: float = 0.0


class Tape:
    """Keeps what is heard while it runs, but no more than `most` sounds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sounds: list[Sound] = []
        self._soundings: list[Sounding] = []
        self._length = 0.0
        self._began_at: float | None = None
        self._is_silent = False

    def start(self, now: float, heard: Iterable[Sounding] = (), *, silent: bool = False) -> None:
        """Run from now on. `heard` began before and may last; `silent` keeps silence instead."""
        self._began_at, self._is_silent = now, silent
        for sounding in heard:
            self.take(sounding)

    def stop(self, now: float) -> None:
        """Stop for a while, or for ever. Do nothing if it does not run."""
        if self._began_at is None:
            return
        for sounding in self._soundings:
            begins_at = max(sounding.at, self._began_at)
            seconds = min(sounding.ends_at, now) - begins_at
            if seconds > 0:
                self._sounds.append(
                    Sound(
                        sounding.side,
                        sounding.kind,
                        sounding.text,
                        self._length + begins_at - self._began_at,
                        seconds,
                        sounding.skipped + begins_at - sounding.at,
                    )
                )
        self._soundings.clear()
        self._length, self._began_at = self.seconds(now), None

    def take(self, sounding: Sounding) -> None:
        """Take a sound that begins now."""
        room = len(self._sounds) + len(self._soundings) < self._most
        if room and self._began_at is not None and not self._is_silent:
            self._soundings.append(sounding)

    def seconds(self, now: float) -> float:
        """Return the length of what it has kept so far."""
        return self._length if self._began_at is None else self._length + now - self._began_at

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """What it has kept until it was stopped."""
        return tuple(self._sounds)


@dataclass(frozen=True, slots=True)
class AudioFile:
    """The content of a sound file. With two channels, the left one has the far end."""

    format: str
    seconds: float
    channels: int
    sounds: tuple[Sound, ...]

    @property
    def size(self) -> int:
        """The size in bytes. Only that of a WAV file is exact."""
        if self.format == "wav":
            samples = round(self.seconds * SAMPLES_PER_SECOND)
            return WAV_HEADER + samples * BYTES_PER_SAMPLE * self.channels
        return round(self.seconds * BYTES_PER_SECOND[self.format] * self.channels)


@dataclass(frozen=True, slots=True)
class FaxFile:
    """The content of a fax: its pages, and who has sent it to whom."""

    pages: int
    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class TextFile:
    """The content of a text file."""

    text: str


FileContent: TypeAlias = AudioFile | FaxFile | TextFile


@dataclass(frozen=True, slots=True)
class FileMade:
    """A file is there from now on, at the URL that `name` ends."""

    name: str
    content: FileContent
