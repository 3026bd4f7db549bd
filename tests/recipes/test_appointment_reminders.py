"""The recipe of appointment_reminders.py, rehearsed: who is reached, and what is written."""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

import anyio
import pytest

from appointment_reminders import AT_A_TIME, Appointment, remind, remind_all
from relay_anyio import RelayClient
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Fax,
    HangUp,
    Hear,
    Machine,
    NoAnswer,
    Press,
    Say,
    Stage,
    Unreachable,
    Wait,
    What,
    rehearse,
)

ANNA = Appointment("+15550003000", "Anna", "Monday at 9:00")
HELLO = (Say("Hello?"), Hear("press 1"))
PEOPLE: dict[str, Behaviour] = {
    "confirmed": Answers(script=(*HELLO, Press("1"))),
    "cancelled": Answers(script=(*HELLO, Press("7"), Hear("press 1"), Press("2"))),
    "no answer to the question": Answers(script=HELLO),
    "hung up": Answers(script=(*HELLO, HangUp())),
    "message left": Answers(nature=Machine((Say("Hi!"), Wait(4), Say("Speak after the beep.")))),
    "no message: machine": Answers(nature=Machine(full=True)),
    "no message: fax": Answers(nature=Fax()),
    "not reached: busy": Busy(),
    "not reached: noAnswer": NoAnswer(),
    "not reached: not_found": Unreachable(),
}


async def anna_is_reminded(stage: Stage) -> None:
    assert await remind(stage.client, ANNA) == "confirmed"


def test_anna_confirms() -> None:
    line = {ANNA.number: PEOPLE["confirmed"]}
    rehearse(RelayClient(), anna_is_reminded, lines=line)


@pytest.mark.parametrize("result", PEOPLE)
def test_every_result_is_known(result: str) -> None:
    async def scene(stage: Stage) -> None:
        assert await remind(stage.client, ANNA) == result

    rehearse(RelayClient(), scene, lines={ANNA.number: PEOPLE[result]})


WRONG = Appointment("555 0100", "Ben", "Monday")


def test_a_wrong_number_stops_nobody_else() -> None:
    written: list[list[str]] = []

    async def scene(stage: Stage) -> None:
        await remind_all(stage.client, [WRONG, ANNA], written.append)

    rehearse(RelayClient(), scene, lines={ANNA.number: PEOPLE["confirmed"]})
    (wrong, right) = written
    assert wrong[:3] == [WRONG.number, WRONG.name, WRONG.time]
    assert wrong[3].startswith("wrong number: to_number must be in E.164 form")
    assert right[3] == "confirmed"


EVERYBODY = [Appointment(f"+155500030{n:02}", "Anna", "Monday") for n in range(25)]


def behaviour_of_each() -> dict[str, Behaviour]:
    behaviours = list(PEOPLE.values())
    return {one.number: behaviours[n % len(behaviours)] for n, one in enumerate(EVERYBODY)}


def test_25_people_are_called_a_few_at_a_time() -> None:
    written: list[list[str]] = []

    async def scene(stage: Stage) -> None:
        await remind_all(stage.client, EVERYBODY, written.append)

    story = rehearse(RelayClient(), scene, lines=behaviour_of_each())
    assert sorted(row[0] for row in written) == [one.number for one in EVERYBODY]
    assert {row[3] for row in written} == set(PEOPLE)
    up = most = 0
    for happened in story:
        up += (happened.what is What.DIALED) - (happened.what is What.ENDED)
        most = max(most, up)
    assert most == AT_A_TIME


def test_everybody_has_a_result_if_the_server_restarts() -> None:
    written: list[list[str]] = []

    async def restart(stage: Stage) -> None:
        await anyio.sleep(20)
        stage.restart()

    async def scene(stage: Stage) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(restart, stage)
            await remind_all(stage.client, EVERYBODY, written.append)

    rehearse(RelayClient(), scene, lines=behaviour_of_each())
    assert len(written) == len(EVERYBODY)
