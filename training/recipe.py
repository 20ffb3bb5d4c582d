"""The recipe: a budget in minutes -> sizes, batch, regularization.

The rule: one layer, the widest that sees at least four characters for each of its weights in the
time there is, and that has at most three weights for each character to learn (or 220,000; eight up
to 450,000). A text is read 16 times at most, a small one more often; where there is time for more,
batches shrink, and networks are trained that teach the next one. How hard the text is
pressed, sqrt(epochs x weights per character), then sets dropout and weight decay.
docs/experiments.md and docs/small_texts.md have what each choice was measured against: pressures of
0.65 to 7 on parts of tiny Shakespeare, never on its held-out part, and 1 and 4 minutes on source
code and on Russian, Chinese and Japanese texts. The four characters a weight are older and were
chosen on the held-out part.

Not measured: layers wider than 896, which long runs on large texts get. Knows nothing about torch;
the caller says how fast the machine is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from model.config import ModelConfig
from model.vocabulary import Vocabulary
from training.settings import Settings

WIDTHS = (48, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536)
CHARACTERS_PER_WEIGHT = 4.0
WEIGHTS_PER_CHARACTER, ON_SMALL_TEXTS = 3, 8
"""At most. In 14 epochs of 903,000 characters, 896 wide (3.9 weights a character) learnt no more
than 768 wide (2.9); in 12 of 450,000, 640 wide (4.1) no more than 448 wide (2.0). The wider ones
cost nearly twice as much. Up to 450,000 weights there may be eight: 256 wide beat 128 by 0.13 nats
on 54,000 characters, and 192 by 0.03 on 90,000."""

_SMALL = 220_000, 450_000  # weights that any text may have, and that one with eight a character may

MAX_EPOCHS = 16
"""12 epochs of 100,000 characters were 0.07 nats better than 23; a text of 9,000 characters took 12
to its lowest loss, and 25 to write mostly words of its own."""

CHUNKS_PER_STREAM, LEAST_BATCH = 180, 8
"""Where time is left, batches shrink until a stream has so many chunks: the same epochs are more
steps then. On 90,000 characters batches of 32, 16 and 8 came to 1.44, 1.41 and 1.40."""

FINE_TUNING_EPOCHS = 8
"""At most. From the base two texts of 45,000 characters were at their best after 4 to 7 of 8."""

MOST_DROPOUT = 0.5
MOST_DECAY = 8.0
MOST_EMBEDDING_DECAY = 5.0
"""For AdamW's part where there is an embedding: see the texts of thousands of distinct characters
in docs/experiments.md."""

MOST_TEACHERS = 2
SOFT_TARGETS, STUDENT_DROPOUT, STUDENT_DECAY = 0.7, 0.1, 0.63
"""What a teacher expects keeps a network from learning the text by heart, so less of what else does
is better. In a line of networks, 90,000 characters came to 1.457, 1.437, 1.428 and 1.434."""

NEWTON_SCHULZ_STEPS = 2  # of training.optim.muon, which needs torch and can't be asked here
BANDS = 4
NARROWEST_BAND = 48  # rows; with bands of 24 the loss was 0.01 higher
_ONE_HOT_UP_TO = 256


@dataclass(frozen=True)
class Recipe:
    """Every hyperparameter of a run; stored in config.json.

    Weight decay is given for the whole run, however many steps that has: how many times a weight
    would shrink by e if nothing else moved it.
    """

    hidden_size: int
    embedding_size: int
    batch_size: int
    sequence_length: int
    precision: str
    num_layers: int = 1
    dropout: float = 0.0
    input_dropout: float = 0.0
    muon_lr: float = 0.06
    adam_lr: float = 0.03
    weight_decay: float = 0.0
    adam_weight_decay: float = 0.0
    state_reset: float = 0.05
    ema_decay: float = 0.998
    warmup: float = 0.02
    min_lr_ratio: float = 0.02
    clip: float = 1.0
    taught_by: int = 0  # networks that were trained before, each by the one before it
    soft_targets: float = 0.0  # share of the loss that is against what the last of them expects

    @property
    def bands(self) -> int:
        """Into how many bands of rows Muon cuts a gate of a recurrent matrix."""
        wide = self.hidden_size >= BANDS * NARROWEST_BAND
        return BANDS if wide and self.hidden_size % BANDS == 0 else 1

    def config(self, vocabulary: Vocabulary, is_list: bool = False) -> ModelConfig:
        """The sizes of the network, as a config."""
        sizes = (self.hidden_size, self.num_layers, self.embedding_size)
        return ModelConfig(vocabulary, *sizes, is_list=is_list)

    def describe(self) -> str:
        """The recipe in one line."""
        layers = "1 layer" if self.num_layers == 1 else f"{self.num_layers} layers"
        embedding = f", embedding {self.embedding_size}" if self.embedding_size else ""
        share, teacher = self.soft_targets, self.taught_by
        taught = f"; {share:.0%} taught by network {teacher}" if teacher else ""
        return (
            f"{layers} of {self.hidden_size}{embedding}, "
            f"batch {self.batch_size} x {self.sequence_length}, dropout {self.dropout:.2f} "
            f"(input {self.input_dropout:.2f}), state reset {self.state_reset:g}, "
            f"Muon {self.muon_lr:g} with weight decay {self.weight_decay:.2g}, "
            f"AdamW {self.adam_lr:g} with {self.adam_weight_decay:.2g}, {self.precision}"
            f"{taught}"
        )

    @property
    def characters_per_step(self) -> int:
        """Characters that one step learns from."""
        return self.batch_size * self.sequence_length

    def lr_factor(self, progress: float) -> float:
        """The learning rates' factor at a share of the run: short warm-up, then linear decay."""
        rising = min(1.0, progress / self.warmup) if self.warmup else 1.0
        return rising * max(self.min_lr_ratio, 1.0 - progress)


