"""Text -> indices in a file, in one pass over a text whose characters aren't known beforehand.

Each character gets a provisional index when it is first met; when the text has ended, they are
exchanged for those of a vocabulary. Text is brought into NFC on the way. Memory doesn't grow with
the text. Knows nothing about files of text or about runs.
"""

from __future__ import annotations

import sys
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np

from model.vocabulary import Vocabulary
from training.settings import TrainingError

_BLOCK = 2**16  # indices


class Encoder:
    """Takes a text in chunks, however they are cut; then writes its indices.

    Args:
        scratch: a file to write and read again, for the provisional indices.
    """

    def __init__(self, scratch: BinaryIO) -> None:
        self.characters: list[str] = []
        """Every character that was met; its provisional index is its place, from 1."""
        self._scratch = scratch
        self._lengths: dict[np.dtype[np.unsignedinteger], int] = {}  # of the parts in the file
        self._pending = ""
        # Code point -> provisional index; 0 stands for what wasn't met, and in the second also for
        # what NFC might change. So text without either, which is most, costs one look a character.
        self._known = np.zeros(sys.maxunicode + 1, np.uint8)
        self._plain = self._known.copy()

    def __len__(self) -> int:
        """Number of indices so far."""
        return sum(self._lengths.values())

    def add(self, text: str) -> None:
        """Go on with the text. Raises TrainingError if it isn't Unicode."""
        text = self._pending + text
        border = next((i for i in range(len(text) - 1, 0, -1) if _is_border(text[i])), 0)
        self._encode(text[:border])
        self._pending = text[border:]

    def finish(self) -> None:
        """The text has ended."""
        self._encode(self._pending)
        self._pending = ""

    def _encode(self, text: str) -> None:
        units = _code_units(text)
        indices = self._plain.take(units)
        if not indices.all():
            kinds = map(chr, np.unique(units[indices == 0]).tolist())
            if not all(map(_is_border, kinds)):
                units = _code_units(_normalised(text))
            indices = self._known.take(units)
            if not indices.all():
                self._meet(np.unique(units[indices == 0]))
                indices = self._known.take(units)
        self._scratch.write(indices.data)
        self._lengths[indices.dtype] = len(indices) + self._lengths.get(indices.dtype, 0)

    def _meet(self, new: np.ndarray) -> None:
        """Give an index to each of these code points."""
        first = len(self.characters) + 1
        self.characters += map(chr, new.tolist())
        dtype = np.min_scalar_type(len(self.characters))
        self._known = self._known.astype(dtype, copy=False)
        self._plain = self._plain.astype(dtype, copy=False)
        self._known[new] = np.arange(first, first + len(new))
        plain = [code for code in new.tolist() if _is_border(chr(code))]
        self._plain[plain] = self._known[plain]

    def _blocks(self) -> Iterator[np.ndarray]:
        self._scratch.seek(0)
        for dtype, length in self._lengths.items():
            for start in range(0, length, _BLOCK):
                size = min(_BLOCK, length - start) * dtype.itemsize
                yield np.frombuffer(self._scratch.read(size), dtype)

    def counts(self) -> dict[str, int]:
        """How often each character occurs. Takes as long as encoding does."""
        counts = np.zeros(len(self.characters) + 1, np.int64)
        for block in self._blocks():
            counts += np.bincount(block, minlength=len(counts))
        return dict(zip(self.characters, counts[1:].tolist(), strict=True))

    def write(self, file: BinaryIO, vocabulary: Vocabulary) -> int:
        """Write the indices that a vocabulary gives to the text; their CRC-32.

        A character that it lacks gets its unknown character's index.
        """
        unknown = vocabulary.unknown_index or 0
        final = [vocabulary.index(c) if c in vocabulary else unknown for c in self.characters]
        table = np.array([0, *final], index_type(vocabulary))
        crc = 0
        for block in self._blocks():
            indices = table.take(block)
            crc = zlib.crc32(indices.data, crc)
            file.write(indices.data)
        return crc


def index_type(vocabulary: Vocabulary) -> type[np.uint8] | type[np.uint16]:
    """The type of the indices in a file."""
    return np.uint8 if len(vocabulary) <= 256 else np.uint16


def _code_units(text: str) -> np.ndarray:
    """The code points, in the narrowest type in which Python gives them away without a search."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        pass
    try:
        data = text.encode("utf-16-le")
    except UnicodeEncodeError:
        raise TrainingError(
            "the text holds half of a surrogate pair, which is no character: is --encoding right?"
        ) from None
    if len(data) == 2 * len(text):
        return np.frombuffer(data, np.uint16)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _normalised(text: str) -> str:
    """NFC by lines: most pass Unicode's quick check, and only the others take the slow way.

    Hindi takes 67 MB/s so, and 29 as a whole.
    """
    return "".join(unicodedata.normalize("NFC", line) for line in text.splitlines(keepends=True))


def _is_border(character: str) -> bool:
    """Whether NFC leaves this character as it is, whatever stands before it.

    Text may be cut before such a one, and text of nothing else is in NFC (UAX #15, 9: those whose
    quick check says yes and whose combining class is 0).
    """
    if character < "\u0300":
        return True
    return (
        unicodedata.combining(character) == 0
        and unicodedata.normalize("NFC", character) == character
        and character not in _joined_to_what_precedes()
    )


@cache
def _joined_to_what_precedes() -> frozenset[str]:
    """The second halves of all pairs that NFC composes."""
    found = set(map(chr, range(0x1161, 0x11C3)))  # vowels and finals of Hangul: composed by rule
    for code in range(0xC0, 0x20000):  # in the planes above, decompositions are single characters
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)
