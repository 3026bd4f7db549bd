"""Masking: which parts of a frame a log may show.

A field is shown only if its name is known to be harmless, and then only a value that
fits the name. Everything else is masked, so that a field that nobody has thought of is
masked rather than shown. The structure stays visible, and the length of texts.

To mask twice is to mask once: a replay masks what a recording has masked before.

Source: docs/protocol.md, section 20.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Final, cast

import msgspec

from ..display import (
    MASK,
    MOST_WORDS,
    bounded,
    cleaned,
    hidden,
    is_mark,
    is_plain_id,
    looks_like_id,
    looks_random,
    one_line,
    without_credentials,
    without_logins,
    without_numbers,
    without_plus_numbers,
)
from .frames import JSONObject, decode_any, encode_json, is_object
from .names import KNOWN_NAMES, NAME, Kind, Known, is_credential, known, plain

SHORTEST_SECRET: Final = 6
"""Shorter credentials are not masked in free text, because they occur in it by chance."""
LONGEST_ESCAPE: Final = 12
"""Characters that one character has when it is quoted."""
MOST_ADDED: Final = 8
"""Credentials that the client has got later and that are remembered, the newest ones."""
MOST_LEARNED: Final = 4
"""Secrets of sessions that are remembered, the newest ones."""
DEEPEST: Final = 32
"""Objects that are nested more deeply than this are masked completely."""
MOST_ITEMS: Final = 200
"""Items of one list that are shown."""
LARGE: Final = 64 * 1024
"""Bytes of a frame of which only the fields with known names are decoded."""
LARGE_PART: Final = 16 * 1024
"""Bytes of one list in such a frame that are decoded."""

_WORD: Final = re.compile(r"\.?[A-Za-z][A-Za-z0-9_.:/-]{1,63}")
_PLAIN: Final = re.compile(r"[a-z]{1,16}(?:_[a-z]{1,16}){0,4}")
_PLAIN_WORD: Final = re.compile(r"[a-zA-Z]{2,16}(?:[._][a-zA-Z]{2,16}){0,4}")
"""Names and words that no pattern can find anything in, as nearly all of them."""
_SHORT_NUMBER: Final = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?")
_LARGEST_NUMBER: Final = 10**9
"""No quantity is as large. A telephone number is."""
LONGEST_LABEL: Final = 64
"""Characters of the longest name that may be harmless."""
OTHER: Final = Known("", None, credential=True)
"""A name that is longer than any harmless one."""
_LOGIN_OBJECT: Final = "authentication"
_LABELS: Final = frozenset({"name", "key", "header", "field", "label"})
"""What an object has that is a pair of a name and a value, such as a SIP header."""
_KINDS_OF_OBJECTS: Final = (Kind.PART, Kind.ID)
"""An object in place of an id is a marker of the recorder."""
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]*")


class Scrubber:
    """Masks frames and texts for one client.

    `secrets` are the credentials of the client, which are masked wherever they occur.
    With `show_personal`, everything but credentials is shown: telephone numbers, texts,
    digits and fields with unknown names.
    """

    def __init__(self, secrets: Iterable[str] = (), *, show_personal: bool = False) -> None:
        self._secrets = {s for s in secrets if len(s) >= SHORTEST_SECRET}
        self._added: deque[str] = deque(maxlen=MOST_ADDED)
        self._learned: deque[str] = deque(maxlen=MOST_LEARNED)
        self._show_personal: Final = show_personal
        self._pattern: re.Pattern[str] | None = None  # compiled when it is needed first
        self._runs: list[str] = []
        self._longest = 0
        self._changed()

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._secrets)} secrets>"

    def add(self, secret: str) -> None:
        """Also mask a credential that the client has got later, until newer ones come."""
        if secret not in self._secrets:
            self._remember(secret, self._added)

    def learn(self, secret: str) -> None:
        """Also mask a secret that the server has sent, until newer ones come."""
        self._remember(secret, self._learned)

    def _remember(self, secret: str, secrets: deque[str]) -> None:
        if len(secret) >= SHORTEST_SECRET and secret not in secrets:
            secrets.append(secret)
            self._changed()

    # Whole frames and values

    def frame(self, data: bytes) -> str:
        """Return a masked frame as text. Of anything but JSON, only the size is shown."""
        shown = self.json(data)
        return f"({len(data)} bytes that are not JSON)" if shown is None else shown

    def json(self, data: bytes) -> str | None:
        """Return a masked frame as JSON on one line. None if it is not JSON."""
        value = decode_any(data) if len(data) <= LARGE else _decode_large(data)
        if value is None:
            return None
        shown = self.text(encode_json(self.value(value)).decode())
        return shown if shown.isprintable() else _escaped(shown)

    def value(self, value: object) -> object:
        """Return a masked copy of a decoded JSON value."""
        return self._masked(value, None, 0)

    # Texts

    def text(self, text: str) -> str:
        """Return a text in which this client's credentials are masked."""
        # Hardly any text has a part of a secret, and that is found much faster than a pattern.
        for run in self._runs:
            if run in text:
                return (self._pattern or self._compile()).sub(MASK, text)
        return text

    def words(self, text: str) -> str:
        """Return a text of the peer on one line and within a length, with nothing secret in it."""
        return bounded(text, self._clean, self._longest)

    @property
    def shows_personal(self) -> bool:
        """Whether everything but credentials is shown."""
        return self._show_personal

    def word(self, text: str) -> str:
        """Return a word of the protocol, such as a state, if it looks like one."""
        return self._text_of(Kind.WORD, text)

    def id(self, text: str) -> str:
        """Return an id as it is, unless it has the shape of something else."""
        if is_plain_id(text):
            return self.text(text)
        if is_mark(text):
            return text
        if len(text) > MOST_WORDS:  # no id: searching it takes time that grows with its square
            return self._free(text) if self._show_personal else hidden(text)
        shown = cleaned(one_line(text, len(text)), self._clean_id)
        fits = self._show_personal or (looks_like_id(shown) and text.isprintable())
        return shown if fits else hidden(text)

    def _clean_id(self, text: str) -> str:
        text = without_logins(self.text(text))
        return text if self._show_personal else without_plus_numbers(text)

    def _clean(self, text: str) -> str:
        # Search before the control characters are gone, and again afterwards: the server may
        # quote a secret as it is, or with something else in place of such a character.
        text = self.text(text)
        text = self.text(one_line(text, len(text)))
        text = without_credentials(text, show_paths=self._show_personal)
        return text if self._show_personal else without_numbers(text)

    def _changed(self) -> None:
        secrets = self._all()
        self._pattern = None
        self._runs = [_longest_run(secret) for secret in secrets]
        longest = max(map(len, secrets), default=0)
        self._longest = longest * LONGEST_ESCAPE

    def _all(self) -> set[str]:
        return self._secrets.union(self._added, self._learned)

    def _compile(self) -> re.Pattern[str]:
        secrets = sorted(self._all(), key=len, reverse=True)
        self._pattern = pattern = re.compile("|".join(map(_any_form, secrets)))
        return pattern

    # Parts of a value

    def _masked(self, value: object, kind: Kind | None, depth: int) -> object:
        if depth > DEEPEST:
            return MASK
        if is_object(value):
            return self._object(value, depth)
        if isinstance(value, list):
            return self._list(cast("list[object]", value), kind, depth)
        if isinstance(value, str):
            return self._text_of(kind, value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(kind, value)
        return value

    def _object(self, value: JSONObject, depth: int) -> JSONObject:
        shown: JSONObject = {}
        labelled = not _LABELS.isdisjoint(value) and any(
            _names_credential(value.get(label)) for label in _LABELS
        )
        for key, item in value.items():
            # A name of the peer's may be long, and the cache of `known` keeps it.
            name, kind, credential = known(key) if len(key) <= LONGEST_LABEL else OTHER
            if name == _LOGIN_OBJECT and is_object(item):
                shown[self._key(key)] = {self._key(inner): MASK for inner in item}
            elif credential or (labelled and key not in _LABELS):
                shown[self._key(key)] = MASK
            else:
                # Without a code, a message is somebody's words, and not the server's.
                if name == "message" and "code" not in value:
                    kind = None
                shown[self._key(key)] = self._item(item, kind, depth + 1)
        return shown

    def _list(self, items: list[object], kind: Kind | None, depth: int) -> list[object]:
        if len(items) == 2 and _names_credential(items[0]):
            return [self._item(items[0], kind, depth), MASK]
        shown = [self._item(item, kind, depth + 1) for item in items[:MOST_ITEMS]]
        return [*shown, MASK] if len(items) > MOST_ITEMS else shown

    def _item(self, item: object, kind: Kind | None, depth: int) -> object:
        """Return a value below a name of this kind. None is a name that is not known."""
        empty = item is None or isinstance(item, bool) or item in ("", [], {})
        if self._show_personal or empty:
            return self._masked(item, kind, depth)
        if kind is None or (is_object(item) and kind not in _KINDS_OF_OBJECTS):
            return _hidden_value(item)
        return self._masked(item, kind, depth)

    def _key(self, key: str) -> str:
        if _PLAIN.fullmatch(key):
            return self.text(key)
        if is_mark(key):
            return key
        if NAME.fullmatch(key) and not looks_random(key) and without_logins(key) == key:
            return self.text(key)
        return self._free(key) if self._show_personal else hidden(key)

    def _text_of(self, kind: Kind | None, text: str) -> str:
        if kind is Kind.ID:
            return self.id(text)
        if kind is Kind.WORD and _PLAIN_WORD.fullmatch(text):
            return self.text(text)
        if is_mark(text):
            return text
        if kind is Kind.MESSAGE:
            return self.words(text)
        if self._show_personal:
            return self._free(text)
        if kind is Kind.URL and "://" in text:
            return self._url(text)
        fits = (kind is Kind.WORD and _WORD.fullmatch(text)) or (
            kind in (Kind.NUMBER, Kind.TIME) and _SHORT_NUMBER.fullmatch(text)
        )
        return text if fits and self._clean(text) == text else hidden(text)

    def _url(self, text: str) -> str:
        """Show the scheme and the host, and how long the rest is."""
        if len(text) > MOST_WORDS:
            return hidden(text)
        shown = cleaned(re.sub(r"\s", "_", text), lambda part: without_logins(self.text(part)))
        return shown if looks_like_id(shown) else hidden(text)

    def _free(self, text: str) -> str:
        return bounded(
            text,
            lambda part: without_credentials(self.text(part), show_paths=True),
            self._longest,
        )

    def _number(self, kind: Kind | None, number: float) -> object:
        if self._show_personal or kind in (Kind.ID, Kind.TIME):
            fits = True
        else:
            fits = kind is Kind.NUMBER and abs(number) < _LARGEST_NUMBER
        if fits and self.text(str(number)) == str(number):
            return number
        return MASK if kind in (None, Kind.ID, Kind.NUMBER, Kind.TIME) else 0


def _hidden_value(value: object) -> object:
    """Return a mark of the same type, so that a replay takes it as it took the value.

    Of a number that has no harmless name, nothing depends on the type.
    """
    if isinstance(value, str):
        return hidden(value)
    if is_object(value):
        return {MASK: MASK}
    return [MASK] if isinstance(value, list) else MASK


def _names_credential(label: object) -> bool:
    if not isinstance(label, str) or not NAME.fullmatch(label):
        return False
    return is_credential(plain(label))


def _longest_run(secret: str) -> str:
    """Return a part of a secret that stays the same in every form that `_any_form` finds."""
    runs: list[str] = _ALPHANUMERIC.findall(secret)
    return max(runs, key=len)


def _any_form(secret: str) -> str:
    """Return a pattern for a secret, however the peer writes it when it quotes it."""
    visible = sum(c.isprintable() and not c.isspace() for c in secret)
    return "".join(_forms(c, may_vanish=visible >= SHORTEST_SECRET) for c in secret)


def _forms(c: str, *, may_vanish: bool) -> str:
    """Return a pattern for one character: as it is, escaped, or blanked."""
    if c.isascii() and c.isalnum():
        return c
    encoded = c.encode(errors="surrogatepass")
    forms = {
        json.dumps(c)[1:-1],
        json.dumps(c, ensure_ascii=False)[1:-1],
        repr(c)[1:-1],
        f"\\x{ord(c):02x}",
        f"\\u{ord(c):04x}",
        "".join(f"%{byte:02x}" for byte in encoded),
    } - {c}
    ways = [re.escape(c), *(f"(?i:{re.escape(form)})" for form in sorted(forms))]
    if c == " ":
        ways.append(r"\+")
    if may_vanish and (c.isspace() or not c.isprintable()):
        ways.append("[ ?_\ufffd]?")
    return f"(?:{'|'.join(ways)})"


_Known: Final = msgspec.defstruct(
    "_Known",
    [
        (
            f"field_{number}",
            msgspec.Raw | msgspec.UnsetType,
            msgspec.field(default=msgspec.UNSET, name=name),
        )
        for number, name in enumerate(KNOWN_NAMES)
    ],
    frozen=True,
    gc=False,
)
"""The fields of any object that have known names: the others are not even decoded."""

_known: Final = msgspec.json.Decoder(_Known)


def _decode_large(data: bytes) -> object:
    """Decode of a large frame only what could be shown. None if it is not JSON."""
    try:
        return _decode_known(data, 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _decode_known(data: bytes, depth: int) -> object:
    start = data[:100].lstrip()[:1]
    if len(data) <= LARGE_PART or start == b'"':
        return msgspec.json.decode(data)
    if start != b"{" or depth > DEEPEST:
        return [MASK] if start == b"[" else MASK
    known = _known.decode(data)
    found: dict[str, object] = {
        field.encode_name: _decode_known(bytes(raw), depth + 1)
        for field in msgspec.structs.fields(_Known)
        if (raw := getattr(known, field.name)) is not msgspec.UNSET
    }
    return {**found, MASK: MASK}


def _escaped(text: str) -> str:
    """Return JSON with an escape in place of each character that is not printable."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
