"""Is a corpus a dialogue, and which chat template does it make? Judged by its first megabytes.

A text that is none must not be taken for one: a play's lines, a chat's messages have to cover most
of it, by speakers who recur and answer each other, and now and then somebody has to ask something.
Knows nothing about networks or pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.dialogue import ChatTemplate
from training.text.turns import ANSWERING, ASKING, MARKS, FoundTurn, Reading, readings

EXAMINED = 1_500_000
"""Characters of a corpus that are looked at: the first ones of what is learnt."""

MOST_SPEAKERS = 8
"""Speakers that a template names."""

_MOST_NAMED = 3  # speakers, in a note
_FEWEST_TURNS = 20
_COVERED = 0.7  # of the text, by turns
_RECURRING = 0.7  # of the lines that look like a turn's first
_CHANGES = 0.15  # of the turns that follow another speaker's
_MUTUAL = 0.4  # of those, that are answered in the other direction as often
_ASKS = 0.02  # of the turns that have a question mark: next to no record, log or list has any
_FEWEST_ASKS = 3  # turns: one may hold all that follows a list of records
_CODE = 0.15  # of the speech's characters, at most
_DISTINCT = 0.4  # of the turns, when digits are left out
_REPLIES = 2  # of two speakers to each other, each way, for a pair
_ONE_PIECE = 0.9  # of the turns without the separator inside: then it alone ends a reply
_MOST_NAMES_TO_STOP = 32

_QUESTION = re.compile(r"\?(?![\w/])|[\uff1f\u061f\u037e]")  # not the ? of an address
_CODE_CHARACTER = re.compile(r"[\d=_{}<>\[\]/\\|;#$%^*~+]")


@dataclass(frozen=True)
class Dialogue:
    """What was understood of a corpus that is one."""

    template: ChatTemplate  # how its turns are written
    turns: int  # number of turns that were found
    is_chat: bool  # whether people wrote it to each other: then it is probably private

    def describe(self) -> str:
        """What was understood, and what follows; one clause."""
        template = self.template
        most = [_shown(name) for name in template.speakers[:_MOST_NAMED]]
        text = (
            f"the text reads like a {'chat' if self.is_chat else 'dialogue'}: {self.turns:,} "
            f"turns, most by {', '.join(most[:-1])} and {most[-1]}; a visitor speaks as "
            f"{_shown(template.user_speaker)}, the model answers as "
            f"{_shown(template.reply_speaker)}"
        )
        if self.is_chat:
            text += (
                "; if these messages are private, keep the model private too: it can repeat them "
                "word for word, and it names the speakers"
            )
        return text


def detect(text: str) -> Dialogue | None:
    """Look at the beginning of a text; None if it isn't clearly a dialogue."""
    for reading in readings(text[:EXAMINED].split("\n"), _FEWEST_TURNS):
        if _is_dialogue(reading) and (pair := _pair(reading.turns)):
            template = _template(reading, *pair)
            return Dialogue(template, len(reading.turns), reading.form.is_chat)
    return None


def _is_dialogue(reading: Reading) -> bool:
    turns = reading.turns
    if len(turns) < _FEWEST_TURNS or len(turns) < _RECURRING * reading.headers:
        return False
    if reading.covered < _COVERED:
        return False
    followed = _followed(turns)
    changes = sum(followed.values())
    mutual = sum(min(n, followed[second, first]) for (first, second), n in followed.items())
    if changes < _CHANGES * len(turns) or mutual < _MUTUAL * changes:
        return False
    # Messengers write <Media omitted> and the like over and over.
    speeches = [turn.text for turn in turns if turn.text[:1] not in ("<", "\u200e")]
    if len(speeches) < _FEWEST_TURNS:
        return False
    asks = sum(1 for speech in speeches if _QUESTION.search(speech))
    if asks < max(_FEWEST_ASKS, _ASKS * len(speeches)):
        return False
    if len({re.sub(r"\d+", "0", speech) for speech in speeches}) < _DISTINCT * len(speeches):
        return False
    spoken = "".join("".join(speeches).split())
    return len(_CODE_CHARACTER.findall(spoken)) <= _CODE * len(spoken)


