"""Voicemail: record a message, and send its address to the owner as a text.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". OWNER_NUMBER is the telephone that gets the texts.
Run: python voicemail_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_sync import Call, Done, RelayClient, RelayError

GREETING = "Nobody can take your call. Please leave a message after the tone."
OWNER = os.environ.get("OWNER_NUMBER", "+15550003000")

client = RelayClient(contexts=["office"])


@client.on_call
def take_message(call: Call) -> None:
    with call:  # hangs up at the end, whatever happens
        call.answer()
        call.play_tts(GREETING).wait()
        message = call.record(
            {"beep": True, "end_silence_timeout": 3.0, "max_length": 180, "terminators": "#"}
        )
        outcome = message.wait_outcome(timeout=240)
    match outcome:
        case Done(event) if event.state == "finished":  # also if the caller has hung up
            tell_owner(call, f"{event.duration:.0f} s: {event.url}")
        case _:  # the caller said nothing, or the call was over before the beep
            call.log.info("no message")


def tell_owner(call: Call, message: str) -> None:
    body = f"Message from {call.from_number}, {message}"
    try:
        text = client.send_message(to_number=OWNER, from_number=call.to_number, body=body)
        text.wait_delivered(timeout=120)
    except (RelayError, TimeoutError) as error:
        call.log.error("the owner was not told of this message (%s): %s", error, message)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
