"""The source of saved rehearsals: no words become code, and ruff would lay it out the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from relay_anyio import Call
from relay_anyio.lab.rehearsal import rehearsal_of
from relay_anyio.testing import (
    Answers,
    Busy,
    Caller,
    Declines,
    ExchangeTiming,
    HangUp,
    InTurn,
    Say,
    Step,
    Wait,
    rehearse,
)
from relay_proto.adapter.source import literal, value_of
from relay_proto.exchange import faster_timing

from .saving import AGENT, ANNA, check, connect_to_agent, save, scripts

hostile = st.text(
    st.one_of(st.sampled_from("'\"\\{}\n\r\t\0\x1b\x7f\u2028\u202e“”#"), st.characters()),
    min_size=1,
)


@given(text=hostile)
@example(text='"""')
@example(text="\\")
@example(text="\ud800")
def test_a_literal_is_the_text_and_nothing_else(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()
    written.encode()


@settings(deadline=None)
@given(spoken=hostile, said=hostile)
@example(spoken='"])\nraise SystemExit  # ', said="' + exit() + '")
def test_hostile_words_do_not_become_code(spoken: str, said: str) -> None:
    spoken, said = (text.encode("utf-8", "replace").decode() for text in (spoken, said))

    async def speak(call: Call) -> None:
        await call.answer()
        await (await call.play_tts(spoken)).wait()
        await call.hangup()

    saved = check(speak, Caller(ANNA, (Say(said),)))
    called = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(saved.source))
        if isinstance(node, ast.Call)
    }
    assert called <= {"os.environ.setdefault", "Caller", "Hear", "Wait", "Say", "rehearse"}


@pytest.mark.filterwarnings("ignore::relay_anyio.testing.NotHeardWarning")
def test_it_is_laid_out_as_ruff_would_do_it(ivr: ModuleType) -> None:
    pytest.importorskip("ruff", reason="ruff is not installed")

    @settings(
        deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(script=scripts)
    def collect(script: tuple[Step, ...]) -> None:
        sources.append(save(rehearse(ivr.client, Caller(ANNA, script))).source)

    sources: list[str] = []
    collect()
    callers = Caller(ANNA, (Wait(70), HangUp())), Caller("sip:" + "x" * 90, (Wait(7), HangUp()))
    for behaviour in (Declines(2.5), InTurn((Busy(), Answers(1.0, (Say("x" * 90),))))):
        story = rehearse(connect_to_agent, *callers, lines={AGENT: behaviour})
        sources += [save(story, timing=faster_timing(ExchangeTiming(), 7)).source]
        sources += [rehearsal_of(story).source]
    formatted = ruff("format", "--diff", source="\n\n".join(sources))
    checked = ruff("check", "--select", "E4,E7,E9,F,RUF100", source=sources[-2])
    assert (formatted, checked) == ("", "All checks passed!\n")


def ruff(*arguments: str, source: str) -> str:
    command = (sys.executable, "-m", "ruff", *arguments, "--isolated", "--stdin-filename", "a.py")
    done = subprocess.run(
        [*command, "-"], input=source, capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be written as Python here"):
        value_of({1, 2})
