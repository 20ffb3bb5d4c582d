"""A deadline: a run that must have written its model before it is ended from outside.

A run is either planned to end before it, or, where it has far more to learn, only stopped in time,
to go on later. Also says how many steps fit into the time that a run was asked to take. Knows
nothing about what is to be done until then; whoever asks says how long that takes.
"""

from __future__ import annotations

import time
from dataclasses import replace

from training.plan import Plan
from training.run import Settings

_TIMING_S = 4.0  # to choose the network
_OVERRUN_EARLY = 1.25  # of the budget, that is let be in the first half of the steps
_OVERRUN = 1.02
_RAISED_UNTIL = 0.3  # share of the steps
_LEAST_RAISED = 1.25  # of the steps
_MOST_RAISED = 2
_STRETCH = 1.5
_SAFETY = 0.95


class Deadline:
    """So many seconds from now; None for no deadline.

    Args:
        seconds: of wall time.
    """

    def __init__(self, seconds: float | None) -> None:
        self._at = None if seconds is None else time.monotonic() + seconds
        self._seconds = seconds or 0.0
        self._ends_run = False

    def leaves(self, seconds: float) -> bool:
        """Whether so much time is left."""
        return self._at is None or time.monotonic() + seconds <= self._at

    def expect(self, rest: float) -> None:
        """Decide whether a run that has so many seconds left to learn is to end before it.

        A rest that is longer than the time by half is made to fit: so the last of several calls
        ends the run, though each has lost some seconds to its beginning and its end.
        """
        self._ends_run = self._at is not None and rest <= _STRETCH * self._seconds

    def budget(self, asked: float, spent: float, around: float) -> float:
        """The seconds that the whole of a run's training may take.

        Args:
            asked: what it was asked to take.
            spent: what it has taken.
            around: what it takes to finish it after that.
        """
        if self._at is None or not self._ends_run:
            return asked
        left = self._at - time.monotonic() - around
        return min(asked, spent + max(1.0, _SAFETY * left))

    def fit(self, settings: Settings, around: float) -> Settings:
        """The settings for the plan of a run that begins now, if it hasn't one yet."""
        self.expect(settings.minutes * 60)
        if not self._ends_run:
            return settings
        seconds = self.budget(settings.minutes * 60, 0.0, around + _TIMING_S)
        return replace(settings, minutes=seconds / 60)

    def steps_in_time(
        self, plan: Plan, done: int, seconds: float, pace: float, budget: float, most: int
    ) -> int:
        """The number of steps of the whole run: what is planned, unless its time would be missed.

        It is lowered at any step, in the first half only if the run would be a quarter too long,
        since that may come right; it is raised early on only, or to what it was before.

        Args:
            plan: of the run.
            done: steps so far.
            seconds: that they took.
            pace: seconds a step, lately.
            budget: the seconds that all of them may take.
            most: to raise it to.
        """
        planned = plan.total_steps
        share, expected = done / planned, seconds + (planned - done) * pace
        total = done + max(1, int((budget - seconds) / pace))
        overrun = 1.0 if self._ends_run else _OVERRUN_EARLY if share < 0.5 else _OVERRUN
        if expected > overrun * budget:
            return min(total, planned)
        if share > _RAISED_UNTIL:
            most = plan.steps
        total = min(total, most, _MOST_RAISED * plan.steps)
        return total if total >= _LEAST_RAISED * planned else planned
