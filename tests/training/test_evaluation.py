"""Early stopping: a run that has stopped getting better ends, and loses nothing by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model.folder import load_model
from tests.reference import TEXT
from tests.training_run import planned_as, weights_digest
from training.evaluation import MEASURABLE, default_patience, resolution
from training.plan import Plan
from training.recipe import Recipe
from training.run import METRICS_FILE, PLAN_FILE, Settings, read_json, read_lines, read_state
from training.trainer import train


def settings(folder: Path, **more: Any) -> Settings:
    corpus = folder / "small.txt"
    corpus.write_text(TEXT[3_000:6_000], encoding="utf-8")
    unregularized = {"dropout": 0.0, "weight_decay": 0.0, "adam_weight_decay": 0.0}
    asked: dict[str, Any] = {"steps": 400, "hidden_size": 96, "threads": 1, **unregularized, **more}
    return Settings((str(corpus),), **asked)


def losses(run: Path) -> list[float]:
    return [line["val_loss"] for line, _ in read_lines(run / METRICS_FILE) if "val_loss" in line]


def last_good(found: list[float]) -> int:
    """Which is the last loss that 300 held-out characters can't tell from the lowest before it."""
    tellable = resolution(300)
    return max(i for i, loss in enumerate(found) if loss < min(found[: i + 1]) + tellable)


@pytest.mark.long
def test_a_small_text_pressed_for_long_ends_early_with_the_weights_of_a_whole_run(
    tmp_path: Path,
) -> None:
    early, whole = tmp_path / "early", tmp_path / "whole"
    assert train(settings(tmp_path), early) == "done"
    assert train(settings(tmp_path, patience=0), planned_as(early, whole)) == "done"
    facts, all_facts = (load_model(run).config.training for run in (early, whole))
    assert facts["stopped_early"]
    assert not all_facts["stopped_early"]
    assert (all_facts["steps"], facts["planned_steps"]) == (400, 400)
    assert facts["best_step"] == all_facts["best_step"] < facts["steps"] < 400
    assert weights_digest(early) == weights_digest(whole)
    patience = default_patience(
        Plan(Recipe(**facts["recipe"]), read_json(early / PLAN_FILE)["steps"])
    )
    assert len(losses(early)) - 1 - last_good(losses(early)) == patience
    assert "has not fallen since step" in read_state(early)["notes"][-1]

    digest = weights_digest(early)
    assert train(settings(tmp_path), early) == "done"  # as if killed while the model was written
    assert weights_digest(early) == digest
    assert load_model(early).config.training["steps"] == facts["steps"]


def test_patience_can_be_asked_for(tmp_path: Path) -> None:
    train(settings(tmp_path, patience=2), tmp_path / "run")
    found = losses(tmp_path / "run")
    assert len(found) - 1 - last_good(found) == 2


def test_without_a_held_out_part_a_run_goes_on_to_its_end(tmp_path: Path) -> None:
    train(settings(tmp_path, steps=75, held_out=0.0, patience=1), tmp_path / "run")
    assert load_model(tmp_path / "run").config.training["steps"] == 75


def test_only_on_a_short_held_out_part_are_losses_taken_for_equal() -> None:
    assert resolution(0) == 0
    assert 0.2 > resolution(1_000) > resolution(MEASURABLE - 1) > 0.05
    assert resolution(MEASURABLE) == 0
