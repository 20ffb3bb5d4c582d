"""Muon: momentum, orthogonalized by Newton-Schulz steps, for the LSTM's hidden matrices.

Keller Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. Differs from torch.optim.Muon
in what an LSTM on a CPU needs: each of the four gate blocks of a matrix is orthogonalized by itself
(slightly better than the whole), in float32 unless the processor has fast bfloat16 (on one without,
a 1024 x 256 matrix took 670 ms a step in bfloat16, 27 ms in float32), with 3 steps instead of 5
(a fifth more characters a second, same loss).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(blocks: Tensor, steps: int = 3) -> Tensor:
    """Nearly the closest orthogonal matrix to each block, by Newton-Schulz iteration.

    Args:
        blocks: shape `(blocks, rows, columns)`.
        steps: iterations of the quintic a x + b x^3 + c x^5: singular values go to about 1.
    """
    wide = blocks.shape[1] <= blocks.shape[2]
    x = blocks if wide else blocks.mT  # the smaller side's product is the cheaper
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized gate by gate, with decoupled weight decay.

    Args:
        params: matrices of shape `(4 hidden, width)`, the gates stacked.
        lr: learning rate; also scaled by sqrt(max(1, rows / columns)) of a gate block.
        momentum: of the gradient's moving sum.
        weight_decay: `w *= 1 - lr * weight_decay` at every step.
        ns_steps: Newton-Schulz iterations.
        dtype: to iterate in.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.05,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        ns_steps: int = 3,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._ns_steps = ns_steps
        self._dtype = dtype
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update. `closure` is not supported."""
        if closure is not None:
            raise NotImplementedError("Muon takes no closure")
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self.state[param]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(param)
                buffer = state["momentum_buffer"]
                buffer.mul_(group["momentum"]).add_(param.grad)
                update = param.grad.add(buffer, alpha=group["momentum"])
                rows, columns = param.shape[0] // 4, param.shape[1]
                blocks = update.view(4, rows, columns).to(self._dtype)
                update = orthogonalize(blocks, self._ns_steps).reshape(param.shape)
                scale = max(1.0, rows / columns) ** 0.5
                param.mul_(1 - group["lr"] * group["weight_decay"])
                param.add_(update.to(param.dtype), alpha=-group["lr"] * scale)
