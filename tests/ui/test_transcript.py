"""What the chatbot is given means exactly the text that was written."""

from __future__ import annotations

import html
import re

import gradio as gr

from ui.transcript import (
    MAX_MESSAGE,
    Message,
    chatbot_messages,
    clean_message,
    without_last_answer,
    without_last_exchange,
)


def said(text: str, speaker: str = "") -> Message:
    return Message("user", text, speaker)


def answered(text: str, *seeds: int, speaker: str = "", is_whole: bool = False) -> Message:
    return Message("assistant", text, speaker, is_whole, seeds)


TRANSCRIPT = (said("ROMEO:"), answered("\nI", 7), answered(" do", 8), said("J:"), answered("O", 9))


def test_speakers_and_seeds_stand_above_and_never_in_the_text() -> None:
    talk = (
        said("Hi", "A"),
        answered("Hello", 1, 2, speaker="<img src=x>"),
        answered("", 3, speaker="B", is_whole=True),
    )
    hi, hello, silence = (message["content"] for message in chatbot_messages(talk))
    assert ">A</b>" in hi[0]["text"]
    assert hi[1]["text"] == "Hi"
    assert ">1, 2</small>" in re.sub("<span>.*?</span>", "", hello[0]["text"])
    assert hello[1]["text"] == "Hello"
    assert "says nothing" in silence[1]["text"]
    assert "<img" not in str(hello)


def test_undo_takes_the_last_answer_and_gives_back_the_message_if_there_was_one() -> None:
    assert without_last_answer(TRANSCRIPT) == TRANSCRIPT[:-1]
    assert without_last_answer(TRANSCRIPT[:1]) == TRANSCRIPT[:1]
    assert without_last_exchange(TRANSCRIPT) == (TRANSCRIPT[:3], "J:")
    assert without_last_exchange(TRANSCRIPT[:3]) == (TRANSCRIPT[:2], "")
    assert without_last_exchange(()) == ((), "")


def test_the_chatbot_keeps_every_character() -> None:
    odd = ("  a\tb \n\n c  ", "<b>&amp;*x*$y$</b>", 'src="/file', "a\r\nb", "\n", " \n ", "\ufeff")
    for text in odd:
        value = gr.Chatbot().postprocess(chatbot_messages((said(text), answered(text, 5))))
        for message in value.model_dump():
            shown = message["content"][-1]["text"]
            assert html.unescape(re.sub(r"<!--.*?-->", "", shown)) == text
            assert "<b" not in shown
            # Gradio's page draws nothing for what JavaScript's trim() leaves empty.
            assert shown.strip().strip("\ufeff")


def test_a_message_is_kept_as_valid_text_of_bounded_length() -> None:
    assert clean_message("a" * 300_000 + "end") == "a" * (MAX_MESSAGE - 3) + "end"
    assert clean_message("a\ud83db \U0001f600") == "a\ufffdb \U0001f600"
