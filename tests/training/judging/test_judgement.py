"""Judgement: what a run should hear about itself, and advice that the command line takes."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from training.__main__ import build_parser, settings_from
from training.judging.baselines import Baselines
from training.judging.judgement import Evidence, judge

GOOD = Evidence(
    val_loss=1.4,
    train_part_loss=1.2,
    baselines=Baselines(4.2, 3.3, 1.67, 1.74, 1_000_000),
    steps=1_000,
    planned_steps=1_000,
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
FLAG = re.compile(r"--[a-z_]+(?: [\d.]+\d)?")


def said(evidence: Evidence) -> str:
    return " ".join(judge(evidence))


def test_a_good_run_hears_so_in_figures_and_what_would_help() -> None:
    text = said(GOOD)
    for part in (
        "Fitted well: it needs 2.02 bits per character on new text",
        "1.73 on the text that it learnt",
        "(--minutes 10)",
        "a 5-gram, which only counts characters, needs 2.41: it is 16% better",
        "It writes its own: in 6,000 characters",
        "has 31; in 6,000 characters of new text it has 29",
        "99% stand in its text",
    ):
        assert part in text
    assert "rough" not in text
    assert "--resume" not in text


def test_a_run_that_was_best_long_before_its_end_has_overfitted() -> None:
    text = said(replace(GOOD, best_step=400, risen=0.2))
    assert "Overfitted: it did best on new text after 400 of 1,000 steps" in text
    assert "fewer minutes (--minutes 2) or more dropout (--dropout 0.35, it was 0.20)" in text
    by_itself = said(replace(GOOD, best_step=400, risen=0.2, seconds=180.0))  # of 300
    assert "fewer minutes (--minutes 1.2)" in by_itself
    by_steps = said(replace(GOOD, best_step=400, risen=0.2, minutes=None, dropout=0.5))
    assert "fewer steps (--steps 400)." in by_steps


def test_a_flat_end_is_no_overfitting_but_more_of_the_same_will_not_help() -> None:
    text = said(replace(GOOD, best_step=700, risen=0.004))
    assert "after 700 of 1,000 steps it became no better" in text
    assert "More text helps most; otherwise more dropout" in text
    assert "--minutes" not in text


def test_a_run_that_knows_its_own_text_no_better_has_underfitted() -> None:
    assert "Underfitted" in said(replace(GOOD, train_part_loss=1.38))


def test_a_run_that_met_its_text_hardly_once_has_underfitted() -> None:
    assert "after 1.6 passes through it" in said(replace(GOOD, epochs=1.63))


def test_a_passage_that_nobody_says_twice_is_recited_however_repetitive_the_text_is() -> None:
    for copied, repeated in ((61, 20), (201, 150), (941, 1_000), (2_000, 2_000)):
        assert "It recites: " in said(replace(GOOD, copied=copied, repeated=repeated))
    assert "It recites: " in said(replace(GOOD, copied=43, train_characters=43, repeated=None))
    for copied, repeated in ((60, 20), (120, 70), (200, 1_000)):
        assert "It writes its own: " in said(replace(GOOD, copied=copied, repeated=repeated))


def test_a_run_that_counting_beats_is_sent_on_for_much_longer() -> None:
    text = said(replace(GOOD, val_loss=2.5, train_part_loss=2.3, minutes=None))
    assert "Underfitted" in text
    assert "(--steps 4000)" in text
    assert "it should get below that" in text
    small = said(replace(GOOD, val_loss=2.5, train_part_loss=1.0, train_characters=9_000))
    assert "Largely learnt by heart" in small
    assert "on so small a text that is hard to beat" in small


def test_minutes_that_were_not_used_are_not_asked_for_again() -> None:
    early = replace(GOOD, seconds=20.0, epochs=60.0)
    assert "training ended by itself, after 60 passes" in said(early)
    assert "--minutes" not in said(early)
    assert "--steps 400" in said(replace(early, best_step=400, risen=0.2))


def test_a_run_that_was_stopped_is_sent_on() -> None:
    text = said(replace(GOOD, steps=340, best_step=300, last_scored=300, was_stopped=True))
    assert text.startswith("It was stopped after 340 of 1,000 steps")
    assert "--resume goes on" in text
    assert "Going on will help" in text


def test_without_a_held_out_part_it_says_so_and_still_tells_what_was_copied() -> None:
    nothing = replace(
        GOOD, val_loss=None, baselines=None, held_out_characters=0, repeated=None, compared=0
    )
    text = said(nothing)
    assert text.startswith("Nothing was held out")
    assert "--held_out 0.1 sets a tenth of the text aside" in text
    assert "--held_out" not in said(replace(nothing, train_characters=14))
    assert "It writes its own" in text
    assert "It recites" in said(replace(nothing, copied=61))


def test_reciting_is_measured_by_what_people_repeat() -> None:
    assert "It recites" in said(replace(GOOD, copied=150))
    assert "It writes its own" in said(replace(GOOD, copied=150, repeated=90))


def test_a_text_that_repeats_itself_is_no_fault_of_the_run() -> None:
    text = said(replace(GOOD, val_loss=1.8, train_part_loss=1.6, repeated=1_140))
    assert "Fitted well" in text
    assert "a 5-gram, which only counts characters, needs 2.41." in text
    assert "The new text isn't all new: a passage of 1,140 characters" in text


def test_small_texts_get_no_grand_words() -> None:
    text = said(replace(GOOD, train_characters=9_000, held_out_characters=1_000))
    assert "9,000 characters are little to learn from" in text
    assert "so does a model to begin from (--init_from)" in text
    tuned = replace(GOOD, train_characters=9_000, held_out_characters=1_000, is_fine_tuned=True)
    assert "--init_from" not in said(tuned)
    assert "the figures are rough" in text
    tiny = said(replace(GOOD, train_characters=40, held_out_characters=4))
    assert "Only 4 characters were held out: too few to judge by" in tiny
    assert "fitted" not in tiny


@pytest.mark.parametrize("loss", [0.0, 0.01])
def test_a_text_without_surprises_is_no_fault(loss: float) -> None:
    baselines = Baselines(0.0, 0.0, 0.0, None, 1_000)
    text = said(replace(GOOD, val_loss=loss, train_part_loss=loss, baselines=baselines))
    assert "nearly without a mistake" in text
    assert "5-gram" not in text


def test_all_advice_is_a_flag_that_training_takes() -> None:
    advised: set[str] = set()
    for loss, best, stopped, minutes, dropout, seconds in itertools.product(
        (None, 1.2, 1.4, 2.5), (10, 990), (False, True), (None, 0.01, 10_000.0), (0.0, 0.45),
        (1.0, 1e7),
    ):  # fmt: skip
        evidence = replace(
            GOOD, val_loss=loss, best_step=best, risen=0.1, was_stopped=stopped, minutes=minutes,
            dropout=dropout, seconds=seconds, copied=500,
        )  # fmt: skip
        advised.update(FLAG.findall(said(evidence)))
    with_values = {flag for flag in advised if " " in flag}
    assert {flag.split()[0] for flag in with_values} == {
        "--minutes", "--steps", "--dropout", "--held_out",
    }  # fmt: skip
    parser = build_parser()
    for flag in with_values:
        settings_from(parser.parse_args(flag.split()), ["a.txt"], "")
    for flag in advised - with_values:
        assert flag in parser.format_help()
