"""axe-core finds nothing serious on the page, in any of its states, but what is Gradio's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_chat import open_settings, parts, wait_until, wait_until_idle, write
from tests.finished_run import finished_run
from tests.running_app import run_app

GRADIOS_OWN = {
    ("aria-required-children", ".examples"),  # a list whose items are buttons
}


def serious(page: Page) -> list[Any]:
    """What is wrong, and where."""
    found = Axe().run(page).response["violations"]
    assert isinstance(found, list)
    return [
        (rule["id"], *node["target"], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if (rule["id"], node["target"][0]) not in GRADIOS_OWN
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_serious_is_in_the_way_of_anybody(
    browser: Browser, tmp_path: Path, width: int, scheme: Any
) -> None:
    finished_run(tmp_path / "runs" / f"{5:032x}")
    environment = {"TRAINING_FOLDER": str(tmp_path / "runs"), "TRAINING": "on"}
    with run_app(tmp_path, environment=environment) as app:  # of a dialogue
        context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)
        page = context.new_page()
        page.goto(app.url)
        open_settings(page)
        assert serious(page) == []
        page.get_by_label("at once").check()
        write(page, "What of the king, <sir>?")
        wait_until_idle(page)
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#text .versions")).to_have_text("2 of 2")
        wait_until_idle(page)
        for panel in ("About this model", "Min-p, top-p and top-k"):
            page.get_by_role("button", name=panel).click()
        if width < 640:
            page.get_by_role("button", name="Toggle Sidebar").click()
        expect(page.locator("#conversations li")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("button", name="Delete What of the king").click()
        expect(page.locator("#undelete")).to_be_visible()
        assert serious(page) == []
        if width < 640:
            page.get_by_role("button", name="Toggle Sidebar").click()
        page.get_by_role("button", name="Let them talk").click()
        wait_until(lambda: len(parts(page)) > 8)  # more than fits
        page.click("#message .stop-button")
        wait_until_idle(page)
        assert serious(page) == []
        page.get_by_role("log").press("Home")
        wait_until(lambda: page.get_by_role("log").evaluate("log => log.scrollTop") == 0)
        page.get_by_role("tab", name="Train").click()
        expect(page.locator("#result")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.locator("#publish")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("button", name="Another text").last.click()
        page.get_by_label("Or paste a text").fill("First Citizen:\nSpeak.\n\n" * 300)
        assert serious(page) == []
        page.get_by_role("button", name="Use this text").click()
        expect(page.locator("#summary")).to_contain_text("characters")
        assert serious(page) == []
        context.close()
