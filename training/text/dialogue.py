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

from model.chat.dialogue import ChatTemplate
from training.text.turns import ANSWERING, ASKING, MARKS, FoundTurn, Reading, readings

EXAMINED = 1_500_000
"""Characters of a corpus that are looked at: the first ones of what is learnt."""

MOST_SPEAKERS = 8
"""Speakers that a template names."""

_FEWEST_TURNS = 20
_COVERED = 0.7  # of the text, by turns
_RECURRING = 0.7  # of the lines that look like a turn's first
_EXCHANGES = 0.15  # of the turns, that follow a speaker who answers this one as often
_ASKS = 0.02  # of the turns that have a question mark: next to no record, log or list has any
_FEWEST_ASKS = 3  # turns: one may hold all that follows a list of records
_CODE = 0.15  # of the speech's characters, at most
_DISTINCT = 0.4  # of the turns, when digits are left out
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
        most = [_shown(name) for name in template.speakers[:3]]
        text = (
            f"the text reads like a {'chat' if self.is_chat else 'dialogue'}: {self.turns:,} "
            f"turns, most by {', '.join(most[:-1])} and {most[-1]}; in the app you speak as "
            f"{_shown(template.user_speaker)}, and the model as "
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
    for reading in readings(text[:EXAMINED].split("\n")):
        if _is_dialogue(reading):
            return Dialogue(_template(reading), len(reading.turns), reading.form.is_chat)
    return None


def _is_dialogue(reading: Reading) -> bool:
    turns = reading.turns
    # Messengers write <Media omitted> and the like over and over.
    speeches = [turn.text for turn in turns if turn.text[:1] not in ("<", "\u200e")]
    if len(speeches) < _FEWEST_TURNS or len(turns) < _RECURRING * reading.headers:
        return False
    asks = sum(1 for speech in speeches if _QUESTION.search(speech))
    distinct = {re.sub(r"\d+", "0", speech) for speech in speeches}
    spoken = "".join("".join(speeches).split())
    return (
        reading.covered >= _COVERED
        and sum(_exchanges(turns).values()) >= _EXCHANGES * len(turns)
        and asks >= max(_FEWEST_ASKS, _ASKS * len(speeches))
        and len(distinct) >= _DISTINCT * len(speeches)
        and len(_CODE_CHARACTER.findall(spoken)) <= _CODE * len(spoken)
    )


def _exchanges(turns: Sequence[FoundTurn]) -> Counter[tuple[str, str]]:
    """How often each of two speakers followed the other, as far as the other did it as often."""
    followed = Counter((before.speaker, turn.speaker) for before, turn in pairwise(turns))
    return Counter(
        {
            (first, second): min(n, followed[second, first])
            for (first, second), n in followed.items()
            if first != second
        }
    )


def _roles(turns: Sequence[FoundTurn]) -> tuple[str, str]:
    """Of the two who answer each other most, who asks (the visitor) and who replies (the model)."""
    pair = _exchanges(turns).most_common(1)[0][0]
    said = {name: [turn.text for turn in turns if turn.speaker == name] for name in pair}
    asks = {
        name: len([s for s in said[name] if _QUESTION.search(s)]) / len(said[name]) for name in pair
    }

    def fits(way: tuple[str, str]) -> tuple[bool, bool, int]:
        visitor, model = way
        return (
            visitor.casefold() in ASKING or model.casefold() in ANSWERING,
            asks[visitor] >= max(0.5, 2 * asks[model]),
            # The model knows best how to speak for the one of whom it has read most.
            sum(map(len, said[model])),
        )

    return max((pair, pair[::-1]), key=fits)


def _template(reading: Reading) -> ChatTemplate:
    turns = reading.turns
    visitor, model = _roles(turns)
    by_turns = [name for name, _ in Counter(turn.speaker for turn in turns).most_common()]
    others = [name for name in by_turns if name not in (visitor, model)][: MOST_SPEAKERS - 2]
    around = Counter((t.before, t.after) for t in turns if t.speaker in (visitor, model))
    before, after = around.most_common(1)[0][0]  # where that holds a time, a real one
    before = before.lstrip(MARKS)
    replied = _gap(turns, model, visitor)
    return ChatTemplate(
        user_prefix=before + visitor + after,
        user_suffix=_gap(turns, visitor, model),
        reply_prefix=before + model + after,
        reply_suffix=replied,
        speakers=tuple(name for name in by_turns if name in {visitor, model, *others}),
        stop=_stops(reading, replied),
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


def _stops(reading: Reading, separator: str) -> tuple[str, ...]:
    """What ends a reply: the separator, or where that stands inside turns too, the next header."""
    turns = reading.turns
    if sum(1 for turn in turns if separator not in turn.text) >= _ONE_PIECE * len(turns):
        return (separator,)
    if reading.form.is_chat:  # a bracket, or the first digit of a date
        starts = Counter(turn.before[0] for turn in turns)
        return tuple(separator + start for start, n in sorted(starts.items()) if n > 1)
    headers = Counter(turn.before + turn.speaker + turn.after.rstrip() for turn in turns)
    return tuple(separator + header for header, _ in headers.most_common(_MOST_NAMES_TO_STOP))


def _shown(name: str) -> str:
    return "".join(character for character in name if character.isprintable()).strip()
