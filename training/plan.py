"""What is decided before a run starts, and its schedule: how far it is after so many steps.

Everything that changes during a run (learning rates, weight decay, evaluations, its end) follows
from how far it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from model.config import ConfigError, ModelConfig
from training.optim.device import find_precision
from training.optim.distributed import Group
from training.optim.learner import Learner
from training.pretrained import AUTO, find_start
from training.recipe import (
    FINE_TUNING_EPOCHS,
    MAX_EPOCHS,
    MOST_TEACHERS,
    Recipe,
    choose,
    most_steps,
    student,
)
from training.run import RECIPE_FILE, RunError, read_json, write_json
from training.settings import Settings, TrainingError
from training.text.corpus import Corpus

_EPOCHS = 2  # of a text that a run must have time for, to start from the bundled base by itself
_STRETCH = 1.5  # times the time that is left: a longer rest continues in another call


class Place(NamedTuple):
    """Where a run is when a network begins or continues."""

    network: int  # its number, from 0
    networks: int  # that the run has, as far as one can tell; after the last comes no other
    first_step: int = 0  # steps of the run before the network's
    first_share: float = 0.0  # of the run that was done before it
    seconds: float = 0.0  # of training so far
    progress: float = 0.0  # the network's

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Place:
        """Where a checkpoint was made."""
        return cls(*(facts[name] for name in cls._fields))

    @property
    def is_last(self) -> bool:
        """Whether it is the last network."""
        return self.network + 1 >= self.networks

    def share(self, progress: float) -> float:
        """The share of the run that is done when the network is so far."""
        to_come = self.networks - self.network
        return self.first_share + (1 - self.first_share) * progress / to_come


@dataclass(frozen=True)
class Plan:
    """What is decided before a run starts, and kept in its folder."""

    recipe: Recipe  # the hyperparameters, of the first network where there are several
    steps: int  # of each network: exactly, where they were set, else about
    most_steps: int  # of each, at which it ends at the latest
    threads: int  # of the processor
    speed: float = 0.0  # characters a second, as measured before the run; 0 if nothing was measured
    # name and sha256 of the model that it starts from, if it does
    init_from: dict[str, str] | None = None
    notes: tuple[str, ...] = ()  # what a reader should know about that; clauses
    networks: int = 1  # at most
    student: Recipe | None = None  # of those after the first, which each learn from the one before

    @classmethod
    def make(
        cls,
        settings: Settings,
        end_s: float,
        corpus: Corpus,
        group: Group,
        device: torch.device,
    ) -> Plan:
        """Choose the recipe for so many seconds, by timing some steps with throwaway networks.

        Raises:
            TrainingError: if the network would be too large, or its batch can't be divided.
        """
        settings = replace(settings, minutes=end_s / 60)
        all_threads = settings.threads or torch.get_num_threads()
        is_free = settings.threads is None and group.size == 1 and device.type == "cpu"
        # characters a second by the number of threads, by width and batch
        timed: dict[tuple[int, int], dict[int, float]] = {}

        def speed(recipe: Recipe) -> float:
            """Characters a second with the best number of threads: two can be slower than one."""
            group.check_batch(recipe.batch_size)
            own = replace(recipe, batch_size=recipe.batch_size // group.size)
            config = own.config(corpus.vocabulary, corpus.is_list)
            learner = Learner(own, config, corpus.train, settings.seed, device)
            speeds = timed[recipe.hidden_size, recipe.batch_size] = {}
            for threads in {all_threads, 1} if is_free else {all_threads}:
                torch.set_num_threads(threads)
                seconds = min(1.0, end_s / 60)
                speeds[threads] = learner.characters_per_second(seconds) * group.size
            torch.set_num_threads(all_threads)
            return max(speeds.values())

        precision = find_precision(device, settings.precision)

        size, vocabulary, is_list = len(corpus.train), corpus.vocabulary, corpus.is_list

        def chosen(settings: Settings, epochs: int) -> tuple[Recipe, int]:
            return choose(settings, size, vocabulary, speed, precision, group.size, is_list, epochs)

        pretrained = find_start(settings, corpus)
        try:
            epochs = FINE_TUNING_EPOCHS if pretrained else MAX_EPOCHS
            recipe, steps = chosen(pretrained.fit(settings) if pretrained else settings, epochs)
            seen = steps * recipe.characters_per_step
            if pretrained and settings.init_from == AUTO and seen < _EPOCHS * size:
                pretrained, epochs = None, MAX_EPOCHS  # too wide to get used to the text in time
                recipe, steps = chosen(settings, epochs)
        except ConfigError as error:
            raise TrainingError(f"{error}: choose a narrower network") from error
        group.check_batch(recipe.batch_size)
        speeds = timed.get((recipe.hidden_size, recipe.batch_size), {all_threads: 0.0})
        threads, fastest = max(speeds.items(), key=lambda entry: entry[1])
        most = settings.steps or most_steps(recipe, size, epochs)
        teachers = settings.teachers
        if teachers is None:
            teachers = 0 if settings.steps else MOST_TEACHERS
        plan = cls(
            recipe,
            steps,
            most,
            threads=threads,
            speed=fastest,
            init_from=pretrained.source if pretrained else None,
            networks=1 + teachers,
            student=student(recipe, settings) if teachers else None,
        )
        notes = [pretrained.overlap(corpus.vocabulary)] if pretrained else []
        networks = plan.networks_in(None if settings.steps else end_s)
        if networks > 1:
            about = networks if settings.steps else f"up to {networks}"
            notes.append(f"trains {about} networks, of which each learns from the one before it")
        return replace(plan, notes=tuple(notes))

    def recipe_of(self, network: int) -> Recipe:
        """The hyperparameters of a network, counted from 0."""
        return replace(self.student, taught_by=network) if network and self.student else self.recipe

    def config(self, corpus: Corpus) -> ModelConfig:
        """The sizes of every network."""
        return self.recipe.config(corpus.vocabulary, corpus.is_list)

    def networks_in(self, end_s: float | None, done: int = 0, seconds: float = 0.0) -> int:
        """How many networks there is time for; in a run of steps, as many as were asked for.

        Before the first it is the most that there may be time for: on a busy machine it was timed
        too slow.

        Args:
            end_s: seconds of training at which the run ends; None for a run of steps.
            done: networks that are done.
            seconds: that they took.
        """
        if end_s is None:
            return self.networks
        if not done:
            each = self.most_steps * self.recipe.characters_per_step / self.speed
            return min(self.networks, math.ceil(end_s / each))
        return min(self.networks, done + int((end_s - seconds) / (seconds / done)))

    @property
    def evaluations(self) -> int:
        """How often the held-out part is evaluated on a network's way."""
        return max(min(20, max(1, self.steps // 25)), self.steps // 1_000)

    def is_evaluation(self, before: float, after: float) -> bool:
        """Whether the held-out part is to be evaluated between two shares of a network's way."""
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
            recipe, student = Recipe(**data["recipe"]), data["student"]
            known = {"recipe": recipe, "student": student and Recipe(**student)}
            return cls(**{**data, **known, "notes": tuple(data["notes"])})
        except (TypeError, KeyError):
            raise RunError(
                f"{RECIPE_FILE} in the run's folder can't be used: start a new run"
            ) from None


@dataclass(frozen=True)
class Schedule:
    """How far a network is: a share from 0 to 1 that its learning rates and its end follow.

    A run of steps counts them, so it is repeatable exactly. A run of minutes goes by the clock, or
    by the epochs of a text from which more would learn nothing; it ends in time whatever else the
    machine does.
    """

    steps: int  # at which it ends
    end_s: float | None = None  # seconds of training at which it ends; None for a run of steps
    # its progress and the run's seconds when it begins or continues
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
