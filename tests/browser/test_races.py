"""The page when a phone, a call or a button goes in the moment in which somebody uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .delays import late_stream, reload_with_late_stream
from .labs import OFFICE, Lab, open_page
from .steps import add_phone, call_program, hear, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

OWN: Final = "+15550002222"
NARROW: Final = 390
HAS_FOCUS: Final = "(element) => element.ownerDocument.activeElement === element"


def has_focus(element: Locator) -> bool:
    return bool(element.evaluate(HAS_FOCUS))


def ring(lab: Lab, phone: Locator) -> None:
    """Let the program call a phone."""
    number = phone.get_attribute("data-number")
    lab.post("/api/texts", {"from": number, "to": OWN, "body": "call me"})
    phone.get_by_role("button", name="Answer").wait_for()


def test_the_focus_stays_in_the_view_when_a_phone_goes(page: Page, lab: Lab) -> None:
    name = page.get_by_role("form", name="Add a phone").get_by_label("Name")
    ann, ben = add_phone(page, "Ann"), add_phone(page, "Ben")
    ben.get_by_role("button", name="Remove the phone of Ben").click()
    ben.wait_for(state="detached")
    assert has_focus(name)
    ann.get_by_label("Number to call").focus()
    lab.post("/api/reset", {})
    ann.wait_for(state="detached")
    assert has_focus(name)
    page.get_by_role("button", name="Bring back Ann").focus()
    page.keyboard.press("Enter")
    ann.wait_for()
    assert has_focus(name)


def test_the_focus_stays_in_the_timeline_when_the_details_go(
    page: Page, lab: Lab, menu: str
) -> None:
    with lab.program(menu):
        lab.until_connected()
        lab.post("/api/calls", {"from": "+15550001111", "to": OWN, "live": True})
        show(page, "Timeline")
        table = page.get_by_role("table", name="Timeline")
        table.get_by_role("button", name="+1 555 000 1111").click()
        page.get_by_role("button", name="Close the details").click()
        assert has_focus(table)


def test_the_focus_goes_from_the_threads_to_a_thread_and_back(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": NARROW, "height": 800})
    lab.post("/api/texts", {"from": "+15550001111", "to": OWN, "body": "Hello"})
    show(page, "Texts")
    page.get_by_role("button", name="+1 555 000 1111 and").click()
    assert has_focus(page.get_by_role("group", name="Thread"))
    page.get_by_role("button", name="All threads").click()
    assert has_focus(page.get_by_role("button", name="New text"))


def test_two_tabs_answer_one_call(browser: Browser, lab: Lab) -> None:
    first, second = (open_page(browser, lab.page) for _ in range(2))
    with lab.program(OFFICE):
        ann = add_phone(first, "Ann")
        lab.until_connected()
        same = second.get_by_role("region", name="Phone of Ann")
        same.wait_for()
        reload_with_late_stream(second)
        ring(lab, ann)
        same.get_by_role("button", name="Answer").wait_for()
        with late_stream(second):
            ann.get_by_role("button", name="Answer").click()
            hear(ann, "This is your call.")
            with second.expect_response("**/answer") as answered:
                same.get_by_role("button", name="Answer").click()
            assert answered.value.status == 409
        hear(same, "This is your call.")
        assert not same.get_by_role("alert").is_visible()
    first.close()
    second.close()


def test_a_phone_is_removed_while_it_rings(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        ring(lab, ann)
        lab.delete(f"/api/phones/{ann.get_attribute('data-number')}")
        others = page.get_by_role("region", name="Other calls")
        others.get_by_role("button", name="Decline the call").click()
        others.wait_for(state="hidden")
        lab.until_happened("dial failed")


def test_who_hangs_up_too_late_does_not_call_again(page: Page, lab: Lab) -> None:
    page.set_viewport_size({"width": 1280, "height": 1600})
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Please hold the line.")
        hang_up = ann.get_by_role("button", name="Hang up")
        box = hang_up.bounding_box()
        assert box is not None
        hang_up.click()
        ann.get_by_role("button", name="Call again").wait_for()
        for part in (0.1, 0.9):  # as if the program had been faster
            page.mouse.click(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
            if part < 0.5:
                ann.get_by_role("button", name="Show the call").click()
        ann.get_by_label("Number to call").wait_for()
    assert len(lab.get("/api/calls")["calls"]) == 1
