"""What a model writes at several temperatures, min-p, top-p and top-k, beside the text it has read.

    python -m benchmarks.sampling [MODEL TEXT ...] [--answers 10]

The defaults of `SamplingParams` and the page's presets were chosen by it. MODEL is a folder, TEXT
what it was trained on; without them a model learns Python's own language reference for a minute
first. Each setting writes so many answers of 2,000 characters, the page's longest; shown are

- known: of the words written, those that stand in the train part (the text's first nine tenths);
- distinct: different words among the first 2,500, and how many of them are known, in shares;
- copy: the longest passage that stands in the train part word for word;
- stuck: answers whose last 200 characters have no word.

The first row is the peer: for known and copy the text's last tenth, for distinct the mean of all
stretches of 2,500 words of the text.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.training import machine, ours, python_reference
from model.char_lstm import CharLSTM
from model.folder import Model, load_model
from model.sampling import SamplingParams, sample
from training.report.copying import known_word_share, longest_copy, words
from training.settings import Settings

WORDS = 2_500
CHARACTERS = 2_000  # of an answer
END = 200  # characters of it
GRAM = 8  # characters: far fewer than the longest copy has
GRID: list[dict[str, Any]] = [
    *(
        {"temperature": temperature, "min_p": min_p}
        for min_p in (0.0, 0.02, 0.05, 0.1)
        for temperature in (0.5, 0.7, 0.8, 0.9, 1.0, 1.2)
    ),
    *({"temperature": 1.0, "min_p": 0.0, "top_p": top_p} for top_p in (0.9, 0.95)),
    *({"temperature": 1.0, "min_p": 0.0, "top_k": top_k} for top_k in (5, 10)),
]


def write(model: Model, params: Sequence[SamplingParams]) -> list[str]:
    """What `Generator` writes with each of these, but in one batch: several times as fast."""
    weights = {name: torch.from_numpy(value) for name, value in model.weights.items()}
    network = CharLSTM.from_weights(model.config, weights)
    vocabulary, state = model.config.vocabulary, None
    rngs = [np.random.default_rng(p.seed) for p in params]
    steps = [[vocabulary.index("\n")] * len(params)]
    with torch.inference_mode():
        for _ in range(params[0].length):
            output, state = network(torch.tensor(steps[-1])[:, None], state)
            logits = output[:, 0].numpy()  # (batch, vocab)
            if vocabulary.unknown_index is not None:
                logits[:, vocabulary.unknown_index] = -np.inf
            steps.append([sample(*each) for each in zip(logits, params, rngs, strict=True)])
    return [vocabulary.decode(indices) for indices in zip(*steps[1:], strict=True)]


def familiar(text: str, grams: set[str]) -> Iterator[str]:
    """The stretches of a text in which there is no other gram: a copy lies within one of them."""
    start = 0
    for end in range(GRAM, len(text) + 1):
        if text[end - GRAM : end] not in grams:
            yield text[start : end - 1]
            start = end - GRAM + 1
    yield text[start:]


class Judge:
    """Prints rows about what was written beside a text."""

    def __init__(self, train_part: str) -> None:
        self._train_part = train_part
        self._known = set(words(train_part))
        self._grams = {train_part[i : i + GRAM] for i in range(len(train_part) - GRAM + 1)}

    def row(self, name: str, texts: Sequence[str], pieces: Sequence[Sequence[str]]) -> None:
        """Print a line: of `texts`, and for distinct words of `pieces`."""
        share = known_word_share("\n".join([*texts, ""]), self._train_part) or 0.0
        distinct = [len(set(piece)) / WORDS for piece in pieces]
        known = [len(set(piece) & self._known) / WORDS for piece in pieces]
        stretches = (stretch for text in texts for stretch in familiar(text, self._grams))
        copy = longest_copy(sorted(stretches, key=len, reverse=True), self._train_part)
        print(
            f"  {name:32s} {share:7.1%} {statistics.mean(distinct):9.3f} "
            f"{statistics.mean(known):6.3f} {len(copy):6d} "
            f"{sum(not words(text[-END:]) for text in texts):6d}",
            flush=True,
        )


def compare(folder: Path, text: Path, answers: int) -> None:
    """Print the table of a model."""
    model, whole = load_model(folder), text.read_text(encoding="utf-8")
    split = len(whole) * 9 // 10
    judge, read = Judge(whole[:split]), words(whole)
    print(
        f"{text.name}, {len(whole):,} characters\n"
        f"  {'':32s} {'known':>7s} {'distinct':>9s} {'known':>6s} {'copy':>6s} {'stuck':>6s}"
    )
    ends = range(WORDS, max(WORDS, len(read)) + 1, WORDS)
    judge.row("the text itself", [whole[split:]], [read[end - WORDS : end] for end in ends])
    params = [SamplingParams(length=CHARACTERS, **setting) for setting in GRID]
    written = write(model, [replace(p, seed=seed) for p in params for seed in range(answers)])
    for number, setting in enumerate(GRID):
        texts = written[number * answers : (number + 1) * answers]
        name = ", ".join(f"{key} {value:g}" for key, value in setting.items() if value)
        judge.row(name, texts, [words("\n".join(texts))[:WORDS]])


def main() -> None:
    """Compare what was asked for, in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("pairs", nargs="*", type=Path, metavar="MODEL TEXT")
    parser.add_argument("--answers", type=int, default=10, help="of each setting; a seed each")
    arguments = parser.parse_args()
    pairs = arguments.pairs
    if len(pairs) % 2:
        parser.error("name a text for each model")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        if not pairs:
            pairs = [Path(scratch) / "run", python_reference(Path(scratch))]
            ours(Settings((str(pairs[1]),), minutes=1), pairs[0])
        print(machine())
        for folder, text in zip(pairs[::2], pairs[1::2], strict=True):
            compare(folder, text, arguments.answers)


if __name__ == "__main__":
    main()
