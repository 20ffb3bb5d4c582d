"""How the turns of a chat become the one text that the model continues.

A chat template is plain data (text before and after a turn, speakers, stop strings), never a
program. Without one, turns are joined exactly as they are shown, with nothing between them; with
one, what is fed looks like the corpus, whatever was typed and wherever an answer was cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

Role = Literal["user", "assistant"]

MOST_STRINGS = 100
"""Speakers or stop strings of a template."""

LONGEST_STRING = 1_000
"""Characters of each of a template's strings."""


@dataclass(frozen=True)
class Turn:
    """One message: the visitor's ("user") or the model's ("assistant").

    Args:
        role: whose it is.
        text: what was typed or generated.
        speaker: as whom, of the template's speakers; "" for the template's own.
        is_whole: nothing of a reply is missing, it ended by itself; another that stands last is
            gone on with.
    """

    role: Role
    text: str
    speaker: str = ""
    is_whole: bool = False


@dataclass(frozen=True)
class ChatTemplate:
    """Text put around turns, who speaks in the corpus, and strings that end a reply.

    Args:
        user_prefix: stands before what the visitor says, with the speaker's name.
        user_suffix: stands after it.
        reply_prefix: stands before what the model says.
        reply_suffix: stands after it.
        speakers: who speaks most in the corpus.
        stop: a reply ends before any of these.
        user_speaker: the visitor's name in `user_prefix`; "" where it has none.
        reply_speaker: the model's in `reply_prefix`.
    """

    user_prefix: str = ""
    user_suffix: str = ""
    reply_prefix: str = ""
    reply_suffix: str = ""
    speakers: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    user_speaker: str = ""
    reply_speaker: str = ""

    @classmethod
    def from_json(cls, data: object) -> ChatTemplate:
        """The template that `dataclasses.asdict` and JSON made of one; what is lacking is empty.

        Raises:
            ValueError: if anything is of the wrong kind, too long, or a stop string is empty.
        """
        if not isinstance(data, dict):
            raise ValueError("chat_template must be an object or null")
        values: dict[str, Any] = {}
        for entry in fields(cls):
            value = data.get(entry.name, entry.default)
            name = f"chat_template.{entry.name}"
            if entry.name in ("speakers", "stop"):
                if not isinstance(value, list | tuple) or len(value) > MOST_STRINGS:
                    raise ValueError(f"{name} must be a list of at most {MOST_STRINGS} strings")
                if not all(isinstance(text, str) and text for text in value):
                    raise ValueError(f"{name} must be a list of strings that are not empty")
                value = tuple(value)
            elif not isinstance(value, str):
                raise ValueError(f"{name} must be a string")
            longest = max(map(len, value), default=0) if isinstance(value, tuple) else len(value)
            if longest > LONGEST_STRING:
                raise ValueError(f"{name} is longer than {LONGEST_STRING:,} characters")
            values[entry.name] = value
        return cls(**values)

    @property
    def is_castable(self) -> bool:
        """Whether visitor and model may speak as others than the template's own two."""
        return len(self.speakers) > 1 and all(
            own in self.speakers and _named(prefix, own, "?") != prefix
            for own, prefix in (
                (self.user_speaker, self.user_prefix),
                (self.reply_speaker, self.reply_prefix),
            )
        )

    def speaker(self, turn: Turn) -> str:
        """Who says a turn; "" where the template has no names."""
        return turn.speaker or (self.user_speaker if turn.role == "user" else self.reply_speaker)

    def prefix(self, role: Role, speaker: str = "") -> str:
        """The text before a turn of this speaker."""
        if role == "user":
            return _named(self.user_prefix, self.user_speaker, speaker)
        return _named(self.reply_prefix, self.reply_speaker, speaker)

    def fitted(self, message: str) -> str:
        """A message as it may stand in the corpus: without what would end its turn.

        White space at its ends is left out. Inside, a stop string loses its first line break, or
        all of it where it has none.
        """
        if not self.stop:
            return message
        text = message.strip()
        while found := next((string for string in self.stop if string in text), None):
            if found.startswith("\n\n"):
                text = text.replace(found, found[1:])
            elif found.startswith("\n"):
                parts = [part.rstrip() for part in text.split(found)]
                if found.strip():
                    text = f" {found.strip()}".join(parts)
                else:
                    text = " ".join(part.strip() for part in parts if part)
            else:
                text = text.replace(found, "")
        return text.strip()

    def trimmed(self, reply: str) -> str:
        """A reply without an end that may be the beginning of a stop string: it was cut there."""
        return reply[: len(reply) - unfinished_stop(reply, self.stop)]


def unfinished_stop(text: str, stop: Sequence[str]) -> int:
    """How many characters at the end of a text are the beginning of a stop string, no whole one."""
    longest = max((len(string) for string in stop), default=0)
    for size in range(min(longest - 1, len(text)), 0, -1):
        if any(len(string) > size and string.startswith(text[-size:]) for string in stop):
            return size
    return 0


def conversation_text(
    turns: Sequence[Turn], template: ChatTemplate | None = None, speaker: str = ""
) -> str:
    """The exact text that the model is to continue.

    Without a template that is the turns, one after the other. With one, it ends where a reply of
    `speaker` ("" for the template's own) begins, or, if the last turn is an unfinished reply of
    theirs, inside that reply, which is gone on with. Turns that say nothing are left out.
    """
    if template is None:
        return "".join(turn.text for turn in turns)
    parts, said = _parts(turns, template)
    last = said[-1] if said else Turn("user", "")
    is_unfinished = last.role == "assistant" and not last.is_whole
    if is_unfinished and template.speaker(last) == (speaker or template.reply_speaker):
        return "".join(parts[:-1])
    return "".join(parts) + template.prefix("assistant", speaker)


def written_text(turns: Sequence[Turn], template: ChatTemplate | None = None) -> str:
    """The text that the turns make, to keep: as `conversation_text`, but nothing is begun."""
    if template is None:
        return "".join(turn.text for turn in turns)
    parts, _ = _parts(turns, template)
    return "".join(parts[:-1])


def _parts(turns: Sequence[Turn], template: ChatTemplate) -> tuple[list[str], list[Turn]]:
    """Prefix, text and suffix of each turn that says something, in order; and those turns."""
    parts: list[str] = []
    said: list[Turn] = []
    for turn in turns:
        if turn.role == "user":
            text, suffix = template.fitted(turn.text), template.user_suffix
        else:
            text, suffix = template.trimmed(turn.text), template.reply_suffix
        if text.strip():
            parts += [template.prefix(turn.role, turn.speaker), text, suffix]
            said.append(turn)
    return parts, said


def _named(prefix: str, own: str, speaker: str) -> str:
    """A prefix in which `own` stands, with another speaker's name in its place."""
    if not own or not speaker or own == speaker:
        return prefix
    # Not inside a word: "A" is no part of "AM".
    return re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", lambda _: speaker, prefix, count=1)
