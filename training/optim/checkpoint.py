"""Checkpoints: everything that a run needs to continue exactly where it was.

Each is one safetensors file with its facts (JSON) in the metadata, written beside and renamed once
it is on the disk. The last two are kept, and the networks that are to teach another one. Knows
nothing about what the tensors are; never a pickle.
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

TARGETS_FILE = "targets.bin"
"""Beside the checkpoints: see training.optim.targets."""

_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts (JSON) such as the seconds so far."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def position(self) -> tuple[int, float]:
        """Steps of its network so far, and the share of that network's way that they were."""
        return self.facts["steps"], self.facts["progress"]


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a checkpoint into a run's folder, durably, and remove all but the last two.

    Raises:
        OSError: if the disk is full or not writable; older checkpoints stay as they were.
    """
    _write(folder / CHECKPOINTS_FOLDER / f"step-{step:09}.safetensors", tensors, facts)
    for old in _newest_first(folder)[_KEPT:]:
        old.unlink()


def _write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        with open(temporary, "wb") as file:
            file.write(save(contiguous, {"facts": json.dumps(facts)}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> Checkpoint:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return Checkpoint(tensors, json.loads(file.metadata()["facts"]))


def load_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a run, and a note on each damaged one."""
    notes: list[str] = []
    for path in _newest_first(folder):
        try:
            return _read(path), notes
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            notes.append(f"checkpoint {path.stem} is damaged, so it was left out")
    return None, notes


def save_teacher(folder: Path, number: int, network: Checkpoint) -> None:
    """Keep the weights of a finished network. Raises OSError as `save_checkpoint` does."""
    (folder / CHECKPOINTS_FOLDER / TARGETS_FILE).unlink(missing_ok=True)  # what others expected
    _write(_teacher(folder, number), network.tensors, network.facts)


def load_teacher(folder: Path, number: int) -> Checkpoint:
    """The network of that number, which a run in `folder` has kept."""
    return _read(_teacher(folder, number))


def drop_teachers(folder: Path) -> None:
    """Remove them, and what they expected of the text."""
    for path in (folder / CHECKPOINTS_FOLDER).iterdir():
        if path.name.startswith("teacher-") or path.name == TARGETS_FILE:
            path.unlink()


def _teacher(folder: Path, number: int) -> Path:
    return folder / CHECKPOINTS_FOLDER / f"teacher-{number}.safetensors"


def _newest_first(folder: Path) -> list[Path]:
    return sorted((folder / CHECKPOINTS_FOLDER).glob("step-*.safetensors"), reverse=True)
