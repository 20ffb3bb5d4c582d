"""Judgement: what was measured becomes a few plain sentences that say what to do next.

Pure; knows nothing about networks or files. Each threshold says where it comes from. Losses come in
nats per character and are told in bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.judging.baselines import Baselines
from training.run import LEAST_MINUTES

NARROW = 0.05
"""Share of the held-out loss: closer than this, new text is hardly harder than what was learnt."""

WIDE = 0.33
"""The same: beyond this, a good part of what it knows is its text by heart. The bundled model, best
at its end after 7 passes through a megabyte, has 0.20; 20 passes through 10 kB make it 0.66."""

LATE = 0.9
"""Share of the steps: the best of the last two of twenty evaluations is as good as the end."""

FEW_PASSES = 3
"""Passes through the text: before these, a network has hardly met anything twice."""

RISEN = 0.02
"""Nats: what the loss of a sample of the held-out part may go up and down by chance."""

EASY = 0.05
"""Nats: below, there is next to nothing left that could be learnt."""

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
class Evidence:
    """What a run and its examination have brought to light.

    Args:
        val_loss: of the kept weights on the held-out part; None if nothing was held out.
        train_part_loss: of the same weights on as much of the train part, without dropout.
        baselines: on the same held-out part; None if there is none.
        steps: that were done.
        planned_steps: that the run would have.
        best_step: after which the kept weights were taken.
        last_scored: the last step at which a sample of the held-out part was scored.
        risen: nats by which that loss was higher then than at the best step.
        was_stopped: somebody asked the run to end.
        minutes: that were asked for; None if a number of steps was.
        seconds: that training took.
        epochs: passes through the train part.
        dropout: of the recipe.
        train_characters: to learn from.
        held_out_characters: to measure on.
        written: characters that it generated for the examination.
        copied: length of the longest passage in them that stands in the train part.
        repeated: the same for `compared` characters of the held-out part; None without one.
        compared: characters of the held-out part that were looked through.
        known_words: share of the words written at a low temperature that stand in the train part.
        is_fine_tuned: the run was begun from another model.
    """

    val_loss: float | None
    train_part_loss: float
    baselines: Baselines | None
    steps: int
    planned_steps: int
    best_step: int
    last_scored: int
    risen: float
    was_stopped: bool
    minutes: float | None
    seconds: float
    epochs: float
    dropout: float
    train_characters: int
    held_out_characters: int
    written: int
    copied: int
    repeated: int | None
    compared: int
    known_words: float | None
    is_fine_tuned: bool


def judge(evidence: Evidence) -> list[str]:
    """The judgement: one to seven sentences, the most important first."""
    sentences = (
        _interruption(evidence),
        _fit(evidence),
        _beside_counting(evidence),
        _repetition(evidence),
        _copying(evidence),
        _words(evidence),
        _size(evidence),
    )
    return [sentence for sentence in sentences if sentence]


def bits(nats: float) -> float:
    """Bits per character of a loss in nats per character."""
    return nats / math.log(2)


def _interruption(e: Evidence) -> str:
    if not e.was_stopped:
        return ""
    return (
        f"It was stopped after {e.steps:,} of {e.planned_steps:,} steps, before its learning rate "
        "had come down, and the last steps teach most: --resume goes on with it."
    )


def _fit(e: Evidence) -> str:
    if e.val_loss is None:
        has_enough = e.train_characters >= 10 * JUDGEABLE
        advice = ": --held_out 0.1 sets a tenth of the text aside for that" if has_enough else ""
        return (
            "Nothing was held out, so nobody can say how it does on text that it hasn't read"
            f"{advice}."
        )
    if e.held_out_characters < JUDGEABLE:
        return f"Only {e.held_out_characters:,} characters were held out: too few to judge by."
    if e.val_loss < EASY:
        return f"It predicts new text nearly without a mistake ({bits(e.val_loss):.2f} bits)."
    was_better_before = e.best_step < LATE * e.last_scored
    if was_better_before and e.risen > RISEN:
        return (
            f"Overfitted: it did best on new text after {e.best_step:,} of {e.steps:,} steps; from "
            "there on it learnt its own text by heart. The weights of that step were kept. More "
            f"text helps most; otherwise {' or '.join([_shorter(e), *_more_dropout(e)])}."
        )
    figures = (
        f"it needs {bits(e.val_loss):.2f} bits per character on new text (what was held out) and "
        f"{bits(e.train_part_loss):.2f} on the text that it learnt"
    )
    gap = (e.val_loss - e.train_part_loss) / e.val_loss
    if gap > WIDE:
        return (
            f"Largely learnt by heart: {figures}, unless the end of the text is unlike the rest. "
            f"{_more_text(e)}."
        )
    if was_better_before:
        return (
            f"Fitted as far as this text goes: {figures}, and after {e.best_step:,} of {e.steps:,} "
            f"steps it became no better. {_more_text(e)}."
        )
    if gap < NARROW or e.epochs < FEW_PASSES or _learnt_less_than_counting(e):
        return (
            f"Underfitted: {figures}, after {e.epochs:.1f} passes through it. There is more to "
            f"learn. {_longer(e)}."
        )
    return f"Fitted well: {figures}, a usual distance. {_longer(e)}; more text helps more."


def _is_repetitive(e: Evidence) -> bool:
    return e.repeated is not None and e.repeated > REPEATS


def _learnt_less_than_counting(e: Evidence) -> bool:
    """Whether a 5-gram does better, and not by finding passages again, which a network doesn't."""
    if e.val_loss is None or e.baselines is None or _is_repetitive(e):
        return False
    return e.val_loss >= e.baselines.five_gram


