"""What a `Hear` step hears, as docs/testing.md says: one row of its table after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from relay_anyio import Call, RelayClient
from relay_anyio.testing import Caller, HangUp, Hear, NotHeardWarning, What, Who, rehearse

Act = Callable[[Call], Awaitable[object]]
MUSIC: Final = "https://example.com/music.mp3"
HEARD: Final[dict[str, tuple[Act, str]]] = {
    "words": (lambda call: call.play_tts("Press 1 for sales."), "press 1"),
    "a file": (lambda call: call.play_audio(MUSIC), "music.mp3"),
    "a tone": (lambda call: call.record({"beep": True}), "beep"),
    "a queue": (lambda call: call.queue_enter("support", wait_url=MUSIC), "music.mp3"),
    "a conference": (
        lambda call: call.join_conference("all", start_on_enter=False, wait_url=MUSIC),
        "music.mp3",
    ),
    "digits": (lambda call: call.send_digits("1w2"), "12"),
    "the questions of pay": (
        lambda call: call.pay("https://example.com/pay", charge_amount="1.00"),
        "card number",
    ),
}
UNHEARD: Final[dict[str, tuple[Act, str]]] = {
    "silence": (lambda call: call.play_silence(3), "silence"),
    "a ringtone": (lambda call: call.play_ringtone("us"), "us"),
    "no tone": (lambda call: call.record({}), "beep"),
    "pauses": (lambda call: call.send_digits("1w2"), "1w2"),
}


def who_ends(act: Act, text: str) -> tuple[Who, bool]:
    """Who ends the call, and whether the person has missed the text."""

    async def take(call: Call) -> None:
        await call.answer()
        await act(call)
        await call.wait_for_ended()

    client = RelayClient("project", "token", contexts=["office"])
    client.on_call(take)
    story = rehearse(client, Caller("+15550001111", (Hear(text, timeout=20), HangUp())))
    return story.all(What.ENDED)[0].who, bool(story.all(What.MISSED))


@pytest.mark.parametrize("name", HEARD)
def test_is_heard(name: str) -> None:
    assert who_ends(*HEARD[name]) == (Who.CALLER, False)


@pytest.mark.parametrize("name", UNHEARD)
def test_is_not_heard(name: str) -> None:
    with pytest.warns(NotHeardWarning):
        assert who_ends(*UNHEARD[name]) == (Who.CALLER, True)


@pytest.mark.parametrize(("word", "at_the_tone"), [("beep", False), ("tone", True)])
def test_a_greeting_that_says_beep_is_taken_for_the_tone(word: str, at_the_tone: bool) -> None:
    async def take(call: Call) -> None:
        await call.answer()
        greeting = await call.play_tts(f"Please speak after the {word}.")
        await greeting.wait()
        await call.record({"beep": True})
        await call.wait_for_ended()

    client = RelayClient("project", "token", contexts=["office"])
    client.on_call(take)
    story = rehearse(client, Caller("+15550001111", (Hear("beep"), HangUp())))
    assert bool(story.all(What.STARTED)) is at_the_tone
