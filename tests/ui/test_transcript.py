"""The text stays one text, and what the chatbot is given means exactly that text."""

from __future__ import annotations

import html
import re

import gradio as gr

from model.dialogue import ChatTemplate
from ui.transcript import (
    MAX_MESSAGE,
    Part,
    clean_message,
    kept_text,
    messages,
    whole_text,
    without_last_answer,
    without_last_exchange,
)

TRANSCRIPT = (Part("ROMEO:"), Part("\nI", 7), Part(" do", 8), Part("\n\nJULIET:"), Part("\nO", 9))


def test_parts_are_joined_with_nothing_between_them() -> None:
    assert whole_text(TRANSCRIPT, None) == "ROMEO:\nI do\n\nJULIET:\nO"


def test_an_answer_that_was_gone_on_with_stays_one_reply_of_a_template() -> None:
    template = ChatTemplate(user_prefix="<", user_suffix=">", reply_prefix="[", reply_suffix="]")
    assert whole_text(TRANSCRIPT, template) == "<ROMEO:>[\nI do]<\n\nJULIET:>[\nO"


def test_in_a_dialogue_every_part_keeps_its_speaker() -> None:
    template = ChatTemplate(
        "A: ", "\n", "B: ", "\n", ("A", "B", "C"), ("\n",), user_speaker="A", reply_speaker="B"
    )
    talk = (
        Part("Hi", speaker="A"),
        Part("Hel", 1, "C"),
        Part("lo", 2, "C", is_whole=True),
        Part("", 3, "B", is_whole=True),
    )
    assert whole_text(talk, template, "A") == "A: Hi\nC: Hello\nA: "
    assert whole_text(talk[:2], template, "C") == "A: Hi\nC: Hel"
    assert whole_text(talk[:2], template, "B") == "A: Hi\nC: Hel\nB: "
    assert kept_text(talk, template) == "A: Hi\nC: Hello"
    first, cut, rest, silent = [
        "".join(content["text"] for content in message["content"]) for message in messages(talk)
    ]
    assert ">A</b>Hi" in first
    assert ">C</b>" in cut
    assert "</b>" not in rest  # it goes on with what was cut, under the same name
    assert "says nothing" in silent


def test_a_speakers_name_puts_no_markup_on_the_page() -> None:
    (message,) = messages((Part("Hi", speaker="<img src=x>"),))
    assert "<img" not in str(message)


def test_another_answer_replaces_the_last_one_only() -> None:
    assert without_last_answer(TRANSCRIPT) == TRANSCRIPT[:-1]
    assert without_last_answer(TRANSCRIPT[:1]) == TRANSCRIPT[:1]
    assert without_last_answer(()) == ()


def test_undo_gives_back_the_message_and_a_continuation_has_none() -> None:
    assert without_last_exchange(TRANSCRIPT) == (TRANSCRIPT[:3], "\n\nJULIET:")
    assert without_last_exchange(TRANSCRIPT[:3]) == (TRANSCRIPT[:2], "")
    assert without_last_exchange(()) == ((), "")


def test_the_chatbot_keeps_every_character() -> None:
    for text in (
        "  a\tb \n\n c  ",
        "<b>&amp;*x*$y$</b>",
        'src="/file',
        "a\r\nb",
        "\n",
        " \n ",
        "\ufeff",
    ):
        value = gr.Chatbot().postprocess(messages((Part(text), Part(text, 5)))).model_dump()
        for message in value:
            shown = message["content"][-1]["text"]
            assert html.unescape(re.sub(r"<!--.*?-->", "", shown)) == text
            assert "<b" not in shown
            # Gradio's page draws nothing for what JavaScript's trim() leaves empty.
            assert shown.strip().strip("\ufeff")


def test_the_seed_is_beside_an_answer_and_not_in_it() -> None:
    (answer,) = messages((Part("text", 123),))
    assert "123" in answer["content"][0]["text"]
    assert answer["content"][1]["text"] == "text"


def test_of_an_endless_message_the_end_is_kept() -> None:
    assert clean_message("a" * 300_000 + "end") == "a" * (MAX_MESSAGE - 3) + "end"


def test_half_a_character_becomes_one_that_can_be_sent_back() -> None:
    assert clean_message("a\ud83db \U0001f600") == "a\ufffdb \U0001f600"
