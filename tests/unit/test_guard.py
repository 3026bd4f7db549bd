"""What both adapters decide of application code that fails, and of an engine that has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from relay_proto.adapter.contexts import InContext, function_name, in_context
from relay_proto.adapter.cores import close_for_good, failure_of
from relay_proto.adapter.guard import end_of_program, report_failure
from relay_proto.adapter.logs import Lines, Log
from relay_proto.errors import CallEndedError, ClientClosedError
from relay_proto.outputs import Closed
from tests.unit.client_peer import Peer

LOG = Log(logging.getLogger("relay_test"))
ENDED = CallEndedError("c-1", "hangup")
EXIT = SystemExit(3)
INTERRUPT = KeyboardInterrupt()


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ZeroDivisionError(), None),
        (EXIT, EXIT),
        (INTERRUPT, INTERRUPT),
        (BaseExceptionGroup("", [ZeroDivisionError(), EXIT]), EXIT),
        (BaseExceptionGroup("", [BaseExceptionGroup("", [INTERRUPT]), ENDED]), INTERRUPT),
        (ExceptionGroup("", [ZeroDivisionError()]), None),
    ],
)
def test_what_ends_the_program_is_found_in_groups(
    error: BaseException, ends: BaseException | None
) -> None:
    assert end_of_program(error) is ends


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (ENDED, None),
        (ClientClosedError(), None),
        (ExceptionGroup("", [ENDED, ClientClosedError()]), None),
        (ExceptionGroup("two", [ENDED, ZeroDivisionError()]), "two (1 sub-exception)"),
        (GeneratorExit("why"), "why"),
    ],
)
def test_who_was_waiting_at_the_end_has_not_failed(
    caplog: pytest.LogCaptureFixture, error: BaseException, reported: str | None
) -> None:
    report_failure(Lines(LOG, lambda: 0.0, lambda: None), "handler of call c-1", "call", error)
    told = [(one.getMessage(), str((one.exc_info or (0, 0))[1])) for one in caplog.records]
    assert told == (
        [] if reported is None else [("handler of call c-1 failed on 'call'", reported)]
    )


def test_a_core_is_closed_in_whatever_state_it_is(caplog: pytest.LogCaptureFixture) -> None:
    core = Peer().core
    assert close_for_good(core, 0.0, LOG) == Closed(None)
    assert close_for_good(core, 1.0, LOG) == Closed(None)  # and once more, with nothing to say
    assert caplog.records == []


def test_a_core_that_cannot_be_closed_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def close(self, now: float) -> None:
            raise ZeroDivisionError

    broken: Any = Broken()
    assert close_for_good(broken, 0.0, LOG) == Closed(None)
    assert "this is a bug in relay_proto" in caplog.text
    assert "ZeroDivisionError" in str(failure_of(ZeroDivisionError()))


def test_a_failure_names_what_went_wrong_without_the_groups_around_it() -> None:
    one = BaseExceptionGroup("tasks", [ExceptionGroup("tasks", [ValueError("one")])])
    assert "failed (ValueError('one'))" in str(failure_of(one))
    two = str(failure_of(BaseExceptionGroup("tasks", [ValueError("one"), KeyError("two")])))
    assert "ValueError('one')" in two
    assert "KeyError('two')" in two


def test_a_function_in_a_context_is_equal_to_the_function() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="")
    seen: list[str] = []

    def function(item: str) -> None:
        seen.append(variable.get())
        variable.set(item)

    token = variable.set("then")
    bound: Callable[[Any], Any] = in_context(function)
    variable.reset(token)
    bound("one")
    bound("two")
    assert seen == ["then", "then"]
    assert bound == function == InContext(function)
    assert bound != print
    assert {bound} == {function}
    assert in_context(bound) is bound
    assert repr(bound) == repr(function)
    assert function_name(bound) == function_name(function)


def test_a_function_has_a_name_for_people() -> None:
    assert function_name(print) == "builtins.print"
    assert function_name(in_context(print)) == "builtins.print"
    nameless = partial(print)
    assert function_name(nameless) == repr(nameless)
