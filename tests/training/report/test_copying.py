"""Copying: the longest shared passage to the character, wherever it lies; words as written."""

from __future__ import annotations

import random

from tests.reference import TEXT
from training.report.copying import known_word_share, longest_copy, words


def slowly_shared(texts: list[str], corpus: str) -> int:
    longest = 0
    for text in texts:
        for start in range(len(text)):
            while start + longest < len(text) and text[start : start + longest + 1] in corpus:
                longest += 1
    return longest


def test_any_texts_share_what_a_slow_search_finds() -> None:
    rng = random.Random(1)
    for _ in range(80):
        kinds = "aab\u00e9\u4e00\U0001f600"[: rng.randint(1, 6)]
        corpus = "".join(rng.choices(kinds, k=rng.randint(0, 60)))
        texts = ["".join(rng.choices(kinds + "x", k=rng.randint(0, 20))) for _ in range(3)]
        found = longest_copy(texts, corpus)
        assert found in corpus
        assert len(found) == slowly_shared(texts, corpus)


def test_a_long_repetition_is_found_at_once() -> None:
    same = "0" * 300_000
    assert len(longest_copy([same[:2_000]], same)) == 2_000
    other = "\u2603" * 50  # a character that the text lacks
    for passage in (TEXT[:1_500], TEXT[99_000:100_000]):
        assert longest_copy(["", other + passage + other], TEXT[:100_000]) == passage


def test_words_are_runs_of_letters_in_any_script() -> None:
    assert words("It's 3 o'clock, na\u00efve_caf\u00e9!") == [
        "It", "s", "o", "clock", "na\u00efve", "caf\u00e9",
    ]  # fmt: skip
    # Vowel signs are no letters, but parts of their word.
    assert words("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902") == [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u092e\u0947\u0902",
    ]


def test_words_are_known_if_the_corpus_has_them_whole() -> None:
    corpus = "the cat sat on the mat"
    assert known_word_share("the mat sat on a cats ca.", corpus) == 4 / 7
    assert known_word_share("the mat sat on a cats ca", corpus) == 4 / 6  # which may be cut off
    for nothing in ("mat", "123 ...", ""):
        assert known_word_share(nothing, corpus) is None
