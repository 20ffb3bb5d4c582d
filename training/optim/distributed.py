"""Group: the processes that train one network together, as torchrun starts them.

Each takes its share of the batch; gradients are averaged, so all have the same weights. The first
process leads: it alone decides and writes. A process that fails ends, and torchrun ends the others.
All of them must see the same files; they talk by gloo on CPUs and by NCCL on CUDA GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # noqa: F401  # its defaults keep the group that they find
from torch import Tensor

from training.settings import TrainingError

_TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the leader, which may be reading a text or scoring."""


@dataclass(frozen=True)
class Group:
    """Processes by rank. With one process every method is a no-op."""

    rank: int = 0  # of this process; 0 leads
    size: int = 1  # number of processes
    local_rank: int = 0  # of this process on its machine

    def check_batch(self, batch_size: int) -> None:
        """Raises TrainingError if a batch can't be divided equally among the processes."""
        if batch_size % self.size:
            raise TrainingError(
                f"a batch of {batch_size} can't be divided equally among {self.size} processes: "
                "choose another batch size, or another number of processes"
            )

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch, shape `(batch / size, ...)`."""
        rows = len(batch) // self.size
        return batch[self.rank * rows : (self.rank + 1) * rows]

    def average(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over all processes: the same bits everywhere."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, rows: Tensor, dim: int) -> Tensor:
        """All processes' shares joined, on the leader; the others get their own back."""
        if self.size == 1:
            return rows
        sent = rows.float().cpu().contiguous()  # exact: what is gathered is never wider
        parts = [torch.empty_like(sent) for _ in range(self.size)] if self.rank == 0 else None
        dist.gather(sent, parts)
        return rows if parts is None else torch.cat(parts, dim).to(rows.dtype)

    def tell(self, what: Any) -> Any:
        """The leader's object, for everybody; it is pickled."""
        if self.size == 1:
            return what
        box = [what]
        dist.broadcast_object_list(box, 0, device=torch.device("cpu"))
        return box[0]


@contextmanager
def join() -> Iterator[Group]:
    """Be one of the processes that torchrun has started, or alone.

    At the end gloo's threads have ended too. One that still let go of a tensor while the
    interpreter shuts down would abort the process (pytorch/pytorch#179291); they live as long as
    anything refers to the group, so what would keep it is imported above, before there is one.

    Raises:
        TrainingError: if another process has ended or can't be reached.
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if dist.is_torchelastic_launched() else 1
    if size == 1:
        yield Group()
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        dist.init_process_group(backend, timeout=_TIMEOUT)
        yield Group(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
    except RuntimeError as error:  # torch has no narrower one for gloo
        raise TrainingError(
            "another process of this run has ended or can't be reached; what it said is above"
        ) from error
    dist.destroy_process_group()  # after an error the process ends, and the others notice
