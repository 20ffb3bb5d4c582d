"""The plan that a run keeps in its folder, and its schedule: how far it is after so many steps.

Everything that changes during a run (learning rates, weight decay, evaluations, its end) follows
from that one number. Knows nothing about torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from training.recipe import Recipe
from training.run import RECIPE_FILE, RunError, read_json, write_json


@dataclass(frozen=True)
class Plan:
    """What is decided before a run starts, and kept in its folder."""

    recipe: Recipe  # the hyperparameters
    steps: int  # how many there will be: exactly, where they were set, else about
    threads: int  # of the processor
    speed: float = 0.0  # characters a second, as measured before the run; 0 if nothing was measured
    # name and sha256 of the model that it starts from, if it does
    init_from: dict[str, str] | None = None
    notes: tuple[str, ...] = ()  # what a reader should know about that; clauses

    @property
    def evaluations(self) -> int:
        """How often the held-out part is evaluated on the way."""
        return max(min(20, max(1, self.steps // 25)), self.steps // 1_000)

    def is_evaluation(self, before: float, after: float) -> bool:
        """Whether the held-out part is to be evaluated between two shares of the run."""
        return int(after * self.evaluations) > int(before * self.evaluations)

    @property
    def evaluated_characters(self) -> int:
        """Characters of the held-out part in each evaluation, which then take 3% of the run.

        Evaluating on a character costs about 0.4 of training on one.
        """
        seen = self.steps * self.recipe.characters_per_step
        return max(1_000, int(0.03 / 0.4 * seen / self.evaluations))

    def write(self, folder: Path) -> None:
        """Keep it in a run's folder."""
        write_json(folder / RECIPE_FILE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Plan | None:
        """The plan of the run in `folder`, if it has one. Raises RunError if it is damaged."""
        data = read_json(folder / RECIPE_FILE)
        if data is None:
            return None
        try:
            recipe = Recipe(**data["recipe"])
            return cls(**{**data, "recipe": recipe, "notes": tuple(data["notes"])})
        except (TypeError, KeyError):
            raise RunError(f"{RECIPE_FILE} in {folder} is damaged: start a new run") from None


@dataclass(frozen=True)
class Schedule:
    """How far a run is: a share from 0 to 1 that its learning rates and its end follow.

    A run of steps counts them, so it is repeatable exactly. A run of minutes goes by the clock, or
    by the epochs of a text from which more would learn nothing; it ends in time whatever else the
    machine does.
    """

    steps: int  # at which it ends
    end_s: float | None = None  # seconds of training at which it ends; None for a run of steps
    # progress and seconds of the checkpoint that it continues from
    resumed: tuple[float, float] = (0.0, 0.0)

    def progress(self, steps: int, seconds: float) -> float:
        """The share that is done after so many steps and seconds of training."""
        by_steps = steps / self.steps
        if self.end_s is None:
            return min(1.0, by_steps)
        done, since = self.resumed
        left = max(1e-9, self.end_s - since)
        by_clock = done + (1 - done) * (seconds - since) / left
        return min(1.0, max(by_steps, by_clock))
