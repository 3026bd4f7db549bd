"""Record a message and log its URL. `voicemail_sync.py` does the same on threads."""

import logging

from relay_anyio import Call, RelayClient

log = logging.getLogger("voicemail")
client = RelayClient(contexts=["office"])


@client.on_call
async def take_message(call: Call) -> None:
    await call.answer()
    greeting = await call.play_tts("Nobody is here. Please speak after the beep.")
    await greeting.wait()
    message = await call.record({"beep": True, "end_silence_timeout": 3.0, "terminators": "#"})
    await message.wait(timeout=120)  # the recording also ends when the caller hangs up
    if message.url:
        log.info("%s left %.0f s: %s", call.from_number, message.duration, message.url)
    else:
        log.info("%s left no message", call.from_number)
    await call.hangup()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    client.run()
