"""Vocabulary: sorted code points, and an encoding that never fails and tells what it changed."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter

import pytest

from model.vocabulary import MAX_VOCABULARY, UNKNOWN, Vocabulary, normalized
from tests.reference import TEXT

ASCII = Vocabulary(tuple(sorted(set(map(chr, range(32, 127))) | {"\n"})))


def test_a_text_comes_back_from_its_indices() -> None:
    vocabulary = Vocabulary.from_counts(Counter(TEXT))
    encoded = vocabulary.encode(TEXT)
    assert vocabulary.decode(encoded.indices) == TEXT
    assert not encoded.changes
    assert encoded.describe() == ""
    assert list(vocabulary.characters) == sorted(vocabulary.characters)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("“Don’t”", '"Don\'t"'),
        ("a – b — c", "a - b - c"),
        ("wait…", "wait..."),
        ("naïve café", "naive cafe"),
        ("ＲＯＭＥＯ：", "ROMEO:"),
        ("a\u00a0b\tc", "a b c"),
        ("one\r\ntwo", "one\ntwo"),
        ("Straße", "Strasse"),
        ("漢x漢\u0000\ud83d", "x"),
    ],
)
def test_typographic_variants_fall_back_to_what_the_vocabulary_has(typed: str, read: str) -> None:
    assert ASCII.decode(ASCII.encode(typed).indices) == read


@pytest.mark.parametrize(
    ("characters", "typed", "read"),
    [("’”“abc—", "a'b\"c", "a’b”c"), ("ABC", "abÇ", "ABC"), ("é", "e\u0301é", "éé")],
)
def test_the_fallback_goes_the_other_way_too(characters: str, typed: str, read: str) -> None:
    vocabulary = Vocabulary(tuple(characters))
    assert vocabulary.decode(vocabulary.encode(typed).indices) == read


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("漢x漢\u0000\ud83d", "“漢” (2 times), U+0000, U+D83D left out"),
        ("Приñú", "“П”, “р”, “и” left out; “ñ” read as “n”; “ú” read as “u”"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 500))), "“下” and 488 others left out"),
    ],
)
def test_changes_are_told_in_a_few_words(typed: str, told: str) -> None:
    assert ASCII.encode(typed).describe().endswith(told)
    assert len(ASCII.encode(typed).describe()) < 120


def test_rare_characters_are_folded_into_one_and_so_are_those_beyond_the_limit() -> None:
    rare = Vocabulary.from_counts(Counter("aaabbbc"), min_count=2)
    assert rare.characters == ("a", "b", UNKNOWN)
    assert rare.encode("ac").indices.tolist() == [0, 2]
    assert "unknown" in rare.encode("ac").describe()
    many = {chr(0x4E00 + i): 1 + (i < 100) for i in range(MAX_VOCABULARY + 500)}
    vocabulary = Vocabulary.from_counts(many)
    assert len(vocabulary) == MAX_VOCABULARY
    assert UNKNOWN in vocabulary
    assert all(chr(0x4E00 + i) in vocabulary for i in range(100))


@pytest.mark.parametrize("characters", [(), ("a", "a"), ("ab",), ("",)])
def test_a_vocabulary_that_cannot_be_one_is_refused(characters: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"character|code point|twice"):
        Vocabulary(characters)


@pytest.mark.parametrize(
    "marks",
    [
        "\u0301" * 30_000 + "\u0323" * 30_000,
        "\u0301\u0323" * 30_000,
        *("\u0f73" * 60_000, "\u0344" * 60_000),  # each is two marks
    ],
)
def test_a_long_row_of_combining_marks_is_cut_before_it_is_normalised(marks: str) -> None:
    began = time.process_time()
    found = normalized(f"a{marks}b")  # NFC alone takes 11 s for the first of these
    assert time.process_time() - began < 1
    assert 2 < len(found) <= 2 + 4 * 30
    assert found[-1] == "b"


def test_what_people_write_is_normalised_as_it_is() -> None:
    marked = "e" + "\u0323\u0301" * 15
    for word in ("Zoe\u0308", "Vie\u0302\u0323t", "\u1112\u1161\u11ab", "\u0928\u093f", marked):
        assert normalized(word) == unicodedata.normalize("NFC", word)
