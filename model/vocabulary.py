"""Vocabulary: the mapping between characters and indices, and what stands in for the rest.

A character is a Unicode code point after NFC normalisation. Encoding a prompt never fails: a
character that the vocabulary lacks falls back to a typographic variant that it has, and what is
left is dropped or becomes the unknown character. Knows nothing about files or networks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

UNKNOWN = "\ufffd"
"""U+FFFD REPLACEMENT CHARACTER stands for every rare character that a vocabulary folds away."""

MAX_VOCABULARY = 8_000
"""Above this many distinct characters, rare ones are folded without being asked."""

_MOST_TOLD = 12  # characters, of those that were changed alike

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


def _variants_of(character: str) -> Iterator[str]:
    """Texts that may stand for `character`, the most faithful first."""
    for group in _VARIANTS:
        if character in group:
            yield from (member for member in group if member != character)
    compatible = unicodedata.normalize("NFKC", character)
    yield compatible
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    yield bare
    for text in (character, compatible, bare):
        yield text.swapcase()


@dataclass(frozen=True)
class Change:
    """One character that encoding had to change, and how often; replacement "" means dropped."""

    original: str
    replacement: str
    count: int


@dataclass(frozen=True)
class Encoded:
    """Indices of shape `(time,)`, int64, and every change that was made to get there."""

    indices: np.ndarray
    changes: tuple[Change, ...]

    def describe(self) -> str:
        """The changes in one line of plain words; "" if there were none."""
        alike: dict[str, list[str]] = {}
        for change in self.changes:
            done = {"": "left out", UNKNOWN: "read as an unknown character"}.get(
                change.replacement, f"read as {_shown(change.replacement)}"
            )
            times = f" ({change.count} times)" if change.count > 1 else ""
            alike.setdefault(done, []).append(f"{_shown(change.original)}{times}")
        return "; ".join(f"{_listed(originals)} {done}" for done, originals in alike.items())


def _listed(originals: list[str]) -> str:
    more = len(originals) - _MOST_TOLD
    return ", ".join(originals[:_MOST_TOLD]) + (f" and {more:,} others" if more > 0 else "")


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
        if any(len(character) != 1 for character in self.characters):
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
        normal = unicodedata.normalize("NFC", text)
        lacking: dict[str, int] = {}
        for character in normal:
            if character not in self._index:
                lacking[character] = lacking.get(character, 0) + 1
        if lacking:
            replacements = {character: self.fallback(character) for character in lacking}
            normal = "".join(replacements.get(character, character) for character in normal)
        indices = np.fromiter(
            (self._index[character] for character in normal), np.int64, len(normal)
        )
        changes = tuple(
            Change(original, replacements[original], count) for original, count in lacking.items()
        )
        return Encoded(indices, changes)

    def decode(self, indices: Iterable[int] | Sequence[int]) -> str:
        """The text of these indices."""
        return "".join(self.characters[index] for index in indices)
