"""The text that a visitor and the model write together, and how it is handed to Gradio's chatbot.

Knows nothing about events or generating. What is shown is what was typed and generated, character
by character, in a dialogue under the speaker's name; the chatbot shows HTML, so every text is
escaped on its way to it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from model.dialogue import Turn

MAX_MESSAGE = 100_000
"""Characters of one message that are kept: many times what the model reads."""

MAX_TRANSCRIPT = 200_000
"""Characters that a page keeps for a visitor, and so does the server."""

MAX_MESSAGES = 1_000
"""Messages of a transcript."""

# Gradio's page draws nothing at all for a text of nothing but white space, and an answer may well
# be a line break. A comment in front of it is no part of the text and makes it draw.
_DRAW = "<!---->"

_SEED_HELP = "The same seed, text and settings give the same answer again"


@dataclass(frozen=True)
class Message(Turn):
    """A turn as it is shown."""

    # that repeat the model's text: one, and one more each time a reply that was cut was continued
    seeds: tuple[int, ...] = ()


Transcript = tuple[Message, ...]


def clean_message(text: str | None) -> str:
    """A message as it is kept: the last `MAX_MESSAGE` characters; Gradio sends None for none."""
    return (text or "")[-MAX_MESSAGE:]


def bounded(transcript: Transcript) -> Transcript:
    """The transcript without its oldest messages, where it is too long or has too many."""
    transcript = transcript[-MAX_MESSAGES:]
    while len(transcript) > 1 and sum(len(m.text) for m in transcript) > MAX_TRANSCRIPT:
        transcript = transcript[1:]
    return transcript


def without_last_answer(transcript: Transcript) -> Transcript:
    """The transcript up to the model's last answer, which is left out."""
    if transcript and transcript[-1].role == "assistant":
        return transcript[:-1]
    return transcript


def without_last_exchange(transcript: Transcript) -> tuple[Transcript, str]:
    """The transcript before the last answer and the message that it answered; and that message."""
    left = without_last_answer(transcript)
    if left and left[-1].role == "user":
        return left[:-1], left[-1].text
    return left, ""


def chatbot_messages(transcript: Transcript) -> list[Any]:
    """The transcript as the value of a `gr.Chatbot` (render_markdown=False)."""
    values: list[Any] = []
    for message in transcript:
        texts = [text for text in (_above(message), _shown(message)) if text]
        # Given as a plain string it would go through inspect.cleandoc and lose its indentation.
        content = [{"type": "text", "text": text} for text in texts]
        values.append({"role": message.role, "content": content})
    return values


def _above(message: Message) -> str:
    """What stands above a message or beside it: the speaker's name, the seeds."""
    name = html.escape(message.speaker)
    above = f'<b class="speaker">{name}</b>' if name else ""
    if message.seeds:
        seeds = ", ".join(map(str, message.seeds))
        above += f'<small class="seed" title="{_SEED_HELP}"><span>seed </span>{seeds}</small>'
    return above


def _shown(message: Message) -> str:
    seen = message.text.replace("\ufeff", "")
    is_visible = bool(seen) and not seen.isspace()
    is_reply = message.role == "assistant" and (message.speaker or message.is_whole)
    if is_reply and not is_visible:
        return f'<i class="silence">{"says nothing" if message.is_whole else "..."}</i>'
    # A carriage return written as it is would be read as a line feed by the HTML parser.
    escaped = html.escape(message.text).replace("\r", "&#13;")
    return escaped if is_visible else _DRAW + escaped