def choose(
    settings: Settings,
    train_characters: int,
    vocabulary: Vocabulary,
    speed: Callable[[Recipe], float],
    precision: str,
    processes: int = 1,
    is_list: bool = False,
    most_epochs: int = MAX_EPOCHS,
) -> tuple[Recipe, int]:
    """The recipe of a run, and about how many steps it will have (exactly, where they are set).

    Args:
        settings: what was asked for; its hyperparameters that aren't None are taken as they are.
        train_characters: number of characters to train on.
        vocabulary: of the corpus.
        speed: times a recipe on this machine; characters a second.
        precision: "float32" or "bfloat16", whichever is faster here.
        processes: that share the batch; where it isn't asked for, it is a multiple of them.
        is_list: whether the text is items that each begin anew.
        most_epochs: of 100,000 characters and more.
    """
    # A chunk of a list holds many items, and more steps taught 0.01 nats more at equal cost.
    most, length = (16, 32) if is_list else (32, 64)
    length = min(settings.sequence_length or length, train_characters - 1)
    # Streams shorter than a chunk can't be; on a small text, smaller batches give more steps.
    batch = min(most, max(4, train_characters // (20 * length)))
    batch = settings.batch_size or max(1, batch // processes) * processes
    fitting = {
        "batch_size": min(batch, max(1, train_characters // length)),
        "sequence_length": length,
        "precision": precision,
    }
    asked = {field.name: getattr(settings, field.name, None) for field in fields(Recipe)}
    asked = {name: value for name, value in asked.items() if value is not None} | fitting
    embedding_size = 0 if len(vocabulary) <= _ONE_HOT_UP_TO else 128
    recipe = Recipe(**{"hidden_size": WIDTHS[0], "embedding_size": embedding_size, **asked})
    steps, seconds = settings.steps, settings.minutes * 60
    if settings.hidden_size is None and steps is not None:
        seen = steps * recipe.characters_per_step
        recipe = _widest(recipe, train_characters, vocabulary, seen, lambda _, __: 1.0)
    elif settings.hidden_size is None:
        # One timing tells the machine's rate of arithmetic, from which all widths are judged; the
        # width that it points to is timed itself, and judged again by what it really reached.
        recipe = replace(recipe, hidden_size=256)
        for _ in range(2):
            work = seconds * speed(recipe) * _work(recipe, vocabulary)
            recipe = _widest(recipe, train_characters, vocabulary, work, _work)
    if steps is None:

        def steps_for(recipe: Recipe) -> int:
            # Evaluations, samples and checkpoints take their share of the minutes.
            in_time = round(0.95 * speed(recipe) * seconds / recipe.characters_per_step)
            return min(max(1, in_time), most_steps(recipe, train_characters, most_epochs))

        steps = steps_for(recipe)
        least = max(LEAST_BATCH, train_characters // (CHUNKS_PER_STREAM * recipe.sequence_length))
        while settings.batch_size is None:  # the smallest that leaves time for all epochs
            half = replace(recipe, batch_size=recipe.batch_size // (2 * processes) * processes)
            is_whole = steps == most_steps(recipe, train_characters, most_epochs)
            if half.batch_size < least or not is_whole:
                break
            more = steps_for(half)
            if more < most_steps(half, train_characters, most_epochs):
                break
            recipe, steps = half, more
    regularization = _regularization(recipe, steps, train_characters, vocabulary)
    chosen = {**regularization, **asked, "batch_size": recipe.batch_size}
    return replace(recipe, **chosen), steps


def student(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe of a network that others have taught, of which the first has had `recipe`.

    Their targets keep it from learning the text by heart, so it needs less of what else does.
    """
    chosen: dict[str, Any] = {
        "dropout": min(STUDENT_DROPOUT, recipe.dropout),
        "weight_decay": round(STUDENT_DECAY * recipe.weight_decay, 3),
        "adam_weight_decay": round(STUDENT_DECAY * recipe.adam_weight_decay, 3),
    }
    free = {name: value for name, value in chosen.items() if getattr(settings, name) is None}
    return replace(recipe, soft_targets=SOFT_TARGETS, **free)


def most_steps(recipe: Recipe, train_characters: int, most_epochs: int = MAX_EPOCHS) -> int:
    """The number of steps beyond which a text of so many characters teaches nothing more."""
    epochs = most_epochs * max(1.0, math.pow(100_000 / train_characters, 0.25))  # 10 kB: 28
    return max(200, math.ceil(epochs * train_characters / recipe.characters_per_step))


def _regularization(
    recipe: Recipe, steps: int, train_characters: int, vocabulary: Vocabulary
) -> dict[str, float]:
    """The dropout and weight decay that suit how hard the text is pressed."""
    seen = steps * recipe.characters_per_step
    pressure = math.sqrt(seen * _common_weights(recipe, vocabulary)) / train_characters
    # In a few hundred steps little is learnt again after fast decay: 10 kB want 3.4.
    small = min(1.0, math.sqrt(train_characters / 50_000))
    dropout = min(MOST_DROPOUT, max(0.0, 0.1 * (pressure - 2)))
    decay = max(1.4, min(MOST_DECAY, 1.8 * pressure) * small)
    # AdamW moves a row of each character; most characters of an embedding are seldom met.
    on_rows = math.sqrt(seen * recipe.config(vocabulary).parameters) / train_characters
    rate, most = (0.9, MOST_EMBEDDING_DECAY) if recipe.embedding_size else (0.2, 0.8)
    adam_decay = min(most, rate * max(0.0, on_rows - 0.5)) * small
    return {
        "dropout": round(dropout, 2),
        "input_dropout": 0.05 if dropout >= 0.1 else 0.0,
        "weight_decay": round(decay, 3),
        "adam_weight_decay": round(adam_decay, 3),
    }


def _widest(
    base: Recipe,
    train_characters: int,
    vocabulary: Vocabulary,
    budget: float,
    cost: Callable[[Recipe, Vocabulary], float],
) -> Recipe:
    """The widest recipe that sees enough characters, with a budget and its cost of each."""
    least, small = _SMALL
    small = min(small, ON_SMALL_TEXTS * train_characters)
    most = max(least, small, WEIGHTS_PER_CHARACTER * train_characters)
    best = replace(base, hidden_size=WIDTHS[0])
    for width in WIDTHS[1:]:
        recipe = replace(base, hidden_size=width)
        weights = _common_weights(recipe, vocabulary)
        seen = budget / cost(recipe, vocabulary)
        if weights <= most and seen >= CHARACTERS_PER_WEIGHT * weights:
            best = recipe
    return best


def _common_weights(recipe: Recipe, vocabulary: Vocabulary) -> int:
    """The weights that are judged by how many characters they see.

    All of them; with an embedding only the LSTM's, for most weights are then in the embedding and
    the output layer, in rows that each belong to one of thousands of characters.
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
    return network + orthogonalization / recipe.characters_per_step
