"""A run with a deadline has written its model before it, and can be gone on with later."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import pytest

from model.folder import load_model
from tests.reference import TEXT
from training.run import SETTINGS_FILE, Settings, read_state, write_json
from training.trainer import train
from training.zero_gpu import is_zero_gpu, train_on_gpu


@pytest.fixture
def asked(tmp_path: Path) -> Settings:
    path = tmp_path / "reference.txt"
    path.write_text(TEXT[:60_000], encoding="utf-8")
    return Settings(
        (str(path),), steps=100_000, patience=0, hidden_size=32, batch_size=4, sequence_length=32
    )


def test_the_model_is_written_before_the_deadline(asked: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    began = time.monotonic()
    assert train(asked, run, deadline_s=7) == "stopped"
    assert time.monotonic() - began < 7
    state = read_state(run)
    assert 0 < state["step"] < state["total_steps"]
    assert load_model(run).config.training["val_loss"] > 0


def test_a_worker_goes_on_where_the_last_one_was_ended(asked: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_json(run / SETTINGS_FILE, asdict(asked))
    steps = []
    for _ in range(2):
        assert train_on_gpu(str(run), 10) == ""
        steps.append(read_state(run)["step"])
    assert 0 < steps[0] < steps[1]


def test_a_worker_says_why_it_failed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    empty = tmp_path / "empty.txt"
    empty.touch()
    write_json(run / SETTINGS_FILE, asdict(Settings((str(empty),))))
    assert "empty" in train_on_gpu(str(run), 60)
    assert read_state(run)["phase"] == "failed"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("true", True), ("", False)])
def test_zero_gpu_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", value)
    assert is_zero_gpu() is expected
