"""People and lines: what nobody can do is refused where it is written, and not in the exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from relay_anyio.testing import (
    Answers,
    Busy,
    Caller,
    Declines,
    Fax,
    HangUp,
    Hear,
    Human,
    InTurn,
    Line,
    Machine,
    OverTime,
    Press,
    Say,
    Unclear,
    Wait,
)

ANNA: Final = "+15550001111"
WRONG: Final[dict[str, Callable[[Any], object]]] = {
    "digits of Press must be a str, not 1": lambda _: Press(_(1)),
    "digits of Press must be keys of a telephone (0 to 9, *, #, A to D), not '1w'": (
        lambda _: Press("1w")
    ),
    "interval of Press must be a number of seconds, not '1'": lambda _: Press("1", _("1")),
    "seconds of Wait must be a number of seconds, not '2'": lambda _: Wait(_("2")),
    "seconds of Wait must be 0 or more seconds, and finite, not -1": lambda _: Wait(-1),
    "text of Hear must be a str, not 1": lambda _: Hear(_(1)),
    "timeout of Hear must be a number of seconds, not None": lambda _: Hear("a", _(None)),
    "whole of Hear must be True or False, not 'yes'": lambda _: Hear("a", whole=_("yes")),
    "text of Say must be a str, not a bytes": lambda _: Say(_(b"a")),
    "number of Caller must be a str, not 15550001111": lambda _: Caller(_(15550001111)),
    "patience of Caller must be 0 or more seconds, and finite, not nan": (
        lambda _: Caller(ANNA, patience=float("nan"))
    ),
    "a nature is Human(), Machine(), Fax() or Unclear(), not <class": (
        lambda _: Answers(nature=_(Machine))
    ),
    "a nature is Human(), Machine(), Fax() or Unclear(), not 'fax'": (
        lambda _: Caller(ANNA, nature=_("fax"))
    ),
    "after of Answers must be a number of seconds, not 'soon'": lambda _: Answers(_("soon")),
    "after of Declines must be a number of seconds, not 'soon'": lambda _: Declines(_("soon")),
    "the greeting of a Machine is a text, or a tuple of Say and Wait, not Say(": (
        lambda _: Machine(_(Say("Hello")))
    ),
    "the greeting of a Machine is a text, or a tuple of Say and Wait, not (Press(": (
        lambda _: Machine(_((Press("1"),)))
    ),
    "beep of Machine must be True or False, not 0": lambda _: Machine(beep=_(0)),
    "full of Machine must be True or False, not 1": lambda _: Machine(full=_(1)),
    "tone of Fax must be one of 'CED', 'CNG', not 'ced'": lambda _: Fax(_("ced")),
    "pages of Fax must be a whole number, not 1.5": lambda _: Fax(pages=_(1.5)),
    "a line behaves like Answers(), Busy(), …, not like <class": lambda _: Line(ANNA, _(Busy)),
    "a line behaves like Answers(), Busy(), …, not like 'busy'": lambda _: InTurn((_("busy"),)),
    "a line behaves like Answers(), Busy(), …, not like 5": lambda _: OverTime(_(5), ()),
    "a line behaves like Answers(), Busy(), …, not like 6": (
        lambda _: OverTime(Busy(), ((1.0, _(6)),))
    ),
    "a time of OverTime must be a number of seconds, not '1'": (
        lambda _: OverTime(Busy(), ((_("1"), Busy()),))
    ),
    "address of Line must be a str, not 15550001111": lambda _: Line(_(15550001111), Busy()),
}


def unchecked(value: Any) -> Any:
    """The value, of which a type checker knows nothing."""
    return value


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_named_at_once(words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        WRONG[words](unchecked)
    assert words in str(caught.value)


def test_all_that_people_can_do_is_allowed() -> None:
    script = (Hear("", whole=True), Press("0123456789*#ABCD", 0), Say(""), Wait(0), HangUp())
    for nature in (Human(), Machine((Say("a"), Wait(1))), Machine("a", False), Fax(), Unclear()):
        assert Caller(ANNA, script, nature=nature).nature == nature
    changing = OverTime(Busy(), ((5, Answers(0, script)),))
    assert Line("sip:anna@example.com", changing).behaviour == changing
    assert Line(ANNA, InTurn((Busy(), Declines(0)))).address == ANNA
