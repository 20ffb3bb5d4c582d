"""A deadline: a run that must have written its model before it is ended from outside.

Knows nothing about what is to be done until then; whoever asks says how long that takes.
"""

from __future__ import annotations

import time


class Deadline:
    """So many seconds from now; None for no deadline.

    Args:
        seconds: of wall time.
    """

    def __init__(self, seconds: float | None) -> None:
        self._at = None if seconds is None else time.monotonic() + seconds

    def leaves(self, seconds: float) -> bool:
        """Whether so much time is left."""
        return self._at is None or time.monotonic() + seconds <= self._at
