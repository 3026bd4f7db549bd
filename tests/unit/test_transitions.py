"""States and tables: every state can be reached, and what is over stays over."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_proto.transitions import (
    ACTION,
    CALL_ORDER,
    DIAL,
    MESSAGE_ORDER,
    MESSAGE_TERMINAL,
    SESSION,
    ActionInput,
    ActionState,
    CallState,
    DialInput,
    DialState,
    MessageState,
    SessionInput,
    SessionState,
    follow,
    forward,
)
from tests.spec import CONSTANTS

Table = Mapping[tuple[Any, Any], Any]

TABLES: Final[list[tuple[Table, enum.Enum, type[enum.Enum], set[enum.Enum]]]] = [
    (SESSION, SessionState.DISCONNECTED, SessionInput, {SessionState.CLOSED}),
    (DIAL, DialState.REQUESTED, DialInput, {DialState.ANSWERED, DialState.FAILED}),
    (ACTION, ActionState.STARTING, ActionInput, {ActionState.COMPLETED}),
]
IDS: Final = ["session", "dial", "action"]

each_table = pytest.mark.parametrize(("table", "first", "inputs", "final"), TABLES, ids=IDS)
orders = st.sampled_from([CALL_ORDER, MESSAGE_ORDER])
states = st.sampled_from([*CALL_ORDER, *MESSAGE_ORDER, "", "new", "received"])


@each_table
def test_every_state_can_be_reached_from_the_first(
    table: Table, first: enum.Enum, inputs: type[enum.Enum], final: set[enum.Enum]
) -> None:
    reached: set[Any] = {first}
    for _ in table:
        reached |= {to for (state, _), to in table.items() if state in reached}
    assert reached == set(type(first))


@each_table
def test_every_input_means_something_somewhere(
    table: Table, first: enum.Enum, inputs: type[enum.Enum], final: set[enum.Enum]
) -> None:
    assert {happened for _, happened in table} == set(inputs)


@each_table
def test_from_a_final_state_nothing_leads_away_and_to_one_there_is_always_a_way(
    table: Table, first: enum.Enum, inputs: type[enum.Enum], final: set[enum.Enum]
) -> None:
    assert all(to in final for (state, _), to in table.items() if state in final)
    ends: set[Any] = set(final)
    for _ in table:
        ends |= {state for (state, _), to in table.items() if to in ends}
    assert ends == set(type(first))


@each_table
def test_a_row_is_followed_and_a_missing_one_is_a_bug(
    table: Table, first: enum.Enum, inputs: type[enum.Enum], final: set[enum.Enum]
) -> None:
    for state in type(first):
        for happened in inputs:
            if (state, happened) in table:
                assert follow(table, state, happened) is table[state, happened]
            else:
                with pytest.raises(AssertionError, match="no row for"):
                    follow(table, state, happened)


def test_the_session_can_be_closed_in_every_state_but_the_last_two() -> None:
    closable = {state for state, happened in SESSION if happened is SessionInput.CLOSE}
    assert closable == set(SessionState) - {SessionState.CLOSING, SessionState.CLOSED}


def test_requests_are_written_only_after_authentication() -> None:
    ready = [rule for rule, to in SESSION.items() if to is SessionState.READY]
    assert ready == [(SessionState.AUTHENTICATING, SessionInput.AUTHENTICATED)]


@given(orders, st.lists(states))
def test_a_state_only_moves_forward_in_whatever_order_reports_come(
    order: Mapping[str, int], reported: list[str]
) -> None:
    state = ""
    for report in reported:
        before = order.get(state, -1)
        state = forward(order, state, report)
        assert order.get(state, -1) >= max(before, order.get(report, -1))
        assert forward(order, state, report) == state


@pytest.mark.parametrize("order", [CALL_ORDER, MESSAGE_ORDER])
def test_each_state_is_later_than_the_one_before(order: Mapping[str, int]) -> None:
    chain = ["", *order][: max(order.values()) + 2]
    for before, after in pairwise(chain):
        assert forward(order, before, after) == after
        assert forward(order, after, before) == after


@given(orders, states, states.filter(lambda state: state in ("", "new", "received")))
def test_a_state_that_is_not_in_the_table_changes_nothing(
    order: Mapping[str, int], state: str, reported: str
) -> None:
    assert forward(order, state, reported) == state


def test_the_wire_spellings_are_those_of_the_specification() -> None:
    assert [state.value for state in CallState] == CONSTANTS["call_states"] == list(CALL_ORDER)
    assert [state.value for state in MessageState] == CONSTANTS["message_states"]
    assert sorted(MESSAGE_TERMINAL) == sorted(CONSTANTS["message_terminal_states"])
    assert CONSTANTS["dial_states"] == [
        state.value for state in DialState if state is not DialState.REQUESTED
    ]


def test_an_outbound_message_passes_all_states_but_that_of_an_inbound_one() -> None:
    assert [*MESSAGE_ORDER, "received"] == CONSTANTS["message_states"]
    last = max(MESSAGE_ORDER.values())
    assert {state for state, rank in MESSAGE_ORDER.items() if rank == last} == MESSAGE_TERMINAL
