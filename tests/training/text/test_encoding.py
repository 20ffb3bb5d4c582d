"""Encoding: the indices and the NFC that a plain implementation gives, for all of Unicode."""

from __future__ import annotations

import io
import random
import unicodedata
from collections import Counter

import numpy as np
import pytest

from model.vocabulary import UNKNOWN, Vocabulary
from tests.reference import TEXT
from training.run import TrainingError
from training.text import encoding
from training.text.encoding import Encoder

COMBINING = "\u0301\u0323\u0308\u3099\u093c\u094d\u05bc\u05b0\u1161\u11a8"


def encode(text: str, *, chunk: int, min_count: int = 1) -> tuple[str, dict[str, int]]:
    """What comes out of the encoder, decoded again, and its counts."""
    encoder = Encoder(io.BytesIO())
    for start in range(0, len(text), chunk):
        encoder.add(text[start : start + chunk])
    encoder.finish()
    counts = encoder.counts()
    vocabulary = Vocabulary.from_counts(counts, min_count)
    file = io.BytesIO()
    encoder.write(file, vocabulary)
    indices = np.frombuffer(file.getvalue(), encoding.index_type(vocabulary))
    assert len(encoder) == len(indices)
    return vocabulary.decode(indices), counts


@pytest.mark.parametrize("chunk", [1, 13, 5_000, 10**9])
def test_real_text_is_encoded_and_counted(chunk: int) -> None:
    text = TEXT[:20_000]
    assert encode(text, chunk=chunk) == (text, Counter(text))


@pytest.mark.parametrize("kinds", [254, 255, 256, 65_535, 65_536])
def test_any_number_of_kinds_of_character_is_counted(kinds: int) -> None:
    letters = [chr(code) for code in range(0x20, 0x2F000) if chr(code).isalnum()]
    text = unicodedata.normalize("NFC", "".join(letters[:kinds]) + "".join(letters[:300]))
    decoded, counts = encode(text, chunk=1_000)
    assert counts == Counter(text)
    kept = Vocabulary.from_counts(counts)
    assert decoded == "".join(c if c in kept else UNKNOWN for c in text)


def test_text_with_combining_characters_is_composed_as_a_whole_would_be() -> None:
    decomposed = [chr(c) for c in range(0xC0, 0x30000) if unicodedata.decomposition(chr(c))]
    for seed in range(30):
        choose = random.Random(seed).choice
        pools = [COMBINING, decomposed, "ae \n", "नमस्ते", "\u1100\uac00한국", "שלום"]
        text = "".join(choose(choose(pools)) for _ in range(400))
        decoded, counts = encode(text, chunk=choose([1, 2, 7, 100]))
        assert decoded == unicodedata.normalize("NFC", text)
        assert counts == Counter(decoded)


def test_text_is_only_cut_where_nothing_is_composed_across() -> None:
    every = [chr(code) for code in range(0x40000)]
    plain = [character for character in every if encoding._is_border(character)]
    assert len(every) - len(plain) < 4_000
    for character in every:
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert not encoding._is_border(chr(int(parts[1], 16)))
    hangul = [chr(code) for code in range(0xAC00, 0xD7A4)]
    for character in unicodedata.normalize("NFD", "".join(hangul)):
        assert encoding._is_border(character) == ("\u1100" <= character <= "\u1112")
    assert unicodedata.is_normalized("NFC", "".join(plain).encode("utf-8", "ignore").decode())


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(TrainingError, match="half of a surrogate pair"):
        encode("abc\ud800def", chunk=100)
