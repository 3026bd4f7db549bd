"""Programs in a bad office: they answer calls through whatever is between them and the service.

`main` runs one of them in a process of its own. All it knows, it knows from its environment,
as a program in a real office does. Its office is bad: some lookups of the proxy's name never
end, one of the proxy's addresses says nothing, and tokens come late, or too late.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import trio

import relay_anyio
import relay_sync
from relay_anyio import CallEndedError, Connected, ConnectionLostError, Disconnected, Timing
from relay_proto.api.shapes import Collect, Media
from relay_proto.exchange import make_jwt

VARIABLE: Final = "BAD_OFFICE"
"""Where a program finds its `Office`, as JSON."""
PROXY_NAME: Final = "proxy.office.test"
PROMPT: Final[list[Media]] = [{"type": "tts", "params": {"text": "Please press a digit."}}]
GOODBYE: Final[list[Media]] = [{"type": "tts", "params": {"text": "Goodbye."}}]
ONE_DIGIT: Final[Collect] = {"digits": {"max": 1}, "initial_timeout": 10.0}
FORGETFUL: Final = "+15550001313"
"""Whoever calls from this number meets a handler that cancels itself."""


@dataclass(frozen=True, kw_only=True)
class Office:
    """What is bad about an office, and what a program needs to know to work there."""

    jwt_secret: str
    jwt_lifetime: float
    proxy_ports: Sequence[int]
    """Where the proxy's name leads: one port for each of its addresses."""
    lookups_that_hang: Sequence[int] = (1, 4)
    issues_that_fail: Sequence[int] = (2,)
    """The issuer of tokens does not answer these requests."""
    issues_too_late: Sequence[int] = (4,)
    """To these requests it answers with a token that has expired."""
    timing: dict[str, float] = field(default_factory=dict[str, float])
    root: str = ""
    """The company's root, for `ssl_context`; without it, the environment names it."""

    def variable(self) -> dict[str, str]:
        """The environment of a program that works here."""
        return {VARIABLE: json.dumps(asdict(self))}

    def arguments(self) -> dict[str, Any]:
        """The arguments of a client that works here."""
        given: dict[str, Any] = {"contexts": ["office"], "jwt_token": Issuer(self)}
        if self.root:
            given["ssl_context"] = ssl.create_default_context(cafile=self.root)
        return given | {"timing": Timing(**self.timing)}


class Issuer:
    """Issues tokens, and has its bad moments."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._asked = 0

    def __call__(self) -> str:
        self._asked += 1
        if self._asked in self._office.issues_that_fail:
            say("the issuer of tokens does not answer")
            raise OSError("the issuer of tokens does not answer")
        late = self._asked in self._office.issues_too_late
        say("gets a token that has expired" if late else "gets a token")
        lifetime = -1.0 if late else self._office.jwt_lifetime
        return make_jwt(self._office.jwt_secret, expires_at=time.time() + lifetime)


def break_lookups(office: Office) -> None:
    """Let this process look names up as badly as the office's resolver does."""
    begun: list[str] = []
    never = threading.Event()

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        assert host == PROXY_NAME, f"{host} is the proxy's business"
        begun.append(host)
        if len(begun) in office.lookups_that_hang:
            say("waits for the resolver, which never answers")
            never.wait()
        tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*tcp, ("127.0.0.1", port)) for port in office.proxy_ports]

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]


def say(words: str) -> None:
    """Print a line."""
    print(words, flush=True)


def connected(event: Connected) -> None:
    """Say that there is a session."""
    say("is back in its session" if event.resumed else "has a new session")


def disconnected(event: Disconnected) -> None:
    """Say why there is no session."""
    say(f"is not connected: {event.error or 'it leaves'}")


# With ``await``


async def serve(call: relay_anyio.Call) -> None:
    """Serve one caller."""
    await answer(call)
    if call.from_number == FORGETFUL:
        await cancel_myself(call)
    digit = ""
    while not digit:
        try:
            menu = await call.play_and_collect(PROMPT, ONE_DIGIT)
            await menu.wait()
            digit = menu.digits or ""
        except ConnectionLostError:
            say(f"asks {call.from_number} again")
    say(f"has served {call.from_number}, who pressed {digit}")
    await hang_up(call)


async def answer(call: relay_anyio.Call) -> None:
    """Answer, even if the connection is lost meanwhile."""
    while call.state != "answered":
        try:
            await call.answer()
            await call.wait_for_answered()
        except ConnectionLostError:
            say(f"does not know whether {call.from_number} is answered")


async def hang_up(call: relay_anyio.Call) -> None:
    """Say goodbye, even if the connection is lost meanwhile."""
    while not call.ended:
        try:
            await (await call.play(GOODBYE)).wait()
            await call.hangup()
            await call.wait_for_ended()
        except ConnectionLostError:
            say(f"does not know whether {call.from_number} is gone")
        except CallEndedError:
            return


async def cancel_myself(call: relay_anyio.Call) -> None:
    """Cancel the task of this handler."""
    say(f"cancels its own handler of {call.from_number}")
    try:
        task = asyncio.current_task()
    except RuntimeError:  # this is trio
        with trio.CancelScope() as scope:
            scope.cancel()
            await call.play(PROMPT)
        raise Forgetful from None
    assert task is not None
    task.cancel()
    await call.play(PROMPT)


class Forgetful(BaseException):
    """What a handler raises that has forgotten what it does. It is not even an `Exception`."""


def work(office: Office, backend: str) -> None:
    """Serve callers until SIGTERM."""
    client = relay_anyio.RelayClient(**office.arguments())
    client.on_call(serve)
    client.on_connected(connected)
    client.on_disconnected(disconnected)
    client.run(backend=backend)


# Without ``await``


def serve_in_thread(call: relay_sync.Call) -> None:
    """Serve one caller."""
    while call.state != "answered":
        try:
            call.answer()
            call.wait_for_answered()
        except ConnectionLostError:
            say(f"does not know whether {call.from_number} is answered")
    if call.from_number == FORGETFUL:
        say(f"cancels its own handler of {call.from_number}")
        raise CancelledError
    digit = ""
    while not digit:
        try:
            menu = call.play_and_collect(PROMPT, ONE_DIGIT)
            menu.wait()
            digit = menu.digits or ""
        except ConnectionLostError:
            say(f"asks {call.from_number} again")
    say(f"has served {call.from_number}, who pressed {digit}")
    while not call.ended:
        try:
            call.play(GOODBYE).wait()
            call.hangup()
            call.wait_for_ended()
        except ConnectionLostError:
            say(f"does not know whether {call.from_number} is gone")
        except CallEndedError:
            return


def work_in_threads(office: Office) -> None:
    """Serve callers until SIGTERM."""
    client = relay_sync.RelayClient(**office.arguments())
    client.on_call(serve_in_thread)
    client.on_connected(connected)
    client.on_disconnected(disconnected)
    client.run()


def main(runtime: str) -> None:
    """Work on ``asyncio``, ``trio`` or ``threads`` until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    office = Office(**json.loads(os.environ[VARIABLE]))
    break_lookups(office)
    if runtime == "threads":
        work_in_threads(office)
    else:
        work(office, runtime)
    say("has left")


if __name__ == "__main__":
    main(sys.argv[1])
