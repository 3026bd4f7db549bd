"""Fixtures: a lab, and a page of it in a real browser. Without a browser, tests are skipped."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .labs import IVR, Lab, find_browser, launch, open_page, patient, running_lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WITHOUT_PLAYWRIGHT = "Playwright is not installed: pip install 'relay-proto[browser]'"
WITHOUT_BROWSER = "there is no Chromium: install one, or name it with RELAY_CHROMIUM"


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """One Chromium for the tests of a module.

    Not for the whole session: Playwright keeps an event loop running in its thread, in which
    no test of another folder could start one.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason=WITHOUT_PLAYWRIGHT)
    if not find_browser():
        pytest.skip(WITHOUT_BROWSER)
    with sync_api.sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def lab(browser: Browser, tmp_path: Path) -> Generator[Lab]:
    """A lab in which nobody calls by themselves."""
    with running_lab(tmp_path) as lab:
        yield lab


@pytest.fixture
def menu(tmp_path: Path) -> str:
    """The example with a menu. It waits for a key as long as a test needs."""
    return patient(IVR, tmp_path)


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Generator[Page]:
    """The page of the lab. An error in its console fails the test."""
    page = open_page(browser, "about:blank")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(lab.page)
    yield page
    page.close()
    assert errors == []
