"""SamplingParams, and the pure functions from logits to probabilities to an index.

Knows nothing about networks or text. Top-p is nucleus sampling (Holtzman et al. 2020); min-p is
from Nguyen et al. (2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MAX_LENGTH = 1_000_000


class SamplingError(ValueError):
    """A sampling parameter is out of range; the message names it and says what is allowed."""


@dataclass(frozen=True)
class SamplingParams:
    """How to generate.

    Args:
        length: number of characters to generate, 0 to 1,000,000.
        temperature: 0 always takes the most likely character; 1 samples from the model's own
            distribution; lower is safer, higher is wilder.
        top_k: sample from the k most likely characters; 0 for all.
        top_p: sample from the most likely that together reach this probability; 1 for all.
        min_p: leave out what has less than this share of the most likely's probability; 0 for none.
        seed: the same seed, prompt and parameters give the same text; None draws a new one.
        stop: generation ends before any of these strings.

    Raises:
        SamplingError: if a value is out of range.
    """

    length: int = 500
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check("length", self.length, 0, MAX_LENGTH, whole=True)
        _check("temperature", self.temperature, 0, 100)
        _check("top_k", self.top_k, 0, 65_536, whole=True)
        _check("top_p", self.top_p, 0, 1)
        _check("min_p", self.min_p, 0, 1)
        if self.seed is not None:
            _check("seed", self.seed, 0, 2**64 - 1, whole=True)
        if not all(isinstance(text, str) and text for text in self.stop):
            raise SamplingError("stop must be a list of strings that are not empty")


def _check(name: str, value: float, low: float, high: float, whole: bool = False) -> None:
    is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise SamplingError(f"{name} must be {kind} from {low:,} to {high:,}, not {value!r}")


def probabilities(logits: np.ndarray, params: SamplingParams) -> np.ndarray:
    """The distribution to sample from, of shape `(vocab,)`, float64, summing to 1.

    Args:
        logits: shape `(vocab,)`; minus infinity for what must never be chosen.
        params: temperature, top_k, top_p and min_p are used. Temperature 0 puts everything on the
            likeliest character (the first of equals).
    """
    if params.temperature == 0:
        one_hot = np.zeros(len(logits))
        one_hot[np.argmax(logits)] = 1.0
        return one_hot
    scaled = logits.astype(np.float64)
    scaled = (scaled - scaled.max()) / params.temperature
    weights = np.exp(scaled)
    if params.min_p > 0:
        weights[weights < params.min_p] = 0.0  # the likeliest has weight exp(0) = 1
    if 0 < params.top_k < len(weights):
        weights[np.argsort(-weights, kind="stable")[params.top_k :]] = 0.0
    if params.top_p < 1:
        order = np.argsort(-weights, kind="stable")
        reached = np.cumsum(weights[order]) / weights.sum()
        # Keep up to and including the character that reaches top_p: always at least one.
        weights[order[np.searchsorted(reached, params.top_p) + 1 :]] = 0.0
    return np.asarray(weights / weights.sum())


def draw(distribution: np.ndarray, rng: np.random.Generator) -> int:
    """An index drawn from a distribution of shape `(vocab,)`, by inverting its sum."""
    cumulative = np.cumsum(distribution)
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return min(index, int(np.flatnonzero(distribution)[-1]))


def sample(logits: np.ndarray, params: SamplingParams, rng: np.random.Generator) -> int:
    """The next index. Temperature 0 is argmax and draws no random number."""
    if params.temperature == 0:
        return int(np.argmax(logits))
    return draw(probabilities(logits, params), rng)
