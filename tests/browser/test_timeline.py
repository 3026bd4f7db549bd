"""The timeline in a real browser: by mouse and keyboard, with many calls, and of a recording."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .labs import OFFICE, ROOT, Lab, open_page
from .steps import show

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ANNA: Final = "+15550001111"
SHOWN: Final = "+1 555 000 1111"
MANY: Final = 200
MOST_LANES: Final = 40
"""Lanes that are there as elements, however many calls there are."""
FOCUSED: Final = """() => {
  const {dataset, ariaLabel} = document.activeElement;
  return [dataset.key, ariaLabel];
}"""
RECORDING: Final = ROOT / "tests" / "unit" / "recording_format_1.jsonl"


def a_call(lab: Lab) -> None:
    """Let somebody choose from the menu of the example, and wait until the call is over."""
    script = [{"hear": "press 1"}, {"wait": 1}, {"press": "1"}]
    lab.post("/api/calls", {"from": ANNA, "to": "+15550002222", "script": script})
    lab.until_happened("ended")


def lane(page: Page, name: str) -> Locator:
    table = page.get_by_role("table", name="Timeline")
    return table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_an_action_its_frames_and_their_answers(page: Page, lab: Lab, menu: str) -> None:
    with lab.program(menu):
        lab.until_connected()
        a_call(lab)
        show(page, "Timeline")
        row = lane(page, SHOWN)
        row.get_by_role("button", name="play and collect: Thank you for calling").click()
        details = page.get_by_role("region", name="Details")
        details.get_by_text("digit 1").wait_for()
        details.get_by_text("calling.play_and_collect request").click()
        details.get_by_text('"control_id"').first.wait_for()
        row.get_by_role("button", name="caller presses 1").click()
        details.get_by_text("caller presses 1").wait_for()
        details.get_by_text("calling.call.collect event").wait_for()
        details.get_by_role("button", name="Close the details").click()
        details.wait_for(state="hidden")


def test_a_search_leads_from_match_to_match(page: Page, lab: Lab, menu: str) -> None:
    with lab.program(menu):
        lab.until_connected()
        a_call(lab)
        show(page, "Timeline")
        lane(page, SHOWN).wait_for()
        search = page.get_by_role("searchbox", name="Search the timeline")
        search.fill("you have chosen SALES")
        search.press("Enter")
        page.get_by_role("region", name="Details").get_by_role("heading", name="play").wait_for()
        search.fill("nobody has said this")
        page.get_by_text("Nothing found").wait_for()
        page.get_by_text("Nothing was found.").wait_for()
        search.fill("")
        lane(page, SHOWN).wait_for()


def test_everything_can_be_done_by_keyboard(page: Page, lab: Lab, menu: str) -> None:
    with lab.program(menu):
        lab.until_connected()
        a_call(lab)
        show(page, "Timeline")
        lane(page, SHOWN).wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("table", name="Timeline").focus()
        page.keyboard.press("0")  # shows all, so that nothing moves on
        page.locator(".tl-frame").first.wait_for()
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        seen: dict[str, str] = {}
        while (item := page.evaluate(FOCUSED))[0] not in seen:
            seen[item[0]] = item[1]
            page.keyboard.press("ArrowRight")
        assert any(words.startswith("play and collect: Thank you") for words in seen.values())
        assert any("caller presses 1" in words for words in seen.values())
        for key in ("Home", "+", "-", "ArrowLeft"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        details = page.get_by_role("region", name="Details")
        details.get_by_role("heading", name=SHOWN).wait_for()
        page.get_by_role("table", name="Timeline").focus()
        page.keyboard.press("Escape")
        details.wait_for(state="hidden")
        page.get_by_role("button", name="As a table").click()
        page.get_by_role("button", name="presses 1", exact=True).wait_for()


def test_it_follows_until_somebody_moves_it(page: Page, lab: Lab) -> None:
    with lab.program(OFFICE):
        lab.until_connected()
        lab.post("/api/calls", {"from": ANNA, "to": "+15550002222", "script": []})
        show(page, "Timeline")
        follow = page.get_by_role("button", name="Follow")
        bar = lane(page, SHOWN).get_by_role("button", name=re.compile("^play: Hello")).first
        bar.wait_for()
        assert follow.get_attribute("aria-pressed") == "true"
        before = bar.bounding_box()
        assert before is not None
        page.wait_for_function(
            "(x) => document.querySelector('.tl-bar').getBoundingClientRect().x < x - 2",
            arg=before["x"],
        )
        track = lane(page, SHOWN).get_by_role("cell").bounding_box()
        assert track is not None
        page.mouse.move(track["x"] + 300, track["y"] + track["height"] - 3)
        page.mouse.down()
        page.mouse.move(track["x"] + 360, track["y"] + track["height"] - 3, steps=4)
        page.mouse.up()
        page.locator('.tl-follow[aria-pressed="false"]').wait_for()
        follow.click()
        page.locator('.tl-follow[aria-pressed="true"]').wait_for()


def test_of_many_calls_those_in_view_are_drawn_and_the_others_counted(
    page: Page, lab: Lab, menu: str
) -> None:
    with lab.program(menu):
        lab.until_connected()
        show(page, "Timeline")
        script = [{"hear": "press 1"}, {"press": "2"}]
        for number in range(MANY):
            call = {"from": f"+1555777{number:04}", "to": "+15550002222", "script": script}
            lab.post("/api/calls", call)
        ended = "/api/events?what=ended&limit=1000"
        lab.until(lambda: len(lab.get(ended)["events"]) == MANY)
        page.get_by_role("button", name="Show all").click()
        page.get_by_text(f"{MANY} calls").first.wait_for()
        assert page.get_by_role("table", name="Timeline").get_by_role("row").count() < MOST_LANES
        page.get_by_role("searchbox", name="Search the timeline").fill("+15557770042")
        lane(page, "+1 555 777 0042").wait_for()
        page.get_by_text(f"1 of {MANY} calls").wait_for()


@contextmanager
def opened(file: Path) -> Generator[str]:
    command = [sys.executable, "-m", "relay_anyio", "replay", str(file), "--open", "--page", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
            process.send_signal(signal.SIGINT)
        finally:
            process.terminate()


def test_a_recording_is_a_timeline_in_which_nothing_can_be_done(browser: Browser) -> None:
    with opened(RECORDING) as address:
        page = open_page(browser, "about:blank")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.get_by_text(f"Recording {RECORDING.name}").wait_for()
        assert page.get_by_role("navigation", name="Views").get_by_role("link").count() == 1
        for name in ("Save as a rehearsal", "Follow"):
            page.get_by_role("button", name=name).wait_for(state="hidden")
        page.locator(".tl-bar").first.click()
        page.get_by_role("region", name="Details").get_by_text("request").first.wait_for()
        page.close()
    assert errors == []
