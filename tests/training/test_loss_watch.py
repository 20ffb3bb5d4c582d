"""LossWatch: sees an explosion, and none where a network merely learns."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest

from model.vocabulary import Vocabulary
from tests.reference import TEXT
from training.learner import Learner
from training.loss_watch import WINDOW, Alarm, LossWatch
from training.plan import Plan
from training.recipe import choose
from training.run import Settings


def watch_of(losses: list[float]) -> LossWatch:
    watch = LossWatch(vocab_size=65)
    for loss in losses:
        assert watch.take(loss) is None
    return watch


@pytest.mark.parametrize("loss", [math.nan, math.inf, 11 * math.log(65)])
def test_a_loss_that_no_network_has_is_an_explosion_at_once(loss: float) -> None:
    assert LossWatch(vocab_size=65).take(loss) is Alarm.EXPLODED
    assert watch_of([4.2, 3.5, 2.9]).take(loss) is Alarm.EXPLODED


def test_a_loss_that_rises_and_stays_is_seen_within_a_window() -> None:
    watch = watch_of([2 - step / 1_000 for step in range(200)])
    alarms = [watch.take(2.6) for _ in range(WINDOW)]
    assert alarms.index(Alarm.RISEN) == WINDOW // 2
    watch.accept_rise()
    assert [watch.take(2.6) for _ in range(100)] == [None] * 100


def test_a_few_high_losses_are_no_explosion() -> None:
    watch = watch_of([1.5] * 100)
    for _ in range(20):
        assert [watch.take(loss) for loss in (9.0, 4.0, 1.5, 1.5, 1.5)] == [None] * 5


def test_what_it_remembers_goes_through_json() -> None:
    watch = watch_of([3 - step / 100 for step in range(100)])
    other = LossWatch(vocab_size=65)
    other.restore(json.loads(json.dumps(watch.facts())))
    for loss in (2.2, 2.9, math.nan, *[3.1] * WINDOW):
        assert other.take(loss) is watch.take(loss)
        assert other.facts() == watch.facts()


@pytest.mark.long
@pytest.mark.parametrize("text", ["ab", "hello", "a" * 31, "to be or not\n" * 4, TEXT[:2_000]])
def test_the_smallest_texts_are_learnt_whole_without_an_alarm(text: str) -> None:
    vocabulary = Vocabulary.from_counts(Counter(text), 1)
    asked = Settings(("x",), steps=120, hidden_size=32)
    recipe, steps = choose(asked, len(text), vocabulary, lambda _: 1.0, "float32")
    plan = Plan(recipe, steps)
    config = recipe.config(vocabulary)
    learner = Learner(recipe, config, vocabulary.encode(text).indices, seed=1)
    watch = LossWatch(len(vocabulary))
    losses = [learner.step(step, plan.lr_factor(step + 1)) for step in range(steps)]
    assert [watch.take(loss) for loss in losses] == [None] * steps
    assert losses[-1] < losses[0] or losses[0] == 0
