"""Visitors of a Space on ZeroGPU train: what is asked of the platform, and what becomes of it."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from model.folder import load_model
from tests.browser.zero_gpu.conftest import CALL_S, MOMENT_MS, Space, Visit, Visitor, when_there_are
from tests.wire import Wire
from training.run import read_lines, read_state
from training.zero_gpu import worker_of

pytestmark = pytest.mark.long


def has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[1])


def working_on(folder: Path) -> int:
    """The worker that has a run; it may have had others before."""
    worker = worker_of(folder)
    assert worker is not None
    return worker


def begins(visitor: Visitor, text: str, calls: int = 2) -> Visitor:
    """A visitor whose run is being learnt."""
    visitor.bring(text)
    visitor.choose(calls)
    visitor.press("Start")
    visitor.step()
    return visitor


def when_gone(folder: Path) -> None:
    """Nothing of a deleted run is there, nor comes back."""
    for _ in range(20):
        assert not folder.exists()
        time.sleep(0.1)


def test_the_app_reports_its_function_and_chatting_asks_for_no_gpu(
    space: Space, visit: Visit
) -> None:
    assert space.gpus.reports == 1
    asked = list(space.gpus.asked)
    page = visit().page
    page.get_by_role("tab", name="Chat").click()
    for answers in (1, 2):
        page.fill("#message textarea", "The ")
        page.press("#message textarea", "Enter")
        expect(page.locator("#text .seed")).to_have_count(answers, timeout=MOMENT_MS)
        expect(page.get_by_role("button", name="Undo")).to_be_enabled(timeout=MOMENT_MS)
    client = Client(space.app.url, verbose=False, analytics_enabled=False)
    for turn in ("The ", "And "):
        assert client.predict(turn, api_name="/chat")
    assert space.gpus.asked == asked


def test_a_run_of_two_calls_asks_for_each_once_and_ends(
    space: Space, visit: Visit, text: str
) -> None:
    asked, released = len(space.gpus.asked), len(space.gpus.released)
    before = set(space.run_folders())
    visitor = visit()
    visitor.bring(text)
    visitor.choose(2)
    visitor.press("Start")
    visitor.step()
    [folder] = set(space.run_folders()) - before
    worker = working_on(folder)
    assert parent_of(worker) == space.app.pid
    assert has_torch(worker)
    visitor.sees("Stopped")
    assert space.gpus.asked[asked:] == [CALL_S]
    assert (folder / "model" / "config.json").stat().st_mtime < space.gpus.given[-1] + CALL_S
    half = read_state(folder)
    assert 0 < half["step"] < half["total_steps"]
    assert load_model(folder).config.training["steps"] == half["step"]

    expect(visitor.page.get_by_text("Time on a GPU to go on with")).to_be_visible()
    expect(visitor.page.get_by_label("36 s (costs 54 s of your quota)").last).to_be_checked()
    visitor.press("Go on")
    visitor.sees("Done")
    assert space.gpus.asked[asked:] == [CALL_S, CALL_S]
    when_there_are(released + 2, space.gpus.released)
    assert space.gpus.released[released:] == [False, False]
    whole = read_state(folder)
    assert whole["start_step"] == half["step"]
    assert whole["step"] == whole["total_steps"]
    steps = [line["step"] for line, _ in read_lines(folder / "metrics.jsonl")]
    assert steps == sorted(steps)
    assert not has_torch(space.app.pid)


def test_a_reload_a_closed_tab_and_a_lost_connection_end_no_run(
    space: Space, visit: Visit, text: str
) -> None:
    asked, released = len(space.gpus.asked), len(space.gpus.released)
    with Wire(int(space.app.url.rpartition(":")[2])) as wire:
        visitors = [visit(), visit(), visit(wire.url)]
        for visitor in visitors:
            visitor.bring(text)
            visitor.choose(5)  # so that no plan is cut to what is left of a call
        for visitor in visitors:
            visitor.press("Start")
        seen = [visitor.step() for visitor in visitors]
        reloads, closes, loses = visitors
        wire.cut()
        reloads.come_to(space.app.url)
        context = closes.page.context
        closes.page.close()
        time.sleep(2)
        again = Visitor(context.new_page())
        again.page.set_default_timeout(MOMENT_MS)
        again.come_to(space.app.url)
        wire.mend()
        # Gradio's own page loads itself anew once it reaches the server again.
        expect(loses.page.locator("#message")).to_be_visible(timeout=MOMENT_MS)
        loses.page.get_by_role("tab", name="Train").click()
        back = (reloads, again, loses)
        for visitor in back:
            visitor.sees("my novel")
        assert len(space.gpus.asked) == asked + 3
        for visitor, step in zip(back, seen, strict=True):
            expect(visitor.run).to_contain_text(re.compile("Stopped|Done"), timeout=MOMENT_MS)
            assert visitor.step() > step
            expect(visitor.page.get_by_role("button", name="Chat with it")).to_be_visible()
    when_there_are(released + 3, space.gpus.released)
    assert space.gpus.released[released:] == [False] * 3


def test_a_worker_that_is_killed_costs_what_came_after_the_last_checkpoint(
    space: Space, visit: Visit, text: str
) -> None:
    before = set(space.run_folders())
    visitor = begins(visit(), text)
    [folder] = set(space.run_folders()) - before
    expect(visitor.page.locator("#sample pre")).to_be_visible(timeout=MOMENT_MS)
    os.kill(working_on(folder), signal.SIGKILL)  # it has saved a checkpoint, as with each sample
    expect(visitor.problem).to_contain_text("worker was ended in the middle", timeout=MOMENT_MS)
    visitor.sees("Interrupted")
    assert space.gpus.released[-1]
    visitor.press("Go on")
    visitor.sees("Learning")
    expect(visitor.problem).to_be_hidden()
    visitor.press("Stop")
    visitor.sees("Stopped")
    state = read_state(folder)
    assert 0 < state["start_step"] < state["step"]


def test_a_run_is_deleted_at_once_while_it_learns(space: Space, visit: Visit, text: str) -> None:
    before, files = set(space.run_folders()), set(space.files())
    visitor = begins(visit(), text)
    [folder] = set(space.run_folders()) - before
    worker = working_on(folder)
    visitor.press("Delete")
    expect(visitor.page.locator("#drop")).to_be_visible(timeout=MOMENT_MS)
    when_gone(folder)
    assert set(space.files()) <= files
    assert not Path(f"/proc/{worker}").exists()
    expect(visitor.problem).to_be_hidden()
