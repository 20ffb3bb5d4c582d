"""Checkpoints: everything that a run needs to go on exactly where it was.

A checkpoint is a safetensors file and a small JSON file with the facts that are no tensors and the
sha256 of both; the JSON comes last, so a torn pair is never taken for a whole one. The last two are
kept. Knows nothing about networks or schedules; never a pickle.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from model.folder import sync_folder
from training.run import RunError, read_json, write_json

CHECKPOINTS_FOLDER = "checkpoints"
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain facts (JSON) such as the step."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_checkpoint(
    folder: Path,
    step: int,
    tensors: Mapping[str, Tensor],
    facts: Mapping[str, Any],
    counts: Callable[[int], bool] = lambda _: True,
) -> None:
    """Write a checkpoint into a run's folder, durably, and drop all but the last two.

    Args:
        folder: of the run.
        step: that it was made after.
        tensors: by name.
        facts: plain JSON.
        counts: whether a checkpoint of a step counts among the two. One that doesn't, as made when
            a run is stopped, is dropped as soon as there is a newer one.

    Raises:
        OSError: if the disk is full or not writable; older checkpoints stay as they were.
    """
    place = folder / CHECKPOINTS_FOLDER
    place.mkdir(exist_ok=True)
    path = place / f"step-{step:09}.safetensors"
    data = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(".json").unlink(missing_ok=True)
        os.replace(temporary, path)
        facts = {**facts, "step": step}
        write_json(path.with_suffix(".json"), {"sha256": _sha256(data, facts), **facts})
        sync_folder(place)
    finally:
        temporary.unlink(missing_ok=True)
    kept = 0
    for found in _newest_first(folder):
        if kept < _KEPT and (counts(_step(found)) or found == path):
            kept += counts(_step(found))
        else:
            _remove(found)


def drop_checkpoints(folder: Path, after: int) -> None:
    """Remove, durably, the checkpoints of steps after `after`."""
    for path in _newest_first(folder):
        if _step(path) > after:
            _remove(path)
    sync_folder(folder / CHECKPOINTS_FOLDER)


def _sha256(data: bytes, facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode() + data).hexdigest()


def _newest_first(folder: Path) -> list[Path]:
    return sorted((folder / CHECKPOINTS_FOLDER).glob("step-*.safetensors"), reverse=True)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _remove(path: Path) -> None:
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def load_checkpoint(folder: Path, up_to: float = math.inf) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a run up to a step, and a note on each that was damaged."""
    notes: list[str] = []
    for path in _newest_first(folder):
        if _step(path) > up_to:
            continue
        try:
            facts = read_json(path.with_suffix(".json"))
            if facts is None:
                raise RunError(f"{path.name} was not completed")
            data = path.read_bytes()
            if not isinstance(facts, dict) or facts.pop("sha256", "") != _sha256(data, facts):
                raise RunError(f"{path.name} is damaged")
            return Checkpoint(load(data), facts), notes
        except (RunError, SafetensorError, OSError) as error:
            notes.append(f"checkpoint {error}: going back to the one before")
    return None, notes
