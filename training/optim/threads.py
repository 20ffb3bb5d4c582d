"""How many threads a run goes on with, when other programs take the processor.

Threads that compute together wait for each other after each small product: where one of them has to
share its core with another program, all are many times slower than one thread alone. Knows neither
torch nor the clock.
"""

from __future__ import annotations

WINDOW_S = 2.0
"""Seconds of steps that a rate is measured over."""

_SLOW = 0.5  # of the rate that was timed
_TRY_AGAIN_S = 30.0  # at first; twice as long after each try that was of no use
_CLEARLY = 1.15  # times as fast


class ThreadChoice:
    """Chooses between all threads and one by the rates at which a run really learns.

    Args:
        most: threads that there are to choose from, besides one.
        timed: characters a second, as timed before the run.
    """

    def __init__(self, most: int, timed: float) -> None:
        self._most, self._timed = most, timed
        self._rates: dict[int, float] = {}
        self._tried_at = 0.0
        self._is_trying = False
        self._patience = _TRY_AGAIN_S

    def look(self, threads: int, rate: float, seconds: float) -> int:
        """The number of threads to go on with.

        Args:
            threads: that the last steps were done with.
            rate: of these steps, characters a second.
            seconds: since the run began.
        """
        other = 1 if threads > 1 else self._most
        before, was_trying = self._rates.get(other), self._is_trying
        self._rates[threads], self._is_trying = rate, False
        if was_trying:
            is_better = before is None or rate >= _CLEARLY * before
            self._patience = _TRY_AGAIN_S if is_better else 2 * self._patience
            return threads if is_better else other
        # One thread is tried where all are slow; all, now and then: the other program may be gone.
        is_fine = threads > 1 and rate >= _SLOW * self._timed
        is_new = threads > 1 and before is None
        if is_fine or not (is_new or seconds - self._tried_at >= self._patience):
            return threads
        self._tried_at, self._is_trying = seconds, True
        return other
