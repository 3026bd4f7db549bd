"""One program for two clients: ``python script.py MODULE``, where MODULE is the client's.

It is written as the vendor's documentation has it, for `signalwire.relay`, and
runs on `relay_anyio` as it is. Inbound calls are served by the number that was
called; an inbound text says what else to do. What the program learns is printed,
one line each, behind ``>``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

IVR = "+15550002222"
DESK = "+15550002223"
STUDIO = "+15550002224"
OURS = "+15550002225"
HUMAN = "+15550003000"
BUSY = "+15550003001"
MACHINE = "+15550003002"
SILENT = "+15550003003"

SHORT = 1
"""Seconds that a phone rings when nobody is meant to answer."""


def tell(*words: object) -> None:
    print(">", *words, flush=True)


def say(text: str) -> list[dict[str, Any]]:
    return [{"type": "tts", "params": {"text": text}}]


def phone(number: str, **params: Any) -> dict[str, Any]:
    return {"type": "phone", "params": {"to_number": number, "from_number": OURS, **params}}


def digits_of(event: Any) -> str:
    return str(event.params["result"]["params"]["digits"])


class Program:
    """What is done, whoever the client is; `relay` is its module."""

    def __init__(self, relay: Any) -> None:
        self.relay = relay
        self.client = relay.RelayClient(contexts=["office"])
        self.client.on_call(self.take_call)
        self.client.on_message(self.take_message)
        self.desks: Mapping[str, Callable[[Any], Awaitable[None]]] = {
            IVR: self.menu,
            DESK: self.desk,
            STUDIO: self.studio,
        }

    async def take_call(self, call: Any) -> None:
        tell("a call", call.direction, call.state, call.device["params"]["from_number"])
        await call.answer()
        await self.desks[call.device["params"]["to_number"]](call)
        ended = await call.wait_for_ended(timeout=20)
        tell("over", call.state, ended.params["call_state"], ended.params["end_reason"])

    async def menu(self, call: Any) -> None:
        """A menu, one digit, an answer."""
        menu = await call.play_and_collect(
            say("Press 1 for sales, or press 2 for support."),
            {"digits": {"max": 1, "digit_timeout": 5.0}, "initial_timeout": 20.0},
        )
        tell("asked")
        choice = await menu.wait(timeout=30)
        tell("chosen", digits_of(choice), choice.params["result"]["type"], menu.is_done)
        goodbye = await call.play(say(f"You have chosen {digits_of(choice)}. Goodbye."), volume=-4)
        played = await goodbye.wait(timeout=20)
        tell("played", played.event_type, played.params["state"])
        tell("hung up", (await call.hangup())["code"])

    async def desk(self, call: Any) -> None:
        """Somebody to talk to: collect, then bridge, and take the bridge apart."""
        collect = await call.collect(digits={"max": 4, "terminators": "#"}, initial_timeout=20.0)
        tell("account", digits_of(await collect.wait(timeout=30)))
        bridge = self.heard(call, self.relay.EVENT_CALL_CONNECT)
        await call.connect([[phone(BUSY)], [phone(HUMAN)]])
        tell("bridge", (await bridge("connected")).params["connect_state"])
        await call.disconnect()
        tell("bridge", (await bridge("disconnected")).params["connect_state"])
        tell("hung up", (await call.hangup("busy"))["code"])

    async def studio(self, call: Any) -> None:
        """Who is there, and what do they say: detect, then record until it is stopped."""
        detect = await call.detect(
            {"type": "machine", "params": {"initial_timeout": 4.5}}, timeout=10.0
        )
        found = await detect.wait(timeout=20)
        tell("detected", found.params["detect"]["params"]["event"])
        record = await call.record({"format": "mp3", "beep": True})
        prompt = await call.play(say("Please speak."))
        await prompt.wait(timeout=20)
        await record.pause()
        await record.resume()
        await record.stop()
        recorded = await record.wait(timeout=20)
        tell("recorded", recorded.params["state"], bool(recorded.params["url"]))
        await call.hangup()

    async def take_message(self, message: Any) -> None:
        """A text says what to do, and gets its answer."""
        tell("a text", message.direction, message.state, message.from_number, message.body)
        match message.body.split():
            case ["dial", number, seconds]:
                await self.dial(number, int(seconds))
            case ["impatiently", number]:
                await self.dial(number, 30, dial_timeout=1.0)
            case ["text", number]:
                sent = await self.client.send_message(
                    to_number=number, from_number=OURS, body="Here is your answer.", tags=["vip"]
                )
                await sent.wait(timeout=20)
                tell("text", sent.state, sent.is_done, sent.reason or "without a reason")
            case _:
                raise ValueError(message.body)

    async def dial(self, number: str, seconds: int, **arguments: Any) -> None:
        try:
            call = await self.client.dial([[phone(number, timeout=seconds)]], **arguments)
        except self.relay.RelayError as error:
            tell("nobody", number, error.code)
            return
        tell("reached", number, call.direction, call.state, bool(call.call_id))
        hello = await call.play(say("Hello, this is the office."))
        await hello.wait(timeout=20)
        await call.send_digits("12#")
        await call.hangup()
        await call.wait_for_ended(timeout=20)
        tell("over", call.state)

    def heard(self, call: Any, event_type: str) -> Callable[[str], Awaitable[Any]]:
        """Listen from now on, so that no event is missed; call it with a state to wait for."""
        import asyncio

        events: asyncio.Queue[Any] = asyncio.Queue()

        async def listen(event: Any) -> None:
            events.put_nowait(event)

        async def wait(state: str) -> Any:
            while True:
                event = await asyncio.wait_for(events.get(), 20)
                if event.params["connect_state"] == state:
                    return event

        call.on(event_type, listen)
        return wait


if __name__ == "__main__":
    program = Program(importlib.import_module(sys.argv[1]))
    program.client.run()
    tell("stopped")
