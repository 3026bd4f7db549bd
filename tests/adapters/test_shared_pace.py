"""A shared pace: dials and texts wait until somebody else says that it is their turn."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

import anyio
import anyio.to_thread
import pytest

from relay_anyio import (
    ClientClosedError,
    DialFailedError,
    Limits,
    RelayClient,
    RequestQueueFullError,
    RequestTimeoutError,
    Timing,
)
from relay_proto.adapter.shared_pace import Paced, WhenAway
from relay_proto.exchange import TextMessage, What
from tests.adapters.service import Service, in_a_program, threads_of_clients
from tests.adapters.support import (
    ANSWERING,
    BUSY,
    CALLER,
    OFFICE,
    SILENT,
    Heard,
    World,
    phone,
)

pytestmark = pytest.mark.anyio

SOON = 0.02
AWAY = "the shared pace cannot be reached: ConnectionError: nobody is there. Until it can be, "


class Office:
    """Says whose turn it is: those who ask while there is room. It may be away."""

    def __init__(
        self,
        room: int = 1000,
        *,
        when_away: WhenAway = "wait",
        renew_interval: float = 60.0,
        kinds: Collection[str] = ("dials", "texts"),
    ) -> None:
        self.when_away: WhenAway = when_away
        self.renew_interval = renew_interval
        self._kinds = kinds
        self.away: Exception | None = None
        self.room = room
        self.taken: dict[str, str] = {}
        self.renewed: set[str] = set()
        self.asked = 0
        self._changed = threading.Condition()

    def paces(self, kind: Paced) -> bool:
        return kind in self._kinds

    def take(self, kind: Paced, place: str) -> float | None:
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
            self._reach()
            if len(self.taken) >= self.room:
                return SOON
            self.taken[place] = kind
            return None

    def renew(self, kind: Paced, places: Collection[str]) -> None:
        with self._changed:
            self._reach()
            self.renewed.update(places)
            self._changed.notify_all()

    def give_back(self, kind: Paced, places: Collection[str]) -> None:
        with self._changed:
            self._reach()
            for place in places:
                del self.taken[place]
            self._changed.notify_all()

    def _reach(self) -> None:
        if self.away is not None:
            raise self.away

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait until it has, whichever thread does it."""

        def wait() -> None:
            with self._changed:
                assert self._changed.wait_for(happened, 30.0)

        await anyio.to_thread.run_sync(wait)

    async def until_asked(self) -> None:
        """Wait until somebody has asked once more than now."""
        before = self.asked
        await self.until(lambda: self.asked > before)

    def changed(self, **values: Any) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(self, name, value)


def client_with(world: World, office: Office, **arguments: Any) -> RelayClient:
    return world.client(shared_pace=office, **arguments)


async def test_a_dial_takes_a_place_until_it_is_decided(world: World) -> None:
    office = Office()
    async with client_with(world, office) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.dial, [[phone(SILENT)], [phone(ANSWERING)]])
        await world.until(What.DIALED, to=SILENT)
        assert list(office.taken.values()) == ["dials"]
        with pytest.raises(DialFailedError):
            await client.dial_phone(BUSY, OFFICE)
        await office.until(lambda: len(office.taken) == 1)
        tasks.cancel_scope.cancel()
    await office.until(lambda: not office.taken)


async def test_a_dial_whose_turn_has_not_come_is_not_sent(world: World) -> None:
    office = Office(room=0)
    async with client_with(world, office) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.dial_phone, ANSWERING, OFFICE)
        await office.until(lambda: office.asked > 3)
        assert not world.all(What.DIALED)
        office.changed(room=1)
        await world.until(What.ANSWERED)
    await office.until(lambda: not office.taken)


async def test_texts_and_replies_take_their_turns(world: World) -> None:
    office = Office()
    heard: Heard[Any] = Heard()
    async with client_with(world, office) as client:
        client.on_message(heard)
        sent = await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hi")
        assert office.asked == 1
        text = TextMessage(CALLER, OFFICE, "Yes")
        world.simulator.command(world.exchange.receive_text, text)
        await (await heard.next()).reply("Thank you")
        assert office.asked == 2
        assert sent.message_id
    await office.until(lambda: not office.taken)


async def test_what_has_no_pace_does_not_wait(world: World) -> None:
    office = Office(room=0, kinds=["texts"])
    async with client_with(world, office) as client:
        await client.dial_phone(ANSWERING, OFFICE)
    assert not office.asked


