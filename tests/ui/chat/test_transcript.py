"""What the chatbot is given means exactly the text that was written."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import gradio as gr

from model.chat.conversation import (
    MAX_TRANSCRIPT,
    Conversation,
    Message,
    Speakers,
    Stretch,
    Transcript,
    size,
)
from model.sampling import SamplingParams
from model.schema import read_json
from ui.chat.transcript import (
    MAX_MESSAGE,
    another_version,
    bounded,
    chatbot_messages,
    clean_message,
    turned,
    without_last,
)

WRITTEN = (Stretch(1, SamplingParams(seed=5)),)


def test_the_chatbot_keeps_every_character() -> None:
    odd = ("  a\tb \n\n c  ", "<b>&amp;*x*$y$</b>", 'src="/file', "a\r\nb", "\n", " \n ", "\ufeff")
    for text in odd:
        transcript = (Message("user", text, "A"), Message("assistant", text, stretches=WRITTEN))
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
    short = tuple(Message("user", f"{n}") for n in range(2_000))
    assert bounded(short) == short[-len(bounded(short)) :]
    assert 900 < len(bounded(short)) <= 1_000


def said(*texts: str) -> Transcript:
    roles: tuple[Any, ...] = ("user", "assistant")
    return tuple(Message(roles[n % 2], text) for n, text in enumerate(texts))


def texts(transcript: Transcript) -> list[str]:
    return [message.text for message in transcript]


def test_versions_of_a_message_are_gone_through_each_with_what_followed() -> None:
    three = another_version(said("Hi", "one"), 1, Message("assistant", "two"))
    three = another_version(three, 1, Message("assistant", "three"))
    assert [texts(turned(three, 1, step)) for step in (0, 1, 2, 3)] == [
        ["Hi", "three"], ["Hi", "one"], ["Hi", "two"], ["Hi", "three"]
    ]  # fmt: skip
    assert turned(turned(three, 1, -1), 1, 1) == three
    longer = (*turned(three, 1, -1), *said("and", "so on"))
    edited = another_version(longer, 0, Message("user", "Ho"))
    assert texts(edited) == ["Ho"]
    assert turned(edited, 0, -1)[1:] == longer[1:]  # with their own versions
    assert texts(turned(turned(edited, 0, 1), 1, 1)) == ["Hi", "three"]
    assert turned(turned(edited, 0, 1), 0, 1) == edited


def test_undo_brings_the_version_before_back_and_only_then_takes_the_message() -> None:
    first = said("Hi", "one", "Then?", "then")
    edited = (*another_version(first, 0, Message("user", "Ho")), Message("assistant", "what"))
    again = another_version(edited, 1, Message("assistant", "which"))
    assert without_last(again) == (edited, "")
    assert without_last(edited) == (first, "Ho")
    assert without_last(first) == (first[:2], "Then?")
    assert without_last(first[:2]) == ((), "Hi")
    assert without_last(first[:1]) == ((), "Hi")
    assert without_last(first[1:2]) == ((), "")


def test_versions_are_no_end_of_memory_or_depth() -> None:
    transcript = said("Hi", "a" * 10_000)
    for n in range(100):
        transcript = bounded(another_version(transcript, 1, Message("assistant", f"{n}" * 2_000)))
    assert size(transcript) <= MAX_TRANSCRIPT
    assert len(transcript[1].others) == 20
    for n in range(60, 0, -1):  # each holds those before it
        longer = (*said(*"abc" * 20)[:n], *transcript)
        transcript = another_version(longer, n, Message("user", "x"))
    told = Conversation("key", Speakers(), transcript, "id").to_json()
    assert read_json(json.dumps(told))
