"""Examples of all other verbs: conferences, queues, fax, media, AI, payments.

Each is run when the site is built: see `wire`. Type checkers read them as well.
"""

from __future__ import annotations

from relay_anyio import EVENT_CONFERENCE, AIAction, Call
from relay_anyio.testing import Fax, Say

from .examples import answered
from .wire import shows


async def in_conference(call: Call) -> str:
    """Join a conference, and return its id."""
    await call.answer()
    async with call.expect(EVENT_CONFERENCE) as joined:
        await call.join_conference("team")
        event = await joined.wait()
    return event.conference_id


async def in_queue(call: Call) -> None:
    """Wait in a queue."""
    await call.answer()
    await call.queue_enter("support")


async def with_ai(call: Call) -> AIAction:
    """Let an AI talk to the caller."""
    await call.answer()
    return await call.ai(prompt={"text": "Ask for the name."})


async def in_room(call: Call) -> None:
    """Join a room."""
    await call.answer()
    await call.join_room("standup")


async def on_hold(call: Call) -> None:
    """Hold the call."""
    await call.answer()
    await call.hold()


async def denoised(call: Call) -> None:
    """Reduce the noise."""
    await call.answer()
    await call.denoise()


async def with_binding(call: Call) -> None:
    """Bind digits."""
    await call.answer()
    await call.bind_digit("*1", "calling.play", realm="help")


async def ai_on_hold(call: Call) -> None:
    """Put the AI on hold."""
    await with_ai(call)
    await call.ai_hold()


# Conferences, rooms, queues


@shows("Call.join_conference", before=answered)
async def join_conference(call: Call, _: None) -> None:
    await call.join_conference("team", beep="onEnter", start_on_enter=True)


@shows("Call.leave_conference", before=in_conference)
async def leave_conference(call: Call, conference_id: str) -> None:
    await call.leave_conference(conference_id)


@shows("Call.join_room", before=answered)
async def join_room(call: Call, _: None) -> None:
    await call.join_room("standup")


@shows("Call.leave_room", before=in_room)
async def leave_room(call: Call, _: None) -> None:
    await call.leave_room()


@shows("Call.queue_enter", before=answered)
async def queue_enter(call: Call, _: None) -> None:
    await call.queue_enter("support", wait_url="https://example.com/music.mp3")


@shows("Call.queue_leave", before=in_queue)
async def queue_leave(call: Call, _: None) -> None:
    await call.queue_leave("support")


# What the caller hears


@shows("Call.hold", before=answered)
async def hold(call: Call, _: None) -> None:
    await call.hold()


@shows("Call.unhold", before=on_hold)
async def unhold(call: Call, _: None) -> None:
    await call.unhold()


@shows("Call.denoise", before=answered)
async def denoise(call: Call, _: None) -> None:
    await call.denoise()


@shows("Call.denoise_stop", before=denoised)
async def denoise_stop(call: Call, _: None) -> None:
    await call.denoise_stop()


@shows("Call.echo", before=answered)
async def echo(call: Call, _: None) -> None:
    await call.echo(timeout=2)


# Fax


@shows("Call.send_fax", before=answered, nature=Fax(tone="CED"))
async def send_fax(call: Call, _: None) -> None:
    action = await call.send_fax("https://example.com/invoice.pdf", identity="+15551230000")
    await action.wait()


@shows("Call.receive_fax", before=answered, nature=Fax(tone="CNG"))
async def receive_fax(call: Call, _: None) -> None:
    action = await call.receive_fax()
    await action.wait()


# Audio that goes elsewhere


@shows("Call.tap", before=answered)
async def tap(call: Call, _: None) -> None:
    action = await call.tap(
        {"type": "audio", "params": {"direction": "both"}},
        {"type": "rtp", "params": {"addr": "203.0.113.9", "port": 5000}},
    )
    await action.stop()


@shows("Call.stream", before=answered)
async def stream(call: Call, _: None) -> None:
    action = await call.stream("wss://example.com/audio", track="inbound_track")
    await action.stop()


# Text while people talk


@shows("Call.live_transcribe", before=answered, script=(Say("Hello?"),))
async def live_transcribe(call: Call, _: None) -> None:
    await call.live_transcribe({"start": {"lang": "en-US", "live_events": True}})
    await call.live_transcribe({"stop": {}})


@shows("Call.live_translate", before=answered, script=(Say("Hello?"),))
async def live_translate(call: Call, _: None) -> None:
    await call.live_translate({"start": {"from_lang": "en-US", "to_lang": "es-ES"}})
    await call.live_translate({"stop": {}})


# AI


@shows("Call.ai", before=answered)
async def ai(call: Call, _: None) -> None:
    action = await call.ai(
        prompt={"text": "You take orders for a pizza shop."},
        hints=["margherita", "funghi"],
        languages=[{"name": "English", "code": "en-US", "voice": "en-US-Neural2-F"}],
    )
    await action.stop()


@shows("Call.ai_message", before=with_ai)
async def ai_message(call: Call, _: AIAction) -> None:
    await call.ai_message(role="system", message_text="The shop closes in five minutes.")


@shows("Call.ai_hold", before=with_ai)
async def ai_hold(call: Call, _: AIAction) -> None:
    await call.ai_hold(timeout="30", prompt="One moment, please.")


@shows("Call.ai_unhold", before=ai_on_hold)
async def ai_unhold(call: Call, _: None) -> None:
    await call.ai_unhold(prompt="Thank you for waiting.")


@shows("Call.amazon_bedrock", before=answered)
async def amazon_bedrock(call: Call, _: None) -> None:
    await call.amazon_bedrock(prompt={"text": "You take orders for a pizza shop."})


# Others


@shows("Call.pay", before=answered)
async def pay(call: Call, _: None) -> None:
    action = await call.pay("https://example.com/pay", charge_amount="12.50", currency="usd")
    await action.stop()


@shows("Call.refer", before=answered)
async def refer(call: Call, _: None) -> None:
    await call.refer({"type": "sip", "params": {"to": "sip:bob@example.com"}})


@shows("Call.bind_digit", before=answered)
async def bind_digit(call: Call, _: None) -> None:
    media = [{"type": "tts", "params": {"text": "Press 0 to speak to somebody."}}]
    await call.bind_digit("*1", "calling.play", bind_params={"play": media}, realm="help")


@shows("Call.clear_digit_bindings", before=with_binding)
async def clear_digit_bindings(call: Call, _: None) -> None:
    await call.clear_digit_bindings(realm="help")


@shows("Call.user_event", before=answered)
async def user_event(call: Call, _: None) -> None:
    await call.user_event(event="order_taken", order=4711)
