"""Batches: a text cut into chunks for truncated BPTT, in parallel contiguous streams.

Knows nothing about files; indices may lie in memory or in a memory-mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batches:
    """Parallel contiguous streams through the train part, for truncated BPTT.

    Stream b of B begins at b/B of the text, rotated by a random distance that changes from epoch
    to epoch, so that chunks don't always break at the same places. Everything is a function of
    (seed, step): a resumed run needs no reader's position.
    """

    indices: np.ndarray  # shape `(characters,)`
    batch_size: int  # number of streams
    sequence_length: int  # characters of a chunk
    seed: int  # of the rotation

    @property
    def steps_per_epoch(self) -> int:
        """Chunks until every stream has come to where the next one began."""
        stride = len(self.indices) // self.batch_size
        return max(1, stride // self.sequence_length)

    def begins_epoch(self, step: int) -> bool:
        """Whether the streams jump at this step, so that the carried state must be dropped."""
        return step % self.steps_per_epoch == 0

    def positions(self, step: int) -> np.ndarray:
        """Where the characters of a step stand in the text, shape `(batch, time + 1)`."""
        epoch, position = divmod(step, self.steps_per_epoch)
        total = len(self.indices)
        stride = total // self.batch_size
        rotation = np.random.default_rng((self.seed, epoch)).integers(total) if epoch else 0
        starts = np.arange(self.batch_size) * stride + rotation + position * self.sequence_length
        return (starts[:, None] + np.arange(self.sequence_length + 1)) % total

    def chunk(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of a step, each of shape `(batch, time)`, int64."""
        windows = self.indices[self.positions(step)].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]
