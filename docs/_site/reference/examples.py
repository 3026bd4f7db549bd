"""Examples of verbs that answer, play, ask, listen, record and connect.

Each is run when the site is built: see `wire`. Type checkers read them as well.
"""

from __future__ import annotations

from relay_anyio import (
    Call,
    CollectAction,
    PlayAction,
    RecordAction,
    RelayClient,
    digits,
    phone,
    serial,
    tts,
)
from relay_anyio.testing import Answers, Fax, Hear, Machine, Press, Say, Wait

from .wire import OFFICE, shows

CUSTOMER, AGENT = "+15551230002", "+15551230003"


async def answered(call: Call) -> None:
    """Answer, so that the example has a call that is up."""
    await call.answer()


async def playing(call: Call) -> PlayAction:
    """Play something long."""
    await call.answer()
    return await call.play_silence(30)


async def recording(call: Call) -> RecordAction:
    """Record, for as long as it takes."""
    await call.answer()
    return await call.record(audio={"end_silence_timeout": 0})


async def waiting_for_input(call: Call) -> CollectAction:
    """Ask for digits, without a limit of time yet."""
    await call.answer()
    return await call.prompt_tts(
        "Your number, please.", {"digits": {"max": 4}, "start_input_timers": False}
    )


async def bridged(call: Call) -> None:
    """Connect the caller to somebody."""
    await call.answer()
    await call.connect_and_wait(serial(phone(AGENT, OFFICE)))


# Answer and end


@shows("Call.answer")
async def answer(call: Call) -> None:
    await call.answer()


@shows("Call.hangup", before=answered)
async def hangup(call: Call, _: None) -> None:
    await call.hangup()


@shows("Call.pass_")
async def pass_(call: Call) -> None:
    await call.pass_()


@shows("Call.transfer", before=answered)
async def transfer(call: Call, _: None) -> None:
    await call.transfer("https://example.com/support.swml")


# Play


@shows("Call.play", before=answered)
async def play(call: Call, _: None) -> None:
    action = await call.play([tts("Good morning."), {"type": "silence", "duration": 1}])
    await action.wait()


@shows("Call.play_tts", before=answered)
async def play_tts(call: Call, _: None) -> None:
    action = await call.play_tts("Guten Morgen.", language="de-DE", volume=3)
    await action.wait()


@shows("Call.play_audio", before=answered)
async def play_audio(call: Call, _: None) -> None:
    action = await call.play_audio("https://example.com/welcome.mp3")
    await action.wait()


@shows("Call.play_silence", before=answered)
async def play_silence(call: Call, _: None) -> None:
    action = await call.play_silence(2)
    await action.wait()


@shows("Call.play_ringtone", before=answered)
async def play_ringtone(call: Call, _: None) -> None:
    action = await call.play_ringtone("us", duration=4)
    await action.wait()


# Ask


@shows("Call.play_and_collect", before=answered, script=(Hear("sales"), Press("1")))
async def play_and_collect(call: Call, _: None) -> None:
    action = await call.play_and_collect(
        [tts("Press 1 for sales.")],
        {"digits": {"max": 1, "digit_timeout": 5}, "initial_timeout": 10},
    )
    await action.wait()


@shows("Call.prompt_tts", before=answered, script=(Hear("sales"), Press("1")))
async def prompt_tts(call: Call, _: None) -> None:
    action = await call.prompt_tts("Press 1 for sales.", {"digits": digits(1)})
    await action.wait()


@shows("Call.prompt_audio", before=answered, script=(Wait(6), Say("sales")))
async def prompt_audio(call: Call, _: None) -> None:
    action = await call.prompt_audio("https://example.com/menu.mp3", {"speech": {}})
    await action.wait()


@shows("Call.collect", before=answered, script=(Wait(1), Press("1234#")))
async def collect(call: Call, _: None) -> None:
    action = await call.collect(digits={"max": 8, "terminators": "#"}, initial_timeout=10)
    await action.wait()


# Listen


@shows("Call.detect", before=answered, nature=Machine())
async def detect(call: Call, _: None) -> None:
    action = await call.detect({"type": "machine", "params": {"initial_timeout": 5}}, timeout=30)
    await action.wait()


@shows("Call.detect_answering_machine", before=answered)
async def detect_answering_machine(call: Call, _: None) -> None:
    action = await call.detect_answering_machine(timeout=30)
    await action.wait()


@shows("Call.detect_digit", before=answered, script=(Wait(1), Press("5")))
async def detect_digit(call: Call, _: None) -> None:
    action = await call.detect_digit(digits="123456")
    await action.wait()


