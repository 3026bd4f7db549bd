"""Public names as Markdown: functions, classes, constants, and what a type stands for."""

from __future__ import annotations

import ast
import enum
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, get_args, get_origin, is_typeddict

from . import docstrings, source
from .docstrings import Docstring
from .names import Links, Name, documented_bases, inherited, is_verb_of, members, properties

PLAIN: Final = (str, int, float, frozenset, tuple, dict)


def heading(level: int, name: str) -> str:
    """A heading that is a name."""
    return f"{'#' * level} `{name}`"


def signature_block(lines: str) -> str:
    """A signature. `py`, because a block of `python` is a whole program."""
    return f"```py\n{lines}\n```"


def parameters(doc: Docstring, types: Mapping[str, str], link: Links) -> str:
    """The parameters of a function, with their types, as a list."""
    items: list[str] = []
    for name, text in doc.arguments.items():
        bare = name.strip("*")
        items.append(_entry(name, [_linked_type(types.get(bare, ""), link)], text))
    return "\n".join(["**Parameters**", "", *items]) if items else ""


def _linked_type(type_: str, link: Links) -> str:
    if not type_:
        return ""
    for word in sorted(set(re.findall(r"\w+", type_)), key=len, reverse=True):
        if word[0].isupper() and (target := link(word)):
            return f"[`{type_}`]({target})"
    return f"`{type_}`"


def raises(doc: Docstring, link: Links) -> str:
    """What a function raises, as a list."""
    items = [
        f"- {', '.join(docstrings.inline(f'`{each.strip()}`', link) for each in name.split(','))}"
        f": {text}"
        for name, text in doc.raises.items()
    ]
    return "\n".join(["**Raises**", "", *items]) if items else ""


def function(
    shown: str, value: Any, link: Links, *, level: int = 2, awaited: bool | None = None
) -> str:
    """A function or a method: its signature and its docstring."""
    hidden = frozenset(source.types(value))
    link = link.within(shown.rpartition(".")[0], hidden)
    doc = docstrings.read(source.docstring(value), link)
    if awaited is None:
        awaited = isinstance(source.definition(value), ast.AsyncFunctionDef)
    of_a_class = isinstance(value, classmethod | staticmethod)
    name = f"{'await ' if awaited else ''}{shown if of_a_class else _spoken(shown)}"
    parts = [
        heading(level, shown),
        signature_block(source.signature(name, value)),
        doc.text,
        parameters(doc, source.types(value), link),
        f"**Returns** {doc.returns}" if doc.returns else "",
        raises(doc, link),
    ]
    return joined(parts)


def _spoken(shown: str) -> str:
    """A method as a program writes it: ``call.play``."""
    owner, _, name = shown.rpartition(".")
    if not owner:
        return name
    word = owner.removeprefix("Relay")
    word = "action" if word.endswith("Action") else word[0].lower() + word[1:]
    return f"{word}.{name}"


def joined(parts: Iterable[str]) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def item(name: Name, link: Links, *, level: int = 2) -> str:
    """Anything that has a name."""
    value: Any = name.value
    if inspect.isfunction(value):
        return function(name.name, value, link, level=level)
    if is_typeddict(value):
        return shape(value, link, level=level)
    if inspect.isclass(value) and get_origin(value) is None:
        if issubclass(value, enum.Enum):
            return enumeration(value, link, level=level)
        return a_class(name.name, value, link, level=level)
    return stands_for(name, link, level=level)


def a_class(shown: str, value: type, link: Links, *, level: int = 2) -> str:
    """A class: how it is made, its fields, properties and methods."""
    link = link.within(shown, own_words(value))
    doc = docstrings.read(own_docstring(value), link)
    init = inspect.getattr_static(value, "__init__")
    signature, types = "", dict[str, str]()
    if _has_an_init(value):
        signature = signature_block(source.signature(shown, init, returns="None"))
        types = source.types(init)
    bases = [each.__name__ for each in documented_bases(value)[-2:-1]]
    parts = [
        heading(level, shown),
        signature,
        doc.text,
        *(f"It is also a {anchor_link(base, link)}, with all that this has." for base in bases),
        parameters(doc, types, link),
        raises(doc, link),
        *([] if signature else [field_list(value, link)]),
        property_list(value, link),
        *(
            function(f"{shown}.{each}", inspect.getattr_static(value, each), link, level=level + 1)
            for each in members(value)
            if not is_verb_of(each, shown) and each not in inherited(value)
        ),
    ]
    return joined(parts)


def _has_an_init(value: type) -> bool:
    """Whether somebody wrote how it is made, so that its fields are no arguments."""
    init = inspect.getattr_static(value, "__init__")
    return inspect.isfunction(inspect.unwrap(init)) and _is_ours(init)


def _is_ours(function: Any) -> bool:
    found: Any = inspect.unwrap(function)
    return bool(found.__module__.startswith("relay") and found.__code__.co_filename != "<string>")


def own_words(value: type) -> frozenset[str]:
    """The fields and properties of a class: in its docstrings they mean nothing else."""
    return frozenset(
        [*(name for name, _ in properties(value)), *(each.name for each in source.fields(value))]
    )


