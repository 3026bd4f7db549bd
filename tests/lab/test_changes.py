"""What changes while a lab runs: numbers, scenarios, faults, programs, frames, a reset."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager

import pytest

import relay_sync
from tests.lab.harness import ANN, OFFICE, TOKEN, LabRunner, path_of

NUMBER = f"/api/numbers/{path_of(ANN)}"


def let_ring(call: relay_sync.Call) -> None:
    call.wait_for_ended()


def ignore(_message: relay_sync.Message) -> None:
    pass


@contextmanager
def connected(lab: LabRunner) -> Generator[relay_sync.RelayClient]:
    """A program that lets everything ring and ignores texts."""
    client = lab.client()
    client.on_call(let_ring)
    client.on_message(ignore)
    with client:
        yield client


def outcome(client: relay_sync.RelayClient, to: str = ANN) -> str:
    """Dial a number, and return how that ends."""
    try:
        call = client.dial([[relay_sync.phone(to, OFFICE, timeout=5)]])
    except relay_sync.DialFailedError as error:
        return error.reason
    return call.state


# Numbers


def test_a_number_behaves_as_it_is_told_and_then_as_before(lab: LabRunner) -> None:
    with connected(lab) as client:
        busy = lab.send("PUT", NUMBER, {"does": "busy"})
        assert (busy["does"], busy["words"], busy["builtin"]) == ("busy", "is busy", False)
        assert outcome(client) == "busy"
        lab.send("PUT", NUMBER, {"in_turn": [{"does": "declines", "after": 1}, {"does": "busy"}]})
        assert [outcome(client), outcome(client)] == ["decline", "busy"]
        gone = lab.send("DELETE", NUMBER)
        assert gone["removed"] is True
        assert outcome(client) == "answered"
    assert lab.refusal("DELETE", NUMBER).startswith(f"404 path nobody has set {ANN}")


def test_a_magic_number_can_be_changed_and_put_back(lab: LabRunner) -> None:
    number, path = "+15550000002", f"/api/numbers/{path_of('+15550000002')}"

    def shown() -> tuple[str, bool]:
        [found] = [one for one in lab.get("/api/numbers")["numbers"] if one["number"] == number]
        return found["words"], found["builtin"]

    with connected(lab) as client:
        assert shown() == ("is busy", True)
        lab.send("PUT", path, {})
        assert shown() == ("answers, and listens", False)
        assert outcome(client, number) == "answered"
        lab.send("DELETE", path)
        assert shown() == ("is busy", True)
        assert outcome(client, number) == "busy"


def test_a_number_reaches_a_program_and_texts_to_one_do_not_arrive(lab: LabRunner) -> None:
    lab.send("PUT", NUMBER, {"context": "office"})
    called: list[str] = []

    def take(call: relay_sync.Call) -> None:
        called.append(call.to_number)
        call.hangup()

    client = lab.client()
    client.on_call(take)
    with client:
        call = lab.post("/api/calls", {"to": ANN})
        lab.until_call(call["id"], lambda now: now["state"] == "ended")
        lab.send("PUT", NUMBER, {"texts": "undelivered"})
        message = client.send_message(to_number=ANN, from_number=OFFICE, body="Hi")
        message.wait(30)
        assert message.state == "undelivered"
    assert called == [ANN]
    assert lab.get("/api/texts")["texts"][0]["state"] == "undelivered"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"does": "buzy"}, "400 body.does does: 'buzy' is not one of 'answers', 'machine'"),
        ({"does": "busy", "pages": 2}, "400 body numbers (entry 1): does = 'busy' does not take"),
        ({"number": OFFICE}, f"400 body.number the path has the number {ANN}"),
        ({"in_turn": [{"do": "x"}]}, "400 body.in_turn[0] in_turn (entry 1): unknown key `do`"),
    ],
)
def test_what_is_wrong_in_a_number_is_said(lab: LabRunner, body: object, words: str) -> None:
    assert lab.refusal("PUT", NUMBER, body).startswith(words)


def test_the_number_of_a_phone_is_left_alone(lab: LabRunner) -> None:
    lab.post("/api/phones", {"number": ANN})
    assert lab.refusal("PUT", NUMBER, {"does": "busy"}).startswith(f"409 path {ANN} is a phone")


def test_a_phone_takes_the_place_of_what_a_number_does(lab: LabRunner) -> None:
    lab.send("PUT", NUMBER, {"does": "busy"})
    lab.post("/api/phones", {"number": ANN})
    lab.send("DELETE", f"/api/phones/{path_of(ANN)}")
    with connected(lab) as client:
        assert outcome(client) == "busy"


# Scenarios

SCENARIO = b"""
speed = 20
[[numbers]]
number = "+15550003333"
does = "declines"
[[callers]]
number = "+15550004444"
at = 0.0
script = [{wait = 2.0}, "hang up"]
[[texts]]
body = "Hello"
[[faults]]
do = "refuse upgrades"
lasts = 1.0
"""


def test_a_scenario_in_toml_runs_from_now_on_and_is_stopped(lab: LabRunner) -> None:
    toml = {"content_type": "application/toml"}
    with connected(lab) as client, lab.stream("?after=0") as events:
        played = lab.ask("POST", "/api/scenarios", SCENARIO, **toml)
        assert played.status == 202
        assert {key: played.json[key] for key in ("speed", "numbers", "callers", "texts")} == {
            "speed": 20.0,
            "numbers": 1,
            "callers": 1,
            "texts": 1,
        }
        events.until("call", **{"from": "+15550004444"})
        events.until("faults", upgrades_refused=True)
        events.until("faults", upgrades_refused=False)
        assert outcome(client) == "decline"
        assert lab.get("/api/state")["lab"]["speed"] == 20.0
        [now] = lab.get("/api/scenarios")["scenarios"]
        assert now["running"] is False
        lab.send("DELETE", "/api/scenarios")
        assert lab.get("/api/state")["lab"]["speed"] == 10.0
        assert outcome(client) == "answered"
    assert lab.get("/api/scenarios") == {"scenarios": []}
    assert lab.refusal("DELETE", "/api/scenarios").startswith("404 no scenario is played")


def test_a_scenario_in_json_takes_the_place_of_another(lab: LabRunner) -> None:
    endless = {"faults": [{"do": "delay", "by": 0.1, "lasts": 3600}], "callers": [{"every": 3600}]}
    lab.post("/api/scenarios", endless)
    assert [one["running"] for one in lab.get("/api/scenarios")["scenarios"]] == [True]
    lab.post("/api/scenarios", {})
    lab.until("/api/scenarios", lambda now: not now["scenarios"][0]["running"])


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"x = ", "toml", "400 body the body is not application/toml: Invalid value"),
        (b"\xff", "toml", "400 body the body is not application/toml: "),
        (b"speed = 0", "toml", "400 body.speed speed: Expected `float` >= 0.01"),
        (b'{"faults": [{"do": "cut", "by": 1}]}', "json", "400 body faults (entry 1): `by`"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_said(
    lab: LabRunner, body: bytes, kind: str, words: str
) -> None:
    given = {"content_type": f"application/{kind}"}
    assert lab.refusal("POST", "/api/scenarios", body, **given).startswith(words)


# Faults


@pytest.mark.parametrize("fault", ["cut", "goodbye", "restart", "forget sessions"])
def test_a_program_comes_back_after_a_fault(lab: LabRunner, fault: str) -> None:
    with connected(lab) as client, lab.stream() as events:
        session = lab.get("/api/programs")["programs"][0]["session"]
        assert lab.post("/api/faults", {"do": fault}) == {"done": fault}
        events.until("happened", what="faulted", details={"fault": fault})
        keeps = fault in ("cut", "goodbye")
        events.until("happened", what="session resumed" if keeps else "session started")
        client.wait_ready(timeout=30)
        [program] = lab.get("/api/programs")["programs"]
        assert (program["session"] == session) is keeps
        assert program["connected"] is True


def test_what_is_out_of_order_is_shown_and_ends(lab: LabRunner) -> None:
    with connected(lab), lab.stream("?after=0") as events:
        lab.post("/api/faults", {"do": "delay", "by": 0.1, "lasts": 0.2})
        assert events.until("faults", delay=0.1)["upgrades_refused"] is False
        events.until("faults", delay=0.0)
        lab.post("/api/faults", {"do": "silence"})
        events.until("faults", silent=True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "400 body the key `do` is missing"),
        ({"do": "nothing"}, "400 body.do do: 'nothing' is not one of 'cut', 'silence'"),
        ({"do": "cut", "lasts": 1}, "400 body faults (entry 1): `lasts` goes with"),
        ({"do": "delay"}, "400 body faults (entry 1): `by`, in seconds, goes with 'delay'"),
    ],
)
def test_what_is_wrong_in_a_fault_is_said(lab: LabRunner, body: object, words: str) -> None:
    assert lab.refusal("POST", "/api/faults", body).startswith(words)


# Programs and frames


def test_a_program_says_what_it_is(lab: LabRunner) -> None:
    with connected(lab) as client, lab.stream() as events:
        [program] = lab.get("/api/programs")["programs"]
        assert program["agent"].startswith("relay-proto/")
        assert (program["contexts"], program["connected"]) == (["office"], True)
        client.receive(["sales"])
        events.until("program", contexts=["office", "sales"])
        call = lab.post("/api/calls", {"live": True})
        assert call["program"] == program["id"]
        events.until("program", calls=1)
        [program] = lab.get("/api/programs")["programs"]
        assert 0 <= program["latency"] < 30, "it has acknowledged the offer"
    with lab.stream() as events:
        lab.post("/api/faults", {"do": "forget sessions"})
        assert events.until("program", gone=True)["connected"] is False
    assert lab.get("/api/programs") == {"programs": []}


def test_frames_are_masked_and_filtered(lab: LabRunner) -> None:
    with connected(lab) as client:
        client.send_message(to_number=ANN, from_number=OFFICE, body=f"The word is {TOKEN}.")
        call = lab.post("/api/calls", {"live": True})
        frames = lab.get("/api/frames")["frames"]
        of_call = lab.get(f"/api/frames?call={call['id']}&program=p1")["frames"]
        nobody = lab.get("/api/frames?program=p9")["frames"]
    assert TOKEN not in json.dumps(frames)
    first = frames[0]
    assert (first["method"], first["kind"], first["direction"]) == (
        "signalwire.connect",
        "request",
        "in",
    )
    assert json.loads(first["body"])["params"]["authentication"]["token"] == "***"
    assert {frame["program"] for frame in frames} == {"p1"}
    assert {frame["kind"] for frame in frames} >= {"request", "response", "event"}
    assert ("calling.call.receive", "event") in [(f["method"], f["kind"]) for f in of_call]
    assert {frame["call"] for frame in of_call} == {call["id"]}
    assert nobody == []


def test_frames_and_events_come_in_parts(lab: LabRunner) -> None:
    with connected(lab):
        lab.post("/api/texts", {"body": "Hi"})
        for path, key in (("/api/frames", "frames"), ("/api/events", "events")):
            everything = lab.get(path)[key]
            parts, after = [], 0
            while True:
                part = lab.get(f"{path}?after={after}&limit=2")
                parts += part[key]
                after = part["last_id"]
                if len(part[key]) < 2:
                    break
            assert parts[: len(everything)] == everything
            newest = lab.get(f"{path}?limit=1")[key]
            assert newest[0]["id"] >= everything[-1]["id"]


def test_events_are_found_by_who_and_what_and_number(lab: LabRunner) -> None:
    with connected(lab):
        call = lab.post("/api/calls", {"from": ANN, "live": True})
        lab.post(f"/api/calls/{call['id']}/hangup")
        lab.post("/api/texts", {"body": "Hi"})

        def whats(query: str) -> list[str]:
            return [event["what"] for event in lab.get(f"/api/events?{query}")["events"]]

        assert whats(f"number={path_of(ANN)}") == ["called", "offered", "ended"]
        assert whats(f"call={call['id']}&who=caller") == ["called", "ended"]
        assert whats("what=sent+text") == ["sent text"]
        assert whats("number=nobody") == []


# Everything


def test_a_reset_leaves_programs_and_nothing_else(lab: LabRunner) -> None:
    with connected(lab) as client, lab.stream() as events:
        lab.post("/api/phones", {"number": ANN})
        lab.send("PUT", "/api/numbers/%2B1999", {"does": "busy"})
        lab.post("/api/scenarios", {"callers": [{"at": 3600}]})
        lab.post("/api/faults", {"do": "delay", "by": 0.01, "lasts": 3600})
        lab.post("/api/faults", {"do": "refuse upgrades", "lasts": 3600})
        lab.post("/api/texts", {"body": "Hi"})
        call = lab.post("/api/calls", {"live": True})
        before = lab.get("/api/state")
        assert before["faults"] == {"upgrades_refused": True, "silent": False, "delay": 0.01}
        assert lab.post("/api/reset") == {"done": "reset"}
        events.until("reset")
        state = lab.until("/api/state", lambda now: not now["faults"]["upgrades_refused"])
        for kind in ("phones", "calls", "texts"):
            assert state[kind] == []
        assert state["faults"]["delay"] == 0.0
        events_now = lab.get("/api/events")["events"]
        assert all(event["id"] > before["last_id"] for event in events_now)
        assert lab.get("/api/scenarios") == {"scenarios": []}
        assert "+1999" not in [one["number"] for one in state["numbers"]]
        assert [one["connected"] for one in state["programs"]] == [True]
        assert lab.refusal("POST", f"/api/calls/{call['id']}/hangup").startswith("404 path")
        assert state["last_id"] > before["last_id"]
        assert outcome(client) == "answered"


def test_a_reset_does_not_remove_phones_one_by_one(lab: LabRunner) -> None:
    last = lab.get("/api/state")["last_id"]
    with lab.stream(f"?after={last}") as events:
        for number in (ANN, "+1777"):
            lab.post("/api/phones", {"number": number})
        lab.post("/api/reset")
        seen: list[tuple[str, object]] = []
        for kind, _, data in events:
            seen.append((kind, data.get("removed")))
            if kind == "reset":
                break
    assert [removed for kind, removed in seen if kind == "phone"] == [False, False]
    lab.post("/api/phones", {"number": ANN})
    assert [phone["number"] for phone in lab.get("/api/phones")["phones"]] == [ANN]


def test_what_was_done_is_saved_as_a_rehearsal(lab: LabRunner) -> None:
    assert lab.refusal("GET", "/api/rehearsal").startswith("409 there is nothing to save yet")
    with connected(lab):
        call = lab.post("/api/calls", {"live": True})
        lab.post(f"/api/calls/{call['id']}/hangup")
        found = lab.get(f"/api/rehearsal?client=app:client&call={call['id']}")
    assert f"def {found['name']}(" in found["source"]
    compile(found["source"], "rehearsal", "exec")
    assert lab.refusal("GET", "/api/rehearsal?client=1").startswith("400 query.client '1' does not")
