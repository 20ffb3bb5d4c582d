"""What a Space holds, installed into a fresh environment as the platform does it, and chatted with.

Asks the package index that pip is set up for; everything else stays on 127.0.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from gradio_client import Client
from huggingface_hub import HfApi
from playwright.sync_api import Browser, expect

from publish.space import find_served_model, space_files
from tests.browser.test_train import MOMENT_MS, train_tab
from tests.fresh_environment import install, make_environment
from tests.reference import TEXT
from tests.running_app import ROOT, RunningApp, run_app


@contextmanager
def installed_space(
    model_id: str,
    place: Path,
    hardware: str,
    *,
    training: bool = False,
    environment: Mapping[str, str] = {},
) -> Iterator[RunningApp]:
    """The Space of a model, as the platform would install and start it."""
    folder, scratch = place / "space", place / "scratch"
    scratch.mkdir()
    model = find_served_model(HfApi(), model_id)
    for path, data in space_files(model, hardware, training).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    python = make_environment(place / "venv")
    pins = (ROOT / "requirements-app.txt").read_text(encoding="utf-8").splitlines()
    platform = [pin for pin in pins if pin.startswith(("gradio==", "huggingface_hub=="))]
    install(python, *platform)  # the platform's own come first
    install(python, "-r", str(folder / "requirements.txt"))
    variables = {"MODEL_ID": model_id, "MODEL_REVISION": model.commit}
    variables |= {"PYTHONPATH": "", **environment}
    with run_app(scratch, folder=folder, python=python, environment=variables) as running:
        yield running


def chat(running: RunningApp) -> str:
    client = Client(running.url, verbose=False, analytics_enabled=False)
    answer: str = client.predict("The while", api_name="/chat")
    return answer


@pytest.mark.long
@pytest.mark.parametrize("hardware", ["zero-a10g", "cpu-basic"])
def test_a_fresh_environment_with_what_a_space_installs_serves_the_model(
    model_id: str, tmp_path: Path, hardware: str
) -> None:
    with installed_space(model_id, tmp_path, hardware) as running:
        assert len(chat(running)) == 500
        assert "can't be used" not in running.log()


@pytest.mark.long
def test_a_space_with_training_teaches_a_text_and_chats_with_what_comes_of_it(
    model_id: str, tmp_path: Path, browser: Browser
) -> None:
    environment = {"TRAINING": "on", "SPACE_ID": f"{model_id}-chat", "TRAINING_MINUTES": "0.1"}
    with installed_space(
        model_id, tmp_path, "cpu-basic", training=True, environment=environment
    ) as running:
        assert len(chat(running)) == 500
        page = train_tab(browser, running)
        page.get_by_label("Or paste a text").fill(TEXT[:10_000])
        page.get_by_role("button", name="Use this text").click()
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#result")).to_contain_text("this model", timeout=3 * MOMENT_MS)
        page.get_by_role("button", name="Chat with it").click()
        page.fill("#message textarea", "The ")
        page.press("#message textarea", "Enter")
        answer = page.locator("#text .bot-row").last.locator(".md:not(:has(.seed))")
        expect(answer).to_contain_text(re.compile(r"\w{2}"), timeout=MOMENT_MS)
        page.context.close()
