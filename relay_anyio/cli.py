"""The command ``relay``: a simulator for development, and a demo of it all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from relay_proto import __version__

DEFAULT_PORT: Final = 8443
EXTRA: Final = "relay-proto[sim]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "trustme"):
            raise
        print(f"relay: {error.name} is not installed: pip install '{EXTRA}'", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"relay: {error}", file=sys.stderr)
    return 1


def _sim(options: argparse.Namespace) -> int:
    from .simulator import command

    return command.run(options)


def _replay(options: argparse.Namespace) -> int:
    from . import replay

    return replay.run(options.file, everything=options.all)


def _demo(options: argparse.Namespace) -> int:
    from . import demo

    program = demo.example("ivr_sync" if options.sync else "ivr")
    return demo.run(program, cut=options.cut, record=options.record)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="relay", description=__doc__)
    parser.add_argument("--version", action="version", version=f"relay-proto {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sim = commands.add_parser(
        "sim",
        help="stand in for the RELAY service on this machine",
        description="Stand in for the RELAY service on this machine: whenever a program is "
        "connected, somebody calls it, listens for a word and presses a digit.",
    )
    sim.set_defaults(command=_sim)
    sim.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 for any free one")
    sim.add_argument("--context", default="office", help="where the calls go (%(default)s)")
    sim.add_argument("--press", default="12", help="the digits pressed, one per call (%(default)s)")
    sim.add_argument("--hear", default="press", help="what a caller waits for (%(default)s)")
    sim.add_argument(
        "--every", type=_seconds, default=15.0, help="seconds between calls (%(default)g)"
    )
    sim.add_argument("--calls", type=_count, default=0, help="how many calls; 0 for no end")
    sim.add_argument(
        "--state",
        type=Path,
        default=_state_directory(),
        help="where its certificate authority is kept (%(default)s)",
    )
    sim.add_argument(
        "--cut", action="store_true", help="cut all connections whenever a program listens"
    )
    sim.add_argument("--json", action="store_true", help="print JSON lines")

    demo = commands.add_parser(
        "demo",
        help="let a caller go through the IVR of the examples",
        description="Start the simulator and the IVR of the examples, each in a process of its "
        "own, let a caller go through it, and print the conversation as it happens.",
    )
    demo.set_defaults(command=_demo)
    demo.add_argument(
        "--sync", action="store_true", help="the example on threads, instead of that with await"
    )
    demo.add_argument(
        "--cut", action="store_true", help="cut the connection while the example listens"
    )
    demo.add_argument(
        "--record", type=Path, metavar="FILE", help="record the example: see relay replay"
    )

    replay = commands.add_parser(
        "replay",
        help="run a recording of a client through a fresh core, and show it",
        description="Show what RelayClient(record=FILE) has written down, run it through the "
        "core of today, and say whether that does the same. Exit code 1: it does not; 2: the "
        "file cannot be read, or its beginning has rotated away.",
    )
    replay.set_defaults(command=_replay)
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--all", action="store_true", help="also lines of which nothing came")
    return parser


def _state_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "relay-sim"


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: use 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, at least 0.1")
    return value


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of calls")
    return int(text)
