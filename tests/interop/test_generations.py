"""SDKs of other languages and generations: each lives with our exchange.

Each of the programs in ``generations/`` does the same with the SDK of its name, as that
SDK's documentation has it. ``scripts/interop`` installs the SDKs, and names the directory
with them in `RELAY_INTEROP_SDKS`. ``pytest -s`` shows what the programs and the exchange said.

What an SDK itself cannot do is listed in `FAULTS`, with the reason.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import anyio
import pytest

from relay_anyio.simulator.setups import TRUST
from relay_proto.exchange import Hear, Press, Say, Wait, What
from tests.adapters.support import Certificates
from tests.interop.harness import FRIEND, Conversation, Program, running
from tests.interop.script import BUSY, DESK, HUMAN, IVR, OURS, SILENT, STUDIO
from tests.interop.table import Table

SDKS: Final = Path(os.environ.get("RELAY_INTEROP_SDKS", "sdks"))
PROGRAMS: Final = Path(__file__).with_name("generations")
CHECK_TIME: Final = 30.0
"""Seconds for one check. An SDK may take 10 s until it reconnects."""

pytestmark = pytest.mark.skipif(
    "RELAY_INTEROP_SDKS" not in os.environ,
    reason="the SDKs of other languages are not installed: scripts/interop installs them",
)


@dataclass(frozen=True)
class SDK:
    """An SDK, the program that uses it, its sessions, and the context of its texts."""

    name: str
    program: str
    sessions: int = 1
    texts: str = "office"

    @property
    def command(self) -> Sequence[str]:
        """The command that runs the program."""
        program = str(PROGRAMS / self.program)
        if self.program == "sdk_3.py":  # it is installed beside ours
            return [sys.executable, program]
        if self.program.endswith(".py"):
            return [str(SDKS / "python" / "bin" / "python"), program]
        return [shutil.which("node") or "node", program]

    def variables(self, certificates: Certificates) -> Mapping[str, str]:
        """The environment of the program, beside what points it at the exchange."""
        authority = str(certificates.ca_file)
        return {
            "NODE_PATH": str(SDKS / self.program.removesuffix(".js") / "node_modules"),
            **dict.fromkeys((*TRUST["node"], *TRUST["python-2"]), authority),
            "PYTHONPATH": "",
            "FRIEND": FRIEND,
            "OURS": OURS,
            "IVR": IVR,
            "DESK": DESK,
        }


NODE_4: Final = SDK("realtime-api 4 for Node", "realtime_4.js")
NODE_3: Final = SDK("realtime-api 3 for Node", "realtime_3.js", sessions=2, texts="texts")
NODE_2: Final = SDK("version 2 for Node", "relay_2.js")
PYTHON_2: Final = SDK("version 2 for Python", "relay_2.py")
PYTHON_3: Final = SDK("signalwire-sdk 3 for Python", "sdk_3.py")
ALL: Final = (NODE_4, NODE_3, NODE_2, PYTHON_3, PYTHON_2)


class Check:
    """One check: it sees only what the program prints from now on."""

    def __init__(self, sdk: SDK, program: Program) -> None:
        self.sessions = sdk.sessions
        self.program = program
        self.world = program.world
        self._begin = len(program.conversation.lines)

    @property
    def lines(self) -> list[str]:
        """What the program has printed since the check began."""
        return self.program.conversation.lines[self._begin :]

    async def learned(self, words: str) -> None:
        """Wait until the program has printed a line that begins so."""
        while not any(line.startswith(words) for line in self.lines):
            await self.program.more()


async def answer_a_prompt(check: Check) -> None:
    check.program.call(IVR, Hear("press 1"), Press("1"))
    await check.learned("over")
    assert {"chosen 1", "played"} <= {*check.lines}


async def bridge(check: Check) -> None:
    check.program.call(DESK)
    await check.learned("over")
    assert check.lines[:2] == ["bridge connected", "bridge disconnected"]


def visit_the_studio(check: Check) -> None:
    check.program.call(STUDIO, Say("Hello?"), Hear("please speak"), Say("I am here."))


async def detect(check: Check) -> None:
    visit_the_studio(check)
    await check.learned("over")
    assert check.lines[0].lower() == "detected human"


async def record(check: Check) -> None:
    visit_the_studio(check)
    await check.learned("over")
    assert check.lines[1].lower() == "recorded finished true"


async def dial(number: str, outcome: str, check: Check) -> None:
    check.program.text(f"dial {number}")
    await check.learned(f"{outcome} {number}")


async def receive_a_text(check: Check) -> None:
    check.program.text(f"dial {BUSY}")
    await check.learned(f"a text dial {BUSY}")
    await check.learned(f"nobody {BUSY}")


async def send_a_text(check: Check) -> None:
    check.program.text(f"text {HUMAN}")
    await check.learned("text delivered")


async def resume(check: Check) -> None:
    played = len(check.world.all(What.PLAY_ENDED))
    check.program.call(IVR, Hear("press 1"), Wait(14.0), Press("2"))
    await check.world.until(What.PLAY_ENDED, times=played + 1)  # no request is under way
    check.world.cut()
    await check.learned("over")
    assert {"chosen 2", "played"} <= {*check.lines}
    assert len(check.world.all(What.SESSION_RESUMED)) == check.sessions


async def recover(check: Check) -> None:
    started = len(check.world.all(What.SESSION_STARTED))
    check.world.forget_sessions()
    await check.world.until(What.SESSION_STARTED, times=started + check.sessions)
    await anyio.sleep(1.0)  # an SDK subscribes to its contexts only after that
    await answer_a_prompt(check)


CHECKS: Final[Mapping[str, Callable[[Check], Awaitable[None]]]] = {
    "prompt and digit": answer_a_prompt,
    "dial answered": partial(dial, HUMAN, "reached"),
    "dial busy": partial(dial, BUSY, "nobody"),
    "dial without answer": partial(dial, SILENT, "nobody"),
    "record": record,
    "detect": detect,
    "bridge and its end": bridge,
    "text and its delivery": send_a_text,
    "inbound text": receive_a_text,
    "resume after a cut": resume,
    "recovery after a restart": recover,
}
FAULTS: Final[Mapping[tuple[str, str], str]] = {
    ("relay_2.py", "resume after a cut"): "it names no session, so its calls are lost",
}


async def run(sdk: SDK, directory: Path) -> tuple[Conversation, Mapping[str, BaseException | None]]:
    """Let the program of an SDK go through all checks; return how each ended."""
    certificates = Certificates(directory)
    conversation = Conversation()
    outcomes: dict[str, BaseException | None] = {}
    patience = CHECK_TIME * (len(CHECKS) + 1)
    variables = sdk.variables(certificates)
    async with running(
        sdk.command,
        certificates,
        conversation,
        variables=variables,
        patience=patience,
        texts=sdk.texts,
    ) as program:
        await program.world.until(What.SESSION_STARTED, times=sdk.sessions)
        await program.learned("ready")
        for name, check in CHECKS.items():
            try:
                with anyio.fail_after(CHECK_TIME):
                    await check(Check(sdk, program))
                outcomes[name] = None
            except (AssertionError, TimeoutError) as error:
                outcomes[name] = error
        if program.process.returncode is None:
            program.process.terminate()
    conversation.happened = program.world.happened
    return conversation, outcomes


@pytest.fixture(scope="module")
def outcomes_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[SDK], Mapping[str, BaseException | None]]:
    """How the checks of an SDK ended. Each program runs once."""

    @cache
    def outcomes_of(sdk: SDK) -> Mapping[str, BaseException | None]:
        directory = tmp_path_factory.mktemp("certificates")
        conversation, outcomes = anyio.run(partial(run, sdk, directory))
        conversation.show(sdk.name)
        print(conversation.errors)
        return outcomes

    return outcomes_of


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("sdk", ALL, ids=lambda sdk: sdk.name)
def test_an_sdk_lives_with_the_exchange(
    outcomes_of: Callable[[SDK], Mapping[str, BaseException | None]],
    table: Table,
    sdk: SDK,
    name: str,
) -> None:
    error = outcomes_of(sdk)[name]
    fault = FAULTS.get((sdk.program, name), "")
    table.note(name, sdk.name, fault=fault, works=error is None)
    if fault:
        assert error is not None, "this fault is gone: remove it from FAULTS"
        pytest.xfail(fault)
    if error is not None:
        raise error
