"""A stream reaches a page at a reader's pace, in few updates, and ends when nobody listens."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Coroutine
from collections.abc import Generator as Pieces
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from statistics import median
from typing import TypeVar

import pytest

from model.generator import Generator
from model.sampling import SamplingParams
from tests.running_app import small_model
from ui.chat.streaming import LONGEST_INTERVAL_S, SHORTEST_INTERVAL_S, next_interval, stream_updates

Result = TypeVar("Result")
CROWD = 8 * (os.cpu_count() or 1)  # streams, for which there are far too few threads


def run(coroutine: Coroutine[object, object, Result]) -> Result:
    """`asyncio.run` in a thread of its own: a browser test leaves Playwright's loop in this one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class CountingGenerator(Generator):
    """The real one, which also says how much it has generated and whether its stream is closed."""

    generated = 0
    closed = 0

    def stream(
        self, prompt: str = "", params: SamplingParams | None = None
    ) -> Pieces[str, None, None]:
        try:
            for piece in super().stream(prompt, params):
                self.generated += len(piece)
                yield piece
        finally:
            self.closed += 1


@pytest.fixture
def generator() -> CountingGenerator:
    return CountingGenerator(small_model())


def test_a_page_is_shown_its_pace_and_generation_isnt_ahead_of_it(
    generator: CountingGenerator,
) -> None:
    params = SamplingParams(length=1_000)

    async def listen() -> tuple[int, int, float]:
        shown, updates, began = 0, 0, time.monotonic()
        async with aclosing(stream_updates(generator.stream("A", params), 150)) as stream:
            async for text in stream:
                shown += len(text)
                updates += 1
                assert generator.generated == shown
                if time.monotonic() > began + 1.5:
                    break
        return shown, updates, time.monotonic() - began

    shown, updates, seconds = run(listen())
    assert generator.generated == shown <= 150 * seconds + 1
    assert shown >= 100 * (seconds - LONGEST_INTERVAL_S)
    assert updates <= 15 * seconds + 1
    assert generator.closed == 1  # when the listener left


def test_updates_become_rare_under_load_and_frequent_again_after_it() -> None:
    interval = SHORTEST_INTERVAL_S
    for _ in range(20):
        interval = next_interval(interval, late=interval)
    assert interval == LONGEST_INTERVAL_S
    for _ in range(40):
        interval = next_interval(interval, late=0.0)
    assert interval == SHORTEST_INTERVAL_S


async def come(pieces: Pieces[str, None, None]) -> str:
    """A newcomer, who leaves at the first text."""
    async with aclosing(stream_updates(pieces)) as stream:
        return await anext(stream)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def test_a_newcomers_first_text_comes_before_the_next_of_the_streams_that_are_running(
    generator: CountingGenerator,
) -> None:
    params = SamplingParams(length=1_000_000)

    async def visit() -> list[int]:
        """How many updates the others had while each of five newcomers waited."""
        updates = 0

        async def go_on() -> None:
            nonlocal updates
            async with aclosing(stream_updates(generator.stream("A", params))) as stream:
                async for _ in stream:
                    updates += 1

        running = [asyncio.create_task(go_on()) for _ in range(CROWD)]
        waited = []
        for _ in range(5):
            await asyncio.sleep(0.3)
            before = updates
            await come(generator.stream("B", params))
            waited.append(updates - before)
        await end(running)
        return waited

    assert median(run(visit())) < CROWD / 2


def test_a_stream_that_runs_goes_on_although_newcomers_keep_coming(
    generator: CountingGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.chat.streaming.NEWCOMERS_AHEAD_S", 0.5)
    params = SamplingParams(length=1_000_000)

    async def keep_coming(number: int) -> None:
        for visit in itertools.count():  # with texts that take their time to read
            await come(generator.stream(f"{number} {visit}" + 1_900 * "a", params))

    async def visit() -> list[str]:
        crowd = [asyncio.create_task(keep_coming(number)) for number in range(CROWD)]
        await asyncio.sleep(0.5)
        async with (
            asyncio.timeout(30),
            aclosing(stream_updates(generator.stream("A", params))) as stream,
        ):
            updates = [await anext(stream) for _ in range(3)]
        await end(crowd)
        return updates

    assert all(run(visit()))
