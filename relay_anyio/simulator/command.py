"""``relay sim``: run the simulator and print what happens in it."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console

from relay_proto.config import ENV_CA_FILE, ENV_HOST, ENV_PROJECT, ENV_TOKEN
from relay_proto.display import one_line
from relay_proto.exchange import Account, Exchange, ExchangeConfig, Happened, What, Who
from relay_proto.server import ServerConfig

from .._output import OUTPUT, CommandError, temporary_directory
from .certificates import NAMES, Authority
from .scenario import Callers, Scenario
from .server import Simulator

PROJECT: Final = "demo-project"
TOKEN: Final = "demo-token"
CUT_DELAY: Final = 0.5
"""Seconds between the start of a collect and the moment when ``--cut`` cuts."""
COLORS: Final[Mapping[Who, str]] = {
    Who.CALLER: "cyan",
    Who.PROGRAM: "green",
    Who.EXCHANGE: "bright_black",
}


def run(options: argparse.Namespace) -> int:
    """Run the simulator until SIGINT or SIGTERM."""
    with ExitStack() as stack:
        anyio.run(_serve, options, _authority(options.state, stack))
    return 0


def _authority(state: Path | None, stack: ExitStack) -> Authority:
    """The authority of this directory, or of the usual one, or one that ends with the run."""
    if state is not None:
        return Authority(state)
    try:
        return Authority(_usual_directory())
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows where the home is
        why = error
    try:
        state = Path(stack.enter_context(temporary_directory("relay-sim-")))
    except CommandError as error:
        raise CommandError(f"{why}. {error}, or name a directory with --state") from None
    print(
        f"relay: the certificate authority is not kept, because there is no place for it: {why}. "
        "The next run makes another one. To keep it, name a directory with --state",
        file=sys.stderr,
    )
    return Authority(state)


def _usual_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "relay-sim"


async def _serve(options: argparse.Namespace, authority: Authority) -> None:
    scenario = Scenario(
        context=options.context,
        digits=tuple(options.press) or ("1",),
        hear=options.hear,
        every=options.every,
        calls=options.calls,
    )
    config = ExchangeConfig(
        accounts=(Account(project=PROJECT, token=TOKEN, jwt_secret=options.jwt_secret),),
        numbers={scenario.number: scenario.context},
        epoch=time.time() - anyio.current_time(),
        server=ServerConfig(hosts=frozenset(NAMES)),
    )
    callers = Callers(scenario)
    reporter = _JSONReporter() if options.json else _Reporter(anyio.current_time())

    def tell(happened: Happened) -> None:
        callers.observe(happened)
        reporter.happened(happened)
        if options.cut and happened.what is What.LISTENED:
            tasks.start_soon(_cut, simulator)

    simulator = Simulator(Exchange(config, random.SystemRandom()), authority.server_context(), tell)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            port: int = await tasks.start(_start, simulator, options.port)
            reporter.ready(
                {
                    ENV_HOST: f"localhost:{port}",
                    ENV_CA_FILE: str(authority.ca_file.resolve()),
                    ENV_PROJECT: PROJECT,
                    ENV_TOKEN: TOKEN,
                }
            )
            tasks.start_soon(callers.call, simulator)
            await anext(signals)
            tasks.cancel_scope.cancel()


async def _cut(simulator: Simulator) -> None:
    await anyio.sleep(CUT_DELAY)
    simulator.cut()


async def _start(
    simulator: Simulator,
    port: int,
    *,
    task_status: anyio.abc.TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    try:
        await simulator.serve(port=port, task_status=task_status)
    except OSError as error:
        raise OSError(f"port {port} cannot be used ({error}): choose another with --port") from None


class _Reporter:
    """Print what happens, for people."""

    def __init__(self, started: float) -> None:
        self._console = Console(file=OUTPUT, highlight=False)
        self._started = started

    def ready(self, variables: Mapping[str, str]) -> None:
        """Print the variables with which a client connects."""
        self._console.print("The simulator is listening. To connect a RELAY client, set these")
        self._console.print("variables. The last two are credentials that it accepts:\n")
        for name, value in variables.items():
            self._console.print(f"  export {name}={value}", soft_wrap=True, markup=False)
        self._console.print()

    def happened(self, happened: Happened) -> None:
        """Print one thing that happened."""
        seconds = happened.at - self._started
        line = f"{seconds:7.2f}  {one_line(happened.text)}"
        self._console.print(line, style=COLORS[happened.who], soft_wrap=True, markup=False)


class _JSONReporter:
    """Print what happens, for programs: one JSON object per line."""

    def ready(self, variables: Mapping[str, str]) -> None:
        """Print the variables with which a client connects."""
        self._print({"ready": dict(variables)})

    def happened(self, happened: Happened) -> None:
        """Print one thing that happened."""
        self._print(
            {
                "at": happened.at,
                "call_id": happened.call_id,
                "who": happened.who.value,
                "what": happened.what.value,
                "details": dict(happened.details),
                "text": happened.text,
            }
        )

    def _print(self, value: Mapping[str, object]) -> None:
        OUTPUT.write(json.dumps(value) + "\n")
        OUTPUT.flush()
