"""Click to call: a FastAPI view that calls an agent, then connects the customer.

Needs: pip install fastapi uvicorn. SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN.
AGENT_NUMBER is the telephone of the agent, and OUR_NUMBER a phone number of yours.
Run: uvicorn click_to_call:app
     curl -X POST 'http://127.0.0.1:8000/calls?to=%2B15550004000'
     curl http://127.0.0.1:8000/calls/ID
Without an account: start ``relay sim``, and set the variables that it prints.

The states of calls are in a file, CALLS_DATABASE: any process can tell them, such as any worker of
uvicorn. To write one takes less than a millisecond; a database elsewhere needs an async driver.
"""

import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import anyio
from fastapi import FastAPI, HTTPException, Query

from call_states import CallStates
from relay_anyio import (
    BridgeFailedError,
    Call,
    CallEndedError,
    DialFailedError,
    DialTimeoutError,
    RelayClient,
    RelayError,
    phone,
)

AGENT = os.environ.get("AGENT_NUMBER", "+15550003000")
OURS = os.environ.get("OUR_NUMBER", "+15550002222")

client = RelayClient()
states = CallStates(os.environ.get("CALLS_DATABASE", "click_to_call.db"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    await client.connect(retry=True, timeout=60)
    async with anyio.create_task_group() as app.state.tasks:
        yield
        await client.drain(10, hang_up=True)  # calls that are up get 10 s


app = FastAPI(lifespan=lifespan)


@app.post("/calls", status_code=202)
async def start(to: Annotated[str, Query(pattern=r"^\+[1-9][0-9]{6,14}$")]) -> dict[str, str]:
    call_id = secrets.token_hex(8)
    states.put(call_id, "calling")  # before the dial leaves: a crash leaves no call without a row
    try:
        device = phone(AGENT, OURS, timeout=20)
        agent = await client.dial([[device]], tag=call_id, dial_timeout=30)
    except (DialFailedError, DialTimeoutError) as error:
        states.put(call_id, "failed", str(error))
        raise HTTPException(502, str(error)) from error
    states.put(call_id, "answered")
    app.state.tasks.start_soon(connect, agent, call_id, to)
    return {"id": call_id, "state": "answered"}


@app.get("/calls/{call_id}")
async def show(call_id: str) -> dict[str, str]:
    found = states.get(call_id)
    if found is None:
        raise HTTPException(404, "there is no such call")
    return found


async def connect(agent: Call, call_id: str, customer: str) -> None:
    try:
        async with agent:  # whatever happens, the agent is hung up at the end
            await say(agent, "Connecting you now.")
            try:
                await agent.connect_and_wait([[phone(customer, OURS, timeout=30)]])
            except BridgeFailedError as error:
                agent.log.info("the customer cannot be reached: %s", error.reason)
                await say(agent, "Sorry, the customer cannot be reached.")
            except CallEndedError:
                agent.log.info("the agent has hung up while the customer's phone rang")
            else:
                states.put(call_id, "connected")
                await agent.wait_for_disconnected()  # either of them has hung up
    except (RelayError, TimeoutError) as error:  # such as a connection that was lost
        agent.log.warning("the call has failed: %s", error)
    finally:
        states.put(call_id, "ended", agent.end_reason)


async def say(call: Call, words: str) -> None:
    speech = await call.play_tts(words)
    await speech.wait(timeout=30)
