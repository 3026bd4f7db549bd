"""The arguments of ``relay run``, and what they start."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from .addresses import address_of, cannot_listen, listen, parse_address
from .exit_codes import ExitCode
from .target import check_target

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]
T = TypeVar("T")

ABOUT: Final = """\
Run the client of a module in one or several processes, and watch over them.

MODULE is written as in an import statement. CLIENT is a RelayClient in it, of
relay_anyio or relay_sync, or a function without arguments that returns one:

  relay run shop.calls:client --workers 4 --health 127.0.0.1:8080

signals:
  SIGTERM, SIGINT   let the calls finish, and end; a second one ends at once
  SIGHUP            replace the workers, one after the other, with new ones
  SIGTTIN, SIGTTOU  one worker more, one worker less
"""
CODES: Final = """\
exit codes:
  0    it was asked to end, and no call was left
  2    the arguments are wrong, or --reload needs a package
  69   the workers crash again and again
  71   the address of --health is taken, or the system starts no processes
  75   it has ended, but calls were still up
  77   the service refuses the credentials
  78   the module cannot be imported, or has no such client, or a package is missing
"""
LEVELS: Final = ("debug", "info", "warning", "error")


def add_run(add_parser: AddParser) -> None:
    """Add ``relay run``."""
    run = add_parser(
        "run",
        help="run a client in production: several processes, replaced when they fail",
        description=ABOUT,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(command=_run)
    run.add_argument("target", type=_target, metavar="MODULE:CLIENT", help="what to run")
    run.add_argument(
        "--workers",
        type=_count,
        default=1,
        metavar="N",
        help="how many processes (%(default)s)",
    )
    run.add_argument(
        "--loop",
        choices=("asyncio", "uvloop", "trio"),
        help="the event loop of a client of relay_anyio (asyncio)",
    )
    run.add_argument(
        "--app-dir",
        type=_directory,
        default="",
        metavar="DIRECTORY",
        help="where to look for the module (the current directory)",
    )
    run.add_argument(
        "--health",
        type=_address,
        metavar="HOST:PORT",
        help="serve the pages /live, /ready and /metrics there; port 0 picks a free one",
    )
    run.add_argument(
        "--observe",
        action="store_true",
        help="let OpenTelemetry observe the client, if its program does not; needs the extra otel",
    )
    run.add_argument(
        "--drain",
        type=_seconds,
        metavar="SECONDS",
        help="how long calls may take to finish (drain_timeout of the client, 30)",
    )
    run.add_argument(
        "--hang-up", action="store_true", help="hang up the calls that are up after that"
    )
    run.add_argument(
        "--hang-timeout",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="kill and replace a worker whose event loop has not run for so long (%(default)g)",
    )
    run.add_argument(
        "--start-timeout",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long a worker may take to import the module, and a replacement to be ready "
        "(%(default)g)",
    )
    run.add_argument(
        "--reload",
        action="store_true",
        help="replace the workers when a Python file changes, while you develop",
    )
    run.add_argument(
        "--reload-dir",
        action="append",
        metavar="DIRECTORY",
        help="what to watch; may be repeated (the directory of the module)",
    )
    run.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="how log lines are written to stderr (%(default)s)",
    )
    run.add_argument(
        "--log-level", choices=LEVELS, default="info", help="which lines (%(default)s)"
    )


def _run(options: argparse.Namespace) -> int:
    if os.name != "posix":
        print("relay: relay run needs a POSIX system; use relay_run.serve here", file=sys.stderr)
        return ExitCode.WRONG_ARGUMENTS
    # Here, because the other commands need none of this.
    from .logs import configure, in_a_thread, open_missing_streams  # noqa: PLC0415

    if options.loop not in (None, "asyncio") and importlib.util.find_spec(options.loop) is None:
        name = options.loop
        package = "'relay-proto[trio]'" if name == "trio" else name
        print(f"relay: --loop {name} needs {name}: pip install {package}", file=sys.stderr)
        return ExitCode.NO_CLIENT
    open_missing_streams()
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    configure(options.log_format, level, 0)
    with in_a_thread():
        return _supervise(options, level)


def _supervise(options: argparse.Namespace, level: int) -> int:
    from .supervision import Policy  # noqa: PLC0415
    from .supervisor import Supervisor  # noqa: PLC0415
    from .watcher import CannotWatchError, watching  # noqa: PLC0415
    from .worker import WorkerOptions  # noqa: PLC0415

    log = logging.getLogger("relay_run")
    listener = None
    if options.health is not None:
        try:
            listener = listen(*parse_address(options.health))
        except OSError as error:
            log.error("%s", cannot_listen(options.health, error))
            return ExitCode.CANNOT_START
        log.info("health is served at http://%s", address_of(listener))
    worker = WorkerOptions(
        target=options.target,
        number=0,
        fd=-1,
        app_dir=options.app_dir,
        loop=options.loop,
        observe=options.observe,
        drain=options.drain,
        hang_up=options.hang_up,
        log_format=options.log_format,
        log_level=level,
    )
    policy = Policy(
        workers=options.workers,
        hang_timeout=options.hang_timeout,
        start_timeout=options.start_timeout,
        waits_for_changes=options.reload,
    )
    supervisor = Supervisor(policy, worker, listener)
    watched = (options.reload_dir or [options.app_dir]) if options.reload else []
    try:
        with watching(watched, supervisor.files_changed):
            return supervisor.run()
    except CannotWatchError as error:
        log.error("%s", error)
        return ExitCode.WRONG_ARGUMENTS


def _directory(text: str) -> str:
    shown = repr(text) if text else "the current directory"
    try:
        path = Path(text).resolve()
        found = path.is_dir()
    except OSError as error:  # the current directory has gone, or nobody may look there
        raise argparse.ArgumentTypeError(f"{shown} cannot be used: {error.strerror}") from None
    if not found:
        raise argparse.ArgumentTypeError(f"{shown} is no directory")
    return str(path)


def _target(text: str) -> str:
    return _checked(check_target, text)


def _address(text: str) -> str:
    _checked(parse_address, text)
    return text


def _checked(check: Callable[[str], T], text: str) -> T:
    try:
        return check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 1 to 1000 processes")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 0.1 seconds or more")
    return value
