"""What is decided before a run starts, and its schedule: how far it is after so many steps.

Everything that changes during a run (learning rates, weight decay, evaluations, its end) follows
from how far it is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from model.config import ConfigError
from training.optim.device import find_precision
from training.optim.distributed import Group
from training.optim.learner import Learner
from training.pretrained import Pretrained
from training.recipe import Recipe, choose, most_steps
from training.run import RECIPE_FILE, RunError, read_json, write_json
from training.settings import Settings, TrainingError
from training.text.corpus import Corpus

_STRETCH = 1.5  # times the time that is left: a longer rest continues in another call


@dataclass(frozen=True)
class Plan:
    """What is decided before a run starts, and kept in its folder."""

    recipe: Recipe  # the hyperparameters
    steps: int  # how many there will be: exactly, where they were set, else about
    most_steps: int  # at which it ends at the latest
    threads: int  # of the processor
    speed: float = 0.0  # characters a second, as measured before the run; 0 if nothing was measured
    # name and sha256 of the model that it starts from, if it does
    init_from: dict[str, str] | None = None
    notes: tuple[str, ...] = ()  # what a reader should know about that; clauses

    @classmethod
    def make(
        cls,
        settings: Settings,
        end_s: float,
        corpus: Corpus,
        pretrained: Pretrained | None,
        group: Group,
        device: torch.device,
    ) -> Plan:
        """Choose the recipe for so many seconds, by timing some steps with throwaway networks.

        Raises:
            TrainingError: if the network would be too large, or its batch can't be divided.
        """
        settings = replace(settings, minutes=end_s / 60)
        if pretrained is not None:
            settings = pretrained.fit(settings)
        all_threads = settings.threads or torch.get_num_threads()
        is_free = settings.threads is None and group.size == 1 and device.type == "cpu"
        speeds: dict[int, float] = {}

        def speed(recipe: Recipe) -> float:
            """Characters a second with the best number of threads: two can be slower than one."""
            group.check_batch(recipe.batch_size)
            own = replace(recipe, batch_size=recipe.batch_size // group.size)
            config = own.config(corpus.vocabulary)
            learner = Learner(own, config, corpus.train, settings.seed, device)
            for threads in {all_threads, 1} if is_free else {all_threads}:
                torch.set_num_threads(threads)
                speeds[threads] = learner.characters_per_second(min(1.0, end_s / 60))
            torch.set_num_threads(all_threads)
            return max(speeds.values()) * group.size

        precision = find_precision(device, settings.precision)
        try:
            recipe, steps = choose(
                settings,
                len(corpus.train),
                corpus.vocabulary,
                speed,
                precision,
                group.size,
                corpus.is_list,
            )
        except ConfigError as error:
            raise TrainingError(f"{error}: choose a narrower network") from error
        group.check_batch(recipe.batch_size)
        return cls(
            recipe,
            steps,
            settings.steps or most_steps(recipe, len(corpus.train)),
            threads=max(speeds, key=lambda count: speeds[count], default=all_threads),
            speed=max(speeds.values(), default=0.0),
            init_from=pretrained.source if pretrained else None,
            notes=(pretrained.overlap(corpus.vocabulary),) if pretrained else (),
        )

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
            raise RunError(
                f"{RECIPE_FILE} in the run's folder can't be used: start a new run"
            ) from None


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


def end_seconds(asked: float, spent: float, left: float) -> float:
    """Seconds of training at which a run ends: those asked for, or what a deadline leaves.

    Args:
        asked: seconds of training in all.
        spent: those that it has had already.
        left: seconds until the deadline.
    """
    if asked - spent > _STRETCH * left:
        return asked  # far too long for this call: it is stopped in time
    return min(asked, spent + max(1.0, 0.9 * left))
