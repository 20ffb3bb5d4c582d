"""What a page offers to begin with comes from the text itself, whole."""

from __future__ import annotations

import pytest

from model.chat.dialogue import ChatTemplate
from training.text.starters import starters

PLAY = "".join(
    f"ANN:\nWho is there, {n}?\n\nBOB:\nNobody is there, and it is number {n}.\n\n"
    for n in range(30)
)


def test_of_a_dialogue_they_are_turns_of_the_visitors_speaker() -> None:
    asked = [f"Who is there, {n}?" for n in (0, 7, 14, 21)]  # spread over the text
    template = ChatTemplate(speakers=("ANN", "BOB"), user_speaker="ANN")
    assert starters(PLAY, template, is_list=False) == asked


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # a paragraph's first line, cut between words
        (
            "The sea was calm. " * 9 + "\n\nShe slept.\nnot this\n",
            ["The sea was calm. The sea was calm. The sea was calm. The", "She slept."],
        ),
        (
            "def f(x):\n    return x\n\n\ndef g(x, y):\n    pass\n" * 3,
            ["    return x", "def g(x, y):"],
        ),
        ("", []),
        ("\n\n \n", []),
    ],
)
def test_of_prose_and_code_they_are_lines(text: str, found: list[str]) -> None:
    assert starters(text, None, is_list=False) == found


def test_of_a_list_they_are_how_items_begin() -> None:
    towns = "".join(
        f"{way} {place}\n" for way in ("New", "Saint", "Old", "Far") for place in "abcdef"
    )
    assert starters(towns, None, is_list=True) == ["New", "Saint", "Old", "Far"]
    assert starters("anna\nanton\nbo\n", None, is_list=True) == ["an", "bo"]
