"""One page a visitor in a real Chromium, and what must never happen there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.running_app import RunningApp

PERMISSIONS = ["clipboard-read", "clipboard-write"]

# A new tab of the household begins without the conversations of the tests before.
FORGET = """
if (!sessionStorage.getItem("begun")) {
  sessionStorage.setItem("begun", "yes");
  const kept = Object.keys(localStorage).filter((key) => key.startsWith("charlstm-conversation"));
  for (const key of kept) localStorage.removeItem(key);
}
"""

Visit = Callable[..., Page]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def household(browser: Browser) -> Iterator[BrowserContext]:
    """Where visitors share a browser, and so what it keeps of the page's files: that saves time."""
    context = browser.new_context(permissions=PERMISSIONS)
    context.add_init_script(FORGET)
    yield context
    context.close()


@pytest.fixture
def visit(browser: Browser, household: BrowserContext, app: RunningApp) -> Iterator[Visit]:
    """Opens the page for one more visitor. At the end: no error, and no request went elsewhere."""
    with visits(browser, household, app) as open_page:
        yield open_page


@contextmanager
def visits(browser: Browser, household: BrowserContext, app: RunningApp) -> Iterator[Visit]:
    """The same for any app."""
    pages: list[Page] = []
    elsewhere: list[str] = []
    errors: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((app.url, "data:", "blob:")):
            elsewhere.append(request.url)

    def open_page(
        width: int = 1280, own_browser: bool = False, beside: Page | None = None, script: str = ""
    ) -> Page:
        context = browser.new_context() if own_browser else household
        page = (beside.context if beside else context).new_page()
        if script:
            page.add_init_script(script)
        page.on("request", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(20_000)
        page.set_viewport_size({"width": width, "height": 860})
        page.goto(app.url)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not errors
    assert not elsewhere
