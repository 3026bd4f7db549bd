"""The program of each worker: a small IVR. It notes which calls it has answered."""

from __future__ import annotations

from relay_anyio import Call, CollectEvent, Connected, RelayClient
from tests.fleet.notes import note

MENU = "Thank you for calling. Press 1 for sales."

client = RelayClient(contexts=["office"])


@client.on_connected
def ready(connected: Connected) -> None:
    note(what="ready", session=client.relay_protocol)


@client.on_call
async def take_call(call: Call) -> None:
    await call.answer()
    note(what="answered", call=call.call_id)
    menu = await call.play_and_collect(
        [{"type": "tts", "params": {"text": MENU}}],
        {"digits": {"max": 1}, "initial_timeout": 10.0},
    )
    choice = await menu.wait()
    digits = choice.digits if isinstance(choice, CollectEvent) else ""
    goodbye = await call.play_tts(f"You have chosen {digits}.")
    await goodbye.wait()
    await call.hangup()
