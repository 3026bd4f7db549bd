"""Answer every call, say hello, hang up. `answer.py` does the same with ``await``.

Set SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and assign a phone number to the
context "office". Without an account, run ``relay sim`` in place of the service.
"""

from relay_sync import RelayClient

with RelayClient(contexts=["office"]) as client:
    for call in client.calls():
        call.answer()
        call.play_tts("Hello, and thank you for calling. Goodbye.").wait()
        call.hangup()
