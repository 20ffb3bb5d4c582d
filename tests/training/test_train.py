"""train(settings, folder): it learns, repeats itself exactly, stops when asked, ends in time."""

from __future__ import annotations

import hashlib
import math
import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.facts import model_facts
from model.folder import Model, load_model, save_model
from model.generator import Generator
from model.sampling import SamplingParams
from tests.random_model import random_model
from tests.reference import ITEMS, LIST
from tests.training_run import (
    CHECKPOINTS_OFTEN,
    corpus_in,
    in_phase,
    logged,
    settings,
    start,
    stopped_when,
    wait_for_checkpoint,
    wait_until,
    weights_digest,
)
from training.recipe import Recipe
from training.run import RunError, has_begun, read_run, withdraw_stop, write_settings
from training.settings import TrainingError
from training.train import train

VARIED: dict[str, Any] = {"num_layers": 2, "dropout": 0.2, "input_dropout": 0.1}
WIDER: dict[str, Any] = {"hidden_size": 128, "patience": 0}  # ends by the clock alone
STEPS = 200


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus_in(tmp_path_factory.mktemp("corpus"), 60_000)


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `STEPS` steps that nobody has disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert train(settings(corpus, steps=STEPS, **VARIED), run) == "done"
    return run


def test_a_run_learns_and_leaves_a_whole_model_folder(corpus: Path, whole: Path) -> None:
    facts = load_model(whole).config.training
    assert facts["val_loss"] < 0.85 * facts["baselines"]["unigram"]
    assert facts["val_bits"] == pytest.approx(facts["val_loss"] / math.log(2))
    assert facts["corpus"] == "my novel.txt"
    assert facts["corpus_sha256"] == hashlib.sha256(corpus.read_bytes()).hexdigest()
    assert (facts["corpus_characters"], facts["held_out_characters"]) == (60_000, 6_000)
    assert facts["steps"] == STEPS
    assert facts["epochs"] == pytest.approx(STEPS * 8 * 32 / 54_000, abs=0.01)
    assert Recipe(**facts["recipe"]).hidden_size == 32
    names = {path.name for path in (whole / "model").iterdir()}
    assert names == {"config.json", "model.safetensors", "README.md", "loss.png"}

    status = read_run(whole)
    assert (status.phase, status.progress, status.step) == ("done", 1.0, STEPS)
    assert [step for step, _ in status.val_losses] == [25 * n for n in range(1, 9)]
    assert status.val_losses[-1][1] < status.val_losses[0][1]
    assert [step for step, _ in status.samples] == [step for step, _ in status.val_losses]
    assert all(len(text) == 200 for _, text in status.samples)
    assert len({text[:20] for _, text in status.samples}) == 8  # none opens like another


def test_a_seed_repeats_a_run_of_steps_exactly_whatever_the_global_random_state(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, steps=40, **VARIED)
    train(asked, tmp_path / "a")
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    train(asked, tmp_path / "b")
    assert torch.equal(torch.random.get_rng_state(), before)
    train(replace(asked, seed=2), tmp_path / "c")
    a, b, c = (weights_digest(tmp_path / name) for name in "abc")
    assert a == b != c


