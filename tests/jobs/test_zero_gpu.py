"""What a call for a GPU costs, how long one may be, and the platform's refusals in plain words."""

from __future__ import annotations

import gradio as gr
import pytest

from jobs.zero_gpu import RUN_MINUTES, call_seconds, calls_of, price, refusal


def test_a_call_costs_half_as_much_again_as_it_lasts() -> None:
    assert (price(60), price(25)) == (90, 38)


@pytest.mark.parametrize(
    ("longest", "calls"),
    [(20, [3, 6, 14, 27, 68]), (36, [1, 2, 5, 9, 23]), (120, [1, 1, 1, 2, 5])],
)
def test_every_run_that_is_offered_fits_into_its_calls(longest: int, calls: list[int]) -> None:
    offered = [minutes * 60 for minutes in RUN_MINUTES]
    assert [calls_of(learning_s, longest) for learning_s in offered] == calls
    assert all(20 <= call_seconds(learning_s, longest) <= longest for learning_s in offered)


def test_a_run_continues_in_the_shortest_call_that_is_enough() -> None:
    assert [call_seconds(rest, 120) for rest in (0, 29.5, 500, float("inf"))] == [20, 42, 120, 120]


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
