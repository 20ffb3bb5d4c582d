"""What a Space holds, installed into a fresh environment as the platform does, and chatted with.

Asks the package index that pip is set up for; everything else stays on 127.0.0.1.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, expect

from tests.browser.test_train import MOMENT_MS, train_tab
from tests.fresh_environment import install, make_environment
from tests.reference import TEXT
from tests.running_app import ROOT, run_app
from tests.space_folder import space_folder


@pytest.mark.long
@pytest.mark.parametrize(
    ("hardware", "training"), [("zero-a10g", False), ("cpu-basic", False), ("cpu-basic", True)]
)
def test_what_a_space_installs_serves_its_model_and_trains_where_that_is_asked_for(
    model_id: str, tmp_path: Path, browser: Browser, hardware: str, training: bool
) -> None:
    folder = space_folder(tmp_path / "space", hardware=hardware, training=training)
    python = make_environment(tmp_path / "venv")
    pins = (ROOT / "requirements-app.txt").read_text(encoding="utf-8").splitlines()
    platform = [pin for pin in pins if pin.startswith(("gradio==", "huggingface_hub=="))]
    install(python, *platform)  # the platform's own come first
    install(python, "-r", str(folder / "requirements.txt"))
    environment = {"MODEL_ID": model_id, "PYTHONPATH": ""}
    if training:
        environment |= {"TRAINING": "on", "SPACE_ID": "ann/chat", "TRAINING_MINUTES": "0.1"}
    with run_app(tmp_path, folder=folder, python=python, environment=environment) as running:
        client = Client(running.url, verbose=False, analytics_enabled=False)
        assert len(client.predict("The while", api_name="/chat")) == 500
        assert "can't be used" not in running.log()
        if not training:
            return
        page = train_tab(browser, running)
        page.get_by_label("Or paste a text").fill(TEXT[:10_000])
        page.get_by_role("button", name="Use this text").click()
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#result")).to_contain_text("this model", timeout=3 * MOMENT_MS)
        page.get_by_role("button", name="Chat with it").click()
        page.fill("#message textarea", "The ")
        page.press("#message textarea", "Enter")
        answer = page.locator("#text .bot-row").last.locator(".md:not(:has(.above))")
        expect(answer).to_contain_text(re.compile(r"\w{2}"), timeout=MOMENT_MS)
        page.context.close()
