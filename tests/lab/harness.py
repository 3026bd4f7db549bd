"""A lab that runs in a thread, and what a test says to it over HTTP.

Everything in it is ten times as fast as usual, so that a test does not wait long.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import anyio
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal

import relay_sync
from relay_anyio.lab.app import make_app
from relay_anyio.lab.guard import Guard
from relay_anyio.lab.lab import About, Lab
from relay_anyio.lab.server import listen, serve
from relay_anyio.simulator import Authority, Simulator
from relay_anyio.simulator.certificates import NAMES
from relay_proto.exchange import (
    ANY_CONTEXT,
    MAGIC_LINES,
    MAGIC_UNDELIVERABLE,
    Account,
    Exchange,
    ExchangeConfig,
    ExchangeTiming,
    FrameSeen,
    Happened,
    Heard,
    faster_timing,
)

PROJECT: Final = "lab-project"
TOKEN: Final = "lab-token-0123456789"
OFFICE: Final = "+15550002222"
ANN: Final = "+15550003333"
SPEED: Final = 10.0
PATIENCE: Final = 30.0
"""Seconds after which a test fails that waits."""

Object = dict[str, Any]


class Answer:
    """The answer to a request."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class LabRunner:
    """A running lab, as a client of its API sees it."""

    def __init__(
        self, portal: BlockingPortal, lab: Lab, relay_port: int, port: int, ca_file: str
    ) -> None:
        self._portal = portal
        self._ca_file = ca_file
        self.lab = lab
        self.relay_port = relay_port
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Make a request, and return the answer, whatever it is."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if method != "GET":
            given.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            sent = None if method == "GET" and body is None else data
            connection.request(method, path, sent, given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, body: object = None) -> Any:
        """Make a request that works, and return its JSON."""
        return self.send("POST", path, body)

    def send(self, method: str, path: str, body: object = None) -> Any:
        answer = self.ask(method, path, {} if body is None else body)
        assert answer.status in (200, 201, 202), answer.body
        return answer.json

    def refusal(self, method: str, path: str, body: object = None, **headers: str) -> str:
        """Make a request that is refused; return the status, where, and the words."""
        answer = self.ask(method, path, {} if body is None else body, **headers)
        said = answer.json
        return " ".join(str(part) for part in (answer.status, said["where"], said["error"]) if part)

    def call(self, call_id: str) -> Any:
        return self.get(f"/api/calls/{call_id}")

    @contextmanager
    def stream(self, query: str = "", **headers: str) -> Generator[Events]:
        """Read the stream."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/api/stream{query}", headers=given)
            yield Events(connection.getresponse())
        finally:
            connection.close()

    def until(self, path: str, fits: Callable[[Any], bool]) -> Any:
        """Wait until what is at a path fits, looking again after each thing that happens."""
        with self.stream("?frames=1") as events:
            deadline = time.monotonic() + PATIENCE
            while not fits(value := self.get(path)):
                assert time.monotonic() < deadline, value
                next(iter(events))
            return value

    def until_call(self, call_id: str, fits: Callable[[Any], bool]) -> Any:
        return self.until(f"/api/calls/{call_id}", fits)

    def client(self, *contexts: str) -> relay_sync.RelayClient:
        """A client of the lab; it is not connected yet."""
        return relay_sync.RelayClient(
            project=PROJECT,
            token=TOKEN,
            host=f"localhost:{self.relay_port}",
            contexts=list(contexts or ("office",)),
            ssl_context=ssl.create_default_context(cafile=self._ca_file),
            proxy=False,
        )

    def do(self, function: Callable[[], object]) -> None:
        """Call something in the thread of the lab."""
        self._portal.call(function)


class Events:
    """The events of a stream, one after the other: kind, id and data."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        self._response = response
        self.patience = PATIENCE

    def __iter__(self) -> Iterator[tuple[str, int, Any]]:
        kind, number = "", 0
        deadline = time.monotonic() + self.patience
        for line in self._response:
            assert time.monotonic() < deadline, "nothing that fits has come in time"
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                kind = value
            elif key == "id":
                number = int(value)
            elif key == "data":
                yield kind, number, json.loads(value)

    def until(self, kind: str, **facts: object) -> Any:
        """Read until an event of this kind has these facts."""
        for found, _, value in self:
            if found == kind and facts.items() <= value.items():
                return value
        raise AssertionError(f"the stream has ended before {kind} {facts}")


@contextmanager
def running(
    authority: Authority, *, token: str = "", names: tuple[str, ...] = NAMES
) -> Generator[LabRunner]:
    """Run a lab in a thread."""
    with start_blocking_portal() as portal:
        future, found = portal.start_task(_serve, authority, Guard(names, token))
        lab, relay_port, port = found
        runner = LabRunner(portal, lab, relay_port, port, str(authority.ca_file))
        try:
            yield runner
        finally:
            future.cancel()


async def _serve(
    authority: Authority,
    guard: Guard,
    *,
    task_status: TaskStatus[tuple[Lab, int, int]] = anyio.TASK_STATUS_IGNORED,
) -> None:
    config = ExchangeConfig(
        accounts=(Account(project=PROJECT, token=TOKEN),),
        numbers={OFFICE: ANY_CONTEXT},
        lines=MAGIC_LINES,
        undeliverable=MAGIC_UNDELIVERABLE,
        timing=faster_timing(ExchangeTiming(), SPEED),
        epoch=time.time() - anyio.current_time(),
        observed=True,
    )

    def tell(happened: Happened) -> None:
        lab.observe(happened)

    def watch(seen: FrameSeen | Heard) -> None:
        lab.watch(seen)

    exchange = Exchange(config, random.Random())
    simulator = Simulator(exchange, authority.server_context(), tell, watch=watch)
    lab = Lab(simulator, config, tell, speed=SPEED)
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    lab.url = f"http://127.0.0.1:{port}"
    async with anyio.create_task_group() as tasks:
        relay_port: int = await tasks.start(simulator.serve)
        lab.introduce(About(space=f"localhost:{relay_port}", project=PROJECT, secrets=(TOKEN,)))
        await tasks.start(lab.player.run)
        await tasks.start(serve, make_app(lab, guard), lab.hub, listener)
        task_status.started((lab, relay_port, port))
        await anyio.sleep_forever()


def path_of(number: str) -> str:
    return quote(number, safe="")
