"""Copying: the longest passage that texts share with a corpus, and which of their words it has.

Knows nothing about who wrote the texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

SEARCHED_AT_MOST = 5_000_000
"""Characters: of a longer corpus, the last ones are searched for passages (some seconds)."""

WORDS_AT_MOST = 5_000_000
"""Characters: of a longer corpus, the last ones are searched for words."""


def longest_copy(texts: Sequence[np.ndarray], corpus: np.ndarray) -> np.ndarray:
    """The longest stretch of any of the texts that stands in the corpus as well.

    The corpus is read once, through the suffix automaton of the texts (Blumer et al., The smallest
    automaton recognizing the subwords of a text, 1985).

    Args:
        texts: indices, each of shape `(characters,)`; any may be empty.
        corpus: indices of the same vocabulary; its last 5 million are searched.
    """
    corpus = corpus[-SEARCHED_AT_MOST:]
    # Each text ends in an index of its own that the corpus has nowhere.
    joined = [i for n, text in enumerate(texts, 1) for i in (*text.tolist(), -n)]
    following, link, length = _suffix_automaton(joined)
    state = matched = longest = end = 0
    for position, index in enumerate(corpus.tolist(), 1):
        while state and index not in following[state]:
            state = link[state]
            matched = length[state]
        if index in following[state]:
            state = following[state][index]
            matched += 1
            if matched > longest:
                longest, end = matched, position
    return corpus[end - longest : end]


def _suffix_automaton(
    sequence: Sequence[int],
) -> tuple[list[dict[int, int]], list[int], list[int]]:
    """States that stand for all stretches of a sequence; 0 is the empty one.

    Of each state: the states that follow it by index, that of its longest suffix that occurs
    elsewhere too (-1 for none), and the length of its longest stretch.
    """
    following: list[dict[int, int]] = [{}]
    link, length = [-1], [0]

    def add(follows: dict[int, int], suffix: int, size: int) -> int:
        following.append(follows)
        link.append(suffix)
        length.append(size)
        return len(length) - 1

    last = 0
    for index in sequence:
        new = add({}, 0, length[last] + 1)
        state = last
        while state >= 0 and index not in following[state]:
            following[state][index] = new
            state = link[state]
        if state >= 0:
            known = following[state][index]
            if length[known] > length[state] + 1:
                longer = known
                known = add(dict(following[longer]), link[longer], length[state] + 1)
                link[longer] = known
                while state >= 0 and following[state].get(index) == longer:
                    following[state][index] = known
                    state = link[state]
            link[new] = known
        last = new
    return following, link, length


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
