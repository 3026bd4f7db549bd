"""Features of a call: hold, denoise, echo, custom events, transfers by SIP, AI agents."""

from __future__ import annotations

import pytest

from relay_proto.exchange import (
    Busy,
    Declines,
    HangUp,
    Hear,
    NoAnswer,
    Press,
    Say,
    Unreachable,
    Wait,
    What,
)
from tests.unit.exchange_client import (
    ENDED,
    HANGS_UP,
    Ask,
    Story,
    answered_call,
    ask,
    ended,
    hangs_up,
    stories,
)

FEATURES = {
    "hold": Story(
        *(ask("hold"), "hold hold", ask("hold", "409")),
        *(ask("unhold"), "hold unhold", ask("unhold", "409")),
        journal={What.SWITCHED: ["program switches hold on", "program switches hold off"]},
    ),
    "denoise": Story(
        *(ask("denoise.stop", "409"), ask("denoise"), "denoise denoised=True"),
        *(ask("denoise", "409"), ask("denoise.stop"), "denoise denoised=False"),
    ),
    "what is on ends with the call": Story(
        *(ask("hold"), "hold hold", ask("denoise"), "denoise denoised=True"),
        *(ask("echo"), "echo echoing", ask("end")),
        *ended("echo finished"),
        *(ask("unhold", "410"), ask("denoise.stop", "410")),
    ),
    "an echo lets people hear themselves": Story(
        *(ask("echo", timeout=20), "echo echoing"),
        *(19.9, "caller says “anybody there”", "caller presses 5", "caller says “well”"),
        *(0.1, "echo finished"),
        script=(
            *(Say("anybody there"), Hear("anybody"), Press("5"), Hear("5")),
            *(Say("well"), Hear("more")),
        ),
    ),
}


@stories(FEATURES)
def test_features(story: Story) -> None:
    story.check()


@pytest.mark.parametrize("event", ["hello", {"a": [1]}, None])
def test_a_user_event_is_any_json(event: object) -> None:
    journal = {What.SENT_EVENT: ["program sends a custom event"]}
    Story(ask("user_event", event=event, more=1), journal=journal).check()


# Transfers by SIP

BOB = "sip:bob@example.com"
refer = ask("refer", device={"type": "sip", "params": {"to": BOB}})
REFERRED = {
    "a call that was referred ends here": Story(
        *(refer, Ask("refer", "409", refer.params)),
        *(60, "refer inProgress", HANGS_UP[0], "refer success 200", *ENDED),
    ),
    **{
        f"a call continues after {state}": Story(
            *(refer, 60, "refer inProgress", f"refer {state} {code}"),
            lines={BOB: behaviour},
            journal={What.FINISHED: [f"exchange ends the transfer to {BOB}: {state}"]},
        )
        for behaviour, state, code in (
            (Busy(), "busy", "486"),
            (Declines(), "decline", "603"),
            (NoAnswer(), "noAnswer", "480"),
            (Unreachable(), "error", "404"),
        )
    },
    "a caller who hangs up is not transferred": Story(
        *(refer, 60, *HANGS_UP),
        script=(HangUp(),),
    ),
}


@stories(REFERRED)
def test_referring(story: Story) -> None:
    story.check()


def test_names_of_other_documents_are_accepted_with_a_note() -> None:
    world, client, call_id = answered_call()
    spoken = {"type": "tts", "params": {"text": "Hallo", "lang": "de-DE"}}
    client.verb("play", call_id, control_id="p", play=[spoken])
    client.verb("stream", call_id, control_id="s", url="wss://example.com/s", track="both")
    client.verb("refer", call_id, device={"type": "sip", "params": {"uri": BOB}})
    world.pass_time(60)
    assert client.values("call.refer", "sip_refer_to") == [BOB, BOB]
    assert client.values("call.stream", "state")[0] == "streaming"
    assert world.story(What.TOLERATED) == [
        "exchange accepts “lang” in place of “language”; the service may not",
        "exchange accepts “both” in place of “both_tracks”; the service may not",
        "exchange accepts “uri” in place of “to”; the service may not",
    ]


def test_the_usual_names_need_no_note() -> None:
    world, client, call_id = answered_call()
    spoken = {"type": "tts", "params": {"text": "Hallo", "language": "de-DE"}}
    client.verb("play", call_id, control_id="p", play=[spoken])
    client.verb("stream", call_id, control_id="s", url="wss://example.com/s", track="both_tracks")
    client.verb("refer", call_id, device={"type": "sip", "params": {"to": BOB, "uri": "sip:x"}})
    assert world.story(What.TOLERATED) == []
    nowhere = client.verb("refer", call_id, device={"type": "sip", "params": {}})
    assert nowhere["code"] == -32602


def test_events_of_a_referral_name_its_target() -> None:
    world, client, call_id = answered_call()
    client.verb("refer", call_id, **refer.params)
    world.pass_time(60)
    assert client.values("call.refer", "sip_refer_response_code") == ["202", "202"]
    assert client.values("call.refer", "sip_refer_to") == [BOB, BOB]


# AI agents

AGENTS = {
    "an agent lasts until it is stopped": Story(
        *(ask("ai"), 1000, ask("ai.stop"), "ai finished", ask("ai.stop", "404")),
    ),
    "an agent is the only one, so any control id stops it": Story(
        *(ask("ai"), ask("ai.stop", control_id="another"), "ai finished"),
        *(ask("amazon_bedrock"), ask("ai.stop"), "ai finished", ask("ai.stop", "404")),
    ),
    "an agent ends with the call": Story(
        *(ask("amazon_bedrock"), ask("ai_hold", timeout="30")),
        60,
        *hangs_up("ai finished"),
        ask("ai_message", "410"),
        script=(Wait(5), HangUp()),
    ),
    "the far end hears what an assistant must say": Story(
        ask("ai"),
        ask("ai_message", role="user", message_text="say welcome"),
        ask("ai_message", role="assistant"),
        *(5, ask("ai_message", role="assistant", message_text="Welcome!")),
        *(5, "caller presses 1"),
        script=(Hear("welcome"), Press("1")),
    ),
    "an agent on hold": Story(
        *(ask("ai_hold", "409"), ask("ai_unhold", "409"), ask("ai")),
        *(ask("ai_hold"), ask("ai_hold", "409"), ask("ai_unhold"), ask("ai_unhold", "409")),
        *(ask("ai_hold", timeout="10", prompt="one moment"), 9.9, ask("ai_hold", "409")),
        *(0.1, ask("ai_unhold", "409"), ask("ai_hold")),
        *(ask("ai_unhold", prompt="Back again!"), 5, "caller presses 1"),
        script=(Hear("one moment"), Hear("back again"), Press("1")),
    ),
}


@stories(AGENTS)
def test_agents(story: Story) -> None:
    story.check()
