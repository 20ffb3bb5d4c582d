"""Muon: momentum made orthogonal, gate by gate."""

from __future__ import annotations

import pytest
import torch

from training.optim.muon import COEFFICIENTS, orthogonalize
from training.recipe import NEWTON_SCHULZ_STEPS


@pytest.mark.parametrize("shape", [(4, 48, 48), (16, 48, 192), (4, 96, 48)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_large_and_small_directions_come_out_alike(
    shape: tuple[int, int, int], scale: float
) -> None:
    assert len(COEFFICIENTS) == NEWTON_SCHULZ_STEPS  # of which the recipe counts the work
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    steep = scale * torch.logspace(0, -1, min(shape[1:]))
    updates = orthogonalize(u * steep @ v)
    inside = u.mT @ updates @ v.mT  # diagonal, if the directions have stayed what they were
    strengths = inside.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(inside, torch.diag_embed(strengths), rtol=0, atol=1e-4)
    assert strengths.max() < 1.5
    assert strengths.min() > 0.5  # it was a tenth of the largest


def test_one_gates_gradient_does_not_touch_anothers_update() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(4, 8, 8)
    other = gradient.clone()
    other[2] *= 1000
    first, second = (orthogonalize(g) for g in (gradient, other))
    torch.testing.assert_close(first[[0, 1, 3]], second[[0, 1, 3]], rtol=0, atol=0)
    torch.testing.assert_close(first[2], second[2], rtol=1e-4, atol=1e-5)
