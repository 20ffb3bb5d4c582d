"""Copying: the longest passage that texts share with a corpus, and which of their words it has.

By the 64-bit hashes of all windows of a length (Karp and Rabin, Efficient randomized
pattern-matching algorithms, 1987). Knows nothing about who wrote the texts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

SEARCHED_AT_MOST = 50_000_000
"""Characters: of a longer corpus, the last ones are searched for passages (some seconds)."""

WORDS_AT_MOST = 10_000_000
"""Characters: of a longer corpus, the last ones are searched for words."""

_CHUNK = 2**18  # positions whose hashes fit into a processor's cache
_FILTER_BITS = 18
# Odd, so that it has an inverse; everything is modulo 2**64, as numpy's uint64 is by itself.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)


@dataclass(frozen=True)
class Passage:
    """A stretch that one of several texts shares with the corpus.

    Args:
        text: which of the texts.
        start: where the stretch begins in it.
        length: characters; 0 if they share nothing.
    """

    text: int
    start: int
    length: int


def longest_copy(texts: Sequence[np.ndarray], corpus: np.ndarray) -> Passage:
    """The longest stretch of any of the texts that stands in the corpus as well.

    Each chunk of the corpus is only asked whether it has something longer than what was found in
    those before it, so that most cost one look.

    Args:
        texts: indices, each of shape `(characters,)`; any may be empty.
        corpus: indices of the same vocabulary; its last 50 million are searched.
    """
    longest = max(map(len, texts), default=0)
    if longest == 0 or len(corpus) == 0:
        return Passage(0, 0, 0)
    corpus = corpus[-SEARCHED_AT_MOST:]
    # Texts in a row, each behind an index that the corpus has nowhere.
    border = 1 + max(int(corpus.max()), *(int(t.max()) for t in texts if len(t)))
    query = np.concatenate([np.append(text.astype(np.int64), border) for text in texts])
    # Random values keep apart what the powers of a base alone would not.
    values = np.random.default_rng(0).integers(2**64, size=border + 1, dtype=np.uint64)
    powers, inverses = (_powers(b, _CHUNK + len(query)) for b in (_BASE, _INVERSE))

    def sums(text: np.ndarray) -> np.ndarray:
        """Running sums of values[text[i]] * base**i, beginning with 0."""
        found = np.zeros(len(text) + 1, np.uint64)
        np.cumsum(values[text] * powers[: len(text)], out=found[1:])
        return found

    def hashes(sums: np.ndarray, length: int) -> np.ndarray:
        """The hash of each window of `length`: the sum of values[text[i + j]] * base**j."""
        found: np.ndarray = sums[length:] - sums[:-length]
        found *= inverses[: len(found)]
        return found

    query_sums = sums(query)
    start, length = 0, 0
    for begin in range(0, len(corpus), _CHUNK):
        chunk_sums = sums(corpus[begin : begin + _CHUNK + longest])
        while length < longest:
            match = _match(hashes(query_sums, length + 1), hashes(chunk_sums, length + 1))
            if match is None:
                break
            start = match[0]
            shared = _common_length(query[start:], corpus[begin + match[1] :])
            length = max(length + 1, shared)
    ends = np.cumsum([len(text) + 1 for text in texts])
    which = int(np.searchsorted(ends, start, side="right"))
    return Passage(which, start - int(ends[which]) + len(texts[which]) + 1, length)


def _powers(base: int, count: int) -> np.ndarray:
    powers = np.full(count, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _match(sought: np.ndarray, found: np.ndarray) -> tuple[int, int] | None:
    """Any (i, p) for which sought[i] == found[p]; None if there are none."""
    # Nearly all positions are ruled out by a look at their highest bits.
    shift = np.uint64(64 - _FILTER_BITS)
    is_sought = np.zeros(2**_FILTER_BITS, bool)
    is_sought[sought >> shift] = True
    candidates = np.flatnonzero(is_sought[found >> shift])
    _, i, p = np.intersect1d(sought, found[candidates], return_indices=True)
    return (int(i[0]), int(candidates[p[0]])) if len(i) else None


def _common_length(left: np.ndarray, right: np.ndarray) -> int:
    """How many first characters are the same in both."""
    size = min(len(left), len(right))
    differ = left[:size] != right[:size]
    return int(differ.argmax()) if differ.any() else size


def words(text: str) -> list[str]:
    """The runs of letters in a text, with their marks; as they are written, in order."""
    others = {ord(c): " " for c in set(text) if unicodedata.category(c)[0] not in "LM"}
    return text.translate(others).split()


def known_word_share(text: str, corpus: Iterable[str]) -> float | None:
    """The share of a text's words that stand in the corpus, exactly so; None if it has no words.

    Says little for scripts that put no spaces between words. A last word that the text ends in
    doesn't count: it may be cut off.

    Args:
        text: what was generated.
        corpus: the text that it should know, in chunks of any size.
    """
    written = words(text)
    if written and text.endswith(written[-1]):
        written.pop()
    if not written:
        return None
    unknown = set(written)
    rest = ""
    for chunk in corpus:
        chunk = rest + chunk
        found = words(chunk)
        # A word that touches the chunk's end may go on in the next one.
        rest = found.pop() if found and chunk.endswith(found[-1]) else ""
        unknown.difference_update(found)
    unknown.discard(rest)
    return sum(word not in unknown for word in written) / len(written)
