"""Evaluation: the loss of a network on a part of a text, and which weights were the best so far.

The whole of a part is scored with the state carried from its first character to its last; a long
one, or a sample of it, in parallel streams that each start some characters early, unscored, to have
a state worth carrying. Knows nothing about how a network learns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.char_lstm import CharLSTM, LSTMState

WARM_UP = 500
ONE_STREAM_UP_TO = 200_000
SCORED_AT_MOST = 5_000_000

MEASURABLE = 5_000
"""Held-out characters from which on the lower of two losses is taken for the better one."""

_RESET_EVERY = 256
_RESET_BLOCKS = 512


@dataclass(frozen=True)
class Spans:
    """Equally long spans of a text, whose characters are predicted and scored."""

    starts: np.ndarray  # positions of the spans' first inputs, shape `(spans,)`
    length: int  # scored predictions in a span
    warm_up: int  # inputs before each start that are fed and not scored
    stop: int  # where the text ends; predictions beyond it don't count


def whole_spans(first: int, stop: int) -> Spans:
    """All of the text from `first` to `stop`, at most 5 million characters of it."""
    stop = min(stop, first + SCORED_AT_MOST)
    if stop - first <= ONE_STREAM_UP_TO:
        return _parallel(first, stop, 1, 0)
    return _parallel(first, stop, 64, min(WARM_UP, first))


def sample_spans(first: int, stop: int, characters: int) -> Spans:
    """About `characters` of the text, spread evenly over it; all of it where it is shorter."""
    count, warm_up = max(1, min(16, characters // 250)), min(100, first)
    if characters >= stop - 1 - first:
        return _parallel(first, stop, count, warm_up)
    length = characters // count
    starts = np.linspace(first, stop - 1 - length, count).astype(np.int64)
    return Spans(starts, length, warm_up, stop)


def _parallel(first: int, stop: int, count: int, warm_up: int) -> Spans:
    length = -(-(stop - 1 - first) // count)
    return Spans(first + np.arange(count) * length, length, warm_up, stop)


def score(network: CharLSTM, indices: np.ndarray, spans: Spans) -> float:
    """Mean cross-entropy over the spans, in nats per character.

    Args:
        network: in evaluation mode, on any device.
        indices: of the whole text, shape `(characters,)`.
        spans: which predictions to score.
    """
    device = network.fc.weight.device
    total, count = 0.0, 0
    state: LSTMState | None = None
    piece = max(16, min(1024, 2_000_000 // (len(spans.starts) * network.vocab_size)))
    with torch.no_grad():
        for begin in range(-spans.warm_up, spans.length, piece):
            offsets = np.arange(begin, min(begin + piece, spans.length))
            positions = spans.starts[:, None] + offsets  # (spans, time)
            reachable = np.minimum(positions + 1, spans.stop - 1)
            scored = torch.from_numpy((positions + 1 < spans.stop) & (offsets >= 0))
            inputs = torch.from_numpy(indices[reachable - 1].astype(np.int64)).to(device)
            targets = torch.from_numpy(indices[reachable].astype(np.int64)).to(device)
            logits, state = network(inputs, state)
            losses = nn.functional.cross_entropy(
                logits.flatten(0, 1), targets.flatten(), reduction="none"
            )
            total += losses.cpu()[scored.flatten()].double().sum().item()
            count += int(scored.sum())
    return total / count


def score_with_resets(network: CharLSTM, indices: np.ndarray, first: int, stop: int) -> float:
    """The loss from `first` to `stop` with the state reset every 256 characters.

    Each block begins with nothing, as a transformer with a context of 256 does: compare this with a
    loss averaged over such blocks, as nanoGPT's is.

    Args:
        network: in evaluation mode.
        indices: of the whole text, shape `(characters,)`.
        first: position of the first input.
        stop: where the text ends; the first 512 blocks count.
    """
    stop = min(stop, first + _RESET_BLOCKS * _RESET_EVERY + 1)
    starts = np.arange(first, stop - 1, _RESET_EVERY)
    return score(network, indices, Spans(starts, _RESET_EVERY, 0, stop))


class Best:
    """The best weights of a run so far, and how many evaluations they have been the best for.

    Args:
        held_out: characters that are measured on; with 0 the last weights count as the best.
        patience: evaluations without a better loss after which a run ends; 0 for never.
    """

    def __init__(self, held_out: int, patience: int) -> None:
        self.weights: dict[str, Tensor] = {}
        self.step = 0
        self._patience = patience
        self._lowest = math.inf
        self._tolerance = resolution(held_out)
        self._without_gain = 0

    def offer(self, network: CharLSTM, step: int, loss: float | None) -> None:
        """Take the weights of `network` if their loss is the best; None stands for unmeasured."""
        self._without_gain += 1
        if loss is None or loss <= self._lowest + self._tolerance:
            self._lowest = min(self._lowest, self._lowest if loss is None else loss)
            state = network.state_dict()
            self.weights = {name: v.to("cpu", copy=True) for name, v in state.items()}
            self.step = step
            self._without_gain = 0

    @property
    def patience_is_over(self) -> bool:
        """Whether a run should end here."""
        return 0 < self._patience <= self._without_gain

    def facts(self) -> dict[str, Any]:
        """Everything but the weights, as plain JSON."""
        lowest = self._lowest if math.isfinite(self._lowest) else None
        return {"best_step": self.step, "lowest": lowest, "without_gain": self._without_gain}

    def restore(self, weights: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over what `weights` and `facts` gave."""
        self.weights, self.step = weights, facts["best_step"]
        self._lowest = math.inf if facts["lowest"] is None else facts["lowest"]
        self._without_gain = facts["without_gain"]


def default_patience(evaluations: int) -> int:
    """Evaluations without a better loss after which a run ends: three tenths, at least 5.

    A long plateau at a high learning rate is no reason to end. Texts of 10 to 30 kB, pressed for 60
    epochs, had their best at a fifth to a half of the run; then the loss rose to the end.
    """
    return max(5, math.ceil(0.3 * evaluations))


def resolution(held_out: int) -> float:
    """The difference between two losses that a short held-out part can't tell, in nats.

    Two standard errors of a mean over so many characters, whose losses scatter by about 2 nats.
    Within it the later weights count as the better ones. Of what a text of 10 kB taught, with 1,000
    characters held out, 70% of the words written at temperature 0.5 stood in the text when its loss
    was lowest, and over 80% when it had risen by this much.
    """
    return 4 / math.sqrt(held_out) if 0 < held_out < MEASURABLE else 0.0
