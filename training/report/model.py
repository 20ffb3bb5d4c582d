"""The model folder that a run writes: config with all that is known of its training, card, plot.

Knows nothing about torch or how training is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.folder import CARD_FILE, PLOT_FILE, Model, save_model
from model.generator import Generator
from model.sampling import SamplingParams
from publish.card import model_card
from training.report.plot import loss_plot
from training.run import MODEL_FOLDER, read_run
from training.text.corpus import Corpus
from training.text.dialogue import EXAMINED
from training.text.starters import starters

VERSION = "0.1.0"

SAMPLE_LENGTH = 400
"""Characters of a sample in the config."""

_TEMPERATURES = (0.5, 0.8, 1.0)


def write_model(
    folder: Path, corpus: Corpus, model: Model, training: Mapping[str, Any]
) -> dict[str, Any]:
    """Write `folder/model`, in place of an older one.

    Args:
        folder: the run's.
        corpus: what the model was trained on.
        model: the weights to keep.
        training: what config.json is to say of the training.

    Returns:
        `training`, with the samples, the starters, the date and the version that were added to it.

    Raises:
        OSError: if the disk is full; an older model stays whole.
    """
    told = {
        **training,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "charlstm_version": VERSION,
    }
    if "samples" not in told:
        told["samples"] = samples(Generator(model), SAMPLE_LENGTH)
    learnt = corpus.vocabulary.decode(corpus.train[:EXAMINED].tolist())
    told["starters"] = starters(learnt, corpus.chat_template, corpus.is_list)
    status = read_run(folder)
    plot = loss_plot(status.train_losses, status.val_losses)
    config = replace(model.config, training=told, chat_template=corpus.chat_template)
    files: dict[str, bytes | str] = {
        CARD_FILE: model_card(config, repo_id=None, has_plot=plot is not None)
    }
    if plot is not None:
        files[PLOT_FILE] = plot
    save_model(folder / MODEL_FOLDER, Model(config, model.weights), files)
    return told


def samples(generator: Generator, length: int = SAMPLE_LENGTH) -> list[dict[str, Any]]:
    """Text of `length` characters without a prompt, at each temperature, as the config keeps it.

    Seeded: a shorter sample is the beginning of a longer one. The coldest comes first.
    """
    params = [SamplingParams(length=length, temperature=t, min_p=0, seed=1) for t in _TEMPERATURES]
    return [
        {"temperature": p.temperature, "prompt": "", "text": generator.generate("", p)}
        for p in params
    ]
