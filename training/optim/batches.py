"""Batches: a text cut into chunks for truncated BPTT, in parallel contiguous streams.

The lines of a list come in a new order in each epoch. Knows nothing about files; indices may lie in
memory or in a memory-mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Batches:
    """Parallel contiguous streams through the train part, for truncated BPTT.

    Stream b of B begins at b/B of the text, rotated by a random distance that changes from epoch
    to epoch, so that chunks don't always break at the same places. With a `line_break` it goes
    through the text's lines, all of which must end in one, in an order that changes instead.
    Everything is a function of (seed, step): a resumed run needs no reader's position.
    """

    indices: np.ndarray  # shape `(characters,)`
    batch_size: int  # number of streams
    sequence_length: int  # characters of a chunk
    seed: int  # of the rotation, or the order
    line_break: int | None = None  # the index that ends an item of a list; None for no list
    _orders: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict, repr=False)

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
        starts = np.arange(self.batch_size) * stride + position * self.sequence_length
        places = starts[:, None] + np.arange(self.sequence_length + 1)
        if self.line_break is not None:
            stops, ends = self._order(epoch)
            places %= total
            line = np.searchsorted(ends, places, side="right")
            return np.asarray(stops[line] - (ends[line] - places))
        rotation = np.random.default_rng((self.seed, epoch)).integers(total) if epoch else 0
        return (places + rotation) % total

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the lines, in an epoch's order, end in the text, and where in that epoch."""
        if epoch not in self._orders:
            stops = np.flatnonzero(self.indices == self.line_break) + 1
            order = np.random.default_rng((self.seed, epoch)).permutation(len(stops))
            lengths = np.diff(stops, prepend=0)[order]
            self._orders.clear()
            self._orders[epoch] = stops[order], np.cumsum(lengths)
        return self._orders[epoch]

    def chunk(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of a step, each of shape `(batch, time)`, int64."""
        windows = self.indices[self.positions(step)].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]
