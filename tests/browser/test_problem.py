"""A model that can't be used doesn't keep the page from coming up and from working."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from model.folder import WEIGHTS_FILE
from tests.running_app import run_app, small_model_folder


def test_a_broken_model_is_named_and_the_bundled_one_goes_on(
    browser: Browser, tmp_path: Path
) -> None:
    folder = small_model_folder(tmp_path / "broken")
    (folder / WEIGHTS_FILE).write_bytes(b"\0" * 100)
    with run_app(tmp_path, "--model", str(folder)) as running:
        page = browser.new_page()
        page.goto(running.url)
        problem = page.locator("#problem")
        expect(problem).to_contain_text(str(folder / WEIGHTS_FILE))
        expect(problem).to_contain_text("This page uses the bundled model instead")
        page.fill("#message textarea", "ROMEO:")
        page.press("#message textarea", "Enter")
        answer = page.locator("#text .bot-row").last.locator(".md:not(:has(.above))")
        expect(answer).to_contain_text(re.compile(r"\w{2}"), timeout=20_000)
        page.close()
        assert str(folder) in running.log()
