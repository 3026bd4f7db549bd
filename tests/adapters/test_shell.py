"""The command `relay shell`: in a terminal, and with a program that is piped into it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from relay_proto.exchange import What
from tests.adapters.support import PROJECT, TOKEN, World
from tests.adapters.test_environments import ASCII, DEADLINE, RELAY, finish, start

pytestmark = pytest.mark.skipif(
    not RELAY.exists() or sys.platform == "win32", reason="the command is not installed here"
)

PROMPT: Final = ">>> "
DIALOGUE: Final = """
call_me(Hear("digit"), Press("7"))
call = await anext(calls)
await call.answer()
action = await call.prompt_tts("Press a digit.", collecting(digits=digits(1)))
await action.wait()
print("pressed", action.digits)
await call.hangup()
other = await client.dial_phone("+15550003000", "+15550002222")
print("dialled", other.state)
story()
"""
CREDENTIALS: Final = {"SIGNALWIRE_PROJECT_ID": "p", "SIGNALWIRE_API_TOKEN": "t"}


def run(source: str, *arguments: str, **options: Any) -> tuple[int, str, str]:
    """Pipe a program into a shell, in an environment that has nothing but what is given."""
    process = start("shell", *arguments, stdin=subprocess.PIPE, **options)
    assert process.stdin is not None
    process.stdin.write(source)
    process.stdin.close()
    process.stdin = None
    return finish(process)


class Terminal:
    """A shell in a terminal, and somebody who reads and types."""

    def __init__(self, process: subprocess.Popen[str], terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self._unread = ""
        self.greeting = ""

    def reads(self, words: str) -> str:
        """Wait until these words are shown; return what was shown before them."""
        ends_at = time.monotonic() + DEADLINE
        while words not in self._unread:
            ready, _, _ = select.select([self._terminal], [], [], ends_at - time.monotonic())
            assert ready, f"{words!r} is not in {self._unread!r}"
            self._unread += os.read(self._terminal, 65536).decode()
        before, _, self._unread = self._unread.partition(words)
        return before

    def interrupts(self) -> str:
        """Press Ctrl+C; return what is shown before the next prompt.

        Python hears of a signal only with the next key, if it comes between the prompt and the
        wait for a key. So press it again, as people do.
        """
        ends_at = time.monotonic() + DEADLINE
        while time.monotonic() < ends_at:
            self.process.send_signal(signal.SIGINT)
            if self._unread or select.select([self._terminal], [], [], 2.0)[0]:
                break
        return self.reads(PROMPT)

    def types(self, text: str) -> None:
        """Type this."""
        os.write(self._terminal, text.encode())

    def asks(self, line: str) -> str:
        """Type a line, and read what it shows."""
        self.types(line + "\n")
        return self.reads(PROMPT)

    def ends(self) -> int:
        """Wait until the shell has ended; return its exit code."""
        return self.process.wait(DEADLINE)


@contextmanager
def terminal(tmp_path: Path, *arguments: str, **variables: str) -> Generator[Terminal]:
    """A shell that has shown its first prompt. It must leave nothing behind."""
    mine, its = os.openpty()
    env = {"TERM": "dumb", "TMPDIR": str(tmp_path), **variables}
    # A terminal of its own, in which nothing else runs: so no signal of it hits the tests.
    options = {"stdin": its, "stdout": its, "stderr": its, "start_new_session": True}
    process = start("shell", *arguments, env=env, **options)
    os.close(its)
    try:
        shell = Terminal(process, mine)
        shell.greeting = shell.reads(PROMPT)
        yield shell
        assert not any(tmp_path.iterdir()), "the simulator's authority is left behind"
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        process.kill()
        process.wait()
        os.close(mine)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_piped_program_talks_to_a_simulated_caller(backend: str) -> None:
    code, out, err = run(DIALOGUE, "--backend", backend)
    assert (code, err) == (0, "")
    assert "pressed 7" in out
    assert "dialled answered" in out
    assert "offers the call to the context office" in out
    assert PROMPT not in out


@pytest.mark.parametrize(
    "env", [{}, {"HOME": "/dev/null/home"}, ASCII], ids=["nothing", "no home", "ascii"]
)
def test_it_needs_nothing_of_its_environment(env: dict[str, str]) -> None:
    source = "import sys\nprint(client.state.value, 'rich' in sys.modules)\n" + DIALOGUE
    code, out, err = run(source, env=env)
    assert (code, err) == (0, "")
    assert "ready False" in out


def test_the_first_failure_ends_a_piped_program_and_shows_its_own_lines() -> None:
    with start("shell", stdin=subprocess.PIPE) as process:
        source = "print(1)\nawait anyio.sleep(0)\n1/0\nprint(2)\n"
        out, err = process.communicate(source, timeout=DEADLINE)
    assert (process.returncode, out) == (1, "1\n")
    assert err == (
        "Traceback (most recent call last):\n"
        '  File "<relay shell>", line 3, in <module>\n'
        "ZeroDivisionError: division by zero\n"
    )


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("exit()", 0, ""),
        ("import sys; sys.exit(5)", 5, ""),
        ("raise SystemExit('enough')", 1, "enough\n"),
        ("print((", 1, "SyntaxError: '(' was never closed\n"),
        ("raise KeyboardInterrupt", 130, ""),
        ("import asyncio; raise asyncio.CancelledError", 1, "CancelledError\n"),
    ],
)
def test_a_piped_program_ends_as_it_says(source: str, code: int, words: str) -> None:
    found, out, err = run(source)
    assert (found, out) == (code, "")
    assert err.endswith(words)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"SIGNALWIRE_PROJECT_ID": "p"}, "relay: token is missing"),
        (
            {**CREDENTIALS, "SIGNALWIRE_SPACE": "localhost:1"},
            "relay: cannot connect to localhost:1",
        ),
        (
            {**CREDENTIALS, "SIGNALWIRE_SPACE": "https://localhost"},
            "relay: SIGNALWIRE_SPACE",
        ),
    ],
)
def test_what_does_not_work_is_one_line(env: dict[str, str], words: str) -> None:
    code, out, err = run("print(1)", env=env)
    assert (code, out) == (1, "")
    assert err.startswith(words)
    assert len(err.splitlines()) == 1


@pytest.mark.anyio
async def test_with_credentials_it_connects_to_the_service(world: World) -> None:
    env = {
        "SIGNALWIRE_PROJECT_ID": PROJECT,
        "SIGNALWIRE_API_TOKEN": TOKEN,
        "SIGNALWIRE_SPACE": world.host,
        "SIGNALWIRE_RELAY_CA_FILE": os.environ["SIGNALWIRE_RELAY_CA_FILE"],
    }
    source = "print(client.state.value, client.contexts, 'call_me' in globals())"
    shell = partial(run, source, "--context", "sales", "--context", "support", env=env)
    code, out, err = await anyio.to_thread.run_sync(shell)
    assert (code, out, err) == (0, "ready ['sales', 'support'] False\n", "")
    await world.until(What.SESSION_AWAY)


def test_nobody_reads_what_a_piped_program_prints() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        code, _, err = run("for i in range(100000): print(i)", stdout=nobody)
    assert (code, err) == (141, "")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_somebody_types_statements_and_gets_answers(tmp_path: Path, backend: str) -> None:
    with terminal(tmp_path, "--backend", backend) as shell:
        assert "call_me()" in shell.greeting
        assert "localhost:" in shell.greeting
        assert "<RelayClient localhost:" in shell.asks("client")
        shell.asks('call_me(Hear("hello"), HangUp())')
        assert "inbound" in shell.asks("call = await anext(calls); call")
        shell.asks("await call.answer()")
        shell.types("async def greet():\n    await call.play_tts('hello')\n\n")
        shell.reads(PROMPT)
        shell.asks("await greet()")
        assert "hangup" in shell.asks("(await call.wait_for_ended()).end_reason")
        assert "ZeroDivisionError" in shell.asks("1/0")
        assert "SyntaxError" in shell.asks("1 1")
        shell.types("\x04")
        assert shell.ends() == 0


def test_ctrl_c_ends_what_is_awaited_and_not_the_shell(tmp_path: Path) -> None:
    with terminal(tmp_path) as shell:
        shell.types("print('wai' + 'ting'); await anyio.sleep_forever()\n")
        shell.reads("waiting")
        assert "KeyboardInterrupt" in shell.interrupts()
        assert "KeyboardInterrupt" in shell.interrupts()
        assert "ready" in shell.asks("client.state.value")
        shell.types("exit(3)\n")
        assert shell.ends() == 3


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "print('bu' + 'sy'); await anyio.sleep_forever()\n",
        "import time; print('bu' + 'sy'); time.sleep(3600)\n",  # which blocks the event loop
    ],
)
def test_sigterm_ends_it_whatever_it_does(tmp_path: Path, statement: str) -> None:
    with terminal(tmp_path) as shell:
        shell.types(statement)
        if statement:
            shell.reads("busy")
        shell.process.terminate()
        assert shell.ends() == 143


def test_the_tab_key_completes_names(tmp_path: Path) -> None:
    pytest.importorskip("readline")
    with terminal(tmp_path) as shell:
        shell.types("'<' + client.relay_pro\t[:10] + '>'\n")
        assert "client.relay_protocol" in shell.reads(PROMPT)
        shell.types("\x04")
        assert shell.ends() == 0
