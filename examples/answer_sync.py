"""Answer every call, say hello, hang up. `answer.py` is the same with ``await``.

Set SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN, and point a number's calls at
the context "office"; or let ``relay sim`` stand in for the service.
"""

from relay_sync import RelayClient

with RelayClient(contexts=["office"]) as client:
    for call in client.calls():
        call.answer()
        call.play_tts("Hello, and thank you for calling. Goodbye.").wait()
        call.hangup()
