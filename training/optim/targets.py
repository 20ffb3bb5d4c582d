"""Soft targets: what a finished network expects at each character of a text, for the next to learn.

A student that learns from its teacher's predictions (Hinton, Vinyals & Dean 2015,
https://arxiv.org/abs/1503.02531), beside the text itself, comes to predict better than the teacher,
though it is of the same size (Furlanello et al. 2018, https://arxiv.org/abs/1805.04770). What that
expects doesn't change meanwhile, so it is computed once and memory-mapped: a student's step costs
hardly more than a teacher's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from model.char_lstm import CharLSTM, LSTMState
from training.evaluate import WARM_UP
from training.optim.checkpoint import TARGETS_FILE
from training.optim.device import autocast
from training.run import CHECKPOINTS_FOLDER

_LIKELIEST = 32
_STREAMS = 64


@dataclass(frozen=True)
class SoftTargets:
    """The likeliest characters at each place of a text, with their probabilities.

    Of shape `(characters, 32)`, memory-mapped: 128 bytes a character.
    """

    characters: np.ndarray  # indices into the vocabulary
    probabilities: np.ndarray  # of each; together 1

    def at(self, places: np.ndarray) -> tuple[Tensor, Tensor]:
        """Characters, int64, and probabilities, float32, at some places: `(places, 32)` each."""
        characters, probabilities = self.characters[places], self.probabilities[places]
        return (
            torch.from_numpy(characters.astype(np.int64)),
            torch.from_numpy(probabilities.astype(np.float32)),
        )


def _open(path: Path, mode: Literal["r", "w+"], size: int, vocab_size: int) -> np.ndarray:
    shape = (min(_LIKELIEST, vocab_size),)
    row = np.dtype([("character", np.uint16, shape), ("probability", np.float16, shape)])
    return np.memmap(path, dtype=row, mode=mode, shape=(size,))


def open_targets(folder: Path, size: int, vocab_size: int) -> SoftTargets | None:
    """The targets of the run in `folder` for a text of `size` characters; None before there are.

    Args:
        folder: the run's.
        size: characters of the train part.
        vocab_size: of its vocabulary.
    """
    path = folder / CHECKPOINTS_FOLDER / TARGETS_FILE
    if not path.exists():
        return None
    rows = _open(path, "r", size, vocab_size)
    return SoftTargets(rows["character"], rows["probability"])


def write_targets(
    folder: Path,
    teacher: CharLSTM,
    indices: np.ndarray,
    precision: str,
    is_unwanted: Callable[[], bool],
) -> None:
    """Write what a network expects at each character of a text.

    Up to 64 streams each start 500 characters early, to have a state worth carrying.

    Args:
        folder: the run's.
        teacher: in evaluation mode.
        indices: the train part, shape `(characters,)`.
        precision: of matrix products.
        is_unwanted: whether to leave off; then nothing is written.

    Raises:
        OSError: if the disk is full.
    """
    size, vocab_size = len(indices), teacher.vocab_size
    device = teacher.fc.weight.device
    path = folder / CHECKPOINTS_FOLDER / TARGETS_FILE
    temporary = path.with_suffix(".tmp")
    rows = _open(temporary, "w+", size, vocab_size)
    streams = max(1, min(_STREAMS, size // (2 * WARM_UP)))
    length = -(-size // streams)
    starts = np.arange(streams)[:, None] * length
    piece = max(16, min(1024, 2_000_000 // (streams * vocab_size)))
    state: LSTMState | None = None
    with torch.no_grad(), autocast(device, precision):
        for begin in range(-WARM_UP, length, piece):
            if is_unwanted():
                temporary.unlink()
                return
            offsets = np.arange(begin, min(begin + piece, length))
            places = starts + offsets  # (streams, time)
            inputs = torch.from_numpy(indices[(places - 1) % size].astype(np.int64)).to(device)
            logits, state = teacher(inputs, state)
            likeliest = torch.softmax(logits.float(), -1).topk(rows["character"].shape[1])
            shares = likeliest.values / likeliest.values.sum(-1, keepdim=True)
            is_asked = (offsets >= 0) & (places < size)
            asked = places[is_asked]
            rows["character"][asked] = likeliest.indices.cpu().numpy()[is_asked]
            rows["probability"][asked] = shares.cpu().numpy()[is_asked]
    del rows  # written to the file
    os.replace(temporary, path)
