"""SamplingParams, and the pure functions from logits to probabilities to an index.

Knows nothing about networks or text. Top-p is nucleus sampling (Holtzman et al. 2020); min-p is
from Nguyen et al. (2024).
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

_MOST_STOPS, _LONGEST_STOP = 100, 1_000


class SamplingError(ValueError):
    """A sampling parameter is out of range; the message names it and says what is allowed."""


def _number(default: float | None, high: float, help_: str, kind: type = float) -> Any:
    """A field that holds a number from 0 to `high`."""
    return field(default=default, metadata={"high": high, "help": help_, "kind": kind})


@dataclass(frozen=True)
class SamplingParams:
    """How to generate. Each number says itself what it is.

    Raises:
        SamplingError: if a value is out of range.
    """

    length: int = _number(500, 1_000_000, "characters to generate, at most", int)
    temperature: float = _number(
        0.9, 100, "0 takes the most likely character; 1 and min_p 0 sample as the model believes"
    )
    top_k: int = _number(0, 65_536, "only the k most likely characters; 0 allows all", int)
    top_p: float = _number(
        1.0, 1, "only the most likely, up to this total probability; 1 allows all"
    )
    min_p: float = _number(
        0.02, 1, "only those with this share of the most likely's probability; 0 allows all"
    )
    seed: int | None = _number(None, 2**64 - 1, "the same seed gives the same text", int)
    stop: tuple[str, ...] = ()  # generation ends before any of these strings

    def __post_init__(self) -> None:
        for number in fields(self):
            value = getattr(self, number.name)
            if number.metadata and not (value is None and number.default is None):
                _check(number.name, value, **number.metadata)
        is_list = isinstance(self.stop, tuple | list) and len(self.stop) <= _MOST_STOPS
        if not is_list or not all(
            isinstance(text, str) and 0 < len(text) <= _LONGEST_STOP for text in self.stop
        ):
            raise SamplingError(
                f"stop must be a list of at most {_MOST_STOPS} strings of 1 to {_LONGEST_STOP:,} "
                "characters"
            )


def _check(name: str, value: Any, high: float, kind: type, **_: str) -> None:
    is_number = isinstance(value, kind | int) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= high:  # false for NaN, too
        wanted = "a whole number" if kind is int else "a number"
        found = "a huge one" if is_number and abs(value) > 1e20 else reprlib.repr(value)
        raise SamplingError(f"{name} must be {wanted} from 0 to {high:,}, not {found}")


def probabilities(logits: np.ndarray, params: SamplingParams) -> np.ndarray:
    """The distribution to sample from, of shape `(vocab,)`, float64, summing to 1.

    Args:
        logits: shape `(vocab,)`; minus infinity for what must never be chosen.
        params: temperature (above 0), top_k, top_p and min_p are used.
    """
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
