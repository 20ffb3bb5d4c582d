"""Scoring on the way: the average weights on a fixed held-out sample; the best of them are kept.

Also says when a run has stopped getting better. Knows nothing about how a network learns.
"""

from __future__ import annotations

import math
import time
from typing import Any

from torch import Tensor

from model.char_lstm import CharLSTM
from training.plan import Plan
from training.run import Settings
from training.scoring import sample_spans, score
from training.text.corpus import Corpus


def default_patience(plan: Plan) -> int:
    """Evaluations without a better loss after which a run ends.

    Three tenths of the run, so that a long plateau at a high learning rate is no end. Texts of 10
    to 30 kB, pressed for 60 passes, had their best at a fifth to a half of the run, and then the
    loss rose to the end, through all of the learning rate's decay.
    """
    return max(5, math.ceil(0.3 * plan.evaluations))


MEASURABLE = 5_000
"""Held-out characters from which on the lower of two losses is taken for the better one."""


def resolution(held_out: int) -> float:
    """The difference between two losses that a short held-out part can't tell, in nats.

    Two standard errors of a mean over so many characters, whose losses scatter by about 2 nats.
    Within it the later weights count as the better ones. Of what a text of 10 kB taught, with 1,000
    characters held out, 70% of the words written at temperature 0.5 stood in the text when its loss
    was lowest, and over 80% when it had risen by this much.
    """
    return 4 / math.sqrt(held_out) if 0 < held_out < MEASURABLE else 0.0


class Evaluation:
    """Keeps the best weights, and how long they have been the best.

    `seconds` is what scoring took so far; `seconds_for_all` what the whole held-out part would
    take, as far as the last scoring tells.

    Args:
        settings: whose `patience` counts; None takes the default, 0 is without end.
        corpus: with its held-out part.
        plan: of the run.
    """

    def __init__(self, settings: Settings, corpus: Corpus, plan: Plan) -> None:
        self.best: dict[str, Tensor] = {}
        self.best_step = 0
        self.best_loss = math.inf
        self._lowest = math.inf
        self._resolution = resolution(corpus.held_out)
        self.patience = settings.patience
        if self.patience is None:
            self.patience = default_patience(plan)
        self.seconds = 0.0
        self.seconds_for_all = 0.0
        self._share = max(1.0, corpus.held_out / plan.eval_characters)
        self._without_gain = 0
        self._indices = corpus.indices
        self._spans = None
        if corpus.held_out:
            first, stop = len(corpus.train_part), len(corpus.indices)
            self._spans = sample_spans(first, stop, plan.eval_characters)

    def evaluate(self, network: CharLSTM, step: int) -> float | None:
        """Score a network after `step`, in nats per character; None where nothing is held out."""
        loss = None
        if self._spans is not None:
            began = time.perf_counter()
            loss = score(network, self._indices, self._spans)
            took = time.perf_counter() - began
            self.seconds += took
            self.seconds_for_all = took * self._share
        self._without_gain += 1
        self._lowest = self._lowest if loss is None else min(self._lowest, loss)
        if loss is None or loss == self._lowest or loss < self._lowest + self._resolution:
            weights = network.state_dict()
            self.best = {name: v.to("cpu", copy=True) for name, v in weights.items()}
            self.best_step = step
            self.best_loss = math.inf if loss is None else loss
            self._without_gain = 0
        return loss

    @property
    def has_ended(self) -> bool:
        """Whether nothing has become better for as long as patience lasts."""
        return bool(self.patience) and self._without_gain >= (self.patience or 0)

    def tensors(self) -> dict[str, Tensor]:
        """The best weights, by name, for a checkpoint."""
        return {f"best.{name}": value for name, value in self.best.items()}

    def facts(self) -> dict[str, Any]:
        """The rest, as plain JSON."""
        return {
            "best_step": self.best_step,
            "best_loss": self.best_loss if math.isfinite(self.best_loss) else None,
            "lowest_loss": self._lowest if math.isfinite(self._lowest) else None,
            "without_gain": self._without_gain,
            "scoring_seconds": self.seconds,
        }

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over what `tensors` and `facts` gave."""
        self.best = {k[5:]: v for k, v in tensors.items() if k.startswith("best.")}
        self.best_step = facts["best_step"]
        self.best_loss = math.inf if facts["best_loss"] is None else facts["best_loss"]
        self._lowest = math.inf if facts["lowest_loss"] is None else facts["lowest_loss"]
        self._without_gain = facts["without_gain"]
        self.seconds = facts["scoring_seconds"]
