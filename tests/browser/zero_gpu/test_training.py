"""Visitors of a Space on ZeroGPU train, wait, give up or are refused a GPU."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from jobs.zero_gpu import price
from model.folder import load_model
from tests.browser.zero_gpu.conftest import (
    CALL_S,
    MOMENT_MS,
    SHORT_CALL_S,
    Space,
    Visit,
    Visitor,
    when,
)
from training.run import read_run

pytestmark = pytest.mark.long


def has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def starts(visitor: Visitor, space: Space, text: str, calls: int) -> Path:
    """The folder of a run that a visitor has asked for."""
    before = space.run_folders()
    visitor.bring(text, calls)
    visitor.press("Start")
    [folder] = space.run_folders() - before
    return folder


def test_a_long_run_stops_at_the_end_of_a_call_and_continues_in_another(
    space: Space, visit: Visit, text: str
) -> None:
    assert space.gpus.reports == 1
    client = Client(space.app.url, verbose=False, analytics_enabled=False)
    assert client.predict("The ", api_name="/chat")
    assert space.gpus.asked == []  # chatting needs no GPU
    visitor = visit()
    folder = starts(visitor, space, text, calls=2)
    visitor.step()
    assert has_torch(read_run(folder).pid)
    visitor.sees("Stopped")
    assert space.gpus.asked == [CALL_S]
    assert (folder / "model" / "config.json").stat().st_mtime < space.gpus.given[-1] + CALL_S
    half = read_run(folder)
    assert 0 < half.progress < 1
    assert load_model(folder).config.training["steps"] >= half.step

    while read_run(folder).phase != "done":  # on a busy machine two calls may not be enough
        before = read_run(folder).step
        costs = visitor.resume()
        when(lambda: read_run(folder).step > before)  # noqa: B023  # it is called at once
        visitor.sees(re.compile("Stopped|Done"))
        assert costs == price(space.gpus.asked[-1]) <= price(CALL_S)
    when(lambda: space.gpus.released == [False] * len(space.gpus.asked))
    assert not has_torch(space.app.pid)


def test_a_reload_and_a_closed_tab_end_no_run(space: Space, visit: Visit, text: str) -> None:
    visitors = [visit(), visit()]
    folders = [starts(visitor, space, text, calls=5) for visitor in visitors]
    seen = [visitor.step() for visitor in visitors]
    asked = len(space.gpus.asked)
    reloads, closes = visitors
    reloads.come_to(space.app.url)
    context = closes.page.context
    closes.page.close()
    when(lambda: all(read_run(f).step > s for f, s in zip(folders, seen, strict=True)))
    again = Visitor(context.new_page())
    again.page.set_default_timeout(MOMENT_MS)
    again.come_to(space.app.url)
    for visitor in (reloads, again):
        visitor.sees("my novel")
        visitor.sees(re.compile("Stopped|Done"))
        expect(visitor.page.get_by_role("button", name="Chat with it")).to_be_visible()
    assert len(space.gpus.asked) == asked
    when(lambda: space.gpus.released[-2:] == [False, False])


def test_a_worker_that_is_killed_is_told_of_and_the_run_continues_and_is_deleted(
    space: Space, visit: Visit, text: str
) -> None:
    visitor = visit()
    folder = starts(visitor, space, text, calls=2)
    visitor.step()
    os.kill(read_run(folder).pid, signal.SIGKILL)
    expect(visitor.problem).to_contain_text("last checkpoint is kept", timeout=MOMENT_MS)
    visitor.sees("Interrupted")
    assert space.gpus.released[-1]
    visitor.resume()
    visitor.sees("Training")
    expect(visitor.problem).to_be_hidden()

    worker = read_run(folder).pid
    visitor.press("Delete")
    visitor.press("Delete it")  # while it trains
    expect(visitor.page.locator("#drop")).to_be_visible(timeout=MOMENT_MS)
    when(lambda: not Path(f"/proc/{worker}").exists())
    time.sleep(1)
    assert not folder.exists()
    expect(visitor.problem).to_be_hidden()


def test_who_gives_up_waiting_gets_the_text_back_and_no_gpu_is_used(
    space: Space, visit: Visit, text: str
) -> None:
    released = len(space.gpus.released)
    space.gpus.mood = "hold"
    stops, deletes, reloads = visitors = [visit() for _ in range(3)]
    stopped, deleted, reloaded = folders = [starts(v, space, text, calls=1) for v in visitors]
    for visitor in visitors:
        visitor.sees("Waiting for a GPU")
        visitor.sees("Keep this page open")
    stops.press("Stop")
    expect(stops.page.get_by_role("button", name="Start")).to_be_visible(timeout=MOMENT_MS)
    deletes.press("Delete")
    deletes.press("Delete it")
    expect(deletes.page.locator("#drop")).to_be_visible(timeout=MOMENT_MS)
    reloads.come_to(space.app.url)
    expect(reloads.page.get_by_role("button", name="Start")).to_be_visible(timeout=MOMENT_MS)
    deletes.bring(text[:5_000])  # what they do meanwhile is not disturbed by what they gave up

    space.gpus.mood = "give"  # who reloads has left the platform's own queue, too
    when(lambda: space.gpus.released[released:] == [False, False])
    time.sleep(1)
    assert not deleted.exists()
    assert [read_run(folder).phase for folder in (stopped, reloaded)] == ["new", "new"]
    assert deleted in folders
    expect(deletes.page.locator("#summary")).to_contain_text("5,000 characters")
    stops.press("Start")
    stops.sees(re.compile("Reading|Timing|Training"))
    stops.press("Stop")
    stops.sees("Stopped")
    expect(stops.problem).to_be_hidden()


def test_the_platforms_refusals_are_told_in_plain_words_and_the_text_is_kept(
    space: Space, visit: Visit, text: str
) -> None:
    visitor = visit()
    visitor.bring(text)

    def is_told(*words: str) -> None:
        visitor.press("Start")
        for phrase in words:
            expect(visitor.problem).to_contain_text(phrase, timeout=MOMENT_MS)
        assert "<" not in visitor.problem.inner_text()
        expect(visitor.page.get_by_role("button", name="Start")).to_be_visible()
        expect(visitor.page.locator("#summary")).to_contain_text("300,000 characters")

    space.gpus.mood = "refuse"
    is_told(f"{SHORT_CALL_S}s requested vs. 10s left", "Try again in 1:00:00", "ask for less")
    space.gpus.mood = "fail"
    is_told("No GPU was available", "Try again in a few minutes")
