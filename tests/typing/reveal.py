"""What type checkers see: the types of results, and calls that they must refuse.

Nothing here runs; mypy and pyright read it. A wrong call stands under an ignore
comment, and both checkers complain about one that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, assert_type

from relay_anyio import (
    Call,
    CallState,
    CallStateEvent,
    CallStateText,
    CollectAction,
    Connected,
    ConnectEvent,
    Device,
    EndReason,
    LeftMessage,
    Media,
    Message,
    MessageStateEvent,
    PlayAction,
    PlayEvent,
    RelayClient,
    RelayEvent,
    SessionState,
    StandaloneCollectAction,
    WhoAnswered,
)

DEVICES: list[list[Device]] = [[{"type": "phone", "to": "+15550001111", "from": "+15550002222"}]]
MEDIA: list[Media] = [{"type": "tts", "params": {"text": "Hello"}}]


def heard(event: RelayEvent) -> None: ...
async def heard_later(event: RelayEvent) -> None: ...
def wants_text(text: str) -> None: ...


async def verbs(call: Call) -> None:
    assert_type(await call.answer(), dict[str, Any])
    assert_type(await call.answer(max_duration=60), dict[str, Any])
    assert_type(await call.hangup(), dict[str, Any])
    assert_type(await call.hangup("busy"), dict[str, Any])
    assert_type(await call.pass_(), dict[str, Any])
    assert_type(await call.connect(DEVICES, ringback=MEDIA), dict[str, Any])
    assert_type(await call.disconnect(), dict[str, Any])
    assert_type(await call.transfer("context:sales"), dict[str, Any])
    assert_type(await call.send_digits("123"), dict[str, Any])


async def wrong_verbs(call: Call) -> None:
    await call.hangup(7)  # type: ignore[arg-type]
    await call.hangup("busy", "now")  # type: ignore[call-arg]
    await call.pass_(1)  # type: ignore[call-arg]
    await call.bridge("call-2")  # type: ignore[arg-type]
    await call.connect()  # type: ignore[call-arg]
    await call.connect("+15550001111")  # type: ignore[arg-type]
    await call.send_digits(123)  # type: ignore[arg-type]
    await call.send_digits("1", "control-1")  # type: ignore[call-arg]
    call.play_nothing()  # type: ignore[attr-defined]


async def actions(call: Call) -> None:
    playing = await call.play(MEDIA, volume=-3.5, on_completed=heard)
    assert_type(playing, PlayAction)
    assert_type(await playing.wait(timeout=5), PlayEvent | CallStateEvent)
    assert_type(await playing.stop(), dict[str, Any])
    assert_type(await playing.volume(3), dict[str, Any])
    assert_type(playing.result, PlayEvent | CallStateEvent | None)
    assert_type(playing.is_done, bool)
    assert_type(playing.call, Call)

    menu = await call.play_and_collect(MEDIA, {"digits": {"max": 1}}, on_completed=heard_later)
    assert_type(menu, CollectAction)
    assert_type(await menu.start_input_timers(), dict[str, Any])

    collecting = await call.collect(digits={"max": 1}, initial_timeout=5)
    assert_type(collecting, StandaloneCollectAction)
    assert_type(await collecting.stop(), dict[str, Any])


async def wrong_actions(
    call: Call, playing: PlayAction, collecting: StandaloneCollectAction
) -> None:
    await call.play()  # type: ignore[call-arg]
    await call.play("Hello")  # type: ignore[arg-type]
    await call.play(MEDIA, 3.5)  # type: ignore[call-arg]
    await call.play(MEDIA, volume="loud")  # type: ignore[arg-type]
    await call.play(MEDIA, on_completed=wants_text)  # type: ignore[arg-type]
    await call.play_and_collect(MEDIA)  # type: ignore[call-arg]
    await call.collect({"max": 1})  # type: ignore[call-arg]
    await playing.volume()  # type: ignore[call-arg]
    await playing.start_input_timers()  # type: ignore[attr-defined]
    await collecting.pause()  # type: ignore[attr-defined]
    playing.completed = True  # type: ignore[misc]


async def events(call: Call, message: Message) -> None:
    assert_type(
        await call.wait_for("calling.call.play", lambda event: bool(event.params)), PlayEvent
    )
    assert_type(await call.wait_for_ended(timeout=5), CallStateEvent)
    assert_type(await call.wait_for_beep(30.0), WhoAnswered)
    left = await call.leave_message("Hello", also_to=["human"])
    assert_type(left, LeftMessage)
    assert_type(left.who, Literal["human", "machine", "fax", "unknown", "nobody"])
    call.on("calling.call.play", heard)
    call.off("calling.call.play", heard)
    async with call.expect("calling.call.play") as expected:
        assert_type(await expected.wait(), PlayEvent)
    assert_type(await message.wait(), MessageStateEvent)
    assert_type(await message.wait_delivered(timeout=5), MessageStateEvent)
    assert_type(await message.reply("Hi", tags=["vip"]), Message)
    assert_type(await call.bridge(call, timeout=5), ConnectEvent)
    assert_type(await call.connect_and_wait(DEVICES, tag="sales"), ConnectEvent)
    await call.wait_for_disconnected(timeout=60)
    async with call as entered:
        assert_type(entered, Call)
    call.log.info("answered after %d s", 3)
    assert_type(message.body, str)
    assert_type(call.state, CallStateText)
    assert call.state == CallState.ANSWERED or call.end_reason == EndReason.BUSY
    assert call.state in (CallState.ANSWERED, "ringing")


async def client(client: RelayClient) -> None:
    assert_type(await client.dial(DEVICES), Call)
    assert_type(await client.connect(retry=True, timeout=5), None)
    assert_type(await client.wait_ready(5), None)
    assert_type(await client.execute("calling.end", {}), dict[str, Any])
    assert_type(await client.receive(["sales"]), None)
    assert_type(await client.send_message(to_number="+1", from_number="+2", body="Hi"), Message)
    assert_type(client.state, SessionState)
    assert_type(client.relay_protocol, str)
    async with client as entered:
        assert_type(entered, RelayClient)


async def wrong_client(client: RelayClient) -> None:
    RelayClient(contexts="office")  # type: ignore[arg-type]
    RelayClient(tokken="PT")  # type: ignore[call-arg]
    RelayClient(max_connections="2")  # type: ignore[arg-type]
    await client.connect(True)  # type: ignore[call-arg]
    await client.dial("+15550001111")  # type: ignore[arg-type]
    await client.send_message("+1", "+2", "Hi")  # type: ignore[call-arg]
    await client.send_message(to_number="+1", body="Hi")  # type: ignore[call-arg]
    client.relay_protocol = "mine"  # type: ignore[misc]
    client.on_call(wants_text)  # type: ignore[type-var]
    client.on_message(wants_text)  # type: ignore[type-var]


def handlers(client: RelayClient) -> None:
    @client.on_call
    async def take(call: Call) -> None: ...

    @client.on_call(cancel_on_end=True)
    async def take_and_leave(call: Call) -> None: ...

    @client.on_call
    def take_plainly(call: Call) -> None: ...

    @client.on_message
    async def read(message: Message) -> None: ...

    @client.on_connected
    def connected(event: Connected) -> None: ...

    wants_a_call(take)
    wants_a_call(take_and_leave)


def wants_a_call(handler: Callable[[Call], Any]) -> None: ...
