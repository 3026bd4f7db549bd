"""The same program as ``office.py``, on threads."""

from __future__ import annotations

from relay_sync import Call, CollectEvent, Connected, RelayClient
from tests.fleet.notes import note

MENU = "Thank you for calling. Press 1 for sales."

client = RelayClient(contexts=["office"])


@client.on_connected
def ready(connected: Connected) -> None:
    note(what="ready", session=client.relay_protocol)


@client.on_call
def take_call(call: Call) -> None:
    call.answer()
    note(what="answered", call=call.call_id)
    menu = call.play_and_collect(
        [{"type": "tts", "params": {"text": MENU}}],
        {"digits": {"max": 1}, "initial_timeout": 10.0},
    )
    choice = menu.wait()
    digits = choice.digits if isinstance(choice, CollectEvent) else ""
    goodbye = call.play_tts(f"You have chosen {digits}.")
    goodbye.wait()
    call.hangup()
