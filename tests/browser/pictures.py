"""The README's picture: `make screenshots` takes it again. No test, so not named as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.test_chat import choose, wait_until_idle
from tests.running_app import ROOT, run_app

SAID = "What say you, my lord: shall we be friends again?"


def test_take_a_picture(browser: Browser, tmp_path: Path) -> None:
    with run_app(tmp_path) as app:
        viewport: Any = {"width": 1180, "height": 760}
        page = browser.new_page(viewport=viewport, device_scale_factor=1.5)
        page.goto(app.url)
        choose(page, "Seed", "7")
        page.fill("#message textarea", SAID)
        page.press("#message textarea", "Enter")
        page.wait_for_selector("#text .bot-row")
        wait_until_idle(page)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=ROOT / "docs" / "chat.png")
        page.close()
