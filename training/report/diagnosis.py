"""Diagnosis: what was measured becomes a few plain sentences, and advice as data.

The first sentence says what to do, to somebody who knows nothing about losses; figures come after.
Sentences are true in a terminal and on a page, so none names a flag. Pure; knows nothing about
networks or files. Each threshold says where it comes from. Losses come in nats per character and
are told in bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.recipe import MOST_DROPOUT

# By how much of the held-out loss that of the train part is lower: closer, and new text is hardly
# harder than what was learnt; wider, and a good part of what it knows is its text by heart. The
# bundled model has 0.24, after 16 epochs of a megabyte; 20 epochs of 10 kB make it 0.66.
_NARROW, _WIDE = 0.05, 0.33
_LATE = 0.9  # of the steps: the best of the last two of twenty evaluations is as good as the end
_FEW_EPOCHS = 3  # before these, a network has hardly met anything twice
_RISEN = 0.02  # nats: the loss of a sample of the held-out part goes up and down so much by chance
_EASY = 0.05  # nats: below, there is next to nothing left that could be learnt
# Of the words written at a low temperature, those that stand in the text: with fewer, one reads
# nonsense in every other line. The bundled model has 1.00, a model of a 10 kB text 0.8.
_REAL_WORDS = 0.9
_RECITES = 60  # characters: a line of verse or code; shorter ones are the common stock of a text
_REPEATS = 200  # characters: longer passages are not said twice, they are copied
_FEW_NEW = 0.1  # of a list's items that it wrote: fewer, and it only knows the list by heart
_SMALL_TEXT = 100_000  # characters: below, most runs of five letters were seen once or never
_JUDGEABLE = 100  # characters held out: below, their loss is chance
_ROUGH = 5_000  # the same: below, the figure of another stretch would differ by 0.1 bits and more


def diagnose(
    training: Mapping[str, Any],
    *,
    was_stopped: bool,
    minutes: float | None,
    val_losses: Sequence[tuple[int, float]],
) -> tuple[list[str], dict[str, Any]]:
    """Say how a run did and what to do next.

    Args:
        training: the facts about it, with what was measured, as config.json has them: of a list
            `items`, of any other text `longest_copy` and `known_words`.
        was_stopped: somebody asked the run to end early.
        minutes: that were asked for; None if a number of steps was.
        val_losses: (step, nats) of a sample of the held-out part, during the run.

    Returns:
        Sentences, the most important first; and values of `Settings` for a next run, {} if there
        is none to advise.
    """
    losses = dict(val_losses)
    best, last = training["best_step"], max(losses, default=0)
    has_peaked = best < _LATE * last
    has_risen = has_peaked and best in losses and losses[last] - losses[best] > _RISEN
    if items := training.get("items"):
        recites = items["new"] < _FEW_NEW * items["written"]
    else:
        copied, repeated = training["longest_copy"]["length"], _repeated(training)
        recites = copied > max(_RECITES, min(2 * repeated, _REPEATS))
    longer: dict[str, Any]
    if has_peaked or (training["val_loss"] or 0) < _EASY:
        longer = {}
    elif minutes is None:
        longer = {"steps": 2 * training["steps"]}
    elif training["recipe"]["taught_by"] or training["seconds"] < 0.5 * minutes * 60:
        longer = {}  # the text was read as often as it can be
    else:
        longer = {"minutes": float(f"{2 * minutes:.2g}")}
    advice: dict[str, Any] = {}
    first = "It was stopped early: resume it, because the end of a run teaches it the most."
    if not was_stopped:
        first, advice = _verdict(training, longer, has_risen=has_risen, recites=recites)
    return [first, *_figures(training, has_peaked=has_peaked, recites=recites)], advice


def _repeated(training: Mapping[str, Any]) -> int:
    """Length of the longest passage of held-out text that stands in the train part as well."""
    copy = training.get("longest_copy") or {}  # of a list, no item stands in both parts
    return copy.get("repeated") or 0


def _verdict(
    training: Mapping[str, Any], longer: dict[str, Any], *, has_risen: bool, recites: bool
) -> tuple[str, dict[str, Any]]:
    """The first sentence, and its advice. `longer` is the advice to train longer, {} if useless."""
    val_loss, known_words = training["val_loss"], training.get("known_words")
    if val_loss is None:
        return "Try it: no text was held out, so how it does on new text wasn't measured.", {}
    if training["held_out_characters"] < _JUDGEABLE:
        return "Give it more text: what was held out is too little to judge it by.", {}
    dropout = training["recipe"]["dropout"]
    more = round(min(MOST_DROPOUT, dropout + 0.15), 2)
    stronger = {"dropout": more} if more > dropout else {}
    more_text = f"give it more text{', or train it with more dropout' if stronger else ''}"
    gap = val_loss - training["train_part_loss"]
    if has_risen or gap > _WIDE * val_loss:
        return f"It has begun to learn the text by heart: {more_text}.", stronger
    # Where new text repeats what was learnt, a 5-gram wins by finding it again.
    is_beaten = val_loss >= training["baselines"]["five_gram"] and _repeated(training) <= _REPEATS
    if gap < _NARROW * val_loss or training["epochs"] < _FEW_EPOCHS or is_beaten:
        if longer:
            return "It would learn more with more time: train it for twice as long.", longer
        return "It has learnt what it can from the text: give it more.", {}
    if known_words is not None and known_words < _REAL_WORDS:
        advice = "train it for twice as long" if longer else "give it more text"
        return f"It still makes up too many words: {advice}.", longer
    if recites:
        what = "items of the list" if training.get("items") else "passages of the text"
        return f"It repeats {what}: {more_text}.", stronger
    good = "It has learnt the text well and writes new text in its style: try it."
    if longer:
        return f"{good} Training it for twice as long may make it a little better.", longer
    return f"{good} More text would make it better; more time wouldn't.", {}


def _figures(training: Mapping[str, Any], *, has_peaked: bool, recites: bool) -> Iterator[str]:
    """The sentences after the first."""
    val_loss = training["val_loss"]
    if val_loss is not None:
        text = (
            f"It needs {_bits(val_loss)} bits per character on new text (the part held out) "
            f"and {_bits(training['train_part_loss'])} on the text that it learnt"
        )
        if has_peaked:
            text += (
                f"; after step {training['best_step']:,} of {training['steps']:,} it got no better "
                "on new text, so the weights of that step were kept"
            )
        yield f"{text}."
        if alone := training.get("teacher_val_loss"):
            count = training["recipe"]["taught_by"]
            before = "a network before it, which needs"
            if count > 1:
                before = f"the last of {count} networks before it, of which the best needs"
            yield f"It has learnt from the text and from {before} {_bits(alone)}."
        lowest, xz = training["baselines"]["five_gram"], training["baselines"]["xz"]
        text = f"a 5-gram, which only counts characters, needs {_bits(lowest)}"
        if xz is not None:
            text += f" and the compressor xz needs {_bits(xz)}"
            lowest = min(lowest, xz)
        better = f"does {1 - val_loss / lowest:.0%}" if val_loss < lowest else "doesn't do"
        yield f"On the same new text {text}: the model {better} better."
    repeated = _repeated(training)
    if repeated > _REPEATS:
        yield (
            f"Part of the new text isn't new: a passage of {repeated:,} characters stands in the "
            "text that it learnt as well. That flatters all these figures, most of all those of "
            "the 5-gram and xz, which find such passages again."
        )
    if items := training.get("items"):
        yield (
            f"Of {items['written']:,} different items that it wrote at temperature 1, "
            f"{items['new']:,} are new: they aren't among the {items['listed']:,} of the list."
        )
    else:
        yield from _copying(training, recites=recites)
    learnt, held_out = training["train_characters"], training["held_out_characters"]
    if learnt < _SMALL_TEXT:
        pretrained = ", and so does starting from a model trained on a longer text"
        yield (
            f"{learnt:,} characters are little to learn from: a few hundred thousand make a great "
            f"difference{'' if training['init_from'] else pretrained}."
        )
    if 0 < held_out < _ROUGH:
        yield f"{held_out:,} characters are little to measure on: the figures are rough."


def _copying(training: Mapping[str, Any], *, recites: bool) -> Iterator[str]:
    """What of it stands in the text that it learnt."""
    copy, repeated = training["longest_copy"], _repeated(training)
    text = (
        f"in {copy['written']:,} characters that it wrote, the longest passage that stands word "
        f"for word in the text that it learnt has {copy['length']:,}"
    )
    if copy["repeated"] is not None:
        text += f"; in {copy['compared']:,} held-out characters it has {repeated:,}"
    if recites:
        yield f"It recites: {text}. A higher temperature makes it recite less."
    else:
        yield f"It doesn't recite: {text}."
    if training["known_words"] is not None:
        share = f"{training['known_words']:.0%}"
        yield f"Of the words that it wrote at temperature 0.5, {share} stand in the text."


def _bits(nats: float) -> str:
    """Bits per character of a loss in nats per character."""
    return f"{nats / math.log(2):.2f}"
