"""Diagnosis: what was measured becomes a few plain sentences, and advice as data.

The first sentence says what to do, to somebody who knows nothing about losses; figures come after.
Sentences are true in a terminal and on a page, so none names a flag. Pure; knows nothing about
networks or files. Each threshold says where it comes from. Losses come in nats per character and
are told in bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from training.report.baselines import Baselines

NARROW = 0.05
"""Share of the held-out loss: closer than this, new text is hardly harder than what was learnt."""

WIDE = 0.33
"""The same: beyond this, a good part of what it knows is its text by heart. The bundled model has
0.24, after 16 epochs of a megabyte; 20 epochs of 10 kB make it 0.66."""

LATE = 0.9
"""Share of the steps: the best of the last two of twenty evaluations is as good as the end."""

FEW_EPOCHS = 3
"""Before these, a network has hardly met anything twice."""

RISEN = 0.02
"""Nats: what the loss of a sample of the held-out part may go up and down by chance."""

EASY = 0.05
"""Nats: below, there is next to nothing left that could be learnt."""

REAL_WORDS = 0.9
"""Share of the words written at a low temperature that stand in the text: below, one reads nonsense
in every other line. The bundled model has 1.00, a model of a 10 kB text 0.8."""

RECITES = 60
"""Characters: a line of verse or code; shorter passages are the common stock of a text."""

REPEATS = 200
"""Characters: longer passages are not said twice, they are copied."""

SMALL_TEXT = 100_000
"""Characters to learn from: below, most runs of five letters were seen once or never."""

JUDGEABLE = 100
"""Characters held out: below, their loss is chance."""

ROUGH = 5_000
"""Characters held out: below, the figure of another stretch would differ by 0.1 bits and more."""

MOST_DROPOUT = 0.5
"""What the recipe itself gives at most: more of it is no advice."""


@dataclass(frozen=True)
class Measurements:
    """What a run and its examination have brought to light."""

    val_loss: float | None  # of the kept weights on the held-out part; None if nothing was held out
    train_part_loss: float  # of the same weights on as much of the train part, without dropout
    baselines: Baselines | None  # on the same held-out part; None if there is none
    steps: int  # that were done
    best_step: int  # after which the kept weights were taken
    last_scored: int  # the last step at which a sample of the held-out part was scored
    risen: float  # nats by which that loss was higher then than at the best step
    was_stopped: bool  # somebody asked the run to end early
    minutes: float | None  # that were asked for; None if a number of steps was
    seconds: float  # that training took
    epochs: float  # passes through the train part
    dropout: float  # of the recipe
    train_characters: int  # to learn from
    held_out_characters: int  # to measure on
    written: int  # characters that it generated for the examination
    copied: int  # length of the longest passage in them that stands in the train part
    compared: int  # characters of the held-out part that were looked through as well
    repeated: int | None  # length of the longest passage in those; None if there are none
    # share of the words written at a low temperature that stand in the train part
    known_words: float | None
    is_fine_tuned: bool  # the run began with another model's weights


@dataclass(frozen=True)
class Diagnosis:
    """What is said of a run."""

    sentences: list[str]  # the most important first
    advice: dict[str, Any]  # values of `Settings` for a next run; empty if there is none to give


def diagnose(m: Measurements) -> Diagnosis:
    """Say how a run did and what to do next."""
    verdict, advice = _verdict(m)
    sentences = (verdict, _fit(m), _rivals(m), _repetition(m), _copying(m), _words(m), _size(m))
    return Diagnosis([sentence for sentence in sentences if sentence], advice)


def bits(nats: float) -> float:
    """Bits per character of a loss in nats per character."""
    return nats / math.log(2)


def _verdict(m: Measurements) -> tuple[str, dict[str, Any]]:
    """The first sentence, and the advice that goes with it."""
    if m.was_stopped:
        return "It was stopped early: resume it, because the end of a run teaches it the most.", {}
    if m.val_loss is None:
        return (
            "Try it: no text was held out, so how it does on new text wasn't measured.",
            {"held_out": 0.1} if m.train_characters >= 10 * JUDGEABLE else {},
        )
    if m.held_out_characters < JUDGEABLE:
        return "Give it more text: what was held out is too little to judge it by.", {}
    if m.val_loss < EASY:
        return "It has learnt all there is to learn in the text: try it.", {}
    gap = (m.val_loss - m.train_part_loss) / m.val_loss
    longer, times = _longer(m)
    dropout = _more_dropout(m)
    more_text = f"give it more text{', or train it with more dropout' if dropout else ''}"
    if (_has_peaked(m) and m.risen > RISEN) or gap > WIDE:
        return f"It has begun to learn the text by heart: {more_text}.", dropout
    if gap < NARROW or m.epochs < FEW_EPOCHS or _loses_to_counting(m):
        if longer:
            return f"It would learn more with more time: train it for {times} as long.", longer
        return "It has learnt what it can from the text: give it more.", {}
    if m.known_words is not None and m.known_words < REAL_WORDS:
        advice = f"train it for {times} as long" if longer else "give it more text"
        return f"It still makes up too many words: {advice}.", longer
    if _recites(m):
        return f"It repeats passages of the text: {more_text}.", dropout
    good = "It has learnt the text well and writes new text in its style: try it."
    if longer:
        return f"{good} Training it for {times} as long may make it a little better.", longer
    return f"{good} More text would make it better; more time wouldn't.", {}


def _has_peaked(m: Measurements) -> bool:
    """Whether it was best on new text some time before the end."""
    return m.best_step < LATE * m.last_scored


def _longer(m: Measurements) -> tuple[dict[str, Any], str]:
    """More time as advice, and how much more in words; {} where more time would be of no use."""
    factor, times = (4, "four times") if _loses_to_counting(m) else (2, "twice")
    if _has_peaked(m):
        return {}, times
    if m.minutes is None:
        return {"steps": factor * m.steps}, times
    if m.seconds < 0.5 * m.minutes * 60:  # a small text is learnt before the time is up
        return {}, times
    return {"minutes": float(f"{factor * m.minutes:.2g}")}, times


def _more_dropout(m: Measurements) -> dict[str, Any]:
    more = round(min(MOST_DROPOUT, m.dropout + 0.15), 2)
    return {"dropout": more} if more > m.dropout else {}


def _is_repetitive(m: Measurements) -> bool:
    return m.repeated is not None and m.repeated > REPEATS


def _loses_to_counting(m: Measurements) -> bool:
    """Whether a 5-gram does better, and not by finding passages again, which a network doesn't."""
    if m.val_loss is None or m.baselines is None or _is_repetitive(m):
        return False
    return m.val_loss >= m.baselines.five_gram


