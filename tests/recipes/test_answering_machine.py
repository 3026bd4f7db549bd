"""The recipe of answering_machine.py, rehearsed: machines, people and lines that are busy."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import pytest

from answering_machine import remind
from relay_anyio import RelayClient
from relay_anyio.testing import Answers, Behaviour, Busy, Fax, Machine, Say, Stage, Wait, rehearse

TO, FROM = "+15550003000", "+15550002222"
TEXT = "Your appointment is tomorrow at nine."
PAUSE = Machine((Say("This is Anna."), Wait(4), Say("Please speak after the beep.")))


async def a_machine_is_called(stage: Stage) -> None:
    assert await remind(stage.client, TO, FROM, TEXT) == "machine: heard the whole text"


def test_a_machine_gets_the_message_after_its_beep() -> None:
    rehearse(RelayClient(), a_machine_is_called, lines={TO: Answers(nature=PAUSE)})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (Answers(script=(Say("Hello?"),)), "human: heard the whole text"),
        (Answers(nature=Machine(beep=False)), "machine: heard the whole text"),
        (Answers(nature=Machine(full=True)), "machine: did not hear it all"),
        (Answers(nature=Fax()), "fax: did not hear it all"),
        (Busy(), "failed: busy"),
    ],
)
def test_everybody_is_treated_as_they_should(line: Behaviour, told: str) -> None:
    async def scene(stage: Stage) -> None:
        assert (await remind(stage.client, TO, FROM, TEXT)).endswith(told)

    rehearse(RelayClient(), scene, lines={TO: line})
