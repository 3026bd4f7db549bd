"""Files of the exchange: what was heard when, the pages, the lines, and the URLs of them."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import (
    Answers,
    AudioFile,
    Fax,
    FaxFile,
    FileContent,
    HangUp,
    Hear,
    Line,
    Machine,
    Press,
    Say,
    Side,
    SoundKind,
    Step,
    TextFile,
    Wait,
    What,
)
from relay_proto.exchange.config import ExchangeLimits
from relay_proto.exchange.sounds import LONGEST_TEXT
from tests.unit.exchange_client import (
    OFFICE,
    Client,
    World,
    answered_call,
    dialed_call,
    make_config,
    phone,
    tts,
)

WORD = "0123456789"
"""Takes 0.7 s to say."""
PROMPT = "Please speak after the tone."
"""Takes 1.96 s."""
FAR, NEAR = Side.FAR, Side.NEAR
SPEECH, KEYS = SoundKind.SPEECH, SoundKind.KEYS


def file_of(world: World, url: str) -> FileContent:
    return world.files[url.rpartition("/")[2]]


def recorded(*script: Step, acts: Any = None, **audio: Any) -> AudioFile:
    """The file of a recording of 10 seconds, during which `acts` may do something."""
    world, client, call_id = answered_call(*script)
    return recording_of(world, client, call_id, acts, **audio)


def recording_of(
    world: World, client: Client, call_id: str, acts: Any = None, **audio: Any
) -> AudioFile:
    given = {"format": "wav", "direction": "both", "terminators": ""} | audio
    result = client.verb("record", call_id, control_id="r", record={"audio": given})
    if acts is not None:
        acts(world, client, call_id)
    world.pass_time(10)
    client.verb("record.stop", call_id, control_id="r")
    content = file_of(world, result["url"])
    assert isinstance(content, AudioFile)
    [finished] = client.events("call.record", state="finished")
    assert finished["duration"] == content.seconds
    assert finished["size"] == content.size
    return content


def heard(content: AudioFile) -> list[tuple[Side, SoundKind, str, float, float]]:
    """What is in a file, in the order of its beginning."""
    sounds = sorted(content.sounds, key=lambda sound: sound.at)
    return [
        (sound.side, sound.kind, sound.text, round(sound.at, 2), round(sound.seconds, 2))
        for sound in sounds
    ]


def play(world: World, client: Client, call_id: str) -> None:
    client.verb("play", call_id, control_id="p", play=[tts(PROMPT)])


# Recordings


def test_a_recording_has_what_was_said_and_pressed_and_when() -> None:
    content = recorded(Wait(1), Say(WORD), Press("1"), Wait(1), Say("bye"))
    assert heard(content) == [
        (FAR, SPEECH, WORD, 1.3, 0.7),
        (FAR, KEYS, "1", 2.0, 0.25),
        (FAR, SPEECH, "bye", 3.25, 0.21),
    ]
    assert (content.format, content.seconds, content.channels) == ("wav", 10, 1)


@pytest.mark.parametrize(
    ("direction", "sides"), [("speak", [FAR]), ("listen", [NEAR]), ("both", [NEAR, FAR])]
)
def test_a_recording_has_the_direction_that_was_asked_for(
    direction: str, sides: list[Side]
) -> None:
    content = recorded(
        Hear("tone"),
        Wait(2),
        Say(WORD),
        acts=play,
        direction=direction,
        initial_timeout=0,
        end_silence_timeout=0,
        stereo=True,
    )
    assert [sound.side for sound in content.sounds] == sides
    assert content.channels == 2


def test_a_prompt_that_is_paused_and_stopped_ends_then() -> None:
    def acts(world: World, client: Client, call_id: str) -> None:
        play(world, client, call_id)
        for control in ("pause", "resume", "stop"):
            world.pass_time(0.5)
            client.verb(f"play.{control}", call_id, control_id="p")

    content = recorded(acts=acts)
    assert heard(content) == [(NEAR, SPEECH, PROMPT, 0, 0.5), (NEAR, SPEECH, PROMPT, 1, 0.5)]
    assert [round(sound.skipped, 2) for sound in content.sounds] == [0, 0.5]


def test_each_kind_of_media_has_its_sound() -> None:
    media = [
        {"type": "silence", "params": {"duration": 1}},
        {"type": "audio", "params": {"url": "https://example.com/a.mp3"}},
        {"type": "ringtone", "params": {"name": "us", "duration": 2}},
    ]

    def acts(world: World, client: Client, call_id: str) -> None:
        client.verb("play", call_id, control_id="p", play=media)
        world.pass_time(9)

    assert heard(recorded(acts=acts, beep=True)) == [
        (NEAR, SoundKind.BEEP, "beep", 0, 0.5),
        (NEAR, SoundKind.FILE, "https://example.com/a.mp3", 1, 5),
        (NEAR, SoundKind.RINGING, "us", 6, 2),
    ]


def test_keys_that_the_program_sends_are_heard_one_by_one() -> None:
    def acts(world: World, client: Client, call_id: str) -> None:
        client.verb("send_digits", call_id, control_id="d", digits="1w2")

    assert heard(recorded(acts=acts)) == [
        (NEAR, KEYS, "1", 0, 0.25),
        (NEAR, KEYS, "2", 0.75, 0.25),
    ]


def test_keys_that_are_sent_after_the_end_are_not_in_the_file() -> None:
    def acts(world: World, client: Client, call_id: str) -> None:
        client.verb("send_digits", call_id, control_id="d", digits=f"1{'W' * 10}2")

    assert heard(recorded(acts=acts)) == [(NEAR, KEYS, "1", 0, 0.25)]


def test_a_recording_that_begins_in_the_middle_has_the_rest_of_what_is_said() -> None:
    world, client, call_id = answered_call()
    play(world, client, call_id)
    world.pass_time(1.5)
    content = recording_of(world, client, call_id)
    assert heard(content) == [(NEAR, SPEECH, PROMPT, 0, 0.46)]
    assert content.sounds[0].skipped == pytest.approx(1.5)


@pytest.mark.parametrize(("behavior", "later"), [("skip", 1.0), ("silence", 3.0)])
def test_what_is_said_in_a_pause_is_not_in_the_file(behavior: str, later: float) -> None:
    def acts(world: World, client: Client, call_id: str) -> None:
        world.pass_time(1)
        client.verb("record.pause", call_id, control_id="r", behavior=behavior)
        world.pass_time(2)
        client.verb("record.resume", call_id, control_id="r")

    content = recorded(Wait(0.5), Say(WORD), Wait(1.2), Say("new"), acts=acts)
    # The first word began at 0.8, the pause at 1.0; the second one begins at 2.7, in the pause.
    assert heard(content) == [(FAR, SPEECH, WORD, 0.8, 0.2)]
    assert content.seconds == 10 + later
    content = recorded(Wait(1.2), Say(WORD), Wait(1.8), Say("new"), acts=acts)
    # The second word begins at 4.0, after the pause.
    assert heard(content) == [(FAR, SPEECH, "new", round(1 + later, 2), 0.21)]


def test_a_recording_keeps_a_bounded_number_of_sounds_and_of_characters() -> None:
    world = World(make_config(limits=ExchangeLimits(sounds=2)))
    long = "x" * (LONGEST_TEXT + 1)
    _, client, call_id = answered_call(Press("1"), Say(long), Press("3"), world=world)

    def wait(world: World, client: Client, call_id: str) -> None:
        world.pass_time(1000)

    content = recording_of(world, client, call_id, wait)
    assert [len(sound.text) for sound in content.sounds] == [1, LONGEST_TEXT]


def test_an_echo_and_a_bridged_call_are_heard() -> None:
    def echo(world: World, client: Client, call_id: str) -> None:
        client.verb("echo", call_id)

    assert heard(recorded(Press("1"), Say(WORD), acts=echo, direction="listen")) == [
        (NEAR, KEYS, "1", 0.3, 0.25),
        (NEAR, SPEECH, WORD, 0.55, 0.7),
    ]
    world = World(make_config(lines=(Line("+1", Answers(after=1, script=(Say(WORD),))),)))
    _, client, call_id = answered_call(world=world)
    client.verb("connect", call_id, devices=[[phone("+1")]])
    assert heard(recording_of(world, client, call_id, direction="listen")) == [
        (NEAR, SPEECH, WORD, 1.8, 0.7)
    ]


def test_the_file_of_a_call_that_ended_comes_with_its_event() -> None:
    world, client, call_id = answered_call(Say(WORD), HangUp())
    result = client.verb("record", call_id, control_id="r", record={"audio": {"format": "wav"}})
    world.pass_time(1.2)
    assert client.states(call_id)[-1] == "ended"
    assert not world.files
    world.pass_time(1)
    [finished] = client.events("call.record", state="finished")
    assert finished["url"] == result["url"]
    content = file_of(world, result["url"])
    assert isinstance(content, AudioFile)
    assert heard(content) == [(FAR, SPEECH, WORD, 0.3, 0.7)]


def test_the_journal_names_the_file() -> None:
    world, client, call_id = answered_call()
    recording_of(world, client, call_id)
    [ended] = [one for one in world.happened if one.what is What.FINISHED]
    assert ended.details["file"] in world.files


def test_a_format_that_nobody_can_make_becomes_wav_and_says_so() -> None:
    world = World(make_config(audio_formats=frozenset({"wav"})))
    _, client, call_id = answered_call(world=world)
    assert recording_of(world, client, call_id, format="mp3").format == "wav"
    [finished] = client.events("call.record", state="finished")
    assert finished["record"]["audio"]["format"] == "wav"
    assert finished["url"].endswith(".wav")
    assert world.story(What.CONVERTED) == [
        "exchange has no encoder for mp3: the recording becomes a wav file"
    ]


# Messages, conferences, faxes, transcriptions


def test_an_answering_machine_keeps_the_message_of_the_program() -> None:
    machine = Answers(after=0, nature=Machine(greeting="Speak now."))
    world = World(make_config(lines=(Line("+1", machine),)))
    client = world.connect("office")
    call_id = dialed_call(world, client, phone("+1"), 3)
    play(world, client, call_id)
    world.pass_time(5)
    client.verb("end", call_id)
    [(name, content)] = world.files.items()
    assert isinstance(content, AudioFile)
    assert [(sound.side, sound.text) for sound in content.sounds] == [(NEAR, PROMPT)]
    [ended] = [one for one in world.happened if one.what is What.FINISHED]
    assert ended.details["file"] == name
    assert ended.text.startswith("caller    ends recording a message: ")


def test_a_machine_that_hears_nothing_keeps_no_message() -> None:
    world = World(make_config(lines=(Line("+1", Answers(after=0, nature=Machine())),)))
    client = world.connect("office")
    call_id = dialed_call(world, client, phone("+1"), 20)
    client.verb("end", call_id)
    assert not world.files


@pytest.mark.parametrize("formats", [{"mp3", "wav"}, {"wav"}])
def test_a_conference_has_the_words_of_its_members(formats: set[str]) -> None:
    world = World(make_config(audio_formats=frozenset(formats)))
    _, client, call_id = answered_call(Wait(1), Say(WORD), world=world)
    client.verb("join_conference", call_id, name="team", record="record-from-start", beep="false")
    world.pass_time(5)
    client.verb("end", call_id)
    [stopped] = client.events("calling.conference", status="record-stop")
    content = file_of(world, stopped["recording_url"])
    assert isinstance(content, AudioFile)
    assert content.format == min(formats)
    assert heard(content) == [(FAR, SPEECH, WORD, 1.3, 0.7)]
    assert stopped["recording_file_size"] == content.size


def received_fax(pages: int, seconds: float) -> tuple[World, Client]:
    world, client, call_id = answered_call(nature=Fax("CNG", pages=pages))
    client.verb("receive_fax", call_id, control_id="f")
    world.pass_time(seconds)
    client.verb("end", call_id)
    world.pass_time(5)
    return world, client


@pytest.mark.parametrize("seconds", [25, 60])
def test_a_fax_that_was_received_has_its_pages(seconds: float) -> None:
    world, client = received_fax(2, seconds)
    final = client.events("call.fax")[-1]["fax"]["params"]
    assert file_of(world, final["document"]) == FaxFile(2, "+15550001111", OFFICE)
    assert final["pages"] == 2


def test_a_fax_without_a_page_has_no_document() -> None:
    world, client = received_fax(2, 5)
    final = client.events("call.fax")[-1]["fax"]["params"]
    assert (final["document"], final["pages"], final["success"]) == ("", 0, False)
    assert not world.files


def test_a_fax_that_is_sent_keeps_the_url_of_its_document() -> None:
    world = World(make_config(lines=(Line("+1", Answers(after=0, nature=Fax())),)))
    client = world.connect("office")
    call_id = dialed_call(world, client, phone("+1"), 3)
    client.verb("send_fax", call_id, control_id="f", document="https://example.com/f.pdf")
    world.pass_time(30)
    final = client.events("call.fax")[-1]["fax"]["params"]
    assert final["document"] == "https://example.com/f.pdf"
    assert not world.files


def test_a_transcription_has_its_lines_but_no_more_than_fit() -> None:
    long = "x" * 999_989
    world, client, call_id = answered_call(Say("Grüße"), Say(long), Say("too much"), Say("b"))
    client.verb("transcribe", call_id, control_id="t")
    world.pass_time(100_000)
    client.verb("transcribe.stop", call_id, control_id="t")
    [final] = client.events("call.transcribe", state="finished")
    assert file_of(world, final["url"]) == TextFile(f"Grüße\n{long}\nb\n")
    assert final["size"] == 1_000_000


# URLs


def test_urls_name_the_host_by_which_the_program_is_connected() -> None:
    world = World(make_config(files="https://{host}/files"))
    _, client, call_id = answered_call(world=world)
    result = client.verb("record", call_id, control_id="r", record={"audio": {}})
    assert result["url"].startswith("https://sim.test/files/")


def test_the_urls_of_a_network_without_files_lead_nowhere() -> None:
    _, client, call_id = answered_call()
    result = client.verb("record", call_id, control_id="r", record={"audio": {}})
    assert result["url"].startswith("https://files.example.com/")
