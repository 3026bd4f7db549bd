"""The pictures of the page in the documentation: ``scripts/screenshots`` makes them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import ViewportSize, sync_playwright

from .labs import IVR, OFFICE, Lab, launch, running_lab
from .steps import add_phone, call_program, hear, press, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_BYTES: Final = 150_000
QUIET: Final = 7000
MENU: Final = 4000
WORDS: Final = 1200
"""Milliseconds in which notices go, the menu is spoken, and some words are."""
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}


def main(folder: Path) -> None:
    """Make all pictures in `folder`."""
    folder.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as directory,
        running_lab(Path(directory)) as lab,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        _take_all(browser, lab, folder)
        browser.close()


def _take_all(browser: Browser, lab: Lab, folder: Path) -> None:
    page = browser.new_page(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    page.goto(lab.page)
    ann, ben = add_phone(page, "Ann"), add_phone(page, "Ben")
    with lab.program(OFFICE):
        lab.until_connected()
        texts = {"from": ben.get_attribute("data-number"), "to": "+15550002222"}
        for body in ("Are you open today?", "Thanks!"):
            lab.post("/api/texts", texts | {"body": body})
        show(page, "Texts")
        page.get_by_role("log").get_by_text("You wrote: Thanks!").wait_for()
        page.get_by_role("log").get_by_text("delivered").last.wait_for()
        _take(page, folder / "lab-texts.png")
    show(page, "Phones")
    with lab.program(IVR):
        lab.until_connected()
        page.wait_for_timeout(QUIET)  # until the notices are gone
        for phone in (ann, ben):
            call_program(phone)
            hear(phone, "Press 1 for sales")
        page.wait_for_timeout(MENU)
        press(ann, "1")
        hear(ann, "You have chosen sales")
        page.wait_for_timeout(WORDS)
        _take(page, folder / "lab-phones.png")
        page.emulate_media(color_scheme="dark")
        _take(page, folder / "lab-dark.png")
        page.emulate_media(color_scheme="light")
        press(ben, "2")
        hear(ben, "You have chosen support")
        ben.get_by_role("button", name="Call again").wait_for()
        show(page, "Timeline")
        page.get_by_role("table", name="Timeline").focus()
        page.keyboard.press("0")  # shows all of the time
        page.wait_for_timeout(WORDS)
        _take(page, folder / "lab-timeline.png")
        show(page, "Phones")
        page.set_viewport_size(NARROW)
        ann.get_by_role("button", name="Call again").click()
        hear(ann, "Press 1 for sales")
        page.wait_for_timeout(MENU)
        page.evaluate("scrollTo(0, 0)")
        ann.scroll_into_view_if_needed()
        _take(page, folder / "lab-narrow.png")


def _take(page: Page, path: Path) -> None:
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    print(f"{path}: {size // 1000} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"{path} has {size} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
