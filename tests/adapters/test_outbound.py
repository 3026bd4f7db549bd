"""The commands `relay dial` and `relay text`: what they print, and their exit codes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Final, TypeAlias

import anyio.to_thread
import pytest

from relay_anyio.cli import main
from relay_proto.exchange import (
    Answers,
    Busy,
    Declines,
    ExchangeTiming,
    HangUp,
    Line,
    Machine,
    NoAnswer,
    Unreachable,
    Wait,
    What,
)
from tests.adapters.support import (
    ANSWERING,
    BUSY,
    DECLINING,
    LEAVING,
    OFFICE,
    PROJECT,
    SILENT,
    TOKEN,
    UNREACHABLE,
    Certificates,
    World,
    open_world,
)
from tests.adapters.test_environments import RELAY, finish, start

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.async_only("the command is a program of its own, on an event loop"),
]

MACHINE: Final = "+15550003010"
NOT_REACHED: Final = "+15550003011"
LONG: Final = " ".join(["and so on"] * 2000)

Command: TypeAlias = Callable[..., Awaitable[tuple[int, list[str], str]]]


@pytest.fixture
async def world(certificates: Certificates) -> AsyncGenerator[World]:
    """The service, with a machine, and a number that gets no texts."""
    machine = Machine("please speak after the beep")
    lines = (
        Line(ANSWERING, Answers(after=0.01)),
        Line(MACHINE, Answers(after=0.01, nature=machine)),
        Line(BUSY, Busy()),
        Line(DECLINING, Declines(after=0.01)),
        Line(SILENT, NoAnswer()),
        Line(UNREACHABLE, Unreachable()),
        Line(LEAVING, Answers(after=0.01, script=(Wait(0.05), HangUp()))),
    )
    timing = ExchangeTiming(
        ring_delay=0.01, reaction=0.01, character=0.001, text_step=0.01, detection=0.05
    )
    undeliverable = frozenset({NOT_REACHED})
    async with open_world(
        certificates, lines=lines, timing=timing, undeliverable=undeliverable
    ) as world:
        yield world


@pytest.fixture(name="relay")
def make_relay(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command as a program does: in a thread, with an event loop of its own."""
    monkeypatch.setenv("SIGNALWIRE_PROJECT_ID", PROJECT)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", TOKEN)

    async def run(*arguments: str, host: str = "") -> tuple[int, list[str], str]:
        given = [*arguments, "--host", host or world.host]
        code = await anyio.to_thread.run_sync(main, given)
        out, err = capsys.readouterr()
        return code, [line[9:] for line in out.splitlines()], err

    return run


async def test_the_words_are_said(world: World, relay: Command) -> None:
    code, said, err = await relay("dial", ANSWERING, "--from", OFFICE, "--say", "Hello.")
    assert (code, err) == (0, "")
    assert said[0] == f"dials {ANSWERING} from {OFFICE}"
    assert said[-1] == "ended: hangup"
    assert {"ringing", "answered", "the words are said"} <= {*said}
    assert "Hello." in world.all(What.PLAYED)[0].text


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (BUSY, 30, "nobody was reached: busy"),
        (SILENT, 31, "nobody was reached: noAnswer"),
        (DECLINING, 32, "nobody was reached: decline"),
        (UNREACHABLE, 33, "nobody was reached: not_found"),
    ],
)
async def test_the_exit_code_says_why_nobody_was_reached(
    relay: Command, number: str, code: int, words: str
) -> None:
    found, said, err = await relay(
        "dial", number, "--from", OFFICE, "--say", "Hello.", "--ring", "1"
    )
    assert (found, err) == (code, "")
    assert said[-1] == words


async def test_they_hang_up_before_the_words_are_over(relay: Command) -> None:
    code, said, _ = await relay("dial", LEAVING, "--from", OFFICE, "--say", LONG)
    assert code == 35
    assert {"the words were not said to the end", "ended: hangup"} <= {*said}


async def test_the_time_is_over(world: World, relay: Command) -> None:
    given = ("dial", ANSWERING, "--from", OFFICE, "--say", LONG, "--timeout", "0.5")
    code, said, _ = await relay(*given)
    assert code == 36
    assert said[-1] == "it was not over within 0.5 s, and is given up"
    await world.until(What.ENDED)


@pytest.mark.parametrize(
    ("number", "who"),
    [(ANSWERING, "who answered: human"), (MACHINE, "who answered: machine, and it has beeped")],
)
async def test_a_message_is_left(world: World, relay: Command, number: str, who: str) -> None:
    given = ("dial", number, "--from", OFFICE, "--say", "Hello.", "--leave-message")
    code, said, _ = await relay(*given)
    assert code == 0
    assert who in said
    order = [one.what for one in world.happened if one.what in (What.BEEPED, What.PLAYED)]
    assert order == ([What.BEEPED, What.PLAYED] if number == MACHINE else [What.PLAYED])


@pytest.mark.skipif(not RELAY.exists(), reason="the command is not installed here")
async def test_ctrl_c_hangs_up(world: World, certificates: Certificates) -> None:
    env = {
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
        "SIGNALWIRE_RELAY_CA_FILE": str(certificates.ca_file),
    }
    given = ("dial", ANSWERING, "--from", OFFICE, "--say", LONG, "--host", world.host)
    process: subprocess.Popen[str] = await anyio.to_thread.run_sync(partial(start, *given, env=env))
    await world.until(What.ANSWERED)
    process.send_signal(signal.SIGINT)
    await world.until(What.ENDED)
    code, _, err = await anyio.to_thread.run_sync(finish, process)
    assert (code, err) == (130, "")


async def test_a_text_is_delivered(relay: Command) -> None:
    code, said, err = await relay("text", ANSWERING, "--from", OFFICE, "Hello.")
    assert (code, err) == (0, "")
    assert said[0] == f"sends a text to {ANSWERING} from {OFFICE}"
    assert said[-1] == "delivered"
    assert "sent" in said


async def test_a_text_is_not_delivered(relay: Command) -> None:
    code, said, _ = await relay("text", NOT_REACHED, "--from", OFFICE, "Hello.")
    assert code == 40
    assert said[-1].startswith("undelivered")


async def test_the_token_is_wrong(relay: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "PT-another-one")
    code, said, err = await relay("text", ANSWERING, "--from", OFFICE, "Hello.")
    assert (code, said) == (18, [])
    assert "authentication failed" in err
    assert "relay doctor says what to do" in err
    assert "PT-another-one" not in err


async def test_nothing_listens(relay: Command, free_host: str) -> None:
    code, said, err = await relay("text", ANSWERING, "--from", OFFICE, "Hello.", host=free_host)
    assert (code, said) == (1, [])
    assert "nothing is listening there" in err


async def test_the_settings_are_wrong(relay: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGNALWIRE_API_TOKEN")
    code, _, err = await relay("text", ANSWERING, "--from", OFFICE, "Hello.")
    assert code == 1
    assert "token is missing" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dial", "5550003000", "--from", OFFICE, "--say", "x"), "is no telephone number"),
        (("dial", ANSWERING, "--from", OFFICE, "--say", "x", "--ring", "0"), "1 to 600"),
        (("text", ANSWERING, "x"), "--from"),
    ],
)
def test_wrong_arguments(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
