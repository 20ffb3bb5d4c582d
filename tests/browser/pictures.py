"""The README's picture: `make screenshots` takes it again. No test, so not named as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser.test_chat import choose, seeds, wait_until, wait_until_idle, write
from tests.running_app import ROOT, run_app

SAID = ("What say you, my lord: shall we be friends again?", "And if I will not?")
SEEDS = (("22", "82"), ("81",))  # of the answers to each


def test_take_a_picture(browser: Browser, tmp_path: Path) -> None:
    with run_app(tmp_path) as app:
        viewport: Any = {"width": 1180, "height": 800}
        page = browser.new_page(viewport=viewport, device_scale_factor=1.5)
        page.goto(app.url)
        for message, (seed, *others) in zip(SAID, SEEDS, strict=True):
            choose(page, "Seed", seed)
            write(page, message)
            wait_until_idle(page)
            for other in others:
                choose(page, "Seed", other)
                page.get_by_role("button", name="Retry").click()
                wait_until(lambda other=other: seeds(page)[-1] == other)  # type: ignore[misc]
                wait_until_idle(page)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=ROOT / "docs" / "chat.png")
        page.close()
