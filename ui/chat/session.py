"""What an open page shows, and what becomes of it when something is sent, undone or changed.

Knows nothing about components or events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from jobs.models import ChosenModel
from model.chat.conversation import Conversation, Message, Speakers, model_key
from model.config import ModelConfig
from ui.chat.transcript import (
    another_version,
    bounded,
    clean_message,
    turned,
    without_last,
)


@dataclass
class Session:
    """Of an open page. Gradio keeps one for each; the page's events share it."""

    conversation: Conversation
    chosen: ChosenModel  # that answers
    before: Conversation | None = None  # which `undo` brings back
    edited: int | None = None  # the message in whose place the next one goes
    draft: str = ""  # what was being typed before that
    answer: object = None  # the one that is being written; replace it to end that answer

    @classmethod
    def of(cls, chosen: ChosenModel) -> Session:
        """What a page begins with."""
        return cls(first_conversation(chosen.config), chosen)

    def begin_answer(self, message: str | None, how: str | None) -> object:
        """Take in what is to be answered; returns what `answer` is, as long as that is written.

        Args:
            message: of the visitor; without one the model goes on.
            how: "retry" for another version of the last answer, "alone" or "send".
        """
        now = self.conversation
        speakers, transcript, said = now.speakers, now.transcript, clean_message(message)
        if how == "retry":
            last = transcript[-1] if transcript else Message("user", "")
            if last.stretches:
                again = Message(last.role, "", last.speaker)
                transcript = another_version(transcript, len(transcript) - 1, again)
        elif said and (speakers.template is None or said.strip()):
            new = Message("user", said, speakers.visitor)
            if self.edited is None:
                transcript = (*transcript, new)
            else:
                transcript = another_version(transcript, self.edited, new)
        now.identify()
        now.transcript, self.edited = bounded(transcript), None
        self.answer = object()
        return self.answer

    def undo(self) -> str:
        """Take back what was done last, and return what is to be in the message box then.

        That is an edit that isn't sent yet, or a version, or the last answer and what it answered,
        or else the end of the conversation before.
        """
        now, message = self.conversation, ""
        self.answer = None
        if self.edited is not None:
            message = self.end_edit() or ""
        elif now.transcript:
            now.transcript, message = without_last(now.transcript)
        elif self.before:
            self.turn_to(self.before)
            self.before = None
        return message

    def edit(self, index: int, typed: str) -> str:
        """Put the next message in the place of this one, and return the text that this one has.

        Args:
            index: of the message.
            typed: what was going to be sent instead; `end_edit` gives it back.
        """
        if self.edited is None:
            self.draft = typed
        self.answer, self.edited = None, index
        return self.conversation.transcript[index].text

    def end_edit(self) -> str | None:
        """Leave a message that is being edited as it was; None if there is none."""
        was_editing, self.edited = self.edited is not None, None
        return self.draft if was_editing else None

    def turn(self, index: int, step: int) -> None:
        """Show another version of a message, and what followed it."""
        self.answer = self.edited = None
        self.conversation.transcript = turned(self.conversation.transcript, index, step)

    def turn_to(self, conversation: Conversation) -> Conversation:
        """Show another conversation from now on, and return the one that is left."""
        left, self.conversation = self.conversation, conversation
        self.answer = self.edited = None
        self.before = left if left.transcript else self.before
        return left

    def leave(self, speakers: Speakers | None = None) -> Conversation:
        """Begin a new conversation of these speakers, or of the same; returns the one before."""
        now = self.conversation
        return self.turn_to(Conversation(now.model, speakers or now.speakers))

    def clear(self) -> Conversation:
        """The same, and returns what the browser is to keep of the one before: nothing."""
        return replace(self.leave(), transcript=())

    def choose(self, chosen: ChosenModel) -> Conversation:
        """Begin a new conversation with another model; returns the one before."""
        self.chosen = chosen
        left, self.before = self.turn_to(first_conversation(chosen.config)), None
        return left

    def to_file(self) -> str:
        """What `python -m model generate --from` needs to write the conversation again."""
        source = {"name": self.chosen.name, "revision": self.chosen.revision}
        data = {"source": source, **self.conversation.to_json()}
        return json.dumps(data, ensure_ascii=False, indent=2)


def first_conversation(config: ModelConfig) -> Conversation:
    """What one begins with, with a model."""
    return Conversation(model_key(config), Speakers.of(config.chat_template, config.is_list))
