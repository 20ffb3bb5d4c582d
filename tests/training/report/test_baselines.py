"""Baselines: true probabilities, the same as a slow and simple count gives."""

from __future__ import annotations

import lzma
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from model.vocabulary import Vocabulary
from tests.reference import TEXT
from training.report import baselines
from training.report.baselines import measure_baselines, ngram_losses

TRAIN, HELD_OUT = TEXT[:9_000], TEXT[9_000:10_000]
VOCABULARY = Vocabulary(tuple(sorted(set(TRAIN + HELD_OUT))))


def encoded(text: str) -> np.ndarray:
    return VOCABULARY.encode(text).indices.astype(np.uint8)


def slow_loss(train: str, held_out: str, order: int) -> float:
    """Witten and Bell's rule as it is written, with a dictionary and one recursion."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    padded = "\0" * order + train
    for position in range(order, len(padded)):
        for size in range(order):
            counts[padded[position - size : position]][padded[position]] += 1

    def probability(context: str, character: str) -> float:
        seen = counts[context]
        lower = probability(context[1:], character) if context else 1 / len(VOCABULARY)
        if not seen:
            return lower
        return (seen[character] + len(seen) * lower) / (seen.total() + len(seen))

    whole = padded + held_out
    return -sum(
        math.log(probability(whole[p - order + 1 : p], whole[p]))
        for p in range(len(padded) + 1, len(whole))
    ) / (len(held_out) - 1)


def test_n_grams_are_what_a_slow_and_simple_count_gives() -> None:
    losses = ngram_losses(encoded(TRAIN), encoded(HELD_OUT), len(VOCABULARY), 5)
    for order, loss in enumerate(losses, start=1):
        assert loss == pytest.approx(slow_loss(TRAIN, HELD_OUT, order), abs=1e-9)


def test_each_baseline_knows_more_than_the_one_before() -> None:
    found = measure_baselines(encoded(TRAIN), encoded(HELD_OUT), VOCABULARY)
    assert found.uniform == math.log(len(VOCABULARY))
    assert found.five_gram < found.unigram < found.uniform
    assert found.counted == 9_000
    # xz pays for the held-out part alone, about what the program would.
    sizes = [len(lzma.compress(text.encode())) for text in (TRAIN, TRAIN + HELD_OUT)]
    program = (sizes[1] - sizes[0]) * 8 * math.log(2) / len(HELD_OUT)
    assert found.xz == pytest.approx(program, rel=0.02)


def test_of_a_long_text_the_end_is_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "COUNTED_AT_MOST", 5_000)
    found = measure_baselines(encoded(TRAIN), encoded(HELD_OUT), VOCABULARY)
    assert found.counted == 5_000
    end = encoded(TRAIN[-5_000:])
    assert found.five_gram == ngram_losses(end, encoded(HELD_OUT), len(VOCABULARY), 5)[-1]
