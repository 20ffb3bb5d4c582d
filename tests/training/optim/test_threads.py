"""Threads: a run in company goes on with as many as are best, and tries again when it is alone."""

from __future__ import annotations

import pytest

from training.optim.threads import WINDOW_S, ThreadChoice

QUIET = {2: 90_000.0, 1: 55_000.0}
BUSY = {2: 5_000.0, 1: 50_000.0}


def history(rates: dict[float, dict[int, float]], until: float, threads: int = 2) -> list[int]:
    """The threads of each window of a run; the rates hold from a second on."""
    choice = ThreadChoice(2, timed=max(rates[0].values()))
    used, seconds = [], 0.0
    while seconds < until:
        used.append(threads)
        seconds += WINDOW_S
        now = rates[max(since for since in rates if since < seconds)]
        threads = choice.look(threads, now[threads], seconds)
    return used


def test_in_company_one_thread_is_tried_kept_and_all_are_tried_ever_more_seldom() -> None:
    used = history({0: QUIET, 10: BUSY}, 600)
    assert used[:8] == [2] * 6 + [1] * 2
    assert used[8:].count(2) <= 5


@pytest.mark.parametrize(
    ("rates", "threads"), [({0: QUIET, 10: BUSY, 30: QUIET}, 2), ({0: BUSY, 20: QUIET}, 1)]
)
def test_when_the_others_are_gone_all_threads_are_used(
    rates: dict[float, dict[int, float]], threads: int
) -> None:
    used = history(rates, 120, threads)
    assert 1 in used[:8]
    assert used[-20:] == [2] * 20


def test_where_one_thread_is_no_better_all_are_kept() -> None:
    crowded = {2: 30_000.0, 1: 20_000.0}
    used = history({0: QUIET, 10: crowded}, 600)
    assert 1 <= used.count(1) <= 6
