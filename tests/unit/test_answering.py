"""Who has answered, and when to speak to a machine: `wait_for_beep` and `leave_message`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import pytest

from relay_proto.api.answering import LeftMessage, WhoAnswered
from relay_proto.api.builders import audio
from relay_proto.api.procedures import (
    Finished,
    Listen,
    Procedure,
    Role,
    Start,
    Stop,
    leave_message,
    wait_for_beep,
)
from relay_proto.constants import EVENT_CALL_DETECT, EVENT_CALL_PLAY, EVENT_CALL_RECORD
from relay_proto.errors import RelayError
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds
from relay_proto.rpc.events import parse_event

R = TypeVar("R")
MACHINE, FAX, MESSAGE = "machine", "fax", "message"
IDS = {Role.MACHINE_DETECTOR: MACHINE, Role.FAX_DETECTOR: FAX, Role.MESSAGE: MESSAGE}
CALL = CallRecord("call", "node")


class Performance:
    """A procedure that is carried out by hand: what it did is in `done`."""

    def __init__(self, procedure: Procedure[Any], *, refused: Iterable[Role] = ()) -> None:
        self.procedure = procedure
        self.refused = frozenset(refused)
        self.now = 100.0
        self.done: list[str] = []
        self.commands: dict[Role, Any] = {}
        self.until: float | None = None
        self.result: Any = None
        self._messages = 0
        procedure.begin(self.now)
        self._go_on()

    def _go_on(self) -> None:
        while self.result is None:
            match self.procedure.next_step(self.now):
                case Start(role, command):
                    self.commands[role] = command.params
                    if role in self.refused:
                        self.done.append(f"no {IDS[role]}")
                        self.procedure.refused(role, RelayError(409, "no"), self.now)
                    else:
                        self._start(role)
                case Stop(action):
                    self.done.append(f"stop {action.control_id}")
                case Listen(until):
                    self.until = until
                    return
                case Finished(result):
                    self.result = result

    def _start(self, role: Role) -> None:
        name = IDS[role]
        if role is Role.MESSAGE:
            self._messages += 1
            name = f"{name} {self._messages}"
        self.done.append(name)
        self.procedure.started(role, ActionRecord(CALL, name, action_kinds.DETECT))

    def hears(self, event: str, control_id: str = MACHINE, **params: Any) -> Performance:
        kind = "fax" if control_id == FAX else "machine"
        detect = {"type": kind, "params": {"event": event, **params}}
        return self.told(EVENT_CALL_DETECT, control_id, detect=detect)

    def plays(self, state: str, control_id: str = "message 1") -> Performance:
        return self.told(EVENT_CALL_PLAY, control_id, state=state)

    def told(self, event_type: str, control_id: str, **params: Any) -> Performance:
        body = {"call_id": "call", "control_id": control_id, **params}
        event = parse_event({"event_type": event_type, "params": body})
        self.procedure.take(event, self.now)
        self._go_on()
        return self

    def waits(self, seconds: float) -> Performance:
        """Let time pass. The procedure may look at the clock at any time."""
        ends_at = self.now + seconds
        while self.result is None and self.until is not None and self.until <= ends_at:
            self.now = max(self.now, self.until)
            self._go_on()
        self.now = ends_at
        self._go_on()
        return self

    def hangs_up(self) -> Performance:
        self.procedure.end_call(self.now)
        self._go_on()
        return self


def beep(**arguments: Any) -> Performance:
    return Performance(wait_for_beep(**arguments))


def leave(**arguments: Any) -> Performance:
    return Performance(leave_message("Hello", **arguments))


# Who it is


def test_both_detectors_start_at_once_and_the_machine_is_followed_to_its_end() -> None:
    begun = beep(timeout=40.0)
    assert begun.done == ["machine", "fax"]
    machine, fax = begun.commands.values()
    assert machine["timeout"] == fax["timeout"] == 40.0
    wanted = {"detect_message_end": True, "detect_interruptions": True}
    assert machine["detect"] == {"type": "machine", "params": wanted}
    assert fax["detect"] == {"type": "fax", "params": {}}


def test_the_detector_can_be_tuned_and_faxes_left_out() -> None:
    tuned = beep(
        fax=False,
        initial_timeout=1,
        end_silence_timeout=2,
        machine_ready_timeout=3,
        machine_voice_threshold=4,
        machine_words_threshold=5,
    )
    assert tuned.done == ["machine"]
    assert tuned.commands[Role.MACHINE_DETECTOR]["detect"]["params"] == {
        "initial_timeout": 1.0,
        "end_silence_timeout": 2.0,
        "machine_ready_timeout": 3.0,
        "machine_voice_threshold": 4.0,
        "machine_words_threshold": 5,
        "detect_interruptions": True,
        "detect_message_end": True,
    }


def test_a_person_is_reported_at_once() -> None:
    assert beep().hears("HUMAN").result == WhoAnswered(who="human")
    assert leave().hears("HUMAN").result == LeftMessage(who="human")


def test_the_tone_of_a_fax_counts_more_than_what_the_other_detector_says() -> None:
    assert beep().hears("CED", FAX).result == WhoAnswered(who="fax")
    assert beep().hears("UNKNOWN").hears("CNG", FAX).result == WhoAnswered(who="fax")
    assert beep().hears("MACHINE").hears("CED", FAX).result == WhoAnswered(who="fax")


@pytest.mark.parametrize("last", ["UNKNOWN", "finished", "error"])
def test_without_a_verdict_the_detector_of_faxes_has_a_second(last: str) -> None:
    unclear = beep().hears(last).waits(0.9)
    assert unclear.result is None
    assert unclear.waits(0.2).result == WhoAnswered(who="unknown")


@pytest.mark.parametrize("last", ["finished", "error"])
def test_without_both_detectors_nothing_will_be_known(last: str) -> None:
    assert beep().hears(last, FAX).hears("UNKNOWN").result == WhoAnswered(who="unknown")
    assert beep().hears("UNKNOWN").hears(last, FAX).result == WhoAnswered(who="unknown")
    assert beep(fax=False).hears("UNKNOWN").result == WhoAnswered(who="unknown")


def test_the_end_of_a_detector_may_be_a_state() -> None:
    alone = beep(fax=False)
    assert alone.told(EVENT_CALL_DETECT, MACHINE, state="finished").result.who == "unknown"


def test_a_refused_detector_of_faxes_is_done_without() -> None:
    alone = Performance(wait_for_beep(), refused=[Role.FAX_DETECTOR])
    assert alone.done == ["machine", "no fax"]
    assert alone.hears("UNKNOWN").result == WhoAnswered(who="unknown")


@pytest.mark.parametrize("role", [Role.MACHINE_DETECTOR, Role.MESSAGE])
def test_the_refusal_of_anything_else_is_raised(role: Role) -> None:
    with pytest.raises(RelayError, match="409"):
        Performance(leave_message("Hello"), refused=[role]).hears("READY", beep=True)


def test_nothing_at_all_is_no_verdict_either() -> None:
    silent = beep(timeout=20.0).waits(19.9)
    assert silent.result is None
    assert silent.waits(0.2).result == WhoAnswered(who="unknown")


def test_who_hangs_up_first_is_nobody() -> None:
    assert beep().hangs_up().result == WhoAnswered(who="nobody")
    assert leave().hangs_up().result == LeftMessage(who="nobody")


def test_nothing_is_started_on_a_call_that_has_ended() -> None:
    procedure = wait_for_beep()
    assert isinstance(procedure.next_step(0.0), Start)
    procedure.end_call(0.0)
    assert procedure.next_step(0.0) == Finished(WhoAnswered(who="nobody"))


def test_events_of_others_change_nothing() -> None:
    deaf = leave().hears("HUMAN", "of the program's own").told(EVENT_CALL_RECORD, MACHINE)
    assert deaf.hears("something new").hears("noise", FAX).plays("finished").result is None


# When a machine listens


def test_a_beep_is_waited_for() -> None:
    greeting = beep().hears("MACHINE").hears("NOT_READY").waits(30.0)
    assert greeting.result is None
    assert greeting.hears("READY", beep=True).result == WhoAnswered(
        who="machine", ready=True, beep=True
    )


def test_a_verdict_may_come_with_its_beep() -> None:
    assert beep().hears("MACHINE", beep=True).result.beep


def test_silence_must_last_before_it_is_the_end_of_the_greeting() -> None:
    silent = beep(quiet_time=2.0).hears("MACHINE").waits(5.0).hears("READY").waits(1.9)
    assert silent.result is None
    assert silent.waits(0.2).result == WhoAnswered(who="machine", ready=True, beep=False)


def test_a_beep_ends_the_silence() -> None:
    assert beep().hears("READY", beep=False).waits(0.5).hears("READY", beep=True).result.beep


def test_a_greeting_goes_on_after_a_pause() -> None:
    greeting = beep().hears("MACHINE").hears("READY").waits(1.0).hears("NOT_READY")
    assert greeting.waits(5.0).result is None
    assert greeting.hears("MACHINE").hears("READY").waits(1.0).hears("finished").result is None
    assert greeting.waits(0.6).result.ready


def test_a_machine_that_is_not_ready_in_time_is_reported_as_that() -> None:
    endless = beep(timeout=20.0).hears("NOT_READY").waits(19.9)
    assert endless.result is None
    assert endless.waits(0.2).result == WhoAnswered(who="machine", ready=False)


def test_a_detector_that_ends_in_a_greeting_will_not_say_when_it_is_over() -> None:
    assert beep().hears("MACHINE").hears("finished").result == WhoAnswered(who="machine")


def test_a_person_may_pick_up_in_the_greeting() -> None:
    assert beep().hears("MACHINE").hears("HUMAN").result == WhoAnswered(who="human")


def test_a_machine_that_hangs_up_was_a_machine() -> None:
    assert beep().hears("MACHINE").hangs_up().result == WhoAnswered(who="machine")


# The message


def test_the_message_is_played_after_the_beep_to_its_end() -> None:
    left = leave(volume=3.0).hears("MACHINE").hears("READY", beep=True)
    assert left.done == ["machine", "fax", "message 1"]
    assert left.commands[Role.MACHINE_DETECTOR]["timeout"] > 60.0
    play = [{"type": "tts", "params": {"text": "Hello"}}]
    message = left.commands[Role.MESSAGE]
    assert (message["play"], message["volume"]) == (play, 3.0)
    assert left.plays("playing").waits(500.0).result is None
    left.plays("finished")
    assert left.result == LeftMessage(who="machine", ready=True, beep=True, played=True, attempts=1)


def test_media_are_played_as_they_are() -> None:
    media = [audio("https://example.com/a.mp3")]
    left = Performance(leave_message(media)).hears("READY", beep=True)
    assert left.commands[Role.MESSAGE]["play"] == media


def test_a_message_that_cannot_be_played_is_not_left() -> None:
    failed = leave().hears("READY", beep=True).plays("error")
    assert (failed.result.played, failed.result.ready) == (False, True)


@pytest.mark.parametrize("interruption", [("NOT_READY", {}), ("READY", {"beep": True})])
def test_a_message_that_is_interrupted_begins_again(
    interruption: tuple[str, dict[str, Any]],
) -> None:
    event, params = interruption
    left = leave().hears("READY").waits(1.5).hears(event, **params)
    left.plays("finished")  # the end of the one that was stopped
    left.hears("READY", beep=True)
    assert left.done[2:] == ["message 1", "stop message 1", "message 2"]
    left.plays("finished", "message 2")
    assert (left.result.played, left.result.beep, left.result.attempts) == (True, True, 2)


def test_each_greeting_has_its_own_time() -> None:
    left = leave(timeout=20.0).waits(19.0).hears("READY", beep=True).waits(10.0)
    left.hears("NOT_READY").waits(19.0)
    assert left.done[2:] == ["message 1", "stop message 1"]
    left.waits(1.5)
    assert left.done[-1] == "message 2"


def test_the_last_time_it_is_played_to_its_end() -> None:
    left = leave(attempts=2).hears("READY", beep=True).hears("NOT_READY")
    left.hears("READY", beep=True).hears("NOT_READY").hears("READY", beep=True)
    assert left.done[2:] == ["message 1", "stop message 1", "message 2"]
    assert left.plays("finished", "message 2").result.played


def test_a_machine_that_never_listens_gets_the_message_all_the_same() -> None:
    late = leave(timeout=20.0).hears("MACHINE").waits(20.0)
    assert late.done[2:] == ["message 1"]
    late.plays("finished")
    assert late.result == LeftMessage(who="machine", ready=False, played=True, attempts=1)


@pytest.mark.parametrize("sound", [{"beep": True}, {}])
def test_a_late_message_begins_again_when_the_machine_listens(sound: dict[str, Any]) -> None:
    late = leave(timeout=20.0).hears("MACHINE").waits(21.0).hears("READY", **sound).waits(1.5)
    assert late.done[2:] == ["message 1", "stop message 1", "message 2"]


@pytest.mark.parametrize("who", ["human", "unknown"])
def test_others_hear_it_at_once_if_that_is_wanted(who: Any) -> None:
    event = {"human": "HUMAN", "unknown": "UNKNOWN"}[who]
    for also_to in (who, {who}, ["human", "unknown"]):
        played = leave(also_to=also_to, fax=False)
        assert played.done == ["machine"]
        played.hears(event).hears("finished")
        assert played.done == ["machine", "message 1"]
        played.plays("finished")
        assert played.result == LeftMessage(who=who, played=True, attempts=1)


def test_a_fax_hears_nothing_even_if_it_is_found_late() -> None:
    assert leave(also_to={"human", "unknown"}).hears("CED", FAX).result == LeftMessage(who="fax")
    late = leave().hears("READY", beep=True).hears("CED", FAX)
    assert (late.result.who, late.result.played) == ("fax", False)


def test_a_person_who_is_found_late_is_none() -> None:
    late = leave().hears("READY", beep=True).hears("HUMAN").hears("UNKNOWN")
    assert late.result is None


def test_a_call_that_ends_in_the_message_has_not_heard_it() -> None:
    cut = leave().hears("READY", beep=True).hangs_up()
    assert cut.result == LeftMessage(who="machine", ready=True, beep=True, attempts=1)


def test_all_that_was_started_is_to_be_stopped() -> None:
    left = leave().hears("READY", beep=True).hears("NOT_READY").hears("READY", beep=True)
    names = [action.control_id for action in left.procedure.actions]
    assert names == [MACHINE, FAX, "message 1", "message 2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": None},
        {"quiet_time": -1},
        {"attempts": 0},
        {"attempts": None},
        {"also_to": "machine"},
        {"also_to": ["human", "fax"]},
        {"message": ""},
        {"message": {"type": "tts"}},
    ],
)
def test_wrong_arguments_are_named(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"message": "Hello", **wrong}
    with pytest.raises((ValueError, TypeError), match=f"^({next(iter(wrong))}|text|media)"):
        leave_message(**arguments)
