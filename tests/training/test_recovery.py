"""A run that explodes goes back, learns on more slowly, says so, and stays exactly repeatable."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest

from model.folder import load_model
from model.vocabulary import Vocabulary
from tests.reference import TEXT
from tests.training_run import start_training, stopped_when, weights_digest
from training.plan import Plan
from training.recipe import choose
from training.run import (
    METRICS_FILE,
    PLAN_FILE,
    Settings,
    read_json,
    read_lines,
    read_state,
    write_json,
)
from training.trainer import train

STEPS = 200


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "reference.txt"
    path.write_text(TEXT[:120_000], encoding="utf-8")
    return path


def exploding(corpus: Path, run: Path) -> Settings:
    """Settings of a run, planned into a folder, whose learning rate rises until it explodes."""
    asked = Settings(
        (str(corpus),), steps=STEPS, hidden_size=32, batch_size=8, sequence_length=32, threads=1,
        muon_lr=10.0, weight_decay=3.0, dropout=0.1,
    )  # fmt: skip
    vocabulary = Vocabulary(tuple(sorted(set(TEXT[:120_000]))))
    recipe, steps = choose(asked, 108_000, vocabulary, lambda _: 1.0, "float32")
    run.mkdir()
    write_json(run / PLAN_FILE, asdict(Plan(replace(recipe, warmup=1.0), steps)))
    return asked


def kill_when(is_time: Callable[[], bool], child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not is_time() and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.002)
    assert child.poll() is None, "it ended before it could be killed"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has exploded, and ran through."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert train(exploding(corpus, run), run) == "done"
    return run


def test_a_run_that_explodes_goes_back_and_says_so(whole: Path) -> None:
    backs = read_json(whole / PLAN_FILE)["roll_backs"]
    assert len(backs) >= 2
    assert all(0 < back["to"] <= back["at"] - 25 for back in backs)
    facts = load_model(whole).config.training
    assert facts["roll_backs"] == backs
    assert (facts["steps"], facts["stopped_early"]) == (STEPS, False)
    for back, note in zip(backs, read_state(whole)["notes"][-len(backs) :], strict=True):
        assert f"the loss exploded at step {back['at']}: back to step {back['to']}" in note
    steps = [line["step"] for line, _ in read_lines(whole / METRICS_FILE)]
    assert steps == sorted(steps)


@pytest.mark.long
def test_a_run_that_is_stopped_after_an_explosion_goes_on_to_the_same_weights(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    asked = exploding(corpus, run)

    with stopped_when(lambda: read_json(run / PLAN_FILE)["roll_backs"], run):
        assert train(asked, run) == "stopped"
    assert train(asked, run) == "done"
    assert read_json(run / PLAN_FILE) == read_json(whole / PLAN_FILE)
    assert weights_digest(run) == weights_digest(whole)


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_a_run_that_is_killed_at_its_explosions_ends_in_the_same_weights(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    asked = exploding(corpus, run)

    def rolled_back(times: int) -> bool:
        return len(read_json(run / PLAN_FILE)["roll_backs"]) >= times

    for times in (1, 2):
        kill_when(partial(rolled_back, times), start_training(asked, run))
    assert train(asked, run) == "done"
    assert read_json(run / PLAN_FILE) == read_json(whole / PLAN_FILE)
    assert weights_digest(run) == weights_digest(whole)


def test_learning_rates_that_are_far_too_high_still_end_in_a_model(
    corpus: Path, tmp_path: Path
) -> None:
    asked = Settings((str(corpus),), steps=60, hidden_size=32, adam_lr=10.0, threads=1)
    assert train(asked, tmp_path) == "done"
    facts = load_model(tmp_path).config.training
    assert [back["to"] for back in facts["roll_backs"]] == [0] * len(facts["roll_backs"]) != []
    assert facts["val_loss"] < 5


@pytest.mark.long
def test_a_text_that_becomes_another_one_is_no_explosion(tmp_path: Path) -> None:
    greek = str.maketrans({chr(ord("a") + n): chr(0x3B1 + n) for n in range(26)})
    text = TEXT[:12_000] + TEXT[12_000:24_000].translate(greek)
    (tmp_path / "two.txt").write_text(text, encoding="utf-8")
    asked = Settings(
        (str(tmp_path / "two.txt"),), steps=300, hidden_size=32, batch_size=1, held_out=0, threads=1
    )
    assert train(asked, tmp_path / "run") == "done"
    lines = [line for line, _ in read_lines(tmp_path / "run" / METRICS_FILE)]
    losses = {line["step"]: line["train_loss"] for line in lines if "train_loss" in line}
    lowest = min(loss for step, loss in losses.items() if step <= 187)
    highest = max(loss for step, loss in losses.items() if step > 187)
    assert highest > lowest + max(0.5, lowest / 4)  # so an alarm was given
    assert load_model(tmp_path / "run").config.training["roll_backs"] == []
