"""The end of a run: which network is kept, its score on the whole held-out part, its model folder.

Knows nothing about how the networks were trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from model.char_lstm import CharLSTM
from model.folder import Model
from training.evaluate import resolution, score, whole_spans
from training.optim.checkpoint import Checkpoint
from training.plan import Plan
from training.report.examine import examine
from training.report.model import write_model
from training.run import Run, read_run
from training.text.corpus import Corpus

_EXAMINING_S = 20.0


def finish(
    run: Run,
    corpus: Corpus,
    plan: Plan,
    networks: Sequence[Checkpoint],
    notes: Sequence[str],
    seconds: float,
    seconds_left: Callable[[], float],
    was_stopped: bool,
) -> None:
    """Score the best network on the whole held-out part, write its model, examine it.

    Args:
        run: the folder is its.
        corpus: what was learnt.
        plan: of the run.
        networks: that were trained one after the other; the last may be unfinished.
        notes: what a reader should know.
        seconds: of training, in all.
        seconds_left: until the model must have been written.
        was_stopped: somebody asked the run to end early.
    """
    run.state("scoring", notes=notes, seconds=seconds)
    kept, teacher = _best(networks, corpus.held_out, was_stopped)
    recipe = plan.recipe_of(kept.facts["network"])
    network = _network(kept, plan, corpus)
    val_loss = _score(network, corpus)
    seen = kept.facts["steps"] * recipe.characters_per_step
    training: dict[str, Any] = {
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        "corpus_characters": len(corpus.indices),
        "train_characters": len(corpus.train),
        "held_out_characters": corpus.held_out,
        "steps": kept.facts["steps"],
        "init_from": plan.init_from,
        "best_step": kept.facts["best_step"],
        "seconds": round(seconds, 1),
        "epochs": round(seen / len(corpus.train), 2),
        "train_loss": kept.facts["train_loss"],
        "val_loss": val_loss,
        "val_bits": None if val_loss is None else val_loss / math.log(2),
        "recipe": asdict(recipe),
    }
    for name in ("command", "seed", "title", "license", "language", "credit"):
        training[name] = getattr(run.settings, name)
    weights = {name: value.numpy() for name, value in kept.tensors.items()}
    model = Model(plan.config(corpus), weights)
    training = write_model(run.folder, corpus, model, training)
    if seconds_left() < _EXAMINING_S:
        return
    run.state("examining")
    if teacher is not None:
        training["teacher_val_loss"] = _score(_network(teacher, plan, corpus), corpus)
    first = kept.facts["first_step"]
    val_losses = read_run(run.folder).val_losses
    found = examine(
        network,
        model,
        corpus,
        training,
        was_stopped=was_stopped,
        minutes=run.settings.minutes if run.settings.steps is None else None,
        val_losses=[(step - first, loss) for step, loss in val_losses if step > first],
    )
    write_model(run.folder, corpus, model, {**training, **found})


def _best(
    networks: Sequence[Checkpoint], held_out: int, was_stopped: bool
) -> tuple[Checkpoint, Checkpoint | None]:
    """The network to keep; and the best that taught it, if any did."""
    *earlier, kept = networks
    if earlier:
        best = min(reversed(earlier), key=_loss)
        is_better = _loss(kept) <= _loss(best) + resolution(held_out)
        if not is_better or (was_stopped and not held_out):
            kept = best
    before = networks[: kept.facts["network"]]
    return kept, min(before, key=_loss) if before else None


def _loss(network: Checkpoint) -> float:
    """The lowest of its evaluations; 0 where nothing was held out."""
    lowest = network.facts["lowest"]
    return 0.0 if lowest is None else float(lowest)


def _network(kept: Checkpoint, plan: Plan, corpus: Corpus) -> CharLSTM:
    return CharLSTM.from_weights(plan.config(corpus), kept.tensors)


def _score(network: CharLSTM, corpus: Corpus) -> float | None:
    if not corpus.held_out:
        return None
    spans = whole_spans(len(corpus.train), len(corpus.indices))
    return score(network, corpus.indices, spans)
