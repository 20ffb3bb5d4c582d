"""Muon: momentum, orthogonalized by Newton-Schulz steps, for the LSTM's hidden matrices.

Keller Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. Differs from torch.optim.Muon
in what an LSTM on a CPU needs. Matrices are orthogonalized in blocks: each gate by itself, a wide
one in bands of rows. Two steps do, each with the best polynomial for what the one before left
(Polar Express, Amsel et al. 2025, https://arxiv.org/abs/2505.16932), in float32 where bfloat16
is slow. Against three of Jordan's steps on whole gates that is an eighth of the work for
the same loss: docs/experiments.md.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = (
    (7.362528, -20.743396, 15.160552),
    (2.917538, -2.182405, 0.475529),
)
"""Of the quintic a x + b x^3 + c x^5, step by step: the one that brings all of [0.03, 1] nearest to
1, by Remez' algorithm, then the same for what it leaves. A band's singular values lie in there."""


def orthogonalize(blocks: Tensor) -> Tensor:
    """Roughly the closest orthogonal matrix to each block.

    Singular values above 0.03 of the block's norm go to between 0.6 and 1.4, smaller ones grow by
    21 at most.

    Args:
        blocks: shape `(blocks, rows, columns)`.
    """
    wide = blocks.shape[1] <= blocks.shape[2]
    x = blocks if wide else blocks.mT  # the smaller side's product is the cheaper
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for a, b, c in COEFFICIENTS:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized in blocks.

    Args:
        params: matrices of shape `(4 hidden, width)`, the gates stacked.
        lr: learning rate; also scaled by sqrt(max(1, rows / columns)) of a gate block.
        momentum: of the gradient's moving sum.
        bands: into how many bands of rows each gate is cut, to be orthogonalized by themselves.
        dtype: to iterate in.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.05,
        momentum: float = 0.95,
        bands: int = 1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._bands = bands
        self._dtype = dtype
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update."""
        for group in self.param_groups:
            for param in group["params"]:
                state = self.state[param]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(param)
                buffer = state["momentum_buffer"]
                buffer.mul_(group["momentum"]).add_(param.grad)
                update = param.grad.add(buffer, alpha=group["momentum"])
                rows, columns = param.shape[0] // 4, param.shape[1]
                blocks = update.view(4 * self._bands, -1, columns).to(self._dtype)
                update = orthogonalize(blocks).reshape(param.shape)
                scale = max(1.0, rows / columns) ** 0.5
                param.add_(update.to(param.dtype), alpha=-group["lr"] * scale)
