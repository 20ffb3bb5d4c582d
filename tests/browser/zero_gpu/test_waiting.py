"""Visitors of a Space on ZeroGPU wait for a GPU, give up, or are refused one."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.zero_gpu.conftest import MOMENT_MS, Space, Visit, Visitor, when_there_are

pytestmark = pytest.mark.long


def waits(visitor: Visitor, text: str) -> Visitor:
    """A visitor who waits for a GPU."""
    visitor.bring(text)
    visitor.choose(1)
    visitor.press("Start")
    visitor.sees("Waiting for a GPU")
    visitor.sees("Keep this page open")
    return visitor


def test_who_gives_up_waiting_gets_the_text_back_and_no_gpu_is_used(
    space: Space, visit: Visit, text: str
) -> None:
    before, released = set(space.run_folders()), len(space.gpus.released)
    space.gpus.mood = "hold"
    visitors = [waits(visit(), text) for _ in range(3)]
    folders = set(space.run_folders()) - before
    stops, deletes, reloads = visitors
    stops.press("Stop")
    expect(stops.page.get_by_role("button", name="Start")).to_be_visible(timeout=MOMENT_MS)
    deletes.press("Delete")
    expect(deletes.page.locator("#drop")).to_be_visible(timeout=MOMENT_MS)
    [deleted] = [folder for folder in folders if not folder.exists()]
    reloads.come_to(space.app.url)
    expect(reloads.page.get_by_role("button", name="Start")).to_be_visible(timeout=MOMENT_MS)
    deletes.bring(text[:5_000])  # what they do meanwhile is not disturbed by what they gave up

    space.gpus.mood = "give"
    when_there_are(
        released + 2, space.gpus.released
    )  # who reloads has left the platform's own queue, too
    assert space.gpus.released[-2:] == [False, False]
    time.sleep(1)
    assert not deleted.exists()
    for folder in folders - {deleted}:
        assert not (folder / "state.json").exists()
        assert [path.name for path in folder.glob("gpu-*")] == []
    expect(deletes.page.locator("#understood")).to_contain_text("5,000 characters")
    stops.press("Start")
    expect(stops.run).to_contain_text(re.compile("Reading|Timing"), timeout=MOMENT_MS)
    stops.press("Stop")  # before anything is learnt
    stops.sees("Stopped")
    expect(stops.problem).to_be_hidden()
    stops.press("Go on")
    stops.sees("Learning")
    stops.press("Stop")
    stops.sees("Stopped")


def test_the_platforms_refusals_are_told_in_plain_words_and_the_text_is_kept(
    space: Space, visit: Visit, text: str
) -> None:
    known, stranger = visit(is_known=True), visit()
    known.bring(text)
    stranger.bring(text)

    def is_told(visitor: Visitor, *words: str) -> None:
        visitor.choose(1)
        asked = len(space.gpus.asked)
        visitor.press("Start")
        when_there_are(asked + 1, space.gpus.asked)
        for phrase in words:
            expect(visitor.problem).to_contain_text(phrase, timeout=MOMENT_MS)
        told = visitor.problem.inner_text()
        for never in ("http", "](", "examples", "Traceback", "Error", str(Path.home()), ".."):
            assert never not in told
        expect(visitor.page.get_by_role("button", name="Start")).to_be_visible()
        expect(visitor.page.locator("#understood")).to_contain_text("300,000 characters")

    space.gpus.refuse("quota-exceeded", left=10, wait=3_600, auth="regular")
    is_told(known, "36s requested vs. 10s left", "Try again in 1:00:00", "ask for less")
    is_told(stranger, "has reached its GPU limit", "2 minutes signed out", "ask for less")
    space.gpus.refuse("runs-exceeded", left=10, wait=0, auth="regular")
    is_told(known, "runs limit", "Try again tomorrow")
    space.gpus.refuse("illegal-duration", left=10, wait=-1)
    is_told(known, "larger than the maximum allowed", "Ask for less time at once")
    space.gpus.refusal = None
    for mood in ("time out", "broken"):
        space.gpus.mood = mood
        for visitor in (known, stranger):
            is_told(visitor, "GPU", "Try again in a few minutes")
