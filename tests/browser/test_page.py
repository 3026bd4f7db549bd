"""The page of the lab in a real browser: phones, texts, faults, rehearsals, widths, keyboard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .labs import OFFICE, ROOT, Lab
from .steps import add_phone, call_program, hear, press, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWS: Final = ("Phones", "Texts", "Timeline", "Programs", "Faults")
WIDTHS: Final = (360, 800, 1440)
MOST_TABS: Final = 80
"""Presses of the tab key, after which all controls have been reached that it reaches."""
MOST_GROUPS: Final = 4
MOST_LINES: Final = 8
"""How many groups of controls a view has, such as the keypad, and lines of them."""


def test_two_phones_choose_from_the_menu_of_the_example(page: Page, lab: Lab, menu: str) -> None:
    with lab.program(menu):
        ann, ben = add_phone(page, "Ann"), add_phone(page, "Ben")
        lab.until_connected()
        call_program(ann)
        call_program(ben)
        for phone, key, department in ((ann, "1", "sales"), (ben, "2", "support")):
            hear(phone, "Press 1 for sales")
            press(phone, key)
            hear(phone, f"You have chosen {department}")
        for phone in (ann, ben):
            phone.get_by_role("button", name="Call again").wait_for()
    calls = lab.get("/api/calls")["calls"]
    assert [call["state"] for call in calls] == ["ended", "ended"]


def test_a_text_gets_a_reply(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        add_phone(page, "Ann")
        lab.until_connected()
        show(page, "Texts")
        page.get_by_role("button", name="New text").click()
        page.get_by_role("textbox", name="Text", exact=True).fill("Hello there")
        page.get_by_role("button", name="Send").click()
        thread = page.get_by_role("log", name="Texts of this thread")
        thread.get_by_text("You wrote: Hello there").wait_for()


def test_a_call_of_the_program_is_answered_by_hand(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        number = ann.get_attribute("data-number")
        lab.post("/api/texts", {"from": number, "to": "+15550002222", "body": "call me"})
        ann.get_by_role("button", name="Answer").click()
        hear(ann, "This is your call.")
        ann.get_by_role("button", name="Hang up").click()
        ann.get_by_role("button", name="Call back").wait_for()
        show(page, "Texts")
        page.get_by_role("log").get_by_text("That was your call.").wait_for()


def test_a_call_of_the_program_is_declined_by_hand(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        number = ann.get_attribute("data-number")
        lab.post("/api/texts", {"from": number, "to": "+15550002222", "body": "call me"})
        ann.get_by_role("button", name="Decline").click()
        show(page, "Texts")
        page.get_by_role("log").get_by_text("You did not answer: decline").wait_for()


def test_a_call_survives_a_cut_in_its_middle(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Please hold the line.")
        show(page, "Faults")
        page.get_by_role("button", name="Cut the connections").click()
        show(page, "Timeline")
        show(page, "Phones")
        ann.get_by_text("In a call").wait_for()
        lab.until_happened("session resumed")
        ann.get_by_role("button", name="Hang up").click()
        ann.get_by_text("You hung up").wait_for()
    said = lab.story()
    assert "session away" in said
    assert said.index("session resumed") < said.index("ended")


def test_a_call_is_saved_as_a_rehearsal_that_passes(
    page: Page, lab: Lab, menu: str, tmp_path: Path
) -> None:
    with lab.program(menu):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Press 1 for sales")
        press(ann, "1")
        hear(ann, "You have chosen sales")
        ann.get_by_role("button", name="Call again").wait_for()
    show(page, "Timeline")
    page.get_by_role("button", name="Save as a rehearsal").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Where your program is").fill("ivr:client")
    dialog.get_by_text("import client").wait_for()
    with page.expect_download() as downloading:
        dialog.get_by_role("link", name="Download").click()
    saved = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(saved)
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(tmp_path), str(saved)]
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'examples'}"}
    ran = subprocess.run(
        command, check=False, env=paths, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{saved.read_text()}"
    assert "1 passed" in ran.stdout
    assert "sales" in saved.read_text()


# How it looks, and who can use it


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways(page: Page, lab: Lab, menu: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    with lab.program(menu):
        ann = add_phone(page, "Somebody with a name that is long")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Press 1 for sales")
        for view in VIEWS:
            show(page, view)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{view} has {wide} pixels"


CONTROLS: Final = """
[...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled)
"""
NAMELESS: Final = f"""() => {CONTROLS}
  .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby')
    || one.innerText?.trim() || one.labels?.length || one.title))
  .map((one) => one.outerHTML)"""
MARK: Final = f"() => {{ {CONTROLS}.forEach((one) => one.dataset.wanted = ''); }}"
REACH: Final = """() => {
  delete document.activeElement.dataset.wanted;
  return document.querySelectorAll('[data-wanted]').length;
}"""
MISSED: Final = """() => [...document.querySelectorAll('[data-wanted]')]
  .map((one) => one.outerHTML)"""
ENTER: Final = """() => {
  const whole = document.querySelector('[data-wanted]')
    .closest('[role="tablist"], [role="table"], [role="group"]');
  const inside = whole?.querySelector('button[tabindex="0"]');
  inside?.focus();
  return Boolean(inside);
}"""
"""Focus the one of a group that the tab key reaches; the arrow keys reach the others."""
PLACE: Final = "() => [...document.querySelectorAll('*')].indexOf(document.activeElement)"


def walk(page: Page, key: str) -> int:
    """Press an arrow key until it leads no further; return how many controls are missed."""
    left, been = int(page.evaluate(REACH)), set[int]()
    while left and (place := int(page.evaluate(PLACE))) not in been:
        been.add(place)
        page.keyboard.press(key)
        left = int(page.evaluate(REACH))
    return left


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_has_a_name_and_is_reached_by_the_keyboard(
    page: Page, lab: Lab, menu: str, view: str
) -> None:
    with lab.program(menu):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Press 1 for sales")
        ann.get_by_role("button", name="Hang up").click()
        ann.get_by_role("button", name="Close").click()
    show(page, view)
    assert page.evaluate(NAMELESS) == []
    page.evaluate(MARK)
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(REACH) == 0:
            return
    for _ in range(MOST_GROUPS):
        assert page.evaluate(ENTER), page.evaluate(MISSED)
        for _ in range(MOST_LINES):
            if walk(page, "ArrowLeft") == 0 or walk(page, "ArrowRight") == 0:
                return
            page.keyboard.press("ArrowDown")
    assert page.evaluate(MISSED) == []
