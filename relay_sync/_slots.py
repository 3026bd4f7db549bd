"""How many clients of this process are connected, and that they are not too many."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from relay_proto.config import ENV_MAX_CONNECTIONS, positive_from

from ._engine import Engine

_lock = threading.Lock()
_connected: set[Engine] = set()
"""The engines that hold a connection, or try for one."""


def take(engine: Engine, environ: Mapping[str, str]) -> None:
    """Count `engine` among the connected.

    Raises:
        RuntimeError: this process has as many connections as it may have.
    """
    limit = positive_from(environ, ENV_MAX_CONNECTIONS, 1)
    with _lock:
        _connected.difference_update([other for other in _connected if not other.alive])
        others = len(_connected - {engine})
        if others >= limit:
            raise RuntimeError(
                f"{others} other RelayClient(s) of this process are connected: "
                f"disconnect one, or set {ENV_MAX_CONNECTIONS} (now {limit})"
            )
        _connected.add(engine)


def give_back(engine: Engine) -> None:
    """Count it no longer."""
    with _lock:
        _connected.discard(engine)
