"""Dialogue: turns become one text."""

from __future__ import annotations

import time
from dataclasses import asdict

import pytest

from model.chat.dialogue import ChatTemplate, Turn, conversation_text, written_text

PLAY = ChatTemplate(
    user_prefix="ROMEO:\n",
    user_suffix="\n\n",
    reply_prefix="JULIET:\n",
    reply_suffix="\n\n",
    speakers=("ROMEO", "JULIET", "NURSE"),
    stop=("\n\n",),
    user_speaker="ROMEO",
    reply_speaker="JULIET",
)
CHAT = ChatTemplate(
    user_prefix="[12.03.21, 2:05 AM] A: ",
    user_suffix="\n",
    reply_prefix="[12.03.21, 2:05 AM] Bob (work): ",
    reply_suffix="\n",
    speakers=("Bob (work)", "A"),
    stop=("\n[", "\nA:"),
    user_speaker="A",
    reply_speaker="Bob (work)",
)


def said(text: str, speaker: str = "") -> Turn:
    return Turn("user", text, speaker)


def replied(text: str, speaker: str = "", is_whole: bool = True) -> Turn:
    return Turn("assistant", text, speaker, is_whole)


def test_without_a_template_turns_are_joined_exactly_as_shown() -> None:
    turns = [said("Once "), replied("upon a"), said(" time\n")]
    assert conversation_text(turns) == written_text(turns) == "Once upon a time\n"
    assert conversation_text([]) == ""


def test_a_template_puts_its_text_around_turns_that_say_something_and_begins_a_reply() -> None:
    turns = [said(" \n "), replied(""), said("Ay me."), replied("O, speak again.")]
    text = "ROMEO:\nAy me.\n\nJULIET:\nO, speak again."
    assert conversation_text(turns, PLAY) == f"{text}\n\nJULIET:\n"
    assert written_text(turns, PLAY) == text
    assert conversation_text([], PLAY) == "JULIET:\n"
    assert written_text([], PLAY) == ""


def test_each_turn_keeps_its_speaker_and_only_the_one_who_was_cut_is_continued() -> None:
    turns = [said("Madam!", "JULIET"), replied("Anon, g", "NURSE", is_whole=False)]
    text = "JULIET:\nMadam!\n\nNURSE:\nAnon, g"
    assert PLAY.is_unfinished(turns, "NURSE")
    assert conversation_text(turns, PLAY, "NURSE") == text
    assert conversation_text(turns, PLAY, "ROMEO") == f"{text}\n\nROMEO:\n"


def test_a_name_is_exchanged_where_it_is_a_name() -> None:
    assert CHAT.prefix("user", "Cy") == "[12.03.21, 2:05 AM] Cy: "
    assert CHAT.prefix("assistant", "A") == "[12.03.21, 2:05 AM] A: "
    assert CHAT.has_choice_of_speakers
    assert not ChatTemplate("You: ", reply_prefix="Me: ", speakers=("A",)).has_choice_of_speakers


@pytest.mark.parametrize(
    ("template", "typed", "fed"),
    [
        (PLAY, "Two\nlines", "Two\nlines"),
        (PLAY, "\n One\n\n\n\nand two \n\n", "One\nand two"),
        (CHAT, "I said\n[that] and\nA: this", "I said [that] and A: this"),
        (ChatTemplate(stop=("\n",)), "a\n\n  b\n", "a b"),
        (ChatTemplate(stop=("###", "\n#")), "a ### b\n# c\n### d", "a  b # c\n d"),
        (ChatTemplate(stop=("\n\\1:",)), "a\n\\1:b", "a \\1:b"),
        (ChatTemplate(stop=(" ",)), " a b ", "ab"),
        (ChatTemplate(), " \n\nas it is\n", " \n\nas it is\n"),
    ],
)
def test_a_message_loses_what_would_end_its_turn(
    template: ChatTemplate, typed: str, fed: str
) -> None:
    assert template.fitted(typed) == fed
    assert not any(string in fed for string in template.stop)


def test_a_huge_odd_message_is_fitted_soon() -> None:
    began = time.monotonic()
    odd = "a" + " " * 100_000 + "b\n" + "\n" * 100_000 + "\n[" * 100_000
    for template in (PLAY, CHAT, ChatTemplate(stop=("\n",))):
        template.fitted(odd)
    assert time.monotonic() - began < 2


def test_a_reply_that_was_cut_inside_a_stop_string_ends_before_it() -> None:
    for template, cut, shown in ((CHAT, "Yes\nA", "Yes"), (PLAY, "It\nis\n", "It\nis")):
        assert template.trimmed(cut) == template.trimmed(shown) == shown


def test_a_template_comes_back_from_json_and_an_older_one_lacks_nothing() -> None:
    assert ChatTemplate.from_json(asdict(PLAY)) == PLAY
    older: dict[str, object] = {"user_prefix": "A: ", "speakers": ["A"], "more": 1}
    assert ChatTemplate.from_json(older) == ChatTemplate("A: ", speakers=("A",))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("ROMEO", "must be an object"),
        ({"user_prefix": 5}, "user_prefix must be a string"),
        ({"reply_prefix": "x" * 1_001}, "reply_prefix must be a string .at most 1,000"),
        ({"speakers": "ROMEO"}, "speakers must be a list"),
        ({"stop": [""]}, "stop must be a list of at most 100 strings that are not empty"),
        ({"stop": ["\n"] * 101}, "stop must be a list of at most 100"),
    ],
)
def test_a_strangers_template_that_cannot_be_one_is_refused(data: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ChatTemplate.from_json(data)


def test_a_message_that_makes_new_stop_strings_again_and_again_is_cut_in_time() -> None:
    began = time.process_time()
    fitted = ChatTemplate(stop=("ab", "\n\n")).fitted("a" * 50_000 + "b" * 49_000)  # took 9.5 s
    assert time.process_time() - began < 1
    assert "ab" not in fitted
