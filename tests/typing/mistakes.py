"""Ten typical mistakes, each of which mypy and pyright must report.

A mistake stands under an ignore comment. Both checkers complain about a comment that is
not needed, so this file fails if a mistake is not reported. docs/typing.md shows what the
checkers say about them.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from relay_anyio import EVENT_CALL_PLAY, Call, DialFailedError, RecordEvent, RelayClient, tts


def heard(event: RecordEvent) -> None:
    print(event.url)


async def unknown_keyword(call: Call) -> None:
    await call.play([tts("Hello")], volum=3)  # type: ignore[call-arg]


async def key_as_keyword(call: Call) -> None:
    await call.record(beep=True)  # type: ignore[call-arg]


async def misspelled_key(call: Call) -> None:
    await call.record({"beeep": True})  # type: ignore[arg-type]


async def misspelled_media(call: Call) -> None:
    await call.play([{"type": "tts", "params": {"txt": "Hello"}}])  # type: ignore[list-item, misc]


async def devices_not_nested(client: RelayClient) -> None:
    await client.dial([{"type": "phone", "to": "+1555", "from": "+1556"}])  # type: ignore[list-item]


def misspelled_state(call: Call) -> bool:
    return call.state == "answerd"  # type: ignore[comparison-overlap]


def misspelled_reason(error: DialFailedError) -> bool:
    return error.reason == "bussy"  # type: ignore[comparison-overlap]


def misspelled_event_type(call: Call) -> None:
    call.on("calling.call.plays", print)  # type: ignore[call-overload]


def listener_of_another_event(call: Call) -> None:
    call.on(EVENT_CALL_PLAY, heard)  # type: ignore[call-overload]


async def result_of_a_call_that_may_have_ended(call: Call) -> str:
    recording = await call.record()
    event = await recording.wait()
    return event.url  # type: ignore[union-attr]


async def forgotten_await(call: Call) -> None:
    call.play_tts("Hello")  # type: ignore[unused-coroutine]


def text_as_contexts() -> None:
    RelayClient(contexts="office")  # type: ignore[arg-type]


async def reason_that_does_not_exist(call: Call) -> None:
    await call.hangup("bye")  # type: ignore[arg-type]
