"""The page when something comes late: answers, the stream, the browser itself, a second press."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .delays import late_answers, late_questions, late_stream, reload_with_late_stream, until_drawn
from .labs import OFFICE, Lab, open_page, running_lab
from .steps import add_phone, call_program, hear, press, show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OWN: Final = "+15550002222"
SPOKEN: Final = """
window.spoken = [];
speechSynthesis.speak = (words) => window.spoken.push(words.text);
localStorage.setItem("lab.readAloud", "true");
"""
IMPATIENT: Final = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (patience) => timeout(window.isImpatient ? 100 : patience);
"""
COUNT_CHANGES: Final = """() => {
  window.changes = 0;
  new MutationObserver(() => window.changes += 1)
    .observe(document.getElementById("link"), {childList: true, subtree: true});
}"""


def test_a_phone_is_there_before_the_lab_has_answered(page: Page, lab: Lab) -> None:
    form = page.get_by_role("form", name="Add a phone")
    with late_answers(page, "**/api/phones"):
        add_phone(page, "Somebody")
        form.get_by_label("Name").fill("Ben")
        form.get_by_role("button", name="Add the phone").click()
        page.get_by_role("region", name="Phone of Ben").wait_for()
        form.get_by_label("Name").fill("Cleo")
    until_drawn(page)
    assert form.get_by_label("Name").input_value() == "Cleo"
    assert [one["name"] for one in lab.get("/api/phones")["phones"]] == ["Somebody", "Ben"]


def test_the_lab_has_answered_before_a_phone_is_there(page: Page, lab: Lab) -> None:
    reload_with_late_stream(page)
    form = page.get_by_role("form", name="Add a phone")
    with late_stream(page):
        with page.expect_response("**/api/phones"):
            form.get_by_role("button", name="Add the phone").click()
        until_drawn(page)
        form.get_by_label("Name").fill("Ben")
        with page.expect_response("**/api/phones"):
            form.get_by_role("button", name="Add the phone").click()
    page.get_by_role("region", name="Phone of Ben").wait_for()
    assert len(lab.get("/api/phones")["phones"]) == 2


def test_a_call_that_ends_at_once_is_shown_when_the_page_learns_of_it(page: Page) -> None:
    reload_with_late_stream(page)
    ann = add_phone(page, "Ann")
    with late_stream(page):
        with page.expect_response("**/api/calls"):
            call_program(ann)
        until_drawn(page)
    ann.get_by_role("status").get_by_text("There is no such number").wait_for()
    ann.get_by_role("button", name="Close").click()
    with late_answers(page, "**/api/calls"):
        call_program(ann)
        ann.get_by_label("Number to call").fill("+1 555 777 0001")
        ann.get_by_role("button", name=re.compile("^Show the call")).nth(1).wait_for()
    until_drawn(page)
    ann.get_by_role("status").get_by_text("There is no such number").wait_for()
    ann.get_by_role("button", name="Close").click()
    assert ann.get_by_label("Number to call").input_value() == "+1 555 777 0001"


