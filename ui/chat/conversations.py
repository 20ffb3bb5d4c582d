"""A conversation, as the visitor's browser keeps it, and the sidebar that lists what it keeps.

The browser stores, lists, renames and deletes (conversations.js); nothing of it is kept here. What
a browser sends back may have been written by anybody, so all of it is checked.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any, get_args

import gradio as gr

from model.config import ModelConfig
from model.dialogue import ChatTemplate, Role
from model.schema import read_json
from ui.chat.speakers import Speakers
from ui.chat.transcript import MAX_MESSAGES, MAX_TRANSCRIPT, Message, Transcript

UNKEPT = "Your browser can't keep this: its storage is full or switched off."
"""Said where storage is refused: what is written is gone when the page is closed."""

_MOST_SEEDS = 1_000  # of a message
_LARGEST_SEED = 2**64


@dataclass
class Conversation:
    """What was written with one model in one form: a dialogue of two, one text, or a list."""

    model: str  # from `model_key`
    speakers: Speakers
    transcript: Transcript = ()
    id: str = ""  # "" until something is written

    def identify(self) -> None:
        """Give it an id, by which a browser keeps it, unless it has one."""
        self.id = self.id or secrets.token_hex(8)

    def to_json(self) -> dict[str, Any]:
        """JSON data, from which `read_conversation` makes the same again."""
        return {
            "id": self.id,
            "model": self.model,
            "is_dialogue": self.speakers.template is not None,
            "visitor_speaker": self.speakers.visitor,
            "model_speaker": self.speakers.model,
            "messages": [asdict(message) for message in self.transcript],
        }


def model_key(config: ModelConfig) -> str:
    """What tells a model's conversations from another's."""
    return hashlib.sha256(config.to_json().encode()).hexdigest()[:16]


def read_conversation(text: object, model: str, config: ModelConfig) -> Conversation:
    """The conversation of a text that a browser has sent.

    Raises:
        ValueError: if it isn't one that this page has written with this model.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")
    data, template = read_json(text), config.chat_template
    try:
        if data["model"] != model or not _is_id(data["id"]):
            raise ValueError("of another model, or without an id")
        speakers = Speakers(is_list=config.is_list)
        if data["is_dialogue"]:
            if template is None:
                raise ValueError("the model knows no dialogue")
            visitor, answers = data["visitor_speaker"], data["model_speaker"]
            speakers = Speakers(template, _speaker(visitor, template), _speaker(answers, template))
        messages = data["messages"]
        if not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
            raise ValueError("not a list of messages, or too many")
        transcript = tuple(_message(message, speakers.template) for message in messages)
    except (KeyError, TypeError) as error:
        raise ValueError("not a conversation") from error
    if sum(len(message.text) for message in transcript) > MAX_TRANSCRIPT:
        raise ValueError("too long")
    return Conversation(model, speakers, transcript, data["id"])


def _message(data: Any, template: ChatTemplate | None) -> Message:
    role, text, is_whole, seeds = data["role"], data["text"], data["is_whole"], data["seeds"]
    if role not in get_args(Role) or type(text) is not str or type(is_whole) is not bool:
        raise ValueError("not a message")
    if not isinstance(seeds, list) or len(seeds) > _MOST_SEEDS:
        raise ValueError("not a list of seeds, or too many")
    if not all(type(seed) is int and abs(seed) < _LARGEST_SEED for seed in seeds):
        raise ValueError("not a seed")
    return Message(role, text, _speaker(data["speaker"], template), is_whole, tuple(seeds))


def _speaker(name: Any, template: ChatTemplate | None) -> str:
    known = {""}
    if template is not None:
        known |= {template.user_speaker, template.reply_speaker, *template.speakers}
    if type(name) is not str or name not in known:
        raise ValueError("nobody whom the model knows")
    return name


def _is_id(text: object) -> bool:
    return isinstance(text, str) and len(text) <= 40 and text.isascii() and text.isalnum()


class ConversationsPanel:
    """The sidebar; made inside a `gr.Blocks`.

    Args:
        first: that the page begins with.
    """

    def __init__(self, first: Conversation) -> None:
        # conversations.js opens it where there is room.
        with gr.Sidebar(open=False, width=270, elem_id="sidebar"):
            self.new = gr.Button("New", size="sm", elem_id="new")
            self.list = gr.HTML(
                self.record(first, first),
                elem_id="conversations",
                unkept=UNKEPT,
                html_template="",
                apply_default_css=False,
                # Gradio looks here for the names of events.
                js_on_load="window.charlstm.conversations(element, trigger, props, watch)"
                " // 'open', 'drop', 'refused'",
            )
            """Output for `record`. Its event `open` brings a conversation to show; `drop` says that
            the one that is shown is deleted, `refused` that the browser keeps nothing."""

    @staticmethod
    def record(shown: Conversation, changed: Conversation) -> str:
        """What the browser should know: which conversation is shown now, and which has changed."""
        told = {"model": shown.model, "shown": shown.id, "changed": changed.to_json()}
        # Gradio warns of "<script" in any HTML, which this isn't.
        return json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
