"""Live transcription: the caller reports a fault, and the program reads along and reacts.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office". TRANSCRIPT_WEBHOOK is an address of yours that gets each phrase as well.
Run: python live_transcription_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

import logging
import os

from relay_sync import Call, RelayClient, RelayEvent

WEBHOOK = os.environ.get("TRANSCRIPT_WEBHOOK", "https://example.com/transcripts")
TRANSCRIPT = "calling.call.live_transcribe"
URGENT = ("fire", "gas", "water")
LONGEST = 5 * 60

log = logging.getLogger("live_transcription")
client = RelayClient(contexts=["office"])
phrases: dict[str, list[str]] = {}  # of each call that is up, by its id


@client.on_call
def take_report(call: Call) -> None:
    said = phrases[call.call_id] = []
    try:
        with call:  # hangs up at the end, whatever happens
            call.answer()
            say(call, "Please tell us what has happened. Hang up when you are done.")
            call.live_transcribe(
                {"start": {"lang": "en-US", "direction": ["remote-caller"], "webhook": WEBHOOK}}
            )
            try:
                call.wait_for_ended(timeout=LONGEST)
            except TimeoutError:
                call.live_transcribe({"stop": {}})
                say(call, "Thank you, we have noted it. Goodbye.")
    finally:
        del phrases[call.call_id]
        log.info("%s reports: %s", call.from_number, " ".join(said) or "nothing")


@client.on_event
def read(event: RelayEvent) -> None:
    if event.event_type != TRANSCRIPT or event.params.get("state") != "text":
        return
    phrase = str(event.params.get("text", ""))
    if event.call_id in phrases:
        phrases[event.call_id].append(phrase)
    if any(word in phrase.casefold() for word in URGENT):
        log.warning("call %s is urgent: send the technician", event.call_id)


def say(call: Call, words: str) -> None:
    call.play_tts(words).wait(timeout=60)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    client.run(hang_up=True)
