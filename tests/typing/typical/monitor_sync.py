"""Typical: a call that is transcribed, tapped and streamed, on threads."""

from collections.abc import Generator
from contextlib import contextmanager

from relay_sync import Call, Detector, RecordAudio, RelayClient, StreamAction, machine_detector

HOW: RecordAudio = {"format": "mp3", "stereo": True, "direction": "both"}
client = RelayClient(contexts=["monitored"])


@contextmanager
def streamed(call: Call) -> Generator[StreamAction]:
    stream = call.stream(
        "wss://example.com/audio", track="both_tracks", custom_parameters={"call": call.call_id}
    )
    try:
        yield stream
    finally:
        stream.stop()


def listen(call: Call, detector: Detector) -> bool:
    found = call.detect(detector, timeout=5)
    found.wait()
    return found.human


def watch(call: Call) -> None:
    recording = call.record(HOW, on_completed=lambda event: print(event.event_type))
    transcript = call.transcribe(status_url="https://example.com/t")
    tap = call.tap({"type": "audio"}, {"type": "rtp", "addr": "203.0.113.9", "port": 5000})
    call.live_transcribe({"start": {"lang": "en-US", "live_events": True}})
    with streamed(call):
        if listen(call, machine_detector(initial_timeout=3)):
            call.wait_for_ended()
    tap.stop()
    recording.wait(timeout=10)
    last = transcript.wait(timeout=10)
    print(recording.url, recording.duration, transcript.url, last.timestamp)


def main() -> None:
    with client:
        for call in client.calls():
            call.answer()
            watch(call)
