"""The site: each page has its place in the menu, and what is prepared for Sphinx is whole.

`scripts/docs` builds the site. Here is what can be seen without Sphinx.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from docs._site import contents, diagrams, links
from docs._site.assemble import Site, as_markdown, with_includes
from docs._site.publish import Checked, Page, overview_for_machines

SITE = Site(reference=False)


def test_every_page_has_one_place_in_the_menu() -> None:
    named = [name for group in SITE.menu for name in group.every_page]
    assert len(named) == len(set(named)) > 15
    assert set(named) | {"index"} >= contents.written_pages().keys()


def test_the_menu_names_no_page_that_is_not_there_and_forgets_none() -> None:
    pages = [name for name in SITE.pages if not name.startswith("files/")]
    with pytest.raises(ValueError, match=r"names calls, and there is no such page"):
        contents.groups(name for name in pages if name != "calls")
    with pytest.raises(ValueError, match="does not name these pages: lost"):
        contents.groups([*pages, "lost"])


def test_a_link_to_a_file_of_the_project_leads_to_a_page_that_shows_it() -> None:
    text = SITE.pages["answering"]
    assert "files/examples/answering_machine.py.md" in links.targets(text)
    assert "leave_message" in SITE.pages["files/examples/answering_machine.py"]


@pytest.mark.parametrize("name", SITE.pages)
def test_every_link_leads_to_a_page_or_a_picture(name: str) -> None:
    for target in links.targets(SITE.pages[name]):
        path = target.partition("#")[0]
        if path and not links.is_external(target):
            place = (Path("/") / name).parent / path
            found = str(place.resolve().relative_to("/"))
            assert found.removesuffix(".md") in SITE.pages or found in SITE.pictures


def test_links_in_code_stay_as_they_are() -> None:
    text = "[a](b)\n\n```\n[c](d)\n```\n"
    assert links.redirected(text, str.upper) == "[a](B)\n\n```\n[c](d)\n```\n"


def test_an_included_file_is_in_the_markdown_as_well() -> None:
    page = contents.DOCS / "recipes" / "some.md"
    text = "```{literalinclude} ../../examples/answer.py\n:language: python\n```"
    assert with_includes(text, page).startswith('```python\n"""')


def test_llms_txt_lists_every_page_with_a_title_and_a_sentence() -> None:
    lines = overview_for_machines(SITE).splitlines()
    listed = [line for line in lines if line.startswith("- ")]
    assert len(listed) == sum(len(group.every_page) for group in SITE.menu)
    assert "- [States](states.md): " in "\n".join(listed)
    written = [line for line in listed if "(reference/" not in line]
    assert not [line for line in written if line.endswith(": ")]


def test_the_first_page_says_where_each_group_begins() -> None:
    text = as_markdown(SITE, "index")
    assert "- [Guide](" in text
    assert "{toctree}" not in text


def test_assets_from_elsewhere_are_seen_wherever_a_page_names_them() -> None:
    page = Page("<style>@import url('https://a/');b {c: url(d.png)}</style><img src='e.png'>")
    assert page.assets == ["e.png", "https://a/", "d.png"]


def test_links_and_assets_of_the_built_site_are_checked(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("@import url(https://a.test/x.css); b {c: url(d.png)}")
    (tmp_path / "one.html").write_text(
        "<link href='style.css?v=1'><script src='//a.test/x.js'></script><h1 id='top'></h1>"
        "<a href='two.html#there'></a><a href='two.html#lost'></a><a href='no.html'></a>"
        "<a href='#top'></a><a href='https://b.test/'></a>"
    )
    (tmp_path / "two.html").write_text("<p id='there'></p>")
    checked = Checked(tmp_path)
    assert (checked.internal, checked.external) == (4, {"https://b.test/"})
    assert checked.wrong == [
        "one.html: two.html#lost has no such place",
        "one.html: no.html is not there",
        "one.html: //a.test/x.js would come from elsewhere",
        "style.css: https://a.test/x.css would come from elsewhere",
        "style.css: d.png is not there",
    ]


def test_a_drawing_has_ids_of_its_own_and_stays_readable_on_a_telephone() -> None:
    drawing = (
        '<svg id="merman" style="max-width:300.5px"><style>#merman p{margin:0}</style>'
        '<path id="merman-edge0" class="merman-line" marker-end="url(#merman-end)"/></svg>'
    )
    assert diagrams.fitted(drawing, "States", 3) == (
        '<svg aria-label="States" id="diagram-3" style="max-width:300.5px;min-width:210px">'
        "<style>#diagram-3 p{margin:0}</style>"
        '<path id="diagram-3-edge0" class="merman-line" marker-end="url(#diagram-3-end)"/></svg>'
    )
