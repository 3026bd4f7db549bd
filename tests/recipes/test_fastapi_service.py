"""The recipe of fastapi_service.py, rehearsed: requests and calls, both in virtual time.

It needs ``pip install fastapi httpx``.
"""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from fastapi_service import app, client, lifespan
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    HangUp,
    Hear,
    NoAnswer,
    Stage,
    What,
    Who,
    rehearse,
)

ANNA = "+15550003000"
HELLO = {"to": ANNA, "text": "Hello, this is a test."}


@asynccontextmanager
async def browser() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with lifespan(app), httpx.AsyncClient(transport=transport, base_url="http://it") as web:
        yield web


async def anna_is_called(stage: Stage) -> None:
    async with browser() as web:
        started = await web.post("/calls", json=HELLO)
        assert started.status_code == 202
        path = f"/calls/{started.json()['id']}"
        assert (await web.get(path)).json()["result"] == "calling"
        await anyio.sleep(60)
        assert (await web.get(path)).json()["result"] == "heard"


def test_a_request_calls_somebody() -> None:
    rehearse(client, anna_is_called)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        (Busy(), "not reached: busy"),
        (NoAnswer(), "not reached: noAnswer"),
        (Answers(script=(Hear("hello"), HangUp())), "not heard to the end"),
    ],
)
def test_the_result_says_how_it_went(line: Behaviour, result: str) -> None:
    async def scene(stage: Stage) -> None:
        async with browser() as web:
            path = f"/calls/{(await web.post('/calls', json=HELLO)).json()['id']}"
            await anyio.sleep(60)
            assert (await web.get(path)).json()["result"] == result

    rehearse(client, scene, lines={ANNA: line})


async def requests_are_wrong(stage: Stage) -> None:
    async with browser() as web:
        for to in ("me", "555 0100", "+1555000300٣"):
            assert (await web.post("/calls", json={"to": to, "text": "Hello"})).status_code == 422
        assert (await web.post("/calls", json={"to": ANNA, "text": ""})).status_code == 422
        assert (await web.get("/calls/nobody")).status_code == 404


async def the_connection_is_lost(stage: Stage) -> None:
    async with browser() as web:
        assert (await web.get("/health")).json() == {"relay": "ready"}
        stage.cut()
        await anyio.sleep(0.5)
        assert (await web.get("/health")).status_code == 503
        await client.wait_ready()
        assert (await web.get("/health")).status_code == 200


def test_a_request_is_answered_in_any_case() -> None:
    story = rehearse(client, requests_are_wrong, the_connection_is_lost)
    assert not story.all(What.DIALED)


async def the_server_stops_during_a_call(stage: Stage) -> None:
    async with browser() as web:
        await web.post("/calls", json={"to": ANNA, "text": "Hello. " * 100})
        await stage.until(What.PLAYED)


def test_a_server_that_stops_hangs_up() -> None:
    story = rehearse(client, the_server_stops_during_a_call)
    (ended,) = story.all(What.ENDED)
    assert ended.who is Who.PROGRAM
    assert ended.at - story.all(What.PLAYED)[0].at == pytest.approx(10, abs=1)


async def somebody_calls(stage: Stage) -> None:
    async with browser():
        await stage.over(stage.call(Caller("+15550001111")))


def test_a_call_is_answered() -> None:
    assert "Thank you for calling" in rehearse(client, somebody_calls).text