def test_a_call_that_was_closed_stays_closed(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        with late_answers(page, "**/api/calls"):
            call_program(ann)
            ann.get_by_role("button", name="Hang up").click()
            ann.get_by_role("button", name="Close").click()
        until_drawn(page)
        assert ann.get_by_label("Number to call").is_visible()


def test_who_presses_twice_calls_once(page: Page, lab: Lab) -> None:
    reload_with_late_stream(page)
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        with late_answers(page, "**/api/calls"), late_stream(page):
            call_program(ann)
            call_program(ann)
        hear(ann, "Please hold the line.")
        with late_stream(page):
            with page.expect_response("**/hangup"):
                ann.get_by_role("button", name="Hang up").click()
            ann.get_by_role("button", name="Hang up").click()
            until_drawn(page)
        ann.get_by_text("You hung up").wait_for()
        assert not ann.get_by_role("alert").is_visible()
        ann.get_by_role("button", name="Close").click()
        with late_stream(page):
            with page.expect_response("**/api/calls"):
                ann.get_by_label("Number to call").press("Enter")
            ann.get_by_label("Number to call").press("Enter")
        hear(ann, "Please hold the line.")
        assert len(lab.get("/api/calls")["calls"]) == 2


def test_who_presses_twice_sends_one_text(page: Page, lab: Lab) -> None:
    add_phone(page, "Ann")
    show(page, "Texts")
    page.get_by_role("button", name="New text").click()
    text = page.get_by_role("textbox", name="Text", exact=True)
    text.fill("Hello")
    with late_answers(page, "**/api/texts"):
        text.press("Enter")
        text.press("Enter")
        page.get_by_role("button", name=re.compile("^Ann and .*Hello")).wait_for()
        text.fill("And again")
    page.get_by_role("heading", name="Ann and +1 555 000 2222").wait_for()
    assert text.input_value() == "And again"
    assert len(lab.get("/api/texts")["texts"]) == 1


def test_a_thread_is_gone_after_a_reset(page: Page, lab: Lab) -> None:
    ann = add_phone(page, "Ann")
    number = ann.get_attribute("data-number")
    show(page, "Texts")
    lab.post("/api/texts", {"from": number, "to": OWN, "body": "Hello"})
    page.get_by_role("heading", name="Ann and +1 555 000 2222").wait_for()
    with late_answers(page, "**/api/state") as held:
        lab.post("/api/reset", {})
        while not held:
            until_drawn(page)
        page.evaluate("dispatchEvent(new HashChangeEvent('hashchange'))")  # it is drawn again
    page.get_by_role("heading", name="No texts yet").wait_for()


def test_a_text_that_comes_while_there_is_no_link_is_new(page: Page, lab: Lab) -> None:
    reload_with_late_stream(page)
    with lab.program(OFFICE):
        number = add_phone(page, "Ann").get_attribute("data-number")
        lab.until_connected()
        with late_questions(page, "**/api/state") as asked:
            page.evaluate("window.sources.at(-1).onerror()")
            lab.post("/api/texts", {"from": number, "to": OWN, "body": "Hello"})
            lab.until(
                lambda: (
                    "delivered"
                    in [
                        text["state"]
                        for text in lab.get("/api/texts")["texts"]
                        if text["direction"] == "outbound"
                    ]
                )
            )
            while not asked:
                until_drawn(page)
        page.get_by_role("navigation", name="Views").get_by_text("1 new").wait_for()


def test_another_lab_at_the_same_place_has_other_texts(browser: Browser, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_lab(tmp_path, port) as lab, lab.program(OFFICE):
        page = open_page(browser, lab.page)
        number = add_phone(page, "Ann").get_attribute("data-number")
        lab.until_connected()
        lab.post("/api/texts", {"from": number, "to": OWN, "body": "Hello"})
        new = page.get_by_role("navigation", name="Views").get_by_text("1 new")
        new.wait_for()
        show(page, "Texts")
        page.get_by_role("heading", name="Ann and +1 555 000 2222").wait_for()
    page.get_by_text("No connection to the lab").wait_for()
    with running_lab(tmp_path, port):
        page.get_by_role("heading", name="No texts yet").wait_for()
        show(page, "Phones")
        page.get_by_role("button", name="Bring back Ann").wait_for()
        page.close()


def test_a_phone_that_cannot_come_back_keeps_no_other_away(browser: Browser, lab: Lab) -> None:
    kept = [{"number": OWN, "name": "Ann"}, {"number": "+15551230002", "name": "Ben"}]
    page = open_page(browser, lab.page)
    page.evaluate("(kept) => localStorage.setItem('lab.phones', JSON.stringify(kept))", kept)
    page.reload()
    page.get_by_role("button", name="Bring back Ann and Ben").click()
    page.get_by_role("region", name="Phone of Ben").wait_for()
    page.get_by_text("give the phone another number").wait_for()
    page.close()


def test_the_details_follow_what_was_chosen(page: Page, lab: Lab, menu: str) -> None:
    details = page.get_by_role("region", name="Details")
    with lab.program(menu):
        lab.until_connected()
        call = lab.post("/api/calls", {"from": "+15550001111", "to": OWN, "live": True})
        with late_questions(page, "**/api/frames*") as asked:
            show(page, "Timeline")
            page.get_by_role("button", name=re.compile("^play and collect: Thank you")).click()
            details.get_by_text("No frames of it are kept.").wait_for()
            while not asked:
                until_drawn(page)
        request = details.get_by_text("calling.play_and_collect request")
        request.click()
        details.get_by_text('"control_id"').first.wait_for()
        details.get_by_text("under way").wait_for()
        lab.post(f"/api/calls/{call['id']}/press", {"digits": "1"})
        details.get_by_text("digit 1").wait_for()
        assert details.get_by_text('"control_id"').first.is_visible()  # it stays open
    lab.post("/api/reset", {})
    details.wait_for(state="hidden")


def test_the_page_goes_on_while_frames_are_loaded(page: Page, lab: Lab) -> None:
    page.get_by_role("status").get_by_text("No program connected").wait_for()
    with late_questions(page, "**/api/frames*") as asked:
        show(page, "Timeline")
        while not asked:
            until_drawn(page)
        show(page, "Phones")
        lab.post("/api/phones", {"number": "+15551230007", "name": "Gus"})
        page.get_by_role("region", name="Phone of Gus").wait_for()


def test_a_page_that_comes_late_shows_all_words(page: Page, lab: Lab) -> None:
    page.clock.install()
    page.reload()
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Please hold the line.")
        page.clock.fast_forward(20_000)  # as if the machine had slept
        page.clock.run_for(1_000)
        assert ann.locator(".heard .coming").inner_text() == ""


def test_the_clock_of_the_machine_is_set_during_a_call(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "Please hold the line.")
        page.evaluate("Date.now = () => 4e12")
        timer = ann.get_by_role("timer")
        before = timer.inner_text()
        while timer.inner_text() == before:
            until_drawn(page)
        assert re.fullmatch("[0-9]:[0-9]{2}", timer.inner_text())


def test_what_was_read_aloud_is_not_read_again(page: Page, lab: Lab) -> None:
    page.add_init_script(SPOKEN)
    page.reload()
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        page.wait_for_function("() => window.spoken.length")
        page.reload()
        hear(ann, "Please hold the line.")
        press(ann, "5")
        ann.get_by_role("log").get_by_text("Pressed:").wait_for()
        ann.get_by_role("button", name="Hang up").click()
        ann.get_by_text("You hung up").wait_for()
        assert page.evaluate("window.spoken") == []


def test_the_state_of_the_link_is_written_when_it_changes(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        page.get_by_role("status").get_by_text("1 program connected").wait_for()
        page.evaluate(COUNT_CHANGES)
        call_program(ann)
        hear(ann, "Please hold the line.")
        assert page.evaluate("window.changes") == 0


def test_a_lab_that_hangs_is_said_to_hang(page: Page) -> None:
    page.add_init_script(IMPATIENT)
    page.reload()
    with late_questions(page, "**/api/phones") as asked:
        page.evaluate("window.isImpatient = true")
        page.get_by_role("button", name="Add the phone").click()
        page.get_by_text("The lab does not answer. Is it still running?").wait_for()
        page.evaluate("window.isImpatient = false")
        asked.clear()
    page.get_by_role("button", name="Add the phone").click()
    page.get_by_role("region", name="Phone of Ann").wait_for()
    page.route("**/api/phones", lambda route: route.fulfill(body='{"number": "+1', status=201))
    page.get_by_role("button", name="Add the phone").click()
    page.get_by_text("The lab does not answer. Is it still running?").wait_for()


def test_phones_that_were_never_drawn_come_back(page: Page, lab: Lab) -> None:
    show(page, "Faults")
    page.evaluate("window.requestAnimationFrame = () => 0")
    lab.post("/api/phones", {"number": "+15551230007", "name": "Gus"})
    lab.post("/api/texts", {"from": "+15551230007", "to": OWN, "body": "Hello"})
    page.wait_for_function("() => localStorage.getItem('lab.phones')?.includes('Gus')", polling=50)
    lab.post("/api/reset", {})
    page.reload()
    show(page, "Phones")
    page.get_by_role("button", name="Bring back Gus").wait_for()


def test_a_rehearsal_is_not_that_of_the_call_before(page: Page, lab: Lab) -> None:
    for caller in ("+15550001111", "+15550001112"):
        lab.post("/api/calls", {"from": caller, "to": OWN, "script": []})
    show(page, "Timeline")
    dialog = page.get_by_role("dialog")
    table = page.get_by_role("table", name="Timeline")
    table.get_by_role("button", name="+1 555 000 1111").click()
    page.get_by_role("button", name="Save as a rehearsal").click()
    dialog.get_by_text("+15550001111").first.wait_for()
    dialog.get_by_role("button", name="Close").click()
    table.get_by_role("button", name="+1 555 000 1112").click()
    with late_answers(page, "**/api/rehearsal*"):
        page.get_by_role("button", name="Save as a rehearsal").click()
        dialog.get_by_text("This call, as a test").wait_for()
        assert not dialog.get_by_text("+15550001111").first.is_visible()
        assert not dialog.get_by_role("link", name="Download").is_visible()
    dialog.get_by_text("+15550001112").first.wait_for()
    dialog.get_by_role("link", name="Download").wait_for()
