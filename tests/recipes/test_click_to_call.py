"""The recipe of click_to_call.py, rehearsed: who answers, who does not, and who hangs up.

It needs ``pip install fastapi httpx``.
"""

import os

os.environ |= {"SIGNALWIRE_PROJECT_ID": "any", "SIGNALWIRE_API_TOKEN": "any"}

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

import anyio
import httpx
import pytest

import click_to_call
from call_states import CallStates
from click_to_call import AGENT, app, client, lifespan
from relay_anyio.testing import (
    Answers,
    Behaviour,
    Busy,
    HangUp,
    Hear,
    NoAnswer,
    Stage,
    Wait,
    What,
    rehearse,
)

CUSTOMER = "+15550004000"
STAYS, LEAVES = Answers(), Answers(script=(Wait(20), HangUp()))
LEAVES_AT_ONCE = Answers(script=(Hear("connecting"), HangUp()))


@asynccontextmanager
async def browser() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    with TemporaryDirectory() as folder:
        click_to_call.states = CallStates(f"{folder}/calls.db")
        async with (
            lifespan(app),
            httpx.AsyncClient(transport=transport, base_url="http://it") as web,
        ):
            yield web


async def a_click(stage: Stage) -> None:
    async with browser() as web:
        started = await web.post("/calls", params={"to": CUSTOMER})
        assert started.status_code == 202
        path = f"/calls/{started.json()['id']}"
        assert (await web.get(path)).json()["state"] == "answered"
        await anyio.sleep(100)
        assert (await web.get(path)).json()["state"] == "ended"
        assert (await web.get("/calls/another")).status_code == 404


def test_an_agent_and_a_customer_are_connected() -> None:
    story = rehearse(client, a_click, lines={AGENT: STAYS, CUSTOMER: LEAVES})
    assert story.all(What.CONNECTED)
    assert len(story.all(What.ENDED)) == 2


@pytest.mark.parametrize(
    ("agent", "customer", "connected"),
    [
        (LEAVES, STAYS, True),
        (STAYS, Busy(), False),
        (STAYS, NoAnswer(), False),
        (LEAVES_AT_ONCE, STAYS, False),
    ],
)
def test_nobody_is_left_in_silence(agent: Behaviour, customer: Behaviour, connected: bool) -> None:
    story = rehearse(client, a_click, lines={AGENT: agent, CUSTOMER: customer})
    assert bool(story.all(What.CONNECTED)) is connected
    assert len(story.all(What.ENDED)) == len(story.all(What.DIALED))


async def clicks_in_vain(stage: Stage) -> None:
    async with browser() as web:
        assert (await web.post("/calls", params={"to": CUSTOMER})).status_code == 502
        for to in ("me", "555 0100", "+1555000300٣"):
            assert (await web.post("/calls", params={"to": to})).status_code == 422


def test_a_click_in_vain_says_why() -> None:
    story = rehearse(client, clicks_in_vain, lines={AGENT: Busy()})
    assert len(story.all(What.DIALED)) == 1