def _recites(m: Measurements) -> bool:
    """Whether it repeats longer passages than people do."""
    common = min(RECITES, m.train_characters // 2)
    return m.copied > max(common, min(2 * (m.repeated or 0), REPEATS))


def _fit(m: Measurements) -> str:
    if m.val_loss is None or m.held_out_characters < JUDGEABLE:
        return ""
    text = (
        f"It needs {bits(m.val_loss):.2f} bits per character on new text (the part held out) and "
        f"{bits(m.train_part_loss):.2f} on the text that it learnt"
    )
    if _has_peaked(m):
        text += (
            f"; after step {m.best_step:,} of {m.steps:,} it got no better on new text, so the "
            "weights of that step were kept"
        )
    return f"{text}."


def _rivals(m: Measurements) -> str:
    if m.val_loss is None or m.baselines is None:
        return ""
    if m.held_out_characters < JUDGEABLE or m.val_loss < EASY:
        return ""
    rivals = {"a 5-gram, which only counts characters,": m.baselines.five_gram}
    if m.baselines.xz is not None:
        rivals["the compressor xz"] = m.baselines.xz
    figures = " and ".join(f"{name} needs {bits(loss):.2f}" for name, loss in rivals.items())
    lowest = min(rivals.values())
    if m.val_loss < lowest:
        result = f"the model does {1 - m.val_loss / lowest:.0%} better"
    else:
        winners = [name.split(",")[0] for name, loss in rivals.items() if loss <= m.val_loss]
        result = f"{' and '.join(winners)} still {'do' if winners[1:] else 'does'} better"
    return f"On the same new text {figures}: {result}."


def _repetition(m: Measurements) -> str:
    if not _is_repetitive(m):
        return ""
    return (
        f"Part of the new text isn't new: a passage of {m.repeated:,} characters stands in the "
        "text that it learnt as well. That flatters all these figures, most of all those of the "
        "5-gram and xz, which find such passages again."
    )


def _copying(m: Measurements) -> str:
    passage = (
        f"in {m.written:,} characters that it wrote, the longest passage that stands word for word "
        f"in the text that it learnt has {m.copied:,}"
    )
    if m.repeated is not None:
        passage += f"; in {m.compared:,} characters of the held-out text, it has {m.repeated:,}"
    if _recites(m):
        return f"It recites: {passage}. A higher temperature makes it recite less."
    return f"It doesn't recite: {passage}."


def _words(m: Measurements) -> str:
    if m.known_words is None:
        return ""
    return f"Of the words that it wrote at temperature 0.5, {m.known_words:.0%} stand in the text."


def _size(m: Measurements) -> str:
    sentences = []
    if m.train_characters < SMALL_TEXT:
        pretrained = ", and so does starting from a model trained on a longer text"
        sentences.append(
            f"{m.train_characters:,} characters are little to learn from: a few hundred thousand "
            f"make a great difference{'' if m.is_fine_tuned else pretrained}."
        )
    if 0 < m.held_out_characters < ROUGH:
        sentences.append(
            f"{m.held_out_characters:,} characters are little to measure on: the figures are rough."
        )
    return " ".join(sentences)
