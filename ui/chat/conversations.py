"""The sidebar that lists the conversations that the visitor's browser keeps.

The browser stores, lists, renames and deletes (conversations.js); nothing of it is kept here.
"""

from __future__ import annotations

import json

import gradio as gr

from model.chat.conversation import Conversation

UNKEPT = "Your browser can't keep this: its storage is full or switched off."
"""Said where storage is refused: what is written is gone when the page is closed."""


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
                " // 'open', 'drop', 'refused', 'edit', 'turn'",
            )
            """Output for `record`. Its event `open` brings a conversation to show; `drop` says that
            the one that is shown is deleted, `refused` that the browser keeps nothing. `edit`
            and `turn`, to another version, are the buttons at a message, and bring its index."""

    @staticmethod
    def record(shown: Conversation, changed: Conversation) -> str:
        """What the browser should know: which conversation is shown now, and which has changed."""
        told = {"model": shown.model, "shown": shown.id, "changed": changed.to_json()}
        # Gradio warns of "<script" in any HTML, which this isn't.
        return json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
