"""The source of public names: signatures, fields and types, as they are written there.

`inspect` shows an alias such as `Media` as the long union that it stands for. The source has
the short name, which the reference explains in one place.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, Final, TypeAlias

from relay_proto.api import commands, joins, procedures

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
VERBS: Final = (commands, joins, procedures)
MODULES: Final = re.compile(r"\b(?:shapes|commands|builders|outputs|events|c|t)\.(?=[A-Za-z_])")
WIDTH: Final = 76


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a class, a key of a dict, or a member of an enum."""

    name: str
    type: str
    default: str
    doc: str


@functools.cache
def tree(module: str) -> ast.Module:
    """The source of a module."""
    file = importlib.import_module(module).__file__
    assert file is not None, f"{module} has no source"
    return ast.parse(Path(file).read_text("utf-8"))


def home(module: str, name: str) -> str:
    """The module in which a name is defined that `module` may have imported.

    Raises:
        LookupError: there is no such name.
    """
    for node in ast.walk(tree(module)):
        match node:
            case ast.ImportFrom() if any((each.asname or each.name) == name for each in node.names):
                return home(_imported(module, node), name)
            case ast.ImportFrom(names=[ast.alias("*")]):
                origin = _imported(module, node)
                if name in vars(importlib.import_module(origin)).get("__all__", ()):
                    return home(origin, name)
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return module
            case ast.Assign(targets=[ast.Name(found)]) | ast.AnnAssign(target=ast.Name(found)):
                if found == name:
                    return module
            case _:
                pass
    raise LookupError(f"{module} has no {name}")


def _imported(module: str, node: ast.ImportFrom) -> str:
    here = importlib.import_module(module)
    package = module if hasattr(here, "__path__") else module.rpartition(".")[0]
    relative = "." * node.level + (node.module or "")
    return importlib.util.resolve_name(relative, package)


def function(value: object) -> FunctionType:
    """The function that somebody wrote, of what decorators have made of it."""
    found = inspect.unwrap(value.fget if isinstance(value, property) else value)  # type: ignore[arg-type]
    if isinstance(value, functools.cached_property):
        found = value.func
    if "__signature__" in vars(found):
        # A verb: its method is made of a function of that name.
        found = next(vars(each)[found.__name__] for each in VERBS if hasattr(each, found.__name__))
        found = inspect.unwrap(found)
    assert isinstance(found, FunctionType), value
    return found


