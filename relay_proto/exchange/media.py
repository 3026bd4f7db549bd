"""Media items as they are on the wire, how long they take, and what people hear.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, assert_never

import msgspec

from .config import ExchangeTiming
from .shapes import Seconds, Text
from .sounds import SoundKind

BEEP_SECONDS = 0.5
"""The length of a beep."""
SHORTEST = 0.1
"""The minimum length of an item, so that time passes even in an endless loop of nothing."""


class TtsParams(msgspec.Struct, frozen=True, kw_only=True):
    """Text to speech. Some programs write `lang`, as ``calling.live_transcribe`` has it."""

    text: str
    language: str = ""
    lang: str = ""
    gender: Literal["male", "female"] | None = None
    voice: Text = None


class AudioParams(msgspec.Struct, frozen=True, kw_only=True):
    """A file, which is not downloaded."""

    url: str


class SilenceParams(msgspec.Struct, frozen=True, kw_only=True):
    """A pause."""

    duration: Seconds


class RingtoneParams(msgspec.Struct, frozen=True, kw_only=True):
    """The ringing tone of a country."""

    name: str
    duration: Seconds | None = None


class Tts(msgspec.Struct, frozen=True, tag_field="type", tag="tts"):
    """An item that speaks."""

    params: TtsParams


class Audio(msgspec.Struct, frozen=True, tag_field="type", tag="audio"):
    """An item that plays a file."""

    params: AudioParams


class Silence(msgspec.Struct, frozen=True, tag_field="type", tag="silence"):
    """An item that is silent."""

    params: SilenceParams


class Ringtone(msgspec.Struct, frozen=True, tag_field="type", tag="ringtone"):
    """An item that plays a ringing tone."""

    params: RingtoneParams


Media: TypeAlias = Tts | Audio | Silence | Ringtone
MediaList: TypeAlias = Annotated[list[Media], msgspec.Meta(min_length=1, max_length=1000)]


def speech_seconds(text: str, timing: ExchangeTiming) -> float:
    """Return how long it takes to say `text`."""
    return max(SHORTEST, len(text) * timing.character)


def play_seconds(item: Media, timing: ExchangeTiming) -> float:
    """Return how long it takes to play `item`."""
    match item:
        case Tts(params):
            return speech_seconds(params.text, timing)
        case Audio():
            return timing.audio
        case Silence(params):
            return max(SHORTEST, params.duration)
        case Ringtone(params):
            wanted = timing.ringtone if params.duration is None else params.duration
            return max(SHORTEST, wanted)
        case _:
            assert_never(item)


def audible(item: Media) -> str:
    """Return what a `Hear` step can wait for: the words, or the URL of a file."""
    match item:
        case Tts(params):
            return params.text
        case Audio(params):
            return params.url
        case Silence() | Ringtone():
            return ""
        case _:
            assert_never(item)


def sound_of(item: Media) -> tuple[SoundKind | None, str]:
    """Return what `item` sounds like: None if it is silent."""
    match item:
        case Tts(params):
            return SoundKind.SPEECH, params.text
        case Audio(params):
            return SoundKind.FILE, params.url
        case Ringtone(params):
            return SoundKind.RINGING, params.name
        case Silence():
            return None, ""
        case _:
            assert_never(item)


def described(item: Media) -> str:
    """Return a description of `item` for the journal."""
    match item:
        case Tts(params):
            return f"“{params.text}”"
        case Audio(params):
            return params.url
        case Silence(params):
            return f"{params.duration:g} s of silence"
        case Ringtone(params):
            return f"the ringing tone of {params.name}"
        case _:
            assert_never(item)
