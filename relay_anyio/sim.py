"""``relay sim``: run the simulator, serve the page of the lab, and print what happens."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

import anyio
from rich.console import Console

from relay_proto.adapter.proxies import ProxyError, environment_proxy
from relay_proto.adapter.stories import MORE_THAN_ONE, other_side
from relay_proto.display import one_line
from relay_proto.exchange import (
    MAGIC_LINES,
    MAGIC_UNDELIVERABLE,
    Account,
    Exchange,
    ExchangeConfig,
    ExchangeTiming,
    FrameSeen,
    Happened,
    Heard,
    Line,
    What,
    Who,
    faster,
    faster_timing,
    read_scenario,
)
from relay_proto.exchange import Scenario as ReadScenario
from relay_proto.server import ServerConfig
from relay_proto.values.hosts import split_host

from ._output import OUTPUT, CommandError, cannot_listen, temporary_directory
from .lab.lab import About, Lab
from .lab.shapes import ScenarioState
from .simulator import Authority, Callers, Scenario, Simulator
from .simulator.certificates import NAMES
from .simulator.contents import audio_formats
from .simulator.files import FOLDER, Files
from .simulator.handshakes import Handshakes
from .simulator.scenario_file import read_file
from .simulator.schedule import Schedule
from .simulator.setups import TRUST, WITHOUT_TLS, Place

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
        authority = None if options.plain else _authority(options.state, options.name, stack)
        files = _files(authority, stack)
        anyio.run(_serve, options, authority, files)
    return 0


def _authority(state: Path | None, names: Sequence[str], stack: ExitStack) -> Authority:
    """The authority of this directory, or of the usual one, or one that ends with the run."""
    if state is not None:
        return Authority(state, names)
    try:
        return Authority(_usual_directory(), names)
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
    return Authority(state, names)


def _files(authority: Authority | None, stack: ExitStack) -> Files:
    """A place for recordings and faxes: with the temporary files, or else beside the authority.

    Raises:
        CommandError: nothing can be written anywhere.
    """
    try:
        made = temporary_directory("relay-files-")
    except CommandError:
        if authority is None:
            raise
        beside = authority.ca_file.parent
        made = TemporaryDirectory(prefix="files-", dir=beside, ignore_cleanup_errors=True)
    return Files(Path(stack.enter_context(made)))


def _token(options: argparse.Namespace) -> str:
    """The token that is accepted: one of its own if other machines can reach the port.

    Raises:
        CommandError: the simulator would be open to others.
    """
    alone = _is_this_machine(options.host)
    if options.plain and not alone:
        raise CommandError(
            f"--plain is for this machine alone: {options.host} can be reached from others"
        )
    if options.token == TOKEN and not alone:
        raise CommandError(
            f"everybody knows the token {TOKEN}: leave out --token, and the simulator makes one"
        )
    usual = TOKEN if alone else secrets.token_urlsafe(18)
    return options.token or usual


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _usual_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "relay-sim"


async def _serve(options: argparse.Namespace, authority: Authority | None, files: Files) -> None:
    names = (*NAMES, *options.name) if authority is None else authority.names
    token = _token(options)
    page = None if options.no_page else _Page(options, names, token)
    read = read_scenario({}) if options.file is None else read_file(options.file)
    usual = Scenario(
        context=options.context,
        digits=tuple(options.press) or ("1",),
        hear=options.hear,
        every=options.every,
        calls=options.calls,
    )
    config = ExchangeConfig(
        accounts=(Account(project=PROJECT, token=token, jwt_secret=options.jwt_secret),),
        numbers={usual.number: usual.context} if options.file is None else read.numbers,
        lines=(
            *(Line(line.address, faster(line.behaviour, read.speed)) for line in MAGIC_LINES),
            *read.lines,
        ),
        undeliverable=MAGIC_UNDELIVERABLE | read.undeliverable,
        timing=faster_timing(ExchangeTiming(), read.speed),
        epoch=time.time() - anyio.current_time(),
        files=f"{'http' if authority is None else 'https'}://{{host}}{FOLDER.rstrip('/')}",
        audio_formats=audio_formats(),
        server=ServerConfig(hosts=frozenset(names)),
        observed=page is not None,
    )
    reporter = _JSONReporter() if options.json else _Reporter(anyio.current_time(), options.setup)

    def tell(happened: Happened) -> None:
        people.observe(happened)
        reporter.happened(happened)
        lab.observe(happened)
        if options.cut and happened.what is What.LISTENED:
            tasks.start_soon(_cut, simulator)

    people = Callers(usual) if options.file is None else Schedule(read.schedule, tell)

    def watch(seen: FrameSeen | Heard) -> None:
        lab.watch(seen)

    exchange = Exchange(config, random.SystemRandom())
    ca_file = "" if authority is None else str(authority.ca_file.resolve())
    tls = None if authority is None else authority.server_context()
    handshakes = Handshakes(exchange, _complain, ca_file=ca_file, names=names)
    simulator = Simulator(exchange, tls, tell, handshakes, watch, files=files, hosts=names)
    lab = Lab(simulator, config, tell, speed=read.speed)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            port: int = await tasks.start(_start, simulator, options.host, options.port)
            space = f"{(options.name or ['localhost'])[0]}:{port}"
            place = Place(
                space=space,
                ca_file=ca_file,
                project=PROJECT,
                token=token,
                no_proxy=_without_proxy(*split_host(space)),
            )
            lab.introduce(_about(place))
            if page is not None:
                await tasks.start(page.serve, lab)
            reporter.ready(place, lab.url, "" if page is None else page.query)
            await tasks.start(lab.player.run)
            if not options.no_calls:
                lab.player.begin(partial(people.run, simulator), _played(options.file, read))
            await anext(signals)
            tasks.cancel_scope.cancel()


async def _cut(simulator: Simulator) -> None:
    await anyio.sleep(CUT_DELAY)
    simulator.cut()


def _without_proxy(host: str, port: int) -> tuple[str, str]:
    """Return what to set so that programs reach this host without the environment's proxy.

    A proxy of an office does not know this machine, or would not connect to it.
    """
    try:
        if environment_proxy(host, port).proxy is None:
            return "", ""
    except ProxyError:
        pass  # what the environment names cannot be used, and should not be
    name = "no_proxy" if "no_proxy" in os.environ else "NO_PROXY"  # as Python reads them
    return name, ",".join(filter(None, (os.environ.get(name, ""), host)))


def _complain(words: str) -> None:
    print(f"relay: {one_line(words)}", file=sys.stderr, flush=True)


async def _start(
    simulator: Simulator,
    host: str,
    port: int,
    *,
    task_status: anyio.abc.TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    try:
        await simulator.serve(host, port, task_status=task_status)
    except OSError as error:
        raise cannot_listen(f"port {port} cannot be used", host, error, "--port") from None


def _played(file: Path | None, read: ReadScenario) -> ScenarioState:
    """Return what is played from the start, for whoever asks the lab."""
    words = "the callers of relay sim" if file is None else str(file)
    now = time.time()
    return ScenarioState(words=words, started_at=now, speed=read.speed, numbers=len(read.lines))


def _about(place: Place) -> About:
    kinds = TRUST if place.ca_file else WITHOUT_TLS
    setup = {kind: place.setup(kind) for kind in kinds}
    return About(space=place.space, project=place.project, setup=setup, secrets=(place.token,))


def _as_called(host: str) -> str:
    """Return how a browser on this machine calls the host that the page listens at."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "localhost"
    return f"[{address}]" if address.version == 6 else host


