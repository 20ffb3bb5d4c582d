"""What the chatbot is given means exactly the text that was written."""

from __future__ import annotations

import html
import re

import gradio as gr

from ui.chat.transcript import (
    MAX_MESSAGE,
    MAX_TRANSCRIPT,
    Message,
    bounded,
    chatbot_messages,
    clean_message,
)


def test_the_chatbot_keeps_every_character() -> None:
    odd = ("  a\tb \n\n c  ", "<b>&amp;*x*$y$</b>", 'src="/file', "a\r\nb", "\n", " \n ", "\ufeff")
    for text in odd:
        transcript = (Message("user", text, "A"), Message("assistant", text, seeds=(5,)))
        value = gr.Chatbot().postprocess(chatbot_messages(transcript))
        for message in value.model_dump():
            shown = message["content"][-1]["text"]
            assert html.unescape(re.sub(r"<!--.*?-->", "", shown)) == text
            assert "<b" not in shown
            # Gradio's page draws nothing for what JavaScript's trim() leaves empty.
            assert shown.strip().strip("\ufeff")


def test_a_message_is_kept_as_valid_text_of_bounded_length() -> None:
    assert clean_message("a" * 300_000 + "end") == "a" * (MAX_MESSAGE - 3) + "end"
    assert clean_message(None) == ""


def test_the_oldest_messages_go_when_a_transcript_is_too_long() -> None:
    transcript = tuple(Message("user", f"{n}" * 60_000) for n in range(5))
    assert bounded(transcript[:3]) == transcript[:3]
    assert bounded(transcript) == transcript[2:]
    assert bounded((Message("user", "a" * 2 * MAX_TRANSCRIPT),))
