"""Record a message and log its URL. `voicemail.py` does the same with ``await``."""

import logging

from relay_sync import Call, RelayClient

log = logging.getLogger("voicemail")
client = RelayClient(contexts=["office"])


@client.on_call
def take_message(call: Call) -> None:
    call.answer()
    call.play_tts("Nobody is here. Please speak after the beep.").wait()
    message = call.record({"beep": True, "end_silence_timeout": 3.0, "terminators": "#"})
    message.wait(timeout=120)  # the recording also ends when the caller hangs up
    if message.url:
        log.info("%s left %.0f s: %s", call.from_number, message.duration, message.url)
    else:
        log.info("%s left no message", call.from_number)
    call.hangup()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    client.run()
