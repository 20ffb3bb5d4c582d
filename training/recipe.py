"""The recipe: a budget in minutes -> sizes, batch, regularization, schedule, number of steps.

The rule, and the measurements behind it (tinyshakespeare, 1.0M characters to train on, two cores,
nats per character on held-out text; one LSTM layer, Muon on its recurrent matrix):

    budget   width  dropout  characters seen / weights   loss
    1 min    320    0.05     3.3M / 0.52M = 6.3          1.448
    1 min    384    0.1      2.0M / 0.72M = 2.8          1.491
    4 min    512    0.2      5.3M / 1.22M = 4.3          1.409
    10 min   640    0.4      7.8M / 1.86M = 4.2          1.391
    30 min   768    0.5      16M / 2.6M = 6              1.385

So the widest network that will see at least four characters a weight is taken, and dropout grows
with how hard the text is pressed: sqrt(passes over the text x weights a character). Knows nothing
about torch; whoever calls says how fast the machine is. The table's rows were measured, and chosen,
on the held-out part of that one text, so the loss there flatters a little. Not measured: corpora of
other sizes, vocabularies of other than 65 characters, more than 30 minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from model.config import ModelConfig
from model.vocabulary import Vocabulary
from training.run import Settings, TrainingError

WIDTHS = (48, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024)
CHARACTERS_PER_WEIGHT = 4.0
MAX_PASSES = 60
"""Passes over the text after which a small corpus teaches nothing more (held-out loss rises)."""

NS_STEPS = 3
_T = TypeVar("_T", int, float)
_ONE_HOT_UP_TO = 256


@dataclass(frozen=True)
class Recipe:
    """Every hyperparameter of a run; stored in config.json."""

    hidden_size: int
    num_layers: int
    embedding_size: int
    batch_size: int
    sequence_length: int
    dropout: float
    input_dropout: float
    muon_lr: float
    adam_lr: float
    weight_decay: float
    average: float
    warmup: float
    floor: float
    clip: float
    precision: str

    def config(self, vocabulary: Vocabulary) -> ModelConfig:
        """The sizes of the network, as a config."""
        return ModelConfig(vocabulary, self.hidden_size, self.num_layers, self.embedding_size)

    def describe(self) -> str:
        """The recipe in one line."""
        layers = "1 layer" if self.num_layers == 1 else f"{self.num_layers} layers"
        embedding = f", embedding {self.embedding_size}" if self.embedding_size else ""
        return (
            f"{layers} of {self.hidden_size}{embedding}, "
            f"batch {self.batch_size} x {self.sequence_length}, dropout {self.dropout:.2f} "
            f"(input {self.input_dropout:.2f}), Muon {self.muon_lr:g} decaying weights by "
            f"{self.weight_decay:g}, AdamW {self.adam_lr:g}, {self.precision}"
        )


def choose(
    settings: Settings,
    train_characters: int,
    vocabulary: Vocabulary,
    speed: Callable[[Recipe], float],
    precision: str,
) -> tuple[Recipe, int]:
    """The recipe and the number of steps for a run.

    Args:
        settings: what was asked for; its hyperparameters that aren't None are taken as they are.
        train_characters: number of characters to train on.
        vocabulary: of the corpus.
        speed: times a recipe on this machine; characters a second.
        precision: "float32" or "bfloat16", whichever is faster here.
    """
    seconds = settings.minutes * 60
    base = _complete(settings, WIDTHS[0], train_characters, vocabulary, precision)
    if settings.hidden_size is not None:
        recipe = base
    elif settings.steps is not None:
        seen = settings.steps * base.batch_size * base.sequence_length
        recipe = _widest(base, train_characters, vocabulary, lambda _: seen)
    else:
        # One timing tells the machine's rate of arithmetic, from which all widths are judged; the
        # width that it points to is timed itself, and judged again by what it really reached.
        recipe = replace(base, hidden_size=256)
        for _ in range(2):
            work = seconds * speed(recipe) * _work(recipe, vocabulary)
            recipe = _widest(base, train_characters, vocabulary, _seen_with(work, vocabulary))
    chunk = recipe.batch_size * recipe.sequence_length
    steps = settings.steps
    if steps is None:
        # Scoring, samples and checkpoints take their part of the minutes.
        steps = max(1, round(0.95 * speed(recipe) * seconds / chunk))
        steps = min(steps, max(200, math.ceil(MAX_PASSES * train_characters / chunk)))
    pressure = math.sqrt(steps * chunk * recipe.config(vocabulary).parameters / train_characters**2)
    chosen = min(0.5, max(0.0, 0.12 * (pressure - 1)))
    dropout = round(chosen, 2) if settings.dropout is None else settings.dropout
    input_dropout = settings.input_dropout
    if input_dropout is None:
        input_dropout = 0.05 if dropout >= 0.15 else 0.0
    return replace(recipe, dropout=dropout, input_dropout=input_dropout), steps


def _complete(
    settings: Settings,
    hidden_size: int,
    train_characters: int,
    vocabulary: Vocabulary,
    precision: str,
) -> Recipe:
    """The settings, with a default for whatever they leave open."""
    length = _given(settings.sequence_length, 64)
    length = min(length, train_characters - 1)
    # Streams shorter than a chunk can't be; on a small text, smaller batches give more steps.
    batch = _given(settings.batch_size, min(32, max(4, train_characters // (20 * length))))
    batch = min(batch, max(1, train_characters // length))
    embedding = _given(settings.embedding_size, 0 if len(vocabulary) <= _ONE_HOT_UP_TO else 128)
    return Recipe(
        hidden_size=_given(settings.hidden_size, hidden_size),
        num_layers=_given(settings.num_layers, 1),
        embedding_size=embedding,
        batch_size=batch,
        sequence_length=length,
        dropout=_given(settings.dropout, 0.0),
        input_dropout=_given(settings.input_dropout, 0.0),
        muon_lr=_given(settings.muon_lr, 0.05),
        adam_lr=_given(settings.adam_lr, 0.01),
        weight_decay=_given(settings.weight_decay, 0.05),
        average=0.998,
        warmup=0.02,
        floor=0.02,
        clip=1.0,
        precision=precision,
    )


def _given(value: _T | None, default: _T) -> _T:
    return default if value is None else value


def _widest(
    base: Recipe,
    train_characters: int,
    vocabulary: Vocabulary,
    characters_seen: Callable[[Recipe], float],
) -> Recipe:
    most = max(150_000, 4 * train_characters)
    best = replace(base, hidden_size=WIDTHS[0])
    for width in WIDTHS[1:]:
        recipe = replace(base, hidden_size=width)
        weights = recipe.config(vocabulary).parameters
        if weights <= most and characters_seen(recipe) >= CHARACTERS_PER_WEIGHT * weights:
            best = recipe
    return best


def _seen_with(work: float, vocabulary: Vocabulary) -> Callable[[Recipe], float]:
    """How many characters a recipe sees for so much arithmetic."""
    return lambda recipe: work / _work(recipe, vocabulary)


def _work(recipe: Recipe, vocabulary: Vocabulary) -> float:
    """Arithmetic of training, in operations a character: the network's, and Newton-Schulz's."""
    hidden, layers = recipe.hidden_size, recipe.num_layers
    network = 6.0 * recipe.config(vocabulary).parameters
    matrices = 2 * layers - 1  # recurrent ones, and inputs above the first layer
    orthogonalization = matrices * 4 * NS_STEPS * 3 * 2.0 * hidden**3
    return network + orthogonalization / (recipe.batch_size * recipe.sequence_length)


def lr_factor(progress: float, recipe: Recipe) -> float:
    """The learning rates' factor at a share of the run: a short warm-up, then linear decay."""
    rising = min(1.0, progress / recipe.warmup) if recipe.warmup else 1.0
    return rising * max(recipe.floor, 1.0 - progress)


