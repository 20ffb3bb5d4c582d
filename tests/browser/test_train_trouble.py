"""Servers that are restarted, killed or full while visitors train: what their pages say of it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, FilePayload, Page, expect

from tests.browser.test_train import MOMENT_MS, delete, press, told, train_tab
from tests.reference import TEXT
from tests.running_app import RunningApp, run_app, small_model_folder

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor limits"),
]

TRAINING = re.compile(r"Training.*step [1-9]", re.DOTALL)


class House:
    """A folder for runs, in which one server follows the other at the same address."""

    def __init__(self, place: Path) -> None:
        self.runs = place / "runs"
        self._place = place
        self._model = small_model_folder(place / "model")
        self._port: int | None = None

    @contextmanager
    def serving(self, largest_file: int | None = None) -> Iterator[RunningApp]:
        environment = {
            "SPACE_ID": "ann/novel",
            "TRAINING": "on",
            "TRAINING_FOLDER": str(self.runs),
            "GRADIO_TEMP_DIR": str(self._place / "uploads"),
        }
        with run_app(
            self._place, "--model", str(self._model), environment=environment, port=self._port,
            largest_file=largest_file,
        ) as app:  # fmt: skip
            self._port = int(app.url.rsplit(":", 1)[1])
            yield app

    def kept(self) -> list[Path]:
        return [path for path in self.runs.glob("*/*") if path.is_dir()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def ask_for(page: Page, text: str) -> None:
    file: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": text.encode()}
    page.set_input_files("#drop input[type=file]", [file])
    page.get_by_label("4 min", exact=True).check(timeout=MOMENT_MS)
    press(page, "Start")


def come_back(page: Page) -> None:
    try:
        page.reload()
    except Error:  # the page was just reloading itself, as it does when its server is back
        page.wait_for_timeout(2_000)
        page.reload()
    page.get_by_role("tab", name="Train").click()


def test_a_server_that_is_killed_or_ended_loses_nobodys_run(browser: Browser, house: House) -> None:
    with house.serving() as first:
        ann, bob = train_tab(browser, first), train_tab(browser, first)
        ask_for(ann, TEXT)
        told(ann, TRAINING)
        ask_for(bob, TEXT[40_000:])
        told(bob, "1 run is before it")
        os.kill(first.pid, signal.SIGKILL)
    with house.serving() as second:
        come_back(ann)
        told(ann, TRAINING)  # which nobody had stopped
        come_back(bob)
        press(bob, "Start")  # his had only waited
        told(bob, "1 run is before it")
        press(ann, "Stop")
        told(ann, "Stopped")
        told(bob, TRAINING)
        os.kill(second.pid, signal.SIGTERM)
        os.waitpid(second.pid, 0)  # a second signal would disturb it in ending
    with house.serving():
        come_back(bob)
        told(bob, "Stopped")  # as it was asked to
        press(bob, "Continue")
        told(bob, TRAINING)
        come_back(ann)
        delete(ann)
        os.kill(_process(house), signal.SIGKILL)
        told(bob, "Interrupted: the process was killed")
        press(bob, "Continue")
        told(bob, TRAINING)
        delete(bob)  # while it trains
        assert house.kept() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_leaves_no_process_even_if_it_does_not_hear(
    browser: Browser, house: House, number: signal.Signals
) -> None:
    with house.serving() as app:
        ann = train_tab(browser, app)
        ask_for(ann, TEXT)
        told(ann, TRAINING)
        child = _process(house)
        os.kill(child, signal.SIGSTOP)
        os.kill(app.pid, number)
        os.waitpid(app.pid, 0)
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    with house.serving():
        come_back(ann)
        told(ann, "Interrupted: the process was killed")
        press(ann, "Continue")
        told(ann, TRAINING)
        delete(ann)


def test_strangers_of_one_address_are_told_what_to_do(browser: Browser, house: House) -> None:
    with house.serving() as app:
        visitors = [train_tab(browser, app) for _ in range(4)]
        for visitor in visitors[:3]:
            ask_for(visitor, TEXT)
        expect(visitors[2].locator("#train-problem")).to_contain_text("wait for one of them, or")
        expect(visitors[2].get_by_role("button", name="Start")).to_be_visible()
        file: FilePayload = {"name": "a.txt", "mimeType": "text/plain", "buffer": TEXT.encode()}
        visitors[3].set_input_files("#drop input[type=file]", [file])
        expect(visitors[3].locator("#train-problem")).to_contain_text("delete one of them first")
        press(visitors[2], "Another text")
        visitors[3].set_input_files("#drop input[type=file]", [file])
        expect(visitors[3].locator("#summary")).to_contain_text("characters", timeout=MOMENT_MS)


def test_a_full_disk_is_said_and_what_was_begun_goes_on_when_there_is_room(
    browser: Browser, house: House, tmp_path: Path
) -> None:
    long = tmp_path / "long.txt"
    long.write_text(TEXT * 8, encoding="utf-8")
    with house.serving(largest_file=2_000_000) as full:
        ann = train_tab(browser, full)
        ann.set_input_files("#drop input[type=file]", long)
        expect(ann.get_by_text("couldn't be stored here: File too large")).to_be_visible()
        expect(ann.locator("#drop")).to_be_visible()
        ask_for(ann, TEXT[:120_000])
        full_disk = "It failed: File too large"  # at the latest with a checkpoint, after a minute
        expect(ann.locator("#run")).to_contain_text(full_disk, timeout=3 * MOMENT_MS)
        assert str(tmp_path) not in ann.content()
        ann.get_by_role("tab", name="Chat").click()
        ann.fill("#message textarea", "The ")
        ann.press("#message textarea", "Enter")
        expect(ann.locator("#text .bot-row").last).to_contain_text(re.compile(r"\w{2}"))
    with house.serving():
        come_back(ann)
        press(ann, "Continue")
        told(ann, TRAINING)
        delete(ann)
        assert house.kept() == []


def _process(house: House) -> int:
    """Of the one run that there is."""
    states = [path.read_text(encoding="utf-8") for path in house.runs.glob("*/*/state.json")]
    found = re.search(r'"pid": (\d+)', states[0])
    assert found is not None
    return int(found[1])
