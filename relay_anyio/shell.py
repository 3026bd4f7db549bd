"""``relay shell``: a Python shell with a client that is connected, and ``await``.

The event loop runs in a thread of its own, and so it never stands still while the
shell waits for somebody to type. All that is typed is run there.
"""

from __future__ import annotations

import ast
import code
import inspect
import os
import random
import signal
import socket
import ssl
import sys
import threading
import time
import traceback
import types
from collections import deque
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import anyio
from anyio.from_thread import BlockingPortal

import relay_anyio
from relay_proto.config import ENV_JWT, ENV_PROJECT, ENV_TOKEN
from relay_proto.display import one_line
from relay_proto.errors import RelayError
from relay_proto.exchange import (
    Account,
    Caller,
    Exchange,
    ExchangeConfig,
    HangUp,
    Happened,
    Hear,
    Press,
    Say,
    Step,
    Wait,
)
from relay_proto.server import ServerConfig

from ._background import EventLoop, running_loop
from ._here import check_installed
from ._log import quiet_log
from ._output import OUTPUT, CommandError, OutputError, temporary_directory
from .client import RelayClient

ENDED: Final = 143
"""The exit code after SIGTERM, as the shell gives it."""
CONNECT_TIMEOUT: Final = 30.0
CLOSE_TIMEOUT: Final = 10.0
"""Seconds that the client has to disconnect at the end. What blocks the loop is then left."""
MOST_STORY: Final = 1000
"""Lines of the simulator that are remembered."""
REPEAT_INTERVAL: Final = 0.2
"""Seconds between two times that SIGTERM is repeated, until it is noticed."""
FILE: Final = "<relay shell>"

PROJECT: Final = "shell-project"
TOKEN: Final = "shell-token"
NUMBER: Final = "+15550002222"
CALLER: Final = "+15550001111"

HINT: Final = """\
Python {version}, relay-proto {relay}. You may use 'await'. Ctrl+D or exit() ends the shell.
  client    is connected to {host} (contexts: {contexts})
  calls     the calls that come in: call = await anext(calls)
"""
SIMULATOR_HINT: Final = """\
There are no credentials in the environment, so this is a simulator.
  call_me() lets somebody call. With steps: call_me(Hear("press"), Press("1"))
  story()   prints what has happened
Try this, line by line:
  call_me(Hear("digit"), Press("7"))
  call = await anext(calls)
  await call.answer()
  action = await call.prompt_tts("Press a digit.", collecting(digits=digits(1)))
  await action.wait(); action.digits
  await call.hangup()
"""


def run(*, backend: str, contexts: Sequence[str]) -> int:
    """Run the shell until the end of its input; return the exit code.

    Raises:
        CommandError: the client cannot be connected.
    """
    try:
        check_installed(backend)
    except ImportError as error:
        raise CommandError(str(error)) from None
    with _sigterm_raises():
        session = _Session(backend, contexts)
        try:
            names, hint = session.open()
            if sys.stdin is not None and sys.stdin.isatty():
                OUTPUT.write(hint)
                OUTPUT.flush()
                _complete(names)
                shell = _Shell(session, names)
                shell.interact(banner="", exitmsg="")
            else:
                _run_all(session, names)
        except SystemExit as error:
            return _exit_code(error)
        finally:
            session.close()
    return 0


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    _tell(f"{error.code}\n")
    return 1


@contextmanager
def _sigterm_raises() -> Generator[None]:
    """Let SIGTERM raise `SystemExit` in the main thread, whatever that waits for."""
    noticed = threading.Event()
    ear, bell = socket.socketpair()
    bell.setblocking(False)

    def end(number: int, frame: object) -> NoReturn:
        del number, frame
        noticed.set()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(ENDED)

    def repeat() -> None:
        # A signal that comes just before readline sleeps does not wake it.
        while number := ear.recv(1):
            while number[0] == signal.SIGTERM and not noticed.wait(REPEAT_INTERVAL):
                signal.pthread_kill(main, signal.SIGTERM)

    main = threading.get_ident()
    repeater = threading.Thread(target=repeat, name="relay shell signals", daemon=True)
    handler_before = signal.signal(signal.SIGTERM, end)
    bell_before = signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
    repeater.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(bell_before)
        signal.signal(signal.SIGTERM, handler_before)
        noticed.set()
        bell.close()
        repeater.join()
        ear.close()


