"""Steps: what a person does with the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def add_phone(page: Page, name: str) -> Locator:
    """Add the phone that the form proposes; return its region."""
    form = page.get_by_role("form", name="Add a phone")
    form.get_by_label("Name").fill(name)
    form.get_by_role("button", name="Add the phone").click()
    phone = page.get_by_role("region", name=f"Phone of {name}")
    phone.wait_for()
    return phone


def show(page: Page, view: str) -> None:
    """Go to a view by its link."""
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
    page.get_by_role("heading", name=view, level=1).wait_for()


def hear(phone: Locator, words: str) -> None:
    """Wait until a phone hears these words."""
    phone.get_by_role("log").get_by_text(words).last.wait_for()


def call_program(phone: Locator) -> None:
    phone.get_by_role("button", name="Call your program").click()


def press(phone: Locator, key: str) -> None:
    phone.get_by_role("group", name="Keypad").get_by_role("button", name=key, exact=True).click()
