"""The contract of ``../test_generations.py``, on `signalwire-sdk` 3 (`signalwire.relay`)."""

# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
from __future__ import annotations

import asyncio
import os

from signalwire.relay import EVENT_CALL_CONNECT, RelayClient, RelayError

FRIEND, OURS = os.environ["FRIEND"], os.environ["OURS"]

client = RelayClient(contexts=["office"])


def tell(*words: object) -> None:
    print(">", *words, flush=True)


def say(text: str) -> list[dict[str, object]]:
    return [{"type": "tts", "params": {"text": text}}]


def phone(number: str, timeout: int) -> list[list[dict[str, object]]]:
    params = {"to_number": number, "from_number": OURS, "timeout": timeout}
    return [[{"type": "phone", "params": params}]]


@client.on_call
async def take_call(call) -> None:
    await call.answer()
    desks = {os.environ["IVR"]: menu, os.environ["DESK"]: bridge}
    await desks.get(call.device["params"]["to_number"], studio)(call)
    await call.wait_for_ended(timeout=20)
    tell("over", call.state)


async def menu(call) -> None:
    prompt = await call.play_and_collect(
        say("Press 1 for sales."),
        {"digits": {"max": 1, "digit_timeout": 5}, "initial_timeout": 20},
    )
    choice = await prompt.wait(timeout=30)
    digits = choice.params["result"]["params"]["digits"]
    tell("chosen", digits)
    goodbye = await call.play(say(f"You have chosen {digits}."))
    await goodbye.wait(timeout=20)
    tell("played")
    await call.hangup()


async def bridge(call) -> None:
    states: asyncio.Queue[str] = asyncio.Queue()

    async def listen(event) -> None:
        states.put_nowait(event.params["connect_state"])

    call.on(EVENT_CALL_CONNECT, listen)
    await call.connect(phone(FRIEND, 20))
    for wanted in ("connected", "disconnected"):
        while await asyncio.wait_for(states.get(), 20) != wanted:
            pass
        tell("bridge", wanted)
    await call.hangup()


async def studio(call) -> None:
    detector = await call.detect({"type": "machine", "params": {}}, timeout=10.0)
    found = await detector.wait(timeout=20)
    tell("detected", found.params["detect"]["params"]["event"])
    recording = await call.record({"beep": True})
    prompt = await call.play(say("Please speak."))
    await prompt.wait(timeout=20)
    await recording.stop()
    recorded = await recording.wait(timeout=20)
    tell("recorded", recorded.params["state"], bool(recorded.params["url"]))
    await call.hangup()


@client.on_message
async def take_message(message) -> None:
    what, number = message.body.split()
    tell("a text", message.body)
    if what == "text":
        sent = await client.send_message(
            to_number=number, from_number=OURS, body="Here is your answer."
        )
        await sent.wait(timeout=20)
        tell("text", sent.state)
        return
    try:
        call = await client.dial(phone(number, 1))
    except RelayError:
        tell("nobody", number)
        return
    tell("reached", number, call.state)
    await call.hangup()


tell("ready")
client.run()
