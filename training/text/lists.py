"""Is a corpus a list, of names, titles, towns or words, one a line? And its lines in random order.

A text that is none must not be taken for one, for its lines would be torn apart: a list's lines are
short, of letters, nearly all distinct, and don't end or go on as those of verse, prose, code and
chats do. Knows nothing about networks or files.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from statistics import fmean, median

LARGEST = 10_000_000
"""Characters of a list: a longer one is learnt in its own order, for shuffling it takes memory."""

DESCRIPTION = (
    "the text is a list, one item a line: its items are learnt in random order, each of them once, "
    "and the model writes whole ones"
)
"""What follows from that; one clause."""

_FEWEST = 100  # items
_WRITTEN = 0.99  # of the lines: paragraphs, stanzas and functions have more blank ones between them
_DISTINCT = 0.9  # of the items
_TYPICAL = 60  # characters of half of the items, at most
_LONG, _FEW = 100, 0.02  # characters that few items have
_LETTERS = 0.92  # of the items' characters but spaces: logs have 0.9, code and tables fewer
_SIGNS = 0.05  # of the items begin with one: markup, bullets, indented code
_COLONS = 0.3  # of the items have one inside: more are who says something, or a record's fields
# Of the items, that end or go on as sentences do: half of verse's lines, a fifth of prose's however
# narrow. Not "St. Louis" nor "Acme Inc.": the word before a stop has five letters.
_SENTENCES = 0.1
_SENTENCE = re.compile(
    r"[,;:\u2014\uff0c\u3001]$|[^\W\d_]{5}[.!?](?:\s|$)|[\u3002\uff01\uff1b\uff1f\u0964\u06d4]"
)


def is_list(text: str) -> bool:
    """Whether what a text begins with is clearly a list; its last line may be cut."""
    lines = text.split("\n")[:-1]
    items = [line for line in lines if line.strip()]
    if len(items) < max(_FEWEST, _WRITTEN * len(lines)):
        return False
    signs = Counter("".join("".join(items).split()))
    letters = sum(n for sign, n in signs.items() if unicodedata.category(sign)[0] in "LM")
    return (
        len(set(items)) >= _DISTINCT * len(items)
        and median(map(len, items)) <= _TYPICAL
        and fmean(len(item) > _LONG for item in items) <= _FEW
        and letters >= _LETTERS * signs.total()
        and fmean(not item[0].isalnum() for item in items) <= _SIGNS
        and fmean(": " in item for item in items) <= _COLONS
        and fmean(_SENTENCE.search(item) is not None for item in items) <= _SENTENCES
    )


def shuffled(text: str, seed: int) -> list[str]:
    """The distinct items of a list, each with its line break, in an order drawn by `seed`."""
    items = list(dict.fromkeys(f"{line}\n" for line in text.split("\n") if line.strip()))
    random.Random(seed).shuffle(items)
    return items
