"""A FastAPI service: a request calls somebody and speaks a text; calls that come in are answered.

Needs: pip install fastapi uvicorn. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone
number that is assigned to the context "office". OUR_NUMBER is this number.
Run: uvicorn fastapi_service:app
     curl -H 'Content-Type: application/json' \
          -d '{"to": "+15550003000", "text": "Hello"}' http://127.0.0.1:8000/calls
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from relay_anyio import Call, DialFailedError, DialTimeoutError, Done, RelayClient, RelayError

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
MOST_REMEMBERED = 1000

client = RelayClient(contexts=["office"])
results: dict[str, str] = {}


class Announcement(BaseModel):
    to: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    text: str = Field(min_length=1, max_length=1000)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    await client.connect(retry=True, timeout=60)
    async with anyio.create_task_group() as app.state.tasks:
        yield
        await client.drain(10, hang_up=True)  # calls that are up get 10 s


app = FastAPI(lifespan=lifespan)


@app.post("/calls", status_code=202)
async def start(announcement: Announcement) -> dict[str, str]:
    while len(results) >= MOST_REMEMBERED:
        del results[next(iter(results))]
    number = uuid.uuid4().hex
    results[number] = "calling"
    app.state.tasks.start_soon(announce, number, announcement)
    return {"id": number}


@app.get("/calls/{number}")
async def show(number: str) -> dict[str, str]:
    if number not in results:
        raise HTTPException(404, "there is no such call")
    return {"id": number, "result": results[number]}


@app.get("/health")
async def health() -> dict[str, str]:
    if client.state != "ready":
        raise HTTPException(503, f"RELAY is {client.state}")
    return {"relay": client.state}


async def announce(number: str, announcement: Announcement) -> None:
    try:
        call = await client.dial_phone(announcement.to, OURS, timeout=25, dial_timeout=40)
        async with call:  # hangs up at the end, whatever happens
            message = await call.play_tts(announcement.text)
            outcome = await message.wait_outcome(timeout=120)
        results[number] = "heard" if isinstance(outcome, Done) else "not heard to the end"
    except DialFailedError as error:
        results[number] = f"not reached: {error.reason}"
    except DialTimeoutError:
        results[number] = "not reached: timeout"
    except (RelayError, TimeoutError) as error:
        results[number] = f"failed: {error}"


@client.on_call
async def take_call(call: Call) -> None:
    async with call:
        await call.answer()
        greeting = await call.play_tts("Thank you for calling. We are open from nine to five.")
        await greeting.wait(timeout=60)
