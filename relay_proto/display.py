"""Display: what a log, an error or a terminal shows of a text that somebody else wrote.

Such a text stays on one line and within a length. Credentials and telephone numbers
in it are masked where their shape gives them away. `rpc.masking` also knows the names
of the fields that a text came from, and the credentials of one client.

Source: docs/protocol.md, section 20.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

MASK: Final = "***"
MOST_WORDS: Final = 1000
"""Characters of a text in words, such as an error of the server, that are shown."""
MOST_ID: Final = 128
"""Characters of an id that are shown."""
MOST_PASSES: Final = 5
"""How often a text is searched: what one pattern leaves may be what another one knows."""
LONGEST_PARTIAL: Final = 256
"""Characters at the cut end of a long text that are left out: a pattern does not
recognize a credential, or a number, of which the rest is missing."""

_ID: Final = re.compile(r"(?=.{1,200}\Z)[^\s\"'<>\\`]+(?: [^\s\"'<>\\`]+){0,2}")
_PLAIN_ID: Final = re.compile(r"(?!.*eyJ)[A-Za-z0-9._-]{0,128}")
"""Ids that no pattern can find anything in, as nearly all of them."""
_MARK: Final = re.compile(r"\*\*\*(?:\(\d{1,8}\))?")

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,15})://([^\s\"'<>]*)")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,100}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_LOGIN: Final = re.compile(r"[^\s:/@\"'<>*]{1,200}:[^\s@/\"'<>]{1,500}@(?=[\w\[])")
_JWT: Final = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,4}")
_HEADER: Final = re.compile(
    r"\b(bearer|basic|digest|negotiate) {1,3}"
    r"(?=[\w.~+/=-]*[A-Z\d=]|[\w.~+/=-]{20})[\w.~+/=-]{6,}",
    re.IGNORECASE,
)
_SECRET: Final = (
    r"(?i:passw|passphrase|passcode|pwd|secret|token|key|signature"
    r"|authorization|credential|jwt|cookie|cvv|cvc|(?:sig|pin|auth)(?![\w.-]))"
)
_NAMED: Final = re.compile(
    rf"(?<![\w.-])(?=[\w.-]{{0,64}}?{_SECRET})"
    r"([\w.-]{1,64}[\"']? {0,3}[=:] {0,3}[\"']?)(?!//)[^\s\"',;&}]+"
)
_SECRET_NAME: Final = re.compile(rf"{_SECRET}|^project$")
_RUN: Final = re.compile(r"[A-Za-z0-9+/=_~-]{24,}")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_STRETCH: Final = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}")
"""It begins where a run does: a search from each character takes time that grows with the
square of the run's length."""
_MIXED: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d.*\d)")

_WITH_PLUS: Final = re.compile(r"\+\d(?:[ ().-]{0,2}\d){5,17}")
_NUMBER: Final = re.compile(
    rf"(?P<id>{_UUID.pattern})|{_WITH_PLUS.pattern}"
    r"|(?<![\w.-])\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}(?![\w-])"
    r"|(?<![\w.-])\d{3}-\d{4}(?![\w-])"
    r"|\d{9,}"
)
_DIALLED: Final = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){7,17}")
_FIRST_DIGITS: Final = re.compile(r"\+?(?:[ ().-]{0,2}\d){4}")
_EMAIL: Final = re.compile(r"[\w.+%-]{1,64}@(?=[\w-]{1,64}\.\w)")


def is_mark(text: str) -> bool:
    """Return whether `hidden` has made this text."""
    return text.startswith(MASK) and _MARK.fullmatch(text) is not None


def is_plain_id(text: str) -> bool:
    """Return whether a text is an id in which no pattern can find anything to mask."""
    return _PLAIN_ID.fullmatch(text) is not None


def holds_secret(name: str) -> bool:
    """Return whether the value of a parameter or key of this name must not be shown."""
    return _SECRET_NAME.search(name) is not None


def hidden(text: str) -> str:
    """Return a mark in place of a text. It tells how long the text is.

    An empty text, and what is a mark already, stays as it is.
    """
    return text if not text or is_mark(text) else f"{MASK}({len(text)})"


