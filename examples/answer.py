"""Answer every call, say hello, hang up.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office".
Run: python answer.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

from relay_anyio import Call, RelayClient

client = RelayClient(contexts=["office"])


@client.on_call
async def take_call(call: Call) -> None:
    await call.answer()
    greeting = await call.play_tts("Hello, and thank you for calling. Goodbye.")
    await greeting.wait()
    await call.hangup()


if __name__ == "__main__":
    client.run()
