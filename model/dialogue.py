"""How the turns of a chat become the one text that the model continues.

A chat template is plain data (text before and after a turn, speakers, stop strings), never a
program. Without one, turns are joined exactly as they are shown, with nothing between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Turn:
    """One message: the visitor's ("user") or the model's ("assistant")."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class ChatTemplate:
    """Text put around turns, who speaks in the corpus, and strings that end a reply."""

    user_prefix: str = ""
    user_suffix: str = ""
    reply_prefix: str = ""
    reply_suffix: str = ""
    speakers: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()


PLAIN = ChatTemplate()


def conversation_text(turns: Sequence[Turn], template: ChatTemplate | None = None) -> str:
    """The exact text that the model is to continue.

    If the last turn is the visitor's, the text ends where the reply begins (`reply_prefix`
    included); if it is the model's own, the text ends inside that reply, which is gone on with.
    """
    form = template or PLAIN
    parts: list[str] = []
    for position, turn in enumerate(turns):
        is_last = position == len(turns) - 1
        if turn.role == "user":
            parts += [form.user_prefix, turn.text, form.user_suffix, form.reply_prefix]
        else:
            parts += [turn.text, "" if is_last else form.reply_suffix]
    return "".join(parts)
