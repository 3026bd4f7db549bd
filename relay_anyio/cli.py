"""The command ``relay``: the simulator, a demo, and the replay of recordings."""

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
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "trustme", "cryptography"):
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
    parser = argparse.ArgumentParser(
        prog="relay",
        description="Simulate the RELAY service, watch a demo, or replay a recording.",
    )
    parser.add_argument("--version", action="version", version=f"relay-proto {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sim = commands.add_parser(
        "sim",
        help="simulate the RELAY service on this machine",
        description="Simulate the RELAY service on this machine. While a program is connected, "
        "simulated callers call it, wait until they hear a word, and press a digit.",
    )
    sim.set_defaults(command=_sim)
    sim.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="the port to listen on; 0 picks a free one (%(default)s)",
    )
    sim.add_argument(
        "--context", default="office", help="the context that gets the calls (%(default)s)"
    )
    sim.add_argument(
        "--press", default="12", help="the digits to press, one for each call (%(default)s)"
    )
    sim.add_argument("--hear", default="press", help="the word that callers wait for (%(default)s)")
    sim.add_argument(
        "--every", type=_seconds, default=15.0, help="seconds between calls (%(default)g)"
    )
    sim.add_argument(
        "--calls", type=_count, default=0, help="the number of calls; 0 means no limit"
    )
    sim.add_argument(
        "--state",
        type=Path,
        default=_state_directory(),
        help="the directory that keeps the certificate authority (%(default)s)",
    )
    sim.add_argument(
        "--cut",
        action="store_true",
        help="cut all connections each time a program begins to collect digits or speech",
    )
    sim.add_argument(
        "--jwt-secret",
        default="",
        metavar="SECRET",
        help="also accept JWTs that are signed with SECRET (HS256), until they expire",
    )
    sim.add_argument("--json", action="store_true", help="print what happens as JSON lines")

    demo = commands.add_parser(
        "demo",
        help="run the example IVR with a simulated caller",
        description="Start the simulator and the example IVR, each in its own process. A "
        "simulated caller goes through the menu. Print the conversation as it happens.",
    )
    demo.set_defaults(command=_demo)
    demo.add_argument(
        "--sync", action="store_true", help="run the example that uses threads instead of async"
    )
    demo.add_argument(
        "--cut", action="store_true", help="cut the connection while the example waits for a digit"
    )
    demo.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="record the example's client to FILE, for relay replay",
    )

    replay = commands.add_parser(
        "replay",
        help="show a recording of a client, and check it",
        description="Show what is in a recording that RelayClient(record=FILE) made. Run it "
        "through the installed version and report each difference. Exit codes: 0, no line "
        "differs; 1, at least one line differs; 2, the file is not a recording, or its "
        "beginning has rotated away.",
    )
    replay.set_defaults(command=_replay)
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--all", action="store_true", help="also show lines without any output")
    return parser


def _state_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "relay-sim"


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 0.1 seconds or more")
    return value


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give a whole number of calls")
    return int(text)
