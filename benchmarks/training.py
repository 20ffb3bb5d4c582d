"""Held-out loss after the same minutes: `python -m training` beside a plain nn.LSTM and AdamW.

    python -m benchmarks.training [CORPUS] [--minutes 1]

The peer is what most people would write: one layer of 256, batch 32 x 64, AdamW at 1e-2 falling
linearly, the state carried. Both are scored alike, on all of the last tenth with carried state.
Without a CORPUS the text is Python's own language reference.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import nn

from model.char_lstm import CharLSTM, LSTMState
from model.folder import load_model
from training.corpus import Streams, prepare_corpus
from training.run import Settings
from training.scoring import score, whole_spans
from training.trainer import train

BATCH, TIME, HIDDEN, LR = 32, 64, 256, 1e-2


def ours(settings: Settings, folder: Path) -> tuple[float, str]:
    """Held-out loss of the product, and what it chose and used."""
    stolen = stolen_seconds()
    train(settings, folder)
    facts = load_model(folder).config.training
    recipe = facts["recipe"]
    cores = facts["cpu_seconds"] / facts["seconds"]
    loss: float = facts["val_loss"]
    return loss, (
        f"{facts['steps']:,} steps of a layer of {recipe['hidden_size']}, {recipe['precision']}, "
        f"{facts['seconds']:.0f} s, {cores:.2f} cores busy, "
        f"{stolen_seconds() - stolen:.0f} s stolen"
    )


def plain(settings: Settings, folder: Path) -> tuple[float, str]:
    """Held-out loss of the plain loop after the same minutes."""
    corpus = prepare_corpus(settings, folder)
    torch.manual_seed(settings.seed)
    model = CharLSTM(len(corpus.vocabulary), HIDDEN)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    streams = Streams(corpus.train_part, BATCH, TIME, settings.seed)
    state: LSTMState | None = None
    step, cpu, start = 0, time.process_time(), time.perf_counter()
    while (used := (time.perf_counter() - start) / (settings.minutes * 60)) < 1:
        inputs, targets = map(torch.from_numpy, streams.chunk(step))
        logits, state = model(inputs, None if streams.begins_epoch(step) else state)
        state = (state[0].detach(), state[1].detach())
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = LR * max(0.02, 1 - used)
        optimizer.step()
        step += 1
    cores = (time.process_time() - cpu) / (time.perf_counter() - start)
    spans = whole_spans(len(corpus.train_part), len(corpus.indices))
    held_out = score(model.eval(), corpus.indices, spans)
    return held_out, f"{step:,} steps of a layer of {HIDDEN}, float32, {cores:.2f} cores busy"


def stolen_seconds() -> float:
    """Processor time that the machine's host gave to others since it started, all cores."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
        return int(words[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0


def main() -> None:
    """Run both in turn and print them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.corpus
        if corpus is None:
            corpus = Path(scratch) / "python-reference.txt"
            text = "\n".join(topics[name] for name in sorted(topics))
            corpus.write_text(text, encoding="utf-8")
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
            f"torch {torch.__version__}; {corpus.name}, {arguments.minutes:g} minutes each"
        )
        settings = Settings((str(corpus),), minutes=arguments.minutes)
        losses = []
        for name, contender in (("CharLSTM", ours), ("nn.LSTM + AdamW", plain)):
            folder = Path(scratch) / contender.__name__
            folder.mkdir()
            loss, how = contender(settings, folder)
            losses.append(loss)
            print(f"{name:16} {loss:.4f} nats per character held out  ({how})", flush=True)
        print(f"difference       {losses[0] - losses[1]:+.4f} nats")


if __name__ == "__main__":
    main()