def counted(count: int, noun: str) -> str:
    """Return a number of things in words, such as ``1 call`` and ``2 calls``."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"


def one_line(text: str, most: int = MOST_WORDS) -> str:
    """Return `text` without characters that control a terminal, and not longer than `most`."""
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def shown_id(text: str) -> str:
    """Return an id or a name of the peer as a log or a `repr` shows it."""
    shown = one_line(text, MOST_ID)
    if shown.isalnum() or is_plain_id(shown):
        return shown
    shown = cleaned(shown, lambda part: without_plus_numbers(without_logins(part)))
    return shown if looks_like_id(shown) else hidden(text)


def shown_word(text: str) -> str:
    """Return a word of the protocol, such as a state, as a log or a `repr` shows it."""
    return text if text.isalpha() else words(shown_id(text))


def shown_number(text: str) -> str:
    """Return a telephone number as a log or a `repr` shows it: its first digits.

    Of what is no number of eight digits at least, such as a SIP address, the length is shown.
    """
    if _DIALLED.fullmatch(text) is None:
        return hidden(text)
    begin = _FIRST_DIGITS.match(text)
    assert begin is not None, "it has eight digits"
    return f"{begin[0]}…"


def shown_reason(text: str) -> str:
    """Return a reason in the peer's own words as a `repr` shows it: plain words, or nothing.

    A `repr` does not know the credentials of the client, which the peer may repeat.
    """
    if not text.replace("_", "").replace(" ", "").isalpha():
        return hidden(text)
    return repr(text) if " " in text else text


def described(name: str, words: Iterable[str], facts: Mapping[str, str]) -> str:
    """Return a `repr`: a name, words of the protocol, and facts, which are masked already.

    What is empty is left out.
    """
    shown = [shown_word(word) for word in words if word]
    named = [f"{label}={fact}" for label, fact in facts.items() if fact]
    return f"<{' '.join([name, *shown, *named])}>"


def looks_like_id(text: str) -> bool:
    """Return whether a text may be an id, or the name of a context: it has few words."""
    return _ID.fullmatch(text) is not None


def words(text: str) -> str:
    """Return a text of the peer as an error shows it: one line, and nothing personal."""
    return bounded(
        text, lambda part: without_numbers(without_credentials(one_line(part, len(part))))
    )


def cleaned(text: str, clean: Callable[[str], str]) -> str:
    """Return what `clean` leaves of a text when it finds nothing more to mask in it."""
    before, passes = None, 0
    while text != before and passes < MOST_PASSES:
        before, text, passes = text, clean(text), passes + 1
    return text


def bounded(text: str, clean: Callable[[str], str], longest: int = LONGEST_PARTIAL) -> str:
    """Return what `clean` leaves of a text, and at most `MOST_WORDS` characters of it.

    `clean` never sees much more than that. `longest` is the length of the longest secret
    of which a part must not be left over where the text is cut.
    """
    margin = max(longest, LONGEST_PARTIAL)
    part = text[: MOST_WORDS + margin]
    shown = cleaned(part, clean)
    if len(part) < len(text):
        shown = f"{shown[:-margin]}…"
    return shown if len(shown) <= MOST_WORDS else f"{shown[: MOST_WORDS - 1]}…"


def without_logins(text: str) -> str:
    """Return `text` without what gives access by itself.

    That is the login and the path of a URL, a JWT, the value of an ``Authorization``
    header, and what follows the name of a secret.
    """
    return _without_headers(_URL.sub(_shown_url, text))


def without_credentials(text: str, *, show_paths: bool = False) -> str:
    """Return `text` without all that looks like a credential: long random strings, too.

    With `show_paths`, the path of a URL is shown.
    """
    url = _shown_with_path if show_paths else _shown_url
    return _RUN.sub(_without_random, _without_headers(_URL.sub(url, text)))


def without_numbers(text: str) -> str:
    """Return `text` with a mask in place of telephone numbers and mail addresses."""
    return _EMAIL.sub(f"{MASK}@", _NUMBER.sub(_without_number, text))


def without_plus_numbers(text: str) -> str:
    """Return `text` with a mask in place of telephone numbers that begin with a plus."""
    return _WITH_PLUS.sub(_marked, text)


def looks_random(text: str) -> bool:
    """Return whether a key or a token, and no UUID, is in `text`."""
    return any(_is_random(run[0]) for run in _RUN.finditer(text))


def _without_headers(text: str) -> str:
    text = _HEADER.sub(rf"\1 {MASK}", _JWT.sub(MASK, text))
    return _NAMED.sub(rf"\1{MASK}", _LOGIN.sub(f"{MASK}@", text))


def _is_random(run: str) -> bool:
    rest = _UUID.sub("", run)
    return _STRETCH.search(rest) is not None or _MIXED.match(rest) is not None


def _marked(found: re.Match[str]) -> str:
    return hidden(found[0])


def _without_number(found: re.Match[str]) -> str:
    return found[0] if found["id"] else hidden(found[0])


def _without_random(found: re.Match[str]) -> str:
    return MASK if _is_random(found[0]) else found[0]


def _shown_url(found: re.Match[str]) -> str:
    origin, path = _split_url(found)
    if path in ("", "/") or is_mark(path.removeprefix("/")):
        return origin + path
    return f"{origin}/{MASK}({len(path)})"


def _shown_with_path(found: re.Match[str]) -> str:
    return "".join(_split_url(found))


def _split_url(found: re.Match[str]) -> tuple[str, str]:
    # A password may contain a slash, so all before the last @ counts as the login.
    scheme, rest = found.groups()
    _, login, rest = rest.rpartition("@")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    shown = host if _HOST.fullmatch(host) else MASK
    return f"{scheme}://{f'{MASK}@' if login else ''}{shown}", rest[len(host) :]
