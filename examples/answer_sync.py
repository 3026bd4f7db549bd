"""Answer every call, say hello, hang up.

Needs: SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and a phone number that is assigned to
the context "office".
Run: python answer_sync.py
Without an account: start ``relay sim``, and set the variables that it prints.
"""

from relay_sync import RelayClient

with RelayClient(contexts=["office"]) as client:
    for call in client.calls():
        call.answer()
        call.play_tts("Hello, and thank you for calling. Goodbye.").wait()
        call.hangup()