@shows("Call.detect_fax", before=answered, nature=Fax())
async def detect_fax(call: Call, _: None) -> None:
    action = await call.detect_fax(tone="CED")
    await action.wait()


@shows("Call.wait_for_beep", before=answered, nature=Machine())
async def wait_for_beep(call: Call, _: None) -> None:
    who = await call.wait_for_beep()
    assert who.who == "machine"


@shows("Call.leave_message", before=answered, nature=Machine())
async def leave_message(call: Call, _: None) -> None:
    await call.leave_message([tts("Your order is ready.")])


# Record


@shows("Call.record", before=answered, script=(Wait(1), Say("Please call me back.")))
async def record(call: Call, _: None) -> None:
    action = await call.record(audio={"format": "mp3", "beep": True, "terminators": "#"})
    await action.wait()


@shows("Call.transcribe", before=answered, script=(Say("Please call me back."),))
async def transcribe(call: Call, _: None) -> None:
    action = await call.transcribe()
    await action.stop()


# Connect


@shows("Call.connect", before=answered, lines={AGENT: Answers(after=1)})
async def connect(call: Call, _: None) -> None:
    await call.connect(serial(phone(AGENT, OFFICE, timeout=20)))


@shows("Call.connect_and_wait", before=answered, lines={AGENT: Answers(after=1)})
async def connect_and_wait(call: Call, _: None) -> None:
    event = await call.connect_and_wait(serial(phone(AGENT, OFFICE, timeout=20)))
    assert event.connect_state == "connected"


async def another_call(call: Call) -> Call:
    """Answer, and dial somebody whom the caller is to be connected with."""
    await call.answer()
    return await call.client.dial_phone(AGENT, OFFICE)


@shows("Call.bridge", before=another_call)
async def bridge(call: Call, agent: Call) -> None:
    await call.bridge(agent)


@shows("Call.disconnect", before=bridged)
async def disconnect(call: Call, _: None) -> None:
    await call.disconnect()


@shows("Call.send_digits", before=answered)
async def send_digits(call: Call, _: None) -> None:
    await call.send_digits("1w23#")


# Controls of an action


@shows("PlayAction.stop", before=playing)
async def stop(_: Call, action: PlayAction) -> None:
    await action.stop()


@shows("RecordAction.pause", before=recording)
async def pause(_: Call, action: RecordAction) -> None:
    await action.pause("silence")


async def paused(call: Call) -> RecordAction:
    """Pause a recording."""
    action = await recording(call)
    await action.pause()
    return action


@shows("RecordAction.resume", before=paused)
async def resume(_: Call, action: RecordAction) -> None:
    await action.resume()


@shows("PlayAction.volume", before=playing)
async def volume(_: Call, action: PlayAction) -> None:
    await action.volume(-6)


@shows("CollectAction.start_input_timers", before=waiting_for_input)
async def start_input_timers(_: Call, action: CollectAction) -> None:
    await action.start_input_timers()


# The client


@shows("RelayClient.dial", lines={CUSTOMER: Answers(after=2)})
async def dial(client: RelayClient) -> None:
    call = await client.dial(serial(phone(CUSTOMER, OFFICE, timeout=30)))
    await call.hangup()


@shows("RelayClient.dial_phone", lines={CUSTOMER: Answers(after=2)})
async def dial_phone(client: RelayClient) -> None:
    call = await client.dial_phone(CUSTOMER, OFFICE, timeout=30)
    await call.hangup()


@shows("RelayClient.dial_sip")
async def dial_sip(client: RelayClient) -> None:
    call = await client.dial_sip("sip:bob@example.com", "sip:office@example.com")
    await call.hangup()


@shows("RelayClient.send_message")
async def send_message(client: RelayClient) -> None:
    message = await client.send_message(
        to_number=CUSTOMER, from_number=OFFICE, body="Your order is ready."
    )
    await message.wait()


@shows("RelayClient.receive")
async def receive(client: RelayClient) -> None:
    await client.receive(["sales"])


@shows("RelayClient.unreceive")
async def unreceive(client: RelayClient) -> None:
    await client.unreceive(["office"])


@shows("RelayClient.execute")
async def execute(client: RelayClient) -> None:
    call = await client.dial_phone(CUSTOMER, OFFICE)
    params = {"node_id": call.node_id, "call_id": call.call_id, "reason": "hangup"}
    await client.execute("calling.end", params)
