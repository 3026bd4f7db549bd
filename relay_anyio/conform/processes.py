"""The client under test as a process of its own, which connects over TLS on this machine."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import Process, SocketAttribute, SocketStream
from anyio.streams.text import TextReceiveStream
from anyio.streams.tls import TLSStream

from relay_proto.config import ENV_CA_FILE, ENV_HOST, ENV_PROJECT, ENV_TOKEN
from relay_proto.display import one_line

from ..simulator.certificates import Authority
from ..simulator.setups import TRUST
from .bodies import CONTEXT, DIALED, OUR_NUMBER, PROJECT, TOKEN
from .stage import Accept, Client, Start

HANDSHAKE_TIMEOUT: Final = 15.0
KEPT_LINES: Final = 20
ENV_CONTEXT: Final = "CONFORM_CONTEXT"
ENV_FROM: Final = "CONFORM_FROM"
ENV_TO: Final = "CONFORM_TO"


def process_starter(command: Sequence[str], authority: Authority) -> Start:
    """Return how to start a client that is a command."""
    return partial(_started, tuple(command), authority)


def variables(space: str, ca_file: Path) -> Mapping[str, str]:
    """Return what a client finds in its environment."""
    trusted = {name for names in TRUST.values() for name in names}
    return {
        ENV_HOST: space,
        **dict.fromkeys(sorted(trusted | {ENV_CA_FILE}), str(ca_file.resolve())),
        ENV_PROJECT: PROJECT,
        ENV_TOKEN: TOKEN,
        ENV_CONTEXT: CONTEXT,
        ENV_FROM: OUR_NUMBER,
        ENV_TO: DIALED,
    }


class _ProcessClient:
    """A client that is a process. It has the leading process of a group of its own."""

    def __init__(self, process: Process, lines: deque[str]) -> None:
        self._process = process
        self._lines = lines

    @property
    def code(self) -> int | None:
        return self._process.returncode

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()

    def last_words(self) -> Sequence[str]:
        return tuple(self._lines)


@asynccontextmanager
async def _started(
    command: Sequence[str], authority: Authority, accept: Accept, ended: Callable[[], None]
) -> AsyncGenerator[Client]:
    context = authority.server_context()
    lines: deque[str] = deque(maxlen=KEPT_LINES)

    async def secure(stream: SocketStream) -> None:
        try:
            with anyio.fail_after(HANDSHAKE_TIMEOUT):
                secured = await TLSStream.wrap(
                    stream, server_side=True, ssl_context=context, standard_compatible=False
                )
        except (ssl.SSLError, OSError, anyio.EndOfStream, anyio.BrokenResourceError) as error:
            reason = getattr(error, "reason", None) or "the client has left it"
            lines.append(f"(a TLS handshake failed: {reason})")
            await anyio.aclose_forcefully(stream)
            return
        await accept(secured)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        space = f"localhost:{listener.extra(SocketAttribute.local_port)}"
        tasks.start_soon(listener.serve, secure)
        process = await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env={**_environment(), **variables(space, authority.ca_file)},
            start_new_session=True,
        )

        async def watch() -> None:
            await process.wait()
            ended()

        tasks.start_soon(watch)
        tasks.start_soon(_read, process, lines)
        try:
            yield _ProcessClient(process, lines)
        finally:
            _kill(process)
            with anyio.CancelScope(shield=True):
                await process.wait()
                await process.aclose()
            tasks.cancel_scope.cancel()


def _environment() -> dict[str, str]:
    """The environment of this process, without what would lead a client elsewhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SIGNALWIRE_", "RELAY_")) and "proxy" not in name.lower()
    }


async def _read(process: Process, lines: deque[str]) -> None:
    assert process.stdout is not None
    rest = ""
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async for text in TextReceiveStream(process.stdout, errors="replace"):
            *whole, rest = (rest + text).split("\n")
            lines.extend(one_line(line, 200) for line in whole if line.strip())
            rest = rest[-1000:]
    if rest.strip():
        lines.append(one_line(rest, 200))


def _kill(process: Process) -> None:
    """Kill the process, and those that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
