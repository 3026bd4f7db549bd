"""The arguments of ``relay lab``."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from .._output import CommandError

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]

ENV_LAB: Final = "RELAY_LAB"
ENV_TOKEN: Final = "RELAY_LAB_TOKEN"
DEFAULT_LAB: Final = "http://127.0.0.1:8025"

DESCRIPTION: Final = """\
Act in the phone lab that relay sim runs: call your program, press keys, speak, hang up,
answer what it dials, send texts, and break the network on purpose.

Start the lab with relay sim in one terminal, and your program in another one. Then:

  relay lab call              somebody calls your program, and stays on the line
  relay lab press 1           they press a key
  relay lab say "Sales"       they say something
  relay lab hangup            they hang up
  relay lab phone +15550007777
                              calls to this number ring until you answer:
  relay lab answer
  relay lab text "Hello"      somebody sends a text to your program
  relay lab cut               the network breaks
  relay lab events --follow   watch what happens
  relay lab save > test_it.py what you just did, as a test
"""
EPILOG: Final = """\
CALL is the id of a call, the beginning of an id, or the word last. You may leave it out if
only one call can do this, or only one of those that you placed by hand.
relay lab COMMAND --help says more about a command.
"""
FAULTS: Final = {
    "cut": "cut all connections, without notice",
    "silence": "keep all connections open, but let nothing arrive on them",
    "goodbye": "ask programs to reconnect; they may resume their sessions",
    "restart": "ask programs to reconnect, and end their sessions",
    "forget-sessions": "lose all sessions and connections, as in a crash",
    "refuse-upgrades": "refuse new connections for a while",
    "delay": "delay everything for a while",
}


def add_lab(add_parser: AddParser) -> None:
    """Add ``relay lab`` with all its commands."""
    lab = add_parser(
        "lab",
        help="act in the lab that relay sim runs: call, press, say, text, cut, …",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lab.add_argument(
        "--lab",
        metavar="URL",
        help=f"where the lab is, as relay sim prints it (${ENV_LAB}, or {DEFAULT_LAB})",
    )
    lab.add_argument(
        "--token", metavar="TOKEN", help=f"the token of a lab on another machine (${ENV_TOKEN})"
    )
    lab.add_argument(
        "--json",
        action="store_true",
        dest="json_before",
        help="print JSON; it may also stand behind the commands that have it",
    )
    commands = lab.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, words: str, *, json: bool = False) -> argparse.ArgumentParser:
        parser = commands.add_parser(
            name, help=words, description=f"{words[0].upper()}{words[1:]}."
        )
        parser.set_defaults(command=partial(_run, name.replace("-", "_")))
        if json:
            parser.add_argument("--json", action="store_true", help="print JSON")
        return parser

    _add_calls(add)
    _add_others(add)
    for name, words in FAULTS.items():
        fault = add(name, words)
        fault.set_defaults(command=partial(_run, "fault"), do=name.replace("-", " "))
        if name == "delay":
            fault.add_argument("--by", type=float, default=2.0, help="seconds (%(default)g)")
        if name in ("delay", "refuse-upgrades"):
            fault.add_argument("--lasts", type=float, default=10.0, help="seconds (%(default)g)")


def _run(name: str, options: argparse.Namespace) -> int:
    if options.json_before:
        if "json" not in options:
            raise CommandError("--json is for commands that list or show something: this has none")
        options.json = True
    commands = importlib.import_module(".commands", __package__)
    run: Callable[[str, argparse.Namespace], int] = commands.run
    return run(name, options)


Add: TypeAlias = Callable[..., argparse.ArgumentParser]


def _add_calls(add: Add) -> None:
    call = add("call", "let somebody call your program", json=True)
    call.add_argument("--from", dest="from_", metavar="NUMBER", help="who calls (+15550001111)")
    call.add_argument("--to", metavar="NUMBER", help="which number they call (+15550002222)")
    call.add_argument("--context", help="the context that gets the call (any)")
    way = call.add_mutually_exclusive_group()
    way.add_argument(
        "--live",
        action="store_true",
        help="they do what press, say and hangup tell them (so it is without --script)",
    )
    way.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help='they follow a script: a TOML file such as script = [{hear = "press"}, {press = "1"}]',
    )
    press = add("press", "press keys, as the person on a call")
    press.add_argument("call", nargs="?", metavar="CALL", help="which call")
    press.add_argument("digits", metavar="DIGITS", help="0 to 9, *, #, A to D")
    say = add("say", "say something, as the person on a call")
    say.add_argument("call", nargs="?", metavar="CALL", help="which call")
    say.add_argument("words", metavar="TEXT", help="what they say")
    for name, words in (
        ("hangup", "hang up, as the person on a call"),
        ("answer", "answer a call that rings"),
        ("decline", "decline a call that rings"),
    ):
        add(name, words).add_argument("call", nargs="?", metavar="CALL", help="which call")


def _add_others(add: Add) -> None:
    text = add("text", "let somebody send a text to your program", json=True)
    text.add_argument("--from", dest="from_", metavar="NUMBER", help="who sends (+15550001111)")
    text.add_argument("--to", metavar="NUMBER", help="the number that gets it (+15550002222)")
    text.add_argument("--media", action="append", default=[], metavar="URL", help="a picture")
    text.add_argument("body", metavar="TEXT", help="what it says")
    events = add("events", "show what happened", json=True)
    events.add_argument("--follow", action="store_true", help="go on with what happens next")
    events.add_argument("--call", metavar="CALL", help="only on this call")
    events.add_argument("--number", help="only about this number")
    events.add_argument(
        "--limit", type=int, default=50, help="show no more than LIMIT (%(default)s)"
    )
    add("calls", "list the calls", json=True)
    add("texts", "list the texts", json=True)
    add("programs", "list the programs that are connected", json=True)
    add("phones", "list the softphones", json=True)
    phone = add("phone", "add a softphone: calls to its number ring until they are answered")
    phone.add_argument("number", metavar="NUMBER")
    phone.add_argument("--name", default="", help="whose phone it is")
    phone.add_argument("--remove", action="store_true", help="remove it instead")
    add("numbers", "list the numbers that behave in a way of their own", json=True)
    number = add("number", "say how a number behaves: busy, no answer, …")
    number.add_argument("number", metavar="NUMBER")
    number.add_argument("does", nargs="?", metavar="DOES", help="busy, declines, machine, …")
    number.add_argument("--after", type=float, help="seconds until it answers or declines")
    number.add_argument("--reset", action="store_true", help="as it was at the start instead")
    play = add("play", "play a scenario, in place of the one that runs")
    play.add_argument("file", type=Path, metavar="FILE", help="as for relay sim FILE")
    add("stop", "stop the scenario that runs, or the callers of relay sim")
    save = add("save", "print what was just done as a test for pytest")
    save.add_argument("--call", metavar="CALL", help="only this call")
    save.add_argument(
        "--client", default="", metavar="MODULE:NAME", help="where your program's client is"
    )
    save.add_argument(
        "--threads", action="store_true", help="your program uses relay_sync, and no async"
    )
    add("reset", "hang up everything, and forget what was done")
