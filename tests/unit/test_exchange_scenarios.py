"""Scenarios: what a tree means, what is wrong with one that is not valid, and the pace."""

from __future__ import annotations

import tomllib

import pytest

from relay_proto.exchange import (
    ANY_CONTEXT,
    Answers,
    Busy,
    Caller,
    Declines,
    ExchangeTiming,
    Fault,
    FaultKind,
    Fax,
    HangUp,
    Hear,
    InTurn,
    Line,
    Machine,
    NoAnswer,
    OverTime,
    PlacedCall,
    Press,
    Say,
    Scenario,
    ScenarioError,
    Scheduled,
    SentText,
    TextMessage,
    Unreachable,
    Wait,
    faster,
    faster_timing,
    read_scenario,
    read_script,
)
from relay_proto.exchange.scenario_tree import StepEntry

OFFICE = "+15550002222"
SOMEBODY = "+15550001111"
FULL = "The mailbox is full. Goodbye."
GREETING = Machine().greeting


def read(text: str) -> Scenario:
    return read_scenario(tomllib.loads(text))


def test_an_empty_scenario_has_the_usual_number() -> None:
    scenario = read_scenario({})
    assert scenario.numbers == {OFFICE: ANY_CONTEXT}
    assert (scenario.speed, scenario.lines, scenario.schedule) == (1.0, (), ())


@pytest.mark.parametrize(
    ("keys", "behaviour"),
    [
        ('does = "answers"', Answers()),
        ('does = "answers"\nafter = 5\nscript = [{say = "Hi"}]', Answers(5.0, (Say("Hi"),))),
        ('does = "machine"', Answers(nature=Machine(GREETING))),
        (
            'does = "machine"\ngreeting = "Hi."\nbeep = false\nscript = ["hang up"]',
            Answers(script=(HangUp(),), nature=Machine("Hi.", beep=False)),
        ),
        ('does = "machine"\nbeep = true', Answers(nature=Machine())),
        ('does = "voicemail full"', Answers(nature=Machine(FULL, full=True))),
        (
            'does = "voicemail full"\ngreeting = "No."\nafter = 1',
            Answers(1.0, nature=Machine("No.", full=True)),
        ),
        ('does = "fax"', Answers(nature=Fax())),
        ('does = "fax"\npages = 3', Answers(nature=Fax(pages=3))),
        ('does = "declines"', Declines(2.0)),
        ('does = "busy"', Busy()),
        ('does = "no answer"', NoAnswer()),
        ('does = "unreachable"', Unreachable()),
        ('in_turn = [{does = "busy"}, {does = "answers"}]', InTurn((Busy(), Answers()))),
        (
            'over_time = [{does = "busy"}, {from = 30, does = "answers"}]',
            OverTime(Busy(), ((30.0, Answers()),)),
        ),
    ],
)
def test_how_a_number_behaves(keys: str, behaviour: Answers) -> None:
    scenario = read(f'[[numbers]]\nnumber = "+1555"\n{keys}')
    assert scenario.lines == (Line("+1555", behaviour),)
    assert scenario.undeliverable == frozenset()


def test_a_number_may_be_served_or_get_no_texts() -> None:
    scenario = read(
        """
        [[numbers]]
        number = "+1"
        context = "sales"
        [[numbers]]
        number = "+2"
        texts = "undelivered"
        """
    )
    assert scenario.numbers == {OFFICE: ANY_CONTEXT, "+1": "sales"}
    assert scenario.lines == ()
    assert scenario.undeliverable == {"+2"}


