"""What a run may be asked to take on ZeroGPU, into how many calls it is cut, what each costs."""

from __future__ import annotations

from jobs.quota import (
    call_choices,
    calls_of,
    minutes_of,
    price,
    run_choices,
    suggested_call,
    suggested_run,
)


def test_a_run_longer_than_one_call_is_cut_into_equal_ones() -> None:
    assert run_choices(120, 10) == (30, 60, 120, 240, 600)
    assert [calls_of(s, 120) for s in (30, 120, 240, 600)] == [
        (1, 30),
        (1, 120),
        (2, 120),
        (5, 120),
    ]
    assert minutes_of(240, 120) == 2 * minutes_of(120, 120)
    assert call_choices(120) == (30, 60, 120)


def test_nothing_is_offered_that_an_owner_does_not_allow() -> None:
    assert run_choices(120, 2) == (30, 60, 120)
    assert run_choices(30, 10) == (30, 60, 150)
    assert run_choices(20, 0.01) == (20,)


def test_a_call_costs_more_seconds_than_it_has() -> None:
    assert price(60) == 90


def test_a_visitor_is_not_asked_to_pay_for_more_than_the_text_needs() -> None:
    choices = run_choices(120, 10)
    lengths = (10_000, 500_000, 50_000_000)
    assert [suggested_run(length, choices, 120) for length in lengths] == [30, 60, 120]
    assert [suggested_call(rest, 120) for rest in (5, 40, 80, 500, None)] == [30, 60, 120, 120, 120]
