"""Fine-tuning: what a model knows is kept, said, and still there when the model is gone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config import ModelConfig
from model.folder import Model, load_model
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from tests.training_run import planned_as, stopped_when, weights_digest
from training.checkpoint import CHECKPOINTS_FOLDER
from training.fine_tuning import Start
from training.run import Settings, TrainingError, read_state
from training.trainer import train

KNOWN = TEXT[:60_000].lower()
NEW = TEXT[200_000:206_000]  # with capitals, which the model hasn't seen


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has learnt a larger text."""
    folder = tmp_path_factory.mktemp("known")
    (folder / "known.txt").write_text(KNOWN, encoding="utf-8")
    asked = Settings(
        (str(folder / "known.txt"),), steps=120, hidden_size=48, batch_size=16, threads=1
    )
    train(asked, folder / "reference")
    return folder / "reference"


def settings(folder: Path, **more: Any) -> Settings:
    corpus = folder / "new.txt"
    corpus.write_text(NEW, encoding="utf-8")
    asked: dict[str, Any] = {"steps": 60, "threads": 1, **more}
    return Settings((str(corpus),), **asked)


@pytest.mark.parametrize("embedding_size", [0, 4])
def test_shared_characters_keep_their_rows_and_new_ones_take_fresh_ones(
    embedding_size: int,
) -> None:
    def random_model(characters: str, seed: int) -> Model:
        config = ModelConfig(Vocabulary(tuple(characters)), 6, embedding_size=embedding_size)
        rng = np.random.default_rng(seed)
        shapes = config.parameter_shapes()
        return Model(config, {k: rng.normal(size=v).astype("f4") for k, v in shapes.items()})

    old, initial = random_model("abcd\n", seed=1), random_model("\nbxd", seed=2)
    vocabulary = initial.config.vocabulary
    start = Start("old", "", old)
    fitted = start.weights(vocabulary, initial.weights)
    assert {k: v.shape for k, v in fitted.items()} == initial.config.parameter_shapes()
    characters = {"embedding.weight": 0} if embedding_size else {"lstm.weight_ih_l0": 1}
    for name, axis in ({"fc.weight": 0, "fc.bias": 0} | characters).items():
        for character in vocabulary.characters:
            kept = character in old.config.vocabulary
            source = old if kept else initial
            expected = source.weights[name].take(source.config.vocabulary.index(character), axis)
            found = fitted[name].take(vocabulary.index(character), axis)
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(fitted["lstm.weight_hh_l0"], old.weights["lstm.weight_hh_l0"])
    assert start.overlap(vocabulary) == (
        "begins from old: 3 of 4 characters known, 1 new: x; "
        "2 of the model's don't occur in this text and are left out"
    )


def test_fine_tuning_begins_where_the_model_ended_and_beats_the_same_steps_from_scratch(
    model: Path, tmp_path: Path
) -> None:
    tuned, scratch = tmp_path / "tuned", tmp_path / "scratch"
    assert train(settings(tmp_path, init_from=str(model)), tuned) == "done"
    assert train(settings(tmp_path, hidden_size=48), scratch) == "done"
    facts, plain = (load_model(run).config.training for run in (tuned, scratch))
    assert facts["val_loss"] < plain["val_loss"] - 0.2
    digest = hashlib.sha256((model / "model" / "model.safetensors").read_bytes()).hexdigest()
    assert facts["init_from"] == {"name": "reference", "sha256": digest}
    assert plain["init_from"] is None
    assert facts["recipe"]["hidden_size"] == 48
    assert facts["recipe"]["muon_lr"] < plain["recipe"]["muon_lr"]
    assert any("characters known" in note for note in read_state(tuned)["notes"])
    card = (tuned / "model" / "README.md").read_text(encoding="utf-8")
    assert f"begun from: `reference`, weights of sha256 `{digest}`" in card


def test_a_run_goes_on_to_the_same_weights_when_the_model_is_gone(
    model: Path, tmp_path: Path
) -> None:
    asked = settings(tmp_path, init_from=str(tmp_path / "start"))
    shutil.copytree(model / "model", tmp_path / "start")
    assert train(asked, tmp_path / "whole") == "done"
    run = planned_as(tmp_path / "whole", tmp_path / "stopped")

    with stopped_when(lambda: (run / CHECKPOINTS_FOLDER).exists(), run):
        assert train(asked, run) == "stopped"
    shutil.rmtree(tmp_path / "start")
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(tmp_path / "whole")


def test_a_model_that_was_exchanged_before_the_first_checkpoint_is_refused(
    model: Path, tmp_path: Path
) -> None:
    asked = settings(tmp_path, init_from=str(tmp_path / "start"), steps=2)
    shutil.copytree(model / "model", tmp_path / "start")
    train(asked, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")  # as if killed before there was one
    weights = tmp_path / "start" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(TrainingError, match="is not the model that this run was begun with"):
        train(asked, tmp_path / "run")


def test_a_model_that_cannot_be_used_is_refused_before_anything_is_written(
    model: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(model / "model", torn)
    (torn / "model.safetensors").write_bytes(b"x" * 100)
    for wrong, message in (
        ({"init_from": str(torn)}, "torn.*is damaged or no safetensors file"),
        ({"init_from": str(tmp_path / "nowhere")}, "nowhere doesn't exist"),
        ({"init_from": str(model), "hidden_size": 65}, "--hidden_size 65 can't be had"),
        ({"init_from": str(model), "num_layers": 2}, "--num_layers 2 can't be had"),
        ({"init_from": str(model), "embedding_size": 8}, "--embedding_size 8 can't be had"),
    ):
        with pytest.raises(TrainingError, match=message):
            train(settings(tmp_path, **wrong), tmp_path / "run")
        assert not (tmp_path / "run").exists()
    train(settings(tmp_path, init_from=str(model), hidden_size=48, steps=2), tmp_path / "run")
