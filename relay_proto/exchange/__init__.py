"""A simulated telephone network: see `Exchange`.

Public: for authors of simulators and of tests.
"""

from .config import ANY_CONTEXT, Account, ExchangeConfig, ExchangeLimits, ExchangeTiming
from .exchange import Exchange, ExchangeOutput
from .happened import Happened, What, Who
from .jwt import make_jwt
from .magic import MAGIC_LINES, MAGIC_NUMBERS, MAGIC_UNDELIVERABLE, Magic
from .pace import faster, faster_timing
from .scenario_tree import ScenarioError
from .scenarios import (
    Fault,
    FaultKind,
    PlacedCall,
    Scenario,
    Scheduled,
    SentText,
    read_scenario,
)
from .script import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    Fax,
    HangUp,
    Hear,
    Human,
    InTurn,
    Line,
    Machine,
    Nature,
    NoAnswer,
    OverTime,
    Press,
    Say,
    Served,
    Step,
    Unclear,
    Unreachable,
    Wait,
)
from .texts import TextMessage

__all__ = [
    "ANY_CONTEXT",
    "MAGIC_LINES",
    "MAGIC_NUMBERS",
    "MAGIC_UNDELIVERABLE",
    "Account",
    "Answers",
    "Behaviour",
    "Busy",
    "Caller",
    "Declines",
    "Exchange",
    "ExchangeConfig",
    "ExchangeLimits",
    "ExchangeOutput",
    "ExchangeTiming",
    "Fault",
    "FaultKind",
    "Fax",
    "HangUp",
    "Happened",
    "Hear",
    "Human",
    "InTurn",
    "Line",
    "Machine",
    "Magic",
    "Nature",
    "NoAnswer",
    "OverTime",
    "PlacedCall",
    "Press",
    "Say",
    "Scenario",
    "ScenarioError",
    "Scheduled",
    "SentText",
    "Served",
    "Step",
    "TextMessage",
    "Unclear",
    "Unreachable",
    "Wait",
    "What",
    "Who",
    "faster",
    "faster_timing",
    "make_jwt",
    "read_scenario",
]
