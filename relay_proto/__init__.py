"""The RELAY protocol without I/O: bytes and the time go in, outputs come out.

This package opens no socket, reads no clock and makes no random numbers of its own.
`relay_anyio` and `relay_sync` do that for it. A program that needs another kind of
I/O can drive `ClientCore` itself: see ``docs/adapters.md``.

The rooms of the package, lowest first. Each imports only from those that stand before
it, and ``docs/architecture.md`` says more:

- `display`, `transitions`, `values`, `errors`, `constants`, `bounds`, `variables`,
  `config`: what everything may use, the states among it
- `pending`, `timers`: results to come, deadlines
- `wire`, `rpc`: bytes to messages, and messages to frames and events
- `records`, `outputs`, `core`: what the rooms below share
- `api`: what a program says and sees
- `calls`, `link`: what calls have become; transports, sessions and requests
- `client_interface`, `dispatch`, `client`: they join `calls` with `link`
- `server`, `recorder`, `exchange`, `testing`, `adapter`

Public: for authors of adapters. Applications import `relay_anyio` or `relay_sync`.
"""

from ._version import __version__
from .api import commands
from .client import ClientCore
from .config import ClientConfig, Credentials, Limits, Secret, Timing, resolve_config

__all__ = [
    "ClientConfig",
    "ClientCore",
    "Credentials",
    "Limits",
    "Secret",
    "Timing",
    "__version__",
    "commands",
    "resolve_config",
]
