"""The app as it is on ZeroGPU: with the platform's own package, a scheduler here, and a browser.

The package lives in an environment of its own, installed from the index that pip is set up for.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.fresh_environment import install, make_environment
from tests.reference import TEXT
from tests.running_app import ROOT, RunningApp, run_app, small_model_folder
from tests.zero_gpu_server import ZeroGPUServer, visitor_token

PLATFORM = "spaces==0.51.3"
CALL_S = 36
SHORT_CALL_S = 30  # of the shortest run that is offered
MOMENT_MS = 90_000


@dataclass(frozen=True)
class Space:
    """A Space on ZeroGPU, and what lies on its disk."""

    app: RunningApp
    gpus: ZeroGPUServer
    runs: Path

    def run_folders(self) -> set[Path]:
        """Of all visitors."""
        return {path.parent for path in self.runs.glob("*/*/about.json")}


def when(is_so: Callable[[], object]) -> None:
    """Wait until it is so, at last."""
    deadline = time.monotonic() + MOMENT_MS / 1_000
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_so()


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks at the Train tab, in a browser of their own."""

    page: Page

    @property
    def run(self) -> Locator:
        """Where their run is described."""
        return self.page.locator("#run")

    @property
    def problem(self) -> Locator:
        """Where they are told what went wrong."""
        return self.page.locator("#train-problem")

    def come_to(self, url: str) -> None:
        """Load the page, or reload it, and look at the Train tab."""
        self.page.goto(url)
        self.page.get_by_role("tab", name="Train").click()

    def bring(self, text: str, calls: int = 1) -> None:
        """Drop a text, and choose a run of so many calls."""
        self.page.set_input_files(
            "#drop input[type=file]",
            {"name": "my novel.txt", "mimeType": "text/plain", "buffer": text.encode("utf-8")},
        )
        summary = self.page.locator("#summary")
        expect(summary).to_contain_text(f"{len(text):,} characters", timeout=MOMENT_MS)
        label = f"{SHORT_CALL_S} s (" if calls == 1 else f"{calls} calls of {CALL_S} s"
        self.page.get_by_label(label).first.check()

    def press(self, button: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def resume(self) -> int:
        """Press Continue, and say what it costs."""
        button = self.page.get_by_role("button", name=re.compile(r"Continue \(costs"))
        price = re.search(r"\d+", button.inner_text())
        assert price is not None
        button.click()
        return int(price[0])

    def sees(self, words: str | re.Pattern[str]) -> None:
        """Wait until their run is described so."""
        expect(self.run).to_contain_text(words, timeout=MOMENT_MS)

    def step(self) -> int:
        """The step that they see, once something is learnt."""
        self.sees(re.compile("step [1-9]"))
        found = re.search(r"step ([\d,]+)", self.run.inner_text())
        assert found is not None
        return int(found[1].replace(",", ""))


Visit = Callable[[], Visitor]

numbers = itertools.count()  # of visitors


@pytest.fixture(scope="session")
def shared_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    scratch = tmp_path_factory.mktemp("space")
    python = make_environment(scratch / "venv", sees_this_one=True)
    install(python, PLATFORM)
    model = small_model_folder(scratch / "model")
    with ZeroGPUServer() as gpus:
        environment = {
            **gpus.environment,
            "SPACE_ID": "ann/novel",
            "TRAINING_FOLDER": str(scratch / "runs"),
            "TRAINING_CALL_SECONDS": str(CALL_S),
            "GRADIO_TEMP_DIR": str(scratch / "uploads"),
            "OMP_NUM_THREADS": "1",  # a worker that waits for a busy core misses its deadline
        }
        script = ROOT / "tests" / "zero_gpu_app.py"
        with run_app(
            scratch, "--model", str(model), script=script, python=python, environment=environment
        ) as app:
            yield Space(app, gpus, scratch / "runs")


@pytest.fixture
def space(shared_space: Space) -> Iterator[Space]:
    """The Space, its GPUs free for everybody; at the end nothing of ours may have failed."""
    yield shared_space
    shared_space.gpus.mood = "give"
    assert f'File "{ROOT}' not in shared_space.app.log()


@pytest.fixture
def visit(browser: Browser, space: Space) -> Iterator[Visit]:
    """Opens the page for one more visitor; at the end no page may have failed."""
    visitors: list[Visitor] = []

    def come() -> Visitor:
        # Each from an address of their own, as the platform tells it.
        address = f"9.9.{next(numbers)}.9"
        headers = {"X-IP-Token": visitor_token(), "X-Forwarded-For": address}
        visitor = Visitor(browser.new_context(extra_http_headers=headers).new_page())
        visitor.page.set_default_timeout(MOMENT_MS)
        visitor.come_to(space.app.url)
        visitors.append(visitor)
        return visitor

    yield come
    for visitor in visitors:
        visitor.page.context.close()


@pytest.fixture(scope="session")
def text() -> str:
    """One that a small network doesn't learn by heart in a minute."""
    return TEXT[:300_000]
