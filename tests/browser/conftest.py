"""A real Chromium, one page a visitor, and the real app that they look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.running_app import RunningApp

# As in the Makefile, which installs the second where it may.
NAMES = ("chromium", "chromium-browser", "google-chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PERMISSIONS = ["clipboard-read", "clipboard-write"]

Visit = Callable[..., Page]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program. Where it is missing: left out on a person's machine, failed in CI."""
    wanted = (os.environ.get("CHROMIUM"), *NAMES, MAC_CHROME)
    for name in filter(None, wanted):
        if program := shutil.which(name):
            return program
    missing = f"no Chromium: none of {', '.join(NAMES)} is installed, CHROMIUM names none"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One for all tests; what visitors don't share is in their contexts."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def household(browser: Browser) -> Iterator[BrowserContext]:
    """Where visitors share a browser, and so what it keeps of the page's files: that saves time."""
    context = browser.new_context(permissions=PERMISSIONS)
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

    def open_page(width: int = 1280, own_browser: bool = False) -> Page:
        context = browser.new_context() if own_browser else household
        page = context.new_page()
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
