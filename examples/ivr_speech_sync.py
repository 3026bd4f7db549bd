"""IVR: callers press a key or say a word, and are connected to the department they want.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". SALES_NUMBER and SUPPORT_NUMBER are the telephones of the departments.
Run: python ivr_speech_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_sync import (
    BridgeFailedError,
    Call,
    CallEndedError,
    CollectEvent,
    Done,
    RelayClient,
    collecting,
    digits,
    phone,
    speech,
)

NUMBERS = {
    "sales": os.environ.get("SALES_NUMBER", "+15550003001"),
    "support": os.environ.get("SUPPORT_NUMBER", "+15550003002"),
}
KEYS = {"1": "sales", "2": "support"}
DEFAULT = "support"
MENU = "Say sales or press 1, or say support or press 2."
CHOICE = collecting(
    digits=digits(1),
    speech=speech(hints=list(NUMBERS), language="en-US", end_silence_timeout=1.0),
    initial_timeout=6.0,
)

client = RelayClient(contexts=["office"])


@client.on_call
def take_call(call: Call) -> None:
    with call:  # hangs up at the end, whatever happens
        call.answer()
        department = choose(call)
        if not call.ended:
            connect(call, department)


def choose(call: Call) -> str:
    words = f"Thank you for calling. {MENU}"
    for _ in range(3):
        menu = call.prompt_tts(words, CHOICE)
        match menu.wait_outcome(timeout=60):
            case Done(event) if department := department_of(event):
                return department
            case Done():  # silence, another key, or other words
                words = f"Sorry, I did not get that. {MENU}"
            case _:  # the caller has hung up, or the service has failed
                break
    return DEFAULT


def department_of(event: CollectEvent) -> str:
    match event.type:
        case "digit":
            return KEYS.get(event.digits, "")
        case "speech":
            words = event.text.casefold()
            return next((name for name in NUMBERS if name in words), "")
        case _:
            return ""


def connect(call: Call, department: str) -> None:
    call.play_tts(f"One moment, I connect you to {department}.").wait(timeout=30)
    try:
        call.connect_and_wait([[phone(NUMBERS[department], call.to_number, timeout=20)]])
        call.wait_for_disconnected()  # either of them has hung up
    except BridgeFailedError as error:
        call.log.warning("nobody in %s has answered: %s", department, error.reason)
        call.play_tts(f"Sorry, nobody in {department} can talk to you now.").wait(timeout=30)
    except CallEndedError:
        call.log.info("the caller has hung up while %s rang", department)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
