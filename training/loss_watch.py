"""The losses of a run's steps: their running mean, and whether something is wrong with them.

Knows nothing about networks. What it says is a function of the losses alone, and all that it
remembers goes into the checkpoints, so a resumed run sees an explosion at the same step.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from statistics import median
from typing import Any

WINDOW = 25
"""Steps for which a loss has to stay high to count; so old may weights be that are bad already."""

_BLINDNESS = 10  # times the loss of guessing blindly: no network that learns comes there


class Alarm(Enum):
    """What a loss may say about the network that it is a loss of."""

    EXPLODED = "not finite, or ten times that of guessing blindly"
    RISEN = "far above the lowest running mean, and not coming back"


class LossWatch:
    """Told the loss of each step, in nats per character.

    A loss has risen where the median of the last 25 steps is half a nat (above a mean of 2: a
    quarter of it) over the lowest running mean. In runs that learnt texts of 2 to 16,000 characters
    whole, the median came less than a tenth as far. Such a rise may be the text's: the network is
    spoilt only if older weights do better on it.

    Args:
        vocab_size: number of characters.
    """

    def __init__(self, vocab_size: int) -> None:
        self.mean: float | None = None
        self.steps = 0
        self._highest = _BLINDNESS * max(1.0, math.log(vocab_size))
        self._lowest = math.inf
        self._recent: deque[float] = deque(maxlen=WINDOW)

    def take(self, loss: float) -> Alarm | None:
        """Take the next step's loss; what is wrong with it, if anything is."""
        if not loss < self._highest:  # NaN neither
            return Alarm.EXPLODED
        self.steps += 1
        mean = loss if self.mean is None else self.mean
        self.mean = mean + max(0.01, 1 / self.steps) * (loss - mean)
        self._lowest = min(self._lowest, self.mean)
        self._recent.append(loss)
        if len(self._recent) < WINDOW:
            return None
        has_risen = median(self._recent) > self._lowest + max(0.5, self._lowest / 4)
        return Alarm.RISEN if has_risen else None

    def accept_rise(self) -> None:
        """The rise was the text's: from here on it is measured by what comes."""
        self.mean = self._lowest = median(self._recent)
        self._recent.clear()

    def facts(self) -> dict[str, Any]:
        """All that the next steps depend on, as plain JSON."""
        return {
            "step": self.steps,
            "train_loss": self.mean,
            "lowest_train_loss": self._lowest if self.steps else None,
            "recent_losses": list(self._recent),
        }

    def restore(self, facts: dict[str, Any]) -> None:
        """Take over what `facts` gave."""
        self.steps, self.mean = facts["step"], facts["train_loss"]
        lowest = facts.get("lowest_train_loss")  # older runs have neither this nor what follows
        self._lowest = math.inf if lowest is None else lowest
        self._recent = deque(facts.get("recent_losses", ()), maxlen=WINDOW)
