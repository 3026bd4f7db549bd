"""Typical: a conference with a recording, on threads."""

import logging

from relay_sync import EVENT_CONFERENCE, Call, ConferenceEvent, Connected, RelayClient

log = logging.getLogger("conference")
client = RelayClient(contexts=["meetings"])
present: dict[str, set[str]] = {}


@client.on_connected
def connected(event: Connected) -> None:
    log.info("session %s", "resumed" if event.resumed else "new")


def follow(event: ConferenceEvent) -> None:
    room = present.setdefault(event.name, set())
    if event.status == "participant-join":
        room.add(event.call_id)
    elif event.status == "participant-leave":
        room.discard(event.call_id)


client.on(EVENT_CONFERENCE, follow)


@client.on_call
def join(call: Call) -> None:
    call.answer(max_duration=3600)
    pin = call.prompt_tts("Enter your room.", {"digits": {"max": 4, "terminators": "#"}})
    pin.wait()
    if not pin.digits:
        call.hangup("decline")
        return
    call.join_conference(f"room-{pin.digits}", beep="onEnter", record="record-from-start")
    with call.expect(EVENT_CONFERENCE) as ending:
        ended = ending.wait()
        log.info("%s: %s", ended.conference_id, ended.status)
    call.wait_for_ended()


if __name__ == "__main__":
    client.run()
