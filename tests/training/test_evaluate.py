"""Evaluation: every next character of a part is scored once; the best weights are kept."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from model.char_lstm import CharLSTM
from training import evaluate
from training.evaluate import (
    Best,
    Spans,
    default_patience,
    sample_spans,
    score,
    score_with_resets,
    whole_spans,
)


@pytest.fixture
def network() -> CharLSTM:
    torch.manual_seed(0)
    return CharLSTM(7, 12).eval()


@pytest.fixture
def indices() -> np.ndarray:
    return np.random.default_rng(0).integers(7, size=5000).astype(np.uint8)


def naive_losses(network: CharLSTM, text: np.ndarray) -> list[float]:
    """The surprise at each next character, one step of the network after the other."""
    losses, state = [], None
    for here, following in pairwise(text):
        with torch.no_grad():
            logits, state = network(torch.tensor([[int(here)]]), state)
        losses.append(-logits[0, 0].log_softmax(0)[int(following)].item())
    return losses


def scored_positions(spans: Spans) -> list[int]:
    positions = (spans.starts[:, None] + np.arange(spans.length)).ravel()
    return sorted(int(p) for p in positions if p + 1 < spans.stop)


def test_the_whole_is_scored_with_the_state_carried(network: CharLSTM, indices: np.ndarray) -> None:
    expected = np.mean(naive_losses(network, indices[3000:]))
    found = score(network, indices, whole_spans(3000, 5000))  # in more than one piece
    assert found == pytest.approx(expected, abs=1e-5)


def test_parallel_streams_score_everything_once_and_nearly_the_same(
    network: CharLSTM, indices: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = score(network, indices, whole_spans(2000, 5000))
    monkeypatch.setattr(evaluate, "ONE_STREAM_UP_TO", 100)
    spans = whole_spans(2000, 5000)
    assert len(spans.starts) == 64
    assert scored_positions(spans) == list(range(2000, 4999))
    assert score(network, indices, spans) == pytest.approx(one, abs=1e-3)


@pytest.mark.parametrize("characters", [1000, 100_000])
def test_a_sample_lies_inside_the_held_out_part(characters: int) -> None:
    positions = scored_positions(sample_spans(2000, 5000, characters))
    assert positions[0] >= 2000
    assert positions[-1] <= 4998
    assert len(positions) == len(set(positions)) == min(characters, 2999)
    assert scored_positions(sample_spans(8, 10, characters)) == [8]


@pytest.mark.parametrize("stop", [5000, 4257, 4002])
def test_with_resets_every_block_begins_without_a_memory(
    network: CharLSTM, indices: np.ndarray, stop: int
) -> None:
    blocks = [indices[begin : min(begin + 257, stop)] for begin in range(4000, stop - 1, 256)]
    expected = [loss for block in blocks for loss in naive_losses(network, block)]
    assert len(expected) == stop - 4001
    found = score_with_resets(network, indices, 4000, stop)
    assert found == pytest.approx(np.mean(expected), abs=1e-5)


def offered(best: Best, network: CharLSTM, losses: list[float | None]) -> list[int]:
    """Offer a network with each of these losses; the steps whose weights were taken."""
    taken = []
    for step, loss in enumerate(losses, start=1):
        best.offer(network, step, loss)
        if best.step == step:
            taken.append(step)
    return taken


def test_the_weights_with_the_lowest_loss_are_kept_until_patience_is_over(
    network: CharLSTM,
) -> None:
    best = Best(held_out=10_000, patience=3)
    assert offered(best, network, [3.0, 2.0, 2.001, 1.9]) == [1, 2, 4]
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        network.fc.weight.fill_(7.0)  # what is learnt later doesn't change what was kept
    best.offer(network, 5, 1.95)
    best.offer(network, 6, float("nan"))
    assert not best.patience_is_over
    resumed = Best(held_out=10_000, patience=3)
    resumed.restore(best.weights, json.loads(json.dumps(best.facts())))
    for one in (best, resumed):
        one.offer(network, 7, 2.5)
        assert one.patience_is_over
    assert best.step == 4
    assert all(torch.equal(best.weights[name], value) for name, value in kept.items())


def test_on_a_short_held_out_part_the_later_of_two_like_losses_is_the_better(
    network: CharLSTM,
) -> None:
    best = Best(held_out=1_000, patience=3)
    assert offered(best, network, [2.0, 2.1, 2.2, 2.1]) == [1, 2, 4]


def test_the_default_patience_is_three_tenths_and_none_never_ends_a_run(network: CharLSTM) -> None:
    best = Best(held_out=10_000, patience=0)
    offered(best, network, [1.0, *[2.0] * 100])
    assert not best.patience_is_over
    assert [default_patience(n) for n in (1, 16, 17, 20, 60)] == [5, 5, 6, 6, 18]
