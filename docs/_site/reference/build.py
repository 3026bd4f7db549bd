"""The pages of the reference, from the code. `pages` returns them all as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

import relay_anyio
from relay_proto import errors
from relay_proto.api import shapes

from . import docstrings, source, verb_pages
from .names import (
    Links,
    Name,
    for_applications,
    members,
    modules,
    on_page,
    order,
    own_names,
    slug,
    themes,
    verbs,
)
from .render import function, heading, item, joined, own_words, property_list, shape, table_of

INTRODUCTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "client": (
        "Client",
        (
            "`RelayClient` is the connection to the service. The signatures here are those of "
            "`relay_anyio`. `relay_sync` has the same names: leave out `await`."
        ),
    ),
    "call": (
        "Call",
        (
            "A `Call` is what a handler gets, and what `dial` returns. This page has its "
            "attributes and "
            "the methods that wait and listen. What asks the server to do something is a "
            "[verb](verbs.md): each has a page of its own."
        ),
    ),
    "actions": (
        "Actions",
        (
            "An action is something that goes on for a while on a call: a prompt, a recording, a "
            "detector. The verb that starts it returns its handle."
        ),
    ),
    "events": (
        "Events",
        (
            "What the server tells. Each type of event has a class, and each field its default "
            "until "
            "the server sends it. `params` has the whole body."
        ),
    ),
    "texts": ("Texts", "SMS and MMS, sent and received."),
    "builders": (
        "Builders",
        "Functions that make the [dicts](dicts.md) that verbs take. They check their arguments.",
    ),
    "dicts": (
        "Dicts",
        (
            "The dicts that verbs take, key by key. An item may be nested, as on the wire, or "
            "flat: "
            '`{"type": "tts", "params": {"text": "Hello"}}` and `{"type": "tts", "text": '
            '"Hello"}` mean '
            "the same. The [builders](builders.md) make the nested ones."
        ),
    ),
    "errors": ("Errors", ""),
    "states": (
        "States and constants",
        "The values that states, reasons and verdicts have. At run time they are plain texts.",
    ),
    "testing": (
        "Testing",
        (
            "The names of `relay_anyio.testing`: rehearsals, in which your handlers meet simulated "
            "callers in virtual time. The page [Testing](../testing.md) shows how to use them."
        ),
    ),
    "core": (
        "Core",
        (
            "The names of `relay_proto`: the protocol without I/O, for authors of adapters. "
            "[Architecture](../architecture.md) has its contract, and "
            "[Write an adapter](../adapters.md) shows how to use it."
        ),
    ),
    "exchange": (
        "Exchange",
        (
            "The names of `relay_proto.exchange` beside those of [testing](testing.md): a "
            "telephone "
            "network made of state and time, for authors of simulators."
        ),
    ),
    "worlds": (
        "Worlds",
        (
            "The names of `relay_proto.testing`: clients, an exchange, and links that fail, for "
            "tests "
            "of the protocol. [Proof](../proof.md) says what they are for."
        ),
    ),
}


def page_names() -> list[str]:
    """The names of all pages, without their making."""
    pages = [*INTRODUCTIONS, "verbs", "modules", "index", *(f"verbs/{verb}" for verb in verbs())]
    return [f"reference/{page}" for page in pages]


def pages() -> dict[str, str]:
    """Every page of the reference, by its name in the site."""
    return {name: page(name.removeprefix("reference/")) + "\n" for name in page_names()}


def page(page: str) -> str:
    """One page, by its name in the reference."""
    folder, _, verb = page.rpartition("/")
    if folder == "verbs":
        return verb_pages.page(verb)
    special = {"verbs": verb_pages.overview, "modules": _modules, "index": _index}
    if page in special:
        return special[page]()
    title, introduction = INTRODUCTIONS[page]
    link = Links(page)
    make = {
        "client": _client,
        "call": _call,
        "actions": _actions,
        "events": _events,
        "dicts": _dicts,
        "errors": _errors,
        "states": _states,
    }.get(page, _plain)
    return joined([f"# {title}", introduction, *make(page, link)])


def _plain(page: str, link: Links) -> Iterator[str]:
    for name in on_page(page):
        yield _item_or_module(name, link)


def _item_or_module(name: Name, link: Links) -> str:
    value = name.value
    if isinstance(value, ModuleType):
        doc = docstrings.read(source.docstring(value), link)
        return joined([heading(2, name.name), doc.text])
    return item(name, link)


def _in_order(page: str, first: tuple[str, ...]) -> list[Name]:
    """The names of a page, these first."""
    names = on_page(page)
    ranks = {name: rank for rank, name in enumerate(first)}
    return sorted(names, key=lambda each: (ranks.get(each.name, len(ranks)), order(each.name)))


def _client(page: str, link: Links) -> Iterator[str]:
    for name in _in_order(page, ("RelayClient", "InboundCalls", "Timing", "Limits")):
        if name.name == "__version__":
            yield joined([heading(2, name.name), "The version of this library, as text."])
            continue
        yield item(name, link)
        if name.name == "RelayClient":
            yield _verbs_of("RelayClient", ("Dial, text, subscribe",))


def _call(page: str, link: Links) -> Iterator[str]:
    yield item(on_page(page)[0], link)
    yield _verbs_of("Call", tuple(themes()))


def _verbs_of(owner: str, listed: tuple[str, ...]) -> str:
    rows = [
        (
            theme,
            " ".join(f"[`{verb}`](verbs/{verb}.md)" for verb in found if verbs()[verb] == owner),
        )
        for theme, found in themes().items()
        if theme in listed and any(verbs()[verb] == owner for verb in found)
    ]
    return joined([f"## The verbs of `{owner}`", table_of(rows, "for", "verbs")])


def _actions(page: str, link: Links) -> Iterator[str]:
    for name in _in_order(page, ("Action", "Outcome", "Done", "Failed", "CallOver", "SessionLost")):
        if name.name == "Action" or not name.name.endswith("Action"):
            yield item(name, link)
        else:
            yield _action(name, link)


def _action(name: Name, link: Links) -> str:
    value = name.value
    common = set(dir(relay_anyio.Action))
    started = [verb for verb in verbs() if _result_of(verb) == name.name]
    controls = [each for each in members(value) if each not in common and each in verbs()]
    own = [each for each in members(value) if each not in common and each not in verbs()]
    doc = docstrings.read(source.docstring(value), link.within(name.name, own_words(value)))
    lines = [
        (
            f"Started by {_verb_links(started)}. While it runs: {_verb_links(controls)}. What "
            f"all actions"
            " have is described at [`Action`](#action)."
        )
    ]
    return joined(
        [
            heading(2, name.name),
            doc.text,
            *lines,
            property_list(value, link),
            *(
                function(f"{name.name}.{each}", inspect.getattr_static(value, each), link, level=3)
                for each in own
            ),
        ]
    )


def _result_of(verb: str) -> str:
    value = inspect.getattr_static(getattr(relay_anyio, verbs()[verb]), verb)
    result = inspect.signature(value).return_annotation
    return result if isinstance(result, str) else str(getattr(result, "__name__", result))


def _verb_links(names: list[str]) -> str:
    return ", ".join(f"[`{verb}`](verbs/{verb}.md)" for verb in names)


def _events(page: str, link: Links) -> Iterator[str]:
    constants = {value: name.name for name in on_page(page) if isinstance(value := name.value, str)}
    types: dict[str, str] = {
        getattr(name.value, "wire_type", ""): name.name
        for name in on_page(page)
        if inspect.isclass(name.value)
    }
    rows = [
        (f"`{type_}`", f"`{constant}`", f"[`{types[type_]}`](#{slug(types[type_])})")
        for type_, constant in sorted(constants.items())
    ]
    yield joined(["## Types", table_of(rows, "type", "constant", "class")])
    for name in _in_order(page, ("RelayEvent", "UnknownEvent", "parse_event")):
        if isinstance(name.value, str):
            continue
        text = item(name, link)
        if causes := _verbs_with(getattr(name.value, "wire_type", "")):
            text += f"\n\nComes after {_verb_links(causes)}."
        yield text


def _verbs_with(type_: str) -> list[str]:
    found: list[str] = []
    for described in verb_pages.METHODS.values():
        if type_ in described.get("events", ()):
            found += [api.partition(".")[2] for api in described.get("api", ())]
    return [verb for verb in dict.fromkeys(found) if verb in verbs()]


def _dicts(page: str, link: Links) -> Iterator[str]:
    exported = {name.name: name for name in on_page(page)}
    yield "## For verbs"
    for name in exported.values():
        yield item(name, link, level=3)
    yield "## The parts of these"
    for part in own_names(shapes):
        if part not in exported:
            yield shape(vars(shapes)[part], link, level=3)


def _errors(page: str, link: Links) -> Iterator[str]:
    yield docstrings.read(source.docstring(errors), link).text
    yield from _plain(page, link)


def _states(page: str, link: Links) -> Iterator[str]:
    names = on_page(page)
    constants = [name for name in names if isinstance(name.value, str) and name.name.isupper()]
    yield from (item(name, link) for name in names if name not in constants)
    rows = [(f"`{name.name}`", f"`{name.value!r}`") for name in constants]
    yield joined(
        ["## Constants", "The names of the vendor's API.", table_of(rows, "name", "value")]
    )


def _modules() -> str:
    link = Links("modules")
    parts = [
        "# Modules",
        (
            "Every public module, for whom it is, and what it defines. Modules that are not "
            "listed are "
            "private, and may change with any version."
        ),
    ]
    for module in modules():
        text = inspect.cleandoc(module.__doc__ or "")
        audience = text.partition("\nPublic: ")[2].partition("\n\n")[0].replace("\n", " ")
        parts += [
            heading(2, module.__name__),
            docstrings.read(text, link).text,
            f"Public {docstrings.inline(audience, link)}",
            "\n".join(_one_line(module, name, link) for name in own_names(module)),
        ]
    return joined(parts)


def _one_line(module: ModuleType, name: str, link: Links) -> str:
    value: Any = vars(module)[name]
    first = docstrings.read(inspect.getdoc(value) or "", link).first_line
    return f"- {docstrings.inline(f'`{name}`', link)}" + (f": {first}" if first else "")


def _index() -> str:
    rows = [
        (f"[{title}]({page}.md)", introduction.partition(". ")[0].removesuffix(".") + ".")
        for page, (title, introduction) in INTRODUCTIONS.items()
        if introduction
    ]
    rows.insert(2, ("[Verbs](verbs.md)", "What you can ask the server to do, a page for each."))
    rows.append(("[Modules](modules.md)", "Every public module, and for whom it is."))
    listed = [
        f"[`{name.name}`]({name.place})"
        for name in sorted(for_applications().values(), key=lambda each: order(each.name))
        if not name.name.isupper()
    ]
    return joined(
        [
            "# Reference",
            (
                "All of it is made from the code: signatures, types and descriptions are those "
                "that "
                "`help()` shows, and the frames on the pages of verbs were sent when the page "
                "was made."
            ),
            table_of(rows, "page", "what it has"),
            "## Names from A to Z",
            "Import them from `relay_anyio`, or from `relay_sync`.",
            " · ".join(listed),
        ]
    )


__all__ = ["page", "page_names", "pages"]
