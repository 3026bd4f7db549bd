"""The path through the core: every call that an event, a command and a reply make.

python -m benchmarks.path

Counted by a profile hook, so it shows what is there and not what it costs: see
`benchmarks.steps` and `benchmarks.core_alone` for that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from benchmarks import traffic
from benchmarks.core_alone import NOW, PARAMS, Bench
from relay_proto.api import commands
from relay_proto.outputs import SendData
from relay_proto.wire.websocket import TextReceived

PACKAGE: Final = "relay_proto"


@contextmanager
def calls() -> Generator[list[str]]:
    """The calls of functions of the package, in order, while this is open."""
    found: list[str] = []

    def hook(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        _, inside, module = code.co_filename.partition(f"{PACKAGE}/")
        if event == "call" and inside:
            found.append(f"{module} {code.co_qualname}")

    sys.setprofile(hook)
    try:
        yield found
    finally:
        sys.setprofile(None)


def drained(bench: Bench) -> None:
    """What an adapter does after each input."""
    bench.drain()
    bench.core.deadline()


def event(bench: Bench) -> list[str]:
    """An event of a call: from the bytes to the last output."""
    (warm,), (data,) = bench.plays(1, 100, 1), bench.plays(1, 100, 1)
    bench.core.receive_data(bench.transport, warm, NOW)
    drained(bench)
    with calls() as found:
        bench.core.receive_data(bench.transport, data, NOW)
        drained(bench)
    return found


def command(bench: Bench) -> list[str]:
    """A command: from the call of its function to its bytes."""
    with calls() as found:
        bench.core.execute(commands.execute("bench.request", PARAMS), NOW)
        drained(bench)
    return found


def reply(bench: Bench) -> list[str]:
    """The reply to a command: from the bytes to the settled result."""
    bench.core.execute(commands.execute("bench.request", PARAMS), NOW)
    output = bench.core.next_output()
    assert isinstance(output, SendData), "a session writes at once"
    (asked,) = bench.server.receive(output.data)
    assert isinstance(asked, TextReceived), "a request is one text message"
    data = traffic.reply(bench.id_in(asked.data), {"code": "200"})
    with calls() as found:
        bench.core.receive_data(bench.transport, data, NOW)
        drained(bench)
    return found


def main() -> None:
    paths: dict[str, Callable[[Bench], list[str]]] = {
        "event": event,
        "command": command,
        "reply": reply,
    }
    for name, path in paths.items():
        found = path(Bench(100))
        print(f"{name}: {len(found)} calls", *found, sep="\n  ")


if __name__ == "__main__":
    main()