class _Page:
    """The page and the HTTP API, for this machine or for whoever has the token."""

    def __init__(self, options: argparse.Namespace, names: Sequence[str], token: str) -> None:
        from .lab.guard import Guard
        from .lab.server import listen

        alone = _is_this_machine(options.host)
        self._guard = Guard(names, "" if alone else token)
        self.query = "" if alone else f"/?token={quote(token, safe='')}"
        """What lets a browser in, after the URL."""
        self._host = options.host
        self._listener = listen(options.host, options.page)

    async def serve(
        self, lab: Lab, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled."""
        from .lab.app import make_app
        from .lab.server import serve

        port = self._listener.getsockname()[1]
        lab.url = f"http://{_as_called(self._host)}:{port}"
        app = make_app(lab, self._guard)
        await serve(app, lab.hub, self._listener, task_status=task_status)


class CallsUp:
    """Tells apart the calls that are up, by the number of the other side."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}

    def label(self, happened: Happened) -> str:
        """Return what stands before a line: nothing as long as one call is up."""
        call_id = happened.call_id
        if happened.what in (What.CALLED, What.DIALED, What.OFFERED):
            self._labels.setdefault(call_id, self._free(other_side(happened)))
        labels = dict(self._labels)
        if happened.what is What.ENDED:
            self._labels.pop(call_id, None)
        if len(labels) < MORE_THAN_ONE:
            return ""
        width = max(map(len, labels.values()))
        return f"{labels.get(call_id, ''):<{width}}  "

    def _free(self, party: str) -> str:
        """Return the number, with a count behind it if another call has it already."""
        used = set(self._labels.values())
        counted = (f"{party} #{count}" for count in itertools.count(2))
        return next(label for label in itertools.chain([party], counted) if label not in used)


class _Reporter:
    """Print what happens, for people."""

    def __init__(self, started: float, setup: str) -> None:
        self._console = Console(file=OUTPUT, highlight=False)
        self._started = started
        self._setup = setup
        self._up = CallsUp()

    def ready(self, place: Place, page: str, query: str) -> None:
        """Print how a client connects, and where the page is."""
        setup = self._setup or ("python" if place.ca_file else "other")
        lines = place.setup(setup)
        self._console.print(f"The simulator is listening at {place.url}", soft_wrap=True)
        if page:
            self._console.print(
                f"To call your program from a page, open {page}{query}", soft_wrap=True
            )
        self._console.print("To connect a RELAY client, copy these lines into its shell:\n")
        for line in lines:
            self._console.print(f"  {line}", soft_wrap=True, markup=False)
        others = ", ".join(kind for kind in TRUST if kind != setup)
        self._console.print(f"\nFor other SDKs, start it with --setup and one of: {others}.\n")

    def happened(self, happened: Happened) -> None:
        """Print one thing that happened."""
        seconds = happened.at - self._started
        line = f"{seconds:7.2f}  {self._up.label(happened)}{one_line(happened.text)}"
        self._console.print(line, style=COLORS[happened.who], soft_wrap=True, markup=False)


class _JSONReporter:
    """Print what happens, for programs: one JSON object per line."""

    def ready(self, place: Place, page: str, query: str) -> None:  # noqa: ARG002 - has the token
        """Print the variables with which a client connects, and where the page is."""
        self._print({"ready": place.variables(), "page": page})

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
