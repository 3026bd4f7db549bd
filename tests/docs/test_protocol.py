"""docs/protocol.md, sections 1 to 24: held to the code, and every reference to them to the page.

The page names everything that ``relay.json`` knows: events and their fields, methods and
their parameters, states. Its frames are frames, and its numbers are the client's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

import relay_proto.errors
from relay_proto import config
from relay_proto.config import Limits, Timing
from relay_proto.errors import RelayError
from relay_proto.rpc.events import parse_event
from relay_proto.rpc.masking import Scrubber
from relay_proto.transitions import SessionState
from tests.spec import ACTIONS, CONSTANTS, EVENTS, METHODS, SESSION_METHODS
from tests.spec.event_bodies import violations

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = "docs/protocol.md"
TEXT: Final = (ROOT / PAGE).read_text(encoding="utf-8")

SOURCES: Final = ("relay_proto", "relay_anyio", "relay_sync", "tests", "benchmarks", "examples")

HEADING: Final = re.compile(r"^##+ (\d+(?:\.\d+)?)\.? (.+)$", re.MULTILINE)
NUMBER: Final = r"\d+(?:\.\d+)?"
ROWS: Final = r"rows? \d+(?:(?:, | and )\d+)*"
PART: Final = rf"{NUMBER}(?: to {NUMBER})?(?: \((?:{ROWS}|``[^`]+``)\))?"
REFERENCE: Final = re.compile(rf"sections? ({PART}(?:(?:, | and |, and ){PART})*)")
JSON_BLOCK: Final = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`([^`\n]+)`")
BOLD_CODE: Final = re.compile(r"\*\*`([^`]+)`\*\*")


def sections() -> dict[str, str]:
    """The text below each heading that has a number, up to the next one."""
    headings = list(HEADING.finditer(TEXT))
    ends = [heading.start() for heading in headings[1:]] + [len(TEXT)]
    return {
        heading[1]: TEXT[heading.end() : end] for heading, end in zip(headings, ends, strict=True)
    }


SECTIONS: Final[Mapping[str, str]] = sections()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" |")]


def tables(section: str) -> list[list[list[str]]]:
    """The tables of a section, each as its rows of cells: the head first."""
    found: list[list[list[str]]] = []
    before = ""
    for line in SECTIONS[section].splitlines():
        if line.startswith("|---"):
            found.append([cells(before)])
        elif line.startswith("|") and found and before.startswith("|"):
            found[-1].append(cells(line))
        before = line
    return found


def table(section: str, head: str) -> dict[str, list[str]]:
    """The table with a head, by what stands as code in the first cell of each row."""
    (rows,) = [rows for rows in tables(section) if rows[0][0].strip("`") == head]
    return {name: row for row in rows[1:] for name in CODE.findall(row[0]) or [row[0]]}


# The page itself


def test_the_sections_are_numbered_in_order() -> None:
    numbers = [heading[1] for heading in HEADING.finditer(TEXT)]
    assert [number for number in numbers if "." not in number] == [str(n) for n in range(1, 25)]
    assert len(set(numbers)) == len(numbers)
    parts = [tuple(int(part) for part in number.split(".")) for number in numbers]
    assert parts == sorted(parts)


def blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, tables and examples."""
    for block in re.split(r"\n{2,}(?![ {])", text):
        if block.strip():
            yield from re.split(r"\n(?=- )", block.strip("\n"))


def untagged(text: str) -> list[str]:
    """List items without a tag, and tables and examples behind a sentence without one."""
    found: list[str] = []
    tagged = False
    for block in blocks(text):
        own = block.removeprefix("- ").startswith(("**wire** ", "**ours** "))
        if block.startswith(("|", "```")):
            fine = tagged
        else:
            fine = own or not block.startswith("- ")
            tagged = own and not block.startswith("- ")
        if not fine:
            found.append(block)
    return found


@pytest.mark.parametrize("section", [name for name in SECTIONS if float(name) < 23])
def test_every_fact_has_a_tag(section: str) -> None:
    assert not untagged(SECTIONS[section])


@pytest.mark.parametrize(
    "text",
    [
        "- A client opens a socket.",
        "- **wire** A client opens a socket.\n- It closes it.",
        "What it does.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "**wire** A table.\n\nOf frames.\n\n```json\n{}\n```",
        "**wire** A frame.\n\n- **wire** It is one.\n\n```json\n{}\n```",
    ],
)
def test_a_fact_without_a_tag_is_found(text: str) -> None:
    assert untagged(text)


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert all((ROOT / "docs" / link).exists() for link in links)


