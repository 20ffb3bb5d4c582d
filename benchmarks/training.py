"""Held-out loss after the same minutes, and speed: `python -m training` beside two peers.

    python -m benchmarks.training [CORPUS] [--minutes 1 4] [--alone] [--transformer] [--song]

The peer of every row is what most people would write: one nn.LSTM of 256, batch 32 x 64, AdamW at
1e-2 falling linearly, the state carried; `--alone` leaves it out. `--transformer` adds nanoGPT's
recipe for a CPU (see benchmarks.transformer), and how soon we reach what it reaches in its whole
run; `--song` teaches 10 kB for a minute. All are scored on all of the last tenth. Without a CORPUS
the text is Python's own language reference. On Linux the host's stolen time is told.

A step's speed is set beside the plain loop of the same shape twice: in this process, right after
ours, where it profits from the memory that ours has malloc keep; and then in a process of its own,
as who writes it would have it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from jobs import text
from model.char_lstm import CharLSTM, LSTMState
from model.folder import load_model
from training.evaluate import score, whole_spans
from training.optim.batches import Batches
from training.optim.learner import Learner
from training.recipe import Recipe
from training.settings import LEAST_MINUTES, Settings
from training.text.corpus import Corpus, open_corpus, read_corpus
from training.train import train

BATCH, TIME, HIDDEN, LR = 32, 64, 256, 1e-2
TIMED_STEPS = 12
SONG = 10_000


class Use:
    """What a contender used: wall seconds, cores busy, and what the host took away meanwhile."""

    seconds = 0.0
    cores = 0.0
    stolen = 0.0

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.cores:.2f} cores busy, {self.stolen:.0f} s stolen"


@contextmanager
def used() -> Iterator[Use]:
    """Measure what is done inside."""
    use = Use()
    wall, cpu, stolen = time.perf_counter(), time.process_time(), stolen_seconds()
    yield use
    use.seconds = time.perf_counter() - wall
    use.cores = (time.process_time() - cpu) / use.seconds
    use.stolen = stolen_seconds() - stolen


def stolen_seconds() -> float:
    """Processor time that the machine's host gave to others since it started, all cores."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
        return int(words[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def machine() -> str:
    """The date, the processor and torch, in a line."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()} "
        f"({torch.backends.cpu.get_cpu_capability()}), {os.cpu_count()} cores, "
        f"torch {torch.__version__}"
    )


def python_reference(folder: Path) -> Path:
    """A file of the language reference that Python brings along, written into a folder."""
    path = folder / "python-reference.txt"
    path.write_text(text.python_reference(), encoding="utf-8")
    return path


def ours(settings: Settings, folder: Path) -> dict[str, Any]:
    """What config.json says of the product's own run, and `use`: of the run to its last word."""
    with used() as use:
        train(settings, folder)
    return {**load_model(folder).config.training, "use": use}


def plain(corpus: Corpus, minutes: float, seed: int = 1) -> tuple[float, int, Use]:
    """Held-out loss of the plain loop after so many minutes, its steps and what it used."""
    model, optimizer = _plain_model(len(corpus.vocabulary), HIDDEN, seed)
    batches = Batches(corpus.train, BATCH, TIME, seed)
    state: LSTMState | None = None
    step, start = 0, time.perf_counter()
    with used() as use:
        while (share := (time.perf_counter() - start) / (minutes * 60)) < 1:
            optimizer.param_groups[0]["lr"] = LR * max(0.02, 1 - share)
            carried = None if batches.begins_epoch(step) else state
            state = _plain_step(model, optimizer, batches, step, carried)
            step += 1
    spans = whole_spans(len(corpus.train), len(corpus.indices))
    return score(model.eval(), corpus.indices, spans), step, use


def _plain_model(vocab_size: int, hidden: int, seed: int) -> tuple[CharLSTM, torch.optim.AdamW]:
    torch.manual_seed(seed)
    model = CharLSTM(vocab_size, hidden)
    return model, torch.optim.AdamW(model.parameters(), lr=LR)


def _plain_step(
    model: CharLSTM,
    optimizer: torch.optim.AdamW,
    batches: Batches,
    step: int,
    state: LSTMState | None,
    low_precision: bool = False,
) -> LSTMState:
    inputs, targets = map(torch.from_numpy, batches.chunk(step))
    with torch.autocast("cpu", torch.bfloat16, enabled=low_precision):
        logits, (h, c) = model(inputs, state)
    loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return h.detach(), c.detach()


def speeds(recipe: Recipe, corpus: Corpus) -> str:
    """Characters a second of a step of ours and of the plain loop of the same shape."""
    learner = Learner(recipe, recipe.config(corpus.vocabulary), corpus.train, seed=1)
    mine = muon = 0.0
    for step in range(-2, TIMED_STEPS):  # the first two warm up
        times = [time.perf_counter()]
        learner.step(0.9)
        times.append(time.perf_counter())
        learner.muon.step()
        times.append(time.perf_counter())
        if step >= 0:
            mine += times[1] - times[0]
            muon += times[2] - times[1]
    theirs = plain_seconds(recipe, corpus)
    characters = TIMED_STEPS * recipe.batch_size * recipe.sequence_length
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        by_itself = process.submit(plain_seconds, recipe, corpus).result()
    return (
        f"a step: {characters / mine:,.0f} characters a second, {muon / mine:.0%} of it Muon; "
        f"plain of the same shape {characters / theirs:,.0f}: {theirs / mine:.2f} x its speed; "
        f"in its own process {characters / by_itself:,.0f}: {by_itself / mine:.2f} x"
    )


def plain_seconds(recipe: Recipe, corpus: Corpus) -> float:
    """What the timed steps of the plain loop take."""
    model, optimizer = _plain_model(len(corpus.vocabulary), recipe.hidden_size, seed=1)
    batches = Batches(corpus.train, recipe.batch_size, recipe.sequence_length, 1)
    low_precision = recipe.precision == "bfloat16"
    state: LSTMState | None = None
    start = time.perf_counter()
    for step in range(-2, TIMED_STEPS):
        if step == 0:
            start = time.perf_counter()
        state = _plain_step(model, optimizer, batches, max(0, step), state, low_precision)
    return time.perf_counter() - start


def compare(settings: Settings, scratch: Path, alone: bool) -> None:
    """One row: the same minutes for ours and, unless ours is alone, for the plain loop."""
    folder = scratch / f"minutes-{settings.minutes:g}"
    facts = ours(settings, folder)
    corpus = open_corpus(folder)
    recipe = Recipe(**facts["recipe"])
    print(f"\n{settings.minutes:g} minutes")
    print(
        f"  CharLSTM         {facts['val_loss']:.4f} nats per character held out, "
        f"{facts['val_loss_reset_256']:.4f} with the state reset every 256\n"
        f"                   ({facts['steps']:,} steps: {recipe.describe()}; {facts['use']})\n"
        f"  on its own text  {facts['train_loss']:.4f}; best at step {facts['best_step']:,}",
        flush=True,
    )
    if alone:
        return
    loss, steps, use = plain(corpus, settings.minutes)
    print(
        f"  nn.LSTM + AdamW  {loss:.4f}\n"
        f"                   ({steps:,} steps of a layer of {HIDDEN}, float32; {use})"
    )
    print(
        f"  difference       {facts['val_loss'] - loss:+.4f} nats; {speeds(recipe, corpus)}",
        flush=True,
    )


def race(settings: Settings, scratch: Path) -> None:
    """The transformer's time in all, and ours in ever less, until it isn't there or time is up."""
    from benchmarks.transformer import train_transformer  # needs the transformers package

    corpus = read_corpus(settings, scratch)
    with used() as use:
        loss_of = train_transformer(corpus)
    loss = loss_of()
    print(f"\nTransformer, nanoGPT's recipe for a CPU: {loss:.4f} at full context ({use})")
    part = 8
    while (minutes := use.seconds / 60 / part) >= LEAST_MINUTES:
        facts = ours(replace(settings, minutes=minutes), scratch / f"part-{part}")
        reached = facts["val_loss"] <= loss
        print(
            f"  CharLSTM in 1/{part} of that: {facts['val_loss']:.4f} ({facts['use']})"
            f"{'' if reached else ': not there'}",
            flush=True,
        )
        if not reached:
            break
        part *= 2


def song(text: Path, scratch: Path) -> None:
    """What a minute makes of 10 kB: words that stand in the text, and how much is copied."""
    file = scratch / "song.txt"
    file.write_text(text.read_text(encoding="utf-8")[:SONG], encoding="utf-8")
    facts = ours(Settings((str(file),), minutes=1), scratch / "song")
    copy = facts["longest_copy"]
    print(f"\n{SONG:,} characters, a minute at most: {facts['steps']:,} steps, {facts['use']}")
    print(
        f"  {facts['known_words']:.0%} of the words written at temperature 0.5 stand in the text; "
        f"{copy['length']} characters in a row are copied, by the sample at {copy['temperature']}"
    )


def main() -> None:
    """Run what was asked for, in turn, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, nargs="*", default=[1.0], help="rows (default: 1)")
    parser.add_argument("--alone", action="store_true", help="rows without the plain loop")
    parser.add_argument("--transformer", action="store_true", help="pip install transformers first")
    parser.add_argument("--song", action="store_true", help="a minute on the first 10 kB")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        corpus = arguments.corpus
        if corpus is None:
            corpus = python_reference(scratch)
        print(f"{machine()}; {corpus.name}")
        for minutes in arguments.minutes:
            compare(Settings((str(corpus),), minutes=minutes), scratch, arguments.alone)
        if arguments.transformer:
            race(Settings((str(corpus),)), scratch)
        if arguments.song:
            song(corpus, scratch)


if __name__ == "__main__":
    main()
