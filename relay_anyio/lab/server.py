"""The HTTP server of the lab: uvicorn, as a task of the simulator."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import anyio
import uvicorn
from anyio.abc import TaskStatus
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from relay_proto.adapter.sockets import resolve

from .._output import cannot_listen
from .stream import Hub

DEFAULT_PORT: Final = 8025
MOST_TRIES: Final = 20
"""Ports after the usual one that are tried if it is in use."""
BACKLOG: Final = 128
_log: Final = logging.getLogger("relay_anyio.lab")


class _Server(uvicorn.Server):
    """A server that leaves signals to the simulator."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens: at this port, or at the usual one or the next free one.

    Raises:
        OSError: the port cannot be used.
    """
    candidates = range(DEFAULT_PORT, DEFAULT_PORT + MOST_TRIES) if port is None else (port,)
    for candidate in candidates:
        try:
            return _bind(host, candidate)
        except OSError as error:
            if port is None and error.errno == errno.EADDRINUSE:
                continue
            words = f"the page cannot use port {candidate}"
            raise cannot_listen(words, host, error, "--page") from None
    return _bind(host, 0)


async def serve(
    app: ASGIApp,
    hub: Hub,
    listener: socket.socket,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Streams end then, and all connections close."""
    config = uvicorn.Config(
        _reporting(app),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.CRITICAL,  # the others are about what clients do, such as leaving early
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)

    async def run() -> None:
        with anyio.CancelScope(shield=True):
            await server.serve([listener])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        try:
            task_status.started()
            await anyio.sleep_forever()
        finally:
            hub.close()
            server.should_exit = True


def _reporting(app: ASGIApp) -> ASGIApp:
    """Return an application whose errors are reported here. A client that leaves is none."""

    async def reporting(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ClientDisconnect:
            pass
        except Exception:
            _log.exception("a request to the lab has failed")
            raise

    return reporting


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = resolve(host, port)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
