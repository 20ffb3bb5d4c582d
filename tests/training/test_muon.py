"""Muon: momentum made orthogonal, gate by gate."""

from __future__ import annotations

import pytest
import torch

from training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(4, 32, 32), (4, 32, 48), (4, 48, 32)])
def test_every_block_comes_out_nearly_orthogonal(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    blocks = torch.randn(shape) * torch.tensor([0.01, 1, 10, 100])[:, None, None]
    singular_values = torch.linalg.svdvals(orthogonalize(blocks, steps=6))
    assert singular_values.max() < 1.3
    assert singular_values.quantile(0.1) > 0.6


def test_one_gates_gradient_does_not_touch_anothers_update() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(4, 8, 8)
    other = gradient.clone()
    other[2] *= 1000
    first, second = (orthogonalize(g) for g in (gradient, other))
    torch.testing.assert_close(first[[0, 1, 3]], second[[0, 1, 3]], rtol=0, atol=0)
    torch.testing.assert_close(first[2], second[2], rtol=1e-4, atol=1e-5)


def test_a_step_is_the_orthogonalized_nesterov_momentum_and_the_decay() -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(16, 4))
    optimizer = Muon([weight], lr=0.1, momentum=0.9, weight_decay=0.5)
    expected = weight.detach().clone()
    buffer = torch.zeros(16, 4)
    for _ in range(2):
        weight.grad = torch.randn(16, 4)
        buffer = 0.9 * buffer + weight.grad
        update = orthogonalize((weight.grad + 0.9 * buffer).view(4, 4, 4)).reshape(16, 4)
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * update
        optimizer.step()
        torch.testing.assert_close(weight.detach(), expected)