def own_docstring(value: type) -> str:
    """The docstring of a class, if it has one of its own."""
    text = vars(value).get("__doc__") or ""
    made_by_dataclass = text.startswith(f"{value.__name__}(")
    return "" if made_by_dataclass else inspect.cleandoc(text)


def field_list(value: type, link: Links) -> str:
    """The fields of a class, as a list."""
    known = inherited(value)
    items = [_field(each, link) for each in source.fields(value) if each.name not in known]
    return "\n".join(["**Fields**", "", *items]) if items else ""


def _field(field: source.Field, link: Links) -> str:
    facts = [_linked_type(field.type, link)] if field.type else []
    facts += [f"default `{field.default}`"] if field.default and field.default != "…" else []
    return _entry(field.name, facts, docstrings.read(field.doc, link).text)


def _entry(name: str, facts: Iterable[str], told: str) -> str:
    """An entry of a list: a name, facts in parentheses, and what is said of it."""
    known = ", ".join(fact for fact in facts if fact)
    text = f"- `{name}`" + (f" ({known})" if known else "")
    return f"{text}: {' '.join(told.split())}" if told else text


def property_list(value: type, link: Links) -> str:
    """The properties of a class, as a list."""
    link = link.within(value.__name__, own_words(value))
    items: list[str] = []
    if _has_an_init(value):
        known = inherited(value)
        told = [each for each in source.fields(value) if each.doc and each.name not in known]
        items += [_field(each, link) for each in told]
    for name, each in properties(value):
        if name in inherited(value):
            continue
        node = source.definition(each)
        type_ = source.short(ast.unparse(node.returns)) if node.returns else ""
        doc = docstrings.read(source.docstring(each), link)
        items.append(_entry(name, [_linked_type(type_, link)], doc.text))
    return "\n".join(["**Attributes**", "", *items]) if items else ""


def shape(value: type, link: Links, *, level: int = 2) -> str:
    """A dict with certain keys."""
    doc = docstrings.read(own_docstring(value), link.within(value.__name__))
    items: list[str] = []
    for field in source.fields(value):
        type_ = field.type
        optional = field.name in vars(value)["__optional_keys__"]
        for wrapper in ("NotRequired", "Required"):
            type_ = (
                type_.removeprefix(f"{wrapper}[").removesuffix("]") if wrapper in type_ else type_
            )
        facts = (_linked_type(_balanced(type_), link), "optional" if optional else "needed")
        items.append(_entry(field.name, facts, docstrings.read(field.doc, link).text))
    listed = "\n".join(["**Keys**", "", *items]) if items else ""
    return joined([heading(level, value.__name__), doc.text, listed])


def _balanced(text: str) -> str:
    return text + "]" * (text.count("[") - text.count("]"))


def enumeration(value: type[enum.Enum], link: Links, *, level: int = 2) -> str:
    """An enum and its members."""
    doc = docstrings.read(own_docstring(value), link)
    told = {field.name: field.doc for field in source.fields(value)}
    items = [
        f"- `{each.name}` = `{each.value!r}`"
        + (f": {docstrings.read(text, link).text}" if (text := told.get(each.name)) else "")
        for each in value
    ]
    return joined([heading(level, value.__name__), doc.text, "\n".join(items)])


def stands_for(name: Name, link: Links, *, level: int = 2) -> str:
    """A name for a type or a value."""
    text, told = source.alias(name.home, name.name)
    value = name.value
    doc = docstrings.read(told, link)
    if values := list(_texts(value)):
        text = f"One of {', '.join(f'`{each!r}`' for each in values)}"
        enums = [each.__name__ for each in get_args(value) if inspect.isclass(each)]
        text += "".join(f", or a member of {anchor_link(each, link)}" for each in enums)
        return joined([heading(level, name.name), doc.text, f"{text}."])
    parts = text.split(" | ")
    if len(parts) > 1 and all(link(part.partition("[")[0]) for part in parts):
        listed = ", ".join(f"[`{part}`]({link(part.partition('[')[0])})" for part in parts)
        return joined([heading(level, name.name), doc.text, f"One of {listed}."])
    if type(value) in PLAIN and len(repr(value)) < 60:
        text = repr(value)
    return joined([heading(level, name.name), doc.text, signature_block(_wrapped(text))])


def _texts(value: object) -> Iterator[str]:
    """The texts of a literal, and of literals in a union."""
    for each in get_args(value):
        if isinstance(each, str):
            yield each
        elif get_origin(each) is Literal:
            yield from _texts(each)


def _wrapped(text: str) -> str:
    if len(text) <= source.WIDTH or " | " not in text:
        return text if len(text) < 600 else text[:600] + " …"
    return text.replace(" | ", "\n| ")


def anchor_link(name: str, link: Links) -> str:
    """A name in code, as a link if it has a place."""
    return docstrings.inline(f"`{name}`", link)


def table_of(rows: Iterable[tuple[str, ...]], *head: str) -> str:
    """A table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    texts = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    lines += [f"| {text} |" for text in texts]
    return "\n".join(lines)
