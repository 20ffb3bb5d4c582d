"""Examination: what is measured once a run has written its model, and added to that model's config.

Loss with resets and on the train part, baselines, copying, the judgement. The weights stay as they
are; a run that is cut short here has its model already, and resuming it examines it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from model.char_lstm import CharLSTM
from model.folder import load_model
from model.generator import Generator
from model.vocabulary import Vocabulary
from training.judging.baselines import measure_baselines
from training.judging.copying import WORDS_AT_MOST, known_word_share, longest_copy
from training.judging.judgement import Evidence, judge
from training.report import SAMPLE_LENGTH, TEMPERATURES, amend_model, samples
from training.run import METRICS_FILE, Settings, read_lines
from training.scoring import (
    SCORED_AT_MOST,
    WARM_UP,
    sample_spans,
    score,
    score_with_resets,
)
from training.text.corpus import Corpus

_WRITTEN_AT_MOST = 2_000  # characters a sample
_LEARNT_A_WRITTEN = 180  # so that writing three samples takes about a tenth of the run's time
_SHOWN = 200  # characters of a passage
_DECODED = 2**18
_SPACED = 0.05  # share of spaces below which a script doesn't part its words by them


def examine(
    folder: Path, network: CharLSTM, settings: Settings, corpus: Corpus, *, was_stopped: bool
) -> None:
    """Examine the model that was just written in a run's folder, and write the result into it.

    Args:
        folder: the run's.
        network: with the weights that were kept, in evaluation mode.
        settings: of the run.
        corpus: of the run.
        was_stopped: somebody asked the run to end before its last step.
    """
    model = load_model(folder)
    facts = model.config.training
    train = corpus.train_part
    held_out = corpus.indices[len(train) :]
    recipe = facts["recipe"]
    learnt = facts["steps"] * recipe["batch_size"] * recipe["sequence_length"]
    # As long as the held-out part, but in proportion to the run.
    characters = min(len(held_out) or len(train), max(10_000, learnt // 30), 200_000)
    spans = sample_spans(min(WARM_UP, len(train) // 10), len(train), characters)
    found: dict[str, Any] = {
        "train_part_loss": score(network, corpus.indices, spans),
        "val_loss_reset_256": None,
        "baselines": None,
    }
    baselines = None
    if corpus.held_out:
        found["val_loss_reset_256"] = score_with_resets(
            network, corpus.indices, len(train), len(corpus.indices)
        )
        baselines = measure_baselines(train, held_out[:SCORED_AT_MOST], corpus.vocabulary)
        found["baselines"] = asdict(baselines)
    length = min(_WRITTEN_AT_MOST, learnt // _LEARNT_A_WRITTEN)
    written = facts["samples"]
    if length > SAMPLE_LENGTH:
        written = samples(Generator(model), length)
    copying = _copying([sample["text"] for sample in written], corpus)
    last_scored, risen = _since_the_best(folder, facts["best_step"])
    evidence = Evidence(
        val_loss=facts["val_loss"],
        train_part_loss=found["train_part_loss"],
        baselines=baselines,
        steps=facts["steps"],
        planned_steps=facts["planned_steps"],
        best_step=facts["best_step"],
        last_scored=last_scored,
        risen=risen,
        was_stopped=was_stopped,
        minutes=settings.minutes if settings.steps is None else None,
        seconds=facts["seconds"],
        epochs=facts["epochs"],
        dropout=recipe["dropout"],
        train_characters=len(train),
        held_out_characters=len(held_out),
        written=copying["longest_copy"]["written"],
        copied=copying["longest_copy"]["length"],
        repeated=copying["longest_copy"]["repeated"],
        compared=copying["longest_copy"]["compared"],
        known_words=copying["known_words"],
        is_fine_tuned=facts["init_from"] is not None,
    )
    amend_model(folder, {**found, **copying, "judgement": judge(evidence)})


def _copying(texts: list[str], corpus: Corpus) -> dict[str, Any]:
    """What generated texts share with the train part, and the held-out part for comparison.

    Args:
        texts: equally long, one for each of `TEMPERATURES`.
        corpus: what the model has learnt from.
    """
    train, vocabulary = corpus.train_part, corpus.vocabulary
    # Not encode(): it would normalise, and a model may write what NFC joins.
    written = [np.array([vocabulary.index(c) for c in text], np.int64) for text in texts]
    copy = longest_copy(written, train)
    passage = texts[copy.text][copy.start : copy.start + copy.length]
    people = _stretches(corpus.indices[len(train) :], len(texts), len(texts[0]))
    coldest = texts[int(np.argmin(TEMPERATURES))]
    has_spaces = coldest.count(" ") >= _SPACED * len(coldest)
    known = _chunks(train[-WORDS_AT_MOST:], vocabulary)
    return {
        "longest_copy": {
            "length": copy.length,
            "passage": passage[:_SHOWN],
            "temperature": TEMPERATURES[copy.text],
            "written": sum(map(len, texts)),
            "repeated": longest_copy(people, train).length if people else None,
            "compared": sum(map(len, people)),
        },
        "known_words": known_word_share(coldest, known) if has_spaces else None,
    }


def _stretches(held_out: np.ndarray, count: int, length: int) -> list[np.ndarray]:
    """Stretches of the held-out part, spread over it; all of it where it is shorter."""
    if len(held_out) <= count * length:
        return [held_out] if len(held_out) else []
    starts = np.linspace(0, len(held_out) - length, count).astype(np.int64)
    return [held_out[start : start + length] for start in starts]


def _chunks(indices: np.ndarray, vocabulary: Vocabulary) -> Iterator[str]:
    for begin in range(0, len(indices), _DECODED):
        yield vocabulary.decode(indices[begin : begin + _DECODED].tolist())


def _since_the_best(folder: Path, best_step: int) -> tuple[int, float]:
    """The last step at which the held-out sample was scored, and how much its loss had risen."""
    logged = read_lines(folder / METRICS_FILE)
    losses = {line["step"]: line["val_loss"] for line, _ in logged if "val_loss" in line}
    if best_step not in losses:
        return best_step, 0.0
    last = max(losses)
    return last, float(losses[last] - losses[best_step])
