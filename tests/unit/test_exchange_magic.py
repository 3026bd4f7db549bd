"""Lines that change from call to call or with time, and the magic numbers of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from relay_proto.exchange import (
    MAGIC_LINES,
    MAGIC_NUMBERS,
    MAGIC_UNDELIVERABLE,
    Answers,
    Busy,
    Declines,
    ExchangeConfig,
    InTurn,
    Line,
    Magic,
    NoAnswer,
    OverTime,
    What,
)
from tests.unit.exchange_client import OFFICE, Client, Object, World, make_config, phone

PAGE: Final = Path(__file__).parents[2] / "docs" / "simulator.md"
CHANGING: Final = "+15553334444"


def config() -> ExchangeConfig:
    return make_config(lines=MAGIC_LINES, undeliverable=MAGIC_UNDELIVERABLE)


def dial(world: World, client: Client, number: str, tag: str = "t") -> str:
    """Dial a number; return the outcome."""
    client.ask("calling.dial", tag=tag, devices=[[phone(number)]])
    world.pass_time(40)
    outcome = client.events("call.dial", tag=tag)[-1]
    return str(outcome.get("reason", outcome["dial_state"]))


def outcomes(world: World, number: str, calls: int) -> list[str]:
    client = world.connect("office")
    return [dial(world, client, number, f"t{index}") for index in range(calls)]


def test_behaviours_come_in_turn_and_the_last_one_stays() -> None:
    world = World(make_config(lines=(Line(CHANGING, InTurn((Busy(), NoAnswer(), Answers()))),)))
    assert outcomes(world, CHANGING, 4) == ["busy", "noAnswer", "answered", "answered"]
    world.exchange.set_line(Line(CHANGING, InTurn((Declines(), Busy()))))
    assert outcomes(world, CHANGING, 3) == ["decline", "busy", "busy"]


def test_behaviours_that_come_in_turn_are_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least one behaviour"):
        InTurn(())


def test_a_line_changes_with_time_from_its_first_call_on() -> None:
    line = Line(CHANGING, OverTime(Busy(), ((40.0, Declines()), (120.0, Answers()))))
    world = World(make_config(lines=(line,)))
    world.pass_time(1000)
    assert outcomes(world, CHANGING, 4) == ["busy", "decline", "decline", "answered"]
    world.exchange.set_line(line)
    assert outcomes(world, CHANGING, 1) == ["busy"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+15550000001", ["answered"]),
        ("+15550000002", ["busy"]),
        ("+15550000003", ["noAnswer"]),
        ("+15550000004", ["not_found"]),
        ("+15550000005", ["decline"]),
        ("+15550000010", ["busy", "busy", "answered", "answered"]),
        ("+15550000011", ["busy", "answered"]),
    ],
)
def test_what_becomes_of_a_call_to_a_magic_number(number: str, expected: list[str]) -> None:
    assert outcomes(World(config()), number, len(expected)) == expected


@pytest.mark.parametrize(
    ("number", "kind", "expected"),
    [
        ("+15550000001", "machine", "HUMAN"),
        ("+15550000006", "machine", "READY"),
        ("+15550000007", "machine", "READY"),
        ("+15550000008", "fax", "CED"),
        ("+15550000009", "machine", "NOT_READY"),
        ("+15550000014", "machine", "UNKNOWN"),
    ],
)
def test_what_is_detected_at_a_magic_number(number: str, kind: str, expected: str) -> None:
    world = World(config())
    client = world.connect("office")
    client.ask("calling.dial", tag="t", devices=[[phone(number)]])
    world.pass_time(2.5)
    [answered] = client.events("call.dial", dial_state="answered")
    detect: Object = {"type": kind, "params": {}}
    client.verb("detect", answered["call"]["call_id"], control_id="d", detect=detect)
    world.pass_time(20)
    found = [event["detect"]["params"]["event"] for event in client.events("call.detect")]
    assert [event for event in found if event != "finished"][-1] == expected
    assert bool(world.story(What.BEEPED)) is (number == "+15550000006")


def test_a_full_machine_hangs_up_and_takes_no_message() -> None:
    world = World(config())
    client = world.connect("office")
    assert dial(world, client, "+15550000009") == "answered"
    assert world.story(What.SAID, What.STARTED, What.ENDED) == [
        "caller says “The mailbox is full. Goodbye.”",
        "caller ends the call: hangup",
    ]


def test_who_presses_a_key_and_who_hangs_up() -> None:
    world = World(config())
    client = world.connect("office")
    client.ask("calling.dial", tag="t", devices=[[phone("+15550000013")]])
    world.pass_time(3)
    [answered] = client.events("call.dial", dial_state="answered")
    call_id = answered["call"]["call_id"]
    for control_id in "abcdefg":
        menu = [{"type": "tts", "params": {"text": "Press 1."}}]
        client.verb("play", call_id, control_id=control_id, play=menu)
        world.pass_time(10)
    assert world.story(What.PRESSED) == ["caller presses 1"] * 5
    assert dial(world, client, "+15550000012", "u") == "answered"
    assert world.story(What.ENDED) == ["caller ends the call: hangup"]


def test_texts_to_a_number_that_does_not_exist_are_undelivered() -> None:
    world = World(config())
    client = world.connect("office")
    sent = {"context": "office", "from_number": OFFICE, "body": "Hello."}
    client.ask("messaging.send", to_number="+15550000001", **sent)
    client.ask("messaging.send", to_number="+15550000004", **sent)
    world.pass_time(10)
    states = client.values("messaging.state", "message_state")
    assert states[-2:] == ["delivered", "undelivered"]


@pytest.mark.parametrize("magic", MAGIC_NUMBERS, ids=lambda magic: magic.number)
def test_the_page_has_the_same_table(magic: Magic) -> None:
    assert f"| `{magic.number}` | {magic.does} |\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_has_no_other_numbers() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `+1555" in line]
    assert len(rows) == len(MAGIC_NUMBERS) == len({magic.number for magic in MAGIC_NUMBERS})
