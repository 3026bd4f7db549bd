"""A conference with a moderator: guests hear music until the moderator comes, and leave with them.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". GUEST_PIN and MODERATOR_PIN are what people enter.
Run: python conference_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os
from contextlib import suppress

from relay_sync import (
    EVENT_CONFERENCE,
    Call,
    CallEndedError,
    ConferenceEvent,
    Done,
    RelayClient,
    RelayError,
    collecting,
    digits,
)

NAME = "team"
GUEST_PIN = os.environ.get("GUEST_PIN", "1111")
MODERATOR_PIN = os.environ.get("MODERATOR_PIN", "9999")
MUSIC = os.environ.get("HOLD_MUSIC", "https://example.com/music.mp3")
MOST_PEOPLE = 50
LONGEST = 4 * 60 * 60
PIN = collecting(digits=digits(4, terminators="#", digit_timeout=5.0), initial_timeout=10.0)

client = RelayClient(contexts=["office"])


@client.on_call
def take_call(call: Call) -> None:
    with call:  # hangs up at the end, whatever happens
        call.answer()
        pin = ask_for_pin(call)
        if not pin:
            say(call, "Goodbye.")
            return
        try:
            meet(call, moderator=pin == MODERATOR_PIN)
        except CallEndedError:
            return
        except RelayError as error:  # such as 409: the conference is full
            call.log.warning("cannot join the conference: %s", error)
            say(call, "Sorry, you cannot join the conference now.")
        else:
            say(call, "The conference is over. Goodbye.")


def ask_for_pin(call: Call) -> str:
    words = "Please enter the number of your conference."
    for _ in range(3):
        question = call.prompt_tts(words, PIN)
        match question.wait_outcome(timeout=60):
            case Done(event) if event.digits in (GUEST_PIN, MODERATOR_PIN):
                return event.digits
            case Done():
                words = "That is not right. Please enter the number of your conference again."
            case _:
                break
    return ""


def meet(call: Call, *, moderator: bool) -> None:
    """Join, and return when this call has left: the moderator leaves, and all go."""
    with call.expect(EVENT_CONFERENCE, has_left) as left:
        call.join_conference(
            NAME,
            start_on_enter=moderator,
            end_on_exit=moderator,
            wait_url=MUSIC,
            beep="onEnter",
            max_participants=MOST_PEOPLE,
        )
        call.log.info("%s has joined", "the moderator" if moderator else "a guest")
        with suppress(TimeoutError):
            left.wait(timeout=LONGEST)


def has_left(event: ConferenceEvent) -> bool:
    return event.status == "participant-leave"


def say(call: Call, words: str) -> None:
    call.play_tts(words).wait(timeout=30)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
