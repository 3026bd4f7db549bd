"""An IVR: a menu, one digit, two departments.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office".
Run: python ivr_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging

from relay_sync import Call, CollectEvent, RelayClient

MENU = "Thank you for calling. Press 1 for sales, or press 2 for support."
DEPARTMENTS = {"1": "sales", "2": "support"}

client = RelayClient(contexts=["office"])


@client.on_call
def take_call(call: Call) -> None:
    call.answer()
    menu = call.play_and_collect(
        [{"type": "tts", "params": {"text": MENU}}],
        {"digits": {"max": 1, "digit_timeout": 5.0}, "initial_timeout": 10.0},
    )
    choice = menu.wait()
    department = DEPARTMENTS.get(choice.digits) if isinstance(choice, CollectEvent) else None
    if department is None:
        words = "That is not on the menu. Goodbye."
    else:
        words = f"You have chosen {department}. Goodbye."
    goodbye = call.play([{"type": "tts", "params": {"text": words}}])
    goodbye.wait()
    call.hangup()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    client.run()