def definition(value: object) -> Definition:
    """The source of a function."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function(value)))).body[0]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), value
    return node


def short(text: str) -> str:
    """A type without the modules of its parts."""
    return MODULES.sub("", text).replace("typing.", "").replace("'", '"')


def signature(shown_name: str, value: object, *, returns: str | None = None) -> str:
    """A signature as a program would write it, on several lines if it is long."""
    node = definition(value)
    parts = list(_parameters(node))
    result = returns or (short(ast.unparse(node.returns)) if node.returns else "")
    arrow = f" -> {result}" if result and result != "None" else ""
    line = f"{shown_name}({', '.join(parts)}){arrow}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{shown_name}(", *(f"    {part}," for part in parts), f"){arrow}"])


def _parameters(node: Definition) -> Iterator[str]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in zip(positional, defaults, strict=True):
        if argument.arg not in {"self", "cls"}:
            yield _parameter(argument, default)
        if arguments.posonlyargs and argument is arguments.posonlyargs[-1]:
            yield "/"
    if arguments.vararg:
        yield "*" + _parameter(arguments.vararg, None)
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if arguments.kwarg:
        yield "**" + _parameter(arguments.kwarg, None)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    text = argument.arg
    if argument.annotation and not is_unknown(ast.unparse(argument.annotation)):
        text += f": {short(ast.unparse(argument.annotation))}"
    if default is None:
        return text
    equals = " = " if argument.annotation else "="
    return f"{text}{equals}{ast.unparse(default)}".replace("'", '"')


def is_unknown(annotation: str) -> bool:
    """Whether it is the type of further arguments of which none is known."""
    return annotation.endswith("NothingMore]")


def types(value: object) -> dict[str, str]:
    """The types of the parameters of a function, by name."""
    node = definition(value).args
    every = [*node.posonlyargs, *node.args, *node.kwonlyargs]
    every += [each for each in (node.vararg, node.kwarg) if each]
    return {each.arg: short(ast.unparse(each.annotation)) for each in every if each.annotation}


def fields(owner: type) -> list[Field]:
    """The fields of a class, those of its base classes first."""
    found: dict[str, Field] = {}
    for kind in reversed(_bases(owner)):
        for field in _own_fields(kind):
            # A field that is declared again keeps its place.
            found[field.name] = field
    return list(found.values())


def _bases(owner: type) -> list[type]:
    """The class and its bases. A TypedDict has forgotten its own: the source knows them."""
    if not hasattr(owner, "__total__"):
        return [kind for kind in owner.__mro__ if kind.__module__.startswith("relay")]
    node = class_node(owner)
    if node is None:
        return [owner]
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    module = vars(importlib.import_module(owner.__module__))
    found: list[type] = [owner]
    for base in bases:
        if base != "TypedDict":
            found += _bases(module[base])
    return found


def class_node(owner: type) -> ast.ClassDef | None:
    """The source of a class, or None for a dict that is declared by a call."""
    for node in tree(owner.__module__).body:
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            return node
    return None


def _declared_by_call(owner: type) -> Iterator[Field]:
    """The keys of a dict with keys like ``from``, which no class can declare."""
    for node in tree(owner.__module__).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(args=[_, ast.Dict(keys, values)])):
                if name == owner.__name__:
                    for key, value in zip(keys, values, strict=True):
                        assert isinstance(key, ast.Constant)
                        yield Field(str(key.value), short(ast.unparse(value)), "", "")
            case _:
                pass


def _own_fields(owner: type) -> Iterator[Field]:
    found = class_node(owner)
    if found is None:
        yield from _declared_by_call(owner)
        return
    body = found.body
    for node, behind in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation, value=value):
                default = _default(value)
                type_ = short(ast.unparse(annotation))
            case ast.Assign(targets=[ast.Name(name)], value=value):
                type_, default = "", _default(value)
            case _:
                continue
        if not name.startswith("_") and not type_.startswith(("ClassVar", "Final")):
            yield Field(name, type_, default, _docstring(behind))


def _default(value: ast.expr | None) -> str:
    """A default as text, or ``""`` for none; ``…`` if it is made by a function."""
    match value:
        case None:
            return ""
        case ast.Call():
            given = {each.arg: each.value for each in value.keywords}
            return ast.unparse(given["default"]) if "default" in given else "…"
        case _:
            return ast.unparse(value).replace("'", '"')


def _docstring(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(ast.Constant(str(text))):
            return inspect.cleandoc(text)
        case _:
            return ""


def alias(module: str, name: str) -> tuple[str, str]:
    """What a name stands for, as written, and what is said of it. The last one counts."""
    last: tuple[str, str] | None = None
    body = list(_statements(tree(module).body))
    for node, behind in zip(body, [*body[1:], None], strict=True):
        match node:
            case (
                ast.Assign(targets=[ast.Name(found)], value=value)
                | ast.AnnAssign(target=ast.Name(found), value=ast.expr() as value)
            ) if found == name:
                last = short(ast.unparse(value)), _docstring(behind)
            case _:
                pass
    if last is None:
        raise LookupError(f"{module} does not define {name}")
    return last


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, and of the branches for one checker or another."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements(node.body)
            yield from _statements(node.orelse)
        else:
            yield node


def docstring(value: Any) -> str:
    """The docstring of anything, or ``""``."""
    return inspect.getdoc(value) or ""
