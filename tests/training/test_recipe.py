"""The recipe: minutes become a network and its regularization."""

from __future__ import annotations

from typing import Any

import pytest

from model.vocabulary import Vocabulary
from training.recipe import Recipe, choose
from training.settings import Settings

LATIN = Vocabulary(tuple(map(chr, range(32, 97))))
HAN = Vocabulary(tuple(map(chr, range(0x4E00, 0x4E00 + 6_000))))
MEGABYTE, GIGABYTE = 1_000_000, 1_000_000_000


def chosen(
    minutes: float = 4,
    characters: int = MEGABYTE,
    gigaflops: float = 100,
    vocabulary: Vocabulary = LATIN,
    processes: int = 1,
    is_list: bool = False,
    **asked: Any,
) -> tuple[Recipe, int]:
    """The choice on a machine that does so many billion operations a second."""

    def speed(recipe: Recipe) -> float:
        hidden = recipe.hidden_size
        work = 6 * recipe.config(vocabulary).parameters
        work += round(4 * 3 * 6 * hidden**3 / recipe.characters_per_step)
        return gigaflops * 1e9 / work

    settings = Settings(("x",), minutes=minutes, **asked)
    return choose(settings, characters, vocabulary, speed, "float32", processes, is_list)


def test_more_minutes_or_a_faster_machine_make_a_wider_network() -> None:
    by_minutes = [chosen(minutes)[0].hidden_size for minutes in (0.25, 1, 4, 10, 30)]
    by_speed = [chosen(gigaflops=speed)[0].hidden_size for speed in (10, 50, 250)]
    for widths in (by_minutes, by_speed):
        assert widths == sorted(widths)
        assert widths[0] < widths[-1]


def test_the_numbers_of_the_recipe_are_those_that_were_measured() -> None:
    recipe, _ = chosen()
    assert (recipe.num_layers, recipe.batch_size, recipe.sequence_length) == (1, 32, 64)
    assert (recipe.muon_lr, recipe.adam_lr, recipe.state_reset) == (0.06, 0.03, 0.05)
    assert (recipe.ema_decay, recipe.warmup, recipe.min_lr_ratio) == (0.998, 0.02, 0.02)
    assert (recipe.clip, recipe.embedding_size) == (1.0, 0)
    assert chosen(vocabulary=HAN)[0].embedding_size == 128
    of_list, _ = chosen(is_list=True)
    assert (of_list.batch_size, of_list.sequence_length) == (16, 32)
    rates = tuple(map(recipe.lr_factor, (0.01, 0.02, 0.5, 1.0)))  # they rise shortly, then fall
    assert rates == pytest.approx((0.5 * 0.99, 0.98, 0.5, 0.02))
    sizes = (16, 188, 191, 192, 193, 640)  # wide gates are cut into bands
    assert [chosen(hidden_size=size)[0].bands for size in sizes] == [1, 1, 1, 4, 1, 4]


def test_a_weight_sees_four_characters_and_a_character_gets_three_weights_at_most() -> None:
    for minutes in (0.1, 1, 10):
        recipe, steps = chosen(minutes)
        seen = steps * recipe.characters_per_step
        assert seen >= 0.9 * 4 * recipe.config(LATIN).parameters
    for characters in (200_000, MEGABYTE):
        recipe, _ = chosen(1_000, characters)
        assert 1.5 * characters < recipe.config(LATIN).parameters <= 3 * characters


def test_the_harder_a_text_is_pressed_the_more_is_dropped_and_forgotten() -> None:
    for kind in ("dropout", "weight_decay"):
        values = [getattr(chosen(minutes)[0], kind) for minutes in (1, 4, 30)]
        assert values == sorted(values)
        assert values[0] < values[-1]
    easy, hard = chosen(characters=GIGABYTE)[0], chosen(characters=20_000)[0]
    assert (easy.dropout, easy.input_dropout, easy.weight_decay) == (0, 0, 1.4)
    assert (hard.dropout, hard.input_dropout) == (0.5, 0.05)
    assert hard.weight_decay > 4


def test_thousands_of_characters_leave_the_network_wide_and_their_rows_decay_more() -> None:
    def decay(vocabulary: Vocabulary, characters: int) -> float:
        recipe, _ = chosen(1, characters, vocabulary=vocabulary, hidden_size=256, steps=1_000)
        return recipe.adam_weight_decay

    recipe, _ = chosen(1, 400_000, gigaflops=400, vocabulary=HAN)
    assert recipe.hidden_size >= 192  # 48 wide, which counts the rows of all, lost half a nat
    assert decay(HAN, 400_000) == pytest.approx(4.7, abs=0.4)
    assert 0 < decay(LATIN, 100_000) <= 0.8
    assert decay(HAN, GIGABYTE) == decay(LATIN, GIGABYTE) == 0


def test_a_small_text_gets_a_small_network_small_batches_and_an_end() -> None:
    recipe, steps = chosen(10, characters=10_000)
    assert recipe.hidden_size <= 192
    assert recipe.batch_size < 32
    assert 20 < steps * recipe.characters_per_step / 10_000 < 61
    recipe, steps = chosen(100)
    assert steps * recipe.characters_per_step / MEGABYTE == pytest.approx(16, abs=0.1)
    for characters in (2, 3, 65, 100):
        recipe, steps = chosen(1, characters=characters)
        assert 1 <= recipe.sequence_length < characters
        assert recipe.characters_per_step <= characters
        assert steps >= 1


def test_what_was_asked_for_is_taken_as_it_is() -> None:
    asked: dict[str, Any] = {"hidden_size": 77, "batch_size": 5, "num_layers": 2, "muon_lr": 0.0}
    recipe, steps = chosen(steps=123, weight_decay=0.0, **asked)
    assert {name: getattr(recipe, name) for name in asked} == asked
    assert (recipe.weight_decay, steps) == (0, 123)
    assert "2 layers of 77" in recipe.describe()


def test_a_batch_that_nobody_asked_for_can_be_divided_among_the_processes() -> None:
    def batch(characters: int, processes: int, **asked: Any) -> int:
        return chosen(characters=characters, processes=processes, **asked)[0].batch_size

    assert [batch(19_209, n) for n in (1, 2, 4)] == [15, 14, 12]
    assert [batch(MEGABYTE, n) for n in (1, 3, 40)] == [32, 30, 40]
    assert batch(MEGABYTE, 2, batch_size=15) == 15  # and is refused


def test_time_that_is_left_makes_batches_smaller_and_steps_more() -> None:
    def batch(minutes: float, characters: int, **asked: Any) -> int:
        recipe, steps = chosen(minutes, characters, **asked)
        epochs = steps * recipe.characters_per_step / characters
        assert epochs == pytest.approx(17.5, abs=2)
        return recipe.batch_size

    assert [batch(1_000, size) for size in (50_000, 90_000, 180_000, MEGABYTE)] == [8, 8, 16, 32]
    assert batch(1_000, 90_000, batch_size=16) == 16
    assert chosen(0.1, 90_000, gigaflops=20)[0].batch_size == 32
