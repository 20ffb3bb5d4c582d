"""The text that a visitor and the model write together, and how it is handed to Gradio's chatbot.

Knows nothing about events or generating. What is shown is what was typed and generated, character
by character; the chatbot shows HTML, so every text is escaped on its way to it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.dialogue import ChatTemplate, Turn, conversation_text

MAX_MESSAGE = 100_000
"""Characters of one message that are kept: many times what the model reads."""

# Gradio's page draws nothing at all for a text of nothing but white space, and an answer may well
# be a line break. A comment in front of it is no part of the text and makes it draw.
_DRAW = "<!---->"


@dataclass(frozen=True)
class Part:
    """A stretch of the text: the visitor's, or, with the seed that repeats it, the model's."""

    text: str
    seed: int | None = None


Transcript = tuple[Part, ...]


def clean_message(text: str) -> str:
    """A message as it is kept: at most `MAX_MESSAGE` characters (the last ones), valid Unicode."""
    # A lone surrogate can be typed in JSON, but is no character and can't be sent back as UTF-8.
    valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return valid[-MAX_MESSAGE:]


def whole_text(transcript: Transcript, template: ChatTemplate | None) -> str:
    """The exact text that the model continues: what is copied, downloaded and fed."""
    turns: list[Turn] = []
    for part in transcript:
        if part.seed is None:
            turns.append(Turn("user", part.text))
        elif turns and turns[-1].role == "assistant":
            # Gone on with by an empty message: one reply, though it came in two answers.
            turns[-1] = Turn("assistant", turns[-1].text + part.text)
        else:
            turns.append(Turn("assistant", part.text))
    return conversation_text(turns, template)


def without_last_answer(transcript: Transcript) -> Transcript:
    """The transcript up to the model's last answer, which is left out."""
    if transcript and transcript[-1].seed is not None:
        return transcript[:-1]
    return transcript


def without_last_exchange(transcript: Transcript) -> tuple[Transcript, str]:
    """The transcript before the last answer and the message that it answered; and that message."""
    left = without_last_answer(transcript)
    if left and left[-1].seed is None:
        return left[:-1], left[-1].text
    return left, ""


def messages(transcript: Sequence[Part]) -> list[Any]:
    """The transcript as the value of a `gr.Chatbot` (render_markdown=False)."""
    return [
        {"role": "user", "content": [_content(part.text)]}
        if part.seed is None
        else {"role": "assistant", "content": [_seed(part.seed), _content(part.text)]}
        for part in transcript
    ]


def _content(text: str) -> dict[str, str]:
    # Given as a plain string it would go through inspect.cleandoc and lose its indentation.
    return {"type": "text", "text": _escaped(text)}


def _seed(seed: int) -> dict[str, str]:
    label = "With this seed, and the same text and settings, the same answer comes again"
    return {
        "type": "text",
        "text": f'<small class="seed" title="{label}"><span>seed </span>{seed}</small>',
    }


def _escaped(text: str) -> str:
    # A carriage return written as it is would be read as a line feed by the HTML parser.
    escaped = html.escape(text).replace("\r", "&#13;")
    is_visible = any(not (character.isspace() or character == "\ufeff") for character in text)
    return escaped if is_visible else _DRAW + escaped
