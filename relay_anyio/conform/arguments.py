"""The arguments of ``relay conform``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]

ABOUT: Final = """\
Take a RELAY client of any language through a catalogue of checks.

  relay conform -- python my_client.py

The command is started several times, side by side, each time against a service
of its own on this machine. It finds the service in its environment. What it has
to do is little: answer calls, play a prompt, record, hang up, and dial when a
text comes in. docs/conformance.md shows such clients. All of it takes about a
minute and a half.
"""
CODES: Final = """\
exit codes: 0 all must-checks hold; 1 some do not; 2 the arguments are wrong, or
the command cannot be started.
"""


def add_conform(add_parser: AddParser) -> None:
    """Add ``relay conform``."""
    conform = add_parser(
        "conform",
        help="find out which rules of the protocol a client keeps",
        description=ABOUT,
        epilog=CODES,
        usage="relay conform [--only NAME] [--json FILE] [--at-once N] -- COMMAND...\n"
        "       relay conform --list",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    conform.set_defaults(command=_conform)
    conform.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="COMMAND", help="what starts the client"
    )
    conform.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="a check; may be repeated"
    )
    conform.add_argument("--list", action="store_true", help="show the checks, and run none")
    conform.add_argument("--json", type=Path, metavar="FILE", help="also write a report as JSON")
    conform.add_argument(
        "--at-once",
        type=_count,
        default=10,
        metavar="N",
        help="how many clients run at the same time (%(default)s)",
    )


def _conform(options: argparse.Namespace) -> int:
    from .command import run  # noqa: PLC0415 - it needs what not everybody has installed

    return run(options)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 1 to 100 clients")
    return int(text)
