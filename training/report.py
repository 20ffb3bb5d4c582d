"""The report of a run: the model folder with its card, the loss plot, the samples.

Knows nothing about torch or how training is done.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from model.folder import CARD_FILE, PLOT_FILE, Model, load_model, save_model
from model.generator import Generator
from model.sampling import SamplingParams
from publish.card import model_card
from training.run import METRICS_FILE, MODEL_FOLDER, Settings, read_lines
from training.text.corpus import Corpus

VERSION = "0.1.0"
TEMPERATURES = (0.5, 0.8, 1.0)
"""Of the samples, coldest first."""

SAMPLE_LENGTH = 400
"""Characters of a sample in the config."""


def write_model(
    folder: Path, settings: Settings, corpus: Corpus, model: Model, facts: Mapping[str, Any]
) -> None:
    """Write `folder/model`: config with all that is known of the training, weights, card, plot.

    Args:
        folder: the run's folder.
        settings: what was asked for.
        corpus: what it was trained on.
        model: the weights to keep.
        facts: what the trainer measured.
    """
    val_loss = facts["val_loss"]
    training = {
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "corpus_characters": len(corpus.indices),
        "train_characters": len(corpus.train_part),
        "held_out_characters": corpus.held_out,
        "command": settings.command,
        "seed": settings.seed,
        **facts,
        "val_bits": None if val_loss is None else val_loss / math.log(2),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "charlstm_version": VERSION,
        "license": settings.license,
        "language": settings.language,
        "credit": settings.credit,
        "samples": samples(Generator(model), SAMPLE_LENGTH),
    }
    config = replace(model.config, training=training, chat_template=corpus.chat_template)
    plot = loss_plot(folder)
    files: dict[str, bytes | str] = {
        CARD_FILE: model_card(config, repo_id=None, has_plot=plot is not None)
    }
    if plot is not None:
        files[PLOT_FILE] = plot
    save_model(folder / MODEL_FOLDER, Model(config, model.weights), files)


def amend_model(folder: Path, more: Mapping[str, Any]) -> None:
    """Add to what the config of `folder/model` tells of the training, and write its card anew.

    Args:
        folder: the run's folder, with a model in it.
        more: plain JSON; replaces what is there under the same names.
    """
    path = folder / MODEL_FOLDER
    model = load_model(path)
    config = replace(model.config, training={**model.config.training, **more})
    plot = path / PLOT_FILE
    files: dict[str, bytes | str] = {PLOT_FILE: plot.read_bytes()} if plot.exists() else {}
    files[CARD_FILE] = model_card(config, repo_id=None, has_plot=plot.exists())
    save_model(path, Model(config, model.weights), files)


def samples(generator: Generator, length: int) -> list[dict[str, Any]]:
    """Text of `length` characters that the model writes from nothing, at each temperature.

    Seeded: a shorter sample is the beginning of a longer one.
    """
    return [
        {
            "temperature": temperature,
            "prompt": "",
            "text": generator.generate(
                "", SamplingParams(length=length, temperature=temperature, seed=1)
            ),
        }
        for temperature in TEMPERATURES
    ]


def loss_plot(folder: Path) -> bytes | None:
    """The losses of a run over its steps, as a PNG; None if nothing was logged."""
    lines = [line for line, _ in read_lines(folder / METRICS_FILE)]
    train = [(line["step"], line["train_loss"]) for line in lines if "train_loss" in line]
    held_out = [(line["step"], line["val_loss"]) for line in lines if "val_loss" in line]
    if not train:
        return None
    # The object interface draws without a display and leaves pyplot's global state alone.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*train, strict=True), color="#8a8f98", linewidth=1.2, label="train (running)")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), "o-", color="#c2410c", ms=3.5, label="held out")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per character")
    lowest = min(loss for _, loss in train + held_out)
    typical = sorted(loss for _, loss in train)[int(0.95 * len(train))]
    axes.set_ylim(max(0.0, lowest - 0.1), max(typical, lowest + 0.5) + 0.1)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
