"""Recordings and transcriptions, taps and streams: what is made of a call while it lasts."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import HangUp, Hear, Press, Say, Wait, What
from tests.unit.exchange_client import Client, Object, World, answered_call, make_config

WORD = "0123456789"
"""Takes 0.7 s to say."""


def record(client: Client, call_id: str, **audio: Any) -> Object:
    return client.verb("record", call_id, control_id="r", record={"audio": audio})


def states(client: Client) -> list[str]:
    return [event["state"] for event in client.events("call.record")]


def last(client: Client) -> Object:
    return client.events("call.record")[-1]


# Recordings


def test_a_recording_ends_with_silence_and_knows_its_length() -> None:
    world, client, call_id = answered_call(Wait(1), Say(WORD))
    result = record(client, call_id)
    assert result["code"] == "200"
    assert result["control_id"] == "r"
    world.pass_time(60)
    assert states(client) == ["recording", "finished"]
    final = last(client)
    assert final["url"] == result["url"]
    assert final["url"].endswith(".mp3")
    assert final["duration"] == pytest.approx(0.3 + 1 + 0.7 + 1)
    assert final["size"] == 6000
    assert final["end_time"] - final["start_time"] == final["duration"]
    assert final["record"] == {"audio": {}}
    assert client.verb("record.stop", call_id, control_id="r")["code"] == "404"
    assert world.story(What.STARTED, What.FINISHED) == [
        "program starts a recording",
        "exchange ends a recording: finished",
    ]


def test_nobody_says_anything() -> None:
    world, client, call_id = answered_call()
    record(client, call_id, initial_timeout=3)
    world.pass_time(60)
    assert states(client) == ["recording", "no_input"]
    assert last(client)["duration"] == 3


def test_a_recording_of_both_sides_has_no_timeouts_of_its_own() -> None:
    world, client, call_id = answered_call(Say(WORD))
    record(client, call_id, direction="both", format="wav", stereo=True)
    world.pass_time(100)
    assert states(client) == ["recording"]
    assert client.verb("record.stop", call_id, control_id="r")["code"] == "200"
    assert last(client)["duration"] == 100
    assert last(client)["size"] == 100 * 2 * 16_000
    assert last(client)["record"]["audio"] == {"direction": "both", "format": "wav", "stereo": True}


def test_a_key_ends_a_recording_or_is_a_sound_in_it() -> None:
    world, client, call_id = answered_call(Press("1"), Wait(1), Press("9"))
    record(client, call_id, terminators="9", initial_timeout=1, end_silence_timeout=4)
    world.pass_time(60)
    assert states(client) == ["recording", "finished"]
    assert last(client)["duration"] == pytest.approx(0.3 + 0.25 + 1)


def test_a_recording_has_a_length_at_most() -> None:
    world, client, call_id = answered_call()
    record(client, call_id, direction="both", max_length=7)
    world.pass_time(60)
    assert last(client)["duration"] == 7


def test_a_beep_can_be_waited_for() -> None:
    world, client, call_id = answered_call(Hear("beep"), Say(WORD))
    world.pass_time(5)
    record(client, call_id, beep=True)
    world.pass_time(60)
    assert last(client)["duration"] == pytest.approx(0.3 + 0.7 + 1)


@pytest.mark.parametrize(("behaviour", "seconds"), [("skip", 5), ("silence", 15)])
def test_a_pause_counts_or_does_not(behaviour: str, seconds: float) -> None:
    world, client, call_id = answered_call()
    record(client, call_id, direction="both")
    world.pass_time(2)
    paused = client.verb("record.pause", call_id, control_id="r", behavior=behaviour)
    assert paused["code"] == "200"
    assert last(client)["pause_behavior"] == behaviour
    assert client.verb("record.pause", call_id, control_id="r")["code"] == "409"
    world.pass_time(10)
    assert client.verb("record.resume", call_id, control_id="r")["code"] == "200"
    assert client.verb("record.resume", call_id, control_id="r")["code"] == "409"
    world.pass_time(3)
    client.verb("record.stop", call_id, control_id="r")
    assert states(client) == ["recording", "paused", "recording", "finished"]
    assert last(client)["duration"] == seconds


@pytest.mark.parametrize(("behaviour", "ends_at"), [("skip", 14), ("silence", 4)])
def test_the_longest_length_is_that_of_what_counts(behaviour: str, ends_at: float) -> None:
    world, client, call_id = answered_call()
    record(client, call_id, direction="both", max_length=4)
    world.pass_time(2)
    client.verb("record.pause", call_id, control_id="r", behavior=behaviour)
    world.pass_time(10)
    client.verb("record.resume", call_id, control_id="r")
    world.pass_time(60)
    assert last(client)["state"] == "finished"
    assert last(client)["duration"] == 4
    assert last(client)["end_time"] - last(client)["start_time"] == ends_at


def test_what_is_said_in_a_pause_is_no_input() -> None:
    world, client, call_id = answered_call(Say(WORD))
    record(client, call_id, initial_timeout=2)
    client.verb("record.pause", call_id, control_id="r")
    world.pass_time(10)
    assert states(client) == ["recording", "paused"]
    client.verb("record.resume", call_id, control_id="r")
    world.pass_time(60)
    assert states(client)[-1] == "no_input"


def test_a_recording_that_was_stopped_in_a_pause_ends_there() -> None:
    world, client, call_id = answered_call()
    record(client, call_id)
    world.pass_time(1)
    client.verb("record.pause", call_id, control_id="r")
    world.pass_time(8)
    client.verb("record.stop", call_id, control_id="r")
    assert last(client)["duration"] == 1


def test_the_last_word_about_a_recording_comes_after_the_call() -> None:
    world, client, call_id = answered_call(Wait(1), HangUp())
    record(client, call_id)
    world.pass_time(60)
    order = [event.get("state", event.get("call_state")) for event in client.events()]
    assert order[-4:] == ["recording", "ending", "ended", "finished"]
    assert last(client)["state"] == "finished"
    assert last(client)["duration"] == pytest.approx(1.3)
    assert client.verb("record.stop", call_id, control_id="r")["code"] == "410"


@pytest.mark.parametrize(
    "record",
    [{"audio": {"format": "ogg"}}, {"audio": {"direction": "in"}}, {"audio": 1}, "audio", None],
)
def test_what_cannot_be_recorded_is_refused(record: object) -> None:
    _, client, call_id = answered_call()
    assert client.verb("record", call_id, control_id="r", record=record)["code"] == -32602


# Transcriptions


def test_a_transcription_has_every_word() -> None:
    world, client, call_id = answered_call(Say("grüß dich"), Press("1"), Say("bye"))
    started = client.verb("transcribe", call_id, control_id="t")
    assert started["control_id"] == "t"
    assert client.verb("transcribe", call_id, control_id="u")["code"] == "409"
    world.pass_time(10)
    assert client.verb("transcribe.stop", call_id, control_id="t")["code"] == "200"
    first, final = client.events("call.transcribe")
    assert first["state"] == "transcribing"
    assert final["state"] == "finished"
    assert final["url"].endswith(f"{final['recording_id']}.txt")
    assert final["duration"] == 10
    assert final["size"] == len("grüß dich\nbye\n".encode())
    assert client.verb("transcribe", call_id, control_id="u")["code"] == "200"


def test_the_last_word_about_a_transcription_comes_after_the_call() -> None:
    world, client, call_id = answered_call(Wait(1), HangUp())
    client.verb("transcribe", call_id, control_id="t")
    world.pass_time(60)
    [final] = client.events("call.transcribe", state="finished")
    assert final["duration"] == pytest.approx(1.3)


# Taps and streams

RTP: Object = {"type": "rtp", "params": {"addr": "203.0.113.9", "port": 5000}}
TAP = {"type": "audio", "params": {"direction": "both"}}


def test_a_tap_says_where_the_media_goes() -> None:
    _, client, call_id = answered_call()
    started = client.verb("tap", call_id, control_id="t", tap=TAP, device=RTP)
    assert started["source_device"]["type"] == "rtp"
    assert client.verb("tap.stop", call_id, control_id="t")["code"] == "200"
    first, final = client.events("call.tap")
    assert (first["state"], final["state"]) == ("tapping", "finished")
    assert first["tap"] == final["tap"] == TAP
    assert first["device"]["params"] == RTP["params"] | {"codec": "PCMU", "ptime": 20}
    assert client.verb("tap.stop", call_id, control_id="t")["code"] == "404"


def test_a_tap_into_a_websocket_ends_with_the_call() -> None:
    world, client, call_id = answered_call()
    device = {"type": "ws", "params": {"uri": "wss://example.com/t"}}
    client.verb("tap", call_id, control_id="t", tap={"type": "audio"}, device=device)
    client.verb("end", call_id)
    world.pass_time(10)
    assert [event["state"] for event in client.events("call.tap")] == ["tapping"]


def test_a_stream_goes_to_a_websocket() -> None:
    _, client, call_id = answered_call()
    url = "wss://example.com/s"
    client.verb("stream", call_id, control_id="s", url=url, name="mine")
    assert client.verb("tap.stop", call_id, control_id="s")["code"] == "404"
    client.verb("stream.stop", call_id, control_id="s")
    events = client.events("call.stream", url=url, name="mine")
    assert [event["state"] for event in events] == ["streaming", "finished"]


@pytest.mark.parametrize("url", ["https://example.com", "", "ws://example.com"])
def test_a_stream_to_elsewhere_is_refused(url: str) -> None:
    _, client, call_id = answered_call()
    assert client.verb("stream", call_id, control_id="s", url=url)["code"] == -32602


# Refusals


def test_nothing_is_made_of_a_call_that_is_not_answered_or_not_there() -> None:
    world = World(make_config())
    client = world.connect("office")
    call_id = world.place()
    assert record(client, call_id)["code"] == "409"
    assert record(client, "unknown")["code"] == "404"
    client.verb("end", call_id)
    assert record(client, call_id)["code"] == "410"
