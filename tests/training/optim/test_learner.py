"""Learner: one update after another, from a start that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.config import ModelConfig
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from training.device import find_precision
from training.learner import Learner
from training.recipe import Recipe
from training.run import TrainingError

VOCABULARY = Vocabulary(tuple(sorted(set(TEXT))))
RECIPE = Recipe(
    hidden_size=32,
    num_layers=1,
    embedding_size=0,
    batch_size=8,
    sequence_length=32,
    dropout=0.1,
    input_dropout=0.1,
    state_reset=0.05,
    muon_lr=0.05,
    adam_lr=0.01,
    weight_decay=0.05,
    adam_weight_decay=0.02,
    average=0.998,
    warmup=0.02,
    floor=0.02,
    clip=1.0,
    precision="float32",
)


@pytest.fixture(scope="module")
def indices() -> np.ndarray:
    return VOCABULARY.encode(TEXT[:50_000]).indices


def learner(indices: np.ndarray, **changes: object) -> Learner:
    recipe = replace(RECIPE, **changes)  # type: ignore[arg-type]
    config = ModelConfig(VOCABULARY, recipe.hidden_size, recipe.num_layers, recipe.embedding_size)
    return Learner(recipe, config, indices, seed=1)


def test_it_starts_orthogonal_and_remembering(indices: np.ndarray) -> None:
    network = learner(indices, num_layers=2).network
    for layer in (0, 1):
        weight = getattr(network.lstm, f"weight_hh_l{layer}").detach()
        for block in torch.split(weight, 32):
            torch.testing.assert_close(block @ block.T, torch.eye(32), atol=1e-5, rtol=0)
        bias = network.lstm.get_parameter(f"bias_ih_l{layer}").detach()
        assert bias.nonzero().flatten().tolist() == list(range(32, 64))  # the forget gate's


@pytest.mark.parametrize("changes", [{}, {"num_layers": 2}, {"embedding_size": 16}])
def test_the_loss_falls(indices: np.ndarray, changes: dict[str, int]) -> None:
    taught = learner(indices, **changes)
    losses = [taught.step(step, 1.0) for step in range(40)]
    assert np.mean(losses[-5:]) < losses[0] - 1


@pytest.mark.skipif(
    find_precision(torch.device("cpu"), "auto") != "bfloat16",
    reason="this processor has no fast bfloat16 LSTM",
)
def test_bfloat16_learns_nearly_the_same(indices: np.ndarray) -> None:
    exact, rough = learner(indices), learner(indices, precision="bfloat16")
    losses = np.array([(exact.step(n, 1.0), rough.step(n, 1.0)) for n in range(30)])
    assert not np.array_equal(losses[:, 0], losses[:, 1])
    assert np.abs(losses[-10:, 0].mean() - losses[-10:, 1].mean()) < 0.1
    assert all(weight.dtype == torch.float32 for weight in rough.network.parameters())


def test_the_average_follows_the_weights(indices: np.ndarray) -> None:
    taught = learner(indices, average=0.5)
    expected = taught.network.fc.weight.detach().clone()
    for step in range(3):
        taught.step(step, 1.0)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * taught.network.fc.weight.detach()
    torch.testing.assert_close(taught.average.fc.weight, expected)


def test_some_streams_begin_a_chunk_without_their_state(indices: np.ndarray) -> None:
    exact = {"dropout": 0.0, "input_dropout": 0.0}
    carried, some, none, forgot = (
        learner(indices, **exact, state_reset=share) for share in (0.0, 0.5, 1.0, 0.0)
    )
    losses = []
    for step in range(10):
        forgot.state = None
        losses.append([one.step(step, 1.0) for one in (carried, some, none, forgot)])
    later = np.array(losses)[5:]
    np.testing.assert_allclose(later[:, 2], later[:, 3], rtol=1e-4)
    assert np.abs(np.diff(later[:, :3])).min() > 1e-3


def test_a_precision_is_found_or_refused() -> None:
    cpu = torch.device("cpu")
    assert find_precision(cpu, "auto") in ("float32", "bfloat16")
    assert find_precision(cpu, "float32") == "float32"
    with pytest.raises(TrainingError, match="tf32 is for CUDA GPUs"):
        find_precision(cpu, "tf32")
