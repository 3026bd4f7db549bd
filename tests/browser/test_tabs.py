"""Several pages of one lab in one browser, which has six connections to it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

import pytest

from .labs import WAIT, Lab
from .steps import add_phone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MANY: Final = 8
HIDDEN: Final = """
window.isHidden = false;
Object.defineProperty(document, "hidden", {get: () => window.isHidden});
"""
SHOW: Final = """(visible) => {
  window.isHidden = !visible;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Without a head, the browser takes all its pages for visible."""


@pytest.fixture
def context(browser: Browser) -> Generator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(WAIT * 1000)
    context.add_init_script(HIDDEN)
    yield context
    context.close()


def open_tab(context: BrowserContext, lab: Lab) -> Page:
    page = context.new_page()
    page.goto(lab.page)
    page.get_by_role("status").get_by_text("No program connected").wait_for()
    return page


def test_many_tabs_leave_room_for_what_is_done(context: BrowserContext, lab: Lab) -> None:
    tabs: list[Page] = []
    for _ in range(MANY):
        tabs.append(open_tab(context, lab))
        tabs[-1].evaluate(SHOW, arg=False)
    tabs[0].evaluate(SHOW, arg=True)
    add_phone(tabs[0], "Ann")
    tabs[0].evaluate(SHOW, arg=False)
    tabs[-1].evaluate(SHOW, arg=True)
    tabs[-1].get_by_role("region", name="Phone of Ann").wait_for()


def test_a_hidden_tab_goes_on_while_no_other_one_is_looked_at(
    context: BrowserContext, lab: Lab
) -> None:
    tab = open_tab(context, lab)
    tab.evaluate(SHOW, arg=False)
    lab.post("/api/phones", {"number": "+15551230001", "name": "Ann"})
    tab.get_by_role("region", name="Phone of Ann").wait_for()
    other = open_tab(context, lab)
    tab.get_by_text("Another page shows the lab").wait_for()
    other.close()
    tab.evaluate(SHOW, arg=True)
    tab.get_by_role("status").get_by_text("No program connected").wait_for()
