"""The reference: every public name is in it, each verb has its page, and every example runs."""

from __future__ import annotations

import functools
import inspect
import re

import pytest

import relay_anyio
import relay_sync
from docs._site.reference import build, docstrings, names, render, source, wire
from relay_proto.api import commands, joins, procedures, shapes

VERBS = names.verbs()
page = functools.cache(build.page)


def headings(text: str) -> set[str]:
    return set(re.findall(r"^#+ `([\w.]+)`$", text, re.MULTILINE))


@pytest.mark.parametrize("package", names.PACKAGES)
def test_every_public_name_is_documented_on_its_page(package: str) -> None:
    for name in names.exported(package).values():
        text = page(name.page)
        if name.name.isupper():
            assert f"`{name.name}`" in text, name
        else:
            assert name.name in headings(text), name


def test_both_packages_export_what_is_documented() -> None:
    assert set(relay_sync.__all__) == set(relay_anyio.__all__) == set(names.for_applications())


@pytest.mark.parametrize("name", ["RelayClient", "Call", "Message", "Action", "InboundCalls"])
def test_every_method_and_property_is_documented(name: str) -> None:
    text = page(names.for_applications()[name].page)
    value = getattr(relay_anyio, name)
    for member in names.members(value):
        if names.is_verb_of(member, name):
            assert f"(verbs/{member}.md)" in text
        else:
            assert f"{name}.{member}" in headings(text)
    for member, _ in names.properties(value):
        assert f"- `{member}` (" in text


def test_an_attribute_that_a_class_declares_is_documented() -> None:
    _, _, stage = page("testing").partition("\n## `Stage`\n")
    attributes = re.findall(r"^- `(\w+)` \(", stage.partition("\n### ")[0], re.MULTILINE)
    assert attributes == ["story", "files", "exchange", "now"]


def test_every_public_module_is_listed_with_what_it_defines() -> None:
    text = page("modules")
    for module in names.modules():
        assert f"## `{module.__name__}`" in text
        for name in names.own_names(module):
            assert f"`{name}`" in text, (module, name)


def test_every_command_is_a_verb_and_has_a_theme() -> None:
    made = {
        name
        for part in (commands, joins, procedures)
        for name, function in inspect.getmembers(part, inspect.isfunction)
        if hasattr(function, "__wrapped__") and function.__module__ == part.__name__
    }
    assert made == VERBS.keys()
    assert sorted(name for names_ in names.themes().values() for name in names_) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_shows_what_went_over_the_wire(verb: str) -> None:
    text = page(f"verbs/{verb}")
    assert text.count("## What goes over the wire") == 1
    example = names.example_of(verb)
    assert example is not None
    assert f".{verb}(" in example.code
    assert example.code in text
    sent = re.findall(r"^\*\*Your program sends\*\* `([\w.]+)`", text, re.MULTILINE)
    assert sent
    for method in sent:
        assert f"**The server answers** `{method}`" in text
    assert "**The server refuses**" not in text
    assert "**Raises**" in text


def test_the_counts_are_those_of_the_packages() -> None:
    assert f"{len(VERBS)} verbs with a page each" in names.counts()
    assert names.counts().startswith("reference: ")


@pytest.mark.parametrize("verb", VERBS)
def test_every_parameter_of_a_verb_is_described(verb: str) -> None:
    value = inspect.getattr_static(getattr(relay_anyio, VERBS[verb]), verb)
    doc = docstrings.read(source.docstring(value), nothing)
    listed = {part.strip("* ") for name in doc.arguments for part in name.split(",")}
    for name, type_ in source.types(value).items():
        told = name in listed or f"`{name}`" in doc.text
        assert told or source.is_unknown(type_) or name == "kwargs", name


def test_every_example_is_on_a_page() -> None:
    shown = {example.name for verb in VERBS if (example := names.example_of(verb))}
    assert shown == wire.EXAMPLES.keys()


def nothing(name: str) -> None:
    """No name has a place."""


def test_a_docstring_is_taken_to_its_parts() -> None:
    doc = docstrings.read(
        """Do it, as ``this`` says.

        Args:
            first: what `is` first,
                and goes on.
            second, third: others.

        Raises:
            ValueError, TypeError: it is wrong.

        Returns: The result.
        """.replace("\n        ", "\n"),
        {"is": "#is"}.get,
    )
    assert doc.text == "Do it, as `this` says."
    assert doc.arguments == {
        "first": "what [`is`](#is) first, and goes on.",
        "second, third": "others.",
    }
    assert doc.raises == {"ValueError, TypeError": "it is wrong."}
    assert doc.returns == "The result."


def test_code_lists_and_tables_of_a_docstring_are_markdown() -> None:
    text = "See::\n\n    x = 1\n\n- one\n- two\n\n=== ===\na   b\n=== ===\n1   2\n    3\n=== ==="
    assert docstrings.markdown(text, nothing) == (
        "See:\n\n```py\nx = 1\n```\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 3 |"
    )


def test_a_signature_has_the_names_of_types_and_one_line_if_it_fits() -> None:
    assert source.signature("call.hangup", relay_anyio.Call.hangup) == (
        'call.hangup(reason: HangupReason = "hangup") -> Command[JSONObject]'
    )
    long = source.signature("call.play", relay_anyio.Call.play, returns="PlayAction")
    assert long.startswith("call.play(\n    media: Sequence[Media],\n    *,\n")
    assert long.endswith("\n) -> PlayAction")


def test_the_keys_of_a_dict_are_those_of_its_bases_too() -> None:
    text = render.shape(vars(shapes)["SIPParams"], names.Links("dicts"))
    assert "- `from` (`str`, needed)" in text
    assert "- `timeout` (`int`, optional): The most seconds that it rings." in text
    assert "- `codecs` ([`Sequence[Codec]`]" in text or "- `codecs` (`Sequence[Codec]`" in text
