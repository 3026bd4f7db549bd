"""Serving: `serve` and `serve_sync`, which run the clients of one process until the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast

from .addresses import cannot_listen, listen, parse_address
from .exit_codes import ExitCode
from .reports import Report
from .supervision import Status

if TYPE_CHECKING:
    import relay_anyio
    import relay_sync

HANG_TIMEOUT = 30.0


async def serve(
    clients: relay_anyio.RelayClient | Iterable[relay_anyio.RelayClient],
    *,
    health: str | None = None,
    drain: float | None = None,
    hang_up: bool = False,
    hang_timeout: float = HANG_TIMEOUT,
) -> ExitCode:
    """Connect clients of `relay_anyio` and serve, until a signal or `disconnect` ends it.

    The first SIGTERM or SIGINT lets calls finish and takes no others. A second signal ends
    that at once. Where signals cannot be had, as in another thread, none is obeyed. If one
    client fails, the others drain, and its error is raised.

    Args:
        clients: one client, or several. To connect several in one process, give each of them
            ``max_connections``.
        health: ``HOST:PORT`` for the pages ``/live``, ``/ready`` and ``/metrics``. They are
            served by a thread of their own, so they answer even if the event loop hangs.
        drain: seconds that calls get to finish. Default: `Timing.drain_timeout` of each client.
        hang_up: whether calls that are up after that are hung up. Else they go on at the
            service, with nobody to handle them.
        hang_timeout: after so many seconds in which the event loop has not run, ``/live``
            answers 503.

    Returns:
        `ExitCode.ENDED`, or `ExitCode.CALLS_LEFT` if calls were still up at the end.

    Raises:
        AuthenticationError: the credentials of a client were refused, several times.
        OSError: `health` is no address of this machine, or is taken.
        ValueError: there is no client, or `health` is not ``HOST:PORT``.
    """
    from .async_service import AsyncService  # noqa: PLC0415 - only one of the two is loaded

    watch = Watch(hang_timeout)
    service = AsyncService(_all(clients), drain=drain, hang_up=hang_up, tell=watch.tell)
    with _health(health, watch):
        return await service.run()


def serve_sync(
    clients: relay_sync.RelayClient | Iterable[relay_sync.RelayClient],
    *,
    health: str | None = None,
    drain: float | None = None,
    hang_up: bool = False,
    hang_timeout: float = HANG_TIMEOUT,
) -> ExitCode:
    """Do what `serve` does, for clients of `relay_sync`. It blocks until the end.

    Signals are obeyed in the main thread only.

    Raises:
        AuthenticationError: the credentials of a client were refused, several times.
        OSError: `health` is no address of this machine, or is taken.
        ValueError: there is no client, or `health` is not ``HOST:PORT``.
    """
    from .blocking_service import BlockingService  # noqa: PLC0415 - as above

    watch = Watch(hang_timeout)
    service = BlockingService(_all(clients), drain=drain, hang_up=hang_up, tell=watch.tell)
    with _health(health, watch):
        return service.run()


class Watch:
    """What is known of the clients of this process, for a thread that is asked."""

    def __init__(self, hang_timeout: float) -> None:
        self._hang_timeout = hang_timeout
        self._last = Report(), time.monotonic()

    def tell(self, report: Report) -> None:
        """Remember how the clients do."""
        self._last = report, time.monotonic()

    def statuses(self) -> list[Status]:
        """The clients of this process, as one worker."""
        report, _ = self._last
        state = "draining" if report.draining else "ready" if report.ready else "connecting"
        return [Status(1, state, os.getpid(), 0, report)]

    @property
    def ready(self) -> bool:
        """Whether all clients take calls."""
        return self._last[0].ready and self.live

    @property
    def live(self) -> bool:
        """Whether the clients' loop, or threads, have run lately."""
        return time.monotonic() - self._last[1] < self._hang_timeout


def _all(clients: object) -> tuple[object, ...]:
    """Return the clients one by one.

    Raises:
        ValueError: there is none.
    """
    several = isinstance(clients, Iterable)
    found = tuple(cast("Iterable[object]", clients)) if several else (clients,)
    if not found:
        raise ValueError("there is no client to serve: give one, or several")
    return found


def _health(address: str | None, watch: Watch) -> AbstractContextManager[object]:
    if address is None:
        return nullcontext()
    host, port = parse_address(address)
    try:
        listener = listen(host, port)
    except OSError as error:
        raise OSError(error.errno, cannot_listen(address, error)) from None
    from .health_thread import HealthThread  # noqa: PLC0415 - with h11, which few need here

    return HealthThread(listener, watch)
