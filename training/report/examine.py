"""Examination: what is measured once a run has its model, to be added to the model's config.

Loss with resets and on the train part, baselines, copying, and the diagnosis of all that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from model.char_lstm import CharLSTM
from model.folder import Model
from model.generator import Generator
from model.sampling import SamplingParams
from training.evaluate import SCORED_AT_MOST, WARM_UP, sample_spans, score, score_with_resets
from training.report.baselines import measure_baselines
from training.report.copying import (
    SEARCHED_AT_MOST,
    judge_items,
    known_word_share,
    longest_copy,
)
from training.report.diagnosis import diagnose
from training.report.model import SAMPLE_LENGTH, samples
from training.text.corpus import Corpus

_WRITTEN_AT_MOST = 2_000  # characters a sample
_LEARNT_A_WRITTEN = 180  # so that writing three samples takes about a tenth of the run's time
_ITEMS = 200  # of a list, written at temperature 1, as the model believes
_SHOWN = 200  # characters of a passage
_SPACED = 0.05  # share of spaces below which a script doesn't part its words by them
_BLANKS = re.compile(r"\s{21,}")  # more than indentation: not what is meant by a passage


def examine(
    network: CharLSTM,
    model: Model,
    corpus: Corpus,
    training: Mapping[str, Any],
    *,
    was_stopped: bool,
    minutes: float | None,
    val_losses: Sequence[tuple[int, float]],
) -> dict[str, Any]:
    """What is to be added to the facts about a run, as plain JSON.

    Args:
        network: with the weights that were kept, in evaluation mode.
        model: the same weights.
        corpus: what was trained on.
        training: the facts that the config has already.
        was_stopped: somebody asked the run to end early.
        minutes: that the run was asked for; None if it was given a number of steps.
        val_losses: (step, nats per character) of the run's evaluations.
    """
    recipe = training["recipe"]
    learnt = training["steps"] * recipe["batch_size"] * recipe["sequence_length"]
    size, held_out = len(corpus.train), corpus.held_out
    # As much of the train part as of the held-out part, but in proportion to the run.
    characters = min(held_out or size, max(10_000, learnt // 30), 200_000)
    spans = sample_spans(min(WARM_UP, size // 10), size, characters)
    train_part_loss = score(network, corpus.indices, spans)
    reset_loss = baselines = None
    if held_out:
        reset_loss = score_with_resets(network, corpus.indices, size, len(corpus.indices))
        baselines = measure_baselines(
            corpus.train, corpus.validation[:SCORED_AT_MOST], corpus.vocabulary
        )
    length = min(_WRITTEN_AT_MOST, learnt // _LEARNT_A_WRITTEN)
    written = training["samples"]
    if length > SAMPLE_LENGTH:
        written = samples(Generator(model), length)
    found: dict[str, Any] = {
        "train_part_loss": train_part_loss,
        "val_loss_reset_256": reset_loss,
        "baselines": None if baselines is None else asdict(baselines),
    }
    if corpus.is_list:
        params = SamplingParams(length=200, temperature=1.0, min_p=0, seed=1)
        items = list(Generator(model).lines(_ITEMS, params))
        found["items"] = judge_items(items, corpus.vocabulary.decode(corpus.indices))
    else:
        learnt_text = corpus.vocabulary.decode(corpus.train[-SEARCHED_AT_MOST:].tolist())
        found["longest_copy"] = _longest_copy(written, corpus, learnt_text)
        found["known_words"] = _known_words(written[0]["text"], learnt_text)
    sentences, advice = diagnose(
        {**training, **found}, was_stopped=was_stopped, minutes=minutes, val_losses=val_losses
    )
    return {**found, "judgement": sentences, "advice": advice}


def _longest_copy(
    written: Sequence[Mapping[str, Any]], corpus: Corpus, learnt_text: str
) -> dict[str, Any]:
    """The longest passage that samples share with the train part, and held-out text does."""
    texts = [sample["text"] for sample in written]
    size, total = len(texts[0]), sum(map(len, texts))
    # As much of the held-out part, spread over it; where it is short, all of it.
    starts = np.linspace(0, max(0, corpus.held_out - size), len(texts), dtype=int)
    people = [corpus.vocabulary.decode(corpus.validation[s : s + size]) for s in starts]
    copied, repeated = (
        longest_copy((piece for text in side for piece in _BLANKS.split(text)), learnt_text)
        for side in (texts, people)
    )
    return {
        "length": len(copied),
        "passage": copied[:_SHOWN],
        "temperature": next(s["temperature"] for s in written if copied in s["text"]),
        "written": total,
        "repeated": len(repeated) if corpus.held_out else None,
        "compared": min(total, corpus.held_out),
    }


def _known_words(text: str, learnt_text: str) -> float | None:
    """The share of a text's words that were learnt; None where spaces don't part its words."""
    if text.count(" ") < _SPACED * len(text):
        return None
    return known_word_share(text, learnt_text)