def test_what_is_scheduled() -> None:
    scenario = read(
        """
        [[callers]]
        to = "+3"
        at = 5
        every = 20
        times = 3
        patience = 10
        script = [
            { hear = "press", timeout = 8 }, { hear = "then", whole = true }, { wait = 2 },
            { press = "12#", interval = 1 }, { press = "3" }, { say = "Hello" }, "hang up",
        ]
        [[texts]]
        from = "+4"
        body = "STOP"
        media = ["https://example.com/cat.jpg"]
        context = "texts"
        every = 60
        [[faults]]
        do = "cut"
        times = 1
        """
    )
    script = (
        *(Hear("press", 8.0), Hear("then", whole=True), Wait(2.0)),
        *(Press("12#", 1.0), Press("3"), Say("Hello"), HangUp()),
    )
    text = TextMessage("+4", OFFICE, "STOP", ("https://example.com/cat.jpg",))
    assert scenario.numbers == {OFFICE: ANY_CONTEXT, "+3": ANY_CONTEXT}
    assert scenario.schedule == (
        Scheduled(
            what=PlacedCall(Caller(SOMEBODY, script, 10.0), "+3"), at=5.0, every=20.0, times=3
        ),
        Scheduled(what=SentText(text, "texts"), at=1.0, every=60.0, times=None),
        Scheduled(what=Fault(FaultKind.CUT), at=1.0),
    )


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        *((f'do = "{kind}"', Fault(kind)) for kind in FaultKind if kind is not FaultKind.DELAY),
        ('do = "refuse upgrades"\nlasts = 3', Fault(FaultKind.REFUSE_UPGRADES, 3.0)),
        ('do = "delay"\nby = 0.5', Fault(FaultKind.DELAY, by=0.5)),
        ('do = "delay"\nby = 0.5\nlasts = 60', Fault(FaultKind.DELAY, 60.0, 0.5)),
    ],
)
def test_what_goes_wrong(keys: str, fault: Fault) -> None:
    [scheduled] = read(f"[[faults]]\n{keys}").schedule
    assert scheduled.what == fault


