"""Examination: what is measured once a run has its model, to be added to the model's config.

Loss with resets and on the train part, baselines, copying, and the diagnosis of all that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from model.char_lstm import CharLSTM
from model.folder import Model
from model.generator import Generator
from model.vocabulary import Vocabulary
from training.evaluate import SCORED_AT_MOST, WARM_UP, sample_spans, score, score_with_resets
from training.report.baselines import measure_baselines
from training.report.copying import WORDS_AT_MOST, known_word_share, longest_copy
from training.report.diagnosis import Measurements, diagnose
from training.report.samples import SAMPLE_LENGTH, samples
from training.text.corpus import Corpus

_WRITTEN_AT_MOST = 2_000  # characters a sample
_LEARNT_A_WRITTEN = 180  # so that writing three samples takes about a tenth of the run's time
_SHOWN = 200  # characters of a passage
_DECODED = 2**18
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
    copy = _longest_copy(written, corpus)
    known_words = _known_words(written[0]["text"], corpus)
    losses = dict(val_losses)
    last_scored = max(losses, default=0)
    best = losses.get(training["best_step"])
    diagnosis = diagnose(
        Measurements(
            val_loss=training["val_loss"],
            train_part_loss=train_part_loss,
            baselines=baselines,
            steps=training["steps"],
            best_step=training["best_step"],
            last_scored=last_scored,
            risen=0.0 if best is None else losses[last_scored] - best,
            was_stopped=was_stopped,
            minutes=minutes,
            seconds=training["seconds"],
            epochs=training["epochs"],
            dropout=recipe["dropout"],
            train_characters=size,
            held_out_characters=held_out,
            written=copy["written"],
            copied=copy["length"],
            compared=copy["compared"],
            repeated=copy["repeated"],
            known_words=known_words,
            is_fine_tuned=training["init_from"] is not None,
        )
    )
    return {
        "train_part_loss": train_part_loss,
        "val_loss_reset_256": reset_loss,
        "baselines": None if baselines is None else asdict(baselines),
        "longest_copy": copy,
        "known_words": known_words,
        "judgement": diagnosis.sentences,
        "advice": diagnosis.advice,
    }


def _longest_copy(written: Sequence[Mapping[str, Any]], corpus: Corpus) -> dict[str, Any]:
    """The longest passage that samples share with the train part, and held-out text for comparison.

    Longer white space than indentation is no part of a passage, and one of nothing else is not
    shown.
    """
    vocabulary = corpus.vocabulary
    texts = [sample["text"] for sample in written]
    people = _stretches(vocabulary, corpus.validation, len(texts), len(texts[0]))
    copied, repeated = (
        vocabulary.decode(longest_copy([_sought(t, vocabulary) for t in some], corpus.train))
        for some in (texts, people)
    )
    temperatures = [s["temperature"] for s in written if copied in s["text"]]
    return {
        "length": len(copied),
        "passage": copied[:_SHOWN] if copied.strip() else "",
        "temperature": temperatures[0],
        "written": sum(map(len, texts)),
        "repeated": len(repeated) if people else None,
        "compared": sum(map(len, people)),
    }


def _sought(text: str, vocabulary: Vocabulary) -> np.ndarray:
    """The indices of a text; long white space becomes an index that no corpus has."""
    # Not encode(): it would normalise, and a model may write what NFC joins.
    indices = np.array([vocabulary.index(character) for character in text], np.int64)
    for blanks in _BLANKS.finditer(text):
        indices[blanks.start() : blanks.end()] = len(vocabulary)
    return indices


def _stretches(vocabulary: Vocabulary, held_out: np.ndarray, count: int, length: int) -> list[str]:
    """Stretches of the held-out part, spread over it; all of it where it is shorter."""
    if len(held_out) <= count * length:
        return [vocabulary.decode(held_out)] if len(held_out) else []
    starts = np.linspace(0, len(held_out) - length, count).astype(np.int64)
    return [vocabulary.decode(held_out[start : start + length]) for start in starts]


def _known_words(text: str, corpus: Corpus) -> float | None:
    """The share of a text's words that the corpus has; None where spaces don't part its words."""
    if text.count(" ") < _SPACED * len(text):
        return None
    return known_word_share(text, _chunks(corpus.train[-WORDS_AT_MOST:], corpus.vocabulary))


def _chunks(indices: np.ndarray, vocabulary: Vocabulary) -> Iterator[str]:
    for begin in range(0, len(indices), _DECODED):
        yield vocabulary.decode(indices[begin : begin + _DECODED].tolist())
