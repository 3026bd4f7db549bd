"""Delays: what comes late on purpose, so that a test decides in which order things happen."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Page, Route

LATE_STREAM: Final = """
{
  const listen = EventSource.prototype.addEventListener;
  const late = [];
  window.isStreamLate = false;
  window.sources = [];
  window.catchUp = () => {
    window.isStreamLate = false;
    for (const hear of late.splice(0)) hear();
  };
  EventSource.prototype.addEventListener = function (kind, hear) {
    if (window.sources.at(-1) !== this) window.sources.push(this);
    listen.call(this, kind, (event) => {
      if (window.isStreamLate) late.push(() => hear(event));
      else hear(event);
    });
  };
}
"""
FRAMES: Final = """() => new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""
"""Waits until what has changed is drawn."""


def reload_with_late_stream(page: Page) -> None:
    """Load the page again, so that `late_stream` can hold back what the lab tells it."""
    page.add_init_script(LATE_STREAM)
    page.reload()
    page.locator("#link:not([data-link=loading])").wait_for()


@contextmanager
def late_stream(page: Page) -> Generator[None]:
    """Hold back what the lab tells the page, until the block ends."""
    page.evaluate("window.isStreamLate = true")
    yield
    page.evaluate("window.catchUp()")


@contextmanager
def late_answers(page: Page, path: str) -> Generator[list[tuple[Route, APIResponse]]]:
    """Let the lab do what it is asked, and hold back its answers until the block ends."""
    held: list[tuple[Route, APIResponse]] = []
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)
        held.append((route, route.fetch()))

    page.route(path, hold)
    yield held
    while len(held) < len(asked):
        until_drawn(page)  # or the browser would ask the lab once more
    for route, response in held:
        route.fulfill(response=response)
    page.unroute(path)


@contextmanager
def late_questions(page: Page, path: str) -> Generator[list[Route]]:
    """Hold back what the page asks the lab, until the block ends."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(path, hold)
    yield held
    for route in held:
        route.continue_()
    page.unroute(path)


def until_drawn(page: Page) -> None:
    """Wait until the page has drawn what it knows."""
    page.evaluate(FRAMES)