def _beside_counting(e: Evidence) -> str:
    if e.val_loss is None or e.baselines is None or e.held_out_characters < JUDGEABLE:
        return ""
    if e.val_loss < EASY:
        return ""
    counting = f"a 5-gram, which only counts characters, needs {bits(e.baselines.five_gram):.2f}"
    if e.val_loss < e.baselines.five_gram:
        share = 1 - e.val_loss / e.baselines.five_gram
        return f"On the same new text {counting}: it is {share:.0%} better than that."
    if _is_repetitive(e):
        return f"On the same new text {counting}."
    hard = e.train_characters < SMALL_TEXT
    why = "on so small a text that is hard to beat" if hard else "it should get below that"
    return f"On the same new text {counting}: {why}."


def _repetition(e: Evidence) -> str:
    if not _is_repetitive(e):
        return ""
    return (
        f"The new text isn't all new: a passage of {e.repeated:,} characters stands in the rest as "
        "well. So all figures flatter, most of all those of the 5-gram and xz, which find such "
        "passages again."
    )


def _copying(e: Evidence) -> str:
    passage = (
        f"in {e.written:,} characters that it wrote, the longest passage that stands word for word "
        f"in its text has {e.copied:,}"
    )
    if e.repeated is not None:
        passage += f"; in {e.compared:,} characters of new text it has {e.repeated:,}"
    recites = min(RECITES, e.train_characters // 2)
    if e.copied > max(recites, min(2 * (e.repeated or 0), REPEATS)):
        return (
            f"It recites: {passage}. More text, more --dropout or a higher temperature makes it "
            "write more of its own."
        )
    return f"It writes its own: {passage}."


def _words(e: Evidence) -> str:
    if e.known_words is None:
        return ""
    return f"Of the words that it wrote at temperature 0.5, {e.known_words:.0%} stand in its text."


def _size(e: Evidence) -> str:
    parts = []
    if e.train_characters < SMALL_TEXT:
        fine_tuning = "" if e.is_fine_tuned else "; so does a model to begin from (--init_from)"
        parts.append(
            f"{e.train_characters:,} characters are little to learn from: a few hundred thousand "
            f"make a great difference{fine_tuning}"
        )
    if 0 < e.held_out_characters < ROUGH:
        parts.append(
            f"{e.held_out_characters:,} characters are little to measure on: the figures are rough"
        )
    return "; ".join(parts) + "." if parts else ""


def _used_its_minutes(e: Evidence) -> bool:
    """Whether more minutes would have meant more steps: on a small text the recipe ends early."""
    return e.minutes is None or e.seconds > 0.5 * e.minutes * 60


def _longer(e: Evidence) -> str:
    times = 4 if _learnt_less_than_counting(e) else 2
    if e.was_stopped:
        return "Going on will help"
    if e.minutes is None:
        return f"More steps may help (--steps {times * e.planned_steps})"
    if not _used_its_minutes(e):
        return (
            "More minutes would not be used: training ended by itself, after "
            f"{e.epochs:.0f} passes through the text"
        )
    return f"More minutes may help (--minutes {_rounded(times * e.minutes)})"


def _more_text(e: Evidence) -> str:
    return "More text helps most" + "".join(f"; otherwise {words}" for words in _more_dropout(e))


def _shorter(e: Evidence) -> str:
    if e.minutes is None or not _used_its_minutes(e):
        return f"fewer steps (--steps {e.best_step})"
    return f"fewer minutes (--minutes {_rounded(e.seconds / 60 * e.best_step / e.steps)})"


def _more_dropout(e: Evidence) -> list[str]:
    if e.dropout >= MOST_DROPOUT:
        return []
    more = min(MOST_DROPOUT, e.dropout + 0.15)
    return [f"more dropout (--dropout {more:.2f}, it was {e.dropout:.2f})"]


def _rounded(minutes: float) -> str:
    """Two figures are enough."""
    return f"{max(LEAST_MINUTES, float(f'{minutes:.2g}')):g}"
