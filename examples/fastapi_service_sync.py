"""A FastAPI service: a request calls somebody and speaks a text; calls that come in are answered.

Needs: pip install fastapi uvicorn. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone
number that is assigned to the context "office". OUR_NUMBER is this number.
Run: uvicorn fastapi_service_sync:app
     curl -H 'Content-Type: application/json' \
          -d '{"to": "+15550003000", "text": "Hello"}' http://127.0.0.1:8000/calls
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import os
import threading
import uuid
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from relay_sync import Call, DialFailedError, DialTimeoutError, Done, RelayClient, RelayError

OURS = os.environ.get("OUR_NUMBER", "+15550002222")
MOST_REMEMBERED = 1000
MOST_CALLS = 20

client = RelayClient(contexts=["office"])
results: dict[str, str] = {}
lock = threading.Lock()  # FastAPI runs each plain `def` view in a thread


class Announcement(BaseModel):
    to: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    text: str = Field(min_length=1, max_length=1000)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    await run_sync(partial(client.connect, retry=True, timeout=60))
    with ThreadPoolExecutor(MOST_CALLS) as app.state.pool:
        yield
        await run_sync(partial(client.drain, 10, hang_up=True))  # calls that are up get 10 s


app = FastAPI(lifespan=lifespan)


@app.post("/calls", status_code=202)
def start(announcement: Announcement) -> dict[str, str]:
    number = uuid.uuid4().hex
    with lock:
        while len(results) >= MOST_REMEMBERED:
            del results[next(iter(results))]
        results[number] = "calling"
    app.state.pool.submit(announce, number, announcement)
    return {"id": number}


@app.get("/calls/{number}")
def show(number: str) -> dict[str, str]:
    if number not in results:
        raise HTTPException(404, "there is no such call")
    return {"id": number, "result": results[number]}


@app.get("/health")
def health() -> dict[str, str]:
    if client.state != "ready":
        raise HTTPException(503, f"RELAY is {client.state}")
    return {"relay": client.state}


def announce(number: str, announcement: Announcement) -> None:
    try:
        call = client.dial_phone(announcement.to, OURS, timeout=25, dial_timeout=40)
        with call:  # hangs up at the end, whatever happens
            message = call.play_tts(announcement.text)
            outcome = message.wait_outcome(timeout=120)
        results[number] = "heard" if isinstance(outcome, Done) else "not heard to the end"
    except DialFailedError as error:
        results[number] = f"not reached: {error.reason}"
    except DialTimeoutError:
        results[number] = "not reached: timeout"
    except (RelayError, TimeoutError) as error:
        results[number] = f"failed: {error}"


@client.on_call
def take_call(call: Call) -> None:
    with call:
        call.answer()
        call.play_tts("Thank you for calling. We are open from nine to five.").wait(timeout=60)
