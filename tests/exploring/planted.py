"""Bugs planted in copies of the examples, and the examples themselves, for `explore`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import relay_anyio.testing
import relay_sync.testing
from relay_anyio import RelayError
from relay_anyio.testing import PROMISES, CounterexampleError, Promise, Story, What
from relay_proto.adapter.exploring import Exploration

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
TO = OWNER = "+15550003000"
LINK_TROUBLE: Final = (RelayError, TimeoutError)
"""What a handler may raise when the connection breaks: the client hangs up its call then."""
DIALS: Final = f"""

client = RelayClient()
# The lines above this one are those of the example.


async def dial(stage: object) -> None:
    await remind(client, "{TO}", "+15550002222", "Your appointment is tomorrow at nine.")
"""
REMINDS: Final = f"""

client = RelayClient()
# The lines above this one are those of the example.


async def dial(stage: object) -> None:
    await remind(client, Appointment("{TO}", "Anna", "Monday at nine"))
"""


def tells_of_recordings_alone(story: Story) -> None:
    """A promise of our own: the owner is not told of a recording in which nobody speaks."""
    outcomes = [one.details["outcome"] for one in story.all(What.FINISHED)]
    spoken = len(outcomes) - outcomes.count("no_input")
    assert len(story.all(What.SENT_TEXT)) <= spoken, "the owner was told of silence"


OF_A_VOICEMAIL: Final = (*PROMISES, tells_of_recordings_alone)


@dataclass(frozen=True)
class Subject:
    """A program to explore: an example, as it is or with a bug."""

    example: str
    dials: tuple[str, ...] = ()
    scene: str = ""
    """What dials, behind the source of an async example."""
    may_raise: tuple[type[BaseException], ...] = LINK_TROUBLE
    promises: tuple[Promise, ...] = PROMISES

    @property
    def threads(self) -> bool:
        return self.example.endswith("_sync")

    @property
    def source(self) -> str:
        source = (EXAMPLES / f"{self.example}.py").read_text(encoding="utf-8")
        scene = self.scene
        if self.threads:
            scene = scene.replace("async def", "def").replace("await ", "")
        return source + scene


@dataclass(frozen=True)
class Bug:
    """A change to an example, which makes it wrong in some situations."""

    name: str
    subject: Subject
    old: str
    new: str
    told: str
    """What `explore` has to say of it."""
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def source(self) -> str:
        source = self.subject.source
        assert source.count(self.old) == 1, self.name
        return source.replace(self.old, self.new)

    @property
    def module(self) -> str:
        """The name of a module with the bug."""
        return f"{self.subject.example}_{self.name.replace(' ', '_').replace(chr(39), '')}"


IVR, IVR_SYNC = Subject("ivr"), Subject("ivr_sync")
VOICEMAIL = Subject("voicemail", dials=(OWNER,), promises=OF_A_VOICEMAIL)
VOICEMAIL_SYNC = Subject("voicemail_sync", dials=(OWNER,), promises=OF_A_VOICEMAIL)
DIALER = Subject("answering_machine", dials=(TO,), scene=DIALS)
DIALER_SYNC = Subject("answering_machine_sync", dials=(TO,), scene=DIALS)
REMINDERS = Subject("appointment_reminders", dials=(TO,), scene=REMINDS)
REMINDERS_SYNC = Subject("appointment_reminders_sync", dials=(TO,), scene=REMINDS)

BUGS: Final = (
    Bug(
        "a key that is not on the menu",
        IVR,
        "DEPARTMENTS.get(choice.digits) if isinstance(choice, CollectEvent)",
        "DEPARTMENTS[choice.digits or '1'] if isinstance(choice, CollectEvent)",
        "KeyError",
    ),
    Bug(
        "nobody hangs up after sales",
        IVR,
        "    await call.hangup()\n",
        "    if department != 'sales':\n        await call.hangup()\n",
        "NoSilence",
    ),
    Bug(
        "support is asked for twice",
        IVR_SYNC,
        "    department = ",
        "    if isinstance(choice, CollectEvent) and choice.digits == '2':\n"
        "        menu = call.play_and_collect(\n"
        '            [{"type": "tts", "params": {"text": MENU}}], {"digits": {"max": 1}}\n'
        "        )\n"
        "        choice = menu.wait()\n"
        "    department = ",
        "AskedOnce",
    ),
    Bug(
        "the owner is told of silence as well",
        VOICEMAIL,
        'case Done(event) if event.state == "finished":',
        "case Done(event):",
        "tells_of_recordings_alone",
    ),
    Bug(
        "a message of less than two seconds",
        VOICEMAIL_SYNC,
        'f"{event.duration:.0f} s: {event.url}"',
        'f"{event.duration / (event.duration // 2):.0f} s: {event.url}"',
        "ZeroDivisionError",
    ),
    Bug(
        "the owner's telephone takes no texts",
        VOICEMAIL,
        "    except (RelayError, TimeoutError) as error:",
        "    except TimeoutError as error:",
        "MessageFailedError",
        (("may_raise", ()), ("troubles", ())),
    ),
    Bug(
        "the connection breaks while it dials",
        DIALER,
        "    except RelayError as error:  # such as a connection that was lost\n"
        '        return f"failed: {error}"\n',
        "",
        "ConnectionLostError",
    ),
    Bug(
        "a machine that takes no message",
        DIALER_SYNC,
        "    return f\"{left.who}: {'heard",
        "    assert left.played or left.who != 'machine'\n    return f\"{left.who}: {'heard",
        "AssertionError",
    ),
    Bug(
        "who cancels is asked again",
        REMINDERS,
        "case Done(event) if event.digits in ANSWERS:",
        "case Done(event) if event.digits == '1':",
        "AskedOnce",
    ),
)

UNCHANGED: Final = (
    *(IVR, IVR_SYNC, VOICEMAIL, VOICEMAIL_SYNC, DIALER, DIALER_SYNC, REMINDERS, REMINDERS_SYNC),
    *(
        Subject(f"{name}{end}", dials=dials)
        for name, dials in (
            ("ivr_speech", ("+15550003001", "+15550003002")),
            ("recording_consent", ("+15550003000",)),
            ("transfer", ("+15550003000",)),
            ("payment", ()),
            ("live_transcription", ()),
            ("call_queue", ()),
            ("conference", ()),
            ("sms_bot", ()),
            ("fax", ()),
        )
        for end in ("", "_sync")
    ),
    Subject("answer"),
)
"""What is explored as it is."""


@contextmanager
def module_of(name: str, source: str) -> Generator[ModuleType]:
    """Have a module for a while."""
    module = ModuleType(name)
    module.__file__ = f"{name}.py"
    sys.modules[name] = module
    try:
        exec(compile(source, f"{name}.py", "exec"), vars(module))
        yield module
    finally:
        del sys.modules[name]


def explore(subject: Subject, module: ModuleType, **options: Any) -> Exploration:
    """Explore a program."""
    scenes: Sequence[Any] = [vars(module)["dial"]] if subject.scene else []
    testing = relay_sync.testing if subject.threads else relay_anyio.testing
    given: dict[str, Any] = {"dials": subject.dials, "may_raise": subject.may_raise}
    given |= {"promises": subject.promises, **options}
    found: Exploration = testing.explore(vars(module)["client"], *scenes, **given)
    return found


def pasted(test: str) -> None:
    """Run a test that `explore` has written."""
    names: dict[str, Any] = {}
    exec(compile(test, "test_pasted.py", "exec"), names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names["test_what_explore_has_found"]()
    except BaseExceptionGroup as group:
        [error] = group.exceptions
        raise error from None


def look_for(bug: Bug, module: ModuleType) -> CounterexampleError:
    """Find a bug, and see that the test of it fails for the same reason whenever it runs."""
    with pytest.raises(CounterexampleError) as caught:
        explore(bug.subject, module, **{"runs": 1000, **dict(bug.options)})
    error = caught.value
    assert bug.told in error.what
    assert error.__cause__ is not None
    for _ in range(2):
        with pytest.raises(type(error.__cause__)):
            pasted(error.test)
    return error
