"""Group: the processes that train one network together, as torchrun starts them.

Each takes its share of the streams; gradients are averaged, so all have the same weights. The first
process leads: it alone decides, and writes. Knows nothing about networks. All processes must see
the same file system; they talk by gloo on CPUs and by NCCL on CUDA GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # its defaults keep the process group that they find
from torch import Tensor

from training.run import RunError, TrainingError

_T = TypeVar("_T")

_PATIENCE = timedelta(minutes=30)
"""How long a process waits for another: as long as the leader may read, encode or score."""


class LostProcess(TrainingError):
    """Another process of the group has ended, or doesn't answer."""


class Group:
    """Processes by rank. With one process, all of this is nothing.

    Args:
        rank: of this process; 0 leads.
        size: number of processes.
        local_rank: of this process on its machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local_rank = local_rank
        self._others_listen = True

    @property
    def leads(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def refuse_uneven(self, streams: int) -> None:
        """Raises TrainingError if streams can't be divided equally among the processes."""
        if streams % self.size:
            raise TrainingError(
                f"{streams} streams can't be divided equally among {self.size} processes: choose "
                "another --batch_size, or another --nproc_per_node"
            )

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch, shape `(batch / size, ...)`."""
        rows = len(batch) // self.size
        return batch[self.rank * rows : (self.rank + 1) * rows]

    def average(self, tensors: list[Tensor]) -> None:
        """Put into each tensor the mean over all processes; the same bits everywhere."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _others_answer():
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
        parts = [torch.empty_like(sent) for _ in range(self.size)] if self.leads else None
        with _others_answer():
            dist.gather(sent, parts)
        return rows if parts is None else torch.cat(parts, dim).to(rows.dtype)

    def sum(self, value: float) -> float:
        """The sum of everybody's value."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        with _others_answer():
            dist.all_reduce(total)
        return total.item()

    def agree(self, flag: bool) -> bool:
        """What the leader said."""
        if self.size == 1:
            return flag
        said = torch.tensor(flag)
        with _others_answer():
            dist.broadcast(said, 0)
        return bool(said)

    def from_leader(self, work: Callable[[], _T]) -> _T:
        """Let the leader do something; everybody gets its result, or ends with its error.

        Raises:
            TrainingError: on the others, if the work raised anything on the leader.
        """
        if self.size == 1:
            return work()
        if self.leads:
            try:
                result = work()
            except LostProcess:
                raise
            except BaseException as error:
                if self._others_listen:
                    self._tell(None, _in_a_line(error))
                raise
            self._tell(result, None)
            return result
        result, failure = self._hear()
        if failure is not None:
            raise TrainingError(f"the first process has ended: {failure}")
        return result

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """What all do together, while the others wait for the leader's word in `from_leader`.

        An error in it can't be told to them, who are waiting for something else: they notice when
        the leader's process ends.
        """
        self._others_listen = False
        yield
        self._others_listen = True

    def _tell(self, result: Any, failure: str | None) -> None:
        with _others_answer():
            dist.broadcast_object_list([result, failure], 0, device=torch.device("cpu"))

    def _hear(self) -> list[Any]:
        box: list[Any] = [None, None]
        with _others_answer():
            dist.broadcast_object_list(box, 0, device=torch.device("cpu"))
        return box


def _in_a_line(error: BaseException) -> str:
    if isinstance(error, TrainingError | RunError | OSError):
        return str(error)
    return f"{type(error).__name__} {error}".strip()


@contextmanager
def _others_answer() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # torch has no narrower one for gloo
        raise LostProcess(
            "another process of this run has ended, or can't be reached; what it said is above"
        ) from error


@contextmanager
def join() -> Iterator[Group]:
    """Be one of the processes that torchrun has started; alone, where it hasn't.

    At the end gloo's threads have ended too. One that still let go of a tensor while the
    interpreter shuts down would abort the process (pytorch/pytorch#179291); they live as long as
    anything refers to the group, so what would keep it is imported above, before there is one.
    """
    size = int(os.environ.get("WORLD_SIZE", "1")) if dist.is_torchelastic_launched() else 1
    if size == 1:
        yield Group()
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _others_answer():
        dist.init_process_group(backend, timeout=_PATIENCE)
    yield Group(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))
    dist.destroy_process_group()  # after an error the process ends, and the others notice
