"""Diagnosis: a run first hears what to do, then the figures; advice is settings for a next run."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from training.report.baselines import Baselines
from training.report.diagnosis import Measurements, diagnose
from training.settings import Settings

GOOD = Measurements(
    val_loss=1.4,
    train_part_loss=1.2,
    baselines=Baselines(4.2, 3.3, 1.67, 1.74, 1_000_000),
    steps=1_000,
    best_step=1_000,
    last_scored=1_000,
    risen=0.0,
    was_stopped=False,
    minutes=5.0,
    seconds=300.0,
    epochs=7.0,
    dropout=0.2,
    train_characters=1_000_000,
    held_out_characters=110_000,
    written=6_000,
    copied=31,
    repeated=29,
    compared=6_000,
    known_words=0.99,
    is_fine_tuned=False,
)
WELL = "It has learnt the text well and writes new text in its style: try it."
NOTHING_HELD_OUT = replace(
    GOOD, val_loss=None, baselines=None, held_out_characters=0, repeated=None, compared=0
)


def said(m: Measurements) -> str:
    return " ".join(diagnose(m).sentences)


def advised(m: Measurements) -> dict[str, Any]:
    return diagnose(m).advice


def test_a_good_run_hears_so_and_then_the_figures() -> None:
    text = said(GOOD)
    assert text.startswith(WELL)
    for part in (
        "needs 2.02 bits per character on new text",
        "1.73 on the text that it learnt",
        "a 5-gram, which only counts characters, needs 2.41 and the compressor xz needs 2.51: the "
        "model does 16% better",
        "doesn't recite: in 6,000 characters",
        "has 31; in 6,000 characters of the held-out text, it has 29",
        "99% stand in the text",
    ):
        assert part in text
    assert "rough" not in text
    assert advised(GOOD) == {"minutes": 10.0}


@pytest.mark.parametrize(
    ("change", "first", "advice"),
    [
        ({"best_step": 400, "risen": 0.2},
         "It has begun to learn the text by heart: give it more text, or train it with more "
         "dropout.", {"dropout": 0.35}),
        ({"best_step": 400, "risen": 0.2, "dropout": 0.5},
         "It has begun to learn the text by heart: give it more text.", {}),
        ({"train_part_loss": 0.7, "dropout": 0.45},
         "It has begun to learn the text by heart: give it more text, or train it with more "
         "dropout.", {"dropout": 0.5}),
        ({"train_part_loss": 1.38},
         "It would learn more with more time: train it for twice as long.", {"minutes": 10.0}),
        ({"epochs": 1.6, "minutes": None},
         "It would learn more with more time: train it for twice as long.", {"steps": 2_000}),
        ({"val_loss": 2.5, "train_part_loss": 2.3, "minutes": 0.25, "seconds": 15.0},
         "It would learn more with more time: train it for four times as long.", {"minutes": 1.0}),
        ({"train_part_loss": 1.38, "seconds": 20.0},
         "It has learnt what it can from the text: give it more.", {}),
        ({"known_words": 0.58},
         "It still makes up too many words: train it for twice as long.", {"minutes": 10.0}),
        ({"known_words": 0.58, "best_step": 700, "risen": 0.004},
         "It still makes up too many words: give it more text.", {}),
        ({"copied": 150},
         "It repeats passages of the text: give it more text, or train it with more dropout.",
         {"dropout": 0.35}),
        ({"best_step": 700, "risen": 0.004},
         f"{WELL} More text would make it better; more time wouldn't.", {}),
        ({"seconds": 20.0, "epochs": 60.0},
         f"{WELL} More text would make it better; more time wouldn't.", {}),
        ({"was_stopped": True},
         "It was stopped early: resume it, because the end of a run teaches it the most.", {}),
        ({"train_characters": 40, "held_out_characters": 4},
         "Give it more text: what was held out is too little to judge it by.", {}),
        ({"val_loss": 0.01, "train_part_loss": 0.01, "baselines": Baselines(0, 0, 0, None, 9)},
         "It has learnt all there is to learn in the text: try it.", {}),
        ({"known_words": None}, WELL, {"minutes": 10.0}),  # Chinese
    ],
)  # fmt: skip
def test_the_first_sentence_says_what_to_do(
    change: dict[str, Any], first: str, advice: dict[str, Any]
) -> None:
    diagnosis = diagnose(replace(GOOD, **change))
    assert diagnosis.sentences[0].startswith(first)
    assert diagnosis.advice == advice


def test_of_a_run_that_peaked_it_is_said_which_weights_were_kept() -> None:
    text = said(replace(GOOD, best_step=400, risen=0.2))
    assert "after step 400 of 1,000 it got no better on new text" in text
    assert "weights of that step were kept" in text


def test_without_a_held_out_part_it_still_tells_what_was_copied() -> None:
    text = said(NOTHING_HELD_OUT)
    assert text.startswith("Try it: no text was held out")
    assert "doesn't recite" in text
    assert "5-gram" not in text
    assert advised(NOTHING_HELD_OUT) == {"held_out": 0.1}
    assert advised(replace(NOTHING_HELD_OUT, train_characters=14)) == {}


@pytest.mark.parametrize(
    ("five_gram", "xz", "result"),
    [
        (1.3, 1.74, "needs 1.88 and the compressor xz needs 2.51: a 5-gram still does better"),
        (1.67, 1.3, "needs 2.41 and the compressor xz needs 1.88: the compressor xz still does"),
        (1.3, 1.3, "a 5-gram and the compressor xz still do better"),
        (1.67, None, "needs 2.41: the model does 16% better"),
    ],
)
def test_it_is_said_who_predicts_better_than_the_model(
    five_gram: float, xz: float | None, result: str
) -> None:
    assert result in said(replace(GOOD, baselines=Baselines(4.2, 3.3, five_gram, xz, 9)))


def test_reciting_is_measured_by_what_people_repeat() -> None:
    for copied, repeated in ((61, 20), (201, 150), (941, 1_000), (2_000, 2_000)):
        assert "It recites: " in said(replace(GOOD, copied=copied, repeated=repeated))
    for copied, repeated in ((60, 20), (120, 70), (200, 1_000)):
        assert "It doesn't recite: " in said(replace(GOOD, copied=copied, repeated=repeated))
    assert "It recites: " in said(replace(NOTHING_HELD_OUT, copied=43, train_characters=43))


def test_a_text_that_repeats_itself_is_no_fault_of_the_run() -> None:
    text = said(replace(GOOD, val_loss=1.8, train_part_loss=1.6, repeated=1_140))
    assert text.startswith(WELL)
    assert "Part of the new text isn't new: a passage of 1,140 characters" in text


def test_small_texts_hear_of_more_text_and_of_a_model_to_start_from() -> None:
    small = replace(GOOD, train_characters=9_000, held_out_characters=1_000)
    assert "9,000 characters are little to learn from" in said(small)
    assert "starting from a model trained on a longer text" in said(small)
    assert "the figures are rough" in said(small)
    assert "starting from" not in said(replace(small, is_fine_tuned=True))


def test_every_advice_is_a_setting_and_no_sentence_names_a_flag() -> None:
    for loss, best, stopped, minutes, dropout, seconds, words in itertools.product(
        (None, 1.2, 1.4, 2.5), (10, 990), (False, True), (None, 0.01, 10_000.0), (0.0, 0.45),
        (1.0, 1e7), (None, 0.5, 1.0),
    ):  # fmt: skip
        diagnosis = diagnose(
            replace(
                GOOD, val_loss=loss, best_step=best, risen=0.1, was_stopped=stopped,
                minutes=minutes, dropout=dropout, seconds=seconds, known_words=words,
            )
        )  # fmt: skip
        Settings(("a.txt",), **diagnosis.advice)
        assert all(s.endswith(".") and "--" not in s for s in diagnosis.sentences)
