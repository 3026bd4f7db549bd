"""Record a message and log its URL. `voicemail.py` does the same with ``await``."""

import logging

from relay_sync import Call, Done, RelayClient

log = logging.getLogger("voicemail")
client = RelayClient(contexts=["office"])


@client.on_call
def take_message(call: Call) -> None:
    call.answer()
    call.play_tts("Nobody is here. Please speak after the beep.").wait()
    message = call.record({"beep": True, "end_silence_timeout": 3.0, "terminators": "#"})
    match message.wait_outcome(timeout=120):
        case Done(event) if event.state != "no_input":  # also if the caller has hung up
            log.info("%s left %.0f s: %s", call.from_number, event.duration, event.url)
        case _:  # silence, which is recorded as well; or an error, or no connection
            log.info("%s left no message", call.from_number)
    call.hangup()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    client.run()