def test_the_places_that_it_names_exist() -> None:
    places = [name for row in tables("23")[0][1:] for name in CODE.findall(row[1])]
    assert places
    assert all((ROOT / place).exists() for place in places), places


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_others_lead_to_it(name: str) -> None:
    link = "docs/protocol.md" if name == "README.md" else "protocol.md"
    assert f"]({link})" in (ROOT / name).read_text(encoding="utf-8")


# References to it


def named(reference: str) -> Iterator[str]:
    """The sections that a reference such as ``4, 8 to 10 and 22 (rows 7 and 9)`` names."""
    for part in re.finditer(rf"({NUMBER})(?: to ({NUMBER}))?(?: \(([^)]+)\))?", reference):
        first, last, note = part.groups()
        yield first
        if last is not None:
            yield from (str(number) for number in range(int(first) + 1, int(last) + 1))
        if note is not None and note.startswith("row"):
            yield from (f"row {row}" for row in re.findall(r"\d+", note))


KNOWN: Final = {*SECTIONS, *(f"row {row[0]}" for row in tables("22")[0][1:])}


def broken(text: str) -> list[str]:
    """References to the page that name no section of it, or one that is not there."""
    words = " ".join(text.split())
    found: list[str] = []
    for place in re.finditer(re.escape(PAGE), words):
        behind = words[place.end() :]
        reference = REFERENCE.match(behind.removeprefix(", ")) if behind[:2] == ", " else None
        if reference is None:
            found.append(behind[:40])
        else:
            found += [name for name in named(reference[1]) if name not in KNOWN]
    return found


def sources() -> Iterator[Path]:
    for folder in SOURCES:
        yield from (path for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))


def test_every_reference_to_it_names_a_section_that_is_there() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sources()}
    assert sum(text.count(PAGE) for text in texts.values()) > 50
    assert not {path: wrong for path, text in texts.items() if (wrong := broken(text))}


@pytest.mark.parametrize(
    "reference",
    [
        "docs/protocol.md, section 15.9.",
        "docs/protocol.md, sections 4 to 30.",
        "docs/protocol.md, sections 8 and 99.",
        "docs/protocol.md, sections 15 and 22 (rows 7 and 99).",
        "docs/protocol.md section 4",
        "docs/protocol.md.",
    ],
)
def test_a_reference_that_leads_nowhere_is_found(reference: str) -> None:
    assert broken(f"Source: {reference}")


@pytest.mark.parametrize(
    "reference",
    [
        "docs/protocol.md, section 15.1.",
        "docs/protocol.md,\nsections 4, 6 to 9, 13 and 14.",
        "docs/protocol.md, sections 18 (``calling.call.pay``) and 22 (rows 34 and 35).",
        "docs/protocol.md, section 18, ``calling.call.refer``.",
    ],
)
def test_a_reference_that_leads_somewhere_is_fine(reference: str) -> None:
    assert not broken(f"Source: {reference}")


def test_other_pages_refer_to_sections_that_are_there() -> None:
    link = re.compile(rf"\]\((?:docs/)?protocol\.md\), {REFERENCE.pattern}")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    texts = [" ".join(page.read_text(encoding="utf-8").split()) for page in pages]
    found = [name for text in texts for place in link.finditer(text) for name in named(place[1])]
    assert found
    assert set(found) <= KNOWN


@pytest.mark.parametrize("reference", re.findall(rf"\((?:section )?({NUMBER})\)", TEXT))
def test_its_references_to_itself_are_right(reference: str) -> None:
    assert reference in SECTIONS


OTHER: Final = re.compile(r"\bspec\s+sections?\b|\bmachine-readable\b|\bthe spec\b", re.IGNORECASE)


def test_nothing_refers_to_another_document() -> None:
    paths = list(sources())
    assert {path.relative_to(ROOT).parts[0] for path in paths} == set(SOURCES)
    assert not [path for path in paths if OTHER.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    "text", ["Source: spec section 5.", "spec\nsections 4 to 8", "of the spec."]
)
def test_a_reference_to_another_document_is_found(text: str) -> None:
    assert OTHER.search(text)


# Events


EVENT_ROWS: Final = table("18", "event")
IN_EVERY_BODY: Final = frozenset({"call_id", "node_id", "segment_id", "tag"})


def test_the_events_are_those_of_the_protocol() -> None:
    assert EVENT_ROWS.keys() == EVENTS.keys()


