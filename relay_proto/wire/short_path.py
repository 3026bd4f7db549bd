"""The short path for ordinary frames: one whole text of less than 64 KiB each.

Nearly all frames are ordinary, and wsproto takes about ten times as long for them.
This module does not judge: every other frame, whether it is rare or wrong, goes to
wsproto. So wsproto gets each of them from its beginning, and never an ordinary one.
`Wire` keeps the two in step. A property test checks that the short path and wsproto
give the same results.

Source: RFC 6455, sections 5.2, 5.3 and 8.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from struct import Struct
from typing import Final

from ..values.chance import Chance
from .reports import TextReceived, WireEvent

WHOLE_TEXT: Final = 0x81
"""The first byte of an ordinary frame: final, no reserved bits, text."""
MASKED: Final = 0x80
TWO_BYTES: Final = 126
SHORTEST_IN_TWO: Final = 126
"""Shorter payloads have their length in the second byte of the header.

No other form is allowed for them."""
EIGHT_BYTES: Final = 127
LONGEST: Final = 0xFFFF
"""Longer payloads have a longer header. They are rare, and go to wsproto."""

KEYS_AT_ONCE: Final = 256
"""Keys to draw at a time: asking the system for each one costs more than masking does."""
_KEYS: Final = Struct(f"<{KEYS_AT_ONCE}I")

_SHORT_HEADER: Final = Struct(">BB")
_LONG_HEADER: Final = Struct(">BBH")
_PLACE_FOR_KEY: Final = bytes(4)

_from_bytes: Final = int.from_bytes


def _header(size: int, mask_bit: int) -> bytes:
    if size < SHORTEST_IN_TWO:
        return _SHORT_HEADER.pack(WHOLE_TEXT, mask_bit | size)
    return _LONG_HEADER.pack(WHOLE_TEXT, mask_bit | TWO_BYTES, size)


def _repeated(key: int, size: int) -> int:
    """Return `key` again and again: in its place in the header, and over `size` bytes of text.

    The last one may be longer than the text.
    """
    before = _SHORT_HEADER.size if size < SHORTEST_IN_TWO else _LONG_HEADER.size
    return _from_bytes(key.to_bytes(4, "little") * (size + 7 >> 2), "little") << 8 * before


TABULATED: Final = 512
"""Texts of fewer bytes, as nearly all are, have their headers and multipliers in tables."""
_HEADERS: Final = tuple(_header(size, MASKED) + _PLACE_FOR_KEY for size in range(TABULATED))
_MULTIPLIERS: Final = tuple(_repeated(1, size) for size in range(TABULATED))
"""By which number to multiply a key to repeat it."""


class Splitter:
    """Splits what the peer sends into ordinary texts and pieces for wsproto.

    `masked` says whether the peer must mask its frames. `limit` is the most bytes that
    a message may have.
    """

    def __init__(self, *, masked: bool, limit: int) -> None:
        self._mask_bit, self._mask_size = (MASKED, 4) if masked else (0, 0)
        self._limit = limit
        self._data = b""
        self._header_begun = b""  # the part of a header that wsproto already has
        self._missing = 0  # bytes of a frame that wsproto does not have yet

    def feed(self, data: bytes) -> None:
        """Take the bytes that arrived. Then call `next` until it returns no piece."""
        self._data = self._data + data if self._data else data

    def next(self, *, inside_message: bool) -> tuple[list[WireEvent], bytes]:
        """Return ordinary texts, and the piece of another frame that follows, or ``b""``.

        Give the piece to wsproto before you call this again. `inside_message` says that
        wsproto has the beginning of a message: until the message ends, no other text is
        allowed, so all frames go to wsproto.
        """
        texts: list[WireEvent] = []
        if not self._missing:
            if not inside_message and not self._header_begun:
                self._take_texts(texts)
                if not self._data:
                    return texts, b""
            self._missing = self._count_for_wsproto(inside_message=inside_message)
        piece, self._data = self._data[: self._missing], self._data[self._missing :]
        self._missing -= len(piece)
        return texts, piece

    def rest(self) -> bytes:
        """Take out the bytes that wait for more, because nothing follows them."""
        rest, self._data = self._data, b""
        return rest

    def _take_texts(self, texts: list[WireEvent]) -> None:
        """Move the texts of the ordinary frames at the start of the data to `texts`."""
        data, mask_bit, mask_size = self._data, self._mask_bit, self._mask_size
        start, end = 0, len(data)
        while end - start > 1 and data[start] == WHOLE_TEXT:
            size, body = data[start + 1] ^ mask_bit, start + 2
            if size == TWO_BYTES and end - body > 1:
                size, body = data[body] << 8 | data[body + 1], start + 4
                if size < SHORTEST_IN_TWO:
                    break
            elif size >= TWO_BYTES:
                break  # it is too long, incomplete, or has the wrong mask bit
            body += mask_size
            stop = body + size
            if stop > end or size > self._limit:
                break
            text = data[body:stop]
            if mask_size:
                text = apply_mask(text, data[body - 4 : body])
            if not text.isascii() and not is_utf8(text):
                break
            texts.append(TextReceived(text))
            start = stop
        if start:
            self._data = data[start:]

    def _count_for_wsproto(self, *, inside_message: bool) -> int:
        """Return how many bytes wsproto must get next: 0 if the data can wait for more.

        A frame that may be ordinary waits until it is complete. All others go to wsproto
        at once, so that it finds a violation as early as it can.
        """
        frame = self._header_begun + self._data
        lengths = frame_lengths(frame)
        may_wait = (
            not inside_message and not self._header_begun and self._may_be_ordinary(frame, lengths)
        )
        if lengths is None:
            self._header_begun = b"" if may_wait else frame
            return 0 if may_wait else len(self._data)
        end = sum(lengths)
        if may_wait and len(frame) < end:
            return 0
        end -= len(self._header_begun)
        self._header_begun = b""
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
    """Return the lengths of header and payload of the frame at the start of `data`.

    The header says both. Returns None if the header is not complete.
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


