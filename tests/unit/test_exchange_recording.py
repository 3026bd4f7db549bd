"""Recordings and transcriptions, taps and streams: what is made of a call."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import HangUp, Hear, Press, Say, Wait, What
from tests.unit.exchange_client import (
    HANGS_UP,
    Ask,
    Client,
    Object,
    Story,
    answered_call,
    ask,
    ended,
    stories,
)

WORD = "0123456789"
"""Takes 0.7 s to say."""
SAYS_WORD = f"caller says “{WORD}”"


def record(**audio: Any) -> Ask:
    return ask("record", record={"audio": audio})


def last(client: Client, event: str = "call.record") -> Object:
    return client.events(event)[-1]


# Recordings


def test_a_recording_ends_with_silence_and_knows_its_length() -> None:
    world, client, call_id = answered_call(Wait(1), Say(WORD))
    result = client.verb("record", call_id, **record().params)
    world.pass_time(60)
    final = last(client)
    assert final["state"] == "finished"
    assert final["url"] == result["url"]
    assert final["url"].endswith(".mp3")
    assert final["duration"] == pytest.approx(0.3 + 1 + 0.7 + 1)
    assert final["size"] == 6000
    assert final["end_time"] - final["start_time"] == final["duration"]
    assert final["record"] == {"audio": {}}
    assert world.story(What.STARTED, What.FINISHED) == [
        "program starts a recording",
        "exchange ends a recording: finished",
    ]


def test_a_recording_of_both_sides_has_no_timeouts_of_its_own() -> None:
    world, client, call_id = answered_call(Say(WORD))
    audio = {"direction": "both", "format": "wav", "stereo": True}
    client.verb("record", call_id, **record(**audio).params)
    world.pass_time(100)
    assert client.values("call.record", "state") == ["recording"]
    assert client.codes(call_id, "record.stop", control_id="k") == ["200"]
    assert last(client)["duration"] == 100
    assert last(client)["size"] == 44 + 100 * 2 * 16_000
    assert last(client)["record"]["audio"] == audio


@pytest.mark.parametrize(
    ("max_length", "behaviour", "duration", "ends_at"),
    [(0, "skip", 5, 15), (0, "silence", 15, 15), (4, "skip", 4, 14), (4, "silence", 4, 4)],
)
def test_a_pause_counts_or_does_not(
    max_length: float, behaviour: str, duration: float, ends_at: float
) -> None:
    world, client, call_id = answered_call()
    client.verb("record", call_id, **record(direction="both", max_length=max_length).params)
    world.pass_time(2)
    client.verb("record.pause", call_id, control_id="k", behavior=behaviour)
    assert last(client)["pause_behavior"] == behaviour
    world.pass_time(10)
    client.verb("record.resume", call_id, control_id="k")
    world.pass_time(3)
    client.verb("record.stop", call_id, control_id="k")
    assert last(client)["state"] == "finished"
    assert last(client)["duration"] == duration
    assert last(client)["end_time"] - last(client)["start_time"] == ends_at


RTP: Object = {"type": "rtp", "params": {"addr": "203.0.113.9", "port": 5000}}
WS: Object = {"type": "ws", "params": {"uri": "wss://example.com/t"}}
TAP = {"type": "audio", "params": {"direction": "both"}}
URL = "wss://example.com/s"
MADE = {
    "a recording ends with silence": Story(
        *(record(), "record recording", 1.3, SAYS_WORD, 1.69, 0.02, "record finished 3"),
        ask("record.stop", "404"),
        script=(Wait(1), Say(WORD)),
    ),
    "what somebody began to say before is heard": Story(
        *(0.5, SAYS_WORD, record(initial_timeout=0.1), "record recording"),
        *(1.49, 0.02, "record finished 1.5"),
        script=(Say(WORD),),
    ),
    "what somebody says at the end of a pause is heard": Story(
        *(record(initial_timeout=0.1), "record recording", ask("record.pause"), "record paused"),
        *(0.5, SAYS_WORD, ask("record.resume"), "record recording"),
        *(1.49, 0.02, "record finished 1.5"),
        script=(Say(WORD),),
    ),
    "what somebody has said before is no input": Story(
        *(1.1, SAYS_WORD, record(initial_timeout=2), "record recording", 60, "record no_input 2"),
        script=(Say(WORD),),
    ),
    "nobody speaks": Story(
        *(record(initial_timeout=3), "record recording", 2.9, 0.1, "record no_input 3"),
    ),
    "a key is a sound, another one ends the recording": Story(
        *(record(terminators="9", initial_timeout=1, end_silence_timeout=4), "record recording"),
        *(1, "caller presses 1", 0.55, "caller presses 9", "record finished 1.55"),
        script=(Press("1"), Wait(1), Press("9")),
    ),
    "a recording has a longest length": Story(
        *(record(direction="both", max_length=7), "record recording"),
        *(60, "record finished 7"),
    ),
    "a beep can be heard": Story(
        *(5, record(beep=True), "record recording"),
        *(0.3, SAYS_WORD, 60, "record finished 2"),
        script=(Hear("beep"), Say(WORD)),
    ),
    "pause and resume": Story(
        *(record(direction="both"), "record recording"),
        *(2, ask("record.pause"), "record paused", ask("record.pause", "409")),
        *(10, ask("record.resume"), "record recording", ask("record.resume", "409")),
        *(3, ask("record.stop"), "record finished 5"),
    ),
    "what is said in a pause is no input": Story(
        *(record(initial_timeout=2), "record recording", ask("record.pause"), "record paused"),
        *(10, SAYS_WORD),
        *(ask("record.resume"), "record recording", 60, "record no_input 2"),
        script=(Say(WORD),),
    ),
    "a recording that is stopped in a pause ends there": Story(
        *(record(), "record recording", 1, ask("record.pause"), "record paused"),
        *(8, ask("record.stop"), "record finished 1"),
    ),
    "the last event of a recording comes after the call": Story(
        *(record(), "record recording", 1.5, *HANGS_UP, 60, "record finished 1.3"),
        ask("record.stop", "410"),
        script=(Wait(1), HangUp()),
    ),
    "the last event of a transcription comes after the call": Story(
        *(ask("transcribe"), "transcribe transcribing", 1.5, *HANGS_UP),
        *(60, "transcribe finished 1.3"),
        script=(Wait(1), HangUp()),
    ),
    "a transcription, and another one after it": Story(
        *(ask("transcribe"), "transcribe transcribing"),
        *(2, ask("transcribe.stop"), "transcribe finished 2"),
        *(ask("transcribe"), "transcribe transcribing"),
    ),
    "a tap": Story(
        *(ask("tap", tap=TAP, device=RTP), "tap tapping"),
        *(ask("tap.stop"), "tap finished", ask("tap.stop", "404")),
    ),
    "a tap into a WebSocket ends with the call": Story(
        *(ask("tap", tap={"type": "audio"}, device=WS), "tap tapping", ask("end")),
        *ended("tap finished"),
        10,
    ),
    "a stream": Story(
        *(ask("stream", url=URL), "stream streaming", ask("tap.stop", "404")),
        *(ask("stream.stop"), "stream finished"),
    ),
}


@stories(MADE)
def test_what_is_made_of_a_call(story: Story) -> None:
    story.check()


# What events say


def test_a_transcription_has_every_word() -> None:
    world, client, call_id = answered_call(Say("grüß dich"), Press("1"), Say("bye"))
    client.verb("transcribe", call_id, control_id="t")
    world.pass_time(10)
    client.verb("transcribe.stop", call_id, control_id="t")
    final = last(client, "call.transcribe")
    assert final["url"].endswith(f"{final['recording_id']}.txt")
    assert final["duration"] == 10
    assert final["size"] == len("grüß dich\nbye\n".encode())


def test_a_tap_and_a_stream_say_where_the_media_goes() -> None:
    _, client, call_id = answered_call()
    started = client.verb("tap", call_id, control_id="t", tap=TAP, device=RTP)
    assert started["source_device"]["type"] == "rtp"
    client.verb("tap.stop", call_id, control_id="t")
    device = RTP | {"params": RTP["params"] | {"codec": "PCMU", "ptime": 20}}
    assert len(client.events("call.tap", tap=TAP, device=device)) == 2
    client.verb("stream", call_id, control_id="s", url=URL, name="mine")
    client.verb("stream.stop", call_id, control_id="s")
    assert len(client.events("call.stream", url=URL, name="mine")) == 2
