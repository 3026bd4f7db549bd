"""Calls by hand through the API: somebody calls a program, and a program calls somebody."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import relay_sync
from relay_sync import Call, CollectEvent, Message, collecting, digits, phone, tts
from tests.lab.conftest import Start
from tests.lab.harness import ANN, OFFICE, LabRunner, Object, path_of

Handler = Callable[[Call], None]


@contextmanager
def program(
    lab: LabRunner,
    on_call: Handler | None = None,
    on_message: Callable[[Message], None] | None = None,
) -> Generator[relay_sync.RelayClient]:
    """A program that is connected."""
    client = lab.client()
    if on_call is not None:
        client.on_call(on_call)
    if on_message is not None:
        client.on_message(on_message)
    with client:
        yield client


def menu(call: Call) -> None:
    """Ask for a digit, and then for words."""
    call.answer()
    wanted = collecting(digits=digits(2, digit_timeout=0.5))
    asked = call.play_and_collect([tts("Press one or two.")], wanted).wait()
    if isinstance(asked, CollectEvent):
        call.play([tts(f"You pressed {asked.digits}.")]).wait()
    call.wait_for_ended()


def test_somebody_calls_presses_speaks_and_hangs_up(lab: LabRunner) -> None:
    with program(lab, menu):
        call = lab.post("/api/calls", {"from": ANN, "to": OFFICE, "live": True})
        assert (call["from"], call["to"], call["direction"]) == (ANN, OFFICE, "inbound")
        assert call["live"] is True
        path = f"/api/calls/{call['id']}"
        lab.until_call(call["id"], lambda now: bool(now["hears"]))
        assert lab.call(call["id"])["can"] == ["press", "say", "hangup"]
        lab.post(f"{path}/press", {"digits": "12"})
        heard = lab.until_call(call["id"], lambda now: len(now["hears"]) == 2)["hears"]
        assert [one["text"] for one in heard] == ["Press one or two.", "You pressed 12."]
        assert all(one["seconds"] > 0 for one in heard)
        with lab.stream("?after=0") as events:
            lab.post(f"{path}/say", {"text": "Thank you"})
            events.until("happened", what="said")
        lab.post(f"{path}/hangup")
        ended = lab.until_call(call["id"], lambda now: now["state"] == "ended")
    assert (ended["reason"], ended["can"]) == ("hangup", [])
    assert ended["started_at"] <= ended["answered_at"] <= ended["ended_at"]
    first, second = ended["actions"]
    assert (first["verb"], first["outcome"]) == ("play_and_collect", "digit 12")
    assert (second["verb"], second["words"]) == ("play", "You pressed 12.")
    assert first["words"] == "Press one or two."
    happened = lab.get(f"{path}?events=1")["events"]
    assert [one["text"] for one in happened if one["who"] == "caller"] == [
        f"calls {OFFICE} from {ANN}",
        "presses 1",
        "presses 2",
        "says “Thank you”",
        "ends the call: hangup",
    ]


def test_an_action_that_runs_when_the_call_ends_has_an_end(lab: LabRunner) -> None:
    def record(call: Call) -> None:
        call.answer()
        call.record(audio={"format": "wav"})
        call.wait_for_ended()

    with program(lab, record):
        call = lab.post("/api/calls", {"live": True})
        lab.until_call(call["id"], lambda now: bool(now["actions"]))
        lab.post(f"/api/calls/{call['id']}/hangup")
        [action] = lab.until_call(call["id"], lambda now: now["state"] == "ended")["actions"]
    assert action["verb"] == "record"
    assert action["ended_at"] is not None


def test_somebody_follows_a_script(lab: LabRunner) -> None:
    script = [{"hear": "press"}, {"press": "7"}, {"hear": "pressed 7"}, "hang up"]
    with program(lab, menu):
        call = lab.post("/api/calls", {"from": ANN, "script": script})
        ended = lab.until_call(call["id"], lambda now: now["state"] == "ended")
    assert ended["live"] is False
    assert ended["actions"][0]["outcome"] == "digit 7"


def test_last_is_the_newest_call_that_is_up(lab: LabRunner) -> None:
    with program(lab, menu):
        first = lab.post("/api/calls", {"live": True})
        second = lab.post("/api/calls", {"live": True})
        assert lab.call("last")["id"] == second["id"]
        lab.post("/api/calls/last/hangup")
        assert lab.call("last")["id"] == first["id"]
        lab.post("/api/calls/last/hangup")
        assert lab.call("last")["id"] == second["id"]


def test_nobody_serves_the_call(lab: LabRunner) -> None:
    call = lab.post("/api/calls", {"live": True})
    assert (call["state"], call["reason"], call["can"]) == ("ended", "not_found", [])
    [why] = lab.get(f"/api/events?call={call['id']}&what=unserved")["events"]
    assert why["text"] == "reaches no program: no program is connected"


def dial(client: relay_sync.RelayClient, to: str = ANN) -> Call:
    return client.dial([[phone(to, OFFICE, timeout=30)]])


def until_it_rings(lab: LabRunner) -> Object:
    """Wait for a call of the program that rings at a phone; return all calls."""
    found: Object = lab.until(
        "/api/calls", lambda now: any("answer" in c["can"] for c in now["calls"])
    )
    return found


@pytest.mark.parametrize("act", ["answer", "decline"])
def test_a_program_dials_a_phone(lab: LabRunner, act: str) -> None:
    lab.post("/api/phones", {"number": ANN, "name": "Ann"})
    with program(lab) as client, dialing(client) as dialed:
        [call] = until_it_rings(lab)["calls"]
        assert (call["phone"], call["state"], call["direction"]) == (ANN, "ringing", "outbound")
        assert call["can"] == ["answer", "decline"]
        [shown] = lab.get("/api/phones")["phones"]
        assert (shown["name"], shown["ringing"], shown["calls"]) == (
            "Ann",
            [call["id"]],
            [call["id"]],
        )
        assert lab.refusal("POST", f"/api/calls/{call['id']}/press", {"digits": "1"}) == (
            "409 the call is outbound and ringing: its person can answer, decline now: "
            f"GET /api/calls/{call['id']} says what `can` be done"
        )
        now = lab.post(f"/api/calls/{call['id']}/{act}")
        assert now["state"] == ("answered" if act == "answer" else "ended")
        if act == "answer":
            assert dialed.result(30).state == "answered"
            lab.post(f"/api/calls/{call['id']}/hangup")
        else:
            with pytest.raises(relay_sync.DialFailedError):
                dialed.result(30)
        ended = lab.until_call(call["id"], lambda now: now["state"] == "ended")
    assert ended["reason"] == ("hangup" if act == "answer" else "decline")
    [shown] = lab.get("/api/phones")["phones"]
    assert (shown["ringing"], shown["calls"]) == ([], [])


@contextmanager
def dialing(client: relay_sync.RelayClient) -> Generator[Future[Call]]:
    """A dial in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(dial, client)


