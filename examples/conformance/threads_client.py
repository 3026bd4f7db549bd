"""A client for ``relay conform``, on `relay_sync`."""

import os

from relay_sync import Call, Message, RelayClient

client = RelayClient(contexts=[os.environ["CONFORM_CONTEXT"]])


@client.on_call
def take_call(call: Call) -> None:
    call.answer()
    prompt = call.play_tts("Please speak after the tone.")
    prompt.wait()
    recording = call.record()
    recording.wait()
    call.hangup()


@client.on_message
def take_text(message: Message) -> None:
    print("a text came in:", message.body)
    call = client.dial_phone(os.environ["CONFORM_TO"], os.environ["CONFORM_FROM"])
    call.hangup()


if __name__ == "__main__":
    client.run()
