"""A client for ``relay conform``, on `relay_anyio` and asyncio (or trio: see its last line)."""

import os
import sys

from relay_anyio import Call, Message, RelayClient

client = RelayClient(contexts=[os.environ["CONFORM_CONTEXT"]])


@client.on_call
async def take_call(call: Call) -> None:
    await call.answer()
    prompt = await call.play_tts("Please speak after the tone.")
    await prompt.wait()
    recording = await call.record()
    await recording.wait()
    await call.hangup()


@client.on_message
async def take_text(message: Message) -> None:
    print("a text came in:", message.body)
    call = await client.dial_phone(os.environ["CONFORM_TO"], os.environ["CONFORM_FROM"])
    await call.hangup()


if __name__ == "__main__":
    client.run(backend=sys.argv[1] if sys.argv[1:] else "asyncio")
