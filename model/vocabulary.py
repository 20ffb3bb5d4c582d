"""Vocabulary: the mapping between characters and indices, and what stands in for the rest.

A character is a Unicode code point after NFC normalisation. Encoding a prompt never fails: a
character that the vocabulary lacks falls back to a typographic variant that it has, and what is
left is dropped or becomes the unknown character. Knows nothing about files or networks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

UNKNOWN = "\ufffd"
"""U+FFFD REPLACEMENT CHARACTER stands for every rare character that a vocabulary folds away."""

MAX_VOCABULARY = 8_000
"""Above this many distinct characters, rare ones are folded without being asked."""

_MOST_TOLD = 12  # characters, of those that were changed alike
_MOST_MARKS = 30

# Groups of characters that stand in for one another, nearest first. A member may be longer than
# one character ("..." for an ellipsis); only single characters are looked up.
_VARIANTS: tuple[tuple[str, ...], ...] = (
    ("'", "\u2019", "\u2018", "\u02bc", "\u2032", "\u00b4", "`", "\u201b", "\u201a"),
    ('"', "\u201d", "\u201c", "\u201e", "\u00ab", "\u00bb", "\u2033", "\u201f", "''"),
    ("-", "\u2010", "\u2011", "\u2013", "\u2212", "\u2012", "\u2014", "\u2015", "\u00ad"),
    ("\u2014", "\u2013", "\u2015", "--", "-"),
    ("\u2026", "..."),
    (" ", "\u00a0", "\u2009", "\u202f", "\u3000", "\t"),
    ("\n", "\u2028", "\u2029", "\u0085", "\r", "\v", "\f"),
    ("\u00df", "ss"),
    ("\u00e6", "ae"),
    ("\u0153", "oe"),
    ("\u00f8", "o"),
    ("\u0142", "l"),
    ("\u00d7", "x"),
    ("\u2022", "*", "-"),
)


def normalized(text: str) -> str:
    """NFC, and no more than 30 combining marks in a row; what follows them is left out.

    Normalising takes quadratic time in such a row, and no other thread runs meanwhile. Writing has
    two or three; 30 is what UAX #15 allows in its stream-safe format.
    """
    if text.isascii():
        return text
    decomposed = ((c, unicodedata.normalize("NFD", c)) for c in set(text))
    if marks := "".join(re.escape(c) for c, parts in decomposed if unicodedata.combining(parts[0])):
        text = re.sub(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+", r"\1", text)
    return unicodedata.normalize("NFC", text)


def _variants_of(character: str) -> Iterator[str]:
    """Texts that may stand for `character`, the most faithful first."""
    for group in _VARIANTS:
        if character in group:
            yield from (member for member in group if member != character)
    compatible = unicodedata.normalize("NFKC", character)
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    yield from (compatible, bare)
    yield from (text.swapcase() for text in (character, compatible, bare))


@dataclass(frozen=True)
class Encoded:
    """An encoded text, and every change that was made to get there."""

    indices: np.ndarray  # (time,), int64
    changes: dict[tuple[str, str], int]  # character, what it became ("" if dropped): how often

    def describe(self) -> str:
        """The changes in one line of plain words; "" if there were none."""
        alike: dict[str, list[str]] = {}
        for (character, became), count in self.changes.items():
            done = f"read as {'an unknown character' if became == UNKNOWN else _shown(became)}"
            times = f" ({count} times)" if count > 1 else ""
            alike.setdefault(done if became else "left out", []).append(_shown(character) + times)
        return "; ".join(f"{_listed(characters)} {done}" for done, characters in alike.items())


def _listed(characters: list[str]) -> str:
    more = len(characters) - _MOST_TOLD
    return ", ".join(characters[:_MOST_TOLD]) + (f" and {more:,} others" if more > 0 else "")


def _shown(text: str) -> str:
    """`text` in quotes where it can be seen, by its code points where it can't."""
    if text.isprintable() and text.strip():
        return f"\u201c{text}\u201d"
    return " ".join(f"U+{ord(character):04X}" for character in text)


@dataclass(frozen=True)
class Vocabulary:
    """The characters of a model in index order.

    Raises:
        ValueError: if a character is not one code point, or occurs twice.
    """

    characters: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.characters:
            raise ValueError("a vocabulary needs at least one character")
        if any(not isinstance(c, str) or len(c) != 1 for c in self.characters):
            raise ValueError("every entry of a vocabulary must be one Unicode code point")
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("a character occurs twice in the vocabulary")

    def __len__(self) -> int:
        return len(self.characters)

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], min_count: int = 1, max_size: int = MAX_VOCABULARY
    ) -> Vocabulary:
        """The sorted vocabulary of a corpus with these character counts.

        Characters that occur less than `min_count` times, and the rarest beyond `max_size`, are
        folded into `UNKNOWN`.
        """
        kept = {c for c, n in counts.items() if n >= min_count and c != UNKNOWN}
        if len(kept) > max_size:
            by_count = sorted(kept, key=lambda c: (-counts[c], c))
            kept = set(by_count[: max_size - 1])
        if len(kept) < len(counts):
            kept.add(UNKNOWN)
        return cls(tuple(sorted(kept)))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {character: index for index, character in enumerate(self.characters)}

    @property
    def unknown_index(self) -> int | None:
        """The index that stands for every folded character, or None."""
        return self._index.get(UNKNOWN)

    def __contains__(self, character: object) -> bool:
        return character in self._index

    def index(self, character: str) -> int:
        """The index of one character. Raises KeyError if the vocabulary lacks it."""
        return self._index[character]

    def fallback(self, character: str) -> str:
        """What stands for a character that the vocabulary lacks; "" if it is to be dropped."""
        for variant in _variants_of(character):
            if variant and all(part in self._index for part in variant):
                return variant
        return UNKNOWN if UNKNOWN in self._index else ""

    def encode(self, text: str) -> Encoded:
        """Encode any text; the result lists what had to be changed. Never fails."""
        if "\r" not in self._index:
            text = text.replace("\r\n", "\n")
        normal = normalized(text)
        lacking = Counter(character for character in normal if character not in self._index)
        fallbacks = {character: self.fallback(character) for character in lacking}
        known = normal.translate({ord(c): text for c, text in fallbacks.items()})
        indices = np.fromiter(map(self._index.__getitem__, known), np.int64, len(known))
        return Encoded(indices, {(c, fallbacks[c]): count for c, count in lacking.items()})

    def decode(self, indices: Iterable[int]) -> str:
        """The text of these indices."""
        return "".join(self.characters[index] for index in indices)
