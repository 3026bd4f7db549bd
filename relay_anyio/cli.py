"""The command ``relay``: the simulator, a demo, a shell, replays, and the real service."""

from __future__ import annotations

import argparse
import errno
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeAlias, cast

from relay_proto import __version__
from relay_proto.exchange import ANY_CONTEXT
from relay_run.arguments import add_run

from ._output import OUTPUT, CommandError, OutputError, forget_output, os_words
from ._service_arguments import add_dial, add_doctor, add_text, seconds
from .conform.arguments import add_conform
from .lab.arguments import add_lab

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]

DEFAULT_PORT: Final = 8443
EXTRA: Final = "relay-proto[sim]"

NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.(?!-)[A-Za-z0-9-]{1,63})*")
SETUPS: Final = ("python", "python-2", "node", "go", "other")

OF_CALLERS: Final[Mapping[str, object]] = {
    "context": ANY_CONTEXT,
    "press": "12",
    "hear": "press",
    "every": 15.0,
    "calls": 0,
    "no_calls": False,
}
"""The options for callers that are in no file, and their defaults."""

SCENARIO: Final = """\
A small FILE, in which somebody calls after two seconds, and one number is busy:

  [[callers]]
  number = "+15550001111"
  at = 2
  script = [{hear = "press"}, {press = "1"}, "hang up"]

  [[numbers]]
  number = "+15550003000"
  does = "busy"
"""

