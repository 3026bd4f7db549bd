"""The same programs on asyncio, on trio and on threads have the same stories."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import pytest

import relay_anyio.testing
import relay_sync.testing
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    HangUp,
    Hear,
    Machine,
    Press,
    Say,
    Step,
    Story,
    Wait,
    What,
)

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
ANNA, OFFICE, TO = "+15550001111", "+15550002222", "+15550003000"
Runtime: TypeAlias = Literal["asyncio", "trio", "threads"]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch, environment: None) -> None:
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", "project")
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "token")


@pytest.fixture(params=["asyncio", "trio", "threads"], name="runtime")
def runtime_by_name(request: pytest.FixtureRequest) -> Runtime:
    runtime: Runtime = request.param
    return runtime


def example(name: str, runtime: Runtime) -> dict[str, Any]:
    suffix = "_sync" if runtime == "threads" else ""
    return runpy.run_path(str(EXAMPLES / f"{name}{suffix}.py"))


def called(name: str, runtime: Runtime, *callers: Caller) -> Story:
    """Rehearse an example that takes calls."""
    client = example(name, runtime)["client"]
    if runtime == "threads":
        return relay_sync.testing.rehearse(client, *callers)
    return relay_anyio.testing.rehearse(client, *callers, backend=runtime)


def dialed(runtime: Runtime, lines: Mapping[str, Behaviour]) -> tuple[str, Story]:
    """Rehearse the example that dials; return what it says as well."""
    remind: Callable[..., Any] = example("answering_machine", runtime)["remind"]
    told: list[str] = []
    text = (TO, OFFICE, "Your appointment is tomorrow at nine.")
    if runtime == "threads":
        client = relay_sync.RelayClient()

        def scene(stage: relay_sync.testing.Stage) -> None:
            told.append(remind(stage.client, *text))

        story = relay_sync.testing.rehearse(client, scene, lines=lines)
    else:

        async def async_scene(stage: relay_anyio.testing.Stage) -> None:
            told.append(await remind(stage.client, *text))

        async_client = relay_anyio.RelayClient()
        story = relay_anyio.testing.rehearse(
            async_client, async_scene, lines=lines, backend=runtime
        )
    return re.sub(r"dial \S+ failed", "the dial failed", told[0]), story


def lines(story: Story) -> list[str]:
    """The lines of a story, but for the last: the client leaves when somebody has looked."""
    return [one.line for one in story if one.what is not What.SESSION_AWAY]


CHOOSE: Final[dict[str, tuple[tuple[Step, ...], str]]] = {
    "sales": ((Hear("press 1"), Press("1")), "You have chosen sales"),
    "support, late": ((Hear("press 1"), Wait(9), Press("2")), "You have chosen support"),
    "nothing": ((), "That is not on the menu"),
    "hangs up": ((Hear("press 1"), HangUp()), "caller    ends the call"),
    "hangs up at once": ((HangUp(),), "caller    ends the call"),
}


@pytest.mark.parametrize("who", CHOOSE)
def test_the_ivr_has_one_story(who: str, runtime: Runtime) -> None:
    script, words = CHOOSE[who]
    story = called("ivr", runtime, Caller(ANNA, script), Caller(ANNA, script))
    assert story.text.count(words) == 2
    twice = Caller(ANNA, script), Caller(ANNA, script)
    assert lines(story) == lines(called("ivr", "asyncio", *twice))


LEAVE: Final[dict[str, tuple[Step, ...]]] = {
    "a message": (Wait(5), Say("It is me."), Press("#")),
    "a message, and hangs up": (Wait(5), Say("It is me."), HangUp()),
    "nothing": (),
    "hangs up": (HangUp(),),
}


@pytest.mark.parametrize("who", LEAVE)
def test_the_voicemail_has_one_story(who: str, runtime: Runtime) -> None:
    story = called("voicemail", runtime, Caller(ANNA, LEAVE[who]))
    assert len(story.all(What.ENDED)) == 1
    assert lines(story) == lines(called("voicemail", "asyncio", Caller(ANNA, LEAVE[who])))


ANSWER: Final[dict[str, tuple[Behaviour, str]]] = {
    "a person": (Answers(script=(Say("Hello?"),)), "human: heard the whole text"),
    "a machine": (Answers(nature=Machine()), "machine: heard the whole text"),
    "a person who hangs up": (Answers(script=(HangUp(),)), "nobody: did not hear it all"),
    "nobody": (Busy(), "nobody answered: the dial failed: busy"),
}


@pytest.mark.parametrize("who", ANSWER)
def test_the_dialer_has_one_story(who: str, runtime: Runtime) -> None:
    behaviour, told = ANSWER[who]
    said, story = dialed(runtime, {TO: behaviour})
    assert said == told
    assert lines(story) == lines(dialed("asyncio", {TO: behaviour})[1])
