"""The arguments of the commands for the real service: ``relay doctor``, ``dial``, ``text``."""

from __future__ import annotations

import argparse
import re
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

ABOUT_DIAL: Final = """\
Call a number by the real service, say some words when somebody answers, and
hang up. Each state of the call is printed. Ctrl+C hangs up.

  export SIGNALWIRE_PROJECT_ID=...  SIGNALWIRE_API_TOKEN=...
  relay dial +15550003000 --from +15550002222 --say "Hello from my program."

The number after --from has to be one of your project. A call costs money.
"""
DIAL_CODES: Final = """\
exit codes: 0 the words were said; 1 something else, stderr says what; 2 the
arguments are wrong; 18 the credentials were refused; 30 busy; 31 no answer;
32 declined; 33 no such number; 34 another reason; 35 answered, but the words
were not said to the end; 36 the time of --timeout was over; 130 Ctrl+C.
"""
ABOUT_TEXT: Final = """\
Send a text (SMS) by the real service, and wait until it is delivered or not.
Each state is printed.

  export SIGNALWIRE_PROJECT_ID=...  SIGNALWIRE_API_TOKEN=...
  relay text +15550003000 --from +15550002222 "Hello from my program."

The number after --from has to be one of your project. A text costs money.
"""
TEXT_CODES: Final = """\
exit codes: 0 delivered; 1 something else, stderr says what; 2 the arguments are
wrong; 18 the credentials were refused; 40 not delivered; 41 not known: the time
of --timeout was over, and the text may still arrive; 130 Ctrl+C.
"""
NUMBER: Final = re.compile(r"\+[1-9][0-9]{4,14}")


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


def add_dial(add_parser: AddParser) -> None:
    """Add ``relay dial``."""
    dial = add_parser(
        "dial",
        help="call a number by the real service, and say something",
        description=ABOUT_DIAL,
        epilog=DIAL_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    dial.set_defaults(command=_dial)
    _add_numbers(dial)
    dial.add_argument("--say", required=True, metavar="TEXT", help="the words to say")
    dial.add_argument(
        "--leave-message",
        action="store_true",
        help="find out who has answered, and speak after the beep if it is a machine",
    )
    dial.add_argument(
        "--ring",
        type=_whole_seconds,
        default=30,
        metavar="SECONDS",
        help="how long it may ring (%(default)s)",
    )
    dial.add_argument(
        "--timeout",
        type=seconds,
        default=180.0,
        metavar="SECONDS",
        help="how long all of it may take; then the call is hung up (%(default)g)",
    )
    _add_connection(dial)


def add_text(add_parser: AddParser) -> None:
    """Add ``relay text``."""
    text = add_parser(
        "text",
        help="send a text by the real service, and wait for its delivery",
        description=ABOUT_TEXT,
        epilog=TEXT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text.set_defaults(command=_text)
    _add_numbers(text)
    text.add_argument("words", metavar="TEXT", help="what it says")
    text.add_argument("--media", action="append", metavar="URL", help="a picture; may be repeated")
    text.add_argument(
        "--timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for the delivery (%(default)g)",
    )
    _add_connection(text)


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "number", type=_number, metavar="NUMBER", help="who gets it, like +15550003000"
    )
    parser.add_argument(
        "--from",
        dest="from_",
        type=_number,
        required=True,
        metavar="NUMBER",
        help="a number of your project",
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


def _dial(options: argparse.Namespace) -> int:
    from . import outbound

    return outbound.run_dial(options)


def _text(options: argparse.Namespace) -> int:
    from . import outbound

    return outbound.run_text(options)


def _number(text: str) -> str:
    if not NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no telephone number: write a plus, the country and the number, without "
            "spaces, like +15550003000"
        )
    return text


def _whole_seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give 1 to 600 whole seconds")
    return int(text)


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
