"""The contract of ``../test_generations.py``, on `signalwire` 2 (version 2 of RELAY)."""

# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
# ruff: noqa: ASYNC110
from __future__ import annotations

import asyncio
import os

from signalwire.relay.consumer import Consumer

FRIEND, OURS = os.environ["FRIEND"], os.environ["OURS"]


def tell(*words: object) -> None:
    print(">", *words, flush=True)


class Program(Consumer):
    """A consumer that does what the number or the text says."""

    def setup(self) -> None:
        self.project = os.environ["SIGNALWIRE_PROJECT_ID"]
        self.token = os.environ["SIGNALWIRE_API_TOKEN"]
        self.host = os.environ["SIGNALWIRE_SPACE"]
        self.contexts = ["office"]

    async def ready(self) -> None:
        tell("ready")

    async def on_incoming_call(self, call) -> None:
        await call.answer()
        desks = {os.environ["IVR"]: self.menu, os.environ["DESK"]: self.bridge}
        await desks.get(call.to_number, self.studio)(call)
        tell("over", call.state)

    async def menu(self, call) -> None:
        prompt = await call.prompt_tts(
            "digits", "Press 1 for sales.", initial_timeout=20, digits_max=1, digits_timeout=5
        )
        tell("chosen", prompt.result)
        played = await call.play_tts(f"You have chosen {prompt.result}.")
        if played.successful:
            tell("played")
        await call.hangup()

    async def bridge(self, call) -> None:
        connected = await call.connect([{"to_number": FRIEND, "from_number": OURS, "timeout": 20}])
        if not connected.successful:
            return
        tell("bridge connected")
        await connected.call.wait_for_ended()
        tell("bridge disconnected")
        await call.hangup()

    async def studio(self, call) -> None:
        detected = await call.detect_answering_machine(timeout=10)
        tell("detected", detected.result)
        recording = await call.record_async(beep=True)
        await call.play_tts("Please speak.")
        await recording.stop()
        while not recording.completed:
            await asyncio.sleep(0.02)
        tell("recorded", recording.state, bool(recording.url))
        await call.hangup()

    async def on_incoming_message(self, message) -> None:
        what, number = message.body.split()
        tell("a text", message.body)
        if what == "text":
            await self.client.messaging.send(
                from_number=OURS, to_number=number, body="Here is your answer.", context="office"
            )
            return
        dialed = await self.client.calling.dial(from_number=OURS, to_number=number, timeout=1)
        if not dialed.successful:
            tell("nobody", number)
            return
        tell("reached", number, dialed.call.state)
        await dialed.call.hangup()

    async def on_message_state_change(self, message) -> None:
        tell("text", message.state)


Program().run()
