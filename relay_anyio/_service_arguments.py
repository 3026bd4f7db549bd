"""The arguments of the commands for the real service: ``relay doctor``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]

ABOUT_DOCTOR: Final = """\
Find out why a client can, or cannot, reach the service from this machine.

It goes the way that a client goes, step by step: settings, proxy, names, TCP,
TLS, WebSocket, clock, credentials, contexts, round trip. For each step it says
ok, or what is wrong and what to do. It stops where going on makes no sense.

  export SIGNALWIRE_PROJECT_ID=...  SIGNALWIRE_API_TOKEN=...
  relay doctor

It calls nobody and sends no text. With --context, it subscribes to that context
for a moment; a call that comes in then goes back to the service.
"""
DOCTOR_CODES: Final = """\
exit codes: 0 all went well; 1 something else; 2 the arguments are wrong; else
the first step that failed: 10 settings, 11 proxy, 12 names, 13 TCP, 14 tunnel
(the proxy refused), 15 TLS, 16 upgrade, 17 clock, 18 credentials, 19 contexts,
20 round trip.
"""


def add_doctor(add_parser: AddParser) -> None:
    """Add ``relay doctor``."""
    doctor = add_parser(
        "doctor",
        help="find out why a client cannot reach the service",
        description=ABOUT_DOCTOR,
        epilog=DOCTOR_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.set_defaults(command=_doctor)
    _add_connection(doctor)
    doctor.add_argument(
        "--context",
        action="append",
        metavar="NAME",
        help="a context whose calls and texts your program takes; may be repeated",
    )
    doctor.add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long each step may take (%(default)g)",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object at the end")
    doctor.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="also write all of it, with versions and without credentials, to FILE for the support",
    )


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        metavar="HOST",
        help="the host of the service ($SIGNALWIRE_SPACE, or relay.signalwire.com)",
    )
    proxy = parser.add_mutually_exclusive_group()
    proxy.add_argument(
        "--proxy", metavar="URL", help="the proxy, like http://proxy.example:8080 ($HTTPS_PROXY)"
    )
    proxy.add_argument(
        "--no-proxy", action="store_true", help="use no proxy, whatever the environment says"
    )


def _doctor(options: argparse.Namespace) -> int:
    from . import doctor

    return doctor.run(options)


def seconds(text: str) -> float:
    """Read a number of seconds.

    Raises:
        ArgumentTypeError: it is none, or less than 0.1.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 0.1 seconds or more")
    return value
