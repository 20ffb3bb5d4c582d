"""Starters: what a page offers to say to a model, taken from the model's own text.

Whole short lines, turns of the one whose part a visitor takes, or how items of a list begin; spread
over the text, so that they are the same whenever it is read. Knows nothing about pages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from model.chat.dialogue import ChatTemplate
from training.text.turns import readings

MOST = 4
_SHORTEST, _LONGEST = 10, 60  # characters of one; a longer line is cut between words
_RECURS = 5  # items that begin with a word, for it to be offered
_SENTENCE = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]$")


def starters(text: str, template: ChatTemplate | None, is_list: bool) -> list[str]:
    """Up to four things to begin with.

    Args:
        text: or a part of it; a megabyte is plenty.
        template: how its turns are written, if it is a dialogue.
        is_list: whether it has an item a line.
    """
    lines = text.split("\n")
    if is_list:
        return _item_beginnings(lines)
    if template is not None and (said := _turns(lines, template)):
        return _spread(said)
    first = [line for before, line in pairwise(["", *lines]) if not before.strip()]
    found: list[str] = []
    for some in (first, lines):
        for is_flush in (True, False):
            if len(found) < MOST:
                found = _beginnings(x for x in some if x[:1].strip() or not is_flush)
    return _spread(found)


def _item_beginnings(items: Sequence[str]) -> list[str]:
    """The words with which most of them begin, or if none recurs, the letters."""
    words = Counter(item.split(" ")[0] for item in items if " " in item).most_common(MOST)
    letters = Counter(item[:2] for item in items if item).most_common(MOST)
    recurs = len(words) == MOST and words[-1][1] >= _RECURS
    return [begin for begin, _ in (words if recurs else letters)]


def _turns(lines: Sequence[str], template: ChatTemplate) -> list[str]:
    """Short sentences of the visitor's speaker, or where there are few, of anybody."""
    for reading in readings(lines):
        short = [t for t in reading.turns if _SHORTEST <= len(t.text) <= _LONGEST]
        said = [(t.speaker, t.text) for t in short if _SENTENCE.search(t.text)]
        own = [speech for speaker, speech in said if speaker == template.user_speaker]
        if own:
            return own if len(set(own)) >= MOST else [*own, *(speech for _, speech in said)]
    return []


def _beginnings(lines: Iterable[str]) -> list[str]:
    """Lines of a few words, or as much of them as is short."""
    found = []
    for line in lines:
        short = line if len(line) <= _LONGEST else line[: _LONGEST + 1].rpartition(" ")[0]
        if len(short) >= _SHORTEST and " " in short.strip():
            found.append(short.rstrip())
    return found


def _spread(found: Sequence[str]) -> list[str]:
    different = list(dict.fromkeys(found))
    return different[:: max(1, len(different) // MOST)][:MOST]
