"""What type checkers see of the blocking client: what `reveal.py` says, without ``await``.

Nothing here runs; mypy and pyright read it. A wrong call stands under an ignore
comment, and both checkers complain about one that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, assert_type

from relay_sync import (
    Call,
    CallState,
    CallStateEvent,
    CallStateText,
    CollectAction,
    Connected,
    ConnectEvent,
    Device,
    EndReason,
    InboundCalls,
    LeftMessage,
    Media,
    Message,
    MessageStateEvent,
    Outcome,
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
def wants_text(text: str) -> None: ...


def verbs(call: Call) -> None:
    assert_type(call.answer(), dict[str, Any])
    assert_type(call.answer(max_duration=60), dict[str, Any])
    assert_type(call.hangup(), dict[str, Any])
    assert_type(call.hangup("busy"), dict[str, Any])
    assert_type(call.pass_(), dict[str, Any])
    assert_type(call.connect(DEVICES, ringback=MEDIA), dict[str, Any])
    assert_type(call.disconnect(), dict[str, Any])
    assert_type(call.transfer("context:sales"), dict[str, Any])
    assert_type(call.send_digits("123"), dict[str, Any])


def wrong_verbs(call: Call) -> None:
    call.hangup(7)  # type: ignore[arg-type]
    call.hangup("busy", "now")  # type: ignore[call-arg]
    call.pass_(1)  # type: ignore[call-arg]
    call.bridge("call-2")  # type: ignore[arg-type]
    call.connect()  # type: ignore[call-arg]
    call.connect("+15550001111")  # type: ignore[arg-type]
    call.send_digits(123)  # type: ignore[arg-type]
    call.send_digits("1", "control-1")  # type: ignore[call-arg]
    call.play_nothing()  # type: ignore[attr-defined]


async def nothing_is_awaited(call: Call, client: RelayClient) -> None:
    await call.answer()  # type: ignore[misc]
    await client.connect()  # type: ignore[misc]
    async with client:  # type: ignore[attr-defined]
        pass


def actions(call: Call) -> None:
    playing = call.play(MEDIA, volume=-3.5, on_completed=heard)
    assert_type(playing, PlayAction)
    assert_type(playing.wait(timeout=5), PlayEvent | CallStateEvent)
    assert_type(playing.wait_outcome(timeout=5), Outcome[PlayEvent])
    assert_type(playing.stop(), dict[str, Any])
    assert_type(playing.volume(3), dict[str, Any])
    assert_type(playing.result, PlayEvent | CallStateEvent | None)
    assert_type(playing.is_done, bool)
    assert_type(playing.call, Call)

    menu = call.play_and_collect(MEDIA, {"digits": {"max": 1}}, on_completed=heard)
    assert_type(menu, CollectAction)
    assert_type(menu.start_input_timers(), dict[str, Any])

    collecting = call.collect(digits={"max": 1}, initial_timeout=5)
    assert_type(collecting, StandaloneCollectAction)
    assert_type(collecting.stop(), dict[str, Any])


def wrong_actions(call: Call, playing: PlayAction, collecting: StandaloneCollectAction) -> None:
    call.play()  # type: ignore[call-arg]
    call.play("Hello")  # type: ignore[arg-type]
    call.play(MEDIA, 3.5)  # type: ignore[call-arg]
    call.play(MEDIA, volume="loud")  # type: ignore[arg-type]
    call.play(MEDIA, on_completed=wants_text)  # type: ignore[arg-type]
    call.play_and_collect(MEDIA)  # type: ignore[call-arg]
    call.collect({"max": 1})  # type: ignore[call-arg]
    playing.volume()  # type: ignore[call-arg]
    playing.start_input_timers()  # type: ignore[attr-defined]
    collecting.pause()  # type: ignore[attr-defined]
    playing.completed = True  # type: ignore[misc]


def events(call: Call, message: Message) -> None:
    assert_type(call.wait_for("calling.call.play", lambda event: bool(event.params)), PlayEvent)
    assert_type(call.wait_for_ended(timeout=5), CallStateEvent)
    assert_type(call.wait_for_beep(30.0), WhoAnswered)
    left = call.leave_message("Hello", also_to=["human"])
    assert_type(left, LeftMessage)
    assert_type(left.who, Literal["human", "machine", "fax", "unknown", "nobody"])
    call.on("calling.call.play", heard)
    call.off("calling.call.play", heard)
    with call.expect("calling.call.play") as expected:
        assert_type(expected.wait(), PlayEvent)
    assert_type(message.wait(), MessageStateEvent)
    assert_type(message.wait_delivered(timeout=5), MessageStateEvent)
    assert_type(message.reply("Hi", tags=["vip"]), Message)
    assert_type(call.bridge(call, timeout=5), ConnectEvent)
    assert_type(call.connect_and_wait(DEVICES, tag="sales"), ConnectEvent)
    call.wait_for_disconnected(timeout=60)
    with call as entered:
        assert_type(entered, Call)
    call.log.info("answered after %d s", 3)
    assert_type(message.body, str)
    assert_type(call.state, CallStateText)
    assert call.state == CallState.ANSWERED or call.end_reason == EndReason.BUSY
    assert call.state in (CallState.ANSWERED, "ringing")


def client(client: RelayClient) -> None:
    assert_type(client.dial(DEVICES), Call)
    assert_type(client.connect(retry=True, timeout=5), None)
    assert_type(client.wait_ready(5), None)
    assert_type(client.execute("calling.end", {}), dict[str, Any])
    subscribe: Callable[[list[str]], None] = client.receive
    subscribe(["sales"])
    assert_type(client.send_message(to_number="+1", from_number="+2", body="Hi"), Message)
    assert_type(client.state, SessionState)
    assert_type(client.relay_protocol, str)
    with client as entered:
        assert_type(entered, RelayClient)
    with client.calls(contexts=["sales"]) as calls:
        assert_type(calls, InboundCalls)
        for call in calls:
            assert_type(call, Call)


def wrong_client(client: RelayClient) -> None:
    RelayClient(contexts="office")  # type: ignore[arg-type]
    RelayClient(tokken="PT")  # type: ignore[call-arg]
    client.run(backend="trio")  # type: ignore[call-arg]
    RelayClient(max_connections="2")  # type: ignore[arg-type]
    client.connect(True)  # type: ignore[call-arg]
    client.dial("+15550001111")  # type: ignore[arg-type]
    client.send_message("+1", "+2", "Hi")  # type: ignore[call-arg]
    client.send_message(to_number="+1", body="Hi")  # type: ignore[call-arg]
    client.relay_protocol = "mine"  # type: ignore[misc]
    client.on_call(wants_text)  # type: ignore[type-var]
    client.on_message(wants_text)  # type: ignore[type-var]


def handlers(client: RelayClient) -> None:
    @client.on_call
    def take(call: Call) -> None: ...

    @client.on_call(cancel_on_end=True)
    def take_and_leave(call: Call) -> None: ...

    @client.on_message
    def read(message: Message) -> None: ...

    @client.on_connected
    def connected(event: Connected) -> None: ...

    wants_a_call(take)
    wants_a_call(take_and_leave)


def wants_a_call(handler: Callable[[Call], Any]) -> None: ...