async def test_those_who_dial_from_other_numbers_take_turns(world: World) -> None:
    office = Office(room=0)
    dialed: list[str] = []
    async with client_with(world, office) as client, anyio.create_task_group() as tasks:

        async def dial(number: str, by: str) -> None:
            await client.dial_phone(number, by)
            dialed.append(number)

        for place, by in enumerate((OFFICE, OFFICE, OFFICE, CALLER)):
            tasks.start_soon(dial, f"+1555000999{place}", by)
            await office.until_asked()
        office.changed(room=1)
    assert [number[-1] for number in dialed] == ["0", "1", "3", "2"]


async def test_a_turn_that_does_not_come_in_time(world: World) -> None:
    office = Office(room=0)
    timing = Timing(pace_timeout=0.05)
    async with client_with(world, office, timing=timing) as client:
        with pytest.raises(RequestTimeoutError) as raised:
            await client.dial_phone(ANSWERING, OFFICE)
        assert str(raised.value) == (
            "calling.dial: not sent within 0.05 s, because its turn did not come"
        )
        assert not raised.value.sent
        office.changed(room=1)
        await client.dial_phone(ANSWERING, OFFICE)
    assert len(world.all(What.DIALED)) == 1


async def test_who_goes_away_before_the_turn_leaves_the_place_to_the_next(world: World) -> None:
    office = Office(room=0)
    async with client_with(world, office) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.dial_phone, SILENT, OFFICE)
            await office.until_asked()
            tasks.cancel_scope.cancel()
        office.changed(room=1)
        await client.dial_phone(ANSWERING, OFFICE)
    assert [h.details["to"] for h in world.all(What.DIALED)] == [ANSWERING]
    await office.until(lambda: not office.taken)


async def test_so_many_wait_for_their_turn(world: World) -> None:
    office = Office(room=0)
    limits = Limits(queued_requests=1)
    async with (
        client_with(world, office, limits=limits) as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(client.dial_phone, SILENT, OFFICE)
        await office.until_asked()
        with pytest.raises(RequestQueueFullError, match="queued_requests"):
            await client.dial_phone(ANSWERING, OFFICE)
        tasks.cancel_scope.cancel()


async def test_those_who_wait_hear_of_the_end(world: World) -> None:
    office = Office(room=0)
    ended: list[Exception] = []
    client = client_with(world, office)
    await client.connect()

    async def dial() -> None:
        try:
            await client.dial_phone(ANSWERING, OFFICE)
        except ClientClosedError as error:
            ended.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dial)
        await office.until_asked()
        await client.disconnect()
    assert len(ended) == 1
    with pytest.raises(ClientClosedError):
        await client.dial_phone(ANSWERING, OFFICE)


async def test_a_client_that_is_not_connected_asks_nobody(world: World) -> None:
    office = Office()
    with pytest.raises(ClientClosedError):
        await client_with(world, office).dial_phone(ANSWERING, OFFICE)
    assert not office.asked


async def test_places_are_renewed_while_a_dial_is_under_way(world: World) -> None:
    office = Office(renew_interval=0.01)
    async with client_with(world, office) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.dial_phone, SILENT, OFFICE)
        await world.until(What.DIALED)
        tasks.start_soon(client.dial_phone, SILENT, OFFICE)
        await world.until(What.DIALED, times=2)
        await office.until(lambda: len(office.renewed) == 2)
        tasks.cancel_scope.cancel()


async def test_while_the_pace_is_away_dials_wait(
    world: World, package: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, package)
    office = Office()
    office.away = ConnectionError("nobody is there")
    timing = Timing(pace_timeout=0.1, retry_min_delay=0.01)
    async with client_with(world, office, timing=timing) as client:
        with pytest.raises(RequestTimeoutError) as raised:
            await client.dial_phone(ANSWERING, OFFICE)
        assert str(raised.value).endswith(
            "because its turn did not come: the shared pace cannot be reached "
            "(ConnectionError: nobody is there)"
        )
        assert not world.all(What.DIALED)
    patient = client_with(world, office)
    office.changed(away=OSError())
    async with patient, anyio.create_task_group() as tasks:
        tasks.start_soon(patient.dial_phone, ANSWERING, OFFICE)
        await office.until_asked()
        office.changed(away=None)
        await world.until(What.ANSWERED)
    told = [line for line in caplog.messages if "shared pace" in line]
    assert told == [
        AWAY + "dials wait",
        "the shared pace cannot be reached: OSError. Until it can be, dials wait",
        "the shared pace can be reached again: dials take their turns",
    ]


