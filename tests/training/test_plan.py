"""The plan and the schedule: how far a run is, and what follows from that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.vocabulary import Vocabulary
from training.plan import Plan, Schedule
from training.recipe import choose
from training.run import RunError
from training.settings import Settings

LATIN = Vocabulary(tuple(map(chr, range(32, 97))))
RECIPE, _ = choose(Settings(("x",), steps=1_000), 1_000_000, LATIN, lambda _: 1.0, "float32")


def test_a_run_of_steps_counts_them_and_knows_no_clock() -> None:
    moments = ((0, 0), (50, 1e9), (200, 0), (300, 0))
    assert [Schedule(200).progress(*moment) for moment in moments] == [0, 0.25, 1, 1]


def test_a_run_of_minutes_goes_by_the_clock_or_by_its_most_steps() -> None:
    moments = ((10, 30), (900, 30), (10, 60), (10, 90))  # with 900 the text is nearly learnt
    shares = [Schedule(1_000, end_s=60).progress(*moment) for moment in moments]
    assert shares == pytest.approx([0.5, 0.9, 1, 1])


def test_progress_continues_where_the_checkpoint_was_and_still_ends_at_its_minutes() -> None:
    slept = Schedule(10**6, end_s=60, resumed=(0.3, 30))  # it was slower than its clock
    assert slept.progress(5, 30) == pytest.approx(0.3)
    assert slept.progress(5, 45) == pytest.approx(0.65)
    assert slept.progress(5, 60) == 1
    late = Schedule(10**6, end_s=60, resumed=(0.9, 61))  # nothing is left of its minutes
    assert late.progress(5, 61) == pytest.approx(0.9)
    assert late.progress(6, 61.01) == 1


@pytest.mark.parametrize("steps", [1, 7, 130, 5_000, 60_000])
def test_evaluations_come_at_least_once_and_at_the_end(steps: int) -> None:
    plan, schedule = Plan(RECIPE, steps, steps, threads=1), Schedule(steps)
    last, evaluated = 0.0, []
    for step in range(1, steps + 1):
        progress = schedule.progress(step, 0)
        if plan.is_evaluation(last, progress):
            evaluated.append(step)
            last = progress
    assert evaluated[-1] == steps
    assert len(evaluated) == plan.evaluations <= max(20, steps // 1_000)


def test_a_plan_is_kept_in_the_runs_folder_and_refused_if_it_is_damaged(tmp_path: Path) -> None:
    assert Plan.read(tmp_path) is None
    plan = Plan(
        replace(RECIPE, dropout=0.3), 77, 99, 2, 5_000.5, {"name": "x", "sha256": "y"}, ("é",)
    )
    plan.write(tmp_path)
    assert Plan.read(tmp_path) == plan
    (tmp_path / "recipe.json").write_text('{"recipe": null}', encoding="utf-8")
    with pytest.raises(RunError, match=r"recipe\.json in .* can't be used"):
        Plan.read(tmp_path)
