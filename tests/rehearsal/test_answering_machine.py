"""The recipe of examples/answering_machine.py, against everybody who may answer.

``python -m tests.rehearsal.test_answering_machine`` prints the table.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Final

import pytest

from relay_anyio import RelayClient
from relay_anyio.testing import (
    Answers,
    Backend,
    Behaviour,
    Busy,
    Declines,
    Fax,
    HangUp,
    Line,
    Machine,
    NoAnswer,
    Say,
    Stage,
    Story,
    Unclear,
    Wait,
    What,
    Who,
    rehearse,
)

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "answering_machine.py"
TO, FROM = "+15550003000", "+15550002222"
TEXT: Final = "Your appointment is tomorrow at nine."
CHARACTER: Final = 0.07
"""Seconds that a character of a text takes, as in `ExchangeTiming`."""
PAUSE: Final = (Say("This is Anna."), Wait(4.0), Say("Please leave a message."))

HEARD: Final = "machine: heard the whole text"
NOT_HEARD: Final = "did not hear it all"
NOBODY: Final = "nobody answered: the dial failed"
PEOPLE: Final[dict[str, tuple[Behaviour, str, str]]] = {
    "human": (Answers(script=(Say("Hello?"),)), "human: heard the whole text", TEXT),
    "machine, beep": (Answers(nature=Machine()), HEARD, TEXT),
    "machine, no beep": (Answers(nature=Machine(beep=False)), HEARD, TEXT),
    "machine, pause and beep": (Answers(nature=Machine(PAUSE)), HEARD, TEXT),
    "machine, pause, no beep": (Answers(nature=Machine(PAUSE, beep=False)), HEARD, TEXT),
    "machine, speaks again later": (
        Answers(nature=Machine(), script=(Wait(1.0), Say("Are you there?"))),
        HEARD,
        TEXT,
    ),
    "machine, endless greeting": (Answers(nature=Machine(1000 * "la ")), HEARD, ""),
    "machine, hangs up": (
        Answers(nature=Machine(), script=(Wait(0.5), HangUp())),
        f"machine: {NOT_HEARD}",
        TEXT[:11],
    ),
    "fax": (Answers(nature=Fax()), f"fax: {NOT_HEARD}", ""),
    "no verdict": (Answers(nature=Unclear()), f"unknown: {NOT_HEARD}", ""),
    "hangs up at once": (Answers(script=(HangUp(),)), f"nobody: {NOT_HEARD}", ""),
    "busy": (Busy(), f"{NOBODY}: busy", ""),
    "no answer": (NoAnswer(), f"{NOBODY}: noAnswer", ""),
    "declines": (Declines(), f"{NOBODY}: decline", ""),
}
"""Who answers, what the program says of it, and what they hear of the message at last."""


def reminded(behaviour: Behaviour, backend: Backend = "asyncio") -> tuple[str, Story]:
    """What the program says, and what happened."""
    remind = runpy.run_path(str(EXAMPLE))["remind"]
    client = RelayClient(project="project", token="token")
    told: list[str] = []

    async def scene(stage: Stage) -> None:
        told.append(await remind(stage.client, TO, FROM, TEXT))

    story = rehearse(client, scene, lines=[Line(TO, behaviour)], backend=backend)
    return re.sub(r"dial \S+ failed", "the dial failed", told[0]), story


def spoken(story: Story) -> list[tuple[float, float]]:
    """From when until when the program spoke, each time."""
    begun = [one.at for one in story.all(What.PLAYED)]
    stops = (What.PLAY_ENDED, What.ENDED)
    return [
        (at, next(one.at for one in story if one.what in stops and one.at > at)) for at in begun
    ]


def listening(story: Story) -> float:
    """From when the far end listens: a machine when it has begun to record."""
    records = [one.at for one in story.all(What.STARTED) if one.who is Who.CALLER]
    return records[0] if records else 0.0


def heard(story: Story, *, machine: bool) -> str:
    """What the far end has heard of the last time that the program spoke."""
    if not spoken(story) or (machine and not listening(story)):
        return ""
    begins, ends = spoken(story)[-1]
    missed = max(0.0, listening(story) - begins)
    return TEXT[round(missed / CHARACTER) : round((ends - begins) / CHARACTER)]


@pytest.mark.parametrize("who", PEOPLE)
def test_the_program_does_the_right_thing(who: str, backend: Backend) -> None:
    behaviour, told, text = PEOPLE[who]
    said, story = reminded(behaviour, backend)
    assert said == told
    assert heard(story, machine=who.startswith("machine")) == text
    assert all(one.what is not What.REFUSED for one in story)


@pytest.mark.parametrize("who", PEOPLE)
def test_the_program_never_talks_over_a_greeting_that_it_can_hear(who: str) -> None:
    if who == "machine, endless greeting":
        pytest.skip("there it is all that can be done")
    _, story = reminded(PEOPLE[who][0])
    for begins, ends in spoken(story):
        for word in story.all(What.SAID):
            over = word.at + CHARACTER * len(word.details["text"])
            assert over <= begins or word.at >= ends, f"{word.line} while the program spoke"


def table() -> str:
    """Who answers, when the program spoke, what the far end heard at last, and what it says."""
    rows = [
        ("who answers", "the program spoke at", "listens from", "heard at last", "program says")
    ]
    for who, (behaviour, _, _) in PEOPLE.items():
        said, story = reminded(behaviour)
        times = ", ".join(f"{begins:.2f}-{ends:.2f}" for begins, ends in spoken(story))
        since = f"{listening(story):.2f}" if listening(story) else ""
        text = heard(story, machine=who.startswith("machine"))
        rows.append((who, times, since, text, said))
    return "\n".join("| {:<27} | {:<26} | {:>12} | {:<37} | {} |".format(*row) for row in rows)


def _print() -> None:
    print(table())


if __name__ == "__main__":
    _print()