def test_a_list_is_learnt_judged_by_its_items_and_resumed_to_the_same_weights(
    tmp_path: Path,
) -> None:
    (tmp_path / "pictures.txt").write_text(LIST, encoding="utf-8")
    asked = settings(tmp_path / "pictures.txt", steps=STEPS)
    assert train(asked, tmp_path / "whole") == "done"
    with stopped_when(lambda: read_run(tmp_path / "run").step > STEPS // 2, tmp_path / "run"):
        assert train(asked, tmp_path / "run") == "stopped"
    assert read_run(tmp_path / "run").step < STEPS
    withdraw_stop(tmp_path / "run")
    assert train(asked, tmp_path / "run") == "done"
    assert weights_digest(tmp_path / "run") == weights_digest(tmp_path / "whole")

    model = load_model(tmp_path / "run")
    assert model.config.is_list
    items, lines = model.config.training["items"], list(Generator(model).lines(5))
    assert (items["listed"], items["written"]) == (len(ITEMS), 200)
    assert len(set(lines)) == 5
    said = " ".join(model.config.training["judgement"])
    assert f"{items['new']} are new: they aren't among the {len(ITEMS)} of the list" in said
    assert "passage" not in said
    assert f"a list of {len(ITEMS)} items" in dict(model_facts(model.config)).values()


def test_resume_after_kill_gives_the_same_weights(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    asked, run = settings(corpus, steps=STEPS, **VARIED), tmp_path / "run"
    write_settings(run, asked)
    for kills in (1, 2):
        child = start("--resume", run, before=CHECKPOINTS_OFTEN)
        wait_for_checkpoint(run, child)
        time.sleep(0.013 * kills)  # anywhere: while it learns, evaluates or writes
        child.kill()
        child.communicate()
        assert read_run(run).phase == "interrupted"
        assert "killed" in read_run(run).message
        assert not (run / "model").exists()
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(whole)


def has_reached(run: Path, step: int) -> bool:
    return read_run(run).step >= step


def test_a_stopped_run_keeps_a_model_and_continues_to_the_same_weights_even_from_a_torn_checkpoint(
    corpus: Path, whole: Path, tmp_path: Path
) -> None:
    asked, run = settings(corpus, steps=STEPS, **VARIED), tmp_path / "run"
    for step in (1, 60):
        with stopped_when(partial(has_reached, run, step), run):
            assert train(asked, run) == "stopped"
    assert 60 <= load_model(run).config.training["steps"] < STEPS
    assert read_run(run).can_continue
    _, newest = sorted((run / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert train(asked, run) == "done"
    assert f"checkpoint {newest.stem} is damaged, so it was left out" in read_run(run).notes
    assert weights_digest(run) == weights_digest(whole)
    steps = [step for step, _ in logged(run, "train_loss")]
    assert steps == sorted(set(steps))  # nothing is logged twice

    for path in (run / "checkpoints").iterdir():
        path.write_bytes(b"")  # then it starts again from nothing
    (run / "state.json").write_text("", encoding="utf-8")
    assert train(asked, run) == "done"
    assert weights_digest(run) == weights_digest(whole)


@pytest.mark.parametrize("phase", ["new", "timing"])  # a page may ask before anything has begun
def test_a_run_that_is_stopped_before_it_has_learnt_has_no_model_and_can_be_started_again(
    phase: str, corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, minutes=0.05, hidden_size=None)
    with stopped_when(in_phase(tmp_path, phase), tmp_path):
        if phase == "new":
            wait_until((tmp_path / "stop").exists)
        assert train(asked, tmp_path) == "stopped"
    status = read_run(tmp_path)
    assert (status.phase, status.has_model, has_begun(tmp_path)) == ("stopped", False, False)
    assert status.message == "it was stopped before it had learnt anything"
    assert train(settings(corpus, steps=3), tmp_path) == "done"


def test_a_run_of_minutes_ends_at_its_minutes_also_when_it_was_stopped_in_between(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, minutes=0.03, **WIDER)
    with stopped_when(lambda: read_run(tmp_path).progress > 0.3, tmp_path):
        assert train(asked, tmp_path) == "stopped"
    assert train(asked, tmp_path) == "done"
    facts = load_model(tmp_path).config.training
    assert 1.79 < facts["seconds"] < 6
    seconds = dict(logged(tmp_path, "seconds"))
    for step, share in logged(tmp_path, "progress"):
        assert share == pytest.approx(min(1.0, seconds[step] / 1.8), abs=0.1)


def test_a_deadline_only_lowers_the_minutes_or_stops_a_longer_run_in_time(
    corpus: Path, tmp_path: Path
) -> None:
    began = time.monotonic()
    short, longer = (settings(corpus, minutes=minutes, **WIDER) for minutes in (0.04, 2.0))
    assert train(short, tmp_path / "short", deadline_s=7) == "done"
    assert train(longer, tmp_path / "long", deadline_s=6) == "stopped"
    assert time.monotonic() - began < 13
    assert load_model(tmp_path / "short").config.training["seconds"] < 2.35
    assert load_model(tmp_path / "long").config.training["val_loss"] > 0


def test_a_run_that_gets_no_better_ends_early_with_its_best_weights(tmp_path: Path) -> None:
    corpus = corpus_in(tmp_path, 3_000)
    free = {"dropout": 0.0, "weight_decay": 0.0, "adam_weight_decay": 0.0, "hidden_size": 96}
    asked = settings(corpus, steps=600, patience=3, **free)
    assert train(asked, tmp_path / "run") == "done"
    facts = load_model(tmp_path / "run").config.training
    assert facts["steps"] < 600
    assert facts["steps"] - facts["best_step"] == 3 * 30  # it evaluates twenty times
    note = read_run(tmp_path / "run").notes[-1]
    assert f"the held-out loss has not fallen since step {facts['best_step']}" in note
    digest = weights_digest(tmp_path / "run")
    assert train(asked, tmp_path / "run") == "done"  # as if killed while the model was written
    assert weights_digest(tmp_path / "run") == digest


def test_learning_rates_that_are_far_too_high_end_a_run_with_its_best_weights_and_a_reason(
    corpus: Path, tmp_path: Path
) -> None:
    asked = settings(corpus, steps=600, patience=0, adam_lr=10.0, muon_lr=10.0)
    assert train(asked, tmp_path) == "done"
    facts, status = load_model(tmp_path).config.training, read_run(tmp_path)
    assert facts["steps"] < 600
    losses = dict(status.val_losses)
    assert losses[facts["best_step"]] == min(losses.values())
    assert re.search("loss exploded at step .* lower the learning rates", status.notes[-1])


def test_a_run_of_which_nothing_is_worth_keeping_fails_with_one_sentence(
    corpus: Path, tmp_path: Path
) -> None:
    wild = random_model(hidden_size=32)
    weights = {name: np.full_like(values, 3e38) for name, values in wild.weights.items()}
    save_model(tmp_path / "wild", Model(wild.config, weights))
    asked = settings(corpus, steps=400, init_from=str(tmp_path / "wild"))
    with pytest.raises(TrainingError, match="exploded at once: lower the learning rates"):
        train(asked, tmp_path / "run")
    status = read_run(tmp_path / "run")
    assert (status.phase, status.has_model) == ("failed", False)
    assert status.message == "the loss exploded at once: lower the learning rates"


@pytest.mark.parametrize(
    "text",
    ["ab", "a" * 31, "😀🎉👍🏽" * 40, "".join(map(chr, range(0x4E00, 0x4E00 + 600))) * 2],
    ids=["two", "one kind", "emoji", "hundreds of kinds"],
)
def test_the_smallest_and_strangest_texts_make_a_working_model(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(text, encoding="utf-8")
    asked = settings(file, steps=5, batch_size=None, sequence_length=None)
    assert train(asked, tmp_path / "run") == "done"
    params = SamplingParams(length=20, seed=1)
    generated = Generator.from_pretrained(tmp_path / "run").generate("", params)
    assert len(generated) == 20
    assert set(generated) <= set(text)


def test_a_folder_of_another_run_is_not_touched(corpus: Path, whole: Path) -> None:
    files = [p for p in whole.rglob("*") if p.is_file() and p.name != "writer.lock"]
    before = [path.stat().st_mtime_ns for path in files]
    with pytest.raises(RunError, match="holds a run with other settings"):
        train(settings(corpus, steps=STEPS + 1, **VARIED), whole)
    assert [path.stat().st_mtime_ns for path in files] == before
