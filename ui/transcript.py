"""The text that a visitor and the model write together, and how it is handed to Gradio's chatbot.

Knows nothing about events or generating. What is shown is what was typed and generated, character
by character, in a dialogue under the speaker's name; the chatbot shows HTML, so every text is
escaped on its way to it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.dialogue import ChatTemplate, Role, Turn, conversation_text, written_text

MAX_MESSAGE = 100_000
"""Characters of one message that are kept: many times what the model reads."""

# Gradio's page draws nothing at all for a text of nothing but white space, and an answer may well
# be a line break. A comment in front of it is no part of the text and makes it draw.
_DRAW = "<!---->"


@dataclass(frozen=True)
class Part:
    """A stretch of the text: the visitor's, or, with the seed that repeats it, the model's.

    Args:
        text: as it was typed or generated.
        seed: None for the visitor's.
        speaker: who says it, in a dialogue whose speakers have names; "" otherwise.
        is_whole: the model ended it itself, as a turn of a dialogue.
    """

    text: str
    seed: int | None = None
    speaker: str = ""
    is_whole: bool = False


Transcript = tuple[Part, ...]


def clean_message(text: str) -> str:
    """A message as it is kept: at most `MAX_MESSAGE` characters (the last ones), valid Unicode."""
    # A lone surrogate can be typed in JSON, but is no character and can't be sent back as UTF-8.
    valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return valid[-MAX_MESSAGE:]


def whole_text(transcript: Transcript, template: ChatTemplate | None, speaker: str = "") -> str:
    """The exact text that the model continues, in a dialogue as `speaker`."""
    return conversation_text(_turns(transcript), template, speaker)


def kept_text(transcript: Transcript, template: ChatTemplate | None) -> str:
    """The text as it is copied and downloaded."""
    return written_text(_turns(transcript), template)


def _turns(transcript: Transcript) -> list[Turn]:
    turns: list[Turn] = []
    before: Part | None = None
    for part in transcript:
        role: Role = "user" if part.seed is None else "assistant"
        text = part.text
        if before is not None and _goes_on(before, part):
            text = turns.pop().text + text
        turns.append(Turn(role, text, part.speaker, part.is_whole))
        before = part
    return turns


def _goes_on(before: Part, part: Part) -> bool:
    """Whether an answer goes on with the one before: one reply that came in two answers."""
    is_answer = before.seed is not None and part.seed is not None
    return is_answer and not before.is_whole and before.speaker == part.speaker


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
    values: list[Any] = []
    before: Part | None = None
    for part in transcript:
        # What goes on with a reply needs no name again.
        name = "" if before is not None and _goes_on(before, part) else part.speaker
        above = _above(name, part.seed)
        content = [*([_html(above)] if above else []), _html(_shown(part))]
        values.append({"role": "user" if part.seed is None else "assistant", "content": content})
        before = part
    return values


def _html(text: str) -> dict[str, str]:
    # Given as a plain string it would go through inspect.cleandoc and lose its indentation.
    return {"type": "text", "text": text}


def _above(name: str, seed: int | None) -> str:
    """What stands above a part or beside it: the speaker's name, the seed."""
    above = f'<b class="speaker">{html.escape(name)}</b>' if name else ""
    if seed is not None:
        label = "With this seed, and the same text and settings, the same answer comes again"
        above += f'<small class="seed" title="{label}"><span>seed </span>{seed}</small>'
    return above


def _shown(part: Part) -> str:
    in_dialogue = part.speaker or part.is_whole
    if part.seed is not None and in_dialogue and not _is_visible(part.text):
        return f'<i class="silence">{"says nothing" if part.is_whole else "..."}</i>'
    return _escaped(part.text)


def _escaped(text: str) -> str:
    # A carriage return written as it is would be read as a line feed by the HTML parser.
    escaped = html.escape(text).replace("\r", "&#13;")
    return escaped if _is_visible(text) else _DRAW + escaped


def _is_visible(text: str) -> bool:
    return any(not (character.isspace() or character == "\ufeff") for character in text)
