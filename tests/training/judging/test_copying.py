"""Copying: the longest shared passage to the character, wherever it lies; words as written."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.reference import TEXT
from training.judging import copying
from training.judging.copying import known_word_share, longest_copy, words


def code_points(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], np.int64)


def shared(texts: list[str], corpus: str) -> str:
    found = longest_copy([code_points(text) for text in texts], code_points(corpus))
    if found.length == 0:
        return ""
    return texts[found.text][found.start : found.start + found.length]


def slowly_shared(texts: list[str], corpus: str) -> int:
    longest = 0
    for text in texts:
        for start in range(len(text)):
            while start + longest < len(text) and text[start : start + longest + 1] in corpus:
                longest += 1
    return longest


@pytest.mark.parametrize("length", [1, 7, 61, 1_500])
@pytest.mark.parametrize("place", [0, 5_000, -1])
def test_a_planted_passage_is_found_to_the_character(length: int, place: int) -> None:
    corpus = TEXT[:100_000]
    start = place if place >= 0 else len(corpus) - length
    passage = corpus[start : start + length]
    around = "\u2603" * 50  # a character that the corpus lacks
    assert shared(["", around + passage + around, around], corpus) == passage


def test_passages_over_the_borders_of_chunks_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_CHUNK", 1_000)
    corpus = TEXT[:5_000]
    for start in (0, 700, 999, 1_000, 1_001, 3_950):
        passage = corpus[start : start + 900]
        assert shared([f"\u2603{passage}\u2603"], corpus) == passage


def test_any_texts_share_what_a_slow_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    for _ in range(80):
        monkeypatch.setattr(copying, "_CHUNK", rng.choice([1, 2, 7, 50]))
        kinds = "aab\u00e9\u4e00\U0001f600"[: rng.randint(1, 6)]
        corpus = "".join(rng.choices(kinds, k=rng.randint(0, 60)))
        texts = ["".join(rng.choices(kinds + "x", k=rng.randint(0, 20))) for _ in range(3)]
        found = shared(texts, corpus)
        assert found in corpus
        assert len(found) == slowly_shared(texts, corpus)


def test_a_passage_ends_where_its_text_ends() -> None:
    assert len(shared(["the", "the"], "the the the the")) == 3


def test_nothing_is_shared_with_nothing() -> None:
    for texts, corpus in (([], "abc"), (["", ""], "abc"), (["abc"], ""), (["\u4e00"], "abc")):
        assert shared(texts, corpus) == ""


def test_a_long_repetition_is_found_at_once() -> None:
    same = np.zeros(300_000, np.uint8)
    assert longest_copy([same[:2_000]], same).length == 2_000


def test_of_a_long_corpus_the_end_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "SEARCHED_AT_MOST", 10)
    assert shared(["first"], "first" + "-" * 10) == ""
    assert shared(["last"], "-" * 10 + "last") == "last"


def test_words_are_runs_of_letters_in_any_script() -> None:
    assert words("It's 3 o'clock, na\u00efve_caf\u00e9!") == [
        "It", "s", "o", "clock", "na\u00efve", "caf\u00e9",
    ]  # fmt: skip
    # Vowel signs are no letters, but parts of their word.
    assert words("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902") == [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u092e\u0947\u0902",
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_words_are_known_wherever_the_corpus_is_cut(size: int) -> None:
    corpus = "the cat sat on the mat"
    chunks = [corpus[at : at + size] for at in range(0, len(corpus), size)]
    assert known_word_share("the mat sat on a cats ca.", chunks) == 4 / 7
    assert known_word_share("the mat sat on a cats ca", chunks) == 4 / 6  # which may be cut off
    assert known_word_share("mat ", chunks) == 1
    assert known_word_share("mat", chunks) is None
    assert known_word_share("123 ...", chunks) is None
    assert known_word_share("", []) is None
