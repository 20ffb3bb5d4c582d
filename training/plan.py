"""The plan of a run: its recipe and its steps; when to score, to save, and what was changed since.

Everything that a run decides on its way by the clock, or because its loss exploded, is written here
before it counts: whoever resumes the run finds the same plan and comes to the same weights. Knows
neither torch nor the clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from training.loss_watch import WINDOW
from training.recipe import Recipe, lr_factor
from training.run import PLAN_FILE, TrainingError

MOST_ROLL_BACKS = 4
_AFTER_EXPLOSION = 0.5

_OPERATIONS_A_MINUTE = {"cpu": 2.4e12, "mps": 2.4e13, "cuda": 2.4e14}
"""Arithmetic of training in about a minute: of two ordinary cores, and rough guesses for GPUs."""


@dataclass(frozen=True)
class RollBack:
    """An explosion that was seen at step `at`: gone back to `to`, and on at lower learning rates.

    Args:
        at: the step whose loss showed it.
        to: the step of the checkpoint; what comes after it is learnt anew.
        factor: of the learning rates after `to`, beside that of earlier roll-backs.
    """

    at: int
    to: int
    factor: float


@dataclass(frozen=True)
class Plan:
    """A recipe and how many steps it runs.

    Args:
        recipe: the hyperparameters.
        steps: the number of steps at first.
        checkpoint_every: steps between checkpoints within the time from one evaluation to the next;
            0 for checkpoints at evaluations only. In the plan, so that it doesn't depend on the
            clock where an exploded run goes back to.
        amendments: (step, new total) of each time that the number of steps was changed.
        roll_backs: what explosions led to.
        corpus_digest: of the encoded corpus that the run was begun with.
        init_from: name and sha256 of the model that it was begun from, and a note on its
            characters.
        threads: of the processor; None leaves torch's choice. The weights depend on it a little.
        timed: characters a second by these threads, before the run; 0 if it wasn't timed.
        thread_changes: (steps done, threads from there on) of each time that this was changed.
    """

    recipe: Recipe
    steps: int
    checkpoint_every: int = 0
    amendments: tuple[tuple[int, int], ...] = ()
    roll_backs: tuple[RollBack, ...] = ()
    corpus_digest: str = ""
    init_from: dict[str, str] | None = None
    threads: int | None = None
    timed: float = 0.0
    thread_changes: tuple[tuple[int, int], ...] = ()

    @property
    def origin(self) -> dict[str, str] | None:
        """Name and sha256 of the model that the run was begun from, if it was."""
        if self.init_from is None:
            return None
        return {key: self.init_from[key] for key in ("name", "sha256")}

    @property
    def total_steps(self) -> int:
        """The number of steps as last amended."""
        return self.amendments[-1][1] if self.amendments else self.steps

    def progress(self, step: int) -> float:
        """The share of the run that is done before `step`: linear between amendments."""
        reached, since, total = 0.0, 0, self.steps
        for at, new_total in self.amendments:
            if step <= at:
                break
            reached += (1 - reached) * (at - since) / (total - since)
            since, total = at, new_total
        return reached + (1 - reached) * (step - since) / (total - since)

    def lr_factor(self, step: int) -> float:
        """The learning rates' factor at a step, the first of which is 1."""
        lowered = math.prod(back.factor for back in self.roll_backs if step > back.to)
        return lowered * lr_factor(self.progress(step), self.recipe)

    @property
    def evaluations(self) -> int:
        """How often the held-out part is scored on the way."""
        return max(min(20, max(1, self.steps // 25)), self.steps // 1_000)

    @property
    def evaluation_every(self) -> int:
        """Steps from one evaluation to the next: 25 or more, but in the shortest of runs."""
        return max(1, self.steps // self.evaluations)

    @property
    def eval_characters(self) -> int:
        """The size of the fixed sample that is scored: scoring takes about 3% of the run's time.

        A character scored costs about 0.4 of one trained on.
        """
        seen = self.steps * self.recipe.batch_size * self.recipe.sequence_length
        return max(1_000, int(0.03 / 0.4 * seen / self.evaluations))

    def is_evaluation(self, done: int) -> bool:
        """Whether to score after this many steps."""
        return done == self.total_steps or done % self.evaluation_every == 0

    def is_checkpoint(self, done: int) -> bool:
        """Whether to save after this many steps: at evaluations, and between those far apart."""
        if done == 0 or self.is_evaluation(done):
            return True
        every, behind = self.checkpoint_every, done % self.evaluation_every
        return every > 0 and behind % every == 0 and behind + every <= self.evaluation_every

    def amended(self, at: int, new_total: int) -> Plan:
        """The plan with another number of steps from step `at` on."""
        if not at < new_total != self.total_steps:
            raise TrainingError(f"can't go on to {new_total} steps at step {at}")
        # What was amended later than this belongs to steps that were rolled back.
        kept = tuple(amendment for amendment in self.amendments if amendment[0] < at)
        return replace(self, amendments=(*kept, (at, new_total)))

    def threads_after(self, done: int) -> int | None:
        """The number of threads for the step that comes after so many."""
        changed = [threads for at, threads in self.thread_changes if at <= done]
        return changed[-1] if changed else self.threads

    def with_threads(self, at: int, threads: int) -> Plan:
        """The plan with another number of threads after `at` steps."""
        kept = tuple(change for change in self.thread_changes if change[0] < at)
        return replace(self, thread_changes=(*kept, (at, threads)))

    def rolled_back(self, at: int) -> Plan:
        """The plan after an explosion that was seen at step `at`.

        Back to the newest checkpoint that is older than what the explosion may have spoilt, but not
        behind where an earlier roll-back went: older checkpoints are gone.
        """
        earliest = self.roll_backs[-1].to if self.roll_backs else 0
        candidates = range(at - WINDOW, earliest, -1)
        to = next((step for step in candidates if self.is_checkpoint(step)), earliest)
        back = RollBack(at, to, _AFTER_EXPLOSION)
        return replace(self, roll_backs=(*self.roll_backs, back))

    def notes(self) -> list[str]:
        """What a reader should know: about the beginning, the number of steps, each roll-back."""
        notes = [] if self.init_from is None else [self.init_from["note"]]
        if self.total_steps != self.steps:
            how = "slower" if self.total_steps < self.steps else "faster"
            notes.append(
                f"{how} than when it was timed: {self.total_steps:,} steps instead of "
                f"{self.steps:,}"
            )
        if self.thread_changes:
            at, threads = self.thread_changes[-1]
            notes.append(
                "other programs took processor time, and threads that wait for each other suffer "
                f"most: from step {at:,} on with {threads} of them"
            )
        left = 1.0
        for back in self.roll_backs:
            left *= back.factor
            notes.append(
                f"the loss exploded at step {back.at:,}: back to step {back.to:,}, and on with "
                f"{left:g} of the learning rates"
            )
        return notes

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """The plan that `dataclasses.asdict` and JSON made of one.

        Raises:
            TrainingError: if they didn't.
        """
        try:
            return cls(
                **{
                    **data,
                    "recipe": Recipe(**data["recipe"]),
                    "amendments": tuple((at, total) for at, total in data["amendments"]),
                    "thread_changes": tuple((at, n) for at, n in data.get("thread_changes", ())),
                    "roll_backs": tuple(RollBack(**back) for back in data.get("roll_backs", ())),
                }
            )
        except (TypeError, KeyError, ValueError):
            raise TrainingError(
                f"the run's {PLAN_FILE} is not what this version writes: start a run anew"
            ) from None


def steps_a_minute(recipe: Recipe, parameters: int, device: str = "cpu") -> int:
    """About how many steps a minute holds; at least 25.

    By arithmetic, not by timing: a run of so many steps makes its checkpoints at the same ones
    wherever and whenever it is started.

    Args:
        recipe: of the steps.
        parameters: number of weights.
        device: "cpu", "cuda" or "mps".
    """
    operations = 6.0 * parameters * recipe.batch_size * recipe.sequence_length
    return max(25, int(_OPERATIONS_A_MINUTE[device] / operations))