def _followed(turns: Sequence[FoundTurn]) -> Counter[tuple[str, str]]:
    """How often a turn of one speaker was followed by another's."""
    return Counter(
        (before.speaker, turn.speaker)
        for before, turn in pairwise(turns)
        if before.speaker != turn.speaker
    )


def _pair(turns: Sequence[FoundTurn]) -> tuple[str, str] | None:
    """The two who answer each other most: who asks and who replies."""
    followed = _followed(turns)
    mutual = {
        pair: n + followed[pair[::-1]]
        for pair, n in followed.items()
        if min(n, followed[pair[::-1]]) >= _REPLIES
    }
    if not mutual:
        return None
    pair = max(mutual, key=lambda pair: mutual[pair])
    said = {name: [turn.text for turn in turns if turn.speaker == name] for name in pair}
    asks = {
        name: sum(1 for text in texts if _QUESTION.search(text)) / len(texts)
        for name, texts in said.items()
    }
    ways = [pair, pair[::-1]]
    by_name = [way for way in ways if way[0].casefold() in ASKING or way[1].casefold() in ANSWERING]
    by_questions = [way for way in ways if asks[way[0]] >= max(0.5, 2 * asks[way[1]])]
    # The model knows best how to speak for the one of whom it has read most.
    by_length = sorted(ways, key=lambda way: -sum(map(len, said[way[1]])))
    return [*by_name, *by_questions, *by_length][0]


def _template(reading: Reading, visitor: str, model: str) -> ChatTemplate:
    turns = reading.turns
    counts = Counter(turn.speaker for turn in turns)
    others = [name for name, _ in counts.most_common() if name not in (visitor, model)]
    named = {visitor, model, *others[: MOST_SPEAKERS - 2]}
    before, after = _around_names(reading, visitor, model)
    replied = _gap(turns, model, visitor)
    return ChatTemplate(
        user_prefix=before + visitor + after,
        user_suffix=_gap(turns, visitor, model),
        reply_prefix=before + model + after,
        reply_suffix=replied,
        speakers=tuple(name for name, _ in counts.most_common() if name in named),
        stop=_stops(turns, replied, after),
        user_speaker=visitor,
        reply_speaker=model,
    )


def _gap(turns: Sequence[FoundTurn], speaker: str, next_speaker: str) -> str:
    """What usually stands between a turn of one and the other's that follows it."""
    gaps = Counter(
        turn.gap
        for before, turn in pairwise(turns)
        if (before.speaker, turn.speaker) == (speaker, next_speaker)
    )
    return "\n" * gaps.most_common(1)[0][0]


def _around_names(reading: Reading, visitor: str, model: str) -> tuple[str, str]:
    """What stands before and after a name; where that is a date or a time, the last real one."""
    theirs = [turn for turn in reading.turns if turn.speaker in (visitor, model)]
    if reading.form.is_chat:
        return theirs[-1].before.lstrip(MARKS), theirs[-1].after
    return Counter((turn.before, turn.after) for turn in theirs).most_common(1)[0][0]


def _stops(turns: Sequence[FoundTurn], separator: str, after: str) -> tuple[str, ...]:
    """What ends a reply: the separator, or where that stands inside turns too, the next header."""
    in_one_piece = sum(1 for turn in turns if separator not in turn.text)
    if in_one_piece >= _ONE_PIECE * len(turns):
        return (separator,)
    starts = Counter(turn.before[:1] for turn in turns)
    if starts[""] == 0:  # a bracket, or the first digit of a date
        return tuple(separator + start for start, n in sorted(starts.items()) if n > 1)
    names = Counter((turn.before, turn.speaker) for turn in turns).most_common(_MOST_NAMES_TO_STOP)
    return tuple(separator + before + name + after.rstrip() for (before, name), _ in names)


def _shown(name: str) -> str:
    return "".join(character for character in name if character.isprintable()).strip()
