"""The recipe: a budget in minutes -> sizes, batch, regularization, schedule, number of steps.

The rule: one layer, the widest that will see at least four characters for each of its weights in
the time there is, and has three weights at most for each character to learn, or 220,000; a text is
passed through 16 times at most, a small one more often. How hard the text is pressed, sqrt(passes
over it x weights a character), then says how much is dropped and how far the weights decay. What
each choice was measured against is in docs/experiments.md: at 0.65, 2.1 and 4.7 to 7 of that
pressure, on parts of tiny Shakespeare, never on its held-out part; and for 1 and 4 minutes on
source code and on Russian, Chinese and Japanese texts. The four characters a weight are older, and
were chosen on the held-out part (a layer of 320 for a minute, 512 for 4, 640 for 10).

Not measured: layers wider than 896, which long runs on large texts get. Knows nothing about torch;
whoever calls says how fast the machine is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from model.config import ModelConfig
from model.vocabulary import Vocabulary
from training.run import Settings

WIDTHS = (48, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536)
CHARACTERS_PER_WEIGHT = 4.0
WEIGHTS_PER_CHARACTER = 3
"""At most. In 14 passes through 903,000 characters 896 wide (3.9 weights a character) learnt no
more than 768 wide (2.9), in 12 through 450,000 640 wide (4.1) no more than 448 wide (2.0); the
wider ones cost nearly twice as much."""

MAX_PASSES = 16
"""Of 12 and 23 passes over 100,000 characters the former were better by 0.07 nats; a text of 9,000
characters took 12 passes to its lowest loss, and 25 to write mostly words of its own."""

MOST_DROPOUT = 0.5
MOST_DECAYS = 8.0
MOST_EMBEDDING_DECAYS = 5.0
"""Of AdamW's part, where there is an embedding; see the texts of thousands of kinds of character in
docs/experiments.md."""

NEWTON_SCHULZ_STEPS = 2  # of training.muon, which needs torch and can't be asked here
BANDS = 4
NARROWEST_BAND = 48  # rows; with bands of 24 the loss was 0.01 higher
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
    adam_weight_decay: float
    average: float
    warmup: float
    floor: float
    clip: float
    precision: str
    state_reset: float = 0.0  # what a plan that doesn't name it was made with

    @property
    def bands(self) -> int:
        """Into how many bands of rows Muon cuts a gate of a recurrent matrix."""
        wide = self.hidden_size >= BANDS * NARROWEST_BAND
        return BANDS if wide and self.hidden_size % BANDS == 0 else 1

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
            f"(input {self.input_dropout:.2f}), state reset {self.state_reset:g}, "
            f"Muon {self.muon_lr:g} with weight decay {self.weight_decay:g}, "
            f"AdamW {self.adam_lr:g} with {self.adam_weight_decay:g}, {self.precision}"
        )


def choose(
    settings: Settings,
    train_characters: int,
    vocabulary: Vocabulary,
    speed: Callable[[Recipe], float],
    precision: str,
    processes: int = 1,
) -> tuple[Recipe, int]:
    """The recipe and the number of steps for a run.

    Args:
        settings: what was asked for; its hyperparameters that aren't None are taken as they are.
        train_characters: number of characters to train on.
        vocabulary: of the corpus.
        speed: times a recipe on this machine; characters a second.
        precision: "float32" or "bfloat16", whichever is faster here.
        processes: that share the batch; where it isn't asked for, it is a multiple of them.
    """
    seconds = settings.minutes * 60
    base = _complete(settings, WIDTHS[0], train_characters, vocabulary, precision, processes)
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
        steps = min(steps, most_steps(recipe, train_characters))
    return _regularized(recipe, settings, steps, train_characters, vocabulary), steps


def most_steps(recipe: Recipe, train_characters: int) -> int:
    """The number of steps beyond which a text of so many characters teaches nothing more."""
    chunk = recipe.batch_size * recipe.sequence_length
    passes = MAX_PASSES * max(1.0, math.pow(100_000 / train_characters, 0.25))  # 10 kB: 28 passes
    return max(200, math.ceil(passes * train_characters / chunk))


def _regularized(
    recipe: Recipe,
    settings: Settings,
    steps: int,
    train_characters: int,
    vocabulary: Vocabulary,
) -> Recipe:
    """The recipe with dropout and weight decay that suit how hard the text is pressed.

    Weight decay is chosen by what it does in the whole run: how many times e a weight shrinks.
    """
    seen = steps * recipe.batch_size * recipe.sequence_length
    pressure = math.sqrt(seen * _common_weights(recipe, vocabulary)) / train_characters
    # A few hundred steps are too few to learn anew what decays so fast: 10 kB want 3.4 decays.
    small = min(1.0, math.sqrt(train_characters / 50_000))
    dropout = min(MOST_DROPOUT, max(0.0, 0.1 * (pressure - 2)))
    decays = max(1.4, min(MOST_DECAYS, 1.8 * pressure) * small)
    # What AdamW moves is a row of each kind; of an embedding's kinds most are seldom met.
    on_rows = math.sqrt(seen * recipe.config(vocabulary).parameters) / train_characters
    rate, most = (0.9, MOST_EMBEDDING_DECAYS) if recipe.embedding_size else (0.2, 0.8)
    adam_decays = min(most, rate * max(0.0, on_rows - 0.5)) * small
    return replace(
        recipe,
        dropout=_given(settings.dropout, round(dropout, 2)),
        input_dropout=_given(settings.input_dropout, 0.05 if dropout >= 0.1 else 0.0),
        weight_decay=_given(settings.weight_decay, _rate(decays, recipe.muon_lr, steps)),
        adam_weight_decay=_given(
            settings.adam_weight_decay, _rate(adam_decays, recipe.adam_lr, steps)
        ),
    )


def _rate(decays: float, lr: float, steps: int) -> float:
    """The weight decay that shrinks a weight by e so many times; the mean rate is half the peak."""
    return min(1.0, float(f"{decays / (0.5 * lr * steps):.2g}")) if lr else 0.0


def _complete(
    settings: Settings,
    hidden_size: int,
    train_characters: int,
    vocabulary: Vocabulary,
    precision: str,
    processes: int,
) -> Recipe:
    """The settings, with a default for whatever they leave open."""
    length = _given(settings.sequence_length, 64)
    length = min(length, train_characters - 1)
    # Streams shorter than a chunk can't be; on a small text, smaller batches give more steps.
    batch = min(32, max(4, train_characters // (20 * length)))
    batch = _given(settings.batch_size, max(1, batch // processes) * processes)
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
        state_reset=_given(settings.state_reset, 0.05),
        muon_lr=_given(settings.muon_lr, 0.06),
        adam_lr=_given(settings.adam_lr, 0.03),
        weight_decay=_given(settings.weight_decay, 0.0),
        adam_weight_decay=_given(settings.adam_weight_decay, 0.0),
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
    most = max(220_000, WEIGHTS_PER_CHARACTER * train_characters)
    best = replace(base, hidden_size=WIDTHS[0])
    for width in WIDTHS[1:]:
        recipe = replace(base, hidden_size=width)
        weights = _common_weights(recipe, vocabulary)
        if weights <= most and characters_seen(recipe) >= CHARACTERS_PER_WEIGHT * weights:
            best = recipe
    return best


def _seen_with(work: float, vocabulary: Vocabulary) -> Callable[[Recipe], float]:
    """How many characters a recipe sees for so much arithmetic."""
    return lambda recipe: work / _work(recipe, vocabulary)


def _common_weights(recipe: Recipe, vocabulary: Vocabulary) -> int:
    """The weights that are judged by how many characters they see.

    All of them, but where there is an embedding, the LSTM's: of thousands of kinds of character,
    most weights are an embedding's and the output layer's, in rows that each belong to one kind.
    """
    config = recipe.config(vocabulary)
    if not recipe.embedding_size:
        return config.parameters
    shapes = config.parameter_shapes()
    return sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("lstm."))


def _work(recipe: Recipe, vocabulary: Vocabulary) -> float:
    """Arithmetic of training, in operations a character: the network's, and Newton-Schulz's."""
    hidden, layers = recipe.hidden_size, recipe.num_layers
    looked_up = len(vocabulary) * recipe.embedding_size
    network = 6.0 * (recipe.config(vocabulary).parameters - looked_up)
    matrices = 2 * layers - 1  # recurrent ones, and inputs above the first layer
    blocks, rows = matrices * 4 * recipe.bands, hidden // recipe.bands
    orthogonalization = blocks * NEWTON_SCHULZ_STEPS * 2.0 * rows**2 * (2 * hidden + rows)
    return network + orthogonalization / (recipe.batch_size * recipe.sequence_length)


def lr_factor(progress: float, recipe: Recipe) -> float:
    """The learning rates' factor at a share of the run: a short warm-up, then linear decay."""
    rising = min(1.0, progress / recipe.warmup) if recipe.warmup else 1.0
    return rising * max(recipe.floor, 1.0 - progress)
