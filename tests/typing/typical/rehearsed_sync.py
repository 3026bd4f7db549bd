"""Typical: the tests of a blocking program, with the fixtures of the plugin."""

import time

from relay_pytest import Lab, Rehearse
from relay_sync import Call, RelayClient
from relay_sync.testing import Answers, Caller, Hear, Press, Stage, Story, What, Who, rehearse

client = RelayClient(project="p-1", token="PT1", contexts=["office"])


@client.on_call
def greet(call: Call) -> None:
    call.answer()
    call.play_tts("Hello. Press one.").wait()
    call.hangup()


def remind() -> None:
    with RelayClient() as own:
        own.dial_phone("+15550003000", "+15550002222").hangup()


def dials(stage: Stage) -> None:
    stage.client.dial_phone("+15550003000", "+15550002222")
    time.sleep(60)
    stage.until(What.ANSWERED, who=Who.CALLER)


def test_somebody_calls(rehearse: Rehearse) -> None:
    story: Story = rehearse(client, Caller("+15550001111", (Hear("press", whole=True), Press("1"))))
    assert "Hello" in story.text


def test_the_program_dials() -> None:
    story = rehearse(client, dials, lines={"+15550003000": Answers()}, patience=1.0)
    assert rehearse(remind).about("+15550003000") != story


def test_a_process(lab: Lab) -> None:
    call_id: str = lab.call("+15550001111", [{"press": "1"}])
    assert lab.until("ended", call_id=call_id)["text"]
