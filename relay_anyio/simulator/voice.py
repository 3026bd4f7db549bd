"""Voices: who says the words of a sound file. A synthesizer, if one is installed; else a tone."""

from __future__ import annotations

import array
import io
import math
import shutil
import subprocess
import sys
import wave
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from relay_proto.exchange import Side, Sound, SoundKind

SAMPLES_PER_SECOND: Final = 8000
LOUDNESS: Final = 6000
"""How far a tone moves from silence, of 32767."""
FADE: Final = 80
"""Samples in which a tone begins and ends, so that it does not click."""
PITCHES: Final[Mapping[Side, float]] = {Side.FAR: 330.0, Side.NEAR: 440.0}
"""The tones that stand for the words of each side, in Hz."""
TONES: Final[Mapping[SoundKind, tuple[float, float]]] = {
    SoundKind.BEEP: (1000.0, 1000.0),
    SoundKind.FILE: (523.0, 659.0),
    SoundKind.RINGING: (440.0, 480.0),
}
ROWS: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS: Final[Mapping[str, tuple[float, float]]] = {
    key: (row, column)
    for row, keys in zip(ROWS, ("123A", "456B", "789C", "*0#D"), strict=True)
    for column, key in zip(COLUMNS, keys, strict=True)
}
"""The two tones of each key of a telephone."""
USUAL_SPEED: Final = 175
"""Words in a minute."""
HIGHEST_SPEED: Final = 450
PATIENCE: Final = 30.0
"""Seconds that the synthesizer may take for one text."""

Samples = array.array  # of signed numbers with 16 bits


def samples_of(seconds: float) -> int:
    """Return how many samples last for some seconds."""
    return round(seconds * SAMPLES_PER_SECOND)


class Voice:
    """Makes samples of sounds. `synthesizer` is the path of ``espeak-ng``; empty for tones."""

    def __init__(self, synthesizer: str = "") -> None:
        self._synthesizer = synthesizer

    @classmethod
    def installed(cls) -> Voice:
        """The voice of this machine."""
        return cls(shutil.which("espeak-ng") or shutil.which("espeak") or "")

    def samples(self, sound: Sound) -> Samples[int]:
        """Return the samples of a sound, as many as it lasts."""
        begin, count = samples_of(sound.skipped), samples_of(sound.seconds)
        whole = self._whole(sound)[begin : begin + count]
        return whole + silence(count - len(whole))

    def _whole(self, sound: Sound) -> Samples[int]:
        seconds = sound.skipped + sound.seconds
        match sound.kind:
            case SoundKind.KEYS:
                return self._keys(sound.text, seconds)
            case SoundKind.SPEECH:
                return self._speech(sound.text, seconds, sound.side)
            case SoundKind.BEEP | SoundKind.FILE | SoundKind.RINGING:
                return tone(*TONES[sound.kind], seconds)

    def _keys(self, keys: str, seconds: float) -> Samples[int]:
        known = [KEYS[key] for key in keys.upper() if key in KEYS]
        each = seconds / max(len(known), 1)
        made = silence(0)
        for low, high in known:
            made += tone(low, high, each * 0.7) + silence(samples_of(each * 0.3))
        return made

    def _speech(self, text: str, seconds: float, side: Side) -> Samples[int]:
        if self._synthesizer:
            spoken = self._speak(text, USUAL_SPEED)
            longer = len(spoken) / max(samples_of(seconds), 1)
            if longer > 1:
                spoken = self._speak(text, min(math.ceil(USUAL_SPEED * longer), HIGHEST_SPEED))
            if spoken:
                return spoken
        return tone(PITCHES[side], PITCHES[side], seconds)

    def _speak(self, text: str, speed: int) -> Samples[int]:
        """Let the synthesizer speak; return nothing if it cannot."""
        command = (self._synthesizer, "--stdin", "--stdout", "-s", str(speed))
        try:
            done = subprocess.run(  # noqa: S603 - the text comes on stdin, as no argument
                command, input=text.encode(), capture_output=True, timeout=PATIENCE, check=True
            )
            with wave.open(io.BytesIO(_with_length(done.stdout))) as spoken:
                rate, samples = spoken.getframerate(), array.array("h")
                samples.frombytes(spoken.readframes(spoken.getnframes()))
                little_endian(samples)
        except (OSError, subprocess.SubprocessError, wave.Error, EOFError, ValueError):
            return silence(0)
        return _resampled(samples, rate)


def little_endian(samples: Samples[int]) -> Samples[int]:
    """Change between the byte order of files and that of this machine; return `samples`."""
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def silence(count: int) -> Samples[int]:
    """Return samples of silence."""
    return array.array("h", bytes(2 * max(count, 0)))


def tone(low: float, high: float, seconds: float) -> Samples[int]:
    """Return the samples of two tones at once."""
    count = samples_of(seconds)
    wave_form = _one_second(low, high)
    made = wave_form * (count // len(wave_form)) + wave_form[: count % len(wave_form)]
    for index in range(min(FADE, count // 2)):
        made[index] = made[index] * index // FADE
        made[-1 - index] = made[-1 - index] * index // FADE
    return made


@lru_cache(maxsize=32)
def _one_second(low: float, high: float) -> Samples[int]:
    turn = 2 * math.pi / SAMPLES_PER_SECOND
    return array.array(
        "h",
        (
            round(LOUDNESS / 2 * (math.sin(turn * low * index) + math.sin(turn * high * index)))
            for index in range(SAMPLES_PER_SECOND)
        ),
    )


def _with_length(data: bytes) -> bytes:
    """Write the true length into a WAV file that was written to a pipe."""
    begin = data.find(b"data", 12)
    if begin < 0:
        return data
    length = len(data) - begin - 8
    return data[: begin + 4] + length.to_bytes(4, "little") + data[begin + 8 :]


def _resampled(samples: Samples[int], rate: int) -> Samples[int]:
    """Return the same at our rate: each sample is the mean of those in its time."""
    step = rate / SAMPLES_PER_SECOND
    width = max(1, round(step))
    count = max(0, int((len(samples) - width) / step))
    starts = (int(index * step) for index in range(count))
    return array.array("h", (sum(samples[at : at + width]) // width for at in starts))
