"""Typical: a web service that calls people. The framework is left out: any ASGI one fits."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from relay_anyio import Call, RelayClient, RelayError, parallel, phone, serial


@dataclass
class Order:
    customer: str
    agents: list[str]


@dataclass
class Reply:
    status: int
    body: dict[str, str]


client = RelayClient(max_active_calls=50)
calls: dict[str, Call] = {}


@asynccontextmanager
async def lifespan(app: object) -> AsyncGenerator[None]:
    async with client:
        yield


async def create_call(order: Order) -> Reply:
    office = "+15550001111"
    plan = serial(parallel(*(phone(agent, office, timeout=20) for agent in order.agents)))
    try:
        call = await client.dial(plan, tag=f"order-{order.customer}", dial_timeout=45.0)
        await call.connect([[phone(order.customer, office)]])
        bridged = await call.wait_for(
            "calling.call.connect", lambda event: event.connect_state != "connecting", timeout=60
        )
    except (RelayError, TimeoutError) as error:
        return Reply(503, {"error": str(error)})
    if bridged.connect_state == "failed":
        return Reply(409, {"reason": bridged.failed_reason})
    calls[call.call_id] = call
    return Reply(201, {"call": call.call_id, "with": str(bridged.peer.get("call_id", ""))})


async def delete_call(call_id: str) -> Reply:
    call = calls.pop(call_id, None)
    if call is None or call.ended:
        return Reply(404, {})
    await call.hangup()
    ended = await call.wait_for_ended(timeout=10)
    return Reply(200, {"state": call.state, "reason": ended.end_reason})
