"""What `--dry_run` writes, installed into a fresh environment as a Space does it, and chatted with.

Asks the package index that pip is set up for; everything else stays on 127.0.0.1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, expect

from publish.__main__ import main
from tests.browser.test_train import MOMENT_MS, train_tab
from tests.hub_api import Account
from tests.hub_server import HubServer
from tests.reference import TEXT
from tests.running_app import ROOT, RunningApp, run_app


def install(environment: Path, *wanted: str) -> Path:
    """Install with the pip outside, as make does; the environment's interpreter."""
    python = environment / "bin" / "python"
    with_pip = Path(sys.base_prefix) / "bin" / "python3"
    pip = [str(with_pip), "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *wanted], check=True, timeout=600)
    return python


@contextmanager
def installed_space(
    hub: HubServer, model_id: str, place: Path, *asked: str, environment: Mapping[str, str] = {}
) -> Iterator[RunningApp]:
    """The Space of a model, as the platform would install and start it."""
    folder, scratch, fresh = place / "space", place / "scratch", place / "venv"
    scratch.mkdir()
    main(["space", model_id, f"{model_id}-chat", *asked, "--dry_run", str(folder)])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    pins = (ROOT / "requirements-app.txt").read_text(encoding="utf-8").splitlines()
    platform = [pin for pin in pins if pin.startswith(("gradio==", "huggingface_hub=="))]
    install(fresh, *platform)  # the platform's own come first
    python = install(fresh, "-r", str(folder / "requirements.txt"))
    variables = {"MODEL_ID": model_id, "MODEL_REVISION": hub.repo(model_id).head().oid}
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
    hub: HubServer, model_id: str, tmp_path: Path, hardware: str
) -> None:
    with installed_space(hub, model_id, tmp_path, "--hardware", hardware) as running:
        assert len(chat(running)) == 500
        assert "can't be used" not in running.log()


@pytest.mark.long
def test_a_space_with_training_teaches_a_text_and_chats_with_what_comes_of_it(
    hub: HubServer, model_id: str, tmp_path: Path, browser: Browser
) -> None:
    hub.accounts["hf_ann"] = Account("ann", is_pro=True)
    training = {"TRAINING": "on", "SPACE_ID": f"{model_id}-chat", "TRAINING_MINUTES": "0.1"}
    asked = ("--hardware", "cpu-basic", "--training")
    with installed_space(hub, model_id, tmp_path, *asked, environment=training) as running:
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
