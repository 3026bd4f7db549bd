"""Run clients in production: `serve` in a program of your own, ``relay run`` as a command.

Public: for applications. ``relay run MODULE:CLIENT`` starts as many processes as you like,
watches over them, and replaces them. `serve` (asyncio and trio) and `serve_sync` (threads)
do the same for the clients of one process, without starting others.
"""

from .exit_codes import ExitCode
from .serving import serve, serve_sync

__all__ = ["ExitCode", "serve", "serve_sync"]
