"""A trouble that comes thousands of times is a line and a count; a log that fails ends nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import anyio
import pytest

from relay_anyio import Call, Limits, RelayClient, RelayEvent, Timing
from relay_proto.exchange import What
from tests.adapters.peers import Peer, client_of, oblige, serving
from tests.adapters.support import Certificates, Heard, World

pytestmark = pytest.mark.anyio

MANY = 300
MOST_LINES = 3
"""A line, and a count at the end: on threads, listeners may go on a bit behind it."""
PLAY: Final = "calling.call.play"


Flood = Callable[[Peer], Awaitable[None]]


async def events(peer: Peer) -> None:
    for _ in range(MANY):
        await peer.event(PLAY, call_id="call-1", control_id="control-1", state="playing")


async def repeated_events(peer: Peer) -> None:
    frame = {"jsonrpc": "2.0", "id": "e-1", "method": "signalwire.event"}
    event = {"event_type": PLAY, "params": {"call_id": "call-1", "state": "playing"}}
    for _ in range(MANY):
        await peer.send({**frame, "params": event})


async def unknown_methods(peer: Peer) -> None:
    for _ in range(MANY):
        await peer.ask("signalwire.novelty")


async def events_without_a_type(peer: Peer) -> None:
    for _ in range(MANY):
        await peer.ask("signalwire.event")


async def malformed_frames(peer: Peer) -> None:
    for number in range(MANY):
        await peer.send_text(b"{" + b" " * number)


async def refused_offers(peer: Peer) -> None:
    for number in range(MANY):
        await peer.offer_call(f"offer-{number}")


async def late_offers(peer: Peer) -> None:
    await peer.call_state("ended")
    for _ in range(MANY):
        await peer.offer_call()


async def needless_replies(peer: Peer) -> None:
    for number in range(MANY):
        await peer.reply({"id": f"r-{number}"})


async def messages_without_a_handler(peer: Peer) -> None:
    for number in range(MANY):
        await peer.event("messaging.receive", message_id=f"m-{number}", context="office")


FLOODS: dict[Flood, str] = {
    repeated_events: "ignored: an event that came before",
    unknown_methods: "a request with an unknown method",
    events_without_a_type: "an event without a type",
    malformed_frames: "is no frame",
    refused_offers: "was passed back",
    late_offers: "the offer of a call that has ended",
    needless_replies: "a reply to a request that is not waiting",
    messages_without_a_handler: "is ignored, because there is no handler",
}


async def hear(
    certificates: Certificates,
    flood: Flood,
    prepare: Callable[[RelayClient], object] = lambda client: None,
    release: Callable[[], object] = lambda: None,
    *,
    done: Callable[[], bool] = lambda: True,
    **arguments: Any,
) -> None:
    """Connect a client to a peer that floods it, and disconnect it when it has heard all.

    It goes on asking until all is `done` that the handlers do.
    """

    async def script(peer: Peer) -> None:
        await peer.welcome()
        await peer.offer_call()
        await flood(peer)
        await oblige(peer)

    async with serving(certificates.server_context(), script) as host:
        client = client_of(host, **arguments)
        prepare(client)
        async with client:
            await client.execute("test.echo", {})
            release()
            while not done():
                await client.execute("test.echo", {})


def alike(caplog: pytest.LogCaptureFixture, package: str, words: str) -> list[str]:
    """The lines in which these words are, but for those that show a frame."""
    said = (record.getMessage() for record in caplog.records if record.name == package)
    return [line for line in said if words in line and line[0] not in "<>"]


def counted(lines: list[str]) -> int:
    """How often it came, as the lines say."""
    counts = (re.search(r"\(the last of ([\d,]+) like this in ", line) for line in lines)
    return sum(int(found[1].replace(",", "")) if found else 1 for found in counts)


def ignore(call: Call) -> None: ...


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
async def test_a_flood_from_the_server_is_a_line_and_a_count(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str, flood: Flood
) -> None:
    caplog.set_level(logging.DEBUG, package)
    takes_calls = flood is not refused_offers
    no_grace = Timing(handler_grace=0.0)
    await hear(
        certificates,
        flood,
        lambda client: takes_calls and client.on_call(ignore),
        timing=no_grace,
    )
    lines = alike(caplog, package, FLOODS[flood])
    assert len(lines) == 2
    assert MANY - 1 <= counted(lines) <= MANY + 1


async def test_events_for_which_there_is_no_room_are_a_line_and_a_count(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    released = anyio.Event()

    async def stuck(event: RelayEvent) -> None:
        await released.wait()

    await hear(
        certificates,
        events,
        lambda client: client.on(PLAY, stuck),
        released.set,
        limits=Limits(listener_backlog=2),
    )
    lines = alike(caplog, package, "is dropped")
    assert len(lines) == 2
    assert "because the backlog has 2 events" in lines[0]
    assert counted(lines) == MANY - 3


async def test_a_listener_that_fails_each_time_is_a_traceback_and_a_count(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    def fail(event: RelayEvent) -> None:
        raise ZeroDivisionError

    await hear(certificates, events, lambda client: client.on(PLAY, fail))
    assert sum(record.exc_info is not None for record in caplog.records) == 1
    lines = alike(caplog, package, " failed on ")
    assert len(lines) <= MOST_LINES
    assert counted(lines) == MANY


async def test_handlers_that_fail_are_counted_with_the_ids_of_their_calls(
    certificates: Certificates, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    failed: list[Call] = []

    def fail(call: Call) -> None:
        failed.append(call)
        raise ZeroDivisionError

    def prepare(client: RelayClient) -> None:
        client.on_call(fail, on_error="leave")

    await hear(certificates, refused_offers, prepare, done=lambda: len(failed) > MANY)
    lines = alike(caplog, package, " failed on ")
    assert len(lines) <= MOST_LINES
    assert counted(lines) == MANY + 1
    assert len(set(re.findall(r"offer-\d+", "".join(lines)))) >= 10


# A log that fails


class Failing(logging.Handler):
    """Fails on every line."""

    lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        raise {0: ZeroDivisionError, 1: GeneratorExit, 2: ValueError}[self.lines % 3]("the log")


@pytest.fixture(params=["handler", "filter"])
def failing(request: pytest.FixtureRequest, package: str) -> Iterator[Failing]:
    failing = Failing()
    logger = logging.getLogger(package)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    if request.param == "handler":
        logger.addHandler(failing)
    else:
        logger.addFilter(failing.emit)  # type: ignore[arg-type]
    yield failing
    logger.removeHandler(failing)
    logger.removeFilter(failing.emit)  # type: ignore[arg-type]
    logger.setLevel(level)


async def test_a_log_that_fails_on_every_line_ends_nothing(world: World, failing: Failing) -> None:
    served: Heard[Call] = Heard()

    async def serve(call: Call) -> None:
        await call.answer()
        served(call)
        raise ZeroDivisionError

    client = world.client()
    client.on_call(serve)
    async with client:
        for times in (1, 2, 3):
            world.place_call()
            await served.next()
            world.cut()
            await world.until(What.SESSION_RESUMED, times=times)
        await client.receive(["sales"])
    assert failing.lines > 10