def test_a_phone_that_is_removed_answers_like_any_number(lab: LabRunner) -> None:
    lab.post("/api/phones", {"number": ANN})
    gone = lab.send("DELETE", f"/api/phones/{path_of(ANN)}")
    assert gone["removed"] is True
    assert lab.get("/api/phones") == {"phones": []}
    with program(lab) as client:
        assert dial(client).state == "answered"
    assert lab.refusal("DELETE", f"/api/phones/{path_of(ANN)}").startswith(
        "404 path there is no phone"
    )


def test_a_phone_needs_a_number_that_no_program_serves(lab: LabRunner) -> None:
    assert lab.refusal("POST", "/api/phones", {"number": OFFICE}) == (
        f"409 body.number calls to {OFFICE} reach a program: give the phone another number"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"script": [{"hear": "a", "press": "1"}]}, "400 body.script script (step 1): give one of"),
        ({"script": [{"heer": "a"}]}, "400 body.script[0] script (entry 1): unknown key `heer`"),
        ({"live": True, "script": ["hang up"]}, "400 body.live a person has a script or is live"),
        ({"to": ""}, "400 body.to to: "),
        ({"whom": "x"}, "400 body unknown key `whom`: the keys are from, to, context, script"),
        ([], "400 body "),
        (b"{", "400 body the body is not application/json"),
        (b"\xff", "400 body the body is not application/json"),
    ],
)
def test_what_is_wrong_in_a_call_is_said(lab: LabRunner, body: object, words: str) -> None:
    assert lab.refusal("POST", "/api/calls", body).startswith(words)


@pytest.mark.parametrize("act", ["answer", "decline", "hangup"])
def test_an_unknown_call(lab: LabRunner, act: str) -> None:
    assert lab.refusal("POST", f"/api/calls/none/{act}").startswith(
        "404 path there is no call none"
    )


def test_texts_of_both_directions(lab: LabRunner) -> None:
    def reply(message: Message) -> None:
        message.reply("Hello Ann")

    with program(lab, on_message=reply):
        sent = lab.post("/api/texts", {"from": ANN, "body": "Hi", "media": ["https://a/b"]})
        assert (sent["direction"], sent["media"]) == ("inbound", ["https://a/b"])
        texts = lab.until(
            "/api/texts",
            lambda now: [t["state"] for t in now["texts"]] == ["received", "delivered"],
        )["texts"]
    assert [(t["from"], t["to"], t["body"]) for t in texts] == [
        (ANN, OFFICE, "Hi"),
        (OFFICE, ANN, "Hello Ann"),
    ]
    assert lab.refusal("POST", "/api/texts", {}).startswith("400 body a text without a body")


def test_calls_that_are_bridged_name_each_other(start: Start) -> None:
    lab = start()

    def bridge(call: Call) -> None:
        call.answer()
        call.connect([[phone(ANN, OFFICE)]])
        call.wait_for_ended()

    lab.post("/api/phones", {"number": ANN})
    with program(lab, bridge):
        caller = lab.post("/api/calls", {"live": True})
        until_it_rings(lab)
        called = lab.call("last")
        assert called["peer"] == caller["id"]
        lab.post(f"/api/calls/{called['id']}/answer")
        assert lab.call(caller["id"])["peer"] == called["id"]
        lab.post(f"/api/calls/{caller['id']}/say", {"text": "Hello there"})
        heard = lab.until_call(called["id"], lambda now: bool(now["hears"]))["hears"]
        assert heard[0]["text"] == "Hello there"
        lab.post(f"/api/calls/{caller['id']}/hangup")
        lab.until_call(called["id"], lambda now: now["state"] == "ended")


def test_a_call_that_goes_to_another_program_counts_there_alone(
    lab: LabRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_MAX_CONNECTIONS", "2")

    def pass_it_back(call: Call) -> None:
        call.pass_()

    def let_it_ring(call: Call) -> None:
        call.wait_for_ended()

    with program(lab, pass_it_back), program(lab, let_it_ring):
        call = lab.post("/api/calls", {"from": ANN, "to": OFFICE, "live": True})
        lab.until_call(call["id"], lambda now: now["program"] == "p2")
        assert [one["calls"] for one in lab.get("/api/programs")["programs"]] == [0, 1]
        lab.post(f"/api/calls/{call['id']}/hangup")
