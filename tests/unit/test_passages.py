"""A verb on its way through an `execute` of the application's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relay_proto.adapter.passages import Passage, arriving, current
from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.errors import RelayError
from relay_proto.records import ActionRecord, CallRecord
from relay_proto.rpc import action_kinds
from relay_proto.rpc.action_kinds import ActionKind
from relay_proto.rpc.frames import JSONObject

CALL = CallRecord("c-1", "n-1")
IDS = {"node_id": "n-1", "call_id": "c-1"}


def no_action(*what: object) -> ActionRecord:
    raise AssertionError(f"nothing is to be attached: {what}")


@pytest.fixture
def passage() -> Iterator[Passage[JSONObject]]:
    """A verb that is on its way."""
    passage: Passage[JSONObject] = Passage(CALL, commands.send_digits("12"))
    token = current.set(passage)
    yield passage
    current.reset(token)


def test_it_arrives_as_what_it_was(passage: Passage[JSONObject]) -> None:
    assert passage.method == "calling.send_digits"
    assert passage.params == {**IDS, "control_id": passage.params["control_id"], "digits": "12"}
    assert arriving(passage.method, passage.params) is passage
    assert {**IDS, **passage.command(passage.params).params} == passage.params
    assert passage.arrive({"code": "201"}) == {"code": "201"}
    assert passage.result({"code": "told"}, no_action) == {"code": "201"}


def test_parameters_that_were_changed_on_the_way_are_sent(passage: Passage[JSONObject]) -> None:
    changed = {**passage.params, "digits": "99"}
    assert arriving(passage.method, changed) is passage
    assert passage.command(changed).params["digits"] == "99"


def test_other_requests_are_not_taken_for_it(passage: Passage[JSONObject]) -> None:
    assert arriving("calling.answer", passage.params) is None
    assert arriving(passage.method, {**passage.params, "call_id": "c-2"}) is None
    current.set(None)
    assert arriving(passage.method, passage.params) is None


def test_without_arriving_the_answer_is_the_result(passage: Passage[JSONObject]) -> None:
    assert passage.result({"code": "told"}, no_action) == {"code": "told"}
    assert passage.refused(RelayError(404, "gone")) == {}
    with pytest.raises(RelayError, match="500"):
        passage.refused(RelayError(500, "broken"))


def test_a_verb_without_an_id_has_none() -> None:
    assert Passage(CALL, commands.answer()).params == IDS


def test_an_action_has_its_id_before_it_is_started() -> None:
    passage = Passage(CALL, commands.play_silence(1))
    again = Passage(CALL, commands.play_silence(1))
    control_id = passage.params["control_id"]
    assert isinstance(control_id, str)
    assert control_id != again.params["control_id"]
    action = ActionRecord(CALL, control_id, action_kinds.PLAY)
    assert passage.result({}, lambda *what: action) is action
    assert passage.arrive(action) == {"code": "200", "control_id": control_id}
    assert passage.result({}, no_action) is action


@pytest.mark.parametrize(
    ("kind", "command", "method"),
    [
        (action_kinds.PLAY, commands.volume(-3), "calling.play.volume"),
        (
            action_kinds.COLLECT,
            commands.start_input_timers(),
            "calling.collect.start_input_timers",
        ),
    ],
)
def test_a_control_names_its_action(
    kind: ActionKind, command: Command[JSONObject], method: str
) -> None:
    passage = Passage(ActionRecord(CALL, "ctl-1", kind), command)
    assert passage.method == method
    assert passage.params == {**IDS, "control_id": "ctl-1", **command.params}
    assert passage.command(passage.params).params == command.params
