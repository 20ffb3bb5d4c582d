"""Checkpoints: whole or not taken; the last two are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.checkpoint import (
    CHECKPOINTS_FOLDER,
    drop_checkpoints,
    load_checkpoint,
    save_checkpoint,
)


def save(folder: Path, step: int) -> Path:
    tensors = {"a.b": torch.full((50, 3), float(step)), "scalar": torch.tensor(step)}
    save_checkpoint(folder, step, tensors, {"loss": 1.5}, counts=lambda step: step != 25)
    return folder / CHECKPOINTS_FOLDER / f"step-{step:09}.safetensors"


def test_what_was_saved_comes_back_and_only_two_are_kept(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) == (None, [])
    for step in (1, 20, 300):
        save(tmp_path, step)
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert notes == []
    assert checkpoint.facts["step"] == 300
    assert checkpoint.facts["loss"] == 1.5
    assert checkpoint.tensors["scalar"].item() == 300
    names = sorted(path.name for path in (tmp_path / CHECKPOINTS_FOLDER).iterdir())
    assert names == [
        f"step-{step:09}.{ending}" for step in (20, 300) for ending in ("json", "safetensors")
    ]


def steps(folder: Path) -> list[int]:
    found = (folder / CHECKPOINTS_FOLDER).glob("*.safetensors")
    return sorted(int(path.stem.removeprefix("step-")) for path in found)


def test_one_that_does_not_count_is_kept_beside_two_and_only_while_it_is_the_newest(
    tmp_path: Path,
) -> None:
    for step in (10, 20, 25):
        save(tmp_path, step)
    assert steps(tmp_path) == [10, 20, 25]
    save(tmp_path, 30)
    assert steps(tmp_path) == [20, 30]


def test_gone_back_to_one_the_later_ones_are_dropped(tmp_path: Path) -> None:
    for step in (10, 20, 25):
        save(tmp_path, step)
    found, _ = load_checkpoint(tmp_path, up_to=24)
    assert found is not None
    assert found.facts["step"] == 20
    drop_checkpoints(tmp_path, after=10)
    assert steps(tmp_path) == [10]


def test_a_damaged_one_falls_back_to_the_one_before_and_says_so(tmp_path: Path) -> None:
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    data = bytearray(newest.read_bytes())
    data[-5] ^= 1  # one bit, somewhere in a weight
    newest.write_bytes(data)
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.facts["step"] == 1
    assert len(notes) == 1
    assert "damaged" in notes[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("1.5", "0.5"),  # a fact that no tensor is
        lambda text: text.replace('"step": 2', '"step": 3'),
        lambda _: "[]",
        lambda _: "{}",
        lambda text: text[:-9],
    ],
    ids=["loss", "step", "list", "empty", "torn"],
)
def test_facts_that_are_not_those_that_were_saved_count_as_damage(
    change: Callable[[str], str], tmp_path: Path
) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2).with_suffix(".json")
    text = path.read_text("utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text("utf-8") != text
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.facts["step"] == 1
    assert "damaged" in notes[0]


def test_one_that_was_not_completed_does_not_count(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2).with_suffix(".json").unlink()
    checkpoint, notes = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.facts["step"] == 1
    assert "was not completed" in notes[0]


def test_a_write_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / CHECKPOINTS_FOLDER / "step-000000002.safetensors").mkdir()  # in the way
    try:
        save(tmp_path, 2)
    except OSError:
        pass
    else:
        raise AssertionError("a folder was overwritten")
    (tmp_path / CHECKPOINTS_FOLDER / "step-000000002.safetensors").rmdir()
    checkpoint, _ = load_checkpoint(tmp_path)
    assert checkpoint is not None
    assert checkpoint.facts["step"] == 1
