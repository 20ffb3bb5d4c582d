"""What a call for a GPU costs, how long one may be, and the platform's refusals in plain words."""

from __future__ import annotations

import gradio as gr
import pytest

from jobs.zero_gpu import (
    call_choices,
    calls_of,
    minutes_of,
    price,
    refusal,
    run_choices,
    suggested_call,
    suggested_run,
)


def test_a_call_costs_half_as_much_again_as_it_lasts() -> None:
    assert (price(60), price(25)) == (90, 38)


@pytest.mark.parametrize("longest", [20, 36, 120])
def test_no_choice_is_longer_than_allowed(longest: int) -> None:
    for seconds in run_choices(longest, most_minutes=2):
        calls, each = calls_of(seconds, longest)
        assert each <= longest
        assert calls * each == seconds
        assert minutes_of(seconds, longest) <= 2
    assert all(20 <= seconds <= longest for seconds in call_choices(longest))


def test_what_is_suggested_suits_the_text_and_what_is_left_of_a_run() -> None:
    choices = run_choices(120, 10)
    assert choices == (30, 60, 120, 240, 600)
    assert [suggested_run(n, choices, 120) for n in (10_000, 500_000, 10**8)] == [30, 60, 120]
    assert [suggested_call(rest, 120) for rest in (5, 40, 500, None)] == [30, 60, 120, 120]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            gr.Error("You have <b>exceeded</b> it. ", title="ZeroGPU quota exceeded"),
            "ZeroGPU quota exceeded. You have exceeded it. A day's quota is",
        ),
        (gr.Error("task aborted", title="ZeroGPU worker error"), "task aborted. What was learnt"),
        (RuntimeError("/schedule error: 500"), "ZeroGPU gives no GPU now. Try again in a few"),
    ],
)
def test_a_refusal_is_told_without_markup_and_with_advice(error: Exception, words: str) -> None:
    assert words in refusal(error)
    assert "<" not in refusal(error)
