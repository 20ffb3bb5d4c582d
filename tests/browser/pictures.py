"""The README's pictures: `make screenshots` takes them again. No test, so not named as one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.test_chat import choose, wait_until_idle
from tests.running_app import ROOT, run_app

SAID = "What say you, my lord: shall we be friends again?"


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("chat", 1180, 760, "light"), ("phone", 390, 760, "dark")],
)
def test_take_a_picture(
    name: str,
    width: int,
    height: int,
    scheme: Literal["light", "dark"],
    browser: Browser,
    tmp_path: Path,
) -> None:
    with run_app(tmp_path) as app:
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            device_scale_factor=1.5,
        )
        page.goto(app.url)
        if width > 640:
            choose(page, "Seed", "7")
        page.fill("#message textarea", SAID)
        page.press("#message textarea", "Enter")
        page.wait_for_selector("#text .bot-row")
        wait_until_idle(page)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=ROOT / "docs" / f"{name}.png")
        page.close()
