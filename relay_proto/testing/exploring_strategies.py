"""Exploring strategies: what to try with a program, after it has been heard once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, TypeVar

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError as error:
    raise ImportError(
        "explore() needs hypothesis: pip install 'relay-proto[hypothesis]'", name=error.name
    ) from error

from ..exchange import Caller, Happened, TextMessage, What
from . import strategies
from .situations import Situation, Trouble

T = TypeVar("T")

MOST_PROMPTS: Final = 8
MOST_WORDS: Final = 20
WORDS_TO_HEAR: Final = 3
"""So many words of a prompt tell it from the others."""
_QUOTED: Final = re.compile("“(.*?)”", re.DOTALL)
_WORD: Final = re.compile(r"\w{3,}")


def situations_for(
    story: Sequence[Happened],
    *,
    caller: SearchStrategy[Caller] | bool,
    message: SearchStrategy[TextMessage] | bool,
    troubles: Collection[Trouble],
    dials: Collection[str],
) -> SearchStrategy[Situation]:
    """Draw what befalls a program. People press what it names, and say its words.

    `story` is the first run. `caller` and `message` say who calls and writes: True stands for
    anybody, and False for nobody.
    """
    texts = [one.details["text"] for one in story if one.what is What.PLAYED]
    spoken = [found for text in texts for found in _QUOTED.findall(text)]
    heard = " ".join(spoken)
    script = strategies.scripts(
        digits=_digits_in(heard),
        words=_first(_WORD.findall(heard), MOST_WORDS) or strategies.WORDS,
        prompts=_first(map(_beginning, spoken), MOST_PROMPTS) + _tones(story),
    )
    who = strategies.callers(script) if caller is True else caller
    what = strategies.messages() if message is True else message
    return strategies.situations(
        None if isinstance(who, bool) else who.map(_drawn("caller", Caller)),
        None if isinstance(what, bool) else what.map(_drawn("message", TextMessage)),
        st.sampled_from(tuple(troubles)) if troubles else None,
        dials=dials,
        script=script,
    )


def _drawn(argument: str, kind: type[T]) -> Callable[[object], T]:
    """Return the check of what a strategy of the user's has drawn."""

    def check(drawn: object) -> T:
        if not isinstance(drawn, kind):
            raise TypeError(f"{argument} must draw a {kind.__name__}, and has drawn {drawn!r}")
        return drawn

    return check


def _digits_in(text: str) -> str:
    """Return all digits, those that a text names first: they are half of all."""
    named = "".join(dict.fromkeys(re.findall(r"\d", text)))
    times = len(strategies.DIGITS) // len(named) if named else 0
    return named * times + strategies.DIGITS


def _beginning(text: str) -> str:
    return " ".join(text.split()[:WORDS_TO_HEAR])


def _tones(story: Sequence[Happened]) -> tuple[str, ...]:
    """Return what people hear before a recording."""
    records = any("a recording" in one.sentence for one in story if one.what is What.STARTED)
    return ("beep",) if records else ()


def _first(texts: Iterable[str], most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))[:most]
