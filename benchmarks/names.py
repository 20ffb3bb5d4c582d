"""A list of names beside a 5-gram: nats per character of the items held out, as makemore counts.

    python -m benchmarks.names [LIST] [--minutes 1 | --steps N --threads 1] [--teachers K]

makemore (https://github.com/karpathy/makemore) reports about 1.92 for its small transformer on the
32,000 first names of 2018, each scored from nothing with the token that ends it; so are ours here,
after a line break and with theirs. Its list has a name that girls and boys were given twice, and so
do its two parts; here each item is in one of them. Without a LIST, what Unicode calls its pictures.
"""

from __future__ import annotations

import argparse
import tempfile
import unicodedata
from pathlib import Path

import torch
from torch import nn

from benchmarks.training import machine, ours
from model.char_lstm import CharLSTM
from model.folder import load_model
from model.generator import Generator
from training.settings import Settings
from training.text.corpus import open_corpus


def one_by_one(folder: Path) -> float:
    """The loss of a run's model on the items held out, the state reset before each."""
    model, corpus = load_model(folder), open_corpus(folder)
    weights = {name: torch.from_numpy(value) for name, value in model.weights.items()}
    network = CharLSTM.from_weights(model.config, weights)
    total = 0.0
    with torch.inference_mode():
        for item in corpus.vocabulary.decode(corpus.validation).splitlines():
            indices = torch.from_numpy(corpus.vocabulary.encode(f"\n{item}\n").indices)
            logits, _ = network(indices[None, :-1])
            total += nn.functional.cross_entropy(logits[0], indices[1:], reduction="sum").item()
    return total / corpus.held_out


def pictures(folder: Path) -> Path:
    """A file of what Unicode calls its pictures, one a line."""
    names = (unicodedata.name(chr(code), "") for code in range(0x1F300, 0x1FA00))
    path = folder / "pictures.txt"
    path.write_text("\n".join(names).lower(), encoding="utf-8")
    return path


def main() -> None:
    """Train on the list and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("list", nargs="?", type=Path, metavar="LIST")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--teachers", type=int)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        text, run = arguments.list or pictures(Path(scratch)), Path(scratch) / "run"
        names = ("minutes", "steps", "threads", "teachers")
        asked = {name: getattr(arguments, name) for name in names}
        facts = ours(Settings((str(text),), as_list="on", **asked), run)
        items, recipe = facts["items"], facts["recipe"]
        held_out, characters = facts["held_out_characters"], facts["corpus_characters"]
        print(
            f"{machine()}\n{text.name}, {items['listed']:,} items, {held_out:,} of {characters:,} "
            "characters held out\n"
            f"  ours    {one_by_one(run):.4f} nats per character, {facts['val_loss']:.4f} with the "
            f"state carried from item to item ({recipe['hidden_size']} wide, taught by "
            f"{recipe['taught_by']}, {facts['steps']:,} steps, best at {facts['best_step']:,}, "
            f"{facts['seconds']:.0f} s; {facts['use']})\n"
            f"  5-gram  {facts['baselines']['five_gram']:.4f}\n"
            f"  {items['new']} of {items['written']} items written at temperature 1 are new: "
            f"{', '.join(Generator.from_pretrained(run).lines(10))}"
        )


if __name__ == "__main__":
    main()