@dataclass(frozen=True)
class Plan:
    """A recipe and how many steps it runs; `amendments` are (step, new total) made on the way."""

    recipe: Recipe
    steps: int
    amendments: tuple[tuple[int, int], ...] = ()

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

    @property
    def evaluations(self) -> int:
        """How often the held-out part is scored on the way."""
        return max(min(20, max(1, self.steps // 25)), self.steps // 1_000)

    @property
    def eval_characters(self) -> int:
        """The size of the fixed sample that is scored: scoring takes about 3% of the run's time.

        A character scored costs about 0.4 of one trained on.
        """
        seen = self.steps * self.recipe.batch_size * self.recipe.sequence_length
        return max(1_000, int(0.03 / 0.4 * seen / self.evaluations))

    def is_evaluation(self, done: int) -> bool:
        """Whether to score after this many steps."""
        return done == self.total_steps or done % max(1, self.steps // self.evaluations) == 0

    def amended(self, at: int, new_total: int) -> Plan:
        """The plan with a lower number of steps from step `at` on."""
        if not at < new_total < self.total_steps:
            raise TrainingError(f"can't go on to {new_total} steps at step {at}")
        return replace(self, amendments=(*self.amendments, (at, new_total)))

    @classmethod
    def from_json(cls, data: Any) -> Plan:
        """The plan that `dataclasses.asdict` and JSON made of one."""
        amendments = tuple((at, total) for at, total in data["amendments"])
        return cls(Recipe(**data["recipe"]), data["steps"], amendments)