@pytest.mark.parametrize("event_type", EVENTS)
def test_an_event_is_told_with_its_class_and_its_fields(event_type: str) -> None:
    _, kind, body = EVENT_ROWS[event_type]
    event = parse_event({"event_type": event_type, "params": {}})
    assert kind == ("none" if event_type in OF_THE_SESSION else f"`{type(event).__name__}`")
    told = set(CODE.findall(body))
    for name, field in EVENTS[event_type]["fields"].items():
        assert name in told | IN_EVERY_BODY
        if name in ("state", "status") and event_type != "calling.conference":
            assert told >= set(field.get("enum", ())), name


OF_THE_SESSION: Final = frozenset({"signalwire.authorization.state"})


def test_the_statuses_of_a_conference_are_told() -> None:
    statuses = EVENTS["calling.conference"]["fields"]["status"]["enum"]
    assert set(CODE.findall(SECTIONS["18"])) >= set(statuses)


# States


def test_the_states_of_the_session_are_those_of_the_client() -> None:
    assert list(table("5", "state")) == [state.value for state in SessionState]


@pytest.mark.parametrize(
    ("section", "head", "states", "final"),
    [
        ("14.1", "call_state", "call_states", "call_terminal_states"),
        ("13", "dial_state", "dial_states", "dial_terminal_states"),
        ("14.5", "connect_state", "connect_states", "connect_terminal_states"),
        ("16", "message_state", "message_states", "message_terminal_states"),
    ],
)
def test_states_are_told_and_which_are_final(
    section: str, head: str, states: str, final: str
) -> None:
    rows = table(section, head)
    assert list(rows) == CONSTANTS[states]
    ends = [state for state, row in rows.items() if row[1].startswith("final: ")]
    assert ends == CONSTANTS[final]


def test_the_reasons_of_an_end_are_told() -> None:
    rows = table("14.1", "end_reason")
    assert list(rows) == CONSTANTS["end_reasons"]
    for alias, reason in CONSTANTS["end_reason_aliases"].items():
        assert f"`{alias}`" in rows[reason][1]


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("15.1", CONSTANTS["collect_result_types"]),
        ("15.1", CONSTANTS["collect_states"]),
        ("18", CONSTANTS["detect_types"]),
        ("18", CONSTANTS["detect_events"]["machine"]),
        ("18", CONSTANTS["detect_events"]["fax"]),
        ("18", CONSTANTS["room_states"]),
        ("15", CONSTANTS["pay_final_for"]),
        ("14.1", CONSTANTS["directions"]),
    ],
)
def test_further_words_of_the_wire_are_told(section: str, names: list[str]) -> None:
    assert set(CODE.findall(SECTIONS[section])) >= set(names)


def test_what_was_heard_ends_a_collection_or_not() -> None:
    ends = {name for name, row in table("15.1", "result.type").items() if row[2] == "yes"}
    assert ends == set(CONSTANTS["collect_final_result_types"])


def test_the_actions_are_told_with_their_controls() -> None:
    rows = table("15", "handle")
    assert rows.keys() == ACTIONS.keys()
    for name, action in ACTIONS.items():
        assert set(CODE.findall(rows[name][2])) == set(action["controls"])
        started = {method.removeprefix("calling.") for method in action["started_by"]}
        assert set(CODE.findall(rows[name][1])) == started


# Methods


METHOD_ROWS: Final = table("14.6", "method")


def test_the_methods_are_those_of_the_protocol() -> None:
    assert METHOD_ROWS.keys() == METHODS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_told_with_its_parameters(method: str) -> None:
    _, api, told = METHOD_ROWS[method]
    parameters: Mapping[str, Mapping[str, Any]] = METHODS[method].get("params", {})
    own = {name: one for name, one in parameters.items() if name not in ("node_id", "call_id")}
    unused = {name for name, one in own.items() if "never sends" in one.get("note", "")}
    assert set(CODE.findall(told)) >= own.keys() - unused
    assert set(CODE.findall(SECTIONS["14.6"])) >= unused
    assert set(BOLD_CODE.findall(told)) == {name for name, one in own.items() if one["required"]}
    owner, name = METHODS[method]["api"][0].split(".")
    assert f"`{owner}`" in api or f"{name}()`" in api or "both collect actions" in api


@pytest.mark.parametrize("method", SESSION_METHODS)
def test_the_methods_of_the_session_are_told(method: str) -> None:
    assert f"`{method}`" in TEXT


# Frames


def frames() -> list[dict[str, Any]]:
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    for block in JSON_BLOCK.findall(TEXT):
        rest = block.strip()
        while rest:
            frame, end = decoder.raw_decode(rest)
            found.append(frame)
            rest = rest[end:].strip()
    return found


FRAMES: Final = frames()


def event_problems(payload: Mapping[str, Any]) -> list[str]:
    return violations(payload["event_type"], payload["params"])


