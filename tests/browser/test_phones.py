"""The phones of the page: keys alone, words of programs, recordings, numbers, a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .labs import OFFICE, VOICEMAIL, Lab, patient
from .steps import add_phone, call_program, hear, press, show

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

DANGEROUS: Final = "<img src=x onerror=alert(1)><b>bold</b>"
PLAYED: Final = """async (audio) => {
  await audio.play();
  await new Promise((done) => audio.addEventListener("timeupdate", done, {once: true}));
  return audio.duration;
}"""
FOCUSED: Final = (
    "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
)


def test_a_call_needs_the_keyboard_alone(page: Page, lab: Lab, menu: str) -> None:
    with lab.program(menu):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        ann.get_by_label("Number to call").focus()
        page.keyboard.type("+1 (555) 000-2222")
        page.keyboard.press("Enter")
        hear(ann, "Press 1 for sales")
        page.keyboard.press("s")
        page.keyboard.type("A moment, please")
        page.keyboard.press("Enter")
        ann.get_by_role("log").get_by_text("A moment, please").last.wait_for()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("2")
        hear(ann, "You have chosen support")
        ann.get_by_role("button", name="Call again").wait_for()
    assert page.evaluate(FOCUSED) == "Close"
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED) == "Number to call"


def test_words_of_programs_stay_words(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, DANGEROUS)
        lab.until_connected()
        number = ann.get_attribute("data-number")
        lab.post("/api/texts", {"from": number, "to": "+15550002222", "body": DANGEROUS})
        show(page, "Texts")
        thread = page.get_by_role("log", name="Texts of this thread")
        thread.get_by_text(f"You wrote: {DANGEROUS}").wait_for()
    assert page.locator("img, main b").count() == 0


def test_a_message_can_be_played(page: Page, lab: Lab, tmp_path: Path) -> None:
    with lab.program(patient(VOICEMAIL, tmp_path)):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        call_program(ann)
        hear(ann, "beep")
        ann.get_by_label("Words to say").fill("Please call me back.")
        page.keyboard.press("Enter")
        ann.get_by_role("log").get_by_text("Please call me back.").last.wait_for()
        press(ann, "# pound")  # which ends the message
        recording = ann.get_by_label("Recording")
        recording.wait_for()
        assert recording.evaluate(PLAYED) > 0
        ann.get_by_role("link", name="Save the file").wait_for()


def test_a_number_is_busy_until_it_is_as_before(page: Page, lab: Lab) -> None:
    show(page, "Programs")
    form = page.get_by_role("form", name="Set what a number does")
    form.get_by_label("Number").fill("+1 555 777 0001")
    form.get_by_label("What it does").select_option("busy")
    form.get_by_role("button", name="Set").click()
    row = page.get_by_role("row", name="+1 555 777 0001")
    row.get_by_text("Is busy").wait_for()
    assert "busy" in [one["does"] for one in lab.get("/api/numbers")["numbers"]]
    row.get_by_role("button").click()
    row.wait_for(state="detached")


def test_the_focus_goes_to_what_can_be_done_with_a_call_that_rings(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        number = ann.get_attribute("data-number")
        ann.get_by_label("Number to call").focus()
        lab.post("/api/texts", {"from": number, "to": "+15550002222", "body": "call me"})
        ann.get_by_role("button", name="Answer").wait_for()
        assert page.evaluate(FOCUSED) == "Answer"
        assert page.title() == "Ann\u2019s phone rings · Phone lab"
        page.keyboard.press("a")
        hear(ann, "This is your call.")
        page.keyboard.press("h")
        ann.get_by_text("You hung up").wait_for()


def test_a_ringing_phone_is_answered_from_another_view(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        ann = add_phone(page, "Ann")
        lab.until_connected()
        number = ann.get_attribute("data-number")
        show(page, "Faults")
        lab.post("/api/texts", {"from": number, "to": "+15550002222", "body": "call me"})
        bar = page.get_by_role("region", name="Ringing phones")
        bar.get_by_text("Ann is called by +1 555 000 2222").wait_for()
        bar.get_by_role("button", name="Answer").click()
        hear(ann, "This is your call.")


def test_phones_come_back_after_a_reset(page: Page, lab: Lab) -> None:
    add_phone(page, "Ann")
    add_phone(page, "Ben")
    lab.post("/api/reset", {})
    page.get_by_role("button", name="Bring back Ann and Ben").click()
    for name in ("Ann", "Ben"):
        page.get_by_role("region", name=f"Phone of {name}").wait_for()


def test_a_newcomer_sees_how_to_connect_until_a_program_is_there(page: Page, lab: Lab) -> None:
    panel = page.get_by_role("region", name="Connect a program")
    lines = panel.get_by_label("Lines for the shell")
    for name, value in lab.variables.items():
        lines.get_by_text(f"export {name}={value}").wait_for()
    panel.get_by_role("tab", name="Node").click()
    lines.get_by_text("NODE_EXTRA_CA_CERTS").wait_for()
    page.get_by_role("status").get_by_text("No program connected").wait_for()
    with lab.program(OFFICE):
        panel.wait_for(state="hidden")
        page.get_by_role("status").get_by_text("1 program connected").wait_for()
