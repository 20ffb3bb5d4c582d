"""The recipe: minutes become a network and a number of steps."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from model.vocabulary import Vocabulary
from training.plan import Plan
from training.recipe import Recipe, choose, lr_factor
from training.run import Settings, TrainingError

LATIN = Vocabulary(tuple(map(chr, range(32, 97))))
HAN = Vocabulary(tuple(map(chr, range(0x4E00, 0x4E00 + 6_000))))


def chosen(
    minutes: float = 4,
    characters: int = 1_000_000,
    gigaflops: float = 100,
    vocabulary: Vocabulary = LATIN,
    **settings: int,
) -> tuple[Recipe, int]:
    """The choice on a machine that does so many billion operations a second."""

    def speed(recipe: Recipe) -> float:
        hidden = recipe.hidden_size
        chunk = recipe.batch_size * recipe.sequence_length
        work = 6 * recipe.config(vocabulary).parameters + 4 * 3 * 6 * hidden**3 / chunk
        return gigaflops * 1e9 / work

    asked = Settings(("x",), minutes=minutes, **settings)  # type: ignore[arg-type]
    return choose(asked, characters, vocabulary, speed, "float32")


def test_more_minutes_or_a_faster_machine_make_a_wider_network() -> None:
    by_minutes = [chosen(minutes)[0].hidden_size for minutes in (0.25, 1, 4, 10, 30)]
    by_speed = [chosen(gigaflops=speed)[0].hidden_size for speed in (10, 50, 250)]
    for widths in (by_minutes, by_speed):
        assert widths == sorted(widths)
        assert widths[0] < widths[-1]


def test_a_batch_that_nobody_asked_for_can_be_divided_among_the_processes() -> None:
    def batch(characters: int, processes: int, asked: int | None = None) -> int:
        settings = Settings(("x",), steps=100, batch_size=asked)
        recipe, _ = choose(settings, characters, LATIN, lambda _: 1.0, "float32", processes)
        return recipe.batch_size

    assert [batch(19_209, n) for n in (1, 2, 4)] == [15, 14, 12]
    assert [batch(1_000_000, n) for n in (1, 3, 40)] == [32, 30, 40]
    assert batch(1_000_000, 2, asked=15) == 15  # and is refused


def test_every_weight_sees_at_least_four_characters() -> None:
    for minutes in (0.1, 1, 10):
        recipe, steps = chosen(minutes)
        seen = steps * recipe.batch_size * recipe.sequence_length
        assert seen >= 0.9 * 4 * recipe.config(LATIN).parameters


def test_however_long_it_takes_a_character_to_learn_gets_three_weights_at_most() -> None:
    for characters in (200_000, 1_000_000):
        recipe, _ = chosen(1_000, characters)
        assert 1.5 * characters < recipe.config(LATIN).parameters <= 3 * characters


def test_thousands_of_kinds_of_character_dont_make_the_network_narrow() -> None:
    recipe, _ = chosen(1, 400_000, gigaflops=400, vocabulary=HAN)
    assert recipe.embedding_size > 0
    assert recipe.hidden_size >= 192  # 48 wide, which counts the rows of all kinds, lost half a nat


def test_the_rows_of_an_embedding_decay_more_than_those_of_few_kinds() -> None:
    def decays(vocabulary: Vocabulary, characters: int) -> float:
        recipe, steps = chosen(1, characters, vocabulary=vocabulary, hidden_size=256, steps=1_000)
        return recipe.adam_weight_decay * 0.5 * recipe.adam_lr * steps

    assert decays(HAN, 400_000) == pytest.approx(4.7, abs=0.4)
    assert decays(LATIN, 400_000) < 0.9
    assert decays(HAN, 1_000_000_000) == 0


def test_the_longer_a_text_is_pressed_the_more_is_dropped() -> None:
    dropouts = [chosen(minutes)[0].dropout for minutes in (1, 4, 30)]
    assert dropouts == sorted(dropouts)
    assert chosen(characters=1_000_000_000)[0].dropout == 0
    assert chosen(characters=20_000)[0].dropout == 0.5


def test_a_small_text_gets_a_small_network_small_batches_and_an_end() -> None:
    recipe, steps = chosen(10, characters=10_000)
    assert recipe.hidden_size <= 192
    assert recipe.batch_size < 32
    assert steps * recipe.batch_size * recipe.sequence_length <= 61 * 10_000


@pytest.mark.parametrize("characters", [2, 3, 65, 100])
def test_a_tiny_text_gets_a_recipe_that_fits_into_it(characters: int) -> None:
    recipe, steps = chosen(1, characters=characters)
    assert 1 <= recipe.sequence_length < characters
    assert recipe.batch_size * recipe.sequence_length <= max(characters, 1)
    assert steps >= 1


def test_what_was_asked_for_is_taken_as_it_is() -> None:
    recipe, steps = chosen(hidden_size=77, batch_size=5, steps=123, num_layers=2)
    assert (recipe.hidden_size, recipe.batch_size, recipe.num_layers, steps) == (77, 5, 2, 123)


def test_wide_gates_are_cut_into_bands_that_are_wide_enough() -> None:
    sizes = (16, 188, 191, 192, 193, 640)
    assert [chosen(hidden_size=size)[0].bands for size in sizes] == [1, 1, 1, 4, 1, 4]


def test_the_learning_rate_rises_shortly_and_falls_to_its_floor() -> None:
    recipe, _ = chosen()
    assert lr_factor(0.01, recipe) == pytest.approx(0.5 * 0.99)
    assert lr_factor(0.5, recipe) == pytest.approx(0.5)
    assert lr_factor(1.0, recipe) == recipe.floor


def test_a_plan_that_is_cut_goes_on_smoothly_and_ends_early() -> None:
    plan = Plan(chosen()[0], 1000)
    cut = plan.amended(400, 600)
    assert cut.total_steps == 600
    assert cut.progress(400) == plan.progress(400) == pytest.approx(0.4)
    assert cut.progress(500) == pytest.approx(0.7)
    assert cut.progress(600) == pytest.approx(1)
    again = cut.amended(500, 550)
    assert again.progress(525) == pytest.approx(0.85)
    assert Plan.from_json(json.loads(json.dumps(asdict(again)))) == again
    with pytest.raises(TrainingError):
        cut.amended(500, 500)


def test_a_plan_that_is_raised_goes_on_smoothly_and_ends_late() -> None:
    plan = Plan(chosen()[0], 1000)
    raised = plan.amended(200, 1800)
    assert raised.total_steps == 1800
    assert raised.progress(200) == plan.progress(200) == pytest.approx(0.2)
    assert raised.progress(1000) == pytest.approx(0.6)
    assert raised.progress(1800) == pytest.approx(1)
    assert raised.is_evaluation(1000)
    assert raised.is_evaluation(1800)


def test_in_a_whole_run_weights_decay_alike_however_many_steps_it_has() -> None:
    def decays(steps: int, characters: int) -> float:
        recipe, _ = chosen(characters=characters, steps=steps, hidden_size=256)
        return recipe.weight_decay * 0.5 * recipe.muon_lr * steps

    large = 1_000_000_000
    assert decays(1_000, large) == pytest.approx(1.4, rel=0.05)
    assert decays(20_000, large) == pytest.approx(1.4, rel=0.05)
    assert decays(1_000, 100_000) > 3 * 1.4  # 20 passes: it must forget more
    assert chosen(steps=1, hidden_size=256)[0].weight_decay <= 1


def test_scoring_comes_at_least_once_and_at_the_end() -> None:
    for steps in (1, 7, 130, 5000):
        plan = Plan(chosen()[0], steps)
        scored = [step for step in range(1, steps + 1) if plan.is_evaluation(step)]
        assert scored[-1] == steps
        assert len(scored) <= 27
