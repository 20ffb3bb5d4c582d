"""Recovery: the checkpoints of a run, and the ways back to them, after an end or an explosion.

All that a step depends on is here, from the weights to the clock. Of several processes the first
writes, and all read. Knows nothing about when to save.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.checkpoint import drop_checkpoints, load_checkpoint, save_checkpoint
from training.distributed import Group
from training.evaluation import Evaluation
from training.learner import Learner
from training.loss_watch import WINDOW, Alarm, LossWatch
from training.plan import MOST_ROLL_BACKS, Plan
from training.run import PLAN_FILE, TrainingError, write_json

_SPOILT = 0.25  # nats by which older weights do better


class Clock:
    """Wall and processor seconds, going on from what earlier processes of the run used."""

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self._wall = time.perf_counter() - seconds
        self._cpu = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        """Wall seconds."""
        return time.perf_counter() - self._wall

    @property
    def cpu_seconds(self) -> float:
        """Seconds of this process on processors."""
        return time.process_time() - self._cpu


class Recovery:
    """Saves a learner and what goes with it, and brings them back.

    Args:
        folder: of the run.
        group: of processes; all of them must call each method.
        learner: to save and restore.
        evaluation: to save and restore.
        watch: to save and restore; its steps are the run's.
    """

    def __init__(
        self, folder: Path, group: Group, learner: Learner, evaluation: Evaluation, watch: LossWatch
    ) -> None:
        self.clock = Clock()
        self._folder = folder
        self._group = group
        self._learner = learner
        self._evaluation = evaluation
        self._watch = watch

    def save(self, plan: Plan) -> None:
        """Write a checkpoint. Raises OSError if the disk is full; older ones stay whole."""
        tensors = self._learner.tensors() | self._evaluation.tensors()
        facts = {
            "seconds": self.clock.seconds,
            "cpu_seconds": self._group.sum(self.clock.cpu_seconds),
            **self._watch.facts(),
            **self._evaluation.facts(),
        }
        step = self._watch.steps
        self._group.from_leader(
            lambda: save_checkpoint(self._folder, step, tensors, facts, counts=plan.is_checkpoint)
        )

    def resume(self, plan: Plan, begin: Callable[[], None]) -> list[str]:
        """Go back to the newest whole checkpoint, or begin and make the first one.

        Args:
            plan: of the run.
            begin: called on the leader before the first checkpoint is made.

        Returns:
            Notes on damaged checkpoints.
        """
        step, notes = self._group.from_leader(self._newest)
        if step is None:
            if notes:
                notes.append("no checkpoint is whole: beginning anew")
                self._group.from_leader(lambda: drop_checkpoints(self._folder, after=-1))
            self._group.from_leader(begin)
            self.save(plan)
        facts = self._restore(step or 0)
        # The leader's processor seconds go on from those of all; the others' come on top.
        earlier = facts["cpu_seconds"] if self._group.leads else 0.0
        self.clock = Clock(facts["seconds"], earlier)
        return notes

    def is_spoilt(self, plan: Plan, alarm: Alarm) -> bool:
        """Whether it is the network that has gone bad, and not the text that has changed."""
        if alarm is Alarm.EXPLODED:
            return True
        is_spoilt = self._group.from_leader(lambda: self._older_weights_do_better(plan))
        if not is_spoilt:
            self._watch.accept_rise()
        return is_spoilt

    def roll_back(self, plan: Plan, at: int, loss: float) -> tuple[Plan, list[str]]:
        """Go back to a checkpoint from before an explosion.

        Args:
            plan: as it was.
            at: the step at which the explosion was seen.
            loss: what was seen.

        Returns:
            The plan from there on, and notes on damaged checkpoints.

        Raises:
            TrainingError: if there were too many explosions already.
        """

        def decide() -> tuple[Plan, int, list[str]]:
            if len(plan.roll_backs) == MOST_ROLL_BACKS:
                raise TrainingError(
                    f"the loss has exploded ({loss:.3g} at step {at:,}) in spite of "
                    f"{MOST_ROLL_BACKS} roll-backs: start anew with a lower --muon_lr and --adam_lr"
                )
            lowered = plan.rolled_back(at)
            # In this order: a run that is killed in between explodes anew, at the same step.
            drop_checkpoints(self._folder, after=lowered.roll_backs[-1].to)
            write_json(self._folder / PLAN_FILE, asdict(lowered))
            step, notes = self._newest()
            if step is None:
                raise TrainingError(f"{self._folder} has no whole checkpoint left: start anew")
            return lowered, step, notes

        lowered, step, notes = self._group.from_leader(decide)
        self._restore(step)
        return lowered, notes

    def _newest(self) -> tuple[int | None, list[str]]:
        checkpoint, notes = load_checkpoint(self._folder)
        return (None if checkpoint is None else checkpoint.facts["step"]), notes

    def _restore(self, step: int) -> dict[str, Any]:
        checkpoint, _ = load_checkpoint(self._folder, up_to=step)
        if checkpoint is None or checkpoint.facts["step"] != step:
            raise TrainingError(
                f"process {self._group.rank} doesn't find the checkpoint of step {step:,} in "
                f"{self._folder}: all processes must see the same files"
            )
        self._learner.restore(checkpoint.tensors)
        self._evaluation.restore(checkpoint.tensors, checkpoint.facts)
        self._watch.restore(checkpoint.facts)
        return checkpoint.facts

    def _older_weights_do_better(self, plan: Plan) -> bool:
        done = self._watch.steps
        target = plan.rolled_back(done).roll_backs[-1].to
        older, _ = load_checkpoint(self._folder, up_to=target)
        if older is None:
            return True
        chunks = range(done - WINDOW, done)
        gain = self._learner.loss_on(chunks) - self._learner.loss_on(chunks, older.tensors)
        return gain > _SPOILT
