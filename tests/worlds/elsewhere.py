"""Elsewhere: a client is used in another thread, in another event loop, or in a forked child."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio

from relay_proto.errors import LocalProtocolError

from .evenings import Elsewhere, Misuse

NOT_REFUSED: Final = "it was not refused"
USES: Final[tuple[Callable[[Any, Any], Any], ...]] = (
    lambda client, call: client.execute("test.echo", {}),
    lambda client, call: client.receive(["sales"]),
    lambda client, call: client.dial_phone("+15559", "+15550002222"),
    lambda client, call: client.send_message(
        to_number="+15559", from_number="+15550002222", body="It was sent!"
    ),
    lambda client, call: client.on_event(print),
    lambda client, call: call.hangup(),
    lambda client, call: call.play([{"type": "tts", "params": {"text": "It was sent!"}}]),
    lambda client, call: call.wait_for("calling.call.play"),
    lambda client, call: call.on("calling.call.play", print),
)
OF_THE_CLIENT: Final = 5
"""The first so many need no call."""


def told_elsewhere(
    client: Any, call: Any, misuse: Misuse, runtime: str, tell: Callable[[str], object]
) -> None:
    """Use a client where it does not belong, and tell what the program is told there."""
    uses = USES if call is not None else USES[:OF_THE_CLIENT]
    use = partial(uses[misuse.use % len(uses)], client, call)
    if misuse.where is Elsewhere.CHILD or runtime == "threads":
        if hasattr(os, "fork"):
            tell(_in_child(use))
        return
    in_loop = misuse.where is Elsewhere.LOOP
    thread = threading.Thread(target=lambda: tell(refused(partial(_used, use, in_loop=in_loop))))
    thread.start()
    thread.join()


def refused(use: Callable[[], object]) -> str:
    """What a use is told."""
    try:
        use()
    except LocalProtocolError as error:
        return str(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is no refusal in words
        return f"{NOT_REFUSED}: {error!r}"
    return NOT_REFUSED


def _used(use: Callable[[], Any], *, in_loop: bool) -> None:
    async def do() -> None:
        result = use()
        if hasattr(result, "__await__"):
            await result

    if in_loop:
        anyio.run(do)
        return
    _begin(use())


def _begin(result: Any) -> None:
    """Let a coroutine do its first step: nothing can wait for the others here."""
    if hasattr(result, "send"):
        try:
            result.send(None)
        finally:
            result.close()


def _in_child(use: Callable[[], Any]) -> str:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which do nothing now
        child = os.fork()
    if child == 0:
        told = "it has ended in another way"
        try:
            signal.set_wakeup_fd(-1)  # trio would warn of its parent's
            told = refused(lambda: _begin(use()))
            os.write(writing, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read()
    os.waitpid(child, 0)
    return str(json.loads(words)) if words else NOT_REFUSED
