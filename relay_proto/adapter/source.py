"""Source: values as Python, laid out as ruff would do it.

A text is never code: everything in it that could end a literal or a line is escaped,
and so is everything that cannot be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Final, TypeAlias, cast

WIDTH: Final = 88
"""The width of a line, as ruff has it by default."""
INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """Something in brackets, such as a call or a list. Each part has its own line if need be."""

    opening: str
    parts: tuple[Part, ...]
    closing: str
    always_broken: bool = False
    one_tuple: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a group: `name` is ``key=`` or ``"key": `` or nothing."""

    name: str
    value: Expression


Expression: TypeAlias = str | Group


def literal(text: str) -> str:
    """Return the literal of a string, with the quotes that need fewer escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(letter, quote) for letter in text) + quote


def number(value: float) -> str:
    """Return a number, without a needless fraction."""
    return repr(int(value)) if value == int(value) else repr(value)


def call(name: str, *positional: Expression, **named: Expression) -> Group:
    """Return a call of `name`."""
    parts = [Part("", one) for one in positional]
    parts += [Part(f"{key}=", one) for key, one in named.items()]
    return Group(f"{name}(", tuple(parts), ")")


def list_of_texts(texts: Sequence[str]) -> Group:
    """Return a list with one text in each line."""
    parts = tuple(Part("", literal(text)) for text in texts)
    return Group("[", parts, "]", always_broken=True)


def value_of(value: object) -> Expression:
    """Return what makes `value`: a dataclass, a container or a plain value.

    Raises:
        TypeError: it is something else.
    """
    match value:
        case str():
            return literal(value)
        case bool() | None:
            return repr(value)
        case int() | float():
            return number(value)
        case tuple():
            items = cast("tuple[object, ...]", value)
            parts = tuple(Part("", value_of(item)) for item in items)
            return Group("(", parts, ")", one_tuple=len(parts) == 1)
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            named = tuple(Part(f"{_flat(value_of(key))}: ", value_of(item)) for key, item in pairs)
            return Group("{", named, "}")
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _call_of(value)
        case _:
            raise TypeError(f"{value!r} cannot be written as Python here")


def names_in(expression: Expression) -> set[str]:
    """Return the names of everything that is called in it."""
    if isinstance(expression, str):
        return set()
    here = {expression.opening[:-1]} - {""}
    return here.union(*(names_in(part.value) for part in expression.parts))


def laid_out(before: str, expression: Expression, indent: int = 0) -> str:
    """Return `before` and the expression, as one statement with this many indents."""
    return INDENT * indent + _rendered(before, expression, "", indent)


def _call_of(value: Any) -> Group:
    """Return a call of the class of a dataclass. Whatever has its default is left out."""
    positional: list[Expression] = []
    named: dict[str, Expression] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        usual = field.default
        if usual is MISSING and not named:
            positional.append(value_of(item))
        elif item != usual:
            named[field.name] = value_of(item)
    return call(type(value).__name__, *positional, **named)


def _rendered(before: str, expression: Expression, after: str, indent: int) -> str:
    flat = before + _flat(expression) + after
    if isinstance(expression, str) or not expression.parts:
        return flat
    if not _breaks(expression) and len(INDENT) * indent + len(flat) <= WIDTH:
        return flat
    inner = INDENT * (indent + 1)
    lines = (inner + _rendered(part.name, part.value, ",", indent + 1) for part in expression.parts)
    end = INDENT * indent + expression.closing + after
    return "\n".join([before + expression.opening, *lines, end])


def _breaks(group: Group) -> bool:
    return group.always_broken or any(
        isinstance(part.value, Group) and _breaks(part.value) for part in group.parts
    )


def _flat(expression: Expression) -> str:
    if isinstance(expression, str):
        return expression
    inside = ", ".join(part.name + _flat(part.value) for part in expression.parts)
    comma = "," if expression.one_tuple else ""
    return f"{expression.opening}{inside}{comma}{expression.closing}"


def _escaped(letter: str, quote: str) -> str:
    if letter in ("\\", quote):
        return "\\" + letter
    return letter if letter.isprintable() else repr(letter)[1:-1]
