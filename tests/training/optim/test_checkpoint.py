"""Checkpoints: whole or not taken; the last two are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.optim.checkpoint import load_checkpoint, save_checkpoint


def save(folder: Path, step: int) -> Path:
    tensors = {
        "learner.a.b": torch.full((50, 3), float(step)),
        "learner.t": torch.ones(4, 3).T,  # not contiguous
        "best.a": torch.tensor(step),
    }
    save_checkpoint(folder, step, tensors, {"step": step, "loss": 1.5, "note": "é", "none": None})
    return folder / "checkpoints" / f"step-{step:09}.safetensors"


def test_what_was_saved_comes_back_and_only_two_are_kept(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) == (None, [])
    for step in (1, 20, 300):
        save(tmp_path, step)
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert notes == []
    assert checkpoint.facts == {"step": 300, "loss": 1.5, "note": "é", "none": None}
    assert checkpoint.tensors.keys() == {"learner.a.b", "learner.t", "best.a"}
    assert checkpoint.tensors["best.a"] == 300
    assert checkpoint.tensors["learner.t"].shape == (3, 4)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == [f"step-{step:09}.safetensors" for step in (20, 300)]


@pytest.mark.parametrize("kept", [0, 5, 200, -1], ids=["empty", "no header", "header", "a byte"])
def test_a_torn_one_falls_back_to_the_one_before_and_says_so(kept: int, tmp_path: Path) -> None:
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    newest.write_bytes(newest.read_bytes()[:kept])
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.facts["step"] == 1
    assert notes == ["checkpoint step-000000002 is damaged, so it was left out"]
