"""Checkpoints: everything that a run needs to continue exactly where it was.

Each is one safetensors file with its facts (JSON) in the metadata, written beside and renamed once
it is on the disk. The last two are kept. Knows nothing about networks; never a pickle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from model.folder import sync_folder
from training.run import CHECKPOINTS_FOLDER

_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts (JSON) such as the seconds so far."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def position(self) -> tuple[int, float]:
        """Steps so far, and the share of the run that they were."""
        return self.facts["step"], self.facts["progress"]


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint into a run's folder, durably, and remove all but the last two.

    Raises:
        OSError: if the disk is full or not writable; older checkpoints stay as they were.
    """
    place = folder / CHECKPOINTS_FOLDER
    place.mkdir(exist_ok=True)
    path = place / f"step-{step:09}.safetensors"
    temporary = path.with_suffix(".tmp")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        with open(temporary, "wb") as file:
            file.write(save(contiguous, {"facts": json.dumps(facts)}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(place)
    finally:
        temporary.unlink(missing_ok=True)
    for old in _newest_first(folder)[_KEPT:]:
        old.unlink()


def load_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a run, and a note on each damaged one."""
    notes: list[str] = []
    for path in _newest_first(folder):
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return Checkpoint(tensors, json.loads(file.metadata()["facts"])), notes
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            notes.append(f"checkpoint {path.stem} is damaged, so it was left out")
    return None, notes


def _newest_first(folder: Path) -> list[Path]:
    return sorted((folder / CHECKPOINTS_FOLDER).glob("step-*.safetensors"), reverse=True)
