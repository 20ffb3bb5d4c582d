"""How the turns of a conversation become the one text that the model continues.

A chat template is plain data (text before and after a turn, speakers, stop strings), never a
program. Without one, turns are joined exactly as they are shown; with one, the model is fed what
looks like its corpus, whatever the visitor typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

_MOST_PASSES = 50

Role = Literal["user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One message: the visitor's ("user") or the model's ("assistant")."""

    role: Role
    text: str
    speaker: str = ""  # as whom, of the template's speakers; "" for the template's own
    is_whole: bool = False  # the model ended this reply itself; it wasn't cut


@dataclass(frozen=True)
class ChatTemplate:
    """The text around turns, the corpus's speakers, and the strings that end a reply."""

    user_prefix: str = ""  # before what the visitor says, with the speaker's name
    user_suffix: str = ""
    reply_prefix: str = ""  # before what the model says
    reply_suffix: str = ""
    speakers: tuple[str, ...] = ()  # who speaks most in the corpus
    stop: tuple[str, ...] = ()  # a reply ends before any of these
    user_speaker: str = ""  # the name in `user_prefix`; "" where it has none
    reply_speaker: str = ""  # the same for `reply_prefix`

    @classmethod
    def from_json(cls, data: object) -> ChatTemplate:
        """A template from what `dataclasses.asdict` and JSON made of it; missing fields are empty.

        Raises:
            ValueError: if a field has the wrong type or is too long, or a stop string is empty.
        """
        if not isinstance(data, dict):
            raise ValueError("chat_template must be an object or null")
        values: dict[str, Any] = {}
        for field in fields(cls):
            value, is_list = data.get(field.name, field.default), field.default == ()
            texts = value if is_list else [value]
            is_usable = (
                isinstance(texts, list | tuple)
                and len(texts) <= 100
                and all(isinstance(text, str) and len(text) <= 1_000 for text in texts)
                and not (is_list and "" in texts)
            )
            if not is_usable:
                kind = "a list of at most 100 strings that are not empty" if is_list else "a string"
                raise ValueError(
                    f"chat_template.{field.name} must be {kind} (at most 1,000 characters)"
                )
            values[field.name] = tuple(texts) if is_list else value
        return cls(**values)

    @property
    def has_choice_of_speakers(self) -> bool:
        """Whether visitor and model may speak as others than the template's own two."""
        own = ((self.user_speaker, self.user_prefix), (self.reply_speaker, self.reply_prefix))
        return len(self.speakers) > 1 and all(
            name in self.speakers and _named(prefix, name, "?") != prefix for name, prefix in own
        )

    def prefix(self, role: Role, speaker: str = "") -> str:
        """The text before a turn of this speaker."""
        if role == "user":
            return _named(self.user_prefix, self.user_speaker, speaker)
        return _named(self.reply_prefix, self.reply_speaker, speaker)

    def fitted(self, message: str) -> str:
        """A message as the corpus could hold it: nothing in it ends the turn.

        White space at its ends is left out. A stop string inside it loses its first line break; one
        without any is left out.
        """
        if not self.stop:
            return message
        text, passes = message.strip(), 0
        while found := next((string for string in self.stop if string in text), None):
            passes += 1
            if passes > _MOST_PASSES:  # nobody's speech: each pass makes new ones
                text = text[: text.index(found)]
            elif found == "\n":
                lines = (line.strip() for line in text.split(found))
                text = " ".join(line for line in lines if line)
            elif found.startswith("\n"):
                rest = found[1:]
                text = text.replace(found, rest if rest[0].isspace() else f" {rest}")
            else:
                text = text.replace(found, "")
        return text.strip()

    def trimmed(self, reply: str) -> str:
        """A reply that was cut, without an end that may be the beginning of a stop string."""
        return reply[: len(reply) - unfinished_stop(reply, self.stop)]

    def is_unfinished(self, turns: Sequence[Turn], speaker: str = "") -> bool:
        """Whether the last turn is a reply of `speaker` that was cut: the model continues it."""
        last = turns[-1] if turns else Turn("user", "")
        own = self.reply_speaker
        is_open = last.role == "assistant" and not last.is_whole and bool(last.text.strip())
        return is_open and (last.speaker or own) == (speaker or own)


def unfinished_stop(text: str, stop: Sequence[str]) -> int:
    """How many characters at the end of a text begin a stop string that isn't complete there."""
    sizes = (
        size
        for string in stop
        for size in range(1, min(len(string), len(text) + 1))
        if text[-1:] == string[size - 1] and text.endswith(string[:size])
    )
    return max(sizes, default=0)


def conversation_text(
    turns: Sequence[Turn], template: ChatTemplate | None = None, speaker: str = ""
) -> str:
    """The exact text that the model is to continue.

    Without a template that is the turns, one after the other. With one, it ends inside an
    unfinished reply of `speaker` ("" for the template's own), or where a new one begins.
    """
    if template is None or template.is_unfinished(turns, speaker):
        return written_text(turns, template)
    return "".join(_parts(turns, template)) + template.prefix("assistant", speaker)


def written_text(turns: Sequence[Turn], template: ChatTemplate | None = None) -> str:
    """The text of the turns alone, to keep. Turns of a dialogue that say nothing are left out."""
    if template is None:
        return "".join(turn.text for turn in turns)
    return "".join(_parts(turns, template)[:-1])


def _parts(turns: Sequence[Turn], template: ChatTemplate) -> list[str]:
    """Prefix, text and suffix of each turn that says something, in order."""
    parts: list[str] = []
    for turn in turns:
        is_visitor = turn.role == "user"
        text = template.fitted(turn.text) if is_visitor else turn.text
        if text.strip():
            suffix = template.user_suffix if is_visitor else template.reply_suffix
            parts += [template.prefix(turn.role, turn.speaker), text, suffix]
    return parts


def _named(prefix: str, own: str, speaker: str) -> str:
    """A prefix in which `own` stands, with another speaker's name in its place."""
    if not own or not speaker or own == speaker:
        return prefix
    # Not inside a word: "A" is no part of "AM".
    return re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", lambda _: speaker, prefix, count=1)
