"""What a call for a GPU costs, how long one may be, and the platform's refusals in plain words."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from jobs import JobError
from jobs.zero_gpu import (
    RUN_MINUTES,
    GpuCalls,
    call_seconds,
    calls_of,
    price,
    refusal,
    train_on_gpu,
)
from tests.training_run import writing


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


def test_one_address_asks_for_few_gpus_at_once(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    calls = GpuCalls()
    for folder in folders[:2]:
        calls.start(folder, "8.8.8.8")
    with pytest.raises(JobError, match="Two of your runs"):
        calls.start(folders[2], "8.8.8.8")
    assert not calls.call(folders[2], 20)
    calls.start(folders[3], "9.9.9.9")
    calls.stop(folders[0])
    assert calls.waiting(folders[0]) == ""
    calls.start(folders[2], "8.8.8.8")
    with pytest.raises(JobError, match="Two of your runs"):
        calls.start(folders[0], "8.8.8.8")
    calls.start(folders[1], "8.8.8.8")  # again


def test_what_a_worker_refuses_names_no_folder(tmp_path: Path) -> None:
    run = tmp_path / "0123456789abcdef"
    with writing(run):
        told = train_on_gpu(str(run), 20)
    assert told.startswith("This run can't be continued now")
    assert run.name not in told
