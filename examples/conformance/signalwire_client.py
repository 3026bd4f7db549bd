"""A client for ``relay conform``, on the vendor's `signalwire-sdk` 3 (`signalwire.relay`)."""

# mypy: ignore-errors
# pyright: basic, reportMissingImports=false
import os

from signalwire.relay import RelayClient

client = RelayClient(contexts=[os.environ["CONFORM_CONTEXT"]])


@client.on_call
async def take_call(call) -> None:
    await call.answer()
    words = {"type": "tts", "params": {"text": "Please speak after the tone."}}
    prompt = await call.play([words])
    await prompt.wait()
    recording = await call.record({"beep": True})
    await recording.wait()
    await call.hangup()


@client.on_message
async def take_text(message) -> None:
    print("a text came in:", message.body)
    numbers = {
        "to_number": os.environ["CONFORM_TO"],
        "from_number": os.environ["CONFORM_FROM"],
        "timeout": 30,
    }
    call = await client.dial([[{"type": "phone", "params": numbers}]])
    await call.hangup()


if __name__ == "__main__":
    client.run()