def text_frame(text: bytes, key: int | None) -> bytes:
    """Return a frame with `text`, which has at most `LONGEST` bytes.

    It is masked with `key`, or not masked if `key` is None. All of a masked frame is one
    long number, because Python has no faster way. A product repeats the key: first in the
    place for the key, which is zero until then, and then over the text. An event takes 0.95
    of the time that it takes if header, key and masked text are made one by one.
    """
    size = len(text)
    if key is None:
        return _header(size, 0) + text
    if size < TABULATED:
        whole = _from_bytes(_HEADERS[size] + text, "little") ^ key * _MULTIPLIERS[size]
    else:
        header = _header(size, MASKED) + _PLACE_FOR_KEY
        whole = _from_bytes(header + text, "little") ^ _repeated(key, size)
    end = size + (6 if size < SHORTEST_IN_TWO else 8)
    return whole.to_bytes(size + 11, "little")[:end]  # the last key may be longer than the text


def apply_mask(text: bytes, key: bytes) -> bytes:
    """Mask or unmask `text`. As one long number, because Python has no faster way."""
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


def masking_keys(random: Chance) -> Iterator[int]:
    """Return endlessly many masking keys that nobody can predict.

    The keys come from a new generator of the same class as `random`; in a program, that
    is the generator of the operating system. `random` itself makes ids and delays, which
    must not depend on how many frames were sent. Like the keys of wsproto, these keys
    are different in every run.
    """
    return chain.from_iterable(_draw(type(random)()))


def _draw(random: Chance) -> Iterator[Iterable[int]]:
    """Draw keys, as numbers. An event takes 0.94 of the time that it takes with bytes."""
    while True:
        yield _KEYS.unpack(random.randbytes(_KEYS.size))
