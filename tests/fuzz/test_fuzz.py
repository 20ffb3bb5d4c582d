"""A few hundred seeds of each; `make fuzz` goes on for ten minutes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.folders import good_folder, run_folders
from tests.fuzz.mutations import mutated_bytes, mutated_json, to_json
from tests.fuzz.page import Bystander, Page, run_events
from tests.running_app import run_app, small_model_folder


def test_mutations_are_repeated_by_their_seed_and_differ_by_it() -> None:
    data = {"a": [1, {"b": "c"}], "d": "e"}
    made = [to_json(mutated_json(random.Random(seed), data)) for seed in range(50)]
    assert made == [to_json(mutated_json(random.Random(seed), data)) for seed in range(50)]
    assert len(set(made)) > 40
    assert data == {"a": [1, {"b": "c"}], "d": "e"}
    assert len({mutated_bytes(random.Random(seed), b"abcdefgh" * 9) for seed in range(50)}) > 40


def test_a_hostile_model_folder_is_refused_in_a_sentence_or_does_no_harm(tmp_path: Path) -> None:
    became, faults = run_folders(range(400), tmp_path, good_folder(tmp_path / "good"))
    assert faults == []
    for file in ("config.json", "model.safetensors"):
        assert became[f"{file}: refused"] > 50
        assert became[f"{file}: used"] > 5


@pytest.mark.parametrize("shared", [False, True])
def test_a_hostile_event_is_answered_and_nobody_else_waits(shared: bool, tmp_path: Path) -> None:
    model = small_model_folder(tmp_path / "model")
    told = {
        "TRAINING": "on",
        "TRAINING_FOLDER": str(tmp_path / "runs"),
        "TRAINING_MINUTES": "0.02",
        "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
    }
    host = ["--host", "0.0.0.0"] if shared else []
    with (
        run_app(tmp_path, "--model", str(model), *host, environment=told) as app,
        Page(app, tmp_path) as page,
        Bystander(app) as bystander,
    ):
        became, faults = run_events(range(300), page)
    assert faults == []
    assert bystander.longest_s < 1
    assert min(became["done"], became["refused"], became["an error"]) > 10
