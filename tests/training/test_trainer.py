"""train(settings, folder): it learns, repeats itself exactly, and survives what happens to it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from model.folder import load_model
from model.generator import Generator
from model.sampling import SamplingParams
from tests.reference import TEXT
from tests.training_run import planned_as, start_training, stopped_when, weights_digest
from training.checkpoint import CHECKPOINTS_FOLDER
from training.recipe import Recipe
from training.run import (
    METRICS_FILE,
    PLAN_FILE,
    SAMPLES_FILE,
    RunError,
    Settings,
    TrainingError,
    read_json,
    read_lines,
    read_state,
    write_json,
)
from training.trainer import train


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "reference.txt"
    path.write_text(TEXT[:120_000], encoding="utf-8")
    return path


def settings(corpus: Path, steps: int = 60, **more: Any) -> Settings:
    asked: dict[str, Any] = {
        "hidden_size": 48,
        "batch_size": 16,
        "sequence_length": 32,
        "threads": 1,
        **more,
    }
    return Settings((str(corpus),), steps=steps, **asked)


def test_a_run_learns_and_leaves_a_whole_model_folder(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(settings(corpus, steps=150), run) == "done"
    model = load_model(run)
    counts = Counter(TEXT[:108_000])
    unigram = -sum(n * math.log(n / 108_000) for n in counts.values()) / 108_000
    facts = model.config.training
    assert facts["val_loss"] < 0.85 * unigram
    assert facts["val_bits"] == pytest.approx(facts["val_loss"] / math.log(2))
    assert facts["held_out_characters"] == 12_000
    assert facts["corpus"] == "reference.txt"
    assert facts["corpus_sha256"] == hashlib.sha256(corpus.read_bytes()).hexdigest()
    assert facts["steps"] == 150
    recipe = Recipe(**facts["recipe"])
    assert recipe.hidden_size == 48
    assert all(len(sample["text"]) == 400 for sample in facts["samples"])
    assert {path.name for path in (run / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "loss.png",
    }
    assert (run / "model" / "loss.png").read_bytes().startswith(b"\x89PNG")
    losses = [line["val_loss"] for line, _ in read_lines(run / METRICS_FILE) if "val_loss" in line]
    assert losses[-1] < losses[0]
    samples = [line["text"] for line, _ in read_lines(run / SAMPLES_FILE)]
    assert len(samples) == len(losses)
    assert all(len(text) == 200 for text in samples)
    assert read_state(run)["phase"] == "done"


def test_a_seed_repeats_a_run_exactly_whatever_the_global_random_state(
    corpus: Path, tmp_path: Path
) -> None:
    dropout: dict[str, Any] = {"dropout": 0.2, "input_dropout": 0.1, "num_layers": 2}
    torch.manual_seed(1)
    train(settings(corpus, **dropout), tmp_path / "a")
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    train(settings(corpus, **dropout), planned_as(tmp_path / "a", tmp_path / "b"))
    assert torch.equal(torch.random.get_rng_state(), before)
    train(settings(corpus, seed=2, **dropout), planned_as(tmp_path / "a", tmp_path / "c"))
    assert weights_digest(tmp_path / "a") == weights_digest(tmp_path / "b")
    assert weights_digest(tmp_path / "a") != weights_digest(tmp_path / "c")


def test_a_run_stopped_before_it_was_ever_scored_has_a_model_and_logs_nothing_twice(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, precision="float32")
    assert train(asked, tmp_path / "whole") == "done"
    run = planned_as(tmp_path / "whole", tmp_path / "stopped")
    with stopped_when(lambda: read_state(run), run):
        assert train(asked, run) == "stopped"
    assert 0 < load_model(run).config.training["steps"] < 25
    assert train(asked, run) == "done"
    for place in (tmp_path / "whole", run):
        assert [line["step"] for line, _ in read_lines(place / SAMPLES_FILE)] == [30, 60]
    assert weights_digest(run) == weights_digest(tmp_path / "whole")


def test_a_stopped_run_keeps_its_model_and_goes_on_to_the_same_weights(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, steps=120, dropout=0.2)
    train(asked, tmp_path / "whole")
    run = planned_as(tmp_path / "whole", tmp_path / "stopped")

    with stopped_when(lambda: (run / CHECKPOINTS_FOLDER).exists(), run):
        assert train(asked, run) == "stopped"
    assert 0 < load_model(run).config.training["steps"] < 120
    assert read_state(run)["phase"] == "stopped"
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(tmp_path / "whole")
    steps = [line["step"] for line, _ in read_lines(run / METRICS_FILE)]
    assert steps == sorted(steps)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_resume_after_kill_gives_the_same_weights(corpus: Path, tmp_path: Path) -> None:
    asked = settings(corpus, steps=200, dropout=0.2)
    train(asked, tmp_path / "whole")
    run = planned_as(tmp_path / "whole", tmp_path / "killed")
    for kills in (1, 2):
        child = start_training(asked, run)
        deadline = time.monotonic() + 120
        checkpoints: set[str] = set()
        while len(checkpoints) < 2 and time.monotonic() < deadline and child.poll() is None:
            found = (run / CHECKPOINTS_FOLDER).glob("step-*.json")
            checkpoints |= {path.name for path in found}
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert len(checkpoints) >= 2, f"killed too late or never started ({kills})"
        assert not (run / "model").exists()
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(tmp_path / "whole")


def test_threads_that_were_changed_on_the_way_change_again_at_the_same_step(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, precision="float32", threads=None)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert train(asked, tmp_path / "first") == "done"
    plan = read_json(tmp_path / "first" / PLAN_FILE)
    changed = {**plan, "threads": 2, "thread_changes": [[20, 1], [40, 2]]}
    for run in (whole, stopped):
        run.mkdir()
        write_json(run / PLAN_FILE, changed)
    assert train(asked, whole) == "done"
    with stopped_when(lambda: (stopped / CHECKPOINTS_FOLDER).exists(), stopped):
        assert train(asked, stopped) == "stopped"
    assert train(asked, stopped) == "done"
    assert weights_digest(stopped) == weights_digest(whole)
    assert any("from step 40 on with 2 of them" in note for note in read_state(whole)["notes"])
    assert read_json(stopped / PLAN_FILE)["thread_changes"] == [[20, 1], [40, 2]]


def test_minutes_become_a_stored_number_of_steps_and_are_kept(corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    asked = Settings((str(corpus),), minutes=0.02, hidden_size=32, threads=1)
    assert train(asked, run) == "done"
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    facts = load_model(run).config.training
    assert facts["steps"] == facts["planned_steps"] > 10
    totals = [plan["steps"], *(total for _, total in plan["amendments"])]
    assert facts["steps"] == totals[-1]
    assert facts["seconds"] < 1.2 * 2.5


def test_a_run_that_is_slower_than_planned_is_cut_short_and_says_so(
    corpus: Path, tmp_path: Path
) -> None:
    recipe: dict[str, Any] = {"hidden_size": 32, "threads": 1}
    train(Settings((str(corpus),), steps=1, **recipe), tmp_path / "other")
    plan = json.loads((tmp_path / "other" / "plan.json").read_text(encoding="utf-8"))
    plan["steps"] = 2_000  # as if a much faster machine had been timed
    run = tmp_path / "run"
    run.mkdir()
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert train(Settings((str(corpus),), minutes=0.02, **recipe), run) == "done"
    amendments = json.loads((run / "plan.json").read_text(encoding="utf-8"))["amendments"]
    facts = load_model(run).config.training
    assert len(amendments) >= 1
    assert facts["steps"] == amendments[-1][1] < 1_500
    assert "slower than when it was timed" in read_state(run)["notes"][-1]


def test_a_run_that_is_faster_than_planned_learns_more_and_says_so(
    corpus: Path, tmp_path: Path
) -> None:
    recipe: dict[str, Any] = {"hidden_size": 32, "threads": 1}
    train(Settings((str(corpus),), steps=1, **recipe), tmp_path / "other")
    plan = json.loads((tmp_path / "other" / "plan.json").read_text(encoding="utf-8"))
    plan["steps"] = 100  # as if the machine had been busy when it was timed
    run = tmp_path / "run"
    run.mkdir()
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert train(Settings((str(corpus),), minutes=2, **recipe), run) == "done"
    facts = load_model(run).config.training
    assert facts["steps"] == 200
    assert "faster than when it was timed: 200 steps instead of 100" in "".join(
        read_state(run)["notes"]
    )


def test_without_a_held_out_part_nothing_is_measured(corpus: Path, tmp_path: Path) -> None:
    train(settings(corpus, steps=30, held_out=0.0), tmp_path)
    facts = load_model(tmp_path).config.training
    assert facts["val_loss"] is None
    assert facts["train_characters"] == facts["corpus_characters"]
    assert facts["best_step"] == 30


@pytest.mark.parametrize(
    "text",
    [
        "ab",
        "hello",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "to be or not to be\n" * 3,
        "😀🎉👍🏽" * 40,
        "".join(map(chr, range(0x4E00, 0x4E00 + 600))) * 2,
    ],
)
def test_the_smallest_and_strangest_texts_make_a_working_model(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(text, encoding="utf-8")
    assert train(Settings((str(file),), steps=5, threads=1), tmp_path / "run") == "done"
    generator = Generator.from_pretrained(tmp_path / "run")
    generated = generator.generate("", SamplingParams(length=20, seed=1))
    assert len(generated) == 20
    assert set(generated) <= set(text)


def test_a_folder_of_another_run_is_not_touched(corpus: Path, tmp_path: Path) -> None:
    train(settings(corpus, steps=5), tmp_path)
    digest = weights_digest(tmp_path)
    with pytest.raises(RunError, match="other settings"):
        train(settings(corpus, steps=6), tmp_path)
    assert weights_digest(tmp_path) == digest


def test_a_loss_that_explodes_is_said_in_one_line(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower --muon_lr"):
        train(settings(corpus, weight_decay=10.0, muon_lr=10.0, steps=400), tmp_path)
    state = read_state(tmp_path)
    assert state["phase"] == "failed"
    assert "the loss has exploded" in state["message"]
    assert "in spite of 4 roll-backs" in state["message"]
