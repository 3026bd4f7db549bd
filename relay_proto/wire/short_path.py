"""The short path for ordinary frames: whole texts of less than 64 KiB.

Nearly all traffic is of that kind, and wsproto takes some ten times as long for it.
Nothing is judged here: what is not ordinary, be it rare or wrong, is left to wsproto,
which therefore sees whole frames or the beginning of one, and never an ordinary one.
`wire` keeps the two in step; a property test holds them equal.

Source: RFC 6455, sections 5.2, 5.3 and 8.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

WHOLE_TEXT: Final = 0x81
"""The first byte of an ordinary frame: final, no reserved bits, text."""
MASKED: Final = 0x80
TWO_BYTES: Final = 126
SHORTEST_IN_TWO: Final = 126
"""A length has one form: fewer bytes than this have it in the header's second byte."""
EIGHT_BYTES: Final = 127
LONGEST: Final = 0xFFFF
"""Payloads beyond this have a longer header, and are rare enough for wsproto."""
KEYS_AT_ONCE: Final = 256
"""Asking the system for each key would cost more than masking does."""

_HEADS: Final = tuple(bytes((WHOLE_TEXT, second)) for second in range(256))


class Splitter:
    """Cuts what the peer sends into ordinary texts, and pieces for wsproto.

    `masked` says whether the peer must mask; `limit` is for a message's length.
    """

    def __init__(self, *, masked: bool, limit: int) -> None:
        self._mask_bit, self._mask_size = (MASKED, 4) if masked else (0, 0)
        self._limit = limit
        self._data = b""
        self._begun = b""  # of a header that wsproto has a part of
        self._missing = 0  # bytes until the end of the frame that wsproto has a part of

    def feed(self, data: bytes) -> None:
        """Take what arrived; call `next` until there is no piece."""
        self._data = self._data + data if self._data else data

    def next(self, *, inside_message: bool) -> tuple[list[bytes], bytes]:
        """Ordinary texts, and then a piece of one frame that is not ordinary, or ``b""``.

        wsproto must have worked off the piece before the next call. `inside_message`
        says that it has the beginning of a message: no text is in order before its end.
        """
        texts: list[bytes] = []
        if not self._missing:
            if not inside_message and not self._begun:
                self._take_texts(texts)
                if not self._data:
                    return texts, b""
            self._missing = self._until_end(inside_message=inside_message)
        piece, self._data = self._data[: self._missing], self._data[self._missing :]
        self._missing -= len(piece)
        return texts, piece

    def rest(self) -> bytes:
        """Take out what was held back: nothing will follow it."""
        rest, self._data = self._data, b""
        return rest

    def _take_texts(self, texts: list[bytes]) -> None:
        """Take the ordinary frames from the start of the data."""
        data, mask_bit, mask_size = self._data, self._mask_bit, self._mask_size
        start, end = 0, len(data)
        while end - start > 1 and data[start] == WHOLE_TEXT:
            size, body = data[start + 1] ^ mask_bit, start + 2
            if size == TWO_BYTES and end - body > 1:
                size, body = data[body] << 8 | data[body + 1], start + 4
                if size < SHORTEST_IN_TWO:
                    break
            elif size >= TWO_BYTES:
                break  # too long, cut off, or masked as it must not be
            body += mask_size
            stop = body + size
            if stop > end or size > self._limit:
                break
            text = data[body:stop]
            if mask_size:
                text = apply_mask(text, data[body - 4 : body])
            if not text.isascii() and not is_utf8(text):
                break
            texts.append(text)
            start = stop
        if start:
            self._data = data[start:]

    def _until_end(self, *, inside_message: bool) -> int:
        """How much of the data wsproto is to get: 0 if it can wait for more.

        A frame that may be ordinary waits until it is whole, any other does not: of
        those, wsproto finds the faults as soon as they can be found.
        """
        begun = self._begun + self._data
        lengths = frame_lengths(begun)
        may_wait = not inside_message and not self._begun and self._may_be_ordinary(begun, lengths)
        if lengths is None:
            self._begun = b"" if may_wait else begun
            return 0 if may_wait else len(self._data)
        end = sum(lengths)
        if may_wait and len(begun) < end:
            return 0
        end -= len(self._begun)
        self._begun = b""
        return end

    def _may_be_ordinary(self, data: bytes, lengths: tuple[int, int] | None) -> bool:
        if data[:1] != bytes((WHOLE_TEXT,)):
            return not data
        if lengths is None:
            return data[1:2] in (b"", bytes((self._mask_bit | TWO_BYTES,)))
        header, payload = lengths
        form = 2 if payload < SHORTEST_IN_TWO else 4
        return header == form + self._mask_size and payload <= self._limit


def frame_lengths(data: bytes) -> tuple[int, int] | None:
    """How long header and payload are of the frame at the start of `data`, as it says itself.

    None when its header is cut off.
    """
    if len(data) < 2:
        return None
    mask_size, size = 4 * (data[1] // MASKED), data[1] % MASKED
    extra = {TWO_BYTES: 2, EIGHT_BYTES: 8}.get(size, 0)
    if len(data) < 2 + extra:
        return None
    if extra:
        size = int.from_bytes(data[2 : 2 + extra], "big")
    return 2 + extra + mask_size, size


def text_frame(text: bytes, key: bytes) -> bytes:
    """A frame that holds `text`, of at most `LONGEST` bytes; masked unless `key` is empty."""
    size = len(text)
    mask_bit = MASKED if key else 0
    if size < SHORTEST_IN_TWO:
        head = _HEADS[mask_bit | size]
    else:
        head = _HEADS[mask_bit | TWO_BYTES] + size.to_bytes(2, "big")
    return head + key + apply_mask(text, key) if key else head + text


def apply_mask(text: bytes, key: bytes) -> bytes:
    """Mask or unmask `text`: as one long number, which is the quickest way that Python has."""
    size = len(text)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(text, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def is_utf8(text: bytes) -> bool:
    """Whether `text` is UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class MaskingKeys(Iterator[bytes]):
    """Keys that nobody can foresee, without end, from a generator of the same kind as `random`.

    That is the system's, in a program. It is another one, because what `random` decides
    must not depend on how many frames were sent, and so on how the peer's bytes were
    split. Like those of wsproto, the keys are not reproducible.
    """

    __slots__ = ("_drawn", "_random", "_used")

    def __init__(self, random: random.Random) -> None:
        self._random = type(random)()
        self._drawn = b""
        self._used = 0

    def __next__(self) -> bytes:
        """A key that was not used before."""
        used = self._used
        if used == len(self._drawn):
            self._drawn, used = self._random.randbytes(4 * KEYS_AT_ONCE), 0
        self._used = used + 4
        return self._drawn[used : used + 4]
