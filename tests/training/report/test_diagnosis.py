"""Diagnosis: a run first hears what to do, then the figures; advice is settings for a next run."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from training.report.diagnosis import diagnose
from training.settings import Settings

# What config.json says of a good run of a megabyte.
TRAINING: dict[str, Any] = {
    "val_loss": 1.4,
    "train_part_loss": 1.2,
    "baselines": {"uniform": 4.2, "unigram": 3.3, "five_gram": 1.67, "xz": 1.74},
    "steps": 1_000,
    "best_step": 1_000,
    "seconds": 300.0,
    "epochs": 7.0,
    "recipe": {"dropout": 0.2, "taught_by": 0},
    "train_characters": 1_000_000,
    "held_out_characters": 110_000,
    "longest_copy": {"length": 31, "written": 6_000, "repeated": 29, "compared": 6_000},
    "known_words": 0.99,
    "init_from": None,
}
WELL = "It has learnt the text well and writes new text in its style: try it."
BY_HEART = "It has begun to learn the text by heart: give it more text"


def diagnosed(
    *, risen: float = 0.0, minutes: float | None = 5.0, stopped: bool = False, **facts: Any
) -> tuple[list[str], dict[str, Any]]:
    """Of the good run, if these facts about it were otherwise; a dict changes a part of one."""
    training = dict(TRAINING)
    for key, fact in facts.items():
        training[key] = {**(TRAINING.get(key) or {}), **fact} if isinstance(fact, dict) else fact
    losses = [(step, 1.4) for step in range(100, 901, 100)] + [(1_000, 1.4 + risen)]
    return diagnose(
        training,
        was_stopped=stopped,
        minutes=minutes,
        val_losses=[] if training["val_loss"] is None else losses,
    )


def said(**facts: Any) -> str:
    return " ".join(diagnosed(**facts)[0])


def test_a_good_run_hears_so_and_then_the_figures() -> None:
    sentences, advice = diagnosed()
    assert sentences == [
        f"{WELL} Training it for twice as long may make it a little better.",
        "It needs 2.02 bits per character on new text (the part held out) and 1.73 on the text "
        "that it learnt.",
        "On the same new text a 5-gram, which only counts characters, needs 2.41 and the "
        "compressor xz needs 2.51: the model does 16% better.",
        "It doesn't recite: in 6,000 characters that it wrote, the longest passage that stands "
        "word for word in the text that it learnt has 31; in 6,000 held-out characters "
        "it has 29.",
        "Of the words that it wrote at temperature 0.5, 99% stand in the text.",
    ]
    assert advice == {"minutes": 10.0}
    kept = "; after step 400 of 1,000 it got no better on new text, so the weights of that step"
    assert kept in said(best_step=400)


@pytest.mark.parametrize(
    ("facts", "first", "advice"),
    [
        ({"best_step": 400, "risen": 0.2}, f"{BY_HEART}, or train it with more dropout.",
         {"dropout": 0.35}),
        ({"best_step": 400, "risen": 0.2, "recipe": {"dropout": 0.5}}, f"{BY_HEART}.", {}),
        ({"train_part_loss": 0.7}, f"{BY_HEART}, or train it with more dropout.",
         {"dropout": 0.35}),
        ({"train_part_loss": 1.38},
         "It would learn more with more time: train it for twice as long.", {"minutes": 10.0}),
        ({"epochs": 1.6, "minutes": None},
         "It would learn more with more time: train it for twice as long.", {"steps": 2_000}),
        ({"val_loss": 2.5, "train_part_loss": 2.3, "minutes": 0.25, "seconds": 15.0},
         "It would learn more with more time: train it for twice as long.", {"minutes": 0.5}),
        ({"train_part_loss": 1.38, "seconds": 20.0},
         "It has learnt what it can from the text: give it more.", {}),
        ({"val_loss": 0.01, "train_part_loss": 0.01, "baselines": {"five_gram": 0, "xz": None}},
         "It has learnt what it can from the text: give it more.", {}),
        ({"known_words": 0.0, "best_step": 700, "risen": 0.004},
         "It still makes up too many words: give it more text.", {}),
        ({"longest_copy": {"length": 150}},
         "It repeats passages of the text: give it more text, or train it with more dropout.",
         {"dropout": 0.35}),
        ({"best_step": 700, "risen": 0.004},
         f"{WELL} More text would make it better; more time wouldn't.", {}),
        ({"stopped": True},
         "It was stopped early: resume it, because the end of a run teaches it the most.", {}),
        ({"train_characters": 40, "held_out_characters": 4},
         "Give it more text: what was held out is too little to judge it by.", {}),
        ({"known_words": None},  # Chinese
         f"{WELL} Training it for twice as long may make it a little better.", {"minutes": 10.0}),
    ],
)  # fmt: skip
def test_the_first_sentence_says_what_to_do(
    facts: dict[str, Any], first: str, advice: dict[str, Any]
) -> None:
    sentences, given = diagnosed(**facts)
    assert sentences[0] == first
    assert given == advice


def test_without_a_held_out_part_it_still_tells_what_was_copied() -> None:
    text = said(
        val_loss=None, baselines=None, held_out_characters=0,
        longest_copy={"repeated": None, "compared": 0},
    )  # fmt: skip
    assert text.startswith("Try it: no text was held out")
    assert "doesn't recite: in 6,000 characters" in text
    assert "5-gram" not in text


@pytest.mark.parametrize(
    ("five_gram", "xz", "result"),
    [
        (1.3, 1.74, "needs 1.88 and the compressor xz needs 2.51: the model doesn't do better."),
        (1.67, 1.3, "needs 2.41 and the compressor xz needs 1.88: the model doesn't do better."),
        (1.67, None, "needs 2.41: the model does 16% better."),
    ],
)
def test_it_is_said_who_predicts_better(five_gram: float, xz: float | None, result: str) -> None:
    assert result in said(baselines={"five_gram": five_gram, "xz": xz})


def test_reciting_is_measured_by_what_people_repeat() -> None:
    for copied, repeated, recites in (
        (61, 20, True), (201, 150, True), (941, 1_000, True),
        (60, 20, False), (120, 70, False), (200, 1_000, False),
    ):  # fmt: skip
        text = said(longest_copy={"length": copied, "repeated": repeated})
        assert ("It recites: " in text) == recites
        assert ("It doesn't recite: " in text) != recites


def test_a_text_that_repeats_itself_is_no_fault_of_the_run() -> None:
    text = said(val_loss=1.8, train_part_loss=1.6, longest_copy={"repeated": 1_140})
    assert text.startswith(WELL)
    assert "Part of the new text isn't new: a passage of 1,140 characters" in text


def test_small_texts_hear_of_more_text_and_of_a_model_to_start_from() -> None:
    small = {"train_characters": 9_000, "held_out_characters": 1_000}
    text = said(**small)
    assert "9,000 characters are little to learn from" in text
    assert "starting from a model trained on a longer text" in text
    assert "1,000 characters are little to measure on: the figures are rough" in text
    assert "starting from" not in said(**small, init_from={"name": "ann/novel"})


def test_every_advice_is_a_setting_and_no_sentence_names_a_flag() -> None:
    for loss, best, minutes, dropout, seconds in itertools.product(
        (1.2, 1.4, 2.5), (10, 990), (None, 0.01, 10_000.0), (0.0, 0.45), (1.0, 1e7)
    ):
        sentences, advice = diagnosed(
            val_loss=loss, best_step=best, minutes=minutes, seconds=seconds,
            recipe={"dropout": dropout},
        )  # fmt: skip
        Settings(("a.txt",), **advice)
        assert all(s.endswith(".") and "--" not in s for s in sentences)


def test_a_taught_run_hears_what_its_teachers_need_and_is_not_told_to_take_more_minutes() -> None:
    taught: dict[str, Any] = {"recipe": {"taught_by": 2}, "teacher_val_loss": 1.44}
    assert "from the last of 2 networks before it, of which the best needs 2.08" in said(**taught)
    assert diagnosed(**taught)[1] == {} != diagnosed()[1]


def test_a_list_is_judged_by_its_items() -> None:
    items = {"listed": 29_693, "written": 200, "new": 131}
    text = said(items=items, longest_copy=None, known_words=None)
    new = (
        "Of 200 different items that it wrote at temperature 1, 131 are new: they aren't among "
        "the 29,693 of the list."
    )
    assert new in text
    assert text.startswith(WELL)
    assert "recite" not in text
    recited, advice = diagnosed(items={**items, "new": 12}, longest_copy=None, known_words=None)
    assert recited[0].startswith("It repeats items of the list: give it more text")
    assert advice == {"dropout": 0.35}
