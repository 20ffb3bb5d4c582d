"""What a run's folder tells a page: how far it is, its losses, its samples, its end.

A reader like any other; knows nothing about where the run is or who looks at it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.folder import CONFIG_FILE
from training.run import (
    METRICS_FILE,
    MODEL_FOLDER,
    PLAN_FILE,
    SAMPLES_FILE,
    SETTINGS_FILE,
    RunError,
    is_being_written,
    read_json,
    read_lines,
    read_settings,
    read_state,
)

MOST_POINTS = 300
"""Points of a loss curve: more than a page has pixels for."""

UNFINISHED = ("reading", "timing", "training", "scoring", "judging")
"""Phases that a run is in only while somebody works on it."""

_INTERRUPTED = (
    "its process has ended without a word; what was learnt until the last checkpoint is kept"
)
_LEARNING = ("training", "stopped", "interrupted")


@dataclass(frozen=True)
class Status:
    """A run at a moment.

    Args:
        phase: of `training.run.Phase`, or "new" before anything has begun, "interrupted" where
            whoever worked on it has ended without a word.
        message: why it failed or was interrupted; without the server's paths.
        step: of `total_steps`.
        total_steps: of the plan; 0 before there is one.
        seconds_left: of the training loop, also when it was stopped; None if that can't be told.
        characters_per_second: lately; 0 before anything was measured.
        train_losses: (step, nats per character), thinned out.
        held_out_losses: the same, as scored on the way.
        samples: (step, text), the newest first.
        notes: whole clauses on the text and the run.
        has_model: whether there is a model to use.
        training: of that model's config, once the run has ended: what was measured, the judgement.
    """

    phase: str
    message: str = ""
    step: int = 0
    total_steps: int = 0
    seconds_left: float | None = None
    characters_per_second: int = 0
    train_losses: tuple[tuple[int, float], ...] = ()
    held_out_losses: tuple[tuple[int, float], ...] = ()
    samples: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    has_model: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def can_go_on(self) -> bool:
        """Whether resuming it would learn more."""
        return self.phase in ("stopped", "interrupted", "failed") and (
            self.total_steps == 0 or self.step < self.total_steps
        )


def read_status(folder: Path, *, is_running: bool) -> Status:
    """Look at a run's folder.

    Args:
        folder: the run's.
        is_running: whether somebody is known to work on it; else its lock is asked.
    """
    try:
        state = read_state(folder)
        read_settings(folder)
    except RunError as error:
        phase = "new" if not (folder / SETTINGS_FILE).exists() else "failed"
        return Status(phase, plain_message(str(error), folder))
    phase = state.get("phase", "training" if (folder / PLAN_FILE).exists() else "new")
    if phase in UNFINISHED and not is_running and not is_being_written(folder):
        phase = "interrupted"
        state = {**state, "message": _INTERRUPTED}
    lines = [line for line, _ in read_lines(folder / METRICS_FILE)]
    train = [line for line in lines if "train_loss" in line]
    step = max(train[-1]["step"] if train else 0, state.get("step", 0))
    total = int(state.get("total_steps", 0))
    return Status(
        phase=phase,
        message=plain_message(str(state.get("message", "")), folder),
        step=step,
        total_steps=total,
        seconds_left=_seconds_left(state, train, step, total) if phase in _LEARNING else None,
        characters_per_second=train[-1]["characters_per_second"] if train else 0,
        train_losses=_thinned([(line["step"], line["train_loss"]) for line in train]),
        held_out_losses=_thinned([(x["step"], x["val_loss"]) for x in lines if "val_loss" in x]),
        samples=tuple(
            (line["step"], line["text"]) for line, _ in read_lines(folder / SAMPLES_FILE)
        )[::-1],
        notes=tuple(state.get("notes", ())),
        has_model=(folder / MODEL_FOLDER / CONFIG_FILE).is_file(),
        training=_training(folder) if phase in ("done", "stopped") else {},
    )


def plain_message(message: str, folder: Path) -> str:
    """What a run said of its end, without the server's paths and without the command line."""
    message = re.sub(r"\[Errno -?\d+\] ", "", message)
    message = re.sub(
        r"\s*What was saved before is whole;.*",
        " What was learnt until the last checkpoint is kept",
        message,
        flags=re.DOTALL,
    )
    for place in (f"{folder.resolve()}", f"{folder}"):
        message = message.replace(f"{place}{os.sep}", "").replace(place, "its folder")
    return message


def _training(folder: Path) -> Mapping[str, Any]:
    """What the model's config tells of its training; {} where there is none, or another's."""
    try:
        training = read_json(folder / MODEL_FOLDER / CONFIG_FILE)["training"]
    except (RunError, LookupError, TypeError):
        return {}
    return training if isinstance(training, Mapping) else {}


def _seconds_left(
    state: Mapping[str, Any], train: list[dict[str, Any]], step: int, total: int
) -> float | None:
    """By the speed of late: the mean over the run knows nothing of how busy the machine is now."""
    if not train or not train[-1]["characters_per_second"] or "chunk" not in state:
        return None  # a resumed run has its lines before it tells of its plan
    return float((total - step) * state["chunk"] / train[-1]["characters_per_second"])


def _thinned(points: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """At most so many of them, evenly; the last always."""
    every = max(1, -(-len(points) // MOST_POINTS))
    return tuple(points[::-1][::every][::-1])
