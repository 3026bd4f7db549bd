"""`call.log`: lines of the application's own that say which call they are about."""

from __future__ import annotations

import logging

import pytest

from relay_anyio import Call
from relay_proto.exchange import What
from tests.adapters.support import ANSWERING, CALLER, Heard, World, answered_call, phone

pytestmark = pytest.mark.anyio

FORMAT = "%(call_id)s %(direction)s %(number)s %(message)s"


async def test_a_line_says_which_call_it_is_about(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.INFO, f"{package}.call")
    async with answered_call(world, world.client()) as call:
        call.log.info("wants %s", "sales")
        assert call.log is call.log
    (record,) = [one for one in caplog.records if one.name == f"{package}.call"]
    shown = logging.Formatter(FORMAT).format(record)
    assert shown == f"{call.call_id} inbound +1555… wants sales"
    assert CALLER not in shown


async def test_of_a_call_that_was_dialled_it_has_the_number_dialled(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    async with world.client(show_personal_data=True) as client:
        call = await client.dial([[phone(ANSWERING)]])
        call.log.warning("100 %", extra={"number": "none", "order": 7})
        call.log.error("lost")
    first, second = [one for one in caplog.records if one.name == f"{package}.call"]
    shown = logging.Formatter(f"{FORMAT} %(order)s").format(first)
    assert shown == f"{call.call_id} outbound none 100 % 7"
    assert logging.Formatter(FORMAT).format(second).endswith(f"outbound {ANSWERING} lost")


async def test_a_call_that_logs_nothing_keeps_nothing_for_it(world: World) -> None:
    offered: Heard[Call] = Heard()
    async with world.client() as client:
        client.on_call(offered)
        world.place_call()
        call = await offered.next()
        assert "log" not in vars(getattr(call, "hidden", call))
        call.log.debug("hello")
        assert "log" in vars(getattr(call, "hidden", call))


async def test_lines_of_the_library_about_a_call_have_its_id(
    world: World, caplog: pytest.LogCaptureFixture, package: str
) -> None:
    caplog.set_level(logging.INFO, package)
    client = world.client()

    @client.on_call
    async def fail(call: Call) -> None:
        raise RuntimeError("oops")

    async with client:
        called = world.place_call()
        await world.until(What.ENDED, call_id=called)
    about = [vars(one).get("call_id") for one in caplog.records if called in one.getMessage()]
    assert about == [called, called]  # it has failed, and so its call is hung up
