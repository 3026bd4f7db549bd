"""A page for each verb: how it is called, what it raises, and what goes over the wire."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import relay_anyio
from relay_proto.api.methods import RAISES

from ..contents import ROOT
from . import docstrings, examples, more_examples, source, wire
from .docstrings import Docstring
from .names import Links, example_of, for_applications, themes, verbs
from .render import joined, parameters, raises, signature_block, table_of

SPECIFICATION: Final[Mapping[str, Any]] = json.loads(
    (ROOT / "tests" / "spec" / "relay.json").read_text("utf-8")
)
METHODS: Final[Mapping[str, Any]] = SPECIFICATION["methods"] | SPECIFICATION["session"]["methods"]
EVENTS: Final[Mapping[str, Any]] = SPECIFICATION["events"]
AS_FOR: Final = re.compile(r"as for \[`(\w+)`\]\S*$")
DECLARED_IN: Final = (examples, more_examples)
"""Modules with the examples: to import them declares these."""
AS_FOR_ANY: Final = re.compile(r"as for \[`(?:RelayClient\.)?execute`\]")
OF_ALL_REQUESTS: Final = (
    "RequestTimeoutError, ConnectionLostError, RequestQueueFullError, ClientClosedError"
)


def page(verb: str) -> str:
    """The page of a verb."""
    owner = verbs()[verb]
    value = inspect.getattr_static(getattr(relay_anyio, owner), verb)
    types = source.types(value)
    link = Links(f"verbs/{verb}", owner, frozenset(types))
    doc = docstrings.read(source.docstring(value), link)
    example = example_of(verb)
    assert example is not None, f"{verb} needs an example in {DECLARED_IN}"
    spoken = {"Call": "call", "RelayClient": "client"}.get(owner, "action")
    returned = inspect.signature(value).return_annotation
    result = returned if isinstance(returned, str) else getattr(returned, "__name__", str(returned))
    wire_link = Links(f"verbs/{verb}")
    return joined(
        [
            f"# `{spoken}.{verb}`",
            doc.first_line,
            signature_block(
                source.signature(f"await {spoken}.{verb}", value, returns=_result(result))
            ),
            (
                f"A method of {_owners(verb, owner, wire_link)}. In `relay_sync`, it is the same "
                "without `await`."
            ),
            doc.text.partition("\n\n")[2],
            parameters(_spelled_out(doc, types, link), types, link),
            f"**Returns** {doc.returns}" if doc.returns else "",
            raises(_with_errors_of_all(verb, result, doc, wire_link), wire_link),
            _events(verb, example, wire_link),
            "## What goes over the wire",
            (
                "This program was run when this page was made, with the client of `relay_anyio` "
                "and the exchange of the simulator. The acknowledgements of events are left out."
            ),
            signature_block(example.code),
            wire.transcript(example, lambda event: _event_link(event, wire_link)),
            _specified(verb, example),
        ]
    )


def _spelled_out(doc: Docstring, types: dict[str, str], link: Links) -> Docstring:
    """The same, with what another verb says of an argument in the place of "as for" it."""
    for name, text in doc.arguments.items():
        if found := AS_FOR.match(text):
            other = inspect.getattr_static(getattr(relay_anyio, verbs()[found[1]]), found[1])
            told = docstrings.read(source.docstring(other), link).arguments
            doc.arguments[name] = told.get(name, text)
    if doc.arguments and source.is_unknown(types.get("kwargs", "")):
        doc.arguments["kwargs"] = "further parameters of the method, sent as they are."
        del types["kwargs"]
    return doc


def _result(text: str) -> str:
    return "dict[str, Any]" if text in {"dict", "JSONObject"} else source.short(text)


def _owners(verb: str, owner: str, link: Links) -> str:
    names = [owner]
    if owner.endswith("Action"):
        names = [
            name
            for name in for_applications()
            if name.endswith("Action") and hasattr(getattr(relay_anyio, name), verb)
        ]
    return ", ".join(docstrings.inline(f"`{name}`", link) for name in names)


def _with_errors_of_all(verb: str, result: str, doc: Docstring, link: Links) -> Docstring:
    """The same, with what any request may raise."""
    if verb == "execute":
        return doc
    said = docstrings.read(RAISES, link).raises
    doc.raises = {
        name: text
        for name, text in doc.raises.items()
        if said.get(name) != text and not AS_FOR_ANY.match(text)
    }
    gone = {
        "Call": " If the call is over, there is no error: the result is ``{}``.",
        "RelayClient": "",
    }.get(verbs()[verb], " If the action or the call is over, there is no error, but ``{}``.")
    if result.endswith("Action"):
        gone = gone.replace("the result is ``{}``", "the action has ended as well")
    refused = docstrings.inline(f"the server refuses it; `code` says why.{gone}", link)
    every = docstrings.inline("as with every request; see `RelayClient.execute`.", link)
    for names, text in (
        ("RelayError", refused),
        (OF_ALL_REQUESTS, every),
        ("ValueError, TypeError", "an argument is wrong. Nothing is sent."),
    ):
        doc.raises.setdefault(names, text)
    return doc


def _method_of(verb: str) -> str | None:
    owners = (verbs()[verb], "Action")
    for method, described in METHODS.items():
        if verb != "execute" and any(
            f"{owner}.{verb}" in described.get("api", ()) for owner in owners
        ):
            return method
    return None


def _events(verb: str, example: wire.Example, link: Links) -> str:
    if verbs()[verb].endswith("Action"):
        return "**Events that follow** those of the action."
    method = _method_of(verb)
    if method is None and verb != "execute":  # it is made of others: the first one counts
        method = wire.frames_of(example)[0].title
    events: list[str] = METHODS[method].get("events", []) if method else []
    if not events:
        return ""
    return f"**Events that follow** {', '.join(_event_link(event, link) for event in events)}"


def _event_link(event: str, link: Links) -> str:
    described = EVENTS.get(event, {})
    place = described.get("class")
    target = link(place) if place else None
    return f"[`{event}`]({target})" if target else f"`{event}`"


def _specified(verb: str, example: wire.Example) -> str:
    """The parameters of the method on the wire: of `stop`, those of one action."""
    of_an_action = verbs()[verb].endswith("Action")
    method = wire.frames_of(example)[0].title if of_an_action else _method_of(verb)
    if method is None:
        return ""
    rows: list[tuple[str, ...]] = []
    for name, each in METHODS[method]["params"].items():
        notes = [str(each["note"])] if each.get("note") else []
        if each.get("enum"):
            notes.insert(0, "one of " + ", ".join(f"`{value}`" for value in each["enum"]))
        for key, words in (("minimum", "at least"), ("maximum", "at most"), ("default", "default")):
            if each.get(key) is not None:
                notes.append(f"{words} `{json.dumps(each[key])}`")
        needed = "needed" if each.get("required") else ""
        rows.append((f"`{name}`", f"`{each.get('type', '')}`", needed, "; ".join(notes)))
    if not rows:
        return ""
    return joined([f"## The parameters of `{method}`", table_of(rows, "name", "type", "", "notes")])


def overview() -> str:
    """The page that lists all verbs."""
    link = Links("verbs")
    parts = [
        "# Verbs",
        (
            "A verb asks the server to do something: with a call, with an action that runs, or "
            "for the "
            "client. Each has a page with its arguments, what it raises, the events that "
            "follow, and "
            "what goes over the wire."
        ),
    ]
    for theme, names in themes().items():
        rows: list[tuple[str, ...]] = []
        for verb in names:
            owner = verbs()[verb]
            value = inspect.getattr_static(getattr(relay_anyio, owner), verb)
            hidden = frozenset(source.types(value))
            doc = docstrings.read(source.docstring(value), link.within(owner, hidden))
            spoken = {"Call": "call", "RelayClient": "client"}.get(owner, "action")
            rows.append((f"[`{spoken}.{verb}`](verbs/{verb}.md)", doc.first_line))
        parts += [f"## {theme}", table_of(rows, "verb", "what it does")]
    return joined(parts)
