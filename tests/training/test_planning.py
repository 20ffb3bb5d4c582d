"""A plan belongs to its text and to a device: what doesn't go together is refused, untouched."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.reference import TEXT
from training.checkpoint import CHECKPOINTS_FOLDER
from training.device import find_device
from training.run import Settings, TrainingError, read_json, read_state, write_json
from training.text.corpus import DESCRIPTION_FILE, INDICES_FILE
from training.trainer import train


def settings(folder: Path, **more: Any) -> Settings:
    corpus = folder / "novel.txt"
    if not corpus.exists():
        corpus.write_text(TEXT[:20_000], encoding="utf-8")
    asked: dict[str, Any] = {"steps": 4, "hidden_size": 16, "threads": 1, **more}
    return Settings((str(corpus),), **asked)


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a run, but for those that say that somebody tried."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("state.json", "writer.lock", "settings.json")
    }


def test_the_text_that_was_encoded_counts_whatever_becomes_of_its_file(tmp_path: Path) -> None:
    asked, run = settings(tmp_path), tmp_path / "run"
    train(asked, run)
    weights = (run / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(run / CHECKPOINTS_FOLDER)
    (tmp_path / "novel.txt").write_text("another text altogether", encoding="utf-8")
    assert train(asked, run) == "done"
    assert (run / "model" / "model.safetensors").read_bytes() == weights


def test_an_encoded_text_that_is_not_the_run_s_own_is_refused_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    asked, run = settings(tmp_path), tmp_path / "run"
    train(asked, run)
    indices = (run / INDICES_FILE).read_bytes()
    description = read_json(run / DESCRIPTION_FILE)
    another = [*description["vocabulary"][:-2], *description["vocabulary"][:-3:-1]]
    for wrong_indices, changes in (
        (bytes([indices[0] ^ 1]) + indices[1:], {}),
        (indices, {"vocabulary": another}),
        (indices, {"held_out": description["held_out"] + 1}),
    ):
        (run / INDICES_FILE).unlink()  # it may be linked with another run's
        (run / INDICES_FILE).write_bytes(wrong_indices)
        write_json(run / DESCRIPTION_FILE, description | changes)
        before = digests(run)
        with pytest.raises(TrainingError, match="not those that this run was begun with"):
            train(asked, run)
        assert digests(run) == before
        assert read_state(run)["phase"] == "failed"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    device: str, tmp_path: Path
) -> None:
    if getattr(torch, device).is_available():
        pytest.skip(f"this machine has {device}")
    with pytest.raises(TrainingError, match=f"--device {device}: torch finds no"):
        train(settings(tmp_path, device=device), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert find_device("cpu") == torch.device("cpu")


def test_a_network_beyond_all_limits_is_refused_in_one_line(tmp_path: Path) -> None:
    huge = settings(tmp_path, hidden_size=8_192, num_layers=16)
    with pytest.raises(TrainingError, match="the limit is 500,000,000"):
        train(huge, tmp_path / "run")
    assert not (tmp_path / "run" / "plan.json").exists()
