"""docs/lab-api.md: its tables are those of the code, and its four stories are one."""

from __future__ import annotations

import re
import shlex
import tomllib

from relay_proto.exchange import What, read_scenario
from tests.lab.harness import LabRunner
from tests.lab.pages import PAGE, page_with_tables
from tests.lab.test_commands import program

TEXT = PAGE.read_text("utf-8")
STORY = ["called", "pressed", "said", "ended"]


def test_the_tables_on_the_page_are_written() -> None:
    assert page_with_tables() == TEXT


def block(after: str, language: str) -> str:
    """The first block of code of a language after some words."""
    found = re.search(rf"```{language}\n(.*?)```", TEXT[TEXT.index(after) :], re.DOTALL)
    assert found is not None
    return found[1]


def test_the_story_in_a_shell(lab: LabRunner) -> None:
    from relay_anyio.cli import main

    with program(lab):
        for line in block("**In a shell:**", "sh").splitlines():
            words = shlex.split(line.partition(" > ")[0])
            assert words[:2] == ["relay", "lab"]
            assert main(["lab", "--lab", lab.url, *words[2:]]) == 0
            settle(lab, words[2])
    assert told(lab) == STORY


def test_the_story_with_curl(lab: LabRunner) -> None:
    with program(lab):
        for line in block("**With curl,**", "sh").splitlines()[2:]:
            words = shlex.split(line)
            path = words[1].removeprefix("$lab")
            if "-d" in words:
                lab.post(path, words[words.index("-d") + 1].encode())
            else:
                lab.get(path)
            settle(lab, path.rpartition("/")[2])
    assert told(lab) == STORY


def test_the_story_in_a_file(lab: LabRunner) -> None:
    text = block("**In a scenario file,**", "toml")
    [scheduled] = read_scenario(tomllib.loads(text)).schedule
    assert scheduled.at == 1.0
    with program(lab) as client:
        client.on_call(prompt)
        lab.ask("POST", "/api/scenarios", text.encode(), content_type="application/toml")
        lab.until("/api/events?what=ended", lambda now: bool(now["events"]))
    assert told(lab) == STORY


def prompt(call: object) -> None:
    import relay_sync

    assert isinstance(call, relay_sync.Call)
    call.answer()
    call.play([relay_sync.tts("Please press one.")])
    call.wait_for_ended()


def settle(lab: LabRunner, act: str) -> None:
    """Wait until what was done has happened, as a person does who watches."""
    if act in ("call", "calls"):
        lab.until_call("last", lambda now: now["state"] == "answered")
    elif act in ("press", "say"):
        what = {"press": What.PRESSED, "say": What.SAID}[act].value
        lab.until(f"/api/events?what={what}", lambda now: bool(now["events"]))


def told(lab: LabRunner) -> list[str]:
    """What the caller did."""
    return [event["what"] for event in lab.get("/api/events?who=caller")["events"]]


def test_the_limits_on_the_page_are_those_of_the_lab() -> None:
    from relay_anyio.lab import calls, lab, texts

    named = (
        f"{lab.MOST_EVENTS:,} events and {lab.MOST_FRAMES:,} frames, {calls.MOST_ENDED} ended calls"
    )
    assert f"{named}, {texts.MOST_TEXTS:,} texts" in TEXT
    assert calls.MOST_ACTIONS == calls.MOST_HEARD
    assert f"last {calls.MOST_HEARD} actions and sounds of each call" in TEXT
