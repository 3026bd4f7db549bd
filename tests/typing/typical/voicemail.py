"""Typical: a voicemail that says how it went, whichever way that was."""

import logging

from relay_anyio import Call, CallOver, Done, Failed, RelayClient, SessionLost

log = logging.getLogger("voicemail")
client = RelayClient(contexts=["voicemail"])


@client.on_call
async def take_message(call: Call) -> None:
    await call.answer()
    await (await call.play_tts("Please leave a message after the beep.")).wait(timeout=30)
    recording = await call.record({"beep": True, "format": "wav", "end_silence_timeout": 4.0})
    match await recording.wait_outcome(timeout=180):
        case Done(event) if event.state == "no_input":
            log.info("silence")
        case Done(event):
            log.info("%s: %.1f s, %d bytes", event.url, event.duration, event.size)
        case Failed(event):
            log.warning("the recording failed: %s", event.state)
        case CallOver() | SessionLost():
            log.info("the caller has hung up: %s", call.end_reason or "no reason")
    if call.is_active:
        await call.hangup()


if __name__ == "__main__":
    client.run()
