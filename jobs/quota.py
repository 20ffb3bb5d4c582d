"""ZeroGPU's prices: what a call for a GPU costs, how long one may be, how many a run is cut into.

A visitor pays with the seconds of their own daily quota. What the platform's numbers are, and from
when, stands here alone. Knows nothing about how a GPU is asked for.
"""

from __future__ import annotations

import math

# Of the Hub's documentation of 2026-08-22 and spaces 0.51.3; tried on a loopback scheduler only.
PRICE_FACTOR = 1.5
"""Seconds of quota for each second that is asked for, on the present cards."""

QUOTA = "A day's quota is 2 minutes signed out and 5 with a free account."
"""Of a visitor, as a sentence."""

LONGEST_CALL_S = 120
"""That we ask for at once, unless the owner sets it; a longer run goes on in another call."""

SHORTEST_CALL_S = 20
_AROUND_S = 12
"""Of a call, for what isn't learning: starting the worker, reading, timing, scoring, writing."""

_SHARES = (1 / 4, 1 / 2, 1, 2, 5)
"""What a run can be asked to take, in longest calls."""


def price(seconds: int) -> int:
    """What a call costs of the visitor's quota, in seconds."""
    return math.ceil(seconds * PRICE_FACTOR)


def run_choices(longest: int, most_minutes: float) -> tuple[int, ...]:
    """What a visitor may ask for a whole run, in seconds of calls; never none.

    Args:
        longest: call, in seconds.
        most_minutes: of learning that a run may have.
    """
    wanted = [round(share * longest) for share in _SHARES]
    fitting = [s for s in wanted if s >= SHORTEST_CALL_S and minutes_of(s, longest) <= most_minutes]
    return tuple(fitting) or (SHORTEST_CALL_S,)


def call_choices(longest: int) -> tuple[int, ...]:
    """What a visitor may ask for one call, in seconds."""
    return tuple(s for s in run_choices(longest, float("inf")) if s <= longest)


def calls_of(seconds: int, longest: int) -> tuple[int, int]:
    """How many calls a run takes that may have so many seconds of them, and how long each is."""
    return (1, seconds) if seconds <= longest else (round(seconds / longest), longest)


def minutes_of(seconds: int, longest: int) -> float:
    """The minutes of learning in so many seconds of calls."""
    calls, each = calls_of(seconds, longest)
    return max(0.1, calls * (each - _AROUND_S) / 60)


def suggested_run(characters: int, choices: tuple[int, ...], longest: int) -> int:
    """How long to ask for, for a text of so many characters; one call suffices."""
    single = [s for s in choices if s <= longest] or list(choices[:1])
    return next((s for s in single if characters <= 12_000 * s), single[-1])


def suggested_call(rest_s: float | None, longest: int) -> int:
    """The shortest call in which so many seconds of learning end; None: nobody knows how many."""
    choices = call_choices(longest)
    if rest_s is None:
        return choices[-1]
    return next((s for s in choices if rest_s + _AROUND_S <= s), choices[-1])
