"""Contents: the bytes of recordings, faxes and transcriptions, written to a file."""

from __future__ import annotations

import array
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, assert_never

from relay_proto.exchange import AudioFile, FaxFile, FileContent, Side, Sound, TextFile

from .voice import SAMPLES_PER_SECOND, Samples, Voice, little_endian, samples_of

BYTES: Final = 2
"""Bytes of one sample."""
KBITS: Final = 16
"""Thousands of bits in a second of an mp3 file, for each channel."""
PATIENCE: Final = 60.0
"""Seconds that an encoder may take."""
PAGE_SIZE: Final = "612 792"
"""US Letter, as most faxes have it."""


class ContentError(Exception):
    """The file cannot be made. The text says why."""


def write_content(content: FileContent, path: Path, voice: Voice, encoder: str) -> int:
    """Write a file, and return its size. `encoder` is the path of ``lame``, for mp3 files.

    Raises:
        ContentError: the encoder has failed.
        OSError: the file cannot be written.
    """
    try:
        _write(content, path, voice, encoder)
        return path.stat().st_size
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(content: FileContent, path: Path, voice: Voice, encoder: str) -> None:
    match content:
        case AudioFile(format="mp3"):
            sound = path.with_suffix(".wav")
            try:
                _write_wav(content, sound, voice)
                _encode(encoder, sound, path, content.channels)
            finally:
                sound.unlink(missing_ok=True)
        case AudioFile():
            _write_wav(content, path, voice)
        case FaxFile():
            path.write_bytes(_pdf(content))
        case TextFile(text):
            path.write_bytes(text.encode())
        case _:
            assert_never(content)


def audio_formats() -> frozenset[str]:
    """Return the formats of sound files that this machine can make."""
    return frozenset({"wav", "mp3"}) if find_encoder() else frozenset({"wav"})


def find_encoder() -> str:
    """Return the path of ``lame``; empty if it is not installed."""
    return shutil.which("lame") or ""


# Sound


def _write_wav(content: AudioFile, path: Path, voice: Voice) -> None:
    frame = BYTES * content.channels
    size = samples_of(content.seconds) * frame
    with path.open("w+b") as file:
        file.write(_wav_header(size, content.channels))
        begin = file.tell()
        file.truncate(begin + size)  # the rest is zeros, which are silence
        for sound in content.sounds:
            _mix(file, begin, content.channels, sound, voice.samples(sound))


def _wav_header(size: int, channels: int) -> bytes:
    frame = BYTES * channels
    rate = SAMPLES_PER_SECOND
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 8 * BYTES)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + b"data"
        + struct.pack("<I", size)
    )


def _mix(file: BinaryIO, begin: int, channels: int, sound: Sound, samples: Samples[int]) -> None:
    """Add samples to what the file has at that time. With two channels, each side has its own."""
    at = begin + samples_of(sound.at) * BYTES * channels
    file.seek(at)
    there = little_endian(_samples(file.read(len(samples) * BYTES * channels)))
    channel = 1 if channels == 2 and sound.side is Side.NEAR else 0
    before = there[channel::channels]
    samples = samples[: len(before)]
    there[channel::channels] = samples if not any(before) else _sum(before, samples)
    file.seek(at)
    file.write(little_endian(there).tobytes())


def _samples(data: bytes) -> Samples[int]:
    return array.array("h", data)


def _sum(one: Samples[int], other: Samples[int]) -> Samples[int]:
    pairs = zip(one, other, strict=True)
    return array.array("h", (max(-32768, min(32767, first + second)) for first, second in pairs))


def _encode(encoder: str, sound: Path, path: Path, channels: int) -> None:
    command = (encoder, "--quiet", "--cbr", "-b", str(KBITS * channels), str(sound), str(path))
    try:
        subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise ContentError(f"{encoder} cannot make the mp3 file: {error}") from error


# Faxes


def _pdf(fax: FaxFile) -> bytes:
    """Return a PDF file with all pages: each says which one it is."""
    parts = [b"%PDF-1.4\n"]
    starts: list[int] = []
    for number, body in enumerate(_objects(fax), start=1):
        starts.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    table = sum(map(len, parts))
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(starts) + 1))
    parts += [b"%010d 00000 n \n" % start for start in starts]
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    parts.append(trailer % (len(starts) + 1, table))
    return b"".join(parts)


def _objects(fax: FaxFile) -> Iterator[bytes]:
    """The objects of the file, from number 1 on: catalog, pages, font, then page by page."""
    first = 4
    kids = " ".join(f"{first + 2 * page} 0 R" for page in range(fax.pages))
    yield b"<< /Type /Catalog /Pages 2 0 R >>"
    yield f"<< /Type /Pages /Count {fax.pages} /Kids [{kids}] >>".encode()
    yield b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    for page in range(fax.pages):
        yield (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE_SIZE}] "
            f"/Resources << /Font << /F 3 0 R >> >> /Contents {first + 2 * page + 1} 0 R >>"
        ).encode()
        words = f"Fax from {fax.sender} to {fax.receiver}, page {page + 1} of {fax.pages}"
        drawn = f"BT /F 14 Tf 72 720 Td ({_escaped(words)}) Tj ET".encode("latin-1", "replace")
        yield b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawn), drawn)


def _escaped(words: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in words)
    return shown.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
