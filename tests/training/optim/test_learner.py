"""Learner: one update after another, from a start that is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from model.config import ModelConfig
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from training.optim.device import find_precision
from training.optim.learner import Learner
from training.optim.muon import orthogonalize
from training.recipe import Recipe

VOCABULARY = Vocabulary(tuple(sorted(set(TEXT))))
RECIPE = Recipe(
    hidden_size=32,
    embedding_size=0,
    batch_size=8,
    sequence_length=32,
    precision="float32",
    muon_lr=0.05,
    adam_lr=0.01,
    weight_decay=1.5,
    adam_weight_decay=0.5,
    warmup=0.0,
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


def test_a_step_is_what_plain_torch_does(indices: np.ndarray) -> None:
    taught, plain = (learner(indices, state_reset=0.0) for _ in range(2))
    network = plain.network
    named = dict(network.named_parameters())
    hidden = named.pop("lstm.weight_hh_l0")
    adam = torch.optim.AdamW(named.values(), betas=(0.9, 0.98), weight_decay=0.0)
    momentum, state, before = torch.zeros(128, 32), None, 0.0
    average = network.fc.weight.detach().clone()
    for number, progress in enumerate((0.1, 0.3, 0.35)):
        inputs, targets = map(torch.from_numpy, taught.batches.chunk(number))
        logits, (h, c) = network(inputs, state)
        state = (h.detach(), c.detach())
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        network.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        gradient = hidden.grad
        assert gradient is not None
        rate = 1 - progress
        with torch.no_grad():
            hidden.mul_(math.exp(-2 * 1.5 * rate * (progress - before)))
            for value in named.values():
                value.mul_(math.exp(-2 * 0.5 * rate * (progress - before)))
            momentum = 0.95 * momentum + gradient
            update = orthogonalize((gradient + 0.95 * momentum).view(4, 32, 32))
            hidden.sub_(0.05 * rate * update.reshape(128, 32))
        adam.param_groups[0]["lr"] = 0.01 * rate
        adam.step()
        before = progress
        assert taught.step(progress) == pytest.approx(loss.item(), abs=1e-6)
        for name, value in taught.network.state_dict().items():
            torch.testing.assert_close(value, network.state_dict()[name], atol=1e-6, rtol=1e-5)
        average.lerp_(network.fc.weight.detach(), 1 - (1 + number) / (10 + number))
        torch.testing.assert_close(taught.average.fc.weight, average)
    assert (taught.steps, taught.progress) == (3, 0.35)


def test_a_step_whose_gradient_is_not_finite_changes_no_weight(indices: np.ndarray) -> None:
    taught = learner(indices, dropout=0.1, input_dropout=0.1)
    taught.step(0.1)
    weight = taught.network.fc.weight.detach()
    whole = weight.clone()
    weight[0, 0] = 3e38
    before = {name: value.clone() for name, value in taught.network.state_dict().items()}
    average = taught.average.fc.weight.clone()
    assert math.isnan(taught.step(0.2))
    for name, value in taught.network.state_dict().items():
        assert torch.equal(value, before[name])
    assert torch.equal(taught.average.fc.weight, average)
    assert (taught.steps, taught.progress) == (2, 0.2)
    weight.copy_(whole)
    assert math.isfinite(taught.step(0.3))
    assert not torch.equal(taught.network.fc.weight, whole)


def test_some_streams_begin_a_chunk_without_their_state(indices: np.ndarray) -> None:
    carried, some, none, forgot = (
        learner(indices, state_reset=share) for share in (0.0, 0.5, 1.0, 0.0)
    )
    losses = []
    for step in range(10):
        forgot.state = None
        losses.append([one.step(step / 20) for one in (carried, some, none, forgot)])
    later = np.array(losses)[5:]
    np.testing.assert_allclose(later[:, 2], later[:, 3], rtol=1e-4)
    assert np.abs(np.diff(later[:, :3])).min() > 1e-3


@pytest.mark.skipif(
    find_precision(torch.device("cpu"), "auto") != "bfloat16",
    reason="this processor has no fast bfloat16 LSTM",
)
def test_bfloat16_learns_nearly_the_same(indices: np.ndarray) -> None:
    exact, rough = learner(indices), learner(indices, precision="bfloat16")
    losses = np.array([(exact.step(n / 60), rough.step(n / 60)) for n in range(1, 31)])
    assert not np.array_equal(losses[:, 0], losses[:, 1])
    assert np.abs(losses[-10:, 0].mean() - losses[-10:, 1].mean()) < 0.1
    assert all(weight.dtype == torch.float32 for weight in rough.network.parameters())
