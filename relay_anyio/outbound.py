"""``relay dial`` and ``relay text``: one call or one text by the real service, from a shell."""

from __future__ import annotations

import argparse
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import anyio

from relay_proto import Timing
from relay_proto.constants import EVENT_CALL_STATE, EVENT_MESSAGING_STATE
from relay_proto.display import one_line
from relay_proto.errors import (
    AuthenticationError,
    ConnectFailedError,
    DialFailedError,
    DialTimeoutError,
    MessageFailedError,
    RelayError,
    RemoteProtocolError,
)
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import CallStateEvent, MessageStateEvent

from ._log import quiet_log
from ._output import OUTPUT, CommandError
from ._signals import stop_signals
from .call import Call
from .client import RelayClient

FAILED: Final = 1
REFUSED: Final = 18
"""As `relay doctor` says it of credentials."""
REASONS: Final[Mapping[str, int]] = {
    "busy": 30,
    "noAnswer": 31,
    "no_answer": 31,
    "decline": 32,
    "declined": 32,
    "not_found": 33,
}
OTHER_REASON: Final = 34
NOT_SAID: Final = 35
LATE: Final = 36
UNDELIVERED: Final = 40
NOT_KNOWN: Final = 41
LAST_STATE: Final = 2.0
"""Seconds to wait for the last state, which comes after all has been done."""
RING_MARGIN: Final = 10.0
"""Seconds beyond the time to ring in which the service says that nobody answered."""

Work = Callable[[RelayClient, argparse.Namespace, "_Teller"], Awaitable[int]]


def run_dial(options: argparse.Namespace) -> int:
    """Call somebody, say the words, hang up; return the exit code."""
    return anyio.run(_run, options, _dial)


def run_text(options: argparse.Namespace) -> int:
    """Send a text, and wait until it is delivered or not; return the exit code."""
    return anyio.run(_run, options, _text)


class _Teller:
    """Prints what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.over = anyio.Event()

    def tell(self, words: str) -> None:
        OUTPUT.write(f"{time.monotonic() - self._started:7.2f}  {one_line(words)}\n")
        OUTPUT.flush()

    def call_moved(self, event: RelayEvent) -> None:
        assert isinstance(event, CallStateEvent), "it listens to nothing else"
        reason = f": {event.end_reason}" if event.end_reason else ""
        self.tell(f"{event.call_state}{reason}")
        if event.call_state == "ended":
            self.over.set()

    def text_moved(self, event: RelayEvent) -> None:
        assert isinstance(event, MessageStateEvent), "it listens to nothing else"
        reason = f": {event.reason}" if event.reason else ""
        self.tell(f"{event.message_state}{reason}")
        if event.message_state in ("delivered", "undelivered", "failed"):
            self.over.set()

    async def wait_until_over(self) -> None:
        with anyio.move_on_after(LAST_STATE):
            await self.over.wait()


async def _run(options: argparse.Namespace, work: Work) -> int:
    """Do the work, and hang up at its end, at Ctrl+C, at SIGTERM, and when time is up."""
    code = LATE if work is _dial else NOT_KNOWN
    teller = _Teller()
    async with stop_signals() as signals, anyio.create_task_group() as tasks:

        async def stop() -> None:
            nonlocal code
            code = 128 + await anext(signals)
            tasks.cancel_scope.cancel()

        tasks.start_soon(stop)
        with anyio.move_on_after(options.timeout) as limit:
            async with _client(options) as client:
                code = await work(client, options, teller)
        if limit.cancelled_caught:
            teller.tell(f"it was not over within {options.timeout:g} s, and is given up")
        tasks.cancel_scope.cancel()
    return code


@asynccontextmanager
async def _client(options: argparse.Namespace) -> AsyncGenerator[RelayClient]:
    """A client that is connected. At its end, what it has dialled is hung up.

    Raises:
        CommandError: there is no session.
    """
    try:
        client = RelayClient(
            host=options.host,
            proxy=False if options.no_proxy else options.proxy or True,
            timing=Timing(connect_timeout=min(options.timeout, Timing().connect_timeout)),
        )
    except (TypeError, ValueError) as error:
        raise CommandError(f"{error}. relay doctor says what to do") from error
    with quiet_log():
        try:
            try:
                await client.connect()
            except (ConnectFailedError, RemoteProtocolError, AuthenticationError) as error:
                code = REFUSED if isinstance(error, AuthenticationError) else FAILED
                words = f"{error}. relay doctor says what to do"
                raise CommandError(words, code=code) from error
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                await client.disconnect(hang_up=True)


async def _dial(client: RelayClient, options: argparse.Namespace, teller: _Teller) -> int:
    client.on(EVENT_CALL_STATE, teller.call_moved)
    teller.tell(f"dials {options.number} from {options.from_}")
    ring = options.ring
    try:
        call = await client.dial_phone(
            options.number, options.from_, timeout=ring, dial_timeout=ring + RING_MARGIN
        )
    except DialFailedError as error:
        teller.tell(f"nobody was reached: {error.reason or 'the service does not say why'}")
        return REASONS.get(error.reason, OTHER_REASON)
    except DialTimeoutError:
        teller.tell("nobody answered, and the service did not say so")
        return REASONS["noAnswer"]
    except RelayError as error:
        raise CommandError(str(error)) from error
    try:
        async with call:
            said = await _say(call, options, teller)
    except RelayError as error:
        raise CommandError(str(error)) from error
    await teller.wait_until_over()
    return 0 if said else NOT_SAID


async def _say(call: Call, options: argparse.Namespace, teller: _Teller) -> bool:
    """Say the words to whoever has answered; was all of it said?"""
    if options.leave_message:
        left = await call.leave_message(options.say, also_to=("human", "unknown"))
        beep = ", and it has beeped" if left.beep else ""
        teller.tell(f"who answered: {left.who}{beep}")
        said = left.played
    else:
        action = await call.play_tts(options.say)
        said = not isinstance(await action.wait(), CallStateEvent)
    teller.tell("the words are said" if said else "the words were not said to the end")
    return said


async def _text(client: RelayClient, options: argparse.Namespace, teller: _Teller) -> int:
    client.on(EVENT_MESSAGING_STATE, teller.text_moved)
    teller.tell(f"sends a text to {options.number} from {options.from_}")
    try:
        message = await client.send_message(
            to_number=options.number,
            from_number=options.from_,
            body=options.words,
            media=options.media,
        )
        await message.wait_delivered()
    except MessageFailedError:
        await teller.wait_until_over()
        return UNDELIVERED
    except RelayError as error:
        raise CommandError(str(error)) from error
    await teller.wait_until_over()
    return 0
