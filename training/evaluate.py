"""Scoring: the loss of a network on a part of a text, in nats per character.

Knows nothing about training. The whole of a part is scored with the state carried from its first
character to its last; a long one, or a sample of it, in parallel streams that each start some
characters early, unscored, to have a state worth carrying.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from model.char_lstm import CharLSTM, LSTMState

WARM_UP = 500
ONE_STREAM_UP_TO = 200_000
SCORED_AT_MOST = 5_000_000

_RESET_EVERY = 256
_RESET_SCORED_AT_MOST = 1_000_000
_RESET_STREAMS = 64


@dataclass(frozen=True)
class Spans:
    """Equally long spans of a text whose next characters are predicted and scored.

    Args:
        starts: positions of the spans' first inputs, shape `(spans,)`.
        length: scored predictions in a span.
        warm_up: inputs before each start that are fed and not scored.
        stop: where the text ends; predictions beyond it don't count.
    """

    starts: np.ndarray
    length: int
    warm_up: int
    stop: int


def whole_spans(first: int, stop: int) -> Spans:
    """All of the text from `first` to `stop`, at most 5 million characters of it."""
    stop = min(stop, first + SCORED_AT_MOST)
    predictions = stop - 1 - first
    if stop - first <= ONE_STREAM_UP_TO:
        return Spans(np.array([first]), predictions, 0, stop)
    return _parallel(first, predictions, 64, min(WARM_UP, first), stop)


def sample_spans(first: int, stop: int, characters: int) -> Spans:
    """About `characters` of the text, spread evenly over it; all of it where it is shorter."""
    predictions = stop - 1 - first
    count = max(1, min(16, characters // 250))
    warm_up = min(100, first)
    if characters >= predictions:
        return _parallel(first, predictions, count, warm_up, stop)
    length = characters // count
    starts = np.linspace(first, stop - 1 - length, count).astype(np.int64)
    return Spans(starts, length, warm_up, stop)


def _parallel(first: int, predictions: int, count: int, warm_up: int, stop: int) -> Spans:
    length = -(-predictions // count)
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
    """The loss from `first` to `stop` if nothing is carried over blocks of 256 characters.

    Each block begins with a zero state, as a transformer with a context of 256 begins with nothing:
    this is what to compare with a loss averaged over such blocks, as nanoGPT's is.

    Args:
        network: in evaluation mode.
        indices: of the whole text, shape `(characters,)`.
        first: position of the first input.
        stop: where the text ends; at most a million characters behind `first` count.
    """
    stop = min(stop, first + _RESET_SCORED_AT_MOST)
    starts = np.arange(first, stop - 1, _RESET_EVERY)
    total = 0.0
    for begin in range(0, len(starts), _RESET_STREAMS):
        blocks = starts[begin : begin + _RESET_STREAMS]
        end = min(int(blocks[-1]) + _RESET_EVERY, stop - 1)
        loss = score(network, indices, Spans(blocks, _RESET_EVERY, 0, stop))
        total += loss * (end - int(blocks[0]))
    return total / (stop - 1 - first)
