"""Fine-tuning, and training a finished run longer: what a model knows is kept, and said."""

from __future__ import annotations

import hashlib
import inspect
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.config import ModelConfig
from model.folder import BASE_MODEL, Model, load_model
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from tests.training.conftest import Command
from tests.training_run import (
    CHECKPOINTS_OFTEN,
    in_phase,
    settings,
    start,
    stopped_when,
    wait_for_checkpoint,
    weights_digest,
)
from training.pretrained import Pretrained, find_start
from training.run import read_run
from training.settings import Settings, TrainingError
from training.text.corpus import read_corpus
from training.train import train

KNOWN = TEXT[:60_000].lower()
NEW = TEXT[200_000:206_000]  # with capitals, which the model hasn't seen


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has learnt a larger text."""
    folder = tmp_path_factory.mktemp("known")
    (folder / "known.txt").write_text(KNOWN, encoding="utf-8")
    train(settings(folder / "known.txt", steps=250), folder / "reference")
    return folder / "reference"


def new_text(folder: Path, **more: Any) -> Settings:
    corpus = folder / "new.txt"
    corpus.write_text(NEW, encoding="utf-8")
    return settings(corpus, **{"steps": 60, **more})


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
    pretrained = Pretrained("old", "", old)
    fitted = pretrained.weights(vocabulary, initial.weights)
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
    assert pretrained.overlap(vocabulary) == (
        "starts from old: 3 of 4 characters known, 1 new: x; "
        "2 of the model's don't occur in this text and are left out"
    )


def test_fine_tuning_beats_the_same_steps_from_scratch_and_says_what_is_new(
    model: Path, tmp_path: Path
) -> None:
    tuned, scratch = tmp_path / "tuned", tmp_path / "scratch"
    asked = new_text(tmp_path, init_from=str(model), hidden_size=None)  # takes the model's sizes
    assert train(asked, tuned) == "done"
    assert train(new_text(tmp_path), scratch) == "done"
    facts, plain = (load_model(run).config.training for run in (tuned, scratch))
    assert facts["val_loss"] < plain["val_loss"] - 0.2
    assert facts["init_from"] == {"name": "reference", "sha256": weights_digest(model)}
    assert plain["init_from"] is None
    assert facts["recipe"]["hidden_size"] == 32
    assert facts["recipe"]["muon_lr"] < plain["recipe"]["muon_lr"]
    note = next(note for note in read_run(tuned).notes if note.startswith("starts from reference"))
    new = sorted(set(NEW) - set(KNOWN))
    assert f"{len(set(NEW)) - len(new)} of {len(set(NEW))} characters known" in note
    assert f"{len(new)} new: {' '.join(new[:3])}" in note


def test_a_run_continues_to_the_same_weights_when_the_model_is_gone(
    model: Path, tmp_path: Path
) -> None:
    asked = new_text(tmp_path, init_from=str(tmp_path / "start"), steps=150)
    shutil.copytree(model / "model", tmp_path / "start")
    assert train(asked, tmp_path / "whole") == "done"
    run = tmp_path / "stopped"
    with stopped_when(in_phase(run, "training"), run):
        assert train(asked, run) == "stopped"
    shutil.rmtree(tmp_path / "start")
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(tmp_path / "whole")


def test_a_model_that_cannot_be_used_is_refused(model: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(model / "model", torn)
    (torn / "model.safetensors").write_bytes(b"x" * 100)
    for known, asked, message in (
        (torn, {}, "the model to start from can't be used: .*torn"),
        (model, {"hidden_size": 65}, "hidden_size can't be 65: .* has 32"),
        (model, {"embedding_size": 8}, "embedding_size can't be 8: .* has 0"),
    ):
        with pytest.raises(TrainingError, match=message):
            train(new_text(tmp_path, init_from=str(known), **asked), tmp_path / "run")
        assert read_run(tmp_path / "run").phase == "failed"
    train(new_text(tmp_path, init_from=str(model), steps=2), tmp_path / "run")


def test_a_finished_run_is_trained_longer_from_its_weights_and_may_be_killed_in_between(
    model: Path, tmp_path: Path, command: Command
) -> None:
    run = tmp_path / "reference"
    shutil.copytree(model, run)
    before, digest = load_model(run).config.training, weights_digest(run)
    child = start("--resume", run, "--minutes", "0.03", before=CHECKPOINTS_OFTEN)
    wait_for_checkpoint(run, child)
    child.kill()
    child.communicate()
    assert (read_run(run).phase, weights_digest(run)) == ("interrupted", digest)
    said, error = command("--resume", run)
    assert error == ""
    assert "starts from reference: 73 of 73 characters known, 0 new" in said
    after = load_model(run).config.training
    assert after["init_from"] == {"name": "reference", "sha256": digest}
    assert after["val_loss"] < before["val_loss"] - 0.05
    assert after["seconds"] < 6


def start_of(text: str, folder: Path, **asked: Any) -> Pretrained | None:
    """What a run on a text would start from."""
    (folder / "new.txt").write_text(text, encoding="utf-8")
    wanted = settings(folder / "new.txt", **{"hidden_size": None, **asked})
    return find_start(wanted, read_corpus(wanted, folder, lambda: False))


def test_a_short_english_text_starts_from_the_base_unless_told_otherwise(tmp_path: Path) -> None:
    english = TEXT[50_000:80_000]
    base = start_of(english, tmp_path)
    assert base is not None
    assert "base of English" in base.overlap(base.model.config.vocabulary)
    for asked in ({"init_from": "none"}, {"hidden_size": 32}):
        assert start_of(english, tmp_path, **asked) is None


def test_other_languages_code_and_lists_start_from_nothing(tmp_path: Path) -> None:
    backwards = TEXT[50_000:80_000][::-1]
    code = Path(inspect.__file__).read_text(encoding="utf-8")[:60_000]
    shifted = "".join(chr(ord(c) + 0x400) if c.isalpha() else c for c in TEXT[50_000:80_000])
    for text in (backwards, code, shifted, TEXT[:1_000]):
        assert start_of(text, tmp_path) is None


def test_a_run_that_starts_from_the_base_says_so(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text(TEXT[50_000:70_000], encoding="utf-8")
    sizes = {"hidden_size": None, "batch_size": 32, "sequence_length": 64}
    asked = settings(tmp_path / "new.txt", steps=20, teachers=1, **sizes)
    assert train(asked, tmp_path / "run") == "done"
    training = load_model(tmp_path / "run").config.training
    digest = hashlib.sha256((BASE_MODEL / "model.safetensors").read_bytes()).hexdigest()
    assert training["init_from"] == {"name": "CharLSTM's base of English", "sha256": digest}
    assert "starts from CharLSTM's base of English" in " ".join(read_run(tmp_path / "run").notes)
    assert training["val_loss"] < 2.2  # both networks could spell before
    assert train(replace(asked, steps=10, teachers=0), tmp_path / "hasty") == "done"
    assert load_model(tmp_path / "hasty").config.training["init_from"] is None