async def test_while_the_pace_is_away_dials_may_go_on(
    world: World, package: str, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(room=0, when_away="local")
    office.away = ConnectionError("nobody is there")
    async with client_with(world, office) as client:
        for _ in range(3):
            await client.dial_phone(ANSWERING, OFFICE)
    assert office.asked == 1, "it is left alone for a while"
    assert len(world.all(What.DIALED)) == 3
    assert [line for line in caplog.messages if "shared pace" in line] == [
        AWAY + "dials go on without it"
    ]


@pytest.mark.async_only("threads have a test of their own")
async def test_a_program_writes_down_that_it_dials(world: World) -> None:
    office = Office(room=2)
    async with client_with(world, office) as client:
        async with client.turn_to_dial():
            assert list(office.taken.values()) == ["dials"]
            assert not world.all(What.DIALED)
            await client.dial_phone(ANSWERING, OFFICE)
            await client.send_message(to_number=CALLER, from_number=OFFICE, body="Hi")
        await office.until(lambda: not office.taken)
        assert office.asked == 2
    async with world.client() as client, client.turn_to_dial():
        await client.dial_phone(ANSWERING, OFFICE)


@pytest.mark.async_only("a thread that begins in the block has not its context")
async def test_a_turn_is_for_one_dial_and_ends_with_its_block(world: World) -> None:
    office, over = Office(), anyio.Event()
    async with client_with(world, office) as client, anyio.create_task_group() as tasks:

        async def dial() -> None:
            await client.dial_phone(ANSWERING, OFFICE)

        async def dial_later() -> None:
            await over.wait()
            await dial()

        async with client.turn_to_dial(), anyio.create_task_group() as inside:
            tasks.start_soon(dial_later)
            for _ in range(3):
                inside.start_soon(dial)
        assert office.asked == 3, "one dial has the turn, and two wait for theirs"
        async with client.turn_to_dial():
            tasks.start_soon(dial_later)
        over.set()
    await office.until(lambda: not office.taken)
    assert office.asked == 6, "what begins after the block waits for its turn"


async def test_a_pace_that_answers_nonsense_is_away_until_it_does_not(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    answers: list[Any] = ["0.1", float("nan"), [], SystemExit(), UnprintableError()]

    class Odd(Office):
        def take(self, kind: Paced, place: str) -> float | None:
            if not answers:
                return super().take(kind, place)
            answer: Any = answers.pop()
            if isinstance(answer, BaseException):
                raise answer
            found: float | None = answer
            return found

    async with client_with(world, Odd()) as client:
        await client.dial_phone(ANSWERING, OFFICE)
    assert not answers
    assert "the shared pace cannot be reached: UnprintableError. Until it can be, " in caplog.text


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf"), 1e10, "1", None])
async def test_a_pace_renews_at_times_that_a_thread_can_wait(world: World, interval: Any) -> None:
    office = Office()
    office.renew_interval = interval
    with pytest.raises((TypeError, ValueError), match=r"shared_pace\.renew_interval must be "):
        world.client(shared_pace=office)


async def test_a_blocking_program_writes_down_that_it_dials(world: World) -> None:
    office = Office(room=1)

    def program(service: Service) -> None:
        with service.client(shared_pace=office) as client:
            with client.turn_to_dial():
                assert list(office.taken.values()) == ["dials"]
                client.dial_phone(ANSWERING, OFFICE)
            client.dial_phone(ANSWERING, OFFICE)
        with service.client() as client, client.turn_to_dial():
            client.dial_phone(ANSWERING, OFFICE)

    await in_a_program(world, program)
    await office.until(lambda: not office.taken)
    assert office.asked >= 2


async def test_no_thread_is_left(world: World) -> None:
    office = Office()
    async with client_with(world, office) as client:
        await client.dial_phone(ANSWERING, OFFICE)
    await office.until(lambda: not office.taken)
    while any("relay pace" in thread.name for thread in threading.enumerate()):
        await anyio.to_thread.run_sync(threading.Event().wait, 0.01)
    assert not [name for name in threads_of_clients() if "pace" in name]


async def test_what_is_no_pace_is_refused(world: World) -> None:
    with pytest.raises(TypeError, match=r"shared_pace must be a relay_pace\.SharedPace"):
        world.client(shared_pace="redis://localhost")
    async with world.client(shared_pace=None) as client:
        await client.dial_phone(ANSWERING, OFFICE)
