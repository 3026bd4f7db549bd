"""The pages of health of one process, in a thread: they answer while an event loop hangs."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from .health import NO_SUCH_PAGE, live_page, metrics_page, ready_page
from .http import HealthServer, Reply
from .metrics import exposition
from .supervision import Status

LAST_BREATH: Final = 2.0
"""Seconds for the thread to end: metrics may just be read."""


class Watched(Protocol):
    """How the clients of this process do. May be asked in any thread."""

    def statuses(self) -> Sequence[Status]:
        """How each worker does."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it takes calls."""
        ...

    @property
    def live(self) -> bool:
        """Whether its event loop, or its thread, has run lately."""
        ...


class HealthThread:
    """Serves the pages until the block is left."""

    def __init__(self, listener: socket.socket, watched: Watched) -> None:
        self._watched = watched
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._server = HealthServer(self._selector, listener, self._answer)
        self._thread = threading.Thread(target=self._run, name="relay_run health", daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._wake.close()
        self._thread.join(LAST_BREATH)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._server.close()
            self._selector.close()
            self._woken.close()

    def _turn(self) -> bool:
        """Serve what there is to serve; false when the end has come."""
        deadline = self._server.deadline()
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        for key, mask in self._selector.select(timeout):
            if key.data is None:
                return False
            key.data(mask, time.monotonic())
        self._server.handle_timer(time.monotonic())
        return True

    def _answer(self, path: str, reply: Reply) -> None:
        watched = self._watched
        match path:
            case "/live":
                reply(live_page(watched.statuses(), live=watched.live))
            case "/ready":
                reply(ready_page(watched.statuses(), ready=watched.ready))
            case "/metrics":
                reply(metrics_page(watched.statuses(), {os.getpid(): exposition()}))
            case _:
                reply(NO_SUCH_PAGE)