NUMBER = '[[numbers]]\nnumber = "+1"\n'
WRONG = {
    "speeed = 1": "unknown key `speeed`: the keys are speed, numbers, callers, texts, faults",
    "speed = 0": "speed: Expected `float` >= 0.01",
    'speed = "fast"': "speed: Expected `float`, got `str`",
    "callers = 1": "callers: Expected `array`, got `int`",
    "[[numbers]]": "numbers (entry 1): the key `number` is missing",
    f'{NUMBER}does = "bussy"': "numbers (entry 1), does: 'bussy' is not one of 'answers', "
    "'machine', 'voicemail full', 'fax', 'declines', 'busy', 'no answer', 'unreachable'",
    f'{NUMBER}does = "busy"\n{NUMBER}': "numbers (entry 2), number: +1 is there twice",
    f'{NUMBER}does = "busy"\ncontext = "x"': "numbers (entry 1): give only one of does, context",
    f'{NUMBER}does = "busy"\nafter = 1': "numbers (entry 1): does = 'busy' does not take `after`: "
    "it takes no such keys",
    f'{NUMBER}does = "fax"\nbeep = true': "numbers (entry 1): does = 'fax' does not take `beep`: "
    "it takes only after, pages",
    f"{NUMBER}after = 1": "numbers (entry 1): a number without `does` does not take `after`: "
    "it takes no such keys",
    f'{NUMBER}in_turn = [{{does = "busy"}}]\nafter = 1': "numbers (entry 1): in_turn does not "
    "take `after`: it takes no such keys",
    f"{NUMBER}in_turn = []": "numbers (entry 1), in_turn: give at least one entry",
    f"{NUMBER}in_turn = [{{after = 1}}]": "numbers (entry 1), in_turn (entry 1): the key `does` "
    "is missing: it is one of 'answers', 'machine', 'voicemail full', 'fax', 'declines', 'busy', "
    "'no answer', 'unreachable'",
    f'{NUMBER}over_time = [{{does = "busy"}}]\npages = 1': "numbers (entry 1): over_time does not "
    "take `pages`: it takes no such keys",
    f"{NUMBER}over_time = []": "numbers (entry 1), over_time: give at least one entry",
    f'{NUMBER}over_time = [{{from = 1, does = "busy"}}]': "numbers (entry 1), over_time: `from` "
    "begins with 0, and grows from entry to entry",
    f'{NUMBER}over_time = [{{does = "busy"}}, {{from = 5, does = "busy"}}, {{does = "fax"}}]': (
        "numbers (entry 1), over_time: `from` begins with 0, and grows from entry to entry"
    ),
    f"{NUMBER}over_time = [{{form = 1}}]": "numbers (entry 1), over_time (entry 1): unknown key "
    "`form`: the keys are does, after, script, greeting, beep, pages, from",
    "[[callers]]\nscript = [{heer = 'x'}]": "callers (entry 1), script (entry 1): unknown key "
    "`heer`: the keys are hear, timeout, whole, press, interval, say, wait",
    "[[callers]]\nscript = ['hangup']": "callers (entry 1), script (entry 1): 'hangup' is not one "
    "of 'hang up'",
    "[[callers]]\nscript = [{press = '1x'}]": "callers (entry 1), script (entry 1), press: "
    "write keys of a telephone: 0 to 9, *, # and A to D",
    "[[callers]]\n[[callers]]\nscript = [{}]": "callers (entry 2), script (step 1): give one of "
    "hear, press, say, wait, or the text 'hang up'",
    "[[callers]]\nscript = [{say = 'x', wait = 1}]": "callers (entry 1), script (step 1): give one "
    "of hear, press, say, wait, or the text 'hang up'",
    "[[callers]]\nscript = [{wait = 1, timeout = 1}]": "callers (entry 1), script (step 1): "
    "`timeout` goes with `hear` only",
    "[[callers]]\nscript = [{say = 'x', whole = true}]": "callers (entry 1), script (step 1): "
    "`whole` goes with `hear` only",
    "[[callers]]\nscript = [{hear = 'x', interval = 1}]": "callers (entry 1), script (step 1): "
    "`interval` goes with `press` only",
    "[[callers]]\ntimes = 2": "callers (entry 1): `times` needs `every`, the seconds to the next "
    "time",
    "[[callers]]\nevery = 0": "callers (entry 1), every: Expected `float` >= 0.1",
    "[[texts]]": "texts (entry 1): give a body or media",
    "[[texts]]\nmedia = [1]": "texts (entry 1), media (entry 1): Expected `str`, got `int`",
    "[[faults]]": "faults (entry 1): the key `do` is missing",
    "[[faults]]\ndo = 'cut'\nlasts = 1": "faults (entry 1): `lasts` goes with 'refuse upgrades' "
    "and 'delay' only",
    "[[faults]]\ndo = 'cut'\nby = 1": "faults (entry 1): `by`, in seconds, goes with 'delay', "
    "which needs it",
    "[[faults]]\ndo = 'delay'": "faults (entry 1): `by`, in seconds, goes with 'delay', which "
    "needs it",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    assert str(caught.value) == WRONG[text]


# The pace


def test_everything_is_faster_but_the_patience_with_programs() -> None:
    timing = faster_timing(ExchangeTiming(), 10.0)
    assert (timing.ring_timeout, timing.audio) == (3.0, 0.5)
    assert timing.session_retention == ExchangeTiming().session_retention


def test_people_are_faster() -> None:
    script = (Wait(4.0), Hear("x", 8.0), Press("1", 2.0), Say("Hi"), HangUp())
    quick = (Wait(2.0), Hear("x", 4.0), Press("1", 1.0), Say("Hi"), HangUp())
    slow_machine = Machine((Say("Hi."), Wait(3.0)))
    assert faster(Answers(2.0, script), 2.0) == Answers(1.0, quick)
    assert faster(Answers(nature=slow_machine), 2.0) == Answers(
        1.0, nature=Machine((Say("Hi."), Wait(1.5)))
    )
    assert faster(Answers(nature=Machine()), 2.0) == Answers(1.0, nature=Machine())
    changing = OverTime(Busy(), ((30.0, Declines(4.0)),))
    assert faster(changing, 2.0) == OverTime(Busy(), ((15.0, Declines(2.0)),))
    assert faster(InTurn((Answers(),)), 2.0) == InTurn((Answers(1.0),))


def test_a_scenario_is_faster_as_a_whole() -> None:
    scenario = read(
        """
        speed = 10
        [[numbers]]
        number = "+1"
        does = "declines"
        after = 20
        [[callers]]
        at = 30
        every = 50
        script = [{ wait = 5 }]
        [[faults]]
        do = "delay"
        by = 2
        lasts = 40
        """
    )
    assert scenario.lines == (Line("+1", Declines(2.0)),)
    assert scenario.schedule == (
        Scheduled(
            what=PlacedCall(Caller(SOMEBODY, (Wait(0.5),), 6.0), OFFICE),
            at=3.0,
            every=5.0,
            times=None,
        ),
        Scheduled(what=Fault(FaultKind.DELAY, 4.0, 0.2), at=0.1),
    )


def test_a_script_by_itself() -> None:
    script = read_script(
        [StepEntry(hear="press", timeout=4, whole=True), StepEntry(press="1"), "hang up"], 2
    )
    assert script == (Hear("press", 2, whole=True), Press("1", 0.125), HangUp())


def test_a_script_by_itself_that_is_wrong() -> None:
    with pytest.raises(ScenarioError, match=r"^script \(step 2\): give one of hear, press"):
        read_script(["hang up", StepEntry()])