class _Shell(code.InteractiveConsole):
    """Reads statements, and lets the session run them."""

    def __init__(self, session: _Session, names: dict[str, Any]) -> None:
        super().__init__(names, filename=FILE)
        self._session = session
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def runcode(self, code: types.CodeType) -> None:
        """See `code.InteractiveInterpreter`."""
        error = self._session.run_code(code, self.locals)
        if error is not None:
            self.write(_described(error))


def _run_all(session: _Session, names: dict[str, Any]) -> None:
    """Run what is piped into the shell, as Python does: up to the first failure."""
    source = "" if sys.stdin is None else sys.stdin.read()
    try:
        compiled = compile(source, FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError) as error:
        failure: BaseException | None = error.with_traceback(None)
    else:
        failure = session.run_code(compiled, names)
    if isinstance(failure, KeyboardInterrupt | OutputError):
        raise failure
    if isinstance(failure, BrokenPipeError):
        raise OutputError from failure
    if failure is not None:
        _tell(_described(failure))
        raise SystemExit(1)


def _tell(words: str) -> None:
    with suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(words)


def _described(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "\nKeyboardInterrupt\n"
    return "".join(traceback.format_exception(error))


def _complete(names: dict[str, Any]) -> None:
    """Complete names by the Tab key, where there is readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    bsd = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if bsd else "tab: complete")


class _Session:
    """An event loop in a thread, and in it a client, and a simulator if one is needed."""

    def __init__(self, backend: str, contexts: Sequence[str]) -> None:
        self._backend = backend
        self._contexts = tuple(contexts)
        self._opened: Future[tuple[dict[str, Any], str]] = Future()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay shell", daemon=True)
        self._portal: BlockingPortal
        self._stop: anyio.Event
        self._loop: EventLoop

    def open(self) -> tuple[dict[str, Any], str]:
        """Start it; return the names of the shell, and the words that explain them."""
        self._thread.start()
        self._begun.wait()
        return self._opened.result()

    def close(self) -> None:
        """End it. What blocks the event loop is left behind: its thread is a daemon."""
        if self._begun.is_set():
            with suppress(AttributeError, RuntimeError):  # it has ended by itself, or never begun
                self._loop.post(self._stop.set)  # which does not wait for a loop that is blocked
        self._thread.join(CLOSE_TIMEOUT)

    def run_code(self, compiled: types.CodeType, names: dict[str, Any]) -> BaseException | None:
        """Run statements in the event loop; return what they raised.

        Raises:
            SystemExit: they have ended the shell, or SIGTERM has.
        """
        future = self._portal.start_task_soon(partial(_evaluate, compiled, names))
        try:
            error = future.result()
        except KeyboardInterrupt as interrupt:  # Ctrl+C, here in the main thread
            future.cancel()
            with suppress(CancelledError):
                future.result()
            return interrupt
        except CancelledError as cancelled:
            return cancelled.with_traceback(None)
        if isinstance(error, SystemExit):
            raise error
        return error

    def _run(self) -> None:
        try:
            anyio.run(self._serve, backend=self._backend)
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
        finally:
            self._begun.set()

    async def _serve(self) -> None:
        self._stop, self._loop = anyio.Event(), running_loop()
        async with BlockingPortal() as self._portal, anyio.create_task_group() as tasks:
            tasks.start_soon(self._cancel_when_stopped, tasks.cancel_scope)
            self._begun.set()
            async with _simulator_if_needed() as (given, more, hint):
                await self._serve_client(given, more, hint)

    async def _cancel_when_stopped(self, scope: anyio.CancelScope) -> None:
        await self._stop.wait()
        await self._portal.stop(cancel_remaining=True)
        scope.cancel()

    async def _serve_client(self, given: dict[str, Any], more: dict[str, Any], hint: str) -> None:
        try:
            client = RelayClient(contexts=self._contexts, **given)
        except (TypeError, ValueError) as error:
            raise CommandError(str(error)) from error
        calls = client.calls()
        try:
            try:
                with quiet_log():
                    await client.connect(timeout=CONNECT_TIMEOUT)
            except RelayError as error:
                raise CommandError(str(error)) from error
            names = {name: getattr(relay_anyio, name) for name in relay_anyio.__all__}
            names |= {"__name__": "__main__", "anyio": anyio, "relay_anyio": relay_anyio}
            names |= {**more, "client": client, "calls": calls}
            self._opened.set_result((names, self._hint(client) + hint))
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await client.disconnect(hang_up=True)

    def _hint(self, client: RelayClient) -> str:
        return HINT.format(
            version=".".join(map(str, sys.version_info[:3])),
            relay=relay_anyio.__version__,
            host=client.host,
            contexts=" ".join(self._contexts) or "none",
        )


async def _evaluate(compiled: types.CodeType, names: dict[str, Any]) -> BaseException | None:
    """Run what was typed; return what it raised, with its own part of the traceback."""
    try:
        result = types.FunctionType(compiled, names)()
        if inspect.iscoroutine(result):
            await result
    except anyio.get_cancelled_exc_class():
        raise
    except BaseException as error:  # noqa: BLE001 - it is shown
        return error.with_traceback(_own_part(error.__traceback__))
    return None


def _own_part(part: types.TracebackType | None) -> types.TracebackType | None:
    while part is not None and part.tb_frame.f_code.co_filename != FILE:
        part = part.tb_next
    return part


@asynccontextmanager
async def _simulator_if_needed() -> AsyncGenerator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Arguments for the client, names for the shell, and words about them."""
    if any(os.environ.get(variable) for variable in (ENV_PROJECT, ENV_TOKEN, ENV_JWT)):
        yield {}, {}, ""
        return
    from .simulator.certificates import NAMES, Authority
    from .simulator.server import Simulator

    story: deque[str] = deque(maxlen=MOST_STORY)
    started = anyio.current_time()

    def tell(happened: Happened) -> None:
        story.append(f"{happened.at - started:7.2f}  {one_line(happened.text)}")

    with temporary_directory("relay-shell-") as state:
        authority = Authority(Path(state))
        config = ExchangeConfig(
            accounts=(Account(project=PROJECT, token=TOKEN),),
            numbers={NUMBER: "office"},
            epoch=time.time() - anyio.current_time(),
            server=ServerConfig(hosts=frozenset(NAMES)),
        )
        exchange = Exchange(config, random.SystemRandom())
        simulator = Simulator(exchange, authority.server_context(), tell)
        context = ssl.create_default_context(cafile=str(authority.ca_file))

        def call_me(*steps: Step) -> None:
            """Let somebody call, who takes these steps once you have answered."""
            simulator.command(exchange.place_call, Caller(CALLER, steps), to=NUMBER)

        def tell_story() -> None:
            """Print what has happened in the simulated network."""
            OUTPUT.write("".join(f"{line}\n" for line in story))

        names = {
            **{kind.__name__: kind for kind in (Hear, Say, Wait, Press, HangUp)},
            "call_me": call_me,
            "story": tell_story,
        }
        async with anyio.create_task_group() as tasks:
            port: int = await tasks.start(simulator.serve)
            given = {
                "project": PROJECT,
                "token": TOKEN,
                "host": f"localhost:{port}",
                "proxy": False,
                "ssl_context": context,
            }
            yield given, names, SIMULATOR_HINT
            tasks.cancel_scope.cancel()
