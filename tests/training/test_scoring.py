"""Scoring: the mean surprise at every next character of a part, exactly once each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.char_lstm import CharLSTM
from training import scoring
from training.scoring import Spans, sample_spans, score, score_with_resets, whole_spans


@pytest.fixture
def network() -> CharLSTM:
    torch.manual_seed(0)
    return CharLSTM(7, 12).eval()


@pytest.fixture
def indices() -> np.ndarray:
    return np.random.default_rng(0).integers(7, size=5000).astype(np.uint8)


def scored_positions(spans: Spans) -> list[int]:
    positions = (spans.starts[:, None] + np.arange(spans.length)).ravel()
    return sorted(int(p) for p in positions if p + 1 < spans.stop)


def test_the_whole_is_scored_with_the_state_carried(network: CharLSTM, indices: np.ndarray) -> None:
    text = torch.from_numpy(indices[4000:].astype(np.int64))
    logits, _ = network(text[None, :-1])
    expected = torch.nn.functional.cross_entropy(logits[0], text[1:]).item()
    assert score(network, indices, whole_spans(4000, 5000)) == pytest.approx(expected, abs=1e-5)


def test_parallel_streams_score_everything_once_and_nearly_the_same(
    network: CharLSTM, indices: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = score(network, indices, whole_spans(2000, 5000))
    monkeypatch.setattr(scoring, "ONE_STREAM_UP_TO", 100)
    spans = whole_spans(2000, 5000)
    assert len(spans.starts) == 64
    assert scored_positions(spans) == list(range(2000, 4999))
    assert score(network, indices, spans) == pytest.approx(one, abs=1e-3)


@pytest.mark.parametrize("characters", [1000, 2000, 100_000])
def test_a_sample_lies_inside_the_held_out_part(characters: int) -> None:
    spans = sample_spans(2000, 5000, characters)
    positions = scored_positions(spans)
    assert positions[0] >= 2000
    assert positions[-1] <= 4998
    assert len(positions) == len(set(positions))
    if characters >= 3000:
        assert positions == list(range(2000, 4999))


def test_a_held_out_part_of_two_characters_has_one_prediction(
    network: CharLSTM, indices: np.ndarray
) -> None:
    for spans in (whole_spans(8, 10), sample_spans(8, 10, 1000)):
        assert scored_positions(spans) == [8]
        assert score(network, indices[:10], spans) > 0


@pytest.mark.parametrize("stop", [5000, 4901, 4257, 4002])
def test_with_resets_every_block_begins_without_a_memory(
    network: CharLSTM, indices: np.ndarray, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "_RESET_STREAMS", 3)
    text = torch.from_numpy(indices[4000:stop].astype(np.int64))
    losses = []
    for begin in range(0, len(text) - 1, 256):
        block = text[begin : begin + 257]
        logits, _ = network(block[None, :-1])
        losses.append(torch.nn.functional.cross_entropy(logits[0], block[1:], reduction="none"))
    expected = torch.cat(losses)
    assert len(expected) == stop - 4001
    found = score_with_resets(network, indices, 4000, stop)
    assert found == pytest.approx(expected.mean().item(), abs=1e-5)
