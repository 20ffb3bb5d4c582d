"""Vocabulary: sorted code points, and an encoding that never fails and tells what it changed."""

from __future__ import annotations

from collections import Counter

import pytest

from model.vocabulary import MAX_VOCABULARY, UNKNOWN, Vocabulary
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
    ],
)
def test_typographic_variants_fall_back_to_what_the_vocabulary_has(typed: str, read: str) -> None:
    assert ASCII.decode(ASCII.encode(typed).indices) == read


def test_the_fallback_goes_the_other_way_too_and_ignores_case_in_the_end() -> None:
    curly = Vocabulary(tuple("’”“abc—"))
    assert curly.decode(curly.encode("a'b\"c").indices) == "a’b”c"
    upper = Vocabulary(tuple("ABC"))
    assert upper.decode(upper.encode("abÇ").indices) == "ABC"


def test_what_has_no_variant_is_dropped_and_listed() -> None:
    encoded = ASCII.encode("漢x漢\u0000")
    assert ASCII.decode(encoded.indices) == "x"
    assert encoded.changes == {("漢", ""): 2, ("\u0000", ""): 1}
    assert encoded.describe() == "“漢” (2 times), U+0000 left out"


def test_many_changes_are_told_in_a_few_words() -> None:
    told = ASCII.encode("Привет, ñandú").describe()
    assert told == "“П”, “р”, “и”, “в”, “е”, “т” left out; “ñ” read as “n”; “ú” read as “u”"
    many = ASCII.encode("".join(map(chr, range(0x4E00, 0x4E00 + 500)))).describe()
    assert many.endswith("“下” and 488 others left out")
    assert len(many) < 120


def test_what_has_no_variant_becomes_the_unknown_character_where_there_is_one() -> None:
    vocabulary = Vocabulary(("a", UNKNOWN))
    encoded = vocabulary.encode("a漢")
    assert encoded.indices.tolist() == [0, 1]
    assert "unknown" in encoded.describe()


def test_composed_and_decomposed_accents_are_the_same_character() -> None:
    vocabulary = Vocabulary(("é",))
    assert vocabulary.encode("e\u0301é").indices.tolist() == [0, 0]


def test_half_a_surrogate_pair_is_survived() -> None:
    encoded = ASCII.encode("a\ud83d")
    assert encoded.indices.tolist() == [ASCII.index("a")]
    assert encoded.describe() == "U+D83D left out"


def test_rare_characters_are_folded_into_one_and_so_are_those_beyond_the_limit() -> None:
    rare = Vocabulary.from_counts(Counter("aaabbbc"), min_count=2)
    assert rare.characters == ("a", "b", UNKNOWN)
    many = {chr(0x4E00 + i): 1 + (i < 100) for i in range(MAX_VOCABULARY + 500)}
    vocabulary = Vocabulary.from_counts(many)
    assert len(vocabulary) == MAX_VOCABULARY
    assert UNKNOWN in vocabulary
    assert all(chr(0x4E00 + i) in vocabulary for i in range(100))


@pytest.mark.parametrize("characters", [(), ("a", "a"), ("ab",), ("",)])
def test_a_vocabulary_that_cannot_be_one_is_refused(characters: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"character|code point|twice"):
        Vocabulary(characters)
