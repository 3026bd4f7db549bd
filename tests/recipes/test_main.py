"""Every recipe as a whole program, with and without ``await``: it connects, works and ends.

The program is run as its docstring says, by its own main block, against the phone lab.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from relay_anyio.simulator.scenario_file import read_file
from relay_proto.exchange import (
    MAGIC_LINES,
    Answers,
    Behaviour,
    Caller,
    Fax,
    HangUp,
    Hear,
    NoAnswer,
    Press,
    Say,
    TextMessage,
    Wait,
    What,
)
from tests.recipes.lab import EXAMPLES, OURS, Lab, run_program

ANNA, ANSWERS = "+15550001111", "+15550003000"
CONFIRMS = Answers(after=0.01, script=(Say("Hello?"), Hear("press 1"), Press("1", 0.01)))
OpenLab = Callable[..., Lab]


def both(name: str) -> pytest.MarkDecorator:
    """The recipe on asyncio, and the same on threads."""
    return pytest.mark.parametrize("program", [name, f"{name}_sync"])


@pytest.mark.parametrize("scenario", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_scenario_is_for_a_program_that_is_there(scenario: Path) -> None:
    assert read_file(scenario).schedule
    assert scenario.with_suffix(".py").is_file()


@both("voicemail")
def test_voicemail(program: str, lab: OpenLab) -> None:
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (Hear("beep"), Say("Please call me back."), Press("#"))))
        here.until(What.TEXT_MOVED, state="delivered")

    run_program(program, scene=scene)
    assert "Message from +15550001111, 0 s: https://" in here.text_of_the_story


@both("ivr_speech")
def test_ivr(program: str, lab: OpenLab) -> None:
    here = lab(default_line=Answers(after=0.01, script=(Wait(0.5), HangUp())))

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        call_id = here.call(Caller(ANNA, (Hear("press 1"), Press("1"))))
        here.until(What.CONNECTED)
        here.until(What.ENDED, call_id=call_id)

    run_program(program, scene=scene)


@both("call_queue")
def test_call_queue(program: str, lab: OpenLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLD_MUSIC", "https://example.com/music.mp3")
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (Hear("music"),)), context="support")
        here.until(What.ENTERED)
        here.call(Caller(ANSWERS, (Wait(20), HangUp())), context="agents")
        here.until(What.CONNECTED)
        here.until(What.ENDED, times=2)

    run_program(program, scene=scene)


APPOINTMENTS = EXAMPLES / "appointments.csv"
TRIED = {  # the others take too much real time
    "Ben": "not reached: busy",
    "David": "not reached: not_found",
    "Farid": "message left",
    "Zoe": "confirmed",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@both("appointment_reminders")
def test_appointment_reminders(program: str, lab: OpenLab, tmp_path: Path) -> None:
    lab(*MAGIC_LINES, default_line=CONFIRMS)
    source, target = tmp_path / "appointments.csv", tmp_path / "results.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows(APPOINTMENTS)[0]))
        writer.writeheader()
        writer.writerow({"number": "555 0100", "name": "Wanda", "time": "Monday"})
        writer.writerows(row for row in rows(APPOINTMENTS) if row["name"] in TRIED)
    run_program(program, str(source), str(target))
    results = {row["name"]: row["result"] for row in rows(target)}
    assert results.pop("Wanda").startswith("wrong number: ")
    assert results == TRIED


def test_there_are_25_appointments() -> None:
    assert len({row["number"] for row in rows(APPOINTMENTS)}) == 25


@both("sms_bot")
def test_sms_bot(program: str, lab: OpenLab) -> None:
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        for number, text in enumerate(("Book", "Friday", "4"), 1):
            here.text(TextMessage(ANNA, OURS, text))
            here.until(What.TEXT_MOVED, state="delivered", times=number)

    run_program(program, scene=scene)
    assert "A table for 4 on Friday is booked" in here.text_of_the_story


@both("conference")
def test_conference(program: str, lab: OpenLab) -> None:
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (Hear("enter"), Press("1111"))))
        here.until(What.ENTERED)
        here.call(Caller(ANSWERS, (Hear("enter"), Press("9999"), Wait(20), HangUp())))
        here.until(What.ENDED, times=2)

    run_program(program, scene=scene)
    assert "The conference is over" in here.text_of_the_story


@both("transfer")
def test_transfer(program: str, lab: OpenLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_NUMBER", ANSWERS)
    takes = Answers(after=0.01, script=(Hear("press 1"), Press("1", 0.01), Wait(0.3), HangUp()))
    here = lab(default_line=takes)

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA))
        here.until(What.CONNECTED)
        here.until(What.ENDED, times=2)

    run_program(program, scene=scene)


@both("transfer")
@pytest.mark.parametrize("agent", [NoAnswer(), Answers(after=0.01)], ids=["rings", "listens"])
def test_a_caller_hangs_up_before_the_transfer(
    program: str, agent: Behaviour, lab: OpenLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_NUMBER", ANSWERS)
    here = lab(default_line=agent)

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (Wait(20), HangUp())))
        here.until(What.DIALED)
        here.until(What.ENDED, times=2)

    run_program(program, scene=scene)
    ended = [one.at for one in here.world.all(What.ENDED)]
    assert ended[1] - ended[0] < 2  # the telephone would ring for 20 s


@both("failover")
def test_failover(program: str, lab: OpenLab) -> None:
    here = lab(*MAGIC_LINES, default_line=Answers(after=0.01, script=(Wait(0.3), HangUp())))

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA))
        here.until(What.CONNECTED)
        here.until(What.ENDED, times=3)

    run_program(program, scene=scene)


@both("fax")
def test_fax_that_comes(program: str, lab: OpenLab) -> None:
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, nature=Fax(pages=2)))
        here.until(What.FINISHED, outcome="finished")
        here.until(What.ENDED)

    run_program(program, scene=scene)


@both("fax")
def test_fax_that_goes(program: str, lab: OpenLab, capsys: pytest.CaptureFixture[str]) -> None:
    lab(default_line=Answers(after=0.01, nature=Fax(pages=2)))
    run_program(program, ANSWERS, "https://example.com/a.pdf")
    assert capsys.readouterr().out == "sent: 2 pages\n"


@both("payment")
def test_payment(program: str, lab: OpenLab) -> None:
    here = lab()
    card = (Hear("card number"), Press("4111111111111111"))
    code = (Hear("expiration date"), Press("1230"), Hear("security code"), Press("123#"))

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (*card, *code)))
        here.until(What.ENDED)

    run_program(program, scene=scene)
    assert "The payment was made" in here.text_of_the_story


@both("live_transcription")
def test_live_transcription(program: str, lab: OpenLab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    here = lab()

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        script = (Hear("hang up when"), Wait(10), Say("There is a fire."), Wait(5), HangUp())
        here.call(Caller(ANNA, script))
        here.until(What.ENDED)

    run_program(program, scene=scene)
    assert "reports: There is a fire." in caplog.text


@both("recording_consent")
def test_recording_consent(program: str, lab: OpenLab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    here = lab(default_line=Answers(after=0.01, script=(Wait(0.3), HangUp())))

    def scene() -> None:
        here.until(What.SESSION_STARTED)
        here.call(Caller(ANNA, (Hear("press 1"), Press("1"))))
        here.until(What.FINISHED)
        here.until(What.ENDED, times=2)

    run_program(program, scene=scene)
    assert "recorded 0 s: https://" in caplog.text
