"""What is at the far end: humans, answering machines, faxes; and the faxes themselves."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import (
    Answers,
    Fax,
    HangUp,
    Line,
    Machine,
    Press,
    Say,
    Unclear,
    Wait,
    What,
)
from tests.unit.exchange_client import (
    CALLER,
    HANGS_UP,
    OFFICE,
    Ask,
    Object,
    Story,
    World,
    answered_call,
    ask,
    dialed_call,
    hangs_up,
    make_config,
    phone,
    stories,
)

GREETING = "I am out. Speak after the tone."
"""31 characters, hence 2.17 s."""
SAYS_GREETING = f"caller says “{GREETING}”"
RECORDS = "caller starts recording a message"
BEEPS = ("caller beeps", RECORDS)
PAUSES = Machine((Say("Hi, this is Anna."), Wait(3.0), Say("Leave a message.")))
"""It speaks from 0.3 s to 1.49 s and from 4.49 s to 5.61 s, and then it beeps."""


def detect(kind: str, **params: Any) -> Ask:
    return ask("detect", detect={"type": kind, "params": params})


MACHINE, FAX, DIGIT = (f"detect {kind} event=" for kind in ("machine", "fax", "digit"))
DETECTED = {
    "a human": Story(
        *(ask("detect", detect={"type": "machine"}), 0.3, "caller says “Hello?”"),
        *(10, f"{MACHINE}HUMAN", f"{MACHINE}finished"),
        ask("detect.stop", "404"),
        script=(Say("Hello?"),),
        journal={
            What.STARTED: ["program starts a detector (machine)"],
            What.DETECTED: ["exchange detects machine: HUMAN"],
        },
    ),
    "a machine that has beeped is ready at once": Story(
        *(5, SAYS_GREETING, *BEEPS, detect("machine")),
        *(1, f"{MACHINE}MACHINE", f"{MACHINE}READY beep=True", f"{MACHINE}finished"),
        nature=Machine(GREETING),
    ),
    "a detector need not wait for the end of the greeting": Story(
        *(detect("machine", detect_message_end=False), 0.9, SAYS_GREETING),
        *(0.1, f"{MACHINE}MACHINE", f"{MACHINE}finished"),
        *(10, *BEEPS),
        nature=Machine(GREETING),
    ),
    "a machine without a beep is ready when it is silent": Story(
        *(5, SAYS_GREETING, RECORDS, detect("machine")),
        *(1, f"{MACHINE}MACHINE", f"{MACHINE}READY beep=False", f"{MACHINE}finished"),
        nature=Machine(GREETING, beep=False),
    ),
    "a pause in the greeting ends a detector that does not go on": Story(
        *(detect("machine", machine_ready_timeout=2.0), 3.4, "caller says “Hi, this is Anna.”"),
        *(f"{MACHINE}MACHINE", f"{MACHINE}NOT_READY"),
        *(0.1, f"{MACHINE}READY beep=False", f"{MACHINE}finished"),
        *(10, "caller says “Leave a message.”", *BEEPS),
        nature=PAUSES,
    ),
    "a detector that goes on reports that the greeting goes on, too": Story(
        *(detect("machine", detect_interruptions=True), 2.5, "caller says “Hi, this is Anna.”"),
        *(f"{MACHINE}MACHINE", f"{MACHINE}NOT_READY", f"{MACHINE}READY beep=False"),
        *(2, "caller says “Leave a message.”", f"{MACHINE}NOT_READY"),
        *(1.5, *BEEPS, f"{MACHINE}READY beep=True"),
        *(30, "caller says “Are you there?”", f"{MACHINE}NOT_READY", f"{MACHINE}READY beep=False"),
        f"{MACHINE}finished",
        nature=PAUSES,
        script=(Wait(5), Say("Are you there?")),
    ),
    "somebody whom no detector can tell": Story(
        *(detect("machine"), 10, f"{MACHINE}UNKNOWN", f"{MACHINE}finished"),
        nature=Unclear(),
    ),
    "a fax is neither a human nor an answering machine": Story(
        *(detect("machine"), 10, f"{MACHINE}UNKNOWN", f"{MACHINE}finished"),
        nature=Fax(),
    ),
    "a fax is known by its tone": Story(
        *(detect("fax", tone="CNG"), 10, f"{FAX}CNG", f"{FAX}finished"),
        nature=Fax("CNG"),
    ),
    "a human has no tone": Story(detect("fax"), 29.9, 0.1, f"{FAX}finished"),
    "another tone is none": Story(
        *(detect("fax"), 29.9, 0.1, f"{FAX}finished"),
        nature=Fax("CNG"),
    ),
    "any key, once": Story(
        *(detect("digit"), 0.3, "caller presses 1", f"{DIGIT}1", f"{DIGIT}finished"),
        *(10, "caller presses 2", "caller presses 3"),
        script=(Press("123"),),
    ),
    "one of some keys, once": Story(
        *(detect("digit", digits="23"), 0.3, "caller presses 1"),
        *(0.25, "caller presses 2", f"{DIGIT}2", f"{DIGIT}finished"),
        *(10, "caller presses 3"),
        script=(Press("123"),),
    ),
    "a detector is stopped, or ends with the call": Story(
        *(detect("digit"), ask("detect.stop"), f"{DIGIT}finished", detect("digit")),
        60,
        *hangs_up(f"{DIGIT}finished"),
        script=(Wait(5), HangUp()),
    ),
}


@stories(DETECTED)
def test_detecting(story: Story) -> None:
    story.check()


READY, FINISHED = f"{MACHINE}READY beep=", f"{MACHINE}finished"
AFTER_THE_GREETING: dict[bool, tuple[tuple[float, list[str]], ...]] = {
    True: ((0.02, [*BEEPS, f"{READY}True", FINISHED]), (10, [])),
    False: ((0.02, [RECORDS]), (0.97, []), (0.03, [f"{READY}False", FINISHED])),
}


@pytest.mark.parametrize("beep", [True, False])
def test_a_dialed_machine_is_ready_when_it_beeps_or_is_silent(beep: bool) -> None:
    world = World(make_config(default_line=Answers(nature=Machine(GREETING, beep=beep))))
    client = world.connect()
    call_id = dialed_call(world, client, phone("+1"), 2.5)
    client.verb("detect", call_id, control_id="d", detect={"type": "machine"})
    known = len(world.told)
    for seconds, expected in (
        (1, [SAYS_GREETING, f"{MACHINE}MACHINE", f"{MACHINE}NOT_READY"]),
        (0.3 + 2.17 - 1 - 0.01, []),
        *AFTER_THE_GREETING[beep],
    ):
        world.pass_time(seconds)
        assert world.told[known:] == expected, f"after {seconds} s"
        known = len(world.told)


# Faxes

DOCUMENT = "https://example.com/f.pdf"


def fax_sent(device: Object, line: Line, **params: Any) -> list[Object]:
    """What is told of a fax that is sent to a line."""
    world = World(make_config(lines=(line,)))
    client = world.connect()
    call_id = dialed_call(world, client, device, 2.5)
    client.verb("send_fax", call_id, control_id="f", document=DOCUMENT, **params)
    world.pass_time(20)
    return client.values("call.fax", "fax")


def test_a_fax_is_sent_page_by_page() -> None:
    *pages, final = fax_sent(phone("+1"), Line("+1", Answers(nature=Fax(pages=2))))
    assert pages == [
        {"type": "page", "params": {"direction": "send", "number": number}} for number in (1, 2)
    ]
    assert final == {
        "type": "finished",
        "params": {
            "direction": "send",
            "identity": OFFICE,
            "remote_identity": "+1",
            "document": DOCUMENT,
            "pages": 2,
            "success": True,
            "result": 0,
            "result_text": "OK",
            "format": "pdf",
        },
    }


def test_a_fax_to_a_sip_uri_has_uris_for_identities() -> None:
    line = Line("sip:fax@example.com", Answers(after=0, nature=Fax()))
    params = {"to": line.address, "from": "sip:me@example.com"}
    final = fax_sent({"type": "sip", "params": params}, line)[-1]
    assert final["params"]["identity"] == "sip:me@example.com"


PAGE = "fax page direction=receive number=1"
RECEIVED = f"fax finished direction=receive identity={OFFICE} remote_identity={CALLER} pages=1"
CUT_OFF = f"{RECEIVED} success=False result=49 result_text=The call dropped prematurely format=pdf"
FAXES = {
    "a fax is received": Story(
        *(ask("receive_fax"), 9.9),
        *(0.1, PAGE, f"{RECEIVED} success=True result=0 result_text=OK format=pdf"),
        60,
        nature=Fax("CNG", pages=1),
    ),
    "humans cannot fax": Story(
        ask("send_fax", document=DOCUMENT, identity="me"),
        *(29.9, "caller presses 1", "caller says “What is that noise?”"),
        0.1,
        f"fax error direction=send identity=me remote_identity={CALLER} pages=0 success=False"
        " result=2 result_text=Timed out waiting for initial communication format=pdf",
        60,
        script=(Press("1"), Say("What is that noise?")),
    ),
    "a fax that is stopped has no success": Story(
        *(ask("receive_fax"), 15, PAGE),
        *(ask("send_fax.stop", "404"), ask("receive_fax.stop"), CUT_OFF),
        60,
        nature=Fax(pages=9),
    ),
    "a fax ends with the call": Story(
        *(ask("receive_fax"), 15, PAGE),
        *(0.3, *HANGS_UP),
        *(60, CUT_OFF),
        nature=Fax(pages=9),
        script=(Wait(15), HangUp()),
    ),
}


@stories(FAXES)
def test_faxes(story: Story) -> None:
    story.check()


def test_a_fax_that_is_received_has_a_document() -> None:
    world, client, call_id = answered_call(nature=Fax())
    client.verb("receive_fax", call_id, control_id="f")
    world.pass_time(60)
    assert client.values("call.fax", "fax")[-1]["params"]["document"].endswith(".pdf")
