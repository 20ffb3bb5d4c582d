"""python -m training.hello [WORD]: the lesson this project grew from, printed stage by stage.

A CharLSTM learns one word: given "hell" it predicts "ello". Small enough to look at every number.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.char_lstm import CharLSTM
from model.vocabulary import Vocabulary

HIDDEN_SIZE = 16
LEARNING_RATE = 0.01
EPOCHS = 300


@dataclass(frozen=True)
class Lesson:
    """A word, ready to be learnt."""

    vocabulary: Vocabulary  # its distinct characters, sorted
    inputs: Tensor  # one-hot rows of all characters but the last, shape `(1, time, vocab)`
    targets: Tensor  # indices of all characters but the first, shape `(1, time)`


def prepare(word: str) -> Lesson:
    """The word as a batch of one sequence. Raises ValueError if it has less than 2 characters."""
    if len(word) < 2:
        raise ValueError("a word needs two characters: one to read and one to predict")
    vocabulary = Vocabulary(tuple(sorted(set(word))))
    indices = torch.tensor([[vocabulary.index(character) for character in word]])
    inputs = nn.functional.one_hot(indices[:, :-1], len(vocabulary)).float()
    return Lesson(vocabulary, inputs, indices[:, 1:])


def learn(lesson: Lesson, seed: int = 0) -> tuple[CharLSTM, list[float]]:
    """Train 300 epochs with Adam; the model, and the loss of every epoch in nats per character."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CharLSTM(len(lesson.vocabulary), HIDDEN_SIZE)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for _ in range(EPOCHS):
        logits, _ = model(lesson.inputs)  # (1, T, V)
        loss = nn.functional.cross_entropy(
            logits.view(-1, len(lesson.vocabulary)), lesson.targets.view(-1)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def predict(model: CharLSTM, lesson: Lesson) -> str:
    """The likeliest next character at every step."""
    with torch.no_grad():
        logits, _ = model(lesson.inputs)
    return lesson.vocabulary.decode(logits.argmax(dim=-1)[0].tolist())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the lesson."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(prog="python -m training.hello", description=__doc__)
    parser.add_argument("word", nargs="?", default="hello", help="a word to learn (%(default)s)")
    word = parser.parse_args(arguments).word
    try:
        lesson = prepare(word)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    time, size = lesson.inputs.shape[1:]

    model, losses = learn(lesson)
    logits, (h, c) = model(lesson.inputs)
    predicted = predict(model, lesson)
    verdict = "has learnt" if predicted == word[1:] else "has not quite learnt"
    epochs = "\n".join(
        f"   epoch {epoch:3}  loss {losses[epoch]:.4f}"
        for epoch in (*range(0, EPOCHS, 50), EPOCHS - 1)
    )
    indices = ", ".join(f"{c!r} -> {i}" for i, c in enumerate(lesson.vocabulary.characters))
    one_hot = zip(word[:12], lesson.inputs[0].int().tolist(), strict=False)
    rows = "\n".join(f"   {character!r} {row}" for character, row in one_hot)
    print(f"""\
1. The text is {word!r}. A network computes with numbers, so every character gets one:
   {indices}

2. To write is to know what comes next: the target is the input, shifted by one.
   input  {word[:-1]!r}
   target {word[1:]!r}

3. A character enters as a one-hot row: all zeros but a one at its index, so that no
   character looks 'larger' than another.
{rows}

4. One sequence of {time} steps over {size} characters, as (batch, time, vocab):
   inputs {tuple(lesson.inputs.shape)}, targets {tuple(lesson.targets.shape)}

5. The LSTM carries a hidden state {tuple(h.shape)} and a cell state {tuple(c.shape)}
   from step to step: its memory. A linear layer turns each step's hidden state into
   logits, a score for every character, {tuple(logits.shape)}.

6. Training: {EPOCHS} epochs with Adam. The loss is the surprise at the right answer,
   in nats per character; guessing among {size} costs ln {size} = {math.log(size):.2f}.
{epochs}

7. At every step, take the character with the highest score (argmax):
   {word[:-1]!r} -> {predicted!r}  It {verdict} its word.

The same network, wider, learns a book: make train CORPUS=novel.txt MINUTES=5""")


if __name__ == "__main__":
    main()
