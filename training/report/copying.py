"""Copying: which passages, words or items of what was written stand in a corpus as well.

Knows nothing about who wrote the texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

SEARCHED_AT_MOST = 3_000_000
"""Characters: of a longer corpus, the last ones are searched, which takes a second a million."""


def longest_copy(texts: Iterable[str], corpus: str) -> str:
    """The longest passage of any of the texts that stands in the corpus as well; perhaps ""."""
    longest = ""
    for text in texts:
        for end in range(1, len(text) + 1):
            # A longer one that ends here has one that is longer by a character.
            passage = text[max(0, end - len(longest) - 1) : end]
            if len(passage) > len(longest) and passage in corpus:
                longest = passage
    return longest


def words(text: str) -> list[str]:
    """The runs of letters in a text, with their marks; as they are written, in order."""
    others = {ord(c): " " for c in set(text) if unicodedata.category(c)[0] not in "LM"}
    return text.translate(others).split()


def known_word_share(text: str, corpus: str) -> float | None:
    """The share of a text's words that stand in the corpus, exactly so; None if it has no words.

    Says little for scripts that put no spaces between words. A last word that the text ends in
    doesn't count: it may be cut off.
    """
    written = words(text)
    if written and text.endswith(written[-1]):
        written.pop()
    if not written:
        return None
    known = set(words(corpus))
    return sum(word in known for word in written) / len(written)


def judge_items(written: Sequence[str], corpus: str) -> dict[str, int]:
    """How many items a list has, how many were written, and how many of these it lacks."""
    listed = set(corpus.split("\n")) - {""}
    new = sum(item not in listed for item in written)
    return {"listed": len(listed), "written": len(written), "new": new}
