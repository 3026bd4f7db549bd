"""An evening of one client that is observed: with all that metrics and spans can tell.

``python -m tests.otel.evening`` prints the page of metrics of it.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Final

import anyio
from opentelemetry import trace

import relay_otel
from relay_anyio import Call, ConnectFailedError, DialFailedError, Message, RelayClient, phone
from relay_anyio.testing import (
    Busy,
    Caller,
    HangUp,
    Hear,
    Press,
    Stage,
    TextMessage,
    Wait,
    What,
    rehearse,
)

ANNA, BOB, OFFICE, AGENT = "+15550001111", "+15550001112", "+15550002222", "+15550003000"
tracer: Final = trace.get_tracer("office")


async def take(call: Call) -> None:
    """Answer, ask what the caller wants, and record it; then call an agent."""
    await anyio.sleep(0.8)
    await call.answer()
    with tracer.start_as_current_span("menu"):
        action = await call.play_and_collect(
            [{"type": "tts", "text": "Press one to leave a message"}], {"digits": {"max": 1}}
        )
        await action.wait()
    recording = await call.record({"end_silence_timeout": 0})
    await anyio.sleep(4)
    await recording.stop()
    await (await call.play_tts("Thank you, goodbye")).wait()
    await call.hangup()


async def give_back(call: Call) -> None:
    await call.pass_()


async def read(message: Message) -> None:
    raise LookupError("there is nobody of this name")


async def scene(stage: Stage) -> None:
    client = stage.client
    call_id = stage.call(Caller(ANNA, (Hear("press one"), Press("1"))))
    await stage.until(What.STARTED, call_id=call_id)
    await anyio.sleep(1)
    stage.cut()
    await stage.over(call_id)
    for context in ("shop", "garden"):  # one is passed back by the program, one by the client
        stage.call(Caller(ANNA, (Wait(2), HangUp())), context=context)
        await anyio.sleep(3)
    for numbers in ([BOB], [BOB, AGENT]):
        with contextlib.suppress(DialFailedError):
            call = await client.dial([[phone(number, OFFICE)] for number in numbers])
            with relay_otel.within(call):
                await (await call.play_tts("Somebody has left a message")).wait()
                await call.hangup()
            await call.wait_for_ended()
    sent = await client.send_message(to_number=ANNA, from_number=OFFICE, body="Thank you")
    await sent.wait()
    stage.text(TextMessage(ANNA, OFFICE, "Hello"))
    await anyio.sleep(2)


async def refuse(host: str, port: int) -> anyio.abc.ByteStream:
    raise OSError("there is no network")


def main() -> None:
    logging.disable()
    lonely = RelayClient(project="p-12345", token="PT-secret", connector=refuse)
    relay_otel.observe(lonely)
    with contextlib.suppress(ConnectFailedError):
        anyio.run(lonely.connect)
    client = RelayClient(
        project="p-12345", token="PT-secret", contexts=["office", "shop", "garden"]
    )
    client.on_call(take, contexts=["office"])
    client.on_call(give_back, contexts=["shop"])
    client.on_message(read)
    relay_otel.observe(client)
    with contextlib.suppress(LookupError):
        rehearse(client, scene, lines={BOB: Busy()})


if __name__ == "__main__":
    main()
    print(relay_otel.exposition())