FAILED: Final = 1
INTERRUPTED: Final = 130
NOBODY_READS: Final = 141
"""As the shell says it of programs that SIGPIPE has ended."""
EXIT_CODES: Final = """\
exit codes:
  0    all went well
  1    something did not work: stderr says what
  2    the arguments are wrong, or the file is not a recording
  130  it was interrupted (Ctrl+C)
  141  nobody reads the output any more
  143  it was ended (SIGTERM)
relay run, doctor, dial and text have more codes: see relay run --help, and so on.
relay sim runs until Ctrl+C or SIGTERM, and exits with 0 then.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Raises:
        SystemExit: there is nothing to run: the arguments are wrong, or ask for help.
    """
    try:
        try:
            options = _parser().parse_args(arguments)
            command: Callable[[argparse.Namespace], int] = options.command
            code = command(options)
        finally:
            OUTPUT.flush()
    except Exception as error:
        why = _reason(error)
        if why is None:
            raise  # a mistake of ours
        code, words = why
        with suppress(OSError, ValueError):
            print(*words, end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _reason(error: Exception) -> tuple[int, list[str]] | None:
    """The exit code and the words for what can be foreseen; None for anything else."""
    known = [_known(one) for one in _leaves(error)]
    if None in known:
        return None
    return next(found for found in known if found is not None)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(one)
    else:
        yield error


def _known(error: BaseException) -> tuple[int, list[str]] | None:
    match error:
        case OutputError():
            forget_output()
            if getattr(error.__cause__, "errno", None) == errno.EPIPE:
                return NOBODY_READS, []
            return FAILED, [f"relay: the output cannot be written: {error.__cause__}\n"]
        case ModuleNotFoundError(
            name="rich" | "trustme" | "cryptography" | "starlette" | "uvicorn"
        ):
            return FAILED, [f"relay: {error.name} is not installed: pip install '{EXTRA}'\n"]
        case CommandError():
            return error.code, [f"relay: {error}\n"]
        case OSError():
            return FAILED, [f"relay: {os_words(error)}\n"]
        case KeyboardInterrupt():
            return INTERRUPTED, []
        case _:
            return None


def _sim(options: argparse.Namespace) -> int:
    given = [name for name, usual in OF_CALLERS.items() if getattr(options, name) != usual]
    if options.file is not None and given:
        option = given[0].replace("_", "-")
        raise CommandError(f"--{option} does not work with a file: {options.file} says who calls")
    from . import sim

    return sim.run(options)


def _replay(options: argparse.Namespace) -> int:
    from . import replay

    if options.open:
        return replay.open_page(options.file, options.page)
    return replay.run(options.file, everything=options.all)


def _demo(options: argparse.Namespace) -> int:
    from . import demo

    program = demo.example("ivr_sync" if options.sync else "ivr")
    return demo.run(program, cut=options.cut, record=options.record)


def _shell(options: argparse.Namespace) -> int:
    from . import shell

    return shell.run(backend=options.backend, contexts=options.context or ["office"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="relay",
        description="Simulate the RELAY service, act in it, watch a demo, try a client in a "
        "shell, replay a recording, or try the real service.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"relay-proto {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in (
        add_run,
        _add_sim,
        add_lab,
        add_conform,
        _add_demo,
        _add_shell,
        _add_replay,
        add_doctor,
        add_dial,
        add_text,
    ):
        add_command(commands.add_parser)
    return parser


def _add_sim(add_parser: AddParser) -> None:
    sim = add_parser(
        "sim",
        help="simulate the RELAY service on this machine",
        description="Simulate the RELAY service on this machine. While a program is connected,\n"
        "simulated callers call it, wait until they hear a word, and press a digit.\n"
        "With a file, what happens is in the file.",
        epilog=SCENARIO,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sim.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="a scenario: who calls, how numbers behave, and what goes wrong, as TOML",
    )
    sim.set_defaults(command=_sim, **OF_CALLERS)
    sim.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="the port to listen on; 0 picks a free one (%(default)s)",
    )
    sim.add_argument(
        "--context",
        help="the context that gets the calls (any that a connected program has subscribed to)",
    )
    sim.add_argument("--press", help="the digits to press, one for each call (%(default)s)")
    sim.add_argument("--hear", help="the word that callers wait for (%(default)s)")
    sim.add_argument("--every", type=seconds, help="seconds between calls (%(default)g)")
    how_many = sim.add_mutually_exclusive_group()
    how_many.add_argument("--calls", type=_count, help="the number of calls; 0 means no limit")
    how_many.add_argument(
        "--no-calls",
        action="store_true",
        help="nobody calls by themselves, only you do: with relay lab call, or on the page",
    )
    sim.add_argument(
        "--state",
        type=Path,
        help="the directory that keeps the certificate authority (relay-sim in "
        "XDG_CACHE_HOME, or in .cache at home)",
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
    sim.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="the address to listen on, such as 0.0.0.0 in a container; if other machines can "
        "reach it, the token is a new one with each start (%(default)s)",
    )
    sim.add_argument(
        "--name",
        type=_name,
        action="append",
        default=[],
        help="another name or address of this machine, for the certificate; may be repeated",
    )
    sim.add_argument("--token", default="", help="the token that clients have to give")
    sim.add_argument(
        "--plain",
        action="store_true",
        help="speak ws:// without TLS, for SDKs that can do that; on this machine only",
    )
    sim.add_argument(
        "--setup",
        choices=SETUPS,
        default="",
        help="the SDK for which to print what to set (python, or other with --plain)",
    )
    sim.add_argument(
        "--page",
        type=_port,
        metavar="PORT",
        help="the port of the page and the HTTP API; 0 picks a free one (8025, or the next one "
        "that is free)",
    )
    sim.add_argument("--no-page", action="store_true", help="serve no page and no HTTP API")
    sim.add_argument("--json", action="store_true", help="print what happens as JSON lines")


def _add_demo(add_parser: AddParser) -> None:
    demo = add_parser(
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


def _add_shell(add_parser: AddParser) -> None:
    shell = add_parser(
        "shell",
        help="a Python shell with a client that is connected",
        description="Start a Python shell in which you may use 'await', with a client that is "
        "connected. Without credentials in the environment, it connects to a simulator that "
        "runs in the shell. What is piped into it is run as a program, up to the first failure.",
    )
    shell.set_defaults(command=_shell)
    shell.add_argument(
        "--context",
        action="append",
        help="a context whose calls and texts the client gets; may be repeated (office)",
    )
    shell.add_argument(
        "--backend",
        choices=("asyncio", "trio"),
        default="asyncio",
        help="the event loop (%(default)s)",
    )


def _add_replay(add_parser: AddParser) -> None:
    replay = add_parser(
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
    replay.add_argument(
        "--open",
        action="store_true",
        help="show it as a timeline in the browser, on this machine only, until Ctrl+C",
    )
    replay.add_argument(
        "--page",
        type=_port,
        metavar="PORT",
        help="the port of the timeline; 0 picks a free one (8025, or the next one that is free)",
    )


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def _name(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a name or an address: give one, without a port"
        )
    return text.lower()


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: give a whole number of calls")
    return int(text)
