"""Teachers: networks that a run trains first, so that the one that is kept can learn from them."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.char_lstm import CharLSTM
from model.folder import load_model
from tests.training_run import (
    CHECKPOINTS_OFTEN,
    corpus_in,
    logged,
    settings,
    start,
    stopped_when,
    wait_for_checkpoint,
    weights_digest,
)
from training.optim.targets import open_targets, write_targets
from training.run import read_run, write_settings
from training.train import train

STEPS = 200
ASKED: dict[str, Any] = {"steps": STEPS, "teachers": 2, "hidden_size": 64}
ALL_STEPS = STEPS * 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus_in(tmp_path_factory.mktemp("corpus"), 8_000)


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two teachers that nobody has disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert train(settings(corpus, **ASKED), run) == "done"
    return run


def test_a_student_is_kept_that_predicts_better_than_its_teachers(whole: Path) -> None:
    training = load_model(whole).config.training
    assert training["recipe"]["taught_by"] == 2
    assert training["steps"] == training["best_step"] == STEPS
    assert training["val_loss"] < training["teacher_val_loss"] < training["baselines"]["unigram"]
    assert "learnt from the text and from the last of 2 networks before it" in " ".join(
        training["judgement"]
    )
    status = read_run(whole)
    assert (status.progress, status.step) == (1.0, ALL_STEPS)
    assert "trains 3 networks, of which each learns from the one before it" in " ".join(
        status.notes
    )
    steps = [step for step, _ in logged(whole, "val_loss")]
    assert steps == sorted(set(steps))
    assert steps[-1] == ALL_STEPS
    shares = [share for _, share in logged(whole, "progress")]
    assert shares == sorted(shares)
    names = {path.name for path in (whole / "checkpoints").iterdir()}
    assert all(name.startswith("step-") for name in names)  # the teachers have done their work


def has_reached(run: Path, step: int) -> bool:
    return read_run(run).step >= step


def test_killed_in_each_network_and_resumed_it_ends_in_the_same_student(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    asked, run = settings(corpus, **ASKED), tmp_path / "run"
    write_settings(run, asked)
    reached = 0
    for network, kills in enumerate((1, 2, 1)):
        while reached < STEPS * network:  # let it come so far
            with stopped_when(partial(has_reached, run, STEPS * network), run):
                assert train(asked, run) == "stopped"
            reached = read_run(run).step
        for kill in range(kills):
            child = start("--resume", run, before=CHECKPOINTS_OFTEN)
            wait_for_checkpoint(run, child)
            time.sleep(0.017 * kill)
            child.kill()
            child.communicate()
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(whole)


def test_stopped_before_the_student_has_caught_up_it_keeps_the_best_teacher_and_goes_on(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    asked, run = settings(corpus, **ASKED), tmp_path / "run"
    for teachers, step in enumerate((STEPS + 5, 2 * STEPS + 5)):
        with stopped_when(partial(has_reached, run, step), run):
            assert train(asked, run) == "stopped"
        training = load_model(run).config.training
        assert training["steps"] == STEPS  # a whole network's, not the few of the one that began
        assert training["recipe"]["taught_by"] == teachers
        losses = [loss for at, loss in logged(run, "val_loss") if at <= STEPS * 2]
        assert training["val_loss"] == pytest.approx(min(losses), abs=0.05)
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(whole)


def test_with_nothing_held_out_a_network_that_is_whole_is_kept(
    corpus: Path, tmp_path: Path
) -> None:
    asked, run = settings(corpus, held_out=0.0, **ASKED), tmp_path / "run"
    with stopped_when(partial(has_reached, run, STEPS + 5), run):
        assert train(asked, run) == "stopped"
    assert load_model(run).config.training["steps"] == STEPS
    assert train(asked, run) == "done"
    training = load_model(run).config.training
    assert (training["steps"], training["val_loss"]) == (STEPS, None)


def test_minutes_that_hold_more_epochs_than_a_text_can_use_go_to_teachers(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path, 1_000)
    for teachers, planned in ((None, 2), (0, 0)):
        run = tmp_path / f"run-{planned}"
        assert train(settings(corpus, minutes=2.0, teachers=teachers), run) == "done"
        assert load_model(run).config.training["recipe"]["taught_by"] == planned


def test_soft_targets_are_what_the_teacher_expects(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    torch.manual_seed(1)
    teacher = CharLSTM(40, 8).eval()
    indices = np.random.default_rng(1).integers(40, size=2_500).astype(np.uint8)
    assert open_targets(tmp_path, 2_500, 40) is None
    write_targets(tmp_path, teacher, indices, "float32", lambda: True)  # unwanted
    assert open_targets(tmp_path, 2_500, 40) is None
    write_targets(tmp_path, teacher, indices, "float32", lambda: False)
    targets = open_targets(tmp_path, 2_500, 40)
    assert targets is not None
    with torch.no_grad():
        inputs = torch.from_numpy(indices.astype(np.int64))[None]
        expected = torch.softmax(teacher(inputs)[0][0], -1)
    places = np.array([700, 1_249, 1_250, 2_499])  # in both of two streams
    characters, probabilities = targets.at(places)
    found = torch.zeros(4, 40).scatter(1, characters, probabilities)
    assert (found > 0).sum(1).tolist() == [32] * 4
    kept = torch.where(found > 0, expected[places - 1], 0.0)
    torch.testing.assert_close(found, kept / kept.sum(1, keepdim=True), atol=2e-3, rtol=0)