def frame_problems(frame: Mapping[str, Any]) -> list[str]:
    """All that is wrong with an example."""
    match frame:
        case {"event_type": _} | {"method": "signalwire.event", "params": {"event_type": _}}:
            return event_problems(frame.get("params", frame) if "method" in frame else frame)
        case {"jsonrpc": "2.0", "id": str(), "method": str(method), "params": params}:
            known = (METHODS.get(method) or SESSION_METHODS[method])["params"]
            required = {name for name, one in known.items() if one.get("required")}
            return [*(params.keys() - known.keys()), *(required - params.keys())]
        case {"jsonrpc": "2.0", "id": str(), "result": dict()}:
            return []
        case {"jsonrpc": "2.0", "id": str(), "error": {"code": int(), "message": str()}}:
            return []
        case {"type": str(), "params": dict()}:
            return []
        case _:
            return [f"{frame} is no frame"]


def test_its_frames_are_frames() -> None:
    assert len(FRAMES) > 40
    assert not [problem for frame in FRAMES for problem in frame_problems(frame)]


@pytest.mark.parametrize(
    "frame",
    [
        {"jsonrpc": "2.0", "id": "1", "method": "calling.play", "params": {"loud": True}},
        {"jsonrpc": "2.0", "id": "1"},
        {"event_type": "calling.call.play", "params": {"state": "gone"}},
    ],
)
def test_a_frame_that_is_none_is_found(frame: dict[str, Any]) -> None:
    assert frame_problems(frame)


# Numbers and names of the client


def ways_to_say(value: float) -> str:
    """A pattern for a number: in digits, as so many MiB, or as a word."""
    ways = [f"{value:g}", f"{value:,.0f}", f"{value / 2**20:g} MiB"]
    words = ["three", "third"] if value == 3 else []
    return rf"(?<![\d.,])(?:{'|'.join(re.escape(way) for way in [*ways, *words])})(?!\d)"


@pytest.mark.parametrize("values", [Timing(), Limits()])
def test_its_times_and_limits_are_those_of_the_client(values: Timing | Limits) -> None:
    kind = type(values).__name__
    known = {field.name: getattr(values, field.name) for field in fields(values)}
    said = re.findall(rf"([^\n]*(?:\n {{2}}[^\n]*)*`{kind}\.(\w+)`)", TEXT)
    assert said
    for before, name in said:
        if known[name] is None:
            continue  # there is no limit, so there is no number to say
        sentence = re.split(r"\. (?=[A-Z])", " ".join(before.split()))[-1]
        assert re.search(ways_to_say(float(known[name])), sentence, re.IGNORECASE), (name, sentence)


@pytest.mark.parametrize(
    ("value", "text"),
    [(10.0, "100 s"), (10.0, "1,010"), (3, "the first"), (10 * 2**20, "10 KiB")],
)
def test_another_number_is_no_way_to_say_it(value: float, text: str) -> None:
    assert not re.search(ways_to_say(value), text)


def test_the_times_of_pings_are_those_of_the_client() -> None:
    timing = Timing()
    rows = [row for row in tables("6")[0][1:] if row[2]]
    assert {row[2].strip("`"): row[1].split(" s")[0] for row in rows} == {
        name: f"{getattr(timing, name):g}"
        for name in ("ping_interval", "ping_watchdog", "ping_timeout", "ping_retry_delay")
    }


def test_its_variables_are_those_of_the_client() -> None:
    variables = {getattr(config, name) for name in dir(config) if name.startswith("ENV_")}
    rows = [row for row in tables("19")[0][1:] if row[1]]
    assert {row[1].strip("`") for row in rows} == variables


def test_its_errors_are_those_of_the_client() -> None:
    known = {
        name: kind
        for name, kind in vars(relay_proto.errors).items()
        if isinstance(kind, type) and issubclass(kind, RelayError) and not name.startswith("_")
    }
    rows = table("21", "class")
    assert rows.keys() == known.keys()
    for name, row in rows.items():
        bases = {base.__name__ for base in (ConnectionError, TimeoutError)}
        also = {base.__name__ for base in known[name].__mro__} & bases
        assert set(CODE.findall(row[1])) == also


@pytest.mark.parametrize(
    "key",
    [
        name
        for item in SECTIONS["20"].split("\n- ")
        if "These keys are masked" in item
        for name in CODE.findall(item)
    ],
)
def test_a_key_that_is_said_to_be_masked_is_masked(key: str) -> None:
    frame = json.dumps({key: "hidden"}).encode()
    assert "hidden" not in Scrubber(show_personal=True).frame(frame)
