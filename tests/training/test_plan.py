"""Plan: when to score and to save, and what explosions and a slow machine make of it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import pairwise

from model.vocabulary import Vocabulary
from training.loss_watch import WINDOW
from training.plan import Plan, RollBack, steps_a_minute
from training.recipe import choose
from training.run import Settings

LETTERS = Vocabulary(tuple("abcdefghijklmnopqrstuvwxyz"))
RECIPE, _ = choose(Settings(("x",), steps=1_000), 1_000_000, LETTERS, lambda _: 1.0, "float32")


def checkpoints(plan: Plan) -> list[int]:
    return [step for step in range(plan.total_steps + 1) if plan.is_checkpoint(step)]


def test_checkpoints_come_at_evaluations_and_evenly_between_those_far_apart() -> None:
    assert checkpoints(Plan(RECIPE, 100)) == [0, 25, 50, 75, 100]
    far_apart = Plan(RECIPE, 50_000, checkpoint_every=300)
    assert checkpoints(far_apart)[:5] == [0, 300, 600, 1_000, 1_300]
    for every in (25, 60, 133, 5_000):
        plan = Plan(RECIPE, 10_000, every)  # scored every 500 steps
        made = checkpoints(plan)
        assert set(made) >= {step for step in range(1, 10_001) if plan.is_evaluation(step)}
        gaps = {after - before for before, after in pairwise(made)}
        assert min(every, 500) <= min(gaps) <= max(gaps) <= min(2 * every, 500)


def test_a_minute_is_never_shorter_than_what_an_explosion_may_have_spoilt() -> None:
    assert steps_a_minute(RECIPE, 10_000_000_000) == 25 >= WINDOW
    assert steps_a_minute(RECIPE, 1_000_000) > steps_a_minute(RECIPE, 2_000_000) > 50
    assert steps_a_minute(RECIPE, 1_000_000, "cuda") > steps_a_minute(RECIPE, 1_000_000)


def test_an_explosion_goes_back_to_a_checkpoint_that_is_older_than_it() -> None:
    plan = Plan(RECIPE, 1_000).rolled_back(130)  # checkpoints every 50 steps
    assert plan.roll_backs == (RollBack(130, 100, 0.5),)
    assert Plan(RECIPE, 1_000).rolled_back(124).roll_backs[0].to == 50
    assert Plan(RECIPE, 1_000).rolled_back(3).roll_backs[0].to == 0
    again = plan.rolled_back(110)  # sooner than before: older checkpoints are gone
    assert again.roll_backs[1].to == 100


def test_learning_rates_are_lower_only_behind_the_checkpoint_gone_back_to() -> None:
    plain = Plan(RECIPE, 1_000)
    plan = plain.rolled_back(130).rolled_back(210)
    halves = [plan.lr_factor(step) / plain.lr_factor(step) for step in (100, 101, 150, 151, 900)]
    assert halves == [1, 0.5, 0.5, 0.25, 0.25]
    assert plan.notes()[0].startswith("the loss exploded at step 130: back to step 100")
    assert plan.notes()[0].endswith("on with 0.5 of the learning rates")
    assert plan.notes()[1].endswith("on with 0.25 of the learning rates")
    assert len(plan.notes()) == 2
    assert Plan.from_json(json.loads(json.dumps(asdict(plan)))) == plan


def test_other_threads_count_from_their_step_on() -> None:
    plan = Plan(RECIPE, 1_000, threads=2).with_threads(100, 1).with_threads(300, 2)
    assert [plan.threads_after(done) for done in (0, 99, 100, 299, 300, 900)] == [2, 2, 1, 1, 2, 2]
    assert "from step 300 on with 2 of them" in plan.notes()[0]
    assert Plan.from_json(json.loads(json.dumps(asdict(plan)))) == plan
    assert plan.with_threads(200, 2).thread_changes == ((100, 1), (200, 2))


def test_a_plan_of_an_older_version_can_be_read() -> None:
    stored = asdict(Plan(RECIPE, 1_000))
    for name in ("checkpoint_every", "roll_backs", "corpus_digest"):
        del stored[name]
    del stored["recipe"]["state_reset"]
    plan = Plan(replace(RECIPE, state_reset=0.0), 1_000)
    assert Plan.from_json(json.loads(json.dumps(stored))) == plan


def test_a_cut_that_belonged_to_steps_rolled_back_does_not_count_beside_a_new_one() -> None:
    plan = Plan(RECIPE, 1_000).amended(400, 800).amended(300, 700)
    assert plan.amendments == ((300, 700),)
    assert plan.progress(300) == 0.3
    assert plan.progress(700) == 1
